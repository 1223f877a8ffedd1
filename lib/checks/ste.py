"""Public cases and hints of lesson 3."""

import torch

from lib.cases import case

HINTS = {
    "RoundPass": [
        "An autograd.Function has two halves. forward gets the tensor and returns the rounded one; backward gets "
        "the gradient with respect to the output and returns the gradient with respect to the input.",
        "backward, by the chain rule: grad_output times the derivative of rounding, which is taken to be 1. It "
        "returns a tensor (`return 1` makes torch complain), and it needs nothing from ctx.",
        "forward: torch.round(x), which sends halves to the even neighbour, as is wanted. backward: 1 times "
        "grad_output is grad_output.",
    ],
    "detach_round": [
        "The value needs all three terms of x + (round(x) - x). So leave none out; but a term may lose its derivative.",
        "Which of the three derivatives 1, 0, −1 must go? Detach exactly that term.",
        "The derivative of round(x) is 0 anyway, so the whole bracket (torch.round(x) - x) may be the constant.",
    ],
    "descend": [
        "Keep the path as a list of tensors, start with a copy of `start`, and end with torch.stack(path).",
        "In each step take a fresh leaf: w = path[-1].clone().requires_grad_(). It has no old gradient that would "
        "have to be zeroed. If w.grad is None ('float' and 'NoneType', says the error), w is not a leaf: it was "
        "computed from the point before. Detach it first.",
        "The loss is the docstring's, with w for w and .sum() at its end; loss.backward() fills w.grad. The next "
        "point is computed from path[-1], which has no graph, and so has none itself.",
    ],
    "clip_round": [
        "You have the rounding already: roundpass(x). What is left is the clamp, and its gradient.",
        "What gradient does torch.clamp give an element that it has cut off, and what to one that it has not?",
        "torch.clamp(roundpass(x), low, high), or a torch.where between a part that has a gradient and one that "
        "has not. x + (q - x).detach() will not do here: its gradient is 1 everywhere. (In a Function, backward "
        "returns one value for each argument of forward: the gradient of x, None, None.)",
    ],
    "scale_gradient": [
        "Split x into two parts that add up to x: one with a gradient, one without.",
        "(x - x.detach()) is 0 everywhere, but its gradient is 1. Times the factor, it is still 0.",
        "x.detach() + (x - x.detach()) * factor. A Function is as good, if its backward returns one value for each "
        "argument of forward: grad_output * ctx.factor, None.",
    ],
    "stochastic_round": [
        "torch.floor(x) is the integer below. How far above it is x? That distance is a probability.",
        "torch.rand(x.shape, generator=generator) < p is True with probability p, for each element on its own.",
        "below + (random < x - below) is the value. For the gradient: x + (... - x).detach(). (In a Function, backward "
        "returns one value for each argument of forward: grad_output, None.)",
    ],
}


@case("RoundPass", title="apply to a 2×3 matrix: the values")
def round_values(RoundPass):
    return RoundPass.apply(torch.tensor([[0.3, 1.7, -1.2], [1.46, 300.7, -3e9]]))


@case("RoundPass", title="apply to −1.5, −0.5, 0.5, 1.5, 2.5 and 100000001 in float64: halves go to the even neighbour")
def round_halves(RoundPass):
    return RoundPass.apply(torch.tensor([-1.5, -0.5, 0.5, 1.5, 2.5, 100_000_001], dtype=torch.float64))


@case("RoundPass", title="the gradient at 0.3, 1.7, −1.2, when that of the output is 1, 1, 1")
def round_ones(RoundPass):
    x = torch.tensor([0.3, 1.7, -1.2], requires_grad=True)
    RoundPass.apply(x).backward(torch.ones(3))
    return {"gradient": x.grad}


@case("RoundPass", title="the gradient at 0.3, 1.7, −1.2, 0.5, 2, 3000.7: the output's is 0.4, −3, 2.5, 0, 0.0004, 30")
def round_passes(RoundPass):
    x = torch.tensor([0.3, 1.7, -1.2, 0.5, 2.0, 3000.7], requires_grad=True)
    RoundPass.apply(x).backward(torch.tensor([0.4, -3.0, 2.5, 0.0, 0.0004, 30.0]))
    return {"gradient": x.grad}


@case("RoundPass", title="float64, float16, a single number: output, gradient, and what was handed in")
def round_keeps(RoundPass):
    x = torch.tensor([[[0.25, 2.75], [-0.75, 4.0]]], dtype=torch.float64).mT.requires_grad_()
    handed_in, half = torch.full(x.shape, 16_777_217.25, dtype=torch.float64), torch.tensor([0.25, 2.75]).half()
    y = RoundPass.apply(x)
    y.backward(handed_in)
    result = {"output": y, "gradient": x.grad, "x afterwards": x, "gradient of the output afterwards": handed_in}
    result |= {"times that it was written to": handed_in._version, "float16": RoundPass.apply(half)}
    return result | {"float16 x afterwards": half, "single number": RoundPass.apply(torch.tensor(2.75))}


@case("detach_round", title="the values at 0.3, 1.7, −1.2, 1.46, and at the halves from −2.5 to 2.5")
def detach_values(detach_round):
    return detach_round(torch.tensor([0.3, 1.7, -1.2, 1.46, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5]))


@case("detach_round", title="0.123456, 1000.3, 3000000.25, 3·10⁹: how far from torch.round you are", exact=True)
def detach_exact(detach_round):
    x = torch.tensor([0.123456, 1000.3, 3000000.25, 3e9])
    return {"difference": detach_round(x) - torch.round(x)}


@case("detach_round", title="the gradient at 0.3, 1.7, −1.2, 0.5, 2, 3000.7: the output's is 0.4, −3, 2.5, 1, 2, 3")
def detach_passes(detach_round):
    x = torch.tensor([0.3, 1.7, -1.2, 0.5, 2.0, 3000.7], requires_grad=True)
    y, gradient = detach_round(1 * x), torch.tensor([0.4, -3.0, 2.5, 1.0, 2.0, 3.0])
    grad = torch.autograd.grad(y, x, gradient, allow_unused=True)[0] if y.requires_grad else None
    return {"output.requires_grad": y.requires_grad, "gradient": grad}


@case("detach_round", title="float64 with three dimensions, float16, a single number: output and dtype; x afterwards")
def detach_keeps(detach_round):
    x = torch.tensor([[[0.25, 100_000_001]], [[-0.75, 4.0]]], dtype=torch.float64)
    first = {"output": detach_round(x), "x afterwards": x, "x.requires_grad afterwards": x.requires_grad}
    half, alone = torch.tensor([0.25, 2.75]).half(), torch.tensor(2.75)
    return {"float64": first, "float16": detach_round(half), "single number": detach_round(alone)}


@case("descend", title="quantize = the identity, from 0 to 300, rate 0.25, one step")
def descend_once(descend):
    return descend(lambda w: w, torch.tensor(0.0), 300.0, rate=0.25, steps=1)


@case("descend", title="quantize = the identity, from 0 to 1, rate 0.125, three steps")
def descend_thrice(descend):
    return descend(lambda w: w, torch.tensor(0.0), 1.0, rate=0.125, steps=3)


@case("descend", title="quantize halves the second row: from ((0, 4), (4, 0)) to 1, rate 0.25, two steps")
def descend_pair(descend):
    start, factors = torch.tensor([[0.0, 4.0], [4.0, 0.0]]), torch.tensor([[1.0], [0.5]])
    return descend(lambda w: w * factors, start, 1.0, rate=0.25, steps=2)


@case("descend", title="quantize = straight-through rounding, from 0.25 to 2, rate 0.125, six steps")
def descend_round(descend):
    return descend(lambda w: w + (torch.round(w) - w).detach(), torch.tensor(0.25), 2.0, rate=0.125, steps=6)


@case("descend", title="quantize = (w, 2w), from 0 to the tensor (1, 3), rate 0.125, two steps")
def descend_target(descend):
    grid, target = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])
    return descend(lambda w: w * grid, torch.tensor(0.0), target, rate=0.125, steps=2)


@case("descend", title="no step at all, and as many as there are without rate and steps: 50 at rate 0.1")
def descend_defaults(descend):
    start = torch.tensor([0.25, 4.0])
    return {"steps=0": descend(lambda w: w, start, 1.0, steps=0), "defaults": descend(lambda w: w, start[0], 1.0)}


@case("descend", title="float64, to 0.3: the path, detached, and start as it was")
def descend_keeps(descend):
    start = torch.tensor([0.0, 3.0], dtype=torch.float64)
    path = descend(lambda w: w, start, 0.3, rate=0.25, steps=2)
    result = {"path": path, "path.requires_grad": path.requires_grad}
    return result | {"start afterwards": start, "start.requires_grad afterwards": start.requires_grad}


@case("clip_round", title="−2 … 1, the values at 0.3, −1.46, 0.8, −1.6, and at the halves 0.5, −0.5, −1.5: all inside")
def clip_inside(clip_round):
    return clip_round(torch.tensor([0.3, -1.46, 0.8, -1.6, 0.5, -0.5, -1.5]), -2, 1)


@case("clip_round", title="−2 … 1, the values at 5.2, −7.9, 1.6, −2.6: all outside")
def clip_outside(clip_round):
    return clip_round(torch.tensor([5.2, -7.9, 1.6, -2.6]), -2, 1)


@case("clip_round", title="−2 … 1, the gradient at 0.3, −1.4, 0.8 (inside), when that of the output is 0.5, −40, 2")
def clip_passes(clip_round):
    x = torch.tensor([0.3, -1.4, 0.8], requires_grad=True)
    clip_round(x, -2, 1).backward(torch.tensor([0.5, -40.0, 2.0]))
    return {"gradient": x.grad}


@case("clip_round", title="−2 … 1, the gradient at 5.2, 0.3 (inside), −7.9: that of the output is 0.5, 2, −4")
def clip_stops(clip_round):
    x = torch.tensor([5.2, 0.3, -7.9], requires_grad=True)
    y, between = clip_round(1 * x, -2, 1), clip_round(torch.zeros(3), 3, 3)  # each call with a mask of its own
    y.backward(torch.tensor([0.5, 2.0, -4.0]))
    return {"gradient": x.grad, "another call in between": between}


@case("clip_round", title="3 … 6, at −4, 2.45 (outside), 3.03, 4, 4.5, 5.97 (inside), 6.55 (outside)")
def clip_range(clip_round):
    x = torch.tensor([-4.0, 2.45, 3.03, 4.0, 4.5, 5.97, 6.55], requires_grad=True)
    y, handed_in = clip_round(x, 3, 6), torch.tensor([-7.0, 1.0, 2.0, 3.0, 4.0, 5.0, -6.0])
    y.backward(handed_in)
    return {"values": y, "gradient": x.grad, "gradient of the output afterwards": handed_in}


@case("clip_round", title="the values at 3·10⁹, 0.3 and −3·10⁹, for several ranges")
def clip_far(clip_round):
    ranges = (-2, 1), (3, 3), (-4, 0), (0, 300)
    return {f"{low} ... {high}": clip_round(torch.tensor([3e9, 0.3, -3e9]), low, high) for low, high in ranges}


@case("clip_round", title="0 … 3, float64 with three dimensions, float16, a single number: output, dtype; x afterwards")
def clip_keeps(clip_round):
    x = torch.tensor([[[-1.75, 0.25]], [[2.500000001, 7.5]]], dtype=torch.float64)
    first = {"output": clip_round(x, 0, 3), "x afterwards": x, "x.requires_grad afterwards": x.requires_grad}
    half, alone = torch.tensor([0.25, 7.5]).half(), torch.tensor(7.5)
    return {"float64": first, "float16": clip_round(half, 0, 3), "single number": clip_round(alone, 0, 3)}


@case("scale_gradient", title="the values at 2, −3, 0 and 0.34, for the factors 0.5 and 0")
def scale_values(scale_gradient):
    return {f"factor {f}": scale_gradient(torch.tensor([2.0, -3.0, 0.0, 0.34]), f) for f in (0.5, 0.0)}


@case("scale_gradient", title="factor 0.25, the gradient at 2, −3 and 0, when that of the output is 1, −800 and 4")
def scale_passes(scale_gradient):
    x, handed_in = torch.tensor([2.0, -3.0, 0.0], requires_grad=True), torch.tensor([1.0, -800.0, 4.0])
    scale_gradient(x, 0.25).backward(handed_in)
    return {"gradient": x.grad, "gradient of the output afterwards": handed_in}


@case("scale_gradient", title="factors −20, 30, 0.000038 and 0: the gradient, when that of the output is 1 and −800")
def scale_factors(scale_gradient):
    gradients = {}
    for factor in (-20.0, 30.0, 3.8e-5, 0.0):
        x = torch.tensor([2.0, -3.0], requires_grad=True)
        (scale_gradient(1 * x, factor) + 0 * x).backward(torch.tensor([1.0, -800.0]))
        gradients[f"factor {factor}"] = x.grad
    return gradients


@case("scale_gradient", title="other uses of x: x·x + scale_gradient(x, 0.25) + scale_gradient(x, 3.0)")
def scale_shared(scale_gradient):
    x = torch.tensor([2.0, -3.0], requires_grad=True)
    (x * x + scale_gradient(x, 0.25) + scale_gradient(x, 3.0)).sum().backward()
    return {"gradient": x.grad}


@case("scale_gradient", title="no gradient asked for: float64, float16, a single number: output, and x afterwards")
def scale_keeps(scale_gradient):
    x = torch.tensor([[[0.25, 100_000_001]], [[-0.75, 4.0]]], dtype=torch.float64)
    first = {"output": scale_gradient(x, 0.25), "x afterwards": x, "x.requires_grad afterwards": x.requires_grad}
    rest = {"float16": torch.tensor([0.25, 7.5]).half(), "single number": torch.tensor(0.5)}
    return {"float64": first} | {what: scale_gradient(x, 0.25) for what, x in rest.items()}


@case("stochastic_round", title="integers stay as they are: float32, float64 with three dimensions, float16, a number")
def stochastic_integers(stochastic_round):
    inputs = [torch.tensor([[2.0, -3.0, 3e9]]), torch.tensor([[[5.0], [0.0], [-1.0]]], dtype=torch.float64)]
    inputs += [torch.tensor([2.0, -3.0]).half(), torch.tensor(2.0)]
    return [stochastic_round(x, torch.Generator().manual_seed(0)) for x in inputs]


@case("stochastic_round", title="1000 times 0.3, −0.3, −1.7, and 1000.3: which integers come out")
def stochastic_ends(stochastic_round, draw):
    generator, numbers = torch.Generator().manual_seed(draw.number(0, 2**31)), (0.3, -0.3, -1.7, 1000.3)
    found = {v: stochastic_round(torch.full((1000,), v), generator).unique() + 0.0 for v in numbers}
    return {f"{v} goes to": " and ".join(f"{y:.8g}" for y in values[:4].tolist()) for v, values in found.items()}


@case("stochastic_round", title="ten times 2×20×20 times 0.5: each element has its own luck")
def stochastic_alone(stochastic_round, draw):
    generators = [torch.Generator().manual_seed(draw.number(0, 2**31)) for _ in range(10)]
    y = torch.stack([stochastic_round(torch.full((2, 20, 20), 0.5), generator) for generator in generators])
    names = {"matrices": 1, "rows": 2, "columns": 3}
    alike = {f"all {what} alike": bool((y == y.narrow(dim, 0, 1)).all()) for what, dim in names.items()}
    return alike | {"as many go up in every call": y.sum((1, 2, 3)).sort().values.diff().sum().item() <= 4}


@case("stochastic_round", title="100 000 rows of 0.02, 0.74, and −1.4: the means, to the nearest 0.02")
def stochastic_mean(stochastic_round, draw):
    values, generator = torch.tensor([0.02, 0.74, -1.4]), torch.Generator().manual_seed(draw.number(0, 2**31))
    means = stochastic_round(values.repeat(100_000, 1), generator).double().mean(0)
    return {f"mean at {v:.2f}": round(50 * m) / 50 for v, m in zip(values.tolist(), means.tolist(), strict=True)}


@case("stochastic_round", title="x itself is left as it was")
def stochastic_keeps(stochastic_round, draw):
    x, before = draw.uniform(5, low=-3, high=3).repeat(2, 1)
    stochastic_round(x, torch.Generator().manual_seed(draw.number(0, 2**31)))
    return {"x is as it was": torch.equal(x, before), "x.requires_grad afterwards": x.requires_grad}


@case("stochastic_round", title="the gradient at 0.3, 1.7, −1.2, 2, when that of the output is 0.4, −3, 2.5, 5")
def stochastic_passes(stochastic_round):
    x = torch.tensor([0.3, 1.7, -1.2, 2.0], requires_grad=True)
    y, gradient = stochastic_round(x), torch.tensor([0.4, -3.0, 2.5, 5.0])
    return {"gradient": torch.autograd.grad(y, x, gradient)[0] if y.requires_grad else None}


@case("stochastic_round", title="the generator decides: one with the same seed, one with another, and one used twice")
def stochastic_generator(stochastic_round, draw):
    x, seed = draw.uniform(1000), draw.number(0, 2**31)
    generators, before = [torch.Generator().manual_seed(s) for s in (seed, seed, seed + 1)], torch.get_rng_state()
    once, again, other = (stochastic_round(x, generator) for generator in generators)
    pairs = {"the same seed": again, "another seed": other, "one used twice": stochastic_round(x, generators[0])}
    same = {f"{what} gives the same": torch.equal(once, y) for what, y in pairs.items()}
    return same | {"torch's own is left alone": torch.equal(before, torch.get_rng_state())}


@case("stochastic_round", title="without a generator: two calls, and two after the same torch.manual_seed")
def stochastic_fresh(stochastic_round, draw):
    x, seed = draw.uniform(1000), draw.number(0, 2**31)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        once, twice = stochastic_round(x), stochastic_round(x)
        torch.manual_seed(seed)
        again = stochastic_round(x)
    return {"two calls give the same": torch.equal(once, twice), "after the same seed": torch.equal(once, again)}
