"""Lesson 3: wrong implementations of `RoundPass`."""

import torch

from course.mistakes import mistake


@mistake(
    "RoundPass",
    name="backward returns zeros",
    hint="0 is the true derivative of rounding, and the reason why nothing learns. Pretend that it is 1.",
)
class ZeroGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return torch.zeros_like(grad_output)


@mistake(
    "RoundPass",
    name="backward returns ones, whatever came in",
    hint="By the chain rule, the derivative 1 is multiplied by grad_output. Where does that go?",
)
class OnesGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return torch.ones_like(grad_output)


@mistake(
    "RoundPass",
    name="the gradient is doubled",
    hint="backward returns the gradient with respect to the input: 1 times grad_output. Is it added twice?",
)
class DoubledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output + grad_output


@mistake(
    "RoundPass",
    name="the gradient is rounded too",
    hint="Only the forward pass rounds. A gradient of 0.4 is a small slope, and must stay one.",
)
class RoundedGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return torch.round(grad_output)


@mistake(
    "RoundPass",
    name="the gradient's sign is turned",
    hint="backward returns the gradient with respect to the input: 1 times grad_output.",
)
class NegatedGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return -grad_output


@mistake(
    "RoundPass",
    name="the gradient is multiplied by the input",
    hint="backward returns the gradient with respect to the input: 1 times grad_output. "
    "The input itself is not needed; there is nothing to save for backward.",
)
class InputTimesGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * x


@mistake(
    "RoundPass",
    name="the gradient stops where |x| > 1",
    hint="A mask has its uses, and its own exercise: clip_round. RoundPass lets every gradient through.",
)
class MaskedGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * (x.abs() <= 1)


@mistake(
    "RoundPass",
    name="backward returns None",
    hint="None tells autograd that there is no gradient. Return grad_output.",
)
class NoGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return None


@mistake(
    "RoundPass",
    name="floor in place of round",
    hint="1.7 is nearer to 2 than to 1. torch.floor always goes down.",
)
class FloorPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.floor(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@mistake(
    "RoundPass",
    name="ceil in place of round",
    hint="0.3 is nearer to 0 than to 1. torch.ceil always goes up.",
)
class CeilPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.ceil(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@mistake(
    "RoundPass",
    name="the fraction is cut off",
    hint="Going through an integer type, or torch.trunc, cuts toward zero: 1.7 becomes 1. torch.round rounds.",
)
class TruncPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.int().to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@mistake(
    "RoundPass",
    name="halves go away from zero",
    hint="Here 0.5 and 2.5 go to the even neighbour, 0 and 2. torch.round(x) does just that.",
)
class HalfAwayPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.sign(x) * torch.floor(torch.abs(x) + 0.5)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@mistake(
    "RoundPass",
    name="halves go up, as in floor(x + 0.5)",
    hint="Here 0.5 and 2.5 go to the even neighbour, 0 and 2. torch.round(x) does just that.",
)
class HalfUpPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@mistake(
    "RoundPass",
    name="the gradient that came in is changed",
    hint="grad_output belongs to the caller: a method with an underscore, such as mul_, changes it. Return it as is.",
)
class SpentGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        gradient = grad_output.clone()
        grad_output.zero_()
        return gradient


@mistake(
    "RoundPass",
    name="forward does not round",
    hint="forward returns what the loss sees, torch.round(x), and nothing more.",
)
class IdentityPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@mistake(
    "RoundPass",
    name="the input is rounded in place",
    hint="x.round_() overwrites the caller's tensor: the float weight is lost. torch.round(x) makes a new one.",
)
class InPlacePass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round_()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@mistake(
    "RoundPass",
    name="the result is always float32",
    hint="torch.round keeps the dtype by itself. Leave out the conversion.",
)
class SinglePass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x).float()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output


@mistake(
    "RoundPass",
    name="the gradient that came in is written to",
    hint="y.sum().backward() hands in one number that all elements share, which cannot be written to. "
    "An operation with an underscore, such as mul_, and `*=` write. Return grad_output as it is.",
)
class WritingPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.mul_(1.0)


@mistake(
    "RoundPass",
    name="the values go through a 32-bit integer",
    hint="An int32 ends at 2 147 483 647. torch.round returns whole numbers as floats: no conversion is needed.",
)
class IntegerPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x).to(torch.int32).to(x.dtype)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output
