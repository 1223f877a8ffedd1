"""Inference on integers alone (lesson 5): codes in, int32 accumulators, a multiplier and a shift, codes out."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lib.codes import code_range
from lib.deploy import IntegerLayer, integer_linear
from lib.lowering import conv2d

__all__ = [
    "integer_activation",
    "integer_conv2d",
    "integer_network",
    "quantize_multiplier",
    "requantize",
]


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Write a positive number as multiplier · 2^−shift, with a multiplier of 31 bits.

    Parameters
    ----------
    real : float
        From 2^−31 up to (but not including) 2^29.

    Returns
    -------
    multiplier : int
        2^30 ≤ multiplier < 2^31, the nearest integer (of two as near, either); where that is 2^31, it becomes 2^30
        and the shift one less. So `real` is met to within a part in 2^31.
    shift : int
        From 1 to 61.

    Raises
    ------
    ValueError
        If `real` is outside its range, or not a number.

    Notes
    -----
    Jacob et al. 2018, section 2.2, equation 6.
    """
    if not 2.0**-31 <= real < 2.0**29:
        raise ValueError(f"a multiplier must lie between 2^-31 and 2^29, not {real}")
    fraction, exponent = math.frexp(real)  # real = fraction · 2^exponent, ½ ≤ fraction < 1
    multiplier = round(fraction * 2**31)
    if multiplier == 2**31:  # the fraction was just under 1
        multiplier, exponent = 2**30, exponent + 1
    return multiplier, 31 - exponent


def requantize(
    accumulators: Tensor, multiplier: int | Tensor, shift: int | Tensor, bits: int = 8, signed: bool = False
) -> Tensor:
    """Rescale integers by multiplier · 2^−shift, round, and clamp to the codes of a grid; integers throughout.

    Parameters
    ----------
    accumulators : Tensor, any shape, int32 or int64
        Of magnitude under 2^31.
    multiplier, shift : int, or int64 Tensor that broadcasts against `accumulators`
        As `quantize_multiplier` gives them, for all or for each channel. The shift may be up to two more, 63:
        `integer_activation` needs that for averages.
    bits : int
        From 2 to 8, of the codes.
    signed : bool
        Which codes: see `code_range`.

    Returns
    -------
    Tensor, shape of `accumulators`, uint8, or int8 if `signed`
        clamp(⌊accumulators · multiplier / 2^shift + ½⌋, smallest code, largest code).

    Notes
    -----
    Jacob et al. 2018, section 2.2 and appendix B. There the product is cut to 32 bits on the way; here it keeps its
    62 bits in an int64, which rounds once.
    """
    products = accumulators.to(torch.int64) * multiplier
    rounded = (products + (1 << (shift - 1))) >> shift
    return rounded.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


def integer_conv2d(
    codes: Tensor,
    weight: Tensor,
    bias: Tensor,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul,
) -> Tensor:
    """Convolve codes with codes, and count in int32.

    Parameters
    ----------
    codes : Tensor, shape (N, C, H, W), uint8
        The input's codes; 0 stands for 0, so zero padding is right.
    weight : Tensor, shape (O, C, KH, KW), int8
        The weight's codes.
    bias : Tensor, shape (O,), int32
        In units of (step of the input) · (step of the weight).
    stride, padding : int or pair of int
        As in lesson 2.
    matmul : callable
        Multiplies the two lowered int32 matrices: first the weights, (O, C·KH·KW), then the input,
        (C·KH·KW, N·OH·OW).

    Returns
    -------
    Tensor, shape (N, O, OH, OW), int32
        The accumulators.
    """
    products = conv2d(codes.to(torch.int32), weight.to(torch.int32), stride, padding, matmul=matmul)
    return products + bias.view(-1, 1, 1)


def integer_activation(
    accumulators: Tensor, multiplier: int | Tensor, shift: int | Tensor, pool: str | None = None, bits: int = 8
) -> Tensor:
    """ReLU, a 2×2 pool of stride 2 where asked for, and requantization, with a single rounding at the end.

    Parameters
    ----------
    accumulators : Tensor, shape (N, C, H, W), int32
        Of magnitude under 2^29.
    multiplier, shift : int, or int64 Tensor that broadcasts against `accumulators`
        The layer's: from accumulators to codes. The division by 4 of an average is not yet in them.
    pool : None, "max" or "average"
        An odd last row or column is left out.
    bits : int
        From 2 to 8, of the codes.

    Returns
    -------
    Tensor, shape (N, C, H, W), or (N, C, H // 2, W // 2) if pooled, uint8
    """
    x = accumulators.clamp(min=0)
    if pool is not None:
        n, c, h, w = x.shape
        windows = x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)
        x = windows.amax((3, 5)) if pool == "max" else windows.sum((3, 5))
    if pool == "average":
        shift = shift + 2
    return requantize(x, multiplier, shift, bits)


def integer_network(
    codes: Tensor, layers: Sequence[IntegerLayer], matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul
) -> list[Tensor]:
    """Run a whole network on integers.

    Parameters
    ----------
    codes : Tensor, shape (N, C, H, W), uint8
        The images' codes.
    layers : sequence of IntegerLayer
        Convolutions, each followed by its activation, and at the end a linear layer, whose input is flattened.
    matmul : callable
        Multiplies two int32 matrices; every product of the network goes through it.

    Returns
    -------
    list of Tensor
        The codes that leave each activation, uint8, and at the end the linear layer's accumulators, shape (N, O),
        int32: the logits, counted in units.
    """
    outputs = []
    for layer in layers[:-1]:
        accumulators = integer_conv2d(codes, layer.weight, layer.bias, layer.stride, layer.padding, matmul)
        codes = integer_activation(accumulators, layer.multiplier, layer.shift, layer.pool, layer.bits)
        outputs.append(codes)
    last = layers[-1]
    return [*outputs, integer_linear(codes.flatten(1), last.weight, last.bias, matmul)]
