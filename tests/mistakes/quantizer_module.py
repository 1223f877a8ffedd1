"""Lesson 4: wrong versions of the notes' quantizer."""

import torch
from torch import nn

from course.mistakes import mistake
from lib import quantizer
from lib.ste import roundpass


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


@mistake("Quantizer", name="the fraction is cut off", hint="Round to the nearest code: `roundpass`, not truncation.")
class Truncated(Parts):
    def quantize(self, x):
        steps = (x - self.off()) / self.step()
        steps = steps + (steps.trunc() - steps).detach()
        return torch.clamp(steps, self.Qn, self.Qp) * self.step() + self.off()


@mistake(
    "Quantizer", name="halves are rounded up", hint="Halves go to the even code, as in `torch.round`: `roundpass`."
)
class HalvesUp(Parts):
    def quantize(self, x):
        steps = (x - self.off()) / self.step()
        steps = steps + ((steps + 0.5).floor() - steps).detach()
        return torch.clamp(steps, self.Qn, self.Qp) * self.step() + self.off()


@mistake(
    "Quantizer",
    name="multiplied by 1 / step",
    hint="1 / step is rounded, and then the product again: divide by the step, as the formula does.",
)
class Reciprocal(Parts):
    def quantize(self, x):
        codes = torch.clamp(roundpass((x - self.off()) * (1 / self.step())), self.Qn, self.Qp)
        return codes * self.step() + self.off()


@mistake(
    "Quantizer",
    name="x and off are divided by the step apart",
    hint="Keep the formula's order: subtract off first, then divide.",
)
class DividedApart(Parts):
    def quantize(self, x):
        codes = torch.clamp(roundpass(x / self.step() - self.off() / self.step()), self.Qn, self.Qp)
        return codes * self.step() + self.off()


@mistake("Quantizer", name="a smallest step", hint="Only a step of 0 needs another in its place; 1e-12 is a good step.")
class SmallestStep(Parts):
    def step(self):
        return super().step().clamp(min=1e-8)


@mistake("Quantizer", name="off is taken from each input anew", hint="off is α, which the first input fixes.")
class OffAnew(Parts):
    def quantize(self, x):
        off = x.detach().abs().max() if self.always_pos else 0
        return torch.clamp(roundpass((x - off) / self.step()), self.Qn, self.Qp) * self.step() + off


@mistake("Quantizer", name="codes are returned", hint="Return to the scale of x: codes times step, plus off.")
class Codes(Parts):
    def quantize(self, x):
        return (super().quantize(x) - self.off()) / self.step()


@mistake("Quantizer", name="zeros become NaN", hint="The step of an all-zero input is 0. What is 0 / 0?")
class ZeroStep(Parts):
    def step(self):
        return 2 * self.alpha / self.num_steps


@mistake("Quantizer", name="zeros fix the range", hint="Zeros say nothing about α: calibrated becomes `α > 0`.")
class FixedByZeros(Parts):
    def fix_range(self, x):
        if not self.calibrated:
            self.alpha = x.detach().abs().max()
            self.calibrated = torch.tensor(True)


@mistake(
    "Quantizer",
    name="zeros set `calibrated`",
    hint="After zeros nothing is fixed yet: `calibrated` becomes `alpha > 0`.",
)
class FlaggedByZeros(Parts):
    def fix_range(self, x):
        if self.alpha == 0:
            self.alpha = x.detach().abs().max()
            self.calibrated = torch.tensor(True)


@mistake("Quantizer", name="only the first input is tested", hint="`x.isfinite().all()` in every call, at the start.")
class TestedOnce(Parts):
    def forward(self, x):
        if not self.calibrated:
            return super().forward(x)
        return self.quantize(x)


@mistake(
    "Quantizer", name="a buffer with one dimension", hint="`torch.tensor(0.0)` is one number, `torch.zeros(1)` a row."
)
class OneDimension(Parts):
    def __init__(self, bits=8, always_pos=False):
        super().__init__(bits, always_pos)
        self.alpha, self.calibrated = self.alpha.reshape(1), self.calibrated.reshape(1)

    def fix_range(self, x):
        if not self.calibrated:
            self.alpha = x.detach().abs().max().reshape(1)
            self.calibrated = self.alpha > 0


@mistake(
    "Quantizer",
    name="the gradient is cut",
    hint="Only α is taken from `x.detach()`; `.detach()`, `.int()` and `.item()` elsewhere let no gradient through.",
)
class Cut(Parts):
    def quantize(self, x):
        return super().quantize(x.detach())


@mistake("Quantizer", name="NaN and infinity are let in", hint="`x.isfinite().all()`, before anything else.")
class Unguarded(Parts):
    def forward(self, x):
        self.fix_range(x)
        return self.quantize(x)


@mistake("Quantizer", name="a refused input fixes the range", hint="Refuse first; only then look at `calibrated`.")
class LateRefusal(Parts):
    def forward(self, x):
        self.fix_range(x)
        return super().forward(x)


@mistake(
    "Quantizer",
    name="the sum of x is taken for its largest magnitude",
    hint="x may sum to 0 without being zeros: look at α, or at `x.any()`.",
)
class SumOfZeros(Parts):
    def fix_range(self, x):
        if not self.calibrated:
            self.alpha = x.detach().abs().max()
            self.calibrated = x.detach().sum() != 0


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
