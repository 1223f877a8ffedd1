"""Lesson 2: wrong implementations of `conv2d` and of `inputs_raising`."""

import torch

from course.mistakes import mistake
from lib.lowering import inputs_lowering, output_size, outputs_lifting, weight_lowering
from lib.sizes import pair


def swapped(size):
    return pair(size)[::-1]


def convolve(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    """Do what `conv2d` should, for the mistakes below to get wrong in one place."""
    kernel = weights.shape[2:]
    sizes = zip(inputs.shape[2:], kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    out = [output_size(*side) for side in sizes]
    if inputs.shape[1] != weights.shape[1]:
        raise ValueError("the channels differ")
    lowered = inputs_lowering(inputs, kernel, stride, padding, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), inputs.shape[0], *out)


@mistake(
    "conv2d",
    name="the kernel is flipped",
    hint="Deep learning's convolution slides the kernel as it stands: no flip.",
)
def mathematical(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    return convolve(inputs, weights.flip(2, 3), stride, padding, dilation, matmul)


@mistake(
    "conv2d",
    name="the matmul that was passed in is not used",
    hint="Call the argument `matmul(…, …)` where you wrote `@` or `torch.matmul`.",
)
def own_matmul(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    return convolve(inputs, weights, stride, padding, dilation)


@mistake(
    "conv2d",
    name="the product is computed a second time, beside the matmul that was passed in",
    hint="Use what `matmul` returns: any `@` besides it is a product that the caller cannot replace.",
)
def computed_twice(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    convolve(inputs, weights, stride, padding, dilation, matmul)
    return convolve(inputs, weights, stride, padding, dilation)


@mistake(
    "conv2d",
    name="OH and OW are swapped in the lifting",
    hint="`outputs_lifting(outputs, batch, height, width)`: the height comes first.",
)
def lifted_sideways(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    right = convolve(inputs, weights, stride, padding, dilation, matmul)
    return right.reshape(*right.shape[:2], right.shape[3], right.shape[2])


@mistake(
    "conv2d",
    name="the kernel is taken to be square",
    hint="The kernel's two sides are the last two sizes of `weights`: pass both.",
)
def square_kernel(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    convolve(inputs, weights, stride, padding, dilation, matmul)
    return convolve(inputs, weights[..., : weights.shape[2]], stride, padding, dilation, matmul)


@mistake(
    "conv2d",
    name="padding and stride are passed on in the wrong order",
    hint="`inputs_lowering(inputs, kernel_size, stride, padding, dilation)`: compare the order of your arguments.",
)
def arguments_swapped(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    return convolve(inputs, weights, padding, stride, dilation, matmul)


@mistake(
    "conv2d",
    name="the dilation is not passed on",
    hint="`inputs_lowering` has five arguments, and `output_size` too.",
)
def dilation_dropped(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    return convolve(inputs, weights, stride, padding, 1, matmul)


@mistake(
    "conv2d",
    name="channels that differ are not refused",
    hint="Compare the second size of `inputs` with that of `weights`, and raise a ValueError that names both.",
)
def channels_unchecked(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    channels = min(inputs.shape[1], weights.shape[1])
    return convolve(inputs[:, :channels], weights[:, :channels], stride, padding, dilation, matmul)


def raise_by(place, lowered, input_size, kernel_size, stride, padding, dilation):
    """Raise a lowered matrix; `place(there, copies)` puts each tap's copies onto the padded image."""
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    lowered = lowered.reshape(c, kh, kw, n, oh, ow)
    padded = lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for i in range(kh):
        for j in range(kw):
            there = padded[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw]
            place(there, lowered[:, i, j].transpose(0, 1))
    return padded[:, :, ph : ph + h, pw : pw + w]


def add(there, copies):
    there += copies


@mistake(
    "inputs_raising",
    name="copies overwrite one another",
    hint="The adjoint adds: `+=` where you wrote `=`.",
)
def overwritten(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    return raise_by(torch.Tensor.copy_, lowered, input_size, kernel_size, stride, padding, dilation)


@mistake(
    "inputs_raising",
    name="the copies are averaged",
    hint="This is the adjoint, not the inverse: add the copies and leave it at that.",
)
def averaged(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    sizes = input_size, kernel_size, stride, padding, dilation
    return raise_by(add, lowered, *sizes) / raise_by(add, torch.ones_like(lowered), *sizes).clamp(min=1)


@mistake(
    "inputs_raising",
    name="the padding is not cut off",
    hint="The result has the shape `input_size`: cut off `padding` pixels on each of the four sides.",
)
def uncut(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    ph, pw = pair(padding)
    return raise_by(add, lowered, (n, c, h + 2 * ph, w + 2 * pw), kernel_size, stride, 0, dilation)


@mistake(
    "inputs_raising",
    name="the padding is cut off with negative indices",
    hint="`image[:, :, p:-p]` is empty where p is 0: let the slice end at p + H instead.",
)
def cut_to_nothing(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    ph, pw = pair(padding)
    whole = uncut(lowered, input_size, kernel_size, stride, padding, dilation)
    return whole[:, :, ph:-ph, pw:-pw]


@mistake(
    "inputs_raising",
    name="the padding is cut off at the wrong side",
    hint="The image begins `padding` pixels from the top and from the left.",
)
def cut_at_the_end(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    whole = uncut(lowered, input_size, kernel_size, stride, padding, dilation)
    return whole[:, :, : input_size[2], : input_size[3]]


@mistake(
    "inputs_raising",
    name="pixel-major rows: taps before channels",
    hint="Rows are in (c, kh, kw) order: split them as (C, KH, KW).",
)
def rows_by_tap(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    channels = input_size[1]
    if channels > 0 and lowered.shape[0] % channels == 0:
        lowered = lowered.reshape(-1, channels, lowered.shape[1]).transpose(0, 1).reshape(lowered.shape)
    return raise_by(add, lowered, input_size, kernel_size, stride, padding, dilation)


@mistake(
    "inputs_raising",
    name="the images of the batch are interleaved in the columns",
    hint="Columns are in (n, oh, ow) order: split them as (N, OH, OW).",
)
def columns_by_pixel(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    batch = input_size[0]
    if lowered.shape[1] % batch == 0:
        lowered = lowered.reshape(lowered.shape[0], -1, batch).transpose(1, 2).reshape(lowered.shape)
    return raise_by(add, lowered, input_size, kernel_size, stride, padding, dilation)


@mistake(
    "inputs_raising",
    name="every pair is read as (horizontal, vertical)",
    hint="A pair is (vertical, horizontal): the first number belongs to the height.",
)
def raised_sideways(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    return raise_by(add, lowered, input_size, *map(swapped, (kernel_size, stride, padding, dilation)))


@mistake(
    "inputs_raising",
    name="the lowered matrix is changed",
    hint="The caller still needs `lowered`: add into zeros of your own.",
)
def in_place(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    result = raise_by(add, lowered, input_size, kernel_size, stride, padding, dilation)
    lowered.zero_()
    return result


@mistake(
    "inputs_raising",
    name="a matrix of the wrong shape is accepted",
    hint="`reshape` takes any matrix with as many entries: compare `lowered.shape` with what the sizes give first.",
)
def any_shape(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    kh, kw = pair(kernel_size)
    matrix = lowered.reshape(input_size[1] * kh * kw, -1)
    return raise_by(add, matrix, input_size, kernel_size, stride, padding, dilation)
