"""Wrong implementations of lesson 4, each with a name and a hint."""

import math

import torch
from torch import nn

from course.mistakes import mistake
from lib import quantizer
from lib.codes import code_range
from lib.ste import roundpass, scale_gradient


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


class Parts(quantizer.Quantizer):
    """The quantizer in parts, for mistakes that get one of them wrong."""

    def fix_range(self, x):
        if not self.calibrated:
            self.alpha = x.detach().abs().max()
            self.calibrated = self.alpha > 0

    def step(self):
        step = 2 * self.alpha / self.num_steps
        return torch.where(step > 0, step, 1.0)

    def off(self):
        return self.alpha if self.always_pos else 0

    def quantize(self, x):
        codes = torch.clamp(roundpass((x - self.off()) / self.step()), self.Qn, self.Qp)
        return codes * self.step() + self.off()

    def forward(self, x):
        if not x.isfinite().all():
            raise ValueError("not finite")
        self.fix_range(x)
        return self.quantize(x)


@mistake(
    "Quantizer",
    name="the smallest code is −(2^(bits−1) − 1)",
    hint="Two's complement has one more negative code than positive ones: Qn = −2^(bits−1).",
)
class NarrowRange(Parts):
    def __init__(self, bits=8, always_pos=False):
        super().__init__(bits, always_pos)
        self.Qn = -self.Qp


@mistake("Quantizer", name="the largest code is 2^(bits−1)", hint="Zero takes a code too: Qp = 2^(bits−1) − 1.")
class OneCodeMore(Parts):
    def __init__(self, bits=8, always_pos=False):
        super().__init__(bits, always_pos)
        self.Qp += 1


@mistake("Quantizer", name="2^bits − 1 steps", hint="Here the step is 2·α / 2^bits: [−α, α] in 2^bits equal steps.")
class Gaps(Parts):
    def step(self):
        return 2 * self.alpha.clamp(min=1e-30) / (self.num_steps - 1)


@mistake("Quantizer", name="the range is α wide", hint="The grid runs from −α to α: that is 2·α.")
class HalfRange(Parts):
    def step(self):
        return super().step() / 2


@mistake(
    "Quantizer",
    name="α is not detached",
    hint="α is a constant for the gradient: `x.detach()` before the maximum.",
)
class Attached(Parts):
    def fix_range(self, x):
        if not self.calibrated:
            self.alpha = x.abs().max()
            self.calibrated = self.alpha.detach() > 0


@mistake("Quantizer", name="α is taken anew in every call", hint="Only the first input fixes α: look at `calibrated`.")
class EveryCall(Parts):
    def fix_range(self, x):
        self.alpha = x.detach().abs().max()


@mistake("Quantizer", name="α grows with later inputs", hint="After the first input α is fixed, whatever comes.")
class Growing(Parts):
    def fix_range(self, x):
        self.alpha = torch.maximum(self.alpha, x.detach().abs().max())


@mistake(
    "Quantizer",
    name="α is lost in state_dict",
    hint="A plain attribute is not saved with the model. `self.register_buffer(name, tensor)` makes one that is.",
)
class Unsaved(Parts):
    def __init__(self, bits=8, always_pos=False):
        super().__init__(bits, always_pos)
        del self.alpha, self.calibrated
        self.alpha, self.calibrated = torch.tensor(0.0), torch.tensor(False)


@mistake(
    "Quantizer",
    name="calibrated is lost in state_dict",
    hint="Where α is saved but not that it is fixed, a reloaded quantizer calibrates again: make both buffers.",
)
class FlagUnsaved(Parts):
    def __init__(self, bits=8, always_pos=False):
        super().__init__(bits, always_pos)
        del self.calibrated
        self.calibrated = False


@mistake("Quantizer", name="α is trained", hint="α is a constant: a buffer, not an nn.Parameter.")
class Trained(Parts):
    def __init__(self, bits=8, always_pos=False):
        super().__init__(bits, always_pos)
        del self.alpha
        self.alpha = nn.Parameter(torch.tensor(0.0))

    def fix_range(self, x):
        if not self.calibrated:
            self.alpha.data = x.detach().abs().max()
            self.calibrated = self.alpha.detach() > 0


@mistake(
    "Quantizer",
    name="clamp before round",
    hint="The values agree, the gradient does not: between Qp and Qp + ½ a value is rounded to Qp, not clamped.",
)
class ClampFirst(Parts):
    def quantize(self, x):
        codes = roundpass(torch.clamp((x - self.off()) / self.step(), self.Qn, self.Qp))
        return codes * self.step() + self.off()


@mistake("Quantizer", name="off is only subtracted", hint="What is taken off before rounding comes back at the end.")
class OffOnce(Parts):
    def quantize(self, x):
        return super().quantize(x) - self.off()


@mistake("Quantizer", name="off is only added", hint="Subtract off before you divide by the step.")
class OffAfter(Parts):
    def quantize(self, x):
        return super().quantize(x + self.off())


@mistake("Quantizer", name="always_pos changes nothing", hint="With always_pos the offset is α, else it is 0.")
class NoOffset(Parts):
    def off(self):
        return 0


@mistake("Quantizer", name="torch.round stops the gradient", hint="Its derivative is 0. Use `roundpass` of lesson 3.")
class NoGradient(Parts):
    def quantize(self, x):
        codes = torch.clamp(torch.round((x - self.off()) / self.step()), self.Qn, self.Qp)
        return codes * self.step() + self.off() + 0 * x


@mistake(
    "Quantizer",
    name="clamped values get a gradient",
    hint="Only rounding is straight-through: leave the derivative of torch.clamp as it is.",
)
class Unmasked(Parts):
    def quantize(self, x):
        return super().quantize(x).detach() + (x - x.detach())


@mistake(
    "Quantizer",
    name="minimum and maximum in place of clamp",
    hint="Where both arguments are equal they halve the gradient, and end codes are equal to Qn or Qp: `torch.clamp`.",
)
class HalvedAtTheEnds(Parts):
    def quantize(self, x):
        codes = roundpass((x - self.off()) / self.step())
        codes = torch.minimum(torch.maximum(codes, x.new_tensor(self.Qn)), x.new_tensor(self.Qp))
        return codes * self.step() + self.off()


@mistake("Quantizer", name="α = max x", hint="The largest magnitude may be that of a negative number.")
class NoMagnitude(Parts):
    def fix_range(self, x):
        if not self.calibrated:
            self.alpha = x.detach().max()
            self.calibrated = self.alpha > 0


@mistake("Quantizer", name="floor in place of round", hint="To the nearest code, not to the one below.")
class Floor(Parts):
    def quantize(self, x):
        return super().quantize(x - self.step() / 2)


@mistake("Quantizer", name="codes are returned", hint="Return to the scale of x: codes times step, plus off.")
class Codes(Parts):
    def quantize(self, x):
        return (super().quantize(x) - self.off()) / self.step()


@mistake("Quantizer", name="zeros become NaN", hint="The step of an all-zero input is 0. What is 0 / 0?")
class ZeroStep(Parts):
    def step(self):
        return 2 * self.alpha / self.num_steps


@mistake("Quantizer", name="NaN and infinity are let in", hint="`x.isfinite().all()`, before anything else.")
class Unguarded(Parts):
    def forward(self, x):
        self.fix_range(x)
        return self.quantize(x)


@mistake("Quantizer", name="bits are not checked", hint="`code_range(bits)` refuses bad bits and gives Qn and Qp.")
class UncheckedBits(Parts):
    def __init__(self, bits=8, always_pos=False):
        super().__init__(8, always_pos)
        self.num_steps = 2 ** int(bits or 0)
        self.Qn, self.Qp = -self.num_steps // 2, self.num_steps // 2 - 1


@mistake(
    "Quantizer",
    name="the grid is fixed in training mode only",
    hint="The first input fixes the grid, whether the module is in training or in evaluation.",
)
class TrainingOnly(Parts):
    def fix_range(self, x):
        if self.training:
            super().fix_range(x)


@mistake("Quantizer", name="x is overwritten", hint="The float weights must survive: return a new tensor.")
class Overwrites(Parts):
    def quantize(self, x):
        quantized = super().quantize(x)
        x.data.copy_(quantized.detach())
        return quantized


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


@mistake("channel_scale", name="the scales do not broadcast", hint="`keepdim=True` leaves size 1 where you reduced.")
def flat(weights, bits, axis=0):
    return quantizer.channel_scale(weights, bits, axis).flatten()


@mistake("channel_scale", name="no magnitude is taken", hint="−3 is further out than 2: take `abs()` first.")
def no_magnitude(weights, bits, axis=0):
    return quantizer.channel_scale(weights.clamp(min=0), bits, axis)


@mistake("channel_scale", name="scale 0 for a channel of zeros", hint="0 / 0 comes next. Put scale 1 there.")
def zero_scale(weights, bits, axis=0):
    others = [d for d in range(weights.dim()) if d != axis]
    return largest(weights, others) / code_range(bits)[1]


def search(x, bits, signed, fractions, cost):
    qmin, qmax = code_range(bits, signed)
    scales = [f * x.abs().max().clamp(min=1e-30) / qmax for f in fractions]
    return min(scales, key=lambda s: cost(quantizer.fake_quantize(x, s, 0, qmin, qmax) - x).item())


FINE = torch.logspace(-3, 0, 400)


@mistake("mse_scale", name="the largest value decides", hint="That clips nothing. Try smaller scales and compare.")
def widest(x, bits, signed=True):
    return search(x, bits, signed, [1.0], lambda e: e.square().mean())


@mistake("mse_scale", name="the mean absolute error", hint="Square the error before you take the mean.")
def absolute(x, bits, signed=True):
    return search(x, bits, signed, FINE, lambda e: e.abs().mean())


@mistake("mse_scale", name="the largest error", hint="The mean of the squares, not the maximum.")
def worst_case(x, bits, signed=True):
    return search(x, bits, signed, FINE, lambda e: e.abs().max())


@mistake("mse_scale", name="the search stops at half of the range", hint="With 2 bits the best grid is narrower still.")
def upper_half(x, bits, signed=True):
    return search(x, bits, signed, torch.linspace(0.5, 1, 200), lambda e: e.square().mean())


@mistake("mse_scale", name="only halves, quarters, eighths …", hint="Try scales that lie closer together.")
def powers_of_two(x, bits, signed=True):
    return search(x, bits, signed, [2.0**-k for k in range(12)], lambda e: e.square().mean())


@mistake(
    "mse_scale", name="scales between 0.01 and 1", hint="How large the scale is depends on x: take fractions of max|x|."
)
def fixed_scales(x, bits, signed=True):
    qmin, qmax = code_range(bits, signed)
    error = lambda s: (quantizer.fake_quantize(x, s, 0, qmin, qmax) - x).square().mean().item()  # noqa: E731
    return min(torch.linspace(0.01, 1, 200), key=error)


@mistake("mse_scale", name="clipping costs nothing", hint="Clamped values are in error too: compare with x itself.")
def no_clipping(x, bits, signed=True):
    scales = FINE * x.abs().max().clamp(min=1e-30) / code_range(bits, signed)[1]
    return min(scales, key=lambda s: ((x / s).round() * s - x).square().mean().item())


@mistake("mse_scale", name="signed is ignored", hint="`code_range(bits, signed)` gives the codes to use.")
def always_signed(x, bits, signed=True):
    return quantizer.mse_scale(x, bits)


@mistake("mse_scale", name="the clipping point is returned", hint="The scale is one step: clipping point / qmax.")
def clipping_point(x, bits, signed=True):
    return quantizer.mse_scale(x, bits, signed) * code_range(bits, signed)[1]


@mistake(
    "mse_scale", name="three standard deviations", hint="The best scale depends on bits and on the shape of x: search."
)
def three_sigma(x, bits, signed=True):
    return 3 * x.std().clamp(min=1e-30) / code_range(bits, signed)[1]


class Steps(quantizer.LearnedStep):
    """The learned step in parts, for mistakes that get one of them wrong."""

    def first_step(self, x):
        return 2 * x.detach().abs().mean() / self.Qp**0.5

    def start(self, x):
        if not self.calibrated and x.any():
            self.step.data = self.first_step(x)
            self.calibrated.fill_(True)

    def factor(self, x):
        return (x.numel() * self.Qp) ** -0.5

    def quantize(self, x, step):
        return roundpass(torch.clamp(x / step, self.Qn, self.Qp)) * step

    def forward(self, x):
        self.start(x)
        return self.quantize(x, scale_gradient(self.step, self.factor(x)))


@mistake("LearnedStep", name="the step's gradient is not scaled", hint="Pass the step through `scale_gradient` first.")
class Unscaled(Steps):
    def factor(self, x):
        return 1.0


@mistake("LearnedStep", name="scaled by √(N·Qp)", hint="The gradient is to become smaller: 1 / √(N·Qp).")
class ScaledUp(Steps):
    def factor(self, x):
        return (x.numel() * self.Qp) ** 0.5


@mistake("LearnedStep", name="scaled by 1 / √N", hint="Qp is in the square root too: 1 / √(N·Qp).")
class WithoutQp(Steps):
    def factor(self, x):
        return x.numel() ** -0.5


@mistake("LearnedStep", name="N is the first dimension only", hint="N counts all elements: `x.numel()`.")
class CountsRows(Steps):
    def factor(self, x):
        return (len(x) * self.Qp) ** -0.5 if x.dim() > 1 else (self.Qp) ** -0.5


@mistake(
    "LearnedStep", name="the step itself is scaled", hint="Forward it stays as it is; only the gradient is scaled."
)
class ScaledForward(Steps):
    def forward(self, x):
        self.start(x)
        return self.quantize(x, self.step * self.factor(x))


@mistake("LearnedStep", name="the first step is mean|x|", hint="2·mean|x| / √Qp.")
class MeanOnly(Steps):
    def first_step(self, x):
        return x.detach().abs().mean()


@mistake("LearnedStep", name="the first step is max|x| / Qp", hint="2·mean|x| / √Qp: the mean, not the maximum.")
class MaxStart(Steps):
    def first_step(self, x):
        return x.detach().abs().max() / self.Qp


@mistake("LearnedStep", name="the mean of x, not of |x|", hint="Positive and negative values would cancel.")
class SignedMean(Steps):
    def first_step(self, x):
        return 2 * x.detach().mean() / self.Qp**0.5


@mistake("LearnedStep", name="the step is set in every call", hint="Only the first input sets it; then it is trained.")
class SetAnew(Steps):
    def start(self, x):
        if x.any():
            self.step.data = self.first_step(x)


@mistake(
    "LearnedStep",
    name="the first call makes a new Parameter",
    hint="The optimizer still holds the old one. Assign to `self.step.data`.",
)
class NewParameter(Steps):
    def start(self, x):
        if not self.calibrated and x.any():
            self.step = nn.Parameter(self.first_step(x))
            self.calibrated.fill_(True)


@mistake("LearnedStep", name="a reloaded step is set again", hint="Make `calibrated` a buffer: state_dict carries it.")
class Forgets(Steps):
    def __init__(self, bits, signed=True):
        super().__init__(bits, signed)
        del self.calibrated
        self.calibrated = torch.tensor(False)


@mistake(
    "LearnedStep",
    name="zeros become NaN",
    hint="All-zero x would set the step to 0, and 0 / 0 is NaN: wait for others.",
)
class SetByZeros(Steps):
    def start(self, x):
        if not self.calibrated:
            self.step.data = self.first_step(x)
            self.calibrated.fill_(True)


@mistake(
    "LearnedStep",
    name="round before clamp",
    hint="Between Qp and Qp + ½ the paper's gradients are those of a clipped value: clamp first.",
)
class RoundFirst(Steps):
    def quantize(self, x, step):
        return torch.clamp(roundpass(x / step), self.Qn, self.Qp) * step


@mistake("LearnedStep", name="the step gets no gradient", hint="Do not detach the step: divide and multiply by it.")
class DetachedStep(Steps):
    def quantize(self, x, step):
        return super().quantize(x, step.detach()) + 0 * step


@mistake(
    "LearnedStep",
    name="only the multiplication passes the step's gradient",
    hint="The step also divides x: do not detach it there.",
)
class HalfGradient(Steps):
    def quantize(self, x, step):
        return roundpass(torch.clamp(x / step.detach(), self.Qn, self.Qp)) * step


@mistake("LearnedStep", name="clamped values get a gradient", hint="Leave the derivative of torch.clamp as it is.")
class PassesAll(Steps):
    def quantize(self, x, step):
        return super().quantize(x.detach(), step) + (x - x.detach())


@mistake("LearnedStep", name="signed is ignored", hint="`code_range(bits, signed)` gives the codes to use.")
class AlwaysSigned(Steps):
    def __init__(self, bits, signed=True):
        super().__init__(bits)
