"""Public cases of lesson 4: scales of channels, the search for a scale, and the step that learns."""

import math

import torch

from lib.cases import case


@case("channel_scale", title="two rows with 3 bits")
def two_rows(channel_scale):
    weights = torch.tensor([[1.0, -3.0, 2.0], [6.0, 0.0, -5.0]])
    return {"scales": channel_scale(weights, 3), "weights afterwards": weights}


@case("channel_scale", title="the columns of a matrix; the weights of convolutions: axis 1, axis 2, one output channel")
def columns(channel_scale):
    matrix = torch.tensor([[1.0, -3.0, 2.0], [6.0, 0.0, -5.0]], dtype=torch.float16)
    weights = torch.arange(-6.0, 18.0).reshape(2, 3, 2, 2)
    answers = [channel_scale(matrix, 3, axis=1), channel_scale(weights, 4, axis=1)]
    return [*answers, channel_scale(weights.double()[..., 0], 4, axis=2), channel_scale(weights[1:], 4)]


@case("channel_scale", title="channels of zeros and of tiny numbers; which bits are refused", rtol=1e-5, atol=0.0)
def dead_channel(channel_scale, refused):
    weights = torch.tensor([[0.0, 0.0], [6.0, 1.0], [-(2.0**-40), 0.0]])
    answers = {f"{bits} bits": refused(lambda b=bits: channel_scale(weights, b)) for bits in (0, 1, 2, 16, 17)}
    return {"scales of [[0, 0], [6, 1], [-1e-12, 0]]": channel_scale(weights, 3)} | answers


@case("mse_scale", title="five numbers with 2 bits: the scale to the nearest whole number, and x afterwards")
def five_numbers(mse_scale):
    x = torch.tensor([7.0, -8.0, 3.0, -8.0, -20.0], dtype=torch.float64)
    scale = mse_scale(x, 2)
    tensor = isinstance(scale, torch.Tensor)
    kind = f"a {scale.dim()}-d tensor of {scale.dtype}" if tensor else type(scale).__name__
    return {"what comes back": kind, "the scale, rounded": scale.round() if tensor else None, "x afterwards": x}


@case("mse_scale", title="the error reached, times the least", rtol=0.05)
def errors(mse_scale, draw):
    x, far, found = draw.normal(900), torch.tensor([20.0]), {}
    data = {
        "30×30 normal numbers, 2 bits": (x.reshape(30, 30).T, 2, True),
        "these and -20, 4 bits": (torch.cat([x, -far]), 4, True),
    }
    data["their magnitudes / 10^10, unsigned, 3 bits"] = (x.abs() / 1e10, 3, False)
    data["the whole numbers from -50 to 50, 4 bits"] = (torch.arange(-50.0, 51), 4, True)
    data["the numbers and 20, 2 bits"] = (torch.cat([x, far]), 2, True)
    for name, (y, bits, signed) in data.items():
        low = -(2 ** (bits - 1)) if signed else 0
        high = low + 2**bits - 1

        def error(scale, y=y, low=low, high=high):
            return ((y / scale).round().clamp(low, high) * scale - y).square().mean().item()

        least = min(error(k * y.abs().max() / high / 1000) for k in range(1, 1001))
        found[name] = round(max(error(float(mse_scale(y, bits, signed=signed))) / least, 1.0), 1)
    return found


@case("mse_scale", title="zeros get scale 1; which bits are refused")
def all_zeros(mse_scale, refused):
    answers = {f"{bits} bits": refused(lambda b=bits: mse_scale(torch.ones(2), b)) for bits in (0, 1, 2, 16, 17)}
    return {"the scale of zeros": mse_scale(torch.zeros(2, 2).double(), 4)} | answers


@case("LearnedStep", title="LearnedStep(3), after [[1, -2], [3, -6]]: the first step is 2·mean|x| / √Qp")
def first_step(LearnedStep):
    q = LearnedStep(3)
    q(torch.tensor([[1.0, -2.0], [3.0, -6.0]]))
    saved = q.state_dict().get("calibrated")
    return {"step": q.step, "calibrated in state_dict": "is missing" if saved is None else f"{saved.dim()}-d"}


@case("LearnedStep", title="LearnedStep(2): what comes out, and x afterwards")
def output(LearnedStep):
    q, x = LearnedStep(2), torch.tensor([0.5, -1.0, 0.25, -0.25])
    found = {"[0.5, -1, 0.25, -0.25] becomes": q(x), "x afterwards": x}
    found["then, in evaluation, [9, 0.75, -1.5] becomes"] = q.eval()(torch.tensor([9.0, 0.75, -1.5]))
    found["and then the number 9"] = q(torch.tensor(9.0))
    q = LearnedStep(2).eval()
    found["a new one, in evaluation: [1.25, -2, 0.25, -0.5] becomes"] = q(torch.tensor([1.25, -2.0, 0.25, -0.5]))
    return found | {"and then [9, 1.5, 1, -1, -3.5] becomes": q(torch.tensor([9.0, 1.5, 1.0, -1.0, -3.5]))}


@case("LearnedStep", title="the gradients, step 2, x = [[1.25, -3.5, 6.5], [9, -8.5, -20]], weighted 1 to 6")
def gradients(LearnedStep):
    q, found = LearnedStep(3), {}
    q(torch.tensor([math.sqrt(3), -math.sqrt(3)]))  # makes the step 2
    for mode in ("training", "evaluation"):
        q.train(mode == "training").zero_grad()
        x = torch.tensor([[1.25, -3.5, 6.5], [9.0, -8.5, -20.0]], requires_grad=True)
        y = q(x)
        if y.requires_grad:
            (y * torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).sum().backward()
        for name, grad in {"x": x.grad, "the step": q.step.grad}.items():
            found[f"gradient of {name} in {mode}"] = "none reaches it" if grad is None else grad
    return found


@case("LearnedStep", title="an optimizer made before the first call moves the step")
def trained(LearnedStep):
    q = LearnedStep(3, signed=False)
    optimizer = torch.optim.SGD(q.parameters(), lr=1.0)
    q(torch.tensor([0.6, 0.0, 2.9, 11.0])).sum().backward()
    optimizer.step()
    return {"[0.6, -5, 2.9, 11] becomes": q(torch.tensor([0.6, -5.0, 2.9, 11.0]))}


@case("LearnedStep", title="zeros, then tiny numbers, and then reloaded; which bits are refused")
def zeros_first(LearnedStep, refused):
    old, new = LearnedStep(3), LearnedStep(3)
    found = {"zeros become": old(torch.zeros(3)), "calibrated after zeros": bool(old.calibrated)}
    old(torch.tensor([1.0, -2.0, 3.0, -6.0]) / 2**40)
    new.load_state_dict(old.state_dict())
    found["reloaded, 2^40 times that of [0.2, 1.9] / 2^40"] = new(torch.tensor([0.2, 1.9]) / 2**40) * 2**40
    bits = (0, 1, 2, 2.5, 16, 17)
    return found | {f"LearnedStep({b})": refused(lambda b=b: LearnedStep(b)) for b in bits}
