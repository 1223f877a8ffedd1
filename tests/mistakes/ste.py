"""Lesson 3: wrong implementations, each with a name and the hint that its author needs.

Each stands by itself: it may call the other exercises of the notebook, and no helper of this file.
"""

import torch

from course.mistakes import mistake
from tests.mistakes.ste_clip import *  # noqa: F403
from tests.mistakes.ste_descend import *  # noqa: F403
from tests.mistakes.ste_masks import *  # noqa: F403
from tests.mistakes.ste_roundpass import *  # noqa: F403
from tests.mistakes.ste_scale import *  # noqa: F403
from tests.mistakes.ste_stochastic import *  # noqa: F403


@mistake(
    "detach_round",
    name="nothing is detached",
    hint="The gradient of x + (round(x) - x) is 1 + 0 - 1 = 0, and so is that of torch.round alone. The bracket "
    "must be a constant.",
)
def undetached(x):
    return x + (torch.round(x) - x)


@mistake(
    "detach_round",
    name="detach on the wrong side",
    hint="The value is right and the gradient is -1: you made x the constant and kept the bracket's gradient.",
)
def wrong_side(x):
    return x.detach() + (torch.round(x) - x)


@mistake(
    "detach_round",
    name="everything is detached",
    hint="No part with a gradient is left. Detach the correction, round(x) - x, and keep the first x.",
)
def all_detached(x):
    return (x + (torch.round(x) - x)).detach()


@mistake(
    "detach_round",
    name="detached, then marked with requires_grad_",
    hint="requires_grad_ starts a new graph; the gradient ends there and never reaches x. "
    "Keep a term with x in the sum.",
)
def new_leaf(x):
    return torch.round(x).detach().requires_grad_()


@mistake(
    "detach_round",
    name="x is added and not taken away",
    hint="x + round(x) is about twice too large. What must be added to x to get round(x)?",
)
def unsubtracted(x):
    return x + torch.round(x).detach()


@mistake(
    "detach_round",
    name="x + round(x) first, and x taken away afterwards",
    hint="x + round(x) is itself rounded, and digits are lost. Put the difference in a bracket: x + (round(x) - x), "
    "the bracket detached.",
)
def unbracketed(x):
    return x + torch.round(x).detach() - x.detach()


@mistake(
    "detach_round",
    name="the correction has the wrong sign",
    hint="The correction is what leads from x to round(x): round(x) - x.",
)
def turned(x):
    return x + (x - torch.round(x)).detach()


@mistake(
    "detach_round",
    name="floor in place of round",
    hint="1.7 is nearer to 2 than to 1. torch.floor always goes down.",
)
def detach_floor(x):
    return x + (torch.floor(x) - x).detach()


@mistake(
    "detach_round",
    name="x is overwritten",
    hint="x.data = ... changes the caller's tensor, and so does x.round_(): the float weight is lost. Build a new "
    "tensor out of x.",
)
def through_data(x):
    x.data = torch.round(x.data)
    return x * 1


@mistake(
    "detach_round",
    name="ceil in place of round",
    hint="0.3 is nearer to 0 than to 1. torch.ceil always goes up.",
)
def detach_ceil(x):
    return x + (torch.ceil(x) - x).detach()


@mistake(
    "detach_round",
    name="the fraction is cut off",
    hint="torch.trunc and integer types cut toward zero: 1.7 becomes 1. torch.round rounds.",
)
def detach_trunc(x):
    return x + (torch.trunc(x) - x).detach()


@mistake(
    "detach_round",
    name="halves go away from zero",
    hint="Here 0.5 and 2.5 go to the even neighbour, 0 and 2. torch.round(x) does just that.",
)
def detach_half_away(x):
    return x + (torch.sign(x) * torch.floor(torch.abs(x) + 0.5) - x).detach()


@mistake(
    "detach_round",
    name="halves go up, as in floor(x + 0.5)",
    hint="Here 0.5 and 2.5 go to the even neighbour, 0 and 2. torch.round(x) does just that.",
)
def detach_half_up(x):
    return x + (torch.floor(x + 0.5) - x).detach()


@mistake(
    "detach_round",
    name="the caller's x is marked with requires_grad_",
    hint="Whether x asks for a gradient is the caller's choice: leave x as it came.",
)
def detach_marked(x):
    x.requires_grad_()
    return x + (torch.round(x) - x).detach()
