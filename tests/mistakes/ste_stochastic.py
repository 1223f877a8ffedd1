"""Lesson 3: wrong implementations of `stochastic_round`."""

import torch

from course.mistakes import mistake


@mistake(
    "stochastic_round",
    name="a fair coin, wherever x lies",
    hint="0.3 is nearer to 0 than to 1: it goes up with probability 0.3, not one half.",
)
def coin(x, generator=None):
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    y = torch.where(random < 0.5, torch.ceil(x), torch.floor(x))
    return x + (y - x).detach()


@mistake(
    "stochastic_round",
    name="up and down are swapped",
    hint="The nearer integer must be the likelier one: up with probability x - floor(x).",
)
def swapped(x, generator=None):
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    y = torch.where(random < x - torch.floor(x), torch.floor(x), torch.ceil(x))
    return x + (y - x).detach()


@mistake(
    "stochastic_round",
    name="nothing is random",
    hint="torch.round always sends 0.3 to 0. Here it must go to 1 three times in ten.",
)
def nearest(x, generator=None):
    return x + (torch.round(x) - x).detach()


@mistake(
    "stochastic_round",
    name="noise is added, then rounded to the nearest",
    hint="round(x + u) with u between 0 and 1 is one half too large on average. With floor it is right.",
)
def noisy(x, generator=None):
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x + (torch.round(x + random) - x).detach()


@mistake(
    "stochastic_round",
    name="negative values start from the wrong side",
    hint="trunc(-1.7) is -1, the integer above. torch.floor gives the integer below on both sides of zero.",
)
def toward_zero(x, generator=None):
    below = torch.trunc(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x + (below + (random < (x - below).abs()) - x).detach()


@mistake(
    "stochastic_round",
    name="trunc in place of floor",
    hint="trunc(-1.7) is -1, the integer above, and x - trunc(x) is negative there: no random number lies below it. "
    "torch.floor gives the integer below on both sides of zero.",
)
def truncated(x, generator=None):
    below = torch.trunc(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x + (below + (random < x - below) - x).detach()


@mistake(
    "stochastic_round",
    name="one random number for the whole tensor",
    hint="Each element needs a number of its own: torch.rand(x.shape, ...).",
)
def shared(x, generator=None):
    below = torch.floor(x)
    random = torch.rand((), generator=generator)
    return x + (below + (random < x - below) - x).detach()


@mistake(
    "stochastic_round",
    name="the same random numbers for each row",
    hint="Each element needs a number of its own: torch.rand(x.shape, ...), not one for each column.",
)
def shared_by_rows(x, generator=None):
    below = torch.floor(x)
    random = torch.rand(x.shape[-1:], generator=generator, dtype=x.dtype)
    return x + (below + (random < x - below) - x).detach()


@mistake(
    "stochastic_round",
    name="x is added first, and taken away afterwards",
    hint="x + y is itself rounded, and taking x away leaves no whole number: 1000.00006. Put the difference in a "
    "bracket: x + (y - x).detach().",
)
def unbracketed_random(x, generator=None):
    below = torch.floor(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x + (below + (random < x - below)).detach() - x.detach()


@mistake(
    "stochastic_round",
    name="the generator is set back to its seed in every call",
    hint="A generator moves on as it is used, so that a second call gives other numbers. Hand it to torch.rand as is.",
)
def rewound(x, generator=None):
    if generator is not None:
        generator.manual_seed(generator.initial_seed())
    below = torch.floor(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x + (below + (random < x - below) - x).detach()


@mistake(
    "stochastic_round",
    name="a generator of its own where none is given",
    hint="torch.manual_seed must decide then. Hand None on: torch.rand(x.shape, generator=None) takes torch's own.",
)
def own_generator(x, generator=None):
    if generator is None:
        generator = torch.Generator()
        generator.seed()
    below = torch.floor(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x + (below + (random < x - below) - x).detach()


@mistake(
    "stochastic_round",
    name="the generator is not used",
    hint="Hand it on: torch.rand(x.shape, generator=generator).",
)
def deaf(x, generator=None):
    below = torch.floor(x)
    random = torch.rand(x.shape)
    return x + (below + (random < x - below) - x).detach()


@mistake(
    "stochastic_round",
    name="the same random numbers in every call",
    hint="A seed set inside the function makes every call alike. Set none; the caller decides.",
)
def seeded(x, generator=None):
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    below = torch.floor(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x + (below + (random < x - below) - x).detach()


@mistake(
    "stochastic_round",
    name="the gradient is 0",
    hint="torch.floor has gradient 0. Add the straight-through trick: x + (... - x).detach().",
)
def gradientless(x, generator=None):
    below = torch.floor(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return below + (random < x - below)


@mistake(
    "stochastic_round",
    name="no gradient comes back at all",
    hint="Detaching everything cuts x off. Keep one x outside the detached part: x + (... - x).detach().",
)
def graphless(x, generator=None):
    below = torch.floor(x.detach())
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return below + (random < x.detach() - below)


@mistake(
    "stochastic_round",
    name="the input is overwritten",
    hint="x.data = ..., copy_, floor_ and add_ change the caller's tensor. Use new ones: floor and +.",
)
def stochastic_in_place(x, generator=None):
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    y = x.detach().add_(random).floor_()
    return x + (y - x).detach()


@mistake(
    "stochastic_round",
    name="the caller's x is marked with requires_grad_",
    hint="Whether x asks for a gradient is the caller's choice: leave x as it came.",
)
def stochastic_marked(x, generator=None):
    x.requires_grad_()
    below = torch.floor(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    return x + (below + (random < x - below) - x).detach()


@mistake(
    "stochastic_round",
    name="the fraction is measured from zero",
    hint="-1.7 lies 0.3 above the integer below, -2, and goes up with probability 0.3. And what is the sign of 0?",
)
def by_size(x, generator=None):
    size, random = x.abs(), torch.rand(x.shape, generator=generator, dtype=x.dtype)
    below = torch.floor(size)
    y = below + (random < size - below)
    return x + (torch.where(below == 0, y, torch.sign(x) * y) - x).detach()
