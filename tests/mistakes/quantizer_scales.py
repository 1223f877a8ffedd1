"""Lesson 4: wrong searches for a scale, and steps that learn wrongly."""

import torch
from torch import nn

from course.mistakes import mistake
from lib import quantizer
from lib.codes import code_range
from lib.ste import roundpass, scale_gradient


def search(x, bits, signed, fractions, cost):
    qmin, qmax = code_range(bits, signed)
    if not x.any():
        return torch.ones((), dtype=x.dtype)
    scales = [float(f) * x.abs().max() / qmax for f in fractions]
    return min(scales, key=lambda s: cost(quantizer.fake_quantize(x, s, 0, qmin, qmax) - x).item())


FINE = torch.logspace(-3, 0, 120)


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
    return search(x, bits, signed, torch.linspace(0.5, 1, 60), lambda e: e.square().mean())


@mistake(
    "mse_scale",
    name="the search stops where the error first rises",
    hint="The curve can have several dips. Try all scales, down to small ones, and keep the best.",
)
def downhill(x, bits, signed=True):
    qmin, qmax = code_range(bits, signed)
    error = lambda s: (quantizer.fake_quantize(x, s, 0, qmin, qmax) - x).square().mean().item()  # noqa: E731
    if not x.any():
        return torch.ones((), dtype=x.dtype)
    scale = x.abs().max() / qmax
    while error(scale * 0.98) < error(scale):
        scale = scale * 0.98
    return scale


@mistake("mse_scale", name="only halves, quarters, eighths …", hint="Try scales that lie closer together.")
def powers_of_two(x, bits, signed=True):
    return search(x, bits, signed, [2.0**-k for k in range(12)], lambda e: e.square().mean())


@mistake(
    "mse_scale", name="scales between 0.01 and 1", hint="How large the scale is depends on x: take fractions of max|x|."
)
def fixed_scales(x, bits, signed=True):
    qmin, qmax = code_range(bits, signed)
    error = lambda s: (quantizer.fake_quantize(x, s, 0, qmin, qmax) - x).square().mean().item()  # noqa: E731
    return min(torch.linspace(0.01, 1, 200, dtype=x.dtype), key=error) if x.any() else torch.ones((), dtype=x.dtype)


@mistake("mse_scale", name="clipping costs nothing", hint="Clamped values are in error too: compare with x itself.")
def no_clipping(x, bits, signed=True):
    scales = FINE.to(x.dtype) * x.abs().max() / code_range(bits, signed)[1]
    if not x.any():
        return torch.ones((), dtype=x.dtype)
    return min(scales, key=lambda s: ((x / s).round() * s - x).square().mean().item())


@mistake("mse_scale", name="signed is ignored", hint="`code_range(bits, signed)` gives the codes to use.")
def always_signed(x, bits, signed=True):
    return quantizer.mse_scale(x, bits)


@mistake("mse_scale", name="the clipping point is returned", hint="The scale is one step: clipping point / qmax.")
def clipping_point(x, bits, signed=True):
    return quantizer.mse_scale(x, bits, signed) * (code_range(bits, signed)[1] if x.any() else 1)


@mistake(
    "mse_scale", name="three standard deviations", hint="The best scale depends on bits and on the shape of x: search."
)
def three_sigma(x, bits, signed=True):
    return 3 * x.std() / code_range(bits, signed)[1] if x.any() else torch.ones((), dtype=x.dtype)


@mistake(
    "mse_scale",
    name="the smallest code is not used",
    hint="Signed codes reach one further down than up: clamp to Qn … Qp, and search with x, not with |x|.",
)
def symmetric(x, bits, signed=True):
    _, qmax = code_range(bits, signed)
    if not x.any():
        return torch.ones((), dtype=x.dtype)
    scales = FINE.to(x.dtype) * x.abs().max() / qmax
    clamped = lambda s: (x / s).round().clamp(-qmax if signed else 0, qmax) * s  # noqa: E731
    return min(scales, key=lambda s: (clamped(s) - x).square().mean().item())


@mistake("mse_scale", name="no magnitude is taken", hint="The far number may be a negative one: start from max|x|.")
def no_magnitude(x, bits, signed=True):
    qmin, qmax = code_range(bits, signed)
    if not x.any():
        return torch.ones((), dtype=x.dtype)
    scales = FINE.to(x.dtype) * x.max() / qmax
    return min(scales, key=lambda s: (quantizer.fake_quantize(x, s, 0, qmin, qmax) - x).square().mean().item())


@mistake("mse_scale", name="the scale is a Python number", hint="Return a tensor without dimensions, in x's dtype.")
def python_number(x, bits, signed=True):
    return quantizer.mse_scale(x, bits, signed).item()


@mistake("mse_scale", name="the sign is turned", hint="A scale is positive: take fractions of max|x|.")
def negative(x, bits, signed=True):
    return -quantizer.mse_scale(x, bits, signed) if x.any() else torch.ones((), dtype=x.dtype)


@mistake("mse_scale", name="x is overwritten", hint="`x / scale` makes a new tensor; `x /= scale` changes x.")
def overwritten(x, bits, signed=True):
    scale = quantizer.mse_scale(x, bits, signed)
    x.copy_(quantizer.fake_quantize(x, scale, 0, *code_range(bits, signed)))
    return scale


@mistake("mse_scale", name="zeros get another scale than 1", hint="Where x is all zeros the scale is 1.")
def tiny_for_zeros(x, bits, signed=True):
    return quantizer.mse_scale(x, bits, signed) if x.any() else torch.full((), 1e-8, dtype=x.dtype)


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


@mistake("LearnedStep", name="N counts one row", hint="N counts all elements: `x.numel()`.")
class CountsARow(Steps):
    def factor(self, x):
        return (x.shape[-1] * self.Qp) ** -0.5


@mistake(
    "LearnedStep",
    name="the gradient of the output is scaled",
    hint="Then that of x shrinks too. Scale the step's alone: `scale_gradient(self.step, …)`.",
)
class ScaledOutput(Steps):
    def forward(self, x):
        self.start(x)
        return scale_gradient(self.quantize(x, self.step), self.factor(x))


@mistake(
    "LearnedStep", name="the step has one dimension", hint="`torch.tensor(1.0)` is one number, `torch.ones(1)` a row."
)
class OneDimension(Steps):
    def __init__(self, bits, signed=True):
        super().__init__(bits, signed)
        self.step = nn.Parameter(torch.ones(1))

    def first_step(self, x):
        return super().first_step(x).reshape(1)


@mistake(
    "LearnedStep",
    name="the step is set in training mode only",
    hint="The first input sets it, whether the module is in training or in evaluation.",
)
class TrainingOnly(Steps):
    def start(self, x):
        if self.training:
            super().start(x)


@mistake(
    "LearnedStep",
    name="zeros set `calibrated`",
    hint="After zeros the step has no first value yet: `calibrated` becomes true with the first other input.",
)
class FlaggedByZeros(Steps):
    def start(self, x):
        if not self.calibrated:
            if x.any():
                self.step.data = self.first_step(x)
            self.calibrated.fill_(True)


@mistake("LearnedStep", name="x is overwritten", hint="The float weights must survive: return a new tensor.")
class Overwrites(Steps):
    def quantize(self, x, step):
        levels = super().quantize(x, step)
        x.data.copy_(levels.detach())
        return levels


@mistake("LearnedStep", name="the gradient of x is cut", hint="Only the first step is taken from `x.detach()`.")
class CutsX(Steps):
    def quantize(self, x, step):
        return super().quantize(x.detach(), step)


@mistake("LearnedStep", name="bits are not checked", hint="`code_range(bits, signed)` refuses bad bits by itself.")
class UncheckedBits(Steps):
    def __init__(self, bits, signed=True):
        super().__init__(8, signed)
        self.Qn, self.Qp = (-(2**bits) // 2, 2**bits // 2 - 1) if signed else (0, 2**bits - 1)


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
    name="only the multiplication scales the step's gradient",
    hint="The step is used twice: take both from one `step = scale_gradient(self.step, …)`.",
)
class ScaledWhereMultiplied(Steps):
    def forward(self, x):
        self.start(x)
        step = scale_gradient(self.step, self.factor(x))
        return roundpass(torch.clamp(x / self.step, self.Qn, self.Qp)) * step


@mistake(
    "LearnedStep",
    name="only the division scales the step's gradient",
    hint="The step is used twice: take both from one `step = scale_gradient(self.step, …)`.",
)
class ScaledWhereDivided(Steps):
    def forward(self, x):
        self.start(x)
        step = scale_gradient(self.step, self.factor(x))
        return roundpass(torch.clamp(x / step, self.Qn, self.Qp)) * self.step


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
