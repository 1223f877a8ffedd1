"""Lesson 3: wrong implementations of `scale_gradient`."""

import torch

from course.mistakes import mistake


@mistake(
    "scale_gradient",
    name="the caller's x is marked with requires_grad_",
    hint="Whether x asks for a gradient is the caller's choice: leave x as it came.",
)
def scale_marked(x, factor):
    x.requires_grad_()
    return x.detach() + (x - x.detach()) * factor


@mistake(
    "scale_gradient",
    name="the sign of the factor is lost",
    hint="A factor of -1 turns the gradient round. Take the factor as it is.",
)
def unsigned(x, factor):
    return x.detach() + (x - x.detach()) * abs(factor)


@mistake(
    "scale_gradient",
    name="the factor is limited to 1",
    hint="A factor may be larger than 1 as well. Take it as it is.",
)
def limited(x, factor):
    return x.detach() + (x - x.detach()) * min(factor, 1.0)


@mistake(
    "scale_gradient",
    name="the values are multiplied too",
    hint="The values of x come back as they are; only the gradient is multiplied.",
)
def multiplied(x, factor):
    return x * factor


@mistake(
    "scale_gradient",
    name="the gradient is left as it is",
    hint="The gradient comes back as it was: what the factor does is undone, or nothing carries it. "
    "Only a part of the sum that has the factor in it may carry a gradient.",
)
def untouched(x, factor):
    return x * factor + (x - x * factor)


@mistake(
    "scale_gradient",
    name="detach on the wrong side",
    hint="The gradient is 1 - factor: the part without the factor kept its gradient, and the part with it lost it.",
)
def complement(x, factor):
    return (x * factor).detach() + (x - x * factor)


@mistake(
    "scale_gradient",
    name="x keeps its own gradient besides the scaled one",
    hint="The gradient is 1 + factor: the first x has one too. Detach that x.",
)
def one_too_many(x, factor):
    return x + factor * (x - x.detach())


@mistake(
    "scale_gradient",
    name="the gradient is divided by the factor",
    hint="A factor of 0.25 makes the gradient smaller.",
)
def divided(x, factor):
    return x.detach() + (x - x.detach()) / factor


@mistake(
    "scale_gradient",
    name="no gradient comes back at all",
    hint="Detaching everything cuts x off. One part must keep its gradient.",
)
def stopped(x, factor):
    return (x * factor).detach() + (x - x * factor).detach()


@mistake(
    "scale_gradient",
    name="the gradient is clipped to the factor",
    hint="Clipping makes large gradients equal. Multiply: small ones shrink as well.",
)
def clipped_to_factor(x, factor):
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.clamp(-factor, factor)

    return Clip.apply(x)


@mistake(
    "scale_gradient",
    name="the gradient is replaced by the factor",
    hint="By the chain rule the factor is multiplied by the gradient that comes in.",
)
def replaced_by_factor(x, factor):
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad_output):
            return torch.full_like(grad_output, factor)

    return Scale.apply(x)


@mistake(
    "scale_gradient",
    name="the factor is applied twice",
    hint="Once is enough: the gradient is factor², not factor.",
)
def squared(x, factor):
    return x.detach() + factor * (x - x.detach()) * factor


@mistake(
    "scale_gradient",
    name="the hook sits on x itself",
    hint="A hook on x scales the gradient of every use of x, and stays there. Put it on a new tensor: x.clone().",
)
def hooked(x, factor):
    if x.requires_grad:
        x.register_hook(lambda gradient: gradient * factor)
    return x


@mistake(
    "scale_gradient",
    name="the hook sits on x itself, which may have no gradient",
    hint="A hook on x scales the gradient of every use of x, and fails where x asks for none. Work on a new tensor.",
)
def hooked_anyway(x, factor):
    x.register_hook(lambda gradient: gradient * factor)
    return x


@mistake(
    "scale_gradient",
    name="the value is divided by the factor again",
    hint="The factor may be 0, and 0 / 0 is no number. A value that is not multiplied needs no division: "
    "which part of a sum may be 0, and still have a gradient?",
)
def divided_back(x, factor):
    y = x * factor
    return y + (y / factor - y).detach()


@mistake(
    "scale_gradient",
    name="a division by x",
    hint="x may be 0, and 0 / 0 is no number. x - x.detach() is 0 everywhere, and needs no division.",
)
def relative(x, factor):
    still = x.detach()
    return still * (1 + factor * (x - still) / still)


@mistake(
    "scale_gradient",
    name="the gradient that came in is changed",
    hint="grad_output belongs to autograd, which may hand the same tensor to others. "
    "grad_output * factor is a new one; mul_ and `*=` write into it.",
)
def spent(x, factor):
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.mul_(factor)

    return Scale.apply(x)


@mistake(
    "scale_gradient",
    name="x.detach() is written to",
    hint="x.detach() is no copy: it shares its memory with x, and autograd notices. Use +, not add_ or `+=`.",
)
def into_detached(x, factor):
    still = x.detach()
    return still.add_((x - still) * factor)
