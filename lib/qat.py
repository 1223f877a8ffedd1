"""Layers that learn under quantization (lesson 5)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.network import step_of
from lib.ste import roundpass

__all__ = ["QuantConv2d", "fold_batchnorm"]


def fold_batchnorm(weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Fold a trained batch normalization into the convolution before it.

    Parameters
    ----------
    weight : Tensor, shape (O, C, KH, KW)
        The convolution's; is not changed.
    bias : Tensor, shape (O,), or None
        The convolution's; None stands for zeros. Is not changed.
    norm : nn.BatchNorm2d
        Over O channels; is not changed.

    Returns
    -------
    weight : Tensor, shape (O, C, KH, KW), same dtype
    bias : Tensor, shape (O,), same dtype
        A convolution with these does what the convolution and `norm` in evaluation mode did.

    Notes
    -----
    Jacob et al. 2018, section 3.2, equation 14.
    """
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    bias = torch.zeros_like(norm.running_mean) if bias is None else bias
    return weight * gain.view(-1, 1, 1, 1), norm.bias + (bias - norm.running_mean) * gain


class QuantConv2d(nn.Module):
    """A convolution that sees its input and its weight through quantizers.

    Weight and bias stay floating-point parameters; what is convolved are their quantized values, made anew in each
    forward pass, in training and in evaluation. The bias is rounded, straight-through, to whole multiples of (step of
    the input) · (step of the weight of its channel), the unit in which the products are counted. For the gradient that
    unit is a constant.

    Parameters
    ----------
    conv : nn.Conv2d
        Gives weight, bias, stride and padding.
    quantize_input, quantize_weight : nn.Module
        Quantizers; `step_of` gives the step of each once it has met more than zeros.
    convolve : callable
        Called as convolve(input, weight, bias, stride, padding), with what is convolved: the bias is the rounded one.
        Kept in an attribute of its name, as the quantizers are.
    """

    def __init__(
        self,
        conv: nn.Conv2d,
        quantize_input: nn.Module,
        quantize_weight: nn.Module,
        convolve: Callable = F.conv2d,
    ):
        super().__init__()
        self.weight = nn.Parameter(conv.weight.detach().clone())
        self.bias = nn.Parameter(conv.bias.detach().clone())
        self.stride, self.padding = conv.stride, conv.padding
        self.quantize_input, self.quantize_weight = quantize_input, quantize_weight
        self.convolve = convolve

    def forward(self, x: Tensor) -> Tensor:
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = roundpass(self.bias / unit) * unit
        return self.convolve(x, weight, bias, self.stride, self.padding)
