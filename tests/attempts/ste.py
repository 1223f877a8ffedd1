"""Right answers to lesson 3 in other styles than the reference's."""

import torch
from torch.autograd import Function

from course.mistakes import attempt
from lib.ste import roundpass


@attempt("RoundPass", name="in place on a clone, gradient cloned")
class CloneRound(Function):
    @staticmethod
    def forward(ctx, tensor):
        output = tensor.clone()
        output.round_()
        return output

    @staticmethod
    def backward(ctx, g):
        return g.clone()


@attempt("RoundPass", name="saves the input and never uses it")
class SavingRound(Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return torch.round(input=input)

    @staticmethod
    def backward(ctx, *grad_outputs):
        return grad_outputs[0] * 1.0


@attempt("RoundPass", name="setup_context and vmap")
class NewStyleRound(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.round()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        return (grad,)


@attempt("detach_round", name="round, with x - x.detach() added")
def zero_term(x):
    return torch.round(x).detach() + (x - x.detach())


@attempt("detach_round", name="the correction under no_grad")
def without_grad(x):
    with torch.no_grad():
        correction = x.round() - x
    return x + correction


@attempt("detach_round", name="through .data")
def data_difference(x):
    return x - (x.data - x.data.round())


@attempt("detach_round", name="left to right")
def left_to_right(x):
    return x - x.detach() + x.round().detach()


@attempt("detach_round", name="an autograd.Function after all")
def with_function(x):
    return CloneRound.apply(x)


@attempt("descend", name="backward and grad.zero_, in place")
def in_place(quantize, start, target, rate=0.1, steps=50):
    w = start.clone().requires_grad_(True)
    path = [w.detach().clone()]
    for _ in range(steps):
        loss = torch.sum((quantize(w) - target) ** 2)
        if w.grad is not None:
            w.grad.zero_()
        loss.backward()
        with torch.no_grad():
            w -= rate * w.grad
        path.append(w.detach().clone())
    return torch.stack(path)


@attempt("descend", name="torch.optim.SGD, path allocated first")
def with_sgd(quantize, start, target, rate=0.1, steps=50):
    w = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.SGD([w], lr=rate)
    path = torch.empty(steps + 1, *start.shape, dtype=start.dtype)
    path[0] = start
    for i in range(1, steps + 1):
        optimizer.zero_grad()
        error = target - quantize(w)
        (error * error).sum().backward()
        optimizer.step()
        path[i] = w.data
    return path


@attempt("descend", name="a path of leaves, detached at the end")
def leaves(quantize, start, target, rate=0.1, steps=50):
    path = [start.clone().requires_grad_()]
    while len(path) <= steps:
        w = path[-1]
        (quantize(w) - target).pow(2).sum().backward()
        path.append((w.data - rate * w.grad).requires_grad_())
    return torch.stack(path).detach()


@attempt("clip_round", name="clamp, then round: the mask ends at low and high")
def clamp_first(x, low, high):
    x = x.clamp(low, high)
    return x + (x.round() - x).detach()


@attempt("clip_round", name="an open mask, with torch.where")
def open_where(x, low, high):
    inside = (x > low) & (x < high)
    q = torch.round(x).clamp(low, high).detach()
    return torch.where(inside, q + (x - x.detach()), q)


@attempt("clip_round", name="a Function with its own mask")
def own_function(x, low, high):
    class Clip(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward((x >= low) * (x <= high))
            return torch.clamp(x, low, high).round()

        @staticmethod
        def backward(ctx, g):
            (mask,) = ctx.saved_tensors
            return g * mask

    return Clip.apply(x)


@attempt("clip_round", name="masked_fill on the rounded value")
def filled(x, low, high):
    y = zero_term(x)
    return y.masked_fill(y.detach() > high, high).masked_fill(y.detach() < low, low)


@attempt("clip_round", name="minimum and maximum of tensors")
def min_max(x, low, high):
    return without_grad(torch.minimum(torch.maximum(x, x.new_tensor(low)), x.new_tensor(high)))


@attempt("clip_round", name="a gradient times the mask")
def times_mask(x, low, high):
    q = x.detach().round().clamp(low, high)
    return q + (x - x.detach()) * (q == x.detach().round())


@attempt("clip_round", name="element by element: a constant outside, roundpass inside")
def one_by_one(x, low, high):
    parts = []
    for number in x.flatten():
        if number < low:
            parts.append(torch.full_like(number, low))
        elif number > high:
            parts.append(torch.full_like(number, high))
        else:
            parts.append(roundpass(number))
    return torch.stack(parts).reshape(x.shape)


@attempt("scale_gradient", name="the form of the LSQ paper")
def lsq_form(x, factor):
    scaled = x * factor
    return (x - scaled).detach() + scaled


@attempt("scale_gradient", name="a hook on a copy")
def hook_on_copy(x, factor):
    y = x.clone()
    if y.requires_grad:
        y.register_hook(lambda g: g * factor)
    return y


@attempt("scale_gradient", name="a Function that returns a view")
class GradientScale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return ctx.factor * grad, None

    def __new__(cls, x, factor):
        return cls.apply(x, factor)


@attempt("scale_gradient", name="a weighted sum of two copies")
def weighted(x, factor):
    return x * factor + x.detach() * (1 - factor)


@attempt("scale_gradient", name="two shares of one tensor")
def two_shares(x, factor):
    return torch.lerp(x.detach(), x, factor)


@attempt("stochastic_round", name="floor of x plus noise")
def floor_noise(x, generator=None):
    noise = torch.rand(x.size(), generator=generator).to(x.dtype)
    return x + (torch.floor(x + noise) - x).detach()


@attempt("stochastic_round", name="torch.bernoulli, under no_grad")
def bernoulli(x, generator=None):
    with torch.no_grad():
        down = x.floor()
        offset = down + torch.bernoulli(x - down, generator=generator) - x
    return x + offset


@attempt("stochastic_round", name="torch.where between floor and ceil, in a Function")
def where_ceil(x, generator=None):
    class Stochastic(Function):
        @staticmethod
        def forward(ctx, x):
            u = torch.empty_like(x).uniform_(generator=generator)
            return torch.where(u < x - x.floor(), x.ceil(), x.floor())

        @staticmethod
        def backward(ctx, g):
            return g

    return Stochastic.apply(x)


@attempt("stochastic_round", name="up where the fraction beats the dice")
def dice(x, generator=None):
    thrown = torch.rand(x.shape, generator=generator, dtype=x.dtype)
    fraction = torch.remainder(x.detach(), 1)
    return zero_of(x) + (x.detach() - fraction) + torch.where(fraction > thrown, 1.0, 0.0).to(x.dtype)


def zero_of(x):
    return x - x.detach()
