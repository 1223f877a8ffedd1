"""Lesson 3: wrong implementations of `descend`."""

import torch

from course.mistakes import mistake


@mistake(
    "descend",
    name="gradients add up from step to step",
    hint="backward() adds to w.grad. Zero it before each step, or take a fresh leaf.",
)
def accumulating(quantize, start, target, rate=0.1, steps=50):
    w = start.detach().clone().requires_grad_()
    path = [w.detach().clone()]
    for _ in range(steps):
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            w -= rate * w.grad
        path.append(w.detach().clone())
    return torch.stack(path)


@mistake(
    "descend",
    name="every entry of the path is the last point",
    hint="The list holds one tensor many times, and an in-place step changes it everywhere. Append w.detach().clone().",
)
def aliased(quantize, start, target, rate=0.1, steps=50):
    w = start.detach().clone().requires_grad_()
    path = [w.detach()]
    for _ in range(steps):
        w.grad = None
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            w -= rate * w.grad
        path.append(w.detach())
    return torch.stack(path)


@mistake(
    "descend",
    name="every entry of the path after the start is the last point",
    hint="The list holds one tensor many times, and an in-place step changes it everywhere. Append w.detach().clone().",
)
def aliased_later(quantize, start, target, rate=0.1, steps=50):
    w = start.detach().clone().requires_grad_()
    path = [start]
    for _ in range(steps):
        w.grad = None
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            w -= rate * w.grad
        path.append(w.detach())
    return torch.stack(path)


@mistake("descend", name="uphill", hint="A descent goes against the gradient: w - rate * gradient.")
def uphill(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        path.append(path[-1] + rate * w.grad)
    return torch.stack(path)


@mistake(
    "descend",
    name="the start is missing from the path",
    hint="The path has steps + 1 entries: the first is the start, before any step.",
)
def headless(quantize, start, target, rate=0.1, steps=50):
    point, path = start.detach().clone(), []
    for _ in range(steps):
        w = point.clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        point = point - rate * w.grad
        path.append(point)
    return torch.stack(path)


@mistake(
    "descend",
    name="the last point is missing from the path",
    hint="The path has steps + 1 entries: the start, and one after each step.",
)
def tailless(quantize, start, target, rate=0.1, steps=50):
    point, path = start.detach().clone(), []
    for _ in range(steps):
        path.append(point)
        w = point.clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        point = point - rate * w.grad
    return torch.stack(path)


@mistake(
    "descend",
    name="the weight itself is quantized",
    hint="Only the loss sees quantize(w). The weight stays a float, or small steps would be rounded away.",
)
def no_master(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        q = quantize(w)
        loss = ((q - target) ** 2).sum()
        loss.backward()
        path.append(q.detach() - rate * w.grad)
    return torch.stack(path)


@mistake(
    "descend",
    name="the new point is quantized before it is stored",
    hint="Only the loss sees quantize(w). Append w - rate * gradient itself, or small steps would be rounded away.",
)
def stored_quantized(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        path.append(quantize(path[-1] - rate * w.grad).detach())
    return torch.stack(path)


@mistake(
    "descend",
    name="the gradient is 2 (q - target), without the derivative of quantize",
    hint="That holds by hand, where q(w) = w. In general the chain rule multiplies it by the derivative of quantize: "
    "let loss.backward() do that.",
)
def by_hand(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        q = quantize(path[-1])
        path.append(path[-1] - rate * 2 * (q - target))
    return torch.stack(path)


@mistake("descend", name="quantize is never called", hint="The loss is that of quantize(w), not of w.")
def unquantized(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = ((w - target) ** 2).sum()
        loss.backward()
        path.append(path[-1] - rate * w.grad)
    return torch.stack(path)


@mistake(
    "descend",
    name="the mean of the squares in place of their sum",
    hint="With a mean, two weights slow each other down. The loss is the sum of the squared errors.",
)
def averaged(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).mean()
        loss.backward()
        path.append(path[-1] - rate * w.grad)
    return torch.stack(path)


@mistake(
    "descend",
    name="the rate is not used",
    hint="The learning rate is an argument: rate, of which 0.1 is only the default.",
)
def rateless(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        path.append(path[-1] - 0.1 * w.grad)
    return torch.stack(path)


@mistake("descend", name="the rate is always 0.25", hint="The learning rate is an argument, rate: multiply by that.")
def quarter(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        path.append(path[-1] - 0.25 * w.grad)
    return torch.stack(path)


@mistake("descend", name="half the squared error", hint="The derivative of e² is 2 e: where is the 2?")
def halved(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        q = quantize(w)
        q.backward(q.detach() - target)
        path.append(path[-1] - rate * w.grad)
    return torch.stack(path)


@mistake(
    "descend",
    name="the step does not shrink with the error",
    hint="The loss is the sum of the squared errors: twice as far off, twice the gradient. "
    "With an absolute error, a norm or an optimizer such as Adam, a step is as large near the target as far from it.",
)
def absolute(quantize, start, target, rate=0.1, steps=50):
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = (quantize(w) - target).abs().sum()
        loss.backward()
        path.append(path[-1] - rate * w.grad)
    return torch.stack(path)


@mistake(
    "descend",
    name="the path holds losses",
    hint="The path is that of the weight: append w, not the loss.",
)
def losses(quantize, start, target, rate=0.1, steps=50):
    point, path = start.detach().clone(), []
    for step in range(steps + 1):
        w = point.clone().requires_grad_()
        error = (quantize(w) - target) ** 2
        path.append(error.detach())
        if step < steps:
            error.sum().backward()
            point = point - rate * w.grad
    return torch.stack(path)


@mistake(
    "descend",
    name="the path carries a graph",
    hint="The points are results, without a graph. requires_grad_() marks the very tensor that it is called on: "
    "call it on a clone of the last point. What is computed from a tensor with a graph has one too: detach it.",
)
def with_graph(quantize, start, target, rate=0.1, steps=50):
    w = start.detach().clone().requires_grad_()
    path = [w]
    for _ in range(steps):
        loss = ((quantize(w) - target) ** 2).sum()
        (gradient,) = torch.autograd.grad(loss, w)
        w = (w - rate * gradient).detach().requires_grad_()
        path.append(w)
    return torch.stack(path)


@mistake(
    "descend",
    name="the target is stretched or squeezed to the shape of start",
    hint="The target is compared with quantize(w), which may have another shape than w. Subtract it as it came.",
)
def squeezed(quantize, start, target, rate=0.1, steps=50):
    target = torch.as_tensor(target, dtype=start.dtype)
    if target.numel() > 1 and target.shape != start.shape:
        target = target.mean()
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        path.append(path[-1] - rate * w.grad)
    return torch.stack(path)


@mistake(
    "descend",
    name="start is marked with requires_grad_",
    hint="start belongs to the caller. requires_grad_() marks a tensor for good: use it on a copy.",
)
def marking(quantize, start, target, rate=0.1, steps=50):
    w = start.requires_grad_()
    path = [w.detach().clone()]
    for _ in range(steps):
        loss = ((quantize(w) - target) ** 2).sum()
        (gradient,) = torch.autograd.grad(loss, w)
        w = (w - rate * gradient).detach().requires_grad_()
        path.append(w.detach())
    return torch.stack(path)


@mistake(
    "descend",
    name="start is changed",
    hint="start belongs to the caller. Work on start.detach().clone().",
)
def overwriting(quantize, start, target, rate=0.1, steps=50):
    path = [start.clone()]
    for _ in range(steps):
        w = start.clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        loss.backward()
        start -= rate * w.grad
        path.append(start.clone())
    return torch.stack(path)
