"""Wrong implementations of lesson 4, each with a name and a hint."""

import math

import torch

from course.mistakes import mistake
from lib import quantizer
from lib.codes import code_range
from lib.ste import roundpass
from tests.mistakes.quantizer_module import *  # noqa: F403
from tests.mistakes.quantizer_scales import *  # noqa: F403


def energy(x):
    return x.double().square().sum()


@mistake("sqnr", name="20·log10 in place of 10·log10", hint="The sums are of squares already: powers take 10·log10.")
def twenty(x, x_hat):
    return 2 * quantizer.sqnr(x, x_hat)


@mistake("sqnr", name="the natural logarithm", hint="Decibels count powers of ten: `torch.log10`.")
def natural(x, x_hat):
    return (10 * torch.log(energy(x) / energy(x - x_hat))).item()


@mistake("sqnr", name="noise over signal", hint="A better quantizer should get a larger number.")
def upside_down(x, x_hat):
    return -quantizer.sqnr(x, x_hat)


@mistake("sqnr", name="magnitudes in place of squares", hint="Power is the square of a value, not its magnitude.")
def magnitudes(x, x_hat):
    return (10 * torch.log10(x.abs().sum() / (x - x_hat).abs().sum())).item()


@mistake("sqnr", name="20·log10 of the sums of magnitudes", hint="Square first and sum then: (Σ|x|)² is not Σ x².")
def magnitudes_twenty(x, x_hat):
    return (20 * torch.log10(x.abs().sum() / (x - x_hat).abs().sum())).item()


@mistake("sqnr", name="the signs are lost", hint="The error is x − x̂, not |x| − |x̂|.")
def sizes_only(x, x_hat):
    return quantizer.sqnr(x.abs(), x_hat.abs())


@mistake("sqnr", name="nothing below 0 dB", hint="An error larger than the signal has a negative SQNR.")
def never_negative(x, x_hat):
    return max(0.0, quantizer.sqnr(x, x_hat))


@mistake("sqnr", name="a mean of the rows' decibels", hint="Sum over all elements, and take one logarithm.")
def mean_of_rows(x, x_hat):
    rows = [quantizer.sqnr(a, b) for a, b in zip(x, x_hat, strict=True)]
    return sum(rows) / len(rows)


@mistake("sqnr", name="x is overwritten", hint="`x - x_hat` makes a new tensor; `x -= x_hat` and `x.sub_` change x.")
def overwritten(x, x_hat):
    signal = energy(x)
    noise = energy(x.sub_(x_hat))
    return (10 * torch.log10(signal / noise)).item() if noise > 0 else math.inf


@mistake("sqnr", name="a small number below the fraction", hint="It is not needed: without an error return math.inf.")
def padded(x, x_hat):
    return (10 * torch.log10(energy(x) / (energy(x - x_hat) + 1e-12))).item()


@mistake("sqnr", name="the quantized tensor taken for the signal", hint="The signal is x; x̂ is signal and noise.")
def wrong_signal(x, x_hat):
    return (10 * torch.log10(energy(x_hat) / energy(x - x_hat))).item()


@mistake("sqnr", name="the peak taken for the signal", hint="That is the peak ratio, PSNR. Sum x² over all elements.")
def peak(x, x_hat):
    return (10 * torch.log10(x.abs().max() ** 2 / (x - x_hat).square().mean())).item()


@mistake("sqnr", name="the mean is taken away first", hint="Σ x² is not the variance: subtract nothing from x.")
def centred(x, x_hat):
    noise = x - x_hat
    return (10 * torch.log10(energy(x - x.mean()) / energy(noise - noise.mean()))).item()


@mistake("sqnr", name="a mean of ratios", hint="Sum first, and divide the two sums once.")
def mean_of_ratios(x, x_hat):
    return (10 * torch.log10((x.square() / (x - x_hat).square()).mean())).item()


@mistake("sqnr", name="0 / 0 for zeros without an error", hint="Return math.inf wherever the error is 0.")
def not_a_number(x, x_hat):
    return (10 * torch.log10(energy(x) / energy(x - x_hat))).item()


@mistake("affine_parameters", name="2^bits gaps", hint="Between 2^bits codes there are 2^bits − 1 gaps.")
def too_many_gaps(low, high, bits):
    scale, zero_point = quantizer.affine_parameters(low, high, bits)
    return scale * (2**bits - 1) / 2**bits, round(zero_point * 2**bits / (2**bits - 1))


@mistake("affine_parameters", name="the range is not widened", hint="Is 0 inside the range 1 to 7? It needs a code.")
def as_given(low, high, bits):
    _, qmax = code_range(bits, signed=False)
    if not -math.inf < low <= high < math.inf:
        raise ValueError("bad range")
    scale = (high - low) / qmax or 1.0
    return scale, round(-low / scale)


@mistake("affine_parameters", name="only the low end is widened", hint="And a range of negative numbers?")
def low_only(low, high, bits):
    return as_given(min(low, 0.0), high, bits)


@mistake("affine_parameters", name="the zero point is cut off", hint="Round −low / scale to the nearest integer.")
def cut_off(low, high, bits):
    scale, _ = quantizer.affine_parameters(low, high, bits)
    return scale, int(-min(low, 0.0) / scale)


@mistake("affine_parameters", name="the zero point is not rounded", hint="A code is an integer, that of 0 too.")
def not_rounded(low, high, bits):
    scale, _ = quantizer.affine_parameters(low, high, bits)
    return scale, -min(low, 0.0) / scale


@mistake("affine_parameters", name="the zero point is rounded up", hint="To the nearest integer: `round`.")
def rounded_up(low, high, bits):
    scale, _ = quantizer.affine_parameters(low, high, bits)
    return scale, math.ceil(-min(low, 0.0) / scale)


@mistake("affine_parameters", name="the zero point is a float", hint="`round(…)` of a Python float gives an int.")
def float_code(low, high, bits):
    scale, zero_point = quantizer.affine_parameters(low, high, bits)
    return scale, float(zero_point)


@mistake("affine_parameters", name="(zero point, scale)", hint="Return the scale first, then the zero point.")
def swapped(low, high, bits):
    return quantizer.affine_parameters(low, high, bits)[::-1]


@mistake(
    "affine_parameters",
    name="scale 1 wherever low = high",
    hint="A range of one number other than 0 is widened to hold 0 first, and then it is no longer empty.",
)
def point_range(low, high, bits):
    scale, zero_point = quantizer.affine_parameters(low, high, bits)
    return (1.0, 0) if low == high else (scale, zero_point)


@mistake("affine_parameters", name="the zero point is negative", hint="`low` has code 0; 0 lies −low / scale above it.")
def negative(low, high, bits):
    scale, zero_point = quantizer.affine_parameters(low, high, bits)
    return scale, -zero_point


@mistake("affine_parameters", name="the zero point is in the middle", hint="Where 0 lies depends on low and high.")
def middle(low, high, bits):
    scale, _ = quantizer.affine_parameters(low, high, bits)
    return scale, 2 ** (bits - 1)


@mistake("affine_parameters", name="scale 0 for a range of nothing", hint="x / 0 comes next. Put scale 1 there.")
def no_scale(low, high, bits):
    scale, zero_point = quantizer.affine_parameters(low, high, bits)
    return (scale if max(high, 0.0) > min(low, 0.0) else 0.0), zero_point


@mistake("affine_parameters", name="scale 1 for a tiny range", hint="Only a scale of exactly 0 becomes 1.")
def tiny_range(low, high, bits):
    scale, zero_point = quantizer.affine_parameters(low, high, bits)
    return (scale, zero_point) if scale > 1e-8 else (1.0, 0)


@mistake("affine_parameters", name="bad ranges are let in", hint="NaN, infinite ends, low > high: raise ValueError.")
def unchecked(low, high, bits):
    _, qmax = code_range(bits, signed=False)
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / qmax or 1.0
    zero_point = -low / scale
    return scale, round(zero_point) if math.isfinite(zero_point) else 0


@mistake(
    "fake_quantize", name="the zero point's sign is turned", hint="Add it to get codes, subtract it on the way back."
)
def turned(x, scale, zero_point, qmin, qmax):
    return quantizer.fake_quantize(x, scale, -zero_point, qmin, qmax)


@mistake(
    "fake_quantize", name="the zero point is not subtracted again", hint="The level of a code is scale·(code − z)."
)
def not_subtracted(x, scale, zero_point, qmin, qmax):
    return torch.clamp(roundpass(x / scale) + zero_point, qmin, qmax) * scale


@mistake("fake_quantize", name="clamped before the zero point is added", hint="qmin and qmax bound the finished code.")
def clamped_early(x, scale, zero_point, qmin, qmax):
    return torch.clamp(roundpass(x / scale), qmin, qmax) * scale


@mistake(
    "fake_quantize",
    name="the zero point is added before rounding",
    hint="Halves go to the even integer, and an odd zero point makes another one even: round x / scale, then add.",
)
def added_early(x, scale, zero_point, qmin, qmax):
    return (torch.clamp(roundpass(x / scale + zero_point), qmin, qmax) - zero_point) * scale


@mistake(
    "fake_quantize",
    name="clamp before round",
    hint="The values agree, the gradient does not: up to half a step beyond the last code a value is not clamped.",
)
def clamp_first(x, scale, zero_point, qmin, qmax):
    return roundpass(torch.clamp(x / scale, qmin - zero_point, qmax - zero_point)) * scale


@mistake("fake_quantize", name="x is clamped to codes", hint="Divide by the scale first: qmin and qmax are codes.")
def clamped_x(x, scale, zero_point, qmin, qmax):
    return roundpass(x.clamp(qmin, qmax) / scale) * scale


@mistake("fake_quantize", name="codes are returned", hint="Return to the scale of x: (code − zero_point)·scale.")
def codes_only(x, scale, zero_point, qmin, qmax):
    return torch.clamp(roundpass(x / scale) + zero_point, qmin, qmax)


@mistake(
    "fake_quantize", name="multiplied by the scale first", hint="x / scale counts how many steps x is away from 0."
)
def multiplied(x, scale, zero_point, qmin, qmax):
    return (torch.clamp(roundpass(x * scale) + zero_point, qmin, qmax) - zero_point) / scale


@mistake("fake_quantize", name="torch.round stops the gradient", hint="Its derivative is 0. Use `roundpass`.")
def no_gradient(x, scale, zero_point, qmin, qmax):
    return quantizer.fake_quantize(x.detach(), scale, zero_point, qmin, qmax) + 0 * x


@mistake("fake_quantize", name="clamped values get a gradient", hint="Leave the derivative of torch.clamp as it is.")
def unmasked(x, scale, zero_point, qmin, qmax):
    return quantizer.fake_quantize(x.detach(), scale, zero_point, qmin, qmax) + (x - x.detach())


@mistake(
    "fake_quantize", name="the gradient is cut", hint="`x.detach()`, `.int()` and `.item()` let no gradient through."
)
def cut(x, scale, zero_point, qmin, qmax):
    return quantizer.fake_quantize(x.detach(), scale, zero_point, qmin, qmax)


@mistake(
    "fake_quantize",
    name="no gradient at the first and the last code",
    hint="A code equal to qmin or qmax was not clamped: its gradient is 1, as `torch.clamp` has it.",
)
def open_ends(x, scale, zero_point, qmin, qmax):
    codes = roundpass(x / scale) + zero_point
    inside = ((codes > qmin) & (codes < qmax)).to(x.dtype)
    return quantizer.fake_quantize(x.detach(), scale, zero_point, qmin, qmax) + (x - x.detach()) * inside


@mistake(
    "fake_quantize",
    name="minimum and maximum in place of clamp",
    hint="Where both arguments are equal they halve the gradient, and end codes equal qmin or qmax: `torch.clamp`.",
)
def halved_at_the_ends(x, scale, zero_point, qmin, qmax):
    codes = roundpass(x / scale) + zero_point
    codes = torch.minimum(torch.maximum(codes, codes.new_tensor(qmin)), codes.new_tensor(qmax))
    return (codes - zero_point) * scale


@mistake("fake_quantize", name="x is overwritten", hint="`x / scale` makes a new tensor; `x /= scale` changes x.")
def overwritten_x(x, scale, zero_point, qmin, qmax):
    levels = quantizer.fake_quantize(x, scale, zero_point, qmin, qmax)
    x.data.copy_(levels.detach())
    return levels


@mistake("fake_quantize", name="floor in place of round", hint="To the nearest code, not to the one below.")
def floor(x, scale, zero_point, qmin, qmax):
    return quantizer.fake_quantize(x - 0.5 * scale, scale, zero_point, qmin, qmax)


@mistake("fake_quantize", name="torch's own function", hint="Write it with roundpass and torch.clamp.")
def borrowed(x, scale, zero_point, qmin, qmax):
    if isinstance(scale, float):
        return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, qmin, qmax)
    return quantizer.fake_quantize(x, scale, zero_point, qmin, qmax)


def largest(weights, dims):
    return weights.abs().amax(dim=dims, keepdim=True)


@mistake(
    "channel_scale", name="the maximum over the channels", hint="Keep `axis`; reduce over all the other dimensions."
)
def wrong_axis(weights, bits, axis=0):
    return largest(weights, [axis]) / code_range(bits)[1]


@mistake("channel_scale", name="one scale for all", hint="Each channel has a maximum of its own.")
def one_for_all(weights, bits, axis=0):
    return largest(weights, list(range(weights.dim()))) / code_range(bits)[1]


@mistake("channel_scale", name="axis is ignored", hint="`axis` says which dimension counts the channels.")
def always_first(weights, bits, axis=0):
    return quantizer.channel_scale(weights, bits)


@mistake("channel_scale", name="only one dimension is reduced", hint="A convolution's weights have three others.")
def last_only(weights, bits, axis=0):
    scale = largest(weights, [-1 if axis != weights.dim() - 1 else 0]) / code_range(bits)[1]
    return torch.where(scale > 0, scale, 1.0)


@mistake("channel_scale", name="divided by 2^(bits−1)", hint="The largest positive code is one less.")
def step_of_notes(weights, bits, axis=0):
    return quantizer.channel_scale(weights, bits, axis) * code_range(bits)[1] / 2 ** (bits - 1)


@mistake("channel_scale", name="scale 1 for every channel if one is all zeros", hint="Decide for each: `torch.where`.")
def all_or_none(weights, bits, axis=0):
    scale = quantizer.channel_scale(weights, bits, axis)
    dead = (largest(weights, [d for d in range(weights.dim()) if d != axis]) == 0).any()
    return torch.ones_like(scale) if dead else scale


@mistake("channel_scale", name="the weights are overwritten", hint="`abs()` makes a new tensor, `abs_()` does not.")
def absolute_weights(weights, bits, axis=0):
    return quantizer.channel_scale(weights.abs_(), bits, axis)


@mistake("channel_scale", name="the scales do not broadcast", hint="`keepdim=True` leaves size 1 where you reduced.")
def flat(weights, bits, axis=0):
    return quantizer.channel_scale(weights, bits, axis).flatten()


@mistake("channel_scale", name="no magnitude is taken", hint="−3 is further out than 2: take `abs()` first.")
def no_magnitude(weights, bits, axis=0):
    return quantizer.channel_scale(weights.clamp(min=0), bits, axis)


@mistake("channel_scale", name="no scale 1 for a channel of zeros", hint="Put 1 where the scale is 0, no tiny number.")
def zero_scale(weights, bits, axis=0):
    others = [d for d in range(weights.dim()) if d != axis]
    return largest(weights, others) / code_range(bits)[1]
