"""Public cases and hints of lesson 3."""

import torch

from lib.cases import case

HINTS = {
    "RoundPass": [
        "An autograd.Function has two halves. forward gets the tensor and returns the rounded one; backward gets "
        "the gradient with respect to the output and returns the gradient with respect to the input.",
        "forward: torch.round(x). It sends halves to the even neighbour, which is what is wanted.",
        "backward: the derivative of rounding is taken to be 1, and 1 times grad_output is grad_output. (`return 1` "
        "makes torch complain: backward returns a tensor.)",
    ],
    "detach_round": [
        "Autograd sees t.detach() as a constant: its value counts, its derivative is 0.",
        "Write round(x) as x plus something. What is the something?",
        "x + (torch.round(x) - x) has the right value. Which part must be a constant, so that only the first x is "
        "left for the gradient?",
    ],
    "descend": [
        "Keep the path as a list of tensors, start with a copy of `start`, and end with torch.stack(path).",
        "In each step take a fresh leaf: w = path[-1].clone().requires_grad_(). It has no old gradient that would "
        "have to be zeroed. If w.grad is None ('float' and 'NoneType', says the error), w is not a leaf: it was "
        "computed from the point before. Detach it first.",
        "loss = ((quantize(w) - target) ** 2).sum(); loss.backward(); the next point is path[-1] - rate * w.grad.",
    ],
    "clip_round": [
        "You have the rounding already: roundpass(x). What is left is the clamp, and its gradient.",
        "What gradient does torch.clamp give an element that it has cut off, and what to one that it has not?",
        "torch.clamp(roundpass(x), low, high), or a torch.where between a part that has a gradient and one that "
        "has not. x + (q - x).detach() will not do here: its gradient is 1 everywhere.",
    ],
    "scale_gradient": [
        "Split x into two parts that add up to x: one with a gradient, one without.",
        "(x - x.detach()) is 0 everywhere, but its gradient is 1. Times the factor, it is still 0.",
        "x.detach() + (x - x.detach()) * factor. A Function with backward returning grad_output * factor is as good.",
    ],
    "stochastic_round": [
        "torch.floor(x) is the integer below. How far above it is x? That distance is a probability.",
        "torch.rand(x.shape, generator=generator) < p is True with probability p, for each element on its own.",
        "below + (random < x - below) is the value. For the gradient: x + (... - x).detach().",
    ],
}


@case("RoundPass", title="apply to 0.3, 1.7, −1.2: the values")
def round_values(RoundPass):
    return RoundPass.apply(torch.tensor([0.3, 1.7, -1.2]))


@case("RoundPass", title="apply to −0.5, 0.5, 1.5, 2.5: halves go to the even neighbour")
def round_halves(RoundPass):
    return RoundPass.apply(torch.tensor([-0.5, 0.5, 1.5, 2.5]))


@case("RoundPass", title="the gradient at 0.3, 1.7, −1.2, when that of the output is 1, 1, 1")
def round_ones(RoundPass):
    x = torch.tensor([0.3, 1.7, -1.2], requires_grad=True)
    RoundPass.apply(x).sum().backward()
    return {"gradient": x.grad}


@case("RoundPass", title="the gradient at 0.3, 1.7, −1.2, when that of the output is 0.4, −3, 2.5")
def round_passes(RoundPass):
    x = torch.tensor([0.3, 1.7, -1.2], requires_grad=True)
    RoundPass.apply(x).backward(torch.tensor([0.4, -3.0, 2.5]))
    return {"gradient": x.grad}


@case("RoundPass", title="a float64 matrix: its shape and dtype, its gradient's, and x afterwards")
def round_keeps(RoundPass):
    x = torch.tensor([[0.25, 2.75, -0.75]], dtype=torch.float64, requires_grad=True)
    y = RoundPass.apply(x)
    y.backward(torch.ones_like(x))
    return {"output": y, "gradient": x.grad, "x afterwards": x}


@case("detach_round", title="the values at 0.3, 1.7, −1.2, and at 0.5, 1.5, 2.5")
def detach_values(detach_round):
    return detach_round(torch.tensor([0.3, 1.7, -1.2, 0.5, 1.5, 2.5]))


@case("detach_round", title="1000.3 and 1428571.4: how far your values are from those of torch.round", exact=True)
def detach_exact(detach_round):
    x = torch.tensor([1000.3, 1428571.4])
    return {"difference": detach_round(x) - torch.round(x)}


@case("detach_round", title="the output still asks for a gradient where x does")
def detach_graph(detach_round):
    return {"requires_grad": detach_round(torch.tensor([0.3], requires_grad=True)).requires_grad}


@case("detach_round", title="the gradient at 0.3, 1.7, −1.2, when that of the output is 0.4, −3, 2.5")
def detach_passes(detach_round):
    x = torch.tensor([0.3, 1.7, -1.2], requires_grad=True)
    detach_round(x).backward(torch.tensor([0.4, -3.0, 2.5]))
    return {"gradient": x.grad}


@case("detach_round", title="a float64 matrix: its shape and dtype, and x afterwards")
def detach_keeps(detach_round):
    x = torch.tensor([[0.25, 2.75, -0.75]], dtype=torch.float64)
    return {"output": detach_round(x), "x afterwards": x}


@case("descend", title="quantize = the identity, from 0 to 1, rate 0.25, one step")
def descend_once(descend):
    return descend(lambda w: w, torch.tensor(0.0), 1.0, rate=0.25, steps=1)


@case("descend", title="quantize = the identity, from 0 to 1, rate 0.25, three steps")
def descend_thrice(descend):
    return descend(lambda w: w, torch.tensor(0.0), 1.0, rate=0.25, steps=3)


@case("descend", title="quantize = half of w, two weights from (0, 4) to 1, rate 0.5, two steps")
def descend_pair(descend):
    return descend(lambda w: w / 2, torch.tensor([0.0, 4.0]), 1.0, rate=0.5, steps=2)


@case("descend", title="quantize = straight-through rounding, from 0.25 to 2, rate 0.125, six steps")
def descend_round(descend):
    return descend(lambda w: w + (torch.round(w) - w).detach(), torch.tensor(0.25), 2.0, rate=0.125, steps=6)


@case("descend", title="start is left as it was, and its dtype kept: float64")
def descend_keeps(descend):
    start = torch.tensor([0.0, 3.0], dtype=torch.float64)
    return {"path": descend(lambda w: w, start, 1.0, rate=0.25, steps=2), "start afterwards": start}


@case("clip_round", title="−2 … 1, the values at 0.3, −1.4, 0.8: all inside")
def clip_inside(clip_round):
    return clip_round(torch.tensor([0.3, -1.4, 0.8]), -2, 1)


@case("clip_round", title="−2 … 1, the values at 5.2, −7.9, 1.6, −2.6: all outside")
def clip_outside(clip_round):
    return clip_round(torch.tensor([5.2, -7.9, 1.6, -2.6]), -2, 1)


@case("clip_round", title="−2 … 1, the gradient at 0.3, −1.4, 0.8 (inside), when that of the output is 0.5, −4, 2")
def clip_passes(clip_round):
    x = torch.tensor([0.3, -1.4, 0.8], requires_grad=True)
    clip_round(x, -2, 1).backward(torch.tensor([0.5, -4.0, 2.0]))
    return {"gradient": x.grad}


@case("clip_round", title="−2 … 1, the gradient at 5.2, −7.9 (outside), when that of the output is 0.5, −4")
def clip_stops(clip_round):
    x = torch.tensor([5.2, -7.9], requires_grad=True)
    clip_round(x, -2, 1).backward(torch.tensor([0.5, -4.0]))
    return {"gradient": x.grad}


@case("clip_round", title="−2 … 1, the values at 10⁸ and −10⁸: far outside")
def clip_far(clip_round):
    return clip_round(torch.tensor([1e8, -1e8]), -2, 1)


@case("clip_round", title="0 … 3, a float64 matrix: the values, the dtype, and x afterwards")
def clip_keeps(clip_round):
    x = torch.tensor([[-1.75, 0.25], [2.25, 7.5]], dtype=torch.float64)
    return {"output": clip_round(x, 0, 3), "x afterwards": x}


@case("scale_gradient", title="factor 0.5, the values at 2 and −3")
def scale_values(scale_gradient):
    return scale_gradient(torch.tensor([2.0, -3.0]), 0.5)


@case("scale_gradient", title="factor 0.25, the gradient at 2 and −3, when that of the output is 1 and −8")
def scale_passes(scale_gradient):
    x = torch.tensor([2.0, -3.0], requires_grad=True)
    scale_gradient(x, 0.25).backward(torch.tensor([1.0, -8.0]))
    return {"gradient": x.grad}


@case("scale_gradient", title="factor 0.25, x used twice: scale_gradient(x, 0.25) + x")
def scale_shared(scale_gradient):
    x = torch.tensor([2.0, -3.0], requires_grad=True)
    (scale_gradient(x, 0.25) + x).sum().backward()
    return {"gradient": x.grad}


@case("scale_gradient", title="factor 0.25, an x that asks for no gradient, float64, and x afterwards")
def scale_keeps(scale_gradient):
    x = torch.tensor([[2.5, -3.0]], dtype=torch.float64)
    return {"output": scale_gradient(x, 0.25), "x afterwards": x}


@case("stochastic_round", title="1000 times 0.3, and −1.7: which integers come out")
def stochastic_ends(stochastic_round, draw):
    generator = torch.Generator().manual_seed(draw.number(0, 2**31))
    found = {v: stochastic_round(torch.full((1000,), v), generator).unique() + 0.0 for v in (0.3, -1.7)}
    return {f"{v} goes to": " and ".join(f"{y:g}" for y in values[:4].tolist()) for v, values in found.items()}


@case("stochastic_round", title="20 000 times 0.3, and −1.7: the mean, to one decimal")
def stochastic_mean(stochastic_round, draw):
    generator = torch.Generator().manual_seed(draw.number(0, 2**31))
    means = [stochastic_round(torch.full((20_000,), v), generator).mean() for v in (0.3, -1.7)]
    return [mean.round(decimals=1) for mean in means]


@case("stochastic_round", title="integers stay as they are: a float64 matrix, and 2 without dimensions")
def stochastic_integers(stochastic_round, draw):
    generator = torch.Generator().manual_seed(draw.number(0, 2**31))
    x = draw.integers(2, 3, dtype=torch.float64)
    return [stochastic_round(x, generator), stochastic_round(torch.tensor(2.0), generator)]


@case("stochastic_round", title="x itself is left as it was")
def stochastic_keeps(stochastic_round, draw):
    x = draw.uniform(5, low=-3, high=3)
    stochastic_round(x, torch.Generator().manual_seed(draw.number(0, 2**31)))
    return {"x afterwards": x}


@case("stochastic_round", title="the gradient at 0.3, 1.7, −1.2, when that of the output is 0.4, −3, 2.5")
def stochastic_passes(stochastic_round):
    x = torch.tensor([0.3, 1.7, -1.2], requires_grad=True)
    y = stochastic_round(x)
    gradient = torch.tensor([0.4, -3.0, 2.5])
    return {"gradient": torch.autograd.grad(y, x, gradient)[0] if y.requires_grad else None}


@case("stochastic_round", title="the generator decides: the same one twice, then two different ones")
def stochastic_generator(stochastic_round, draw):
    x, seed = draw.uniform(1000), draw.number(0, 2**31)
    once, again, other = (stochastic_round(x, torch.Generator().manual_seed(s)) for s in (seed, seed, seed + 1))
    return {"same seed, same result": torch.equal(once, again), "other seed, same": torch.equal(once, other)}


@case("stochastic_round", title="without a generator, two calls give two results")
def stochastic_fresh(stochastic_round, draw):
    x = draw.uniform(1000)
    return {"twice the same": torch.equal(stochastic_round(x), stochastic_round(x))}
