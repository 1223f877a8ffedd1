"""Lesson 3: more wrong implementations of `clip_round`: masks, ranges, dtypes."""

import torch

from course.mistakes import mistake
from lib.ste import roundpass


@mistake(
    "clip_round",
    name="the mask reaches a whole step beyond the lower end",
    hint="2.45 lies more than half a step below low = 3, so its value was cut off and its gradient stops. "
    "The rounded x may decide, or x itself; ceil(x) may not.",
)
def ceiled_mask(x, low, high):
    q, up = torch.clamp(torch.round(x), low, high).detach(), torch.ceil(x).detach()
    return q + (x - x.detach()) * ((up >= low) & (up <= high))


@mistake(
    "clip_round",
    name="the mask reaches a whole step beyond the upper end",
    hint="6.55 lies more than half a step above high = 6, so its value was cut off and its gradient stops. "
    "The rounded x may decide, or x itself; floor(x) may not.",
)
def floored_mask(x, low, high):
    q, down = torch.clamp(torch.round(x), low, high).detach(), torch.floor(x).detach()
    return q + (x - x.detach()) * ((down >= low) & (down <= high))


@mistake(
    "clip_round",
    name="one mask for all calls: the last",
    hint="Another call came before backward, as in every network. Keep each call's mask in its own ctx, with "
    "ctx.save_for_backward, and not in the class or a global.",
)
def shared_mask(x, low, high, last=[None]):  # noqa: B006
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            last[0] = (x >= low) & (x <= high)
            return torch.clamp(torch.round(x), low, high)

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * last[0]

    return Clip.apply(x)


@mistake(
    "clip_round",
    name="the gradient that came in is changed",
    hint="grad_output belongs to autograd, which may hand the same tensor to others. grad_output * mask is a new one.",
)
def spent_mask(x, low, high):
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward((x >= low) & (x <= high))
            return torch.clamp(torch.round(x), low, high)

        @staticmethod
        def backward(ctx, grad_output):
            (inside,) = ctx.saved_tensors
            grad_output[~inside] = 0
            return grad_output

    return Clip.apply(x)


@mistake(
    "clip_round",
    name="rounded as a distance from low",
    hint="Where low is odd, x - low has its even neighbour where x has its odd one: 4.5 must become 4. Round x itself.",
)
def from_low(x, low, high):
    return torch.clamp(roundpass(x - low) + low, low, high)


@mistake(
    "clip_round",
    name="high = 0 is taken for no upper end",
    hint="In Python 0 counts as false: `high or None` and `if high` forget an end that is 0.",
)
def falsy_high(x, low, high):
    return torch.clamp(roundpass(x), low, high or None)


@mistake(
    "clip_round",
    name="the values go through a 32-bit integer",
    hint="An int32 ends at 2 147 483 647, and what lies beyond comes out at the wrong end. Stay with floats.",
)
def through_int(x, low, high):
    q = torch.round(x).to(torch.int32).to(x.dtype)
    return torch.clamp(x + (q - x).detach(), low, high)
