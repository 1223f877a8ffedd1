"""Straight-through estimators: rounding that a gradient can pass.

Rounding is a staircase. Its true gradient is 0 wherever it exists, so nothing behind it would ever learn. A
straight-through estimator rounds on the way forward and puts a kinder derivative in place of the 0 on the way back.
"""

from collections.abc import Callable

import torch
from torch import Tensor


class RoundPass(torch.autograd.Function):
    """Round to the nearest integer; hand the gradient on unchanged.

    Forward, a tensor of any shape comes back rounded, in its own dtype; halves go to
    the even neighbour, as in `torch.round`. Backward, the gradient of the loss with
    respect to the output is returned as the gradient with respect to the input: the
    derivative of rounding is taken to be 1. `RoundPass.apply` is the function to call.

    Source: Hinton's lectures (2012); Bengio, Léonard and Courville, arXiv:1308.3432.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return torch.round(x)

    @staticmethod
    def backward(ctx, grad_output: Tensor) -> Tensor:
        return grad_output


roundpass = RoundPass.apply


def detach_round(x: Tensor) -> Tensor:
    """Round to the nearest integer with a straight-through gradient.

    Parameters
    ----------
    x : Tensor, any shape, floating point
        Is not changed.

    Returns
    -------
    Tensor, shape and dtype of `x`
        Exactly `torch.round(x)`, for large `x` too; the gradient passes as if it were `x`.
    """
    return x + (torch.round(x) - x).detach()


def descend(
    quantize: Callable[[Tensor], Tensor],
    start: Tensor,
    target: Tensor | float,
    rate: float = 0.1,
    steps: int = 50,
) -> Tensor:
    """Descend on a weight that the loss sees only through `quantize`; return the path.

    One step moves the float weight `w` to `w - rate * gradient`, where `gradient` is
    that of the loss `sum((quantize(w) - target)**2)` with respect to `w`. The weight
    itself is never rounded.

    Parameters
    ----------
    quantize : function from a tensor to a tensor
        What the loss sees of the weight.
    start : Tensor, any shape, floating point, without a gradient
        Where the weight begins. Is not changed.
    target : Tensor or float
        What the quantized weight should be; broadcasts against `quantize(start)`.
    rate : float
        The learning rate.
    steps : int
        How many steps to take.

    Returns
    -------
    Tensor, shape (steps + 1, *start.shape), dtype of `start`
        The weight at the start and after each step, detached.
    """
    path = [start.detach().clone()]
    for _ in range(steps):
        w = path[-1].clone().requires_grad_()
        loss = ((quantize(w) - target) ** 2).sum()
        (gradient,) = torch.autograd.grad(loss, w)
        path.append(path[-1] - rate * gradient)
    return torch.stack(path)


def clip_round(x: Tensor, low: int, high: int) -> Tensor:
    """Round, then clamp to `low ... high`; the gradient passes inside, stops outside.

    The gradient is that of the output times 1 where `low < x < high`, and times 0 where
    `x < low - 1/2` or `x > high + 1/2`. Between the two (at the edges) either is right.

    Parameters
    ----------
    x : Tensor, any shape, floating point
        Is not changed.
    low, high : int
        The smallest and the largest value that may come out, `low <= high`.

    Returns
    -------
    Tensor, shape and dtype of `x`
        Exactly `torch.clamp(torch.round(x), low, high)`, for `x` far outside too.

    Notes
    -----
    Source of the mask: Courbariaux et al., Binarized Neural Networks, arXiv:1602.02830
    (2016), where it is `|x| <= 1`.
    """
    # The derivative of clamp is the mask: here it reaches half a step past low and high.
    return torch.clamp(roundpass(x), low, high)


def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """Return the values of `x`, but multiply the gradient that comes back by `factor`.

    Only the gradient through the result is multiplied: other uses of `x` keep theirs.

    Parameters
    ----------
    x : Tensor, any shape, floating point, with or without a gradient
        Is not changed.
    factor : float
        What the gradient is multiplied by.

    Returns
    -------
    Tensor, shape and dtype of `x`
        The values of `x`, up to a rounding error in the last digits.

    Notes
    -----
    Source: Esser et al., Learned Step Size Quantization, arXiv:1902.08153 (2020).
    """
    # The paper's x * factor + (x - x * factor).detach() rounds; adding 0 does not.
    return x.detach() + (x - x.detach()) * factor


def stochastic_round(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Round up or down at random, right on average, with a straight-through gradient.

    A value that lies a fraction p of the way from the integer below to the integer above
    goes up with probability p and down with probability 1 - p, each element on its own.
    Integers stay as they are.

    Parameters
    ----------
    x : Tensor, any shape, floating point
        Is not changed.
    generator : torch.Generator, optional
        Where the random numbers come from; torch's own generator if absent.

    Returns
    -------
    Tensor, shape and dtype of `x`
        Whole numbers, exactly, whose expected value is `x`; the gradient passes as if
        they were `x`.

    Notes
    -----
    Source: Gupta et al., Deep Learning with Limited Numerical Precision,
    arXiv:1502.02551 (2015).
    """
    below = torch.floor(x)
    random = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return x + (below + (random < x - below) - x).detach()
