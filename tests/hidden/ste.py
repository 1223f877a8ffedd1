"""Hidden checks of lesson 3."""

import torch

from lib.cases import case


@case("RoundPass", points=2, title="the forward pass rounds")
def round_values(RoundPass, draw):
    far = torch.cat([10.0 ** draw.integers(9, low=2, high=12), -(10.0 ** torch.arange(9.0, 22.0))])
    return [
        RoundPass.apply(10 * draw.normal(4, 5)),
        RoundPass.apply(far + 0.7),
        RoundPass.apply(draw.integers(9) + 0.46),
    ]


@case("RoundPass", points=1, title="halves go to the even neighbour")
def round_halves(RoundPass, draw):
    return RoundPass.apply(draw.integers(20, low=-9, high=10) + 0.5)


@case("RoundPass", points=4, title="the backward pass returns the gradient as it came")
def round_passes(RoundPass, draw):
    x, gradient = 3 * draw.normal(3, 4, dtype=torch.float64), 5 * draw.normal(3, 4, dtype=torch.float64)
    x[0] = draw.integers(4, dtype=torch.float64) / 2  # integers and halves
    x[1] *= 300
    x.requires_grad_()
    y = RoundPass.apply(3 * x)
    gradient[2, :2] = 0
    (2 * y).backward(gradient)
    handed_in = gradient.clone()
    RoundPass.apply(x).backward(handed_in)
    RoundPass.apply(x).sum().backward()
    return {"output": y, "gradient": x.grad, "gradient of the output afterwards": handed_in}


@case("RoundPass", points=1, title="shape and dtype of the input are kept, and the input itself")
def round_keeps(RoundPass, draw):
    whole = draw.integers(2, 3, 4, low=10**8, high=10**9, dtype=torch.float64)  # float32 would lose their last digit
    inputs = [whole + 0.25, draw.normal(3, 2).T, draw.normal(3, 2, dtype=torch.float16), draw.normal(1)[0]]
    return [[RoundPass.apply(x), x] for x in inputs]


@case("detach_round", points=2, title="the values are those of torch.round")
def detach_values(detach_round, draw):
    return [detach_round(10 * draw.normal(4, 5)), detach_round(draw.integers(20, low=-9, high=10) + 0.5)]


@case("detach_round", points=1, title="whole numbers to the last digit, also from large x", exact=True)
def detach_exact(detach_round, draw):
    return detach_round(draw.normal(200) * 10.0 ** draw.integers(200, low=0, high=12))


@case("detach_round", points=3, title="the gradient passes unchanged")
def detach_passes(detach_round, draw):
    x, gradient = 3 * draw.normal(3, 4), 5 * draw.normal(3, 4)
    x[0] = draw.integers(4) / 2  # integers and halves
    x[1] *= 300
    x.requires_grad_()
    y = detach_round(3 * x)
    if not y.requires_grad:
        return "the output asks for no gradient"
    return {"output": y, "gradient": torch.autograd.grad(2 * y, x, gradient)[0]}


@case("detach_round", points=1, title="shape and dtype of the input are kept, and the input itself")
def detach_keeps(detach_round, draw):
    whole = draw.integers(2, 3, 4, low=10**8, high=10**9, dtype=torch.float64)  # float32 would lose their last digit
    inputs = [whole + 0.25, draw.normal(3, 2).T, draw.normal(3, 2, dtype=torch.float16), draw.normal(1)[0]]
    return [[detach_round(x), x, x.requires_grad] for x in inputs]


@case("descend", points=2, title="the path on a smooth loss, from the start on")
def descend_smooth(descend, draw):
    start, target = draw.normal(2, 3), draw.normal(2, 3)
    grid = draw.normal(5)
    return [
        descend(torch.tanh, start, target, rate=0.2, steps=7),
        descend(lambda w: torch.tanh(w * grid), start[0, 0], draw.normal(5), rate=0.2, steps=7),
    ]


@case("descend", points=2, title="the path through straight-through rounding: the weight itself is never rounded")
def descend_round(descend, draw):
    start, target = draw.integers(5) + 0.25, draw.integers(5) + 0.75
    return descend(lambda w: w + (torch.round(w) - w).detach(), start, target, rate=0.125, steps=9)


@case("descend", points=1, title="through torch.round nothing moves; no step at all is a path of one point")
def descend_still(descend, draw):
    start = 300 * draw.normal(4)
    return [descend(torch.round, start, 5.0, rate=0.5, steps=4), descend(torch.sin, start, 5.0, steps=0)]


@case("descend", points=1, title="50 steps at rate 0.1 by default; a detached path of start's dtype; start is kept")
def descend_keeps(descend, draw):
    start = draw.normal(3, dtype=torch.float64)
    path = descend(torch.tanh, start, 0.3)
    return {"path": path, "path.requires_grad": path.requires_grad, "start": [start, start.requires_grad]}


@case("clip_round", points=2, title="the values, inside, at the edges and outside")
def clip_values(clip_round, draw):
    low, high = draw.number(-9, 0), draw.number(1, 9)
    x = torch.cat([8 * draw.normal(30), torch.arange(-10.0, 10.5, 0.5), torch.arange(-9.0, 9.0) + 0.46])
    return clip_round(x, low, high)


@case("clip_round", points=3, title="the gradient passes inside and stops outside, whatever its own size")
def clip_gradient(clip_round, draw):
    inputs, outputs, gradients = [], [], []
    for low in (draw.number(-9, -5), draw.number(-4, 0), draw.number(1, 5)):
        high = low + draw.number(3, 7)
        ends = torch.tensor([low + 0.03, high - 0.03])
        steps = torch.arange(low + 0.5, high, 0.5)  # integers and halves
        inside = torch.cat([ends, steps, draw.uniform(18, low=low + 0.01, high=high - 0.01)])
        above, below = high + 0.51 + 9 * draw.uniform(20), low - 0.51 - 9 * draw.uniform(20)
        x = (
            torch.cat([inside, torch.tensor([low - 0.53, high + 0.53]), above, below])
            .roll(len(inputs))
            .requires_grad_()
        )
        inputs.append(x)
        outputs.append(clip_round(1 * x, low, high))
    for x, y in zip(inputs, outputs, strict=True):  # all calls come before, as in a network
        y.backward(20 * draw.normal(len(x)))
        gradients.append(x.grad)
    return gradients


@case("clip_round", points=1, title="ranges without 0, that end at 0, of one value, of many")
def clip_ranges(clip_round, draw):
    x = torch.cat([6 * draw.normal(20), torch.tensor([-300.0, -4.5, 0.5, 1.5, 200.0, 300.0])])
    ranges = [(2, 5), (-7, -3), (1, 1), (-4, 0), (0, 4), (-200, 255)]
    return [clip_round(x.clone(), low, high) for low, high in ranges]


@case("clip_round", points=1, title="values far outside come out as the nearest end, exactly", exact=True)
def clip_far(clip_round, draw):
    x = torch.cat([10.0 ** draw.integers(9, low=6, high=12), -(10.0 ** draw.integers(9, low=6, high=12))])
    return clip_round(x, -8, 7)


@case("clip_round", points=1, title="shape and dtype are kept, and what is handed in: x, and the gradient")
def clip_keeps(clip_round, draw):
    inputs = [4 * draw.normal(2, 3, 4, dtype=torch.float64), 4 * draw.normal(3, 2).T, 4 * draw.normal(1)[0]]
    inputs += [draw.normal(3, 2, dtype=torch.float16), torch.tensor([0.5 + 1e-9, -0.5 - 1e-9], dtype=torch.float64)]
    kept = [[clip_round(x, -2, 1), x, x.requires_grad] for x in inputs]
    x, handed_in = torch.tensor([-7.0, 0.3, 5.0], requires_grad=True), torch.tensor([1.0, 2.0, 3.0])
    clip_round(x, -2, 1).backward(handed_in)
    return [*kept, handed_in]


@case("scale_gradient", points=2, title="the values are those of x")
def scale_values(scale_gradient, draw):
    x = draw.normal(3, 4)
    x[0, 0] = 0
    return [scale_gradient(x.clone(), factor) for factor in (0.0, 0.01, 1.0, -2.0, 30.0)]


@case("scale_gradient", points=3, title="the gradient is multiplied by the factor: any factor, any gradient")
def scale_passes(scale_gradient, draw):
    gradients = []
    for factor in (0.0, 3.8e-5, -20.0, 30.0, draw.number(2, 9) / 16):
        x = draw.normal(3, 4)
        x[0, 0] = 0
        x.requires_grad_()
        (scale_gradient(2 * x, factor) ** 2 + 0 * x).backward(5 * draw.normal(3, 4))
        gradients.append(x.grad)
    return gradients


@case("scale_gradient", points=1, title="other uses of x keep their gradient")
def scale_shared(scale_gradient, draw):
    x = draw.normal(5).requires_grad_()
    (x * x + scale_gradient(x, 0.25) + scale_gradient(x, 0.5)).sum().backward()
    return x.grad


@case("scale_gradient", points=1, title="shape and dtype of the input are kept, and the input itself")
def scale_keeps(scale_gradient, draw):
    inputs = [4 * draw.normal(2, 3, 4, dtype=torch.float64), 4 * draw.normal(3, 2).T, 4 * draw.normal(1)[0]]
    inputs.append(draw.normal(3, 2, dtype=torch.float16))
    return [[scale_gradient(x, 0.1), x, x.requires_grad] for x in inputs]


@case("stochastic_round", points=2, title="each value goes to the integer below or above; integers stay")
def stochastic_neighbours(stochastic_round, draw):
    x = torch.cat([4 * draw.normal(5000), 2000 * draw.normal(500), draw.integers(50, low=-9, high=10)])
    x = torch.cat([x, 10.0 ** torch.arange(9.0, 15.0)])
    y = stochastic_round(x)
    stays = x == torch.round(x)
    return {
        "whole": torch.equal(y.detach(), torch.round(y.detach())),
        "too far": int(((y - x).abs() >= 1).sum()),
        "moved": int((y - x)[stays].abs().sum()),
    }


@case("stochastic_round", points=3, title="right on average, below and above zero", rtol=0, atol=0.012)
def stochastic_mean(stochastic_round, draw):
    whole = draw.integers(9, low=-5, high=6)
    values = whole + torch.tensor([0.03, 0.12, 0.25, 0.37, 0.5, 0.63, 0.75, 0.88, 0.97])
    y = stochastic_round(values.repeat(100_000, 1))
    return {"whole": torch.equal(y, torch.round(y)), "mean": y.double().mean(0)}


@case("stochastic_round", points=1, title="each element has its own luck")
def stochastic_alone(stochastic_round, draw):
    y = stochastic_round(torch.full((2, 200, 100), 0.5))
    spread = [y[0].mean(dim).std() for dim in (0, 1)]
    sums = torch.stack([stochastic_round(torch.full((100,), 0.5)).sum() for _ in range(50)])
    return {
        "rows differ": bool(0.02 < spread[1] < 0.1),
        "columns differ": bool(0.015 < spread[0] < 0.1),
        "matrices differ": not torch.equal(y[0], y[1]),
        "sums differ": bool(2.5 < sums.std() < 8),  # 5 where the elements are independent
    }


@case("stochastic_round", points=2, title="the gradient passes unchanged")
def stochastic_passes(stochastic_round, draw):
    x, gradient = 3 * draw.normal(3, 4), 5 * draw.normal(3, 4)
    x[0] = draw.integers(4)
    x.requires_grad_()
    y = stochastic_round(3 * x)
    if not y.requires_grad:
        return "the output asks for no gradient"
    return {"whole": torch.equal(y, torch.round(y)), "gradient": torch.autograd.grad(2 * y, x, gradient)[0]}


@case("stochastic_round", points=1, title="the generator decides, and torch's own is left alone then")
def stochastic_generator(stochastic_round, draw):
    x, seed = draw.uniform(1000, low=-3, high=3), draw.number(0, 2**31)
    before = torch.get_rng_state()
    generators = [torch.Generator().manual_seed(s) for s in (seed, seed, seed + 1)]
    once, again, other = (stochastic_round(x, generator) for generator in generators)
    seeded = [torch.equal(once, y) for y in (again, other, stochastic_round(x, generators[0]))]
    untouched = torch.equal(before, torch.get_rng_state())
    torch.manual_seed(seed)
    once, twice = stochastic_round(x), stochastic_round(x)
    torch.manual_seed(seed)
    return [*seeded, untouched, torch.equal(once, twice), torch.equal(once, stochastic_round(x))]


@case("stochastic_round", points=1, title="shape and dtype of the input are kept, and the input itself")
def stochastic_keeps(stochastic_round, draw):
    inputs = [4 * draw.normal(2, 3, 4, dtype=torch.float64), 4 * draw.normal(3, 2).T, 4 * draw.normal(1)[0]]
    inputs.append(4 * draw.normal(3, 2, dtype=torch.float16))
    outputs = [stochastic_round(x) for x in inputs]
    whole = [torch.equal(y, torch.round(y)) for y in outputs]
    return [whole, *([str(y.dtype), list(y.shape), x, x.requires_grad] for y, x in zip(outputs, inputs, strict=True))]
