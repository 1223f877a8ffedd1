"""Lesson 2: wrong implementations of `conv2d` and of `inputs_raising`."""

from math import prod

import torch

from course.mistakes import mistake
from lib.lowering import inputs_lowering, output_size, outputs_lifting, weight_lowering
from lib.sizes import axes, pair


@mistake(
    "conv2d",
    name="the kernel is flipped",
    hint="Deep learning's convolution slides the kernel as it stands: no flip.",
)
def mathematical(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, *kernel = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kernel, stride, padding, dilation)
    return outputs_lifting(
        matmul(weight_lowering(weights.flip(2, 3)), lowered), n, *(output_size(*side) for side in sizes)
    )


@mistake(
    "conv2d",
    name="the matmul that was passed in is not used",
    hint="Call the argument `matmul(…, …)` where you wrote `@` or `torch.matmul`.",
)
def own_matmul(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, *kernel = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kernel, stride, padding, dilation)
    return outputs_lifting(weight_lowering(weights) @ lowered, n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="the product is computed again, beside the matmul that was passed in",
    hint="Use what `matmul` returns: any `@` besides it is a product that the caller cannot replace.",
)
def computed_twice(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, *kernel = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kernel, stride, padding, dilation)
    matmul(weight_lowering(weights), lowered)
    return outputs_lifting(weight_lowering(weights) @ lowered, n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="OH and OW are swapped in the lifting",
    hint="`outputs_lifting(outputs, batch, height, width)`: the height comes first.",
)
def lifted_sideways(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, *kernel = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kernel, stride, padding, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), n, *[output_size(*side) for side in sizes][::-1])


@mistake(
    "conv2d",
    name="the kernel is taken to be square",
    hint="The kernel's two sides are the last two sizes of `weights`: pass both.",
)
def square_kernel(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, *kernel = axes(weights[..., : weights.shape[2]], "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kernel, stride, padding, dilation)
    return outputs_lifting(
        matmul(weight_lowering(weights[..., : weights.shape[2]]), lowered), n, *(output_size(*side) for side in sizes)
    )


@mistake(
    "conv2d",
    name="the kernel's height stands for both of its sides",
    hint="The kernel's two sides are the last two sizes of `weights`: OW and the lowering need KW as well.",
)
def height_for_both(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, kh, _ = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, (kh, kh), pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kh, stride, padding, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="the inputs are lowered for a square kernel",
    hint="`inputs_lowering` takes the kernel's two sides as a pair: (KH, KW).",
)
def lowered_square(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, *kernel = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kernel[0], stride, padding, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="OW is computed with the kernel's height",
    hint="`output_size` gives OW from the image's width and the kernel's width, KW.",
)
def width_from_height(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, kh, kw = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, (kh, kh), pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, (kh, kw), stride, padding, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="padding and stride are passed on in the wrong order",
    hint="`inputs_lowering(inputs, kernel_size, stride, padding, dilation)`: compare the order of your arguments.",
)
def arguments_swapped(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, *kernel = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kernel, padding, stride, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="the dilation is not passed on",
    hint="`inputs_lowering` has five arguments, and `output_size` too.",
)
def dilation_dropped(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, *kernel = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, kernel, pair(stride), pair(padding), (1, 1), strict=True)
    lowered = inputs_lowering(inputs, kernel, stride, padding)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="channels that differ are not refused",
    hint="Compare the second size of `inputs` with that of `weights`, and raise a ValueError that names both.",
)
def channels_unchecked(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, _, *sides = axes(inputs, "N, C, H, W")
    _, _, *kernel = axes(weights, "O, C, KH, KW")
    sizes = zip(sides, kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, kernel, stride, padding, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="the kernel's two sides have changed places in the lowering",
    hint="`inputs_lowering` takes the kernel as (KH, KW), the height first.",
)
def lowered_turned(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, *sides = axes(inputs, "N, C, H, W")
    _, channels, kh, kw = axes(weights, "O, C, KH, KW")
    if c != channels:
        raise ValueError("the channels differ")
    sizes = zip(sides, (kh, kw), pair(stride), pair(padding), pair(dilation), strict=True)
    lowered = inputs_lowering(inputs, (kw, kh), stride, padding, dilation)
    return outputs_lifting(matmul(weight_lowering(weights), lowered), n, *(output_size(*side) for side in sizes))


@mistake(
    "conv2d",
    name="one product for each image",
    hint="`inputs_lowering` takes the whole batch, and `outputs_lifting` gives it back: no loop over the images.",
)
def image_by_image(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    if inputs.dim() != 4 or weights.dim() != 4 or inputs.size(1) != weights.size(1):
        raise ValueError("inputs and weights do not fit")
    kernel = tuple(weights.shape[2:])
    sizes = zip(inputs.shape[2:], kernel, pair(stride), pair(padding), pair(dilation), strict=True)
    oh, ow = (output_size(*side) for side in sizes)
    columns = [inputs_lowering(image[None], kernel, stride, padding, dilation) for image in inputs]
    return torch.cat([outputs_lifting(matmul(weight_lowering(weights), column), 1, oh, ow) for column in columns])


@mistake(
    "inputs_raising",
    name="copies overwrite one another",
    hint="The adjoint adds: `+=` where you wrote `=`.",
)
def overwritten(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    padded = lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for row, copies in enumerate(lowered.reshape(c, kh * kw, n, oh, ow).unbind(1)):
        i, j = row // kw * dh, row % kw * dw
        padded[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw] = copies.transpose(0, 1)
    return padded[:, :, ph : ph + h, pw : pw + w]


@mistake(
    "inputs_raising",
    name="the padding is not cut off",
    hint="The result has the shape `input_size`: cut off `padding` pixels on each of the four sides.",
)
def uncut(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    padded = lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for row, copies in enumerate(lowered.reshape(c, kh * kw, n, oh, ow).unbind(1)):
        i, j = row // kw * dh, row % kw * dw
        padded[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw] += copies.transpose(0, 1)
    return padded


@mistake(
    "inputs_raising",
    name="the padding is cut off with negative indices",
    hint="`image[:, :, p:-p]` is empty where p is 0: let the slice end at p + H instead.",
)
def cut_to_nothing(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    padded = lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for row, copies in enumerate(lowered.reshape(c, kh * kw, n, oh, ow).unbind(1)):
        i, j = row // kw * dh, row % kw * dw
        padded[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw] += copies.transpose(0, 1)
    return padded[:, :, ph:-ph, pw:-pw]


@mistake(
    "inputs_raising",
    name="the padding is cut off at the wrong side",
    hint="The image begins `padding` pixels from the top and from the left.",
)
def cut_at_the_end(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    padded = lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for row, copies in enumerate(lowered.reshape(c, kh * kw, n, oh, ow).unbind(1)):
        i, j = row // kw * dh, row % kw * dw
        padded[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw] += copies.transpose(0, 1)
    return padded[:, :, :h, :w]


@mistake(
    "inputs_raising",
    name="the copies are averaged",
    hint="This is the adjoint, not the inverse: add the copies and leave it at that.",
)
def averaged(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    places = inputs_lowering(
        torch.arange(1, prod(input_size) + 1).reshape(input_size), kernel_size, stride, padding, dilation
    )
    if places.shape != lowered.shape:
        raise ValueError("the shapes do not fit")
    sums = lowered.new_zeros(prod(input_size) + 1).index_add(0, places.flatten(), lowered.flatten())
    copies = torch.bincount(places.flatten(), minlength=len(sums)).clamp(min=1)
    return (sums / copies)[1:].reshape(input_size)


@mistake(
    "inputs_raising",
    name="pixel-major rows: taps before channels",
    hint="Rows are in (c, kh, kw) order: split them as (C, KH, KW).",
)
def rows_by_tap(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    places = inputs_lowering(
        torch.arange(1, prod(input_size) + 1).reshape(input_size), kernel_size, stride, padding, dilation
    )
    if places.shape != lowered.shape:
        raise ValueError("the shapes do not fit")
    sums = lowered.new_zeros(prod(input_size) + 1).index_add(
        0, places.flatten(), lowered.unflatten(0, (-1, input_size[1])).transpose(0, 1).flatten()
    )
    return sums[1:].reshape(input_size)


@mistake(
    "inputs_raising",
    name="the images of the batch are interleaved in the columns",
    hint="Columns are in (n, oh, ow) order: split them as (N, OH, OW).",
)
def columns_by_pixel(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    places = inputs_lowering(
        torch.arange(1, prod(input_size) + 1).reshape(input_size), kernel_size, stride, padding, dilation
    )
    if places.shape != lowered.shape:
        raise ValueError("the shapes do not fit")
    sums = lowered.new_zeros(prod(input_size) + 1).index_add(
        0, places.flatten(), lowered.unflatten(1, (-1, input_size[0])).transpose(1, 2).flatten()
    )
    return sums[1:].reshape(input_size)


@mistake(
    "inputs_raising",
    name="every pair is read as (horizontal, vertical)",
    hint="A pair is (vertical, horizontal): the first number belongs to the height.",
)
def raised_sideways(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    sizes = [pair(size)[::-1] for size in (kernel_size, stride, padding, dilation)]
    places = inputs_lowering(torch.arange(1, prod(input_size) + 1).reshape(input_size), *sizes)
    if places.shape != lowered.shape:
        raise ValueError("the shapes do not fit")
    sums = lowered.new_zeros(prod(input_size) + 1).index_add(0, places.flatten(), lowered.flatten())
    return sums[1:].reshape(input_size)


@mistake(
    "inputs_raising",
    name="the lowered matrix is changed",
    hint="The caller still needs `lowered`: add into zeros of your own.",
)
def in_place(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    places = inputs_lowering(
        torch.arange(1, prod(input_size) + 1).reshape(input_size), kernel_size, stride, padding, dilation
    )
    if places.shape != lowered.shape:
        raise ValueError("the shapes do not fit")
    sums = lowered.new_zeros(prod(input_size) + 1).index_add(0, places.flatten(), lowered.flatten())
    lowered.zero_()
    return sums[1:].reshape(input_size)


@mistake(
    "inputs_raising",
    name="a matrix of the wrong shape is accepted",
    hint="`reshape` takes any matrix with as many entries: compare `lowered.shape` with what the sizes give first.",
)
def any_shape(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    places = inputs_lowering(
        torch.arange(1, prod(input_size) + 1).reshape(input_size), kernel_size, stride, padding, dilation
    )
    sums = lowered.new_zeros(prod(input_size) + 1).index_add(0, places.flatten(), lowered.flatten())
    return sums[1:].reshape(input_size)


@mistake(
    "inputs_raising",
    name="images and channels are mixed up by the reshape",
    hint="A tap comes as (C, N, OH, OW), the image wants (N, C, …): exchange the two axes with `transpose(0, 1)`; "
    "`reshape` would only cut the numbers anew.",
)
def reshaped_back(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    taps, image = lowered.reshape(c, kh, kw, n, oh, ow), lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for i in range(kh):
        for j in range(kw):
            tap = taps[:, i, j].reshape(n, c, oh, ow)
            image[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] += tap
    return image[:, :, ph : ph + h, pw : pw + w]


@mistake(
    "inputs_raising",
    name="the dtype is lost",
    hint="Where do you convert it? `torch.zeros`, for one, makes float32, whatever `lowered` is; "
    "`lowered.new_zeros(...)` keeps its dtype.",
)
def raised_float(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    places = inputs_lowering(
        torch.arange(1, prod(input_size) + 1).reshape(input_size), kernel_size, stride, padding, dilation
    )
    if places.shape != lowered.shape:
        raise ValueError("the shapes do not fit")
    sums = torch.zeros(prod(input_size) + 1).index_add(0, places.flatten(), lowered.flatten().float())
    return sums[1:].reshape(input_size)
