"""Hidden checks of lesson 4: the search for a scale, and the step that learns."""

import torch

from lib.cases import case


@case("mse_scale", points=3, title="normal and evenly spread numbers, 2 to 6 bits: error over the least", rtol=0.05)
def mse_shapes(mse_scale, draw):
    answers = []
    even = draw.integers(450, low=1, high=60)  # with their negatives, the sum is 0
    data = ((2, draw.normal(900)), (3, draw.normal(30, 30).mT), (6, draw.normal(3000)), (4, torch.cat([even, -even])))
    for bits, x in data:
        qmin, qmax = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        widest = x.abs().max() / qmax

        def error(scale, x=x, qmin=qmin, qmax=qmax):
            return ((x / scale).round().clamp(qmin, qmax) * scale - x).square().mean().item()

        reached = error(float(mse_scale(x, bits)))
        least = min(error(widest * k / 600) for k in range(1, 601))
        answers.append(max(reached / least, 1.0))
    return answers


@case("mse_scale", points=2, title="one number far outside: error over the least", rtol=0.05)
def mse_far_outside(mse_scale, draw):
    answers = []
    for far in (8.0, -30.0):
        x = torch.cat([draw.normal(900), torch.tensor([far])])
        widest = x.abs().max() / 7

        def error(scale, x=x):
            return ((x / scale).round().clamp(-8, 7) * scale - x).square().mean().item()

        reached = error(float(mse_scale(x, 4)))
        least = min(error(widest * k / 600) for k in range(1, 601))
        answers.append(max(reached / least, 1.0))
    return answers


@case("mse_scale", points=1, title="2 bits and a number far outside: error over the least", rtol=0.05)
def mse_two_dips(mse_scale, draw):
    answers = []
    for count, far in ((2000, 9.0), (2000, 12.0), (900, 20.0), (4000, 30.0)):
        x = torch.cat([draw.normal(count), torch.tensor([far])])
        widest = x.abs().max()

        def error(scale, x=x):
            return ((x / scale).round().clamp(-2, 1) * scale - x).square().mean().item()

        reached = error(float(mse_scale(x, 2)))
        least = min(error(widest * k / 600) for k in range(1, 601))
        answers.append(max(reached / least, 1.0))
    return answers


@case("mse_scale", points=2, title="unsigned codes, tiny and large numbers: error over the least", rtol=0.05)
def mse_unsigned(mse_scale, draw):
    answers = []
    for bits, size in ((2, 1e-10), (4, 1e3)):
        x = size * draw.normal(900).relu()
        qmax = 2**bits - 1
        widest = x.max() / qmax

        def error(scale, x=x, qmax=qmax):
            return ((x / scale).round().clamp(0, qmax) * scale - x).square().mean().item()

        reached = error(float(mse_scale(x, bits, signed=False)))
        least = min(error(widest * k / 600) for k in range(1, 601))
        answers.append(max(reached / least, 1.0))
    return answers


@case("mse_scale", points=1, title="what comes back, zeros, bad bits, and x left unchanged")
def mse_manners(mse_scale, draw, refused):
    x, kinds = draw.normal(50), []
    for kind in (torch.float32, torch.float64):
        y = x.to(kind)
        scale = mse_scale(y, 3)
        kinds += [str(scale.dtype), scale.dim(), float(scale) > 0, y, mse_scale(torch.zeros(2, 3, dtype=kind), 4)]
    return [*kinds, *(refused(lambda b=b: mse_scale(x, b)) for b in (0, 1, 2, 2.5, 16, 17))]


@case("LearnedStep", points=1, title="the first step, signed and unsigned, set once", rtol=1e-4)
def learned_first_step(LearnedStep, draw):
    answers = []
    for bits in (2, 4, 8):
        for signed in (True, False):
            q = LearnedStep(bits, signed)
            q(torch.cat([draw.normal(50), torch.zeros(9)]))
            q(7 * draw.normal(50))
            q.eval()(3 * draw.normal(50))
            answers.append(q.step)
    for shape in (2, 3), (3, 2, 4):
        q = LearnedStep(3).eval()
        q(1e-9 * draw.normal(*shape))
        q(draw.normal(*shape))
        answers.append(q.step * 1e9)
    for x in (torch.cat([torch.zeros(1), draw.normal(9)]), -draw.normal(9).abs()):
        q = LearnedStep(3)
        with torch.no_grad():
            q(x)
        answers.append(q.step)
    q = LearnedStep(2)
    q(torch.tensor([0.5, -0.5]))  # a first step of 1
    q(draw.normal(9))
    return [*answers, q.step]


@case("LearnedStep", points=2, title="what comes out, inside and outside the codes")
def learned_output(LearnedStep, draw):
    answers = []
    for bits, signed in ((2, True), (3, True), (3, False)):
        q = LearnedStep(bits, signed)
        x = draw.normal(40)
        answers += [q(x), q(5 * x), x, LearnedStep(bits, signed)(1e-9 * x) * 1e9]
        with torch.no_grad():
            answers += [q(x), x]
    q = LearnedStep(2)
    q(torch.tensor([1.0, -1.0]))  # makes the step 2
    return [*answers, q(draw.integers(60, low=-7, high=8)), q(torch.tensor(2.3))]


@case("LearnedStep", points=2, title="the gradient of x")
def learned_gradient_x(LearnedStep, draw):
    grads = []
    for bits, signed in ((2, True), (3, False)):
        q = LearnedStep(bits, signed)
        q(draw.normal(40))
        q.train(signed)
        x = (3 * draw.normal(60)).requires_grad_()
        (q(x) * draw.normal(60)).sum().backward()
        grads.append(x.grad)
    return grads


@case("LearnedStep", points=3, title="the gradient of the step, with its scale", rtol=1e-3, atol=1e-5)
def learned_gradient_step(LearnedStep, draw):
    grads = []
    for bits, signed, shape in ((2, True, (40,)), (3, False, (5, 8)), (3, True, (8, 5)), (4, True, (2, 3, 4, 5))):
        q = LearnedStep(bits, signed)
        q(draw.normal(30))
        q.train(shape != (5, 8))
        (q(2 * draw.normal(*shape)) * draw.normal(*shape)).sum().backward()
        grads.append(q.step.grad)
    return grads


@case("LearnedStep", points=1, title="an optimizer made before the first call moves the step", rtol=1e-3)
def learned_trained(LearnedStep, draw):
    q = LearnedStep(3)
    optimizer = torch.optim.SGD(q.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        q(2 * draw.normal(30)).square().sum().backward()
        optimizer.step()
    return q.step


@case("LearnedStep", points=1, title="zeros at first, a reloaded step, bad bits")
def learned_manners(LearnedStep, draw, refused):
    old, new = LearnedStep(3), LearnedStep(3)
    zeros = [old(torch.zeros(4)), bool(old.calibrated), old.state_dict()["calibrated"].dim()]
    old(draw.normal(30))
    new.load_state_dict(old.state_dict())
    bad = [refused(lambda b=b: LearnedStep(b)) for b in (0, 1, 2, 2.5, 16, 17)]
    return [*zeros, bool(old.calibrated), new(9 * draw.normal(30)), new.step, *bad]
