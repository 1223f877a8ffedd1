"""Wrong implementations for lesson 3."""

import torch
from torch.autograd import Function

from course.mistakes import mistake


def rounding(forward, backward):
    """Make an autograd.Function whose backward needs nothing but the input and the gradient."""

    def run(ctx, x):
        ctx.save_for_backward(x)
        return forward(x)

    space = {
        "forward": staticmethod(run),
        "backward": staticmethod(lambda ctx, gradient: backward(ctx.saved_tensors[0], gradient)),
    }
    return type("RoundPass", (Function,), space)


def known(exercise, name, hint, implementation):
    """Enter an implementation that is one expression."""
    return mistake(exercise, name=name, hint=hint)(implementation)


FORWARD = "forward returns what the loss sees: torch.round(x), and nothing more."
BACKWARD = "backward returns the gradient with respect to the input: 1 times grad_output."

zero = known(
    "RoundPass",
    "backward returns zeros",
    "0 is the true derivative of rounding, and the reason why nothing learns. Pretend that it is 1.",
    rounding(torch.round, lambda x, g: torch.zeros_like(g)),
)
ones = known(
    "RoundPass",
    "backward returns ones, whatever came in",
    "By the chain rule, the derivative 1 is multiplied by grad_output. Where does that go?",
    rounding(torch.round, lambda x, g: torch.ones_like(g)),
)
doubled = known(
    "RoundPass", "the gradient is doubled", BACKWARD + " Is it added twice?", rounding(torch.round, lambda x, g: 2 * g)
)
rounded = known(
    "RoundPass",
    "the gradient is rounded too",
    "Only the forward pass rounds. A gradient of 0.4 is a small slope, and must stay one.",
    rounding(torch.round, lambda x, g: torch.round(g)),
)
negated = known("RoundPass", "the gradient's sign is turned", BACKWARD, rounding(torch.round, lambda x, g: -g))
weighted = known(
    "RoundPass",
    "the gradient is multiplied by the input",
    BACKWARD + " The input itself is not needed; there is nothing to save for backward.",
    rounding(torch.round, lambda x, g: g * x),
)
windowed = known(
    "RoundPass",
    "the gradient stops where |x| > 1",
    "A mask has its uses, and its own exercise: clip_round. RoundPass lets every gradient through.",
    rounding(torch.round, lambda x, g: g * (x.abs() <= 1)),
)
nothing = known(
    "RoundPass",
    "backward returns None",
    "None tells autograd that there is no gradient. Return grad_output.",
    rounding(torch.round, lambda x, g: None),
)
floored = known(
    "RoundPass",
    "floor in place of round",
    "1.7 is nearer to 2 than to 1. torch.floor always goes down.",
    rounding(torch.floor, lambda x, g: g),
)
truncated = known(
    "RoundPass",
    "the fraction is cut off",
    "Going through an integer type, or torch.trunc, cuts toward zero: 1.7 becomes 1. torch.round rounds.",
    rounding(torch.trunc, lambda x, g: g),
)
half_away = known(
    "RoundPass",
    "halves go away from zero",
    "0.5 and 2.5 go to the even neighbour, 0 and 2, as torch.round does it: " + FORWARD,
    rounding(lambda x: x.sign() * torch.floor(x.abs() + 0.5), lambda x, g: g),
)
half_up = known(
    "RoundPass",
    "halves go up: floor(x + 0.5)",
    "0.5 and 2.5 go to the even neighbour, 0 and 2, as torch.round does it: " + FORWARD,
    rounding(lambda x: torch.floor(x + 0.5), lambda x, g: g),
)
unrounded = known("RoundPass", "forward does not round", FORWARD, rounding(lambda x: x.clone(), lambda x, g: g))
in_place = known(
    "RoundPass",
    "the input is rounded in place",
    "x.round_() overwrites the caller's tensor: the float weight is lost. torch.round(x) makes a new one.",
    rounding(lambda x: x.round_(), lambda x, g: g),
)
single = known(
    "RoundPass",
    "the result is always float32",
    "torch.round keeps the dtype by itself. Leave out the conversion.",
    rounding(lambda x: torch.round(x).float(), lambda x, g: g.double()),
)

undetached = known(
    "detach_round",
    "nothing is detached",
    "The gradient of x + (round(x) - x) is 1 + 0 - 1 = 0. The bracket must be a constant.",
    lambda x: x + (torch.round(x) - x),
)
wrong_side = known(
    "detach_round",
    "detach on the wrong side",
    "The value is right and the gradient is -1: you made x the constant and kept the bracket's gradient.",
    lambda x: x.detach() + (torch.round(x) - x),
)
all_detached = known(
    "detach_round",
    "everything is detached",
    "No part with a gradient is left. Detach the correction, round(x) - x, and keep the first x.",
    lambda x: torch.round(x).detach(),
)
new_leaf = known(
    "detach_round",
    "detached, then marked with requires_grad_",
    "requires_grad_ starts a new graph; the gradient ends there and never reaches x. Keep a term with x in the sum.",
    lambda x: torch.round(x).detach().requires_grad_(),
)
unsubtracted = known(
    "detach_round",
    "x is added and not taken away",
    "x + round(x) is about twice too large. What must be added to x to get round(x)?",
    lambda x: x + torch.round(x).detach(),
)
turned = known(
    "detach_round",
    "the correction has the wrong sign",
    "The correction is what leads from x to round(x): round(x) - x.",
    lambda x: x + (x - torch.round(x)).detach(),
)
detach_floor = known(
    "detach_round",
    "floor in place of round",
    "1.7 is nearer to 2 than to 1. torch.floor always goes down.",
    lambda x: x + (torch.floor(x) - x).detach(),
)


@mistake(
    "detach_round",
    name="the input is overwritten through .data",
    hint="x.data = ... changes the caller's tensor: the float weight is lost. Build a new tensor out of x.",
)
def through_data(x):
    x.data = torch.round(x.data)
    return x * 1


def path_of(step, quantize, start, steps):
    """Collect the path that repeated steps make."""
    path = [start.detach().clone()]
    for _ in range(steps):
        path.append(step(path[-1]))
    return torch.stack(path)


def slope(quantize, w, target, loss=lambda error: (error**2).sum()):
    """Differentiate the loss at one point."""
    w = w.clone().requires_grad_()
    return torch.autograd.grad(loss(quantize(w) - target), w)[0]


@mistake(
    "descend",
    name="gradients add up from step to step",
    hint="backward() adds to w.grad. Zero it before each step, or take a fresh leaf.",
)
def accumulating(quantize, start, target, rate=0.1, steps=50):
    total = torch.zeros_like(start)
    return path_of(lambda w: w - rate * total.add_(slope(quantize, w, target)), quantize, start, steps)


@mistake(
    "descend",
    name="every entry of the path is the last point",
    hint="The list holds one tensor many times, and an in-place step changes it everywhere. Append w.detach().clone().",
)
def aliased(quantize, start, target, rate=0.1, steps=50):
    path = path_of(lambda w: w - rate * slope(quantize, w, target), quantize, start, steps)
    return path[-1:].expand_as(path)


@mistake(
    "descend",
    name="every entry of the path after the start is the last point",
    hint="The list holds one tensor many times, and an in-place step changes it everywhere. Append w.detach().clone().",
)
def aliased_later(quantize, start, target, rate=0.1, steps=50):
    path = path_of(lambda w: w - rate * slope(quantize, w, target), quantize, start, steps)
    return torch.cat([path[:1], path[-1:].expand_as(path[1:])])


@mistake("descend", name="uphill", hint="A descent goes against the gradient: w - rate * gradient.")
def uphill(quantize, start, target, rate=0.1, steps=50):
    return path_of(lambda w: w + rate * slope(quantize, w, target), quantize, start, steps)


@mistake(
    "descend",
    name="the start is missing from the path",
    hint="The path has steps + 1 entries: the first is the start, before any step.",
)
def headless(quantize, start, target, rate=0.1, steps=50):
    return path_of(lambda w: w - rate * slope(quantize, w, target), quantize, start, max(steps, 1))[1:]


@mistake(
    "descend",
    name="the last point is missing from the path",
    hint="The path has steps + 1 entries: the start, and one after each step.",
)
def tailless(quantize, start, target, rate=0.1, steps=50):
    return path_of(lambda w: w - rate * slope(quantize, w, target), quantize, start, steps)[: max(steps, 1)]


@mistake(
    "descend",
    name="the weight itself is quantized",
    hint="Only the loss sees quantize(w). The weight stays a float, or small steps would be rounded away.",
)
def no_master(quantize, start, target, rate=0.1, steps=50):
    def step(w):
        return quantize(w) - rate * slope(quantize, w, target)

    return path_of(step, quantize, start, steps).detach()


@mistake(
    "descend",
    name="quantize is never called",
    hint="The loss is that of quantize(w), not of w.",
)
def unquantized(quantize, start, target, rate=0.1, steps=50):
    return path_of(lambda w: w - rate * slope(lambda v: v, w, target), quantize, start, steps)


@mistake(
    "descend",
    name="the mean of the squares in place of their sum",
    hint="With a mean, two weights slow each other down. The loss is the sum of the squared errors.",
)
def averaged(quantize, start, target, rate=0.1, steps=50):
    mean = lambda error: (error**2).mean()  # noqa: E731
    return path_of(lambda w: w - rate * slope(quantize, w, target, mean), quantize, start, steps)


@mistake("descend", name="half the squared error", hint="The derivative of e² is 2 e: where is the 2?")
def halved(quantize, start, target, rate=0.1, steps=50):
    return path_of(lambda w: w - rate * slope(quantize, w, target) / 2, quantize, start, steps)


@mistake(
    "descend",
    name="start is changed",
    hint="start belongs to the caller. Work on start.detach().clone().",
)
def overwriting(quantize, start, target, rate=0.1, steps=50):
    path = path_of(lambda w: w - rate * slope(quantize, w, target), quantize, start, steps)
    start.data.copy_(path[-1])
    return path


def inside(x, low, high):
    return (x >= low) & (x <= high)


def clipping(mask, values=lambda x, low, high: torch.round(x).clamp(low, high)):
    """Make a clip_round whose gradient is what `mask` makes of it."""

    class Clip(Function):
        @staticmethod
        def forward(ctx, x, low, high):
            ctx.save_for_backward(x)
            ctx.range = low, high
            return values(x, low, high)

        @staticmethod
        def backward(ctx, g):
            return mask(ctx.saved_tensors[0], g, *ctx.range), None, None

    return lambda x, low, high: Clip.apply(x, low, high)


def masked(x, g, low, high):
    return g * inside(x, low, high)


OUTSIDE = "Where the value was cut off, the output does not depend on x: its gradient is 0 there."

unmasked = known("clip_round", "no mask: the gradient passes everywhere", OUTSIDE, clipping(lambda x, g, a, b: g))
one_line_unmasked = known(
    "clip_round",
    "no mask: x + (q - x).detach()",
    OUTSIDE + " In x + (q - x).detach() it is 1 everywhere. (And where x is huge, the sum loses q.)",
    lambda x, low, high: x + (torch.round(x).clamp(low, high) - x).detach(),
)
inverted = known(
    "clip_round",
    "the mask is inverted",
    "The gradient passes inside the range and stops outside. Yours does the opposite.",
    clipping(lambda x, g, a, b: g * ~inside(x, a, b)),
)
on_gradient = known(
    "clip_round",
    "the mask looks at the gradient instead of the input",
    "Whether a gradient passes depends on where x lies, not on how large the gradient is.",
    clipping(lambda x, g, a, b: g * inside(g, a, b)),
)
clipped_gradient = known(
    "clip_round",
    "the gradient is clamped instead of the input",
    "Clamping grad_output to low ... high limits its size. It must be kept or stopped, according to where x lies.",
    clipping(lambda x, g, a, b: g.clamp(a, b)),
)
upper_only = known("clip_round", "the mask forgets the lower end", OUTSIDE, clipping(lambda x, g, a, b: g * (x <= b)))
lower_only = known("clip_round", "the mask forgets the upper end", OUTSIDE, clipping(lambda x, g, a, b: g * (x >= a)))
true_gradient = known(
    "clip_round",
    "torch.round has stopped the gradient",
    "torch.clamp(torch.round(x), ...) has gradient 0 everywhere. Round straight-through: roundpass, or detach.",
    lambda x, low, high: torch.clamp(torch.round(x), low, high),
)
symmetric = known(
    "clip_round",
    "the range is taken as -high ... high",
    "low and high are two numbers: -2 ... 1 holds -2.",
    lambda x, low, high: torch.clamp(x + (torch.round(x) - x).detach(), -high, high),
)
half_open = known(
    "clip_round",
    "high itself is left out",
    "high is the largest value that may come out, not the first that may not.",
    clipping(masked, lambda x, low, high: torch.round(x).clamp(low, max(low, high - 1))),
)
unclipped = known(
    "clip_round", "nothing is clamped", "Values outside low ... high must come out as low or high.",
    clipping(masked, lambda x, low, high: torch.round(x)),
)  # fmt: skip
clip_only = known(
    "clip_round", "nothing is rounded", "Round as well as clamp.", lambda x, low, high: torch.clamp(x, low, high)
)
clip_floor = known(
    "clip_round",
    "floor in place of round",
    "0.8 is nearer to 1 than to 0. torch.floor always goes down.",
    clipping(masked, lambda x, low, high: torch.floor(x).clamp(low, high)),
)
clip_in_place = known(
    "clip_round",
    "the input is overwritten",
    "clamp_ and round_, with the underscore, change the caller's tensor. Use clamp and round.",
    clipping(masked, lambda x, low, high: x.round_().clamp_(low, high)),
)


@mistake(
    "clip_round",
    name="the value is lost far outside the range",
    hint="x + (q - x) is q only while x is not much larger than q: at 100 million the last digits of q are gone. "
    "Take the correction from something that lies inside the range.",
)
def cancelled(x, low, high):
    passing = torch.where(inside(x, low, high), x, x.detach())
    return passing + (torch.round(x).clamp(low, high) - x).detach()


@mistake(
    "clip_round",
    name="half the gradient where the value lands on an end",
    hint="Where the two are equal, torch.minimum and torch.maximum give each half of the gradient. 0.8 lies inside, "
    "and its gradient must pass whole. torch.clamp passes it whole; so does a clamp before the rounding.",
)
def shared_ends(x, low, high):
    y = x + (torch.round(x) - x).detach()
    return torch.minimum(torch.maximum(y, x.new_tensor(low)), x.new_tensor(high))


VALUES = "The values of x come back as they are; only the gradient is multiplied."

multiplied = known("scale_gradient", "the values are multiplied too", VALUES, lambda x, factor: x * factor)
untouched = known(
    "scale_gradient",
    "the gradient is left as it is",
    "Nothing multiplies the gradient. Only a part of the sum that has the factor in it may carry a gradient.",
    lambda x, factor: x + 0 * factor,
)
complement = known(
    "scale_gradient",
    "detach on the wrong side",
    "The gradient is 1 - factor: the part without the factor kept its gradient, and the part with it lost it.",
    lambda x, factor: (x * factor).detach() + (x - x * factor),
)
divided = known(
    "scale_gradient",
    "the gradient is divided by the factor",
    "A factor of 0.25 makes the gradient smaller.",
    lambda x, factor: x.detach() + (x - x.detach()) / factor if factor else x * 1,
)
stopped = known(
    "scale_gradient",
    "no gradient comes back at all",
    "Detaching everything cuts x off. One part must keep its gradient.",
    lambda x, factor: x.detach().requires_grad_(),
)


def backward_only(change):
    """Make a scale_gradient with the right values and a gradient of its own."""

    class Scale(Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return change(g, ctx.factor), None

    return lambda x, factor: Scale.apply(x, factor)


clamped = known(
    "scale_gradient",
    "the gradient is clipped to the factor",
    "Clipping makes large gradients equal. Multiply: small ones shrink as well.",
    backward_only(lambda g, factor: g.clamp(-abs(factor), abs(factor))),
)
constant = known(
    "scale_gradient",
    "the gradient is replaced by the factor",
    "By the chain rule the factor is multiplied by the gradient that comes in.",
    backward_only(lambda g, factor: torch.full_like(g, factor)),
)
squared = known(
    "scale_gradient",
    "the factor is applied twice",
    "Once is enough: the gradient is factor², not factor.",
    lambda x, factor: x.detach() + (x - x.detach()) * factor**2,
)


@mistake(
    "scale_gradient",
    name="the hook sits on x itself",
    hint="A hook on x scales the gradient of every use of x, and stays there. Put it on a new tensor: x.clone().",
)
def hooked(x, factor):
    if x.requires_grad:
        x.register_hook(lambda g: g * factor)
    return x


@mistake(
    "scale_gradient",
    name="the hook sits on x itself, which may have no gradient",
    hint="A hook on x scales the gradient of every use of x, and fails where x asks for none. Work on a new tensor.",
)
def hooked_anyway(x, factor):
    x.register_hook(lambda g: g * factor)
    return x


def random_as(x, generator):
    return torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)


def chance(value):
    """Make a stochastic_round with a straight-through gradient from `value(x, random numbers)`."""
    return lambda x, generator=None: x + (value(x, random_as(x, generator)) - x).detach()


coin = known(
    "stochastic_round",
    "a fair coin, wherever x lies",
    "0.3 is nearer to 0 than to 1: it goes up with probability 0.3, not one half.",
    chance(lambda x, u: torch.floor(x) + (u < 0.5) * (x != torch.floor(x))),
)
swapped = known(
    "stochastic_round",
    "up and down are swapped",
    "The nearer integer must be the likelier one: up with probability x - floor(x).",
    chance(lambda x, u: torch.floor(x) + (u < 1 - (x - torch.floor(x))) * (x != torch.floor(x))),
)
nearest = known(
    "stochastic_round",
    "nothing is random",
    "torch.round always sends 0.3 to 0. Here it must go to 1 three times in ten.",
    chance(lambda x, u: torch.round(x)),
)
noisy = known(
    "stochastic_round",
    "noise is added, then rounded to the nearest",
    "round(x + u) with u between 0 and 1 is one half too large on average. With floor it is right.",
    chance(lambda x, u: torch.round(x + u)),
)
toward_zero = known(
    "stochastic_round",
    "negative values start from the wrong side",
    "trunc(-1.7) is -1, the integer above. torch.floor gives the integer below on both sides of zero.",
    chance(lambda x, u: torch.trunc(x) + (u < (x - torch.trunc(x)).abs())),
)
shared = known(
    "stochastic_round",
    "one random number for the whole tensor",
    "Each element needs a number of its own: torch.rand(x.shape, ...).",
    lambda x, generator=None: (
        x + (torch.floor(x) + (torch.rand((), generator=generator) < x - torch.floor(x)) - x).detach()
    ),
)
deaf = known(
    "stochastic_round",
    "the generator is not used",
    "Hand it on: torch.rand(x.shape, generator=generator).",
    lambda x, generator=None: x + (torch.floor(x + torch.rand(x.shape)) - x).detach(),
)
seeded = known(
    "stochastic_round",
    "the same random numbers in every call",
    "A seed set inside the function makes every call alike. Set none; the caller decides.",
    lambda x, generator=None: chance(lambda x, u: torch.floor(x + u))(x, generator or torch.Generator().manual_seed(0)),
)
gradientless = known(
    "stochastic_round",
    "the gradient is 0",
    "torch.floor has gradient 0. Add the straight-through trick: x + (... - x).detach().",
    lambda x, generator=None: torch.floor(x) + (random_as(x, generator) < x - torch.floor(x)) + 0 * x,
)
graphless = known(
    "stochastic_round",
    "no gradient comes back at all",
    "Detaching everything cuts x off. Keep one x outside the detached part: x + (... - x).detach().",
    lambda x, generator=None: torch.floor(x + random_as(x, generator)).detach(),
)
stochastic_in_place = known(
    "stochastic_round",
    "the input is overwritten",
    "floor_ and add_, with the underscore, change the caller's tensor. Use floor and +.",
    lambda x, generator=None: x + (x.data.add_(random_as(x, generator)).floor_() - x).detach(),
)
