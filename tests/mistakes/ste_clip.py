"""Lesson 3: wrong implementations of `clip_round`."""

import torch

from course.mistakes import mistake
from lib.ste import roundpass


@mistake(
    "clip_round",
    name="no mask: the gradient passes everywhere",
    hint="Where the value was cut off, the output does not depend on x: its gradient is 0 there.",
)
def unmasked(x, low, high):
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.clamp(torch.round(x), low, high)

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output

    return Clip.apply(x)


@mistake(
    "clip_round",
    name="no mask: x + (q - x).detach()",
    hint="Where the value was cut off, the output does not depend on x: its gradient is 0 there. "
    "In x + (q - x).detach() it is 1 everywhere. (And where x is huge, the sum loses q.)",
)
def one_line_unmasked(x, low, high):
    q = torch.clamp(torch.round(x), low, high)
    return x + (q - x).detach()


@mistake(
    "clip_round",
    name="the mask is inverted",
    hint="The gradient passes inside the range and stops outside. Yours does the opposite.",
)
def inverted(x, low, high):
    q = torch.clamp(torch.round(x), low, high).detach()
    outside = (x < low) | (x > high)
    return q + (x - x.detach()) * outside


@mistake(
    "clip_round",
    name="the mask looks at the gradient instead of the input",
    hint="Whether a gradient passes depends on where x lies, not on how large the gradient is.",
)
def on_gradient(x, low, high):
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.clamp(torch.round(x), low, high)

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * ((grad_output >= low) & (grad_output <= high))

    return Clip.apply(x)


@mistake(
    "clip_round",
    name="the gradient is clamped instead of the input",
    hint="Clamping grad_output to low ... high limits its size. It must be kept or stopped, according to where x lies.",
)
def clipped_gradient(x, low, high):
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.clamp(torch.round(x), low, high)

        @staticmethod
        def backward(ctx, grad_output):
            return torch.clamp(grad_output, low, high)

    return Clip.apply(x)


@mistake(
    "clip_round",
    name="the mask forgets the lower end",
    hint="Where the value was cut off, the output does not depend on x: its gradient is 0 there.",
)
def upper_only(x, low, high):
    q = torch.clamp(torch.round(x), low, high).detach()
    return q + (x - x.detach()) * (x <= high)


@mistake(
    "clip_round",
    name="the mask forgets the upper end",
    hint="Where the value was cut off, the output does not depend on x: its gradient is 0 there.",
)
def lower_only(x, low, high):
    q = torch.clamp(torch.round(x), low, high).detach()
    return q + (x - x.detach()) * (x >= low)


@mistake(
    "clip_round",
    name="torch.round has stopped the gradient",
    hint="torch.clamp(torch.round(x), ...) has gradient 0 everywhere. Round straight-through: roundpass, or detach.",
)
def true_gradient(x, low, high):
    return torch.clamp(torch.round(x), low, high)


@mistake(
    "clip_round",
    name="the range is taken as -high ... high",
    hint="low and high are two numbers: -2 ... 1 holds -2.",
)
def symmetric(x, low, high):
    return torch.clamp(roundpass(x), -high, high)


@mistake(
    "clip_round",
    name="high itself is left out",
    hint="high is the largest value that may come out, not the first that may not.",
)
def half_open(x, low, high):
    return torch.clamp(roundpass(x), low, high - 1)


@mistake(
    "clip_round",
    name="nothing is clamped",
    hint="Values outside low ... high must come out as low or high.",
)
def unclipped(x, low, high):
    inside = (x >= low) & (x <= high)
    return torch.where(inside, roundpass(x), torch.round(x).detach())


@mistake("clip_round", name="nothing is rounded", hint="Round as well as clamp.")
def clip_only(x, low, high):
    return torch.clamp(x, low, high)


@mistake(
    "clip_round",
    name="floor in place of round",
    hint="0.8 is nearer to 1 than to 0. torch.floor always goes down.",
)
def clip_floor(x, low, high):
    below = x + (torch.floor(x) - x).detach()
    return torch.clamp(below, low, high)


@mistake(
    "clip_round",
    name="the fraction is cut off",
    hint="torch.trunc and integer types cut toward zero: 0.8 becomes 0 and -1.6 becomes -1. Round to the nearest.",
)
def clip_trunc(x, low, high):
    return torch.clamp(x + (torch.trunc(x) - x).detach(), low, high)


@mistake(
    "clip_round",
    name="halves go away from zero",
    hint="Here 0.5 goes to the even neighbour, 0, as in torch.round and roundpass.",
)
def clip_half_away(x, low, high):
    q = torch.sign(x) * torch.floor(torch.abs(x) + 0.5)
    return torch.clamp(x + (q - x).detach(), low, high)


@mistake(
    "clip_round",
    name="halves go up, as in floor(x + 0.5)",
    hint="Here 0.5 and -1.5 go to the even neighbour, 0 and -2, as in torch.round and roundpass.",
)
def clip_half_up(x, low, high):
    return torch.clamp(x + (torch.floor(x + 0.5) - x).detach(), low, high)


@mistake(
    "clip_round",
    name="only the upper end is clamped",
    hint="-7.9 must come out as low. torch.clamp takes both ends.",
)
def clip_above(x, low, high):
    return torch.clamp(roundpass(x), max=high)


@mistake(
    "clip_round",
    name="only the lower end is clamped",
    hint="5.2 must come out as high. torch.clamp takes both ends.",
)
def clip_below(x, low, high):
    return torch.clamp(roundpass(x), min=low)


@mistake(
    "clip_round",
    name="the mask is that of a range round 0",
    hint="The range need not hold 0: 3 … 6 is one too. Compare x with low and with high.",
)
def round_zero(x, low, high):
    q = torch.clamp(torch.round(x), low, high).detach()
    return q + (x - x.detach()) * (x.abs() <= max(abs(low), abs(high)))


@mistake(
    "clip_round",
    name="the mask leaves out what rounds to an end",
    hint="0.8 lies inside -2 ... 1, though it rounds to 1: its gradient passes.",
)
def open_rounded(x, low, high):
    q = torch.round(x).detach()
    return q.clamp(low, high) + (x - x.detach()) * ((q > low) & (q < high))


@mistake(
    "clip_round",
    name="the input is overwritten",
    hint="clamp_ and round_, with the underscore, change the caller's tensor. Use clamp and round.",
)
def clip_in_place(x, low, high):
    inside = (x >= low) & (x <= high)
    q = x.detach().round_().clamp_(low, high)
    return q + (x - x.detach()) * inside


@mistake(
    "clip_round",
    name="the value is lost far outside the range",
    hint="x + (q - x) is q only while x is not much larger than q: at 100 million the last digits of q are gone. "
    "Take the correction from something that lies inside the range.",
)
def cancelled(x, low, high):
    q = torch.clamp(torch.round(x), low, high)
    passing = torch.where((x >= low) & (x <= high), x, x.detach())
    return passing + (q - x).detach()


@mistake(
    "clip_round",
    name="half the gradient where the value lands on an end",
    hint="Where the two are equal, torch.minimum and torch.maximum give each half of the gradient. 0.8 lies inside, "
    "and its gradient must pass whole. torch.clamp passes it whole; so does a clamp before the rounding.",
)
def shared_ends(x, low, high):
    bounded = torch.maximum(roundpass(x), x.new_tensor(low))
    return torch.minimum(bounded, x.new_tensor(high))
