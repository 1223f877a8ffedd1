"""Convolution as one matrix product: lowering (im2col), lifting, and the adjoint (col2im).

Symbols: N images in the batch, C channels, H × W pixels; O output channels, a kernel of KH × KW taps;
OH × OW output pixels. Rows of the lowered input run in (c, kh, kw) order, its columns in (n, oh, ow) order.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.sizes import Size, axes, pair


def output_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Count the positions of a kernel along one side of an image.

    Parameters
    ----------
    size : int
        Pixels along this side, before padding.
    kernel_size : int
        Taps of the kernel along this side.
    stride : int
        Pixels from one position to the next.
    padding : int
        Zeros added at each of the two ends.
    dilation : int
        Pixels from one tap to the next.

    Returns
    -------
    int
        The number of positions at which every tap lies on the padded side.

    Raises
    ------
    ValueError
        Where kernel_size, stride or dilation is below 1, padding is negative, or the kernel is longer
        than the padded side.

    Notes
    -----
    Source: Dumoulin and Visin (2016), arXiv:1603.07285, relationship 15.
    """
    sizes = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation, "padding": padding}
    for name, value in sizes.items():
        least = 0 if name == "padding" else 1
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    span = dilation * (kernel_size - 1) + 1
    if span > size + 2 * padding:
        raise ValueError(f"the kernel spans {span} pixels, the padded input only {size + 2 * padding}")
    return (size + 2 * padding - span) // stride + 1


def weight_lowering(weights: Tensor) -> Tensor:
    """Lay each kernel out as one row.

    Parameters
    ----------
    weights : Tensor, shape (O, C, KH, KW), any dtype
        Is left unchanged.

    Returns
    -------
    Tensor, shape (O, C·KH·KW), same dtype
        Row o holds kernel o in (c, kh, kw) order.

    Raises
    ------
    ValueError
        Where `weights` does not have four axes.

    Notes
    -----
    Source: Chellapilla, Puri and Simard (2006), "High Performance Convolutional Neural Networks for
    Document Processing".
    """
    out_channels, channels, kernel_height, kernel_width = axes(weights, "O, C, KH, KW")
    return weights.reshape(out_channels, channels * kernel_height * kernel_width)


def inputs_lowering(
    inputs: Tensor, kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Tensor:
    """Lay each window of the input out as one column (im2col).

    Parameters
    ----------
    inputs : Tensor, shape (N, C, H, W), any dtype
        Is left unchanged.
    kernel_size, stride, padding, dilation : int or pair of int
        As in `output_size`; a pair is (vertical, horizontal).

    Returns
    -------
    Tensor, shape (C·KH·KW, N·OH·OW), same dtype
        Rows in (c, kh, kw) order, columns in (n, oh, ow) order; padded pixels are zero.

    Raises
    ------
    ValueError
        Where `inputs` does not have four axes, or as in `output_size`.

    Notes
    -----
    Source: Chellapilla, Puri and Simard (2006), "High Performance Convolutional Neural Networks for
    Document Processing".
    """
    batch, channels, height, width = axes(inputs, "N, C, H, W")
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    out_height = output_size(height, kh, sh, ph, dh)
    out_width = output_size(width, kw, sw, pw, dw)
    padded = F.pad(inputs, (pw, pw, ph, ph))
    lowered = inputs.new_empty(channels, kh, kw, batch, out_height, out_width)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh : i * dh + sh * out_height : sh, j * dw : j * dw + sw * out_width : sw]
            lowered[:, i, j] = tap.transpose(0, 1)
    return lowered.reshape(channels * kh * kw, batch * out_height * out_width)


def outputs_lifting(outputs: Tensor, batch: int, height: int, width: int) -> Tensor:
    """Fold the matrix that the product gives back into images.

    Parameters
    ----------
    outputs : Tensor, shape (O, N·OH·OW), any dtype
        Columns in (n, oh, ow) order. Is left unchanged.
    batch, height, width : int
        N, OH and OW.

    Returns
    -------
    Tensor, shape (N, O, OH, OW), same dtype

    Raises
    ------
    ValueError
        Where `outputs` does not have two axes.
    """
    out_channels, _ = axes(outputs, "O, N·OH·OW")
    return outputs.reshape(out_channels, batch, height, width).transpose(0, 1)


def conv2d(
    inputs: Tensor,
    weights: Tensor,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul,
) -> Tensor:
    """Convolve (in the field's sense: correlate) by lowering, one matrix product, and lifting.

    Parameters
    ----------
    inputs : Tensor, shape (N, C, H, W), any dtype
    weights : Tensor, shape (O, C, KH, KW), same dtype
        Both are left unchanged.
    stride, padding, dilation : int or pair of int
        As in `inputs_lowering`.
    matmul : callable
        Multiplies the two lowered matrices, in the inputs' dtype. It is called once, for the whole batch, and
        nothing else multiplies.

    Returns
    -------
    Tensor, shape (N, O, OH, OW)
        As `torch.nn.functional.conv2d` without bias and groups.

    Raises
    ------
    ValueError
        Where inputs or weights do not have four axes, their channels differ, or as in `output_size`.

    Notes
    -----
    Source: Chetlur et al. (2014), arXiv:1410.0759, which lowers tile by tile instead.
    """
    batch, channels, height, width = axes(inputs, "N, C, H, W")
    _, weight_channels, kh, kw = axes(weights, "O, C, KH, KW")
    if channels != weight_channels:
        raise ValueError(f"inputs have {channels} channels, weights {weight_channels}")
    (sh, sw), (ph, pw), (dh, dw) = map(pair, (stride, padding, dilation))
    out_height = output_size(height, kh, sh, ph, dh)
    out_width = output_size(width, kw, sw, pw, dw)
    lowered = inputs_lowering(inputs, (kh, kw), stride, padding, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), batch, out_height, out_width)


def inputs_raising(
    lowered: Tensor,
    input_size: tuple[int, int, int, int],
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    """Add every entry of a lowered matrix back onto the pixel it came from (col2im).

    This is the adjoint of `inputs_lowering`: for every x and y of fitting shapes,
    (inputs_lowering(x) · y).sum() = (x · inputs_raising(y)).sum().

    Parameters
    ----------
    lowered : Tensor, shape (C·KH·KW, N·OH·OW), of a floating dtype
        Rows in (c, kh, kw) order, columns in (n, oh, ow) order. Is left unchanged.
    input_size : tuple of four int
        (N, C, H, W), the shape of the result.
    kernel_size, stride, padding, dilation : int or pair of int
        As in `inputs_lowering`.

    Returns
    -------
    Tensor, shape (N, C, H, W), same dtype
        Each pixel is the sum of its copies; what lies on the padding is dropped.

    Raises
    ------
    ValueError
        Where `lowered` has another shape than these sizes give, or as in `output_size`.
    """
    batch, channels, height, width = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    out_height = output_size(height, kh, sh, ph, dh)
    out_width = output_size(width, kw, sw, pw, dw)
    if lowered.shape != (channels * kh * kw, batch * out_height * out_width):
        raise ValueError(f"a lowered matrix of shape {tuple(lowered.shape)} does not fit {input_size}")
    lowered = lowered.reshape(channels, kh, kw, batch, out_height, out_width)
    padded = lowered.new_zeros(batch, channels, height + 2 * ph, width + 2 * pw)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh : i * dh + sh * out_height : sh, j * dw : j * dw + sw * out_width : sw]
            tap += lowered[:, i, j].transpose(0, 1)
    return padded[:, :, ph : ph + height, pw : pw + width]
