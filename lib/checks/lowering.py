"""Lesson 2: the public cases, smallest first, and the hints."""

import torch

from lib.cases import case

HINTS = {
    "output_size": [
        "Put the kernel at the left end of the padded side. How many pixels does it reach over, from its first "
        "tap to its last? Try kernel_size=3, dilation=2 on paper.",
        "It reaches over dilation·(kernel_size − 1) + 1 pixels. The rest of the padded side, size + 2·padding "
        "minus that, is how far it can travel.",
        "It takes one step for every whole stride that fits into the rest (integer division, `//`), and the "
        "position it starts from counts too.",
        "Refuse first: one `if` for each of the conditions listed under Raises, each with "
        "`raise ValueError(...)` and a message that names the number at fault.",
    ],
    "weight_lowering": [
        "Nothing moves: a contiguous kernel lies in memory in (c, kh, kw) order already. Only the shape changes.",
        "`Tensor.reshape` takes the new shape, and copies where it must; `Tensor.view` refuses to.",
    ],
    "inputs_lowering": [
        "Look at one *row* of the lowered matrix instead of one column: row (c, i, j) holds what tap (i, j) of "
        "channel c sees while the window travels. That is a shifted, strided slice of the padded input.",
        "Tap (i, j) starts at pixel (i·dilation, j·dilation) and moves by the stride: "
        "`padded[:, :, top : top + stride·OH : stride, left : left + stride·OW : stride]`, one stride for "
        "each direction, has the shape (N, C, OH, OW).",
        "Collect the slices in a tensor of shape (C, KH, KW, N, OH, OW), so that a single `reshape` at the end "
        "gives both orders right. Which two axes of the slice have to change places to fit in?",
        "`F.pad(inputs, (left, right, top, bottom))` adds zeros and keeps the dtype; mind that it wants the "
        "*last* axis first. `inputs.new_empty(shape)` keeps the dtype too.",
    ],
    "outputs_lifting": [
        "Row o holds output channel o of every image, one image after the other. Which four axes, in which "
        "order, are already there?",
        "`reshape` can only split axes, it cannot reorder them: split into (O, N, OH, OW) first, then exchange "
        "the first two.",
    ],
    "conv2d": [
        "Everything is there already: lower the weights, lower the inputs, multiply, lift.",
        "`outputs_lifting` has to be told OH and OW: `output_size` gives each from its own side, kernel side, "
        "stride, padding and dilation; `pair` splits an int or a pair.",
        "Call `matmul(…, …)`, the argument, not `@`: whoever calls `conv2d` decides who multiplies.",
    ],
    "inputs_raising": [
        "Run `inputs_lowering` backwards: the same slices, but now the padded image is on the left of the sign.",
        "A pixel that was copied four times gets four contributions: `+=`, into zeros.",
        "Undo the last reshape first: `lowered.reshape(C, KH, KW, N, OH, OW)`. At the end cut the padding off.",
    ],
}

UNFOLD = ("aten.im2col", "aten.convolution")
FOLD = ("aten.col2im", "aten.im2col", "aten.convolution", "aten.convolution_backward")


@case("output_size", title="5 pixels, 3 taps")
def plain(output_size):
    return output_size(5, 3)


@case("output_size", title="5 pixels, 3 taps, padding 1")
def padded(output_size):
    return output_size(5, 3, padding=1)


@case("output_size", title="6 pixels, 3 taps, stride 2: the last pixel is not reached")
def strided(output_size):
    return output_size(6, 3, stride=2)


@case("output_size", title="7 pixels, 3 taps, dilation 2")
def dilated(output_size):
    return output_size(7, 3, dilation=2)


@case("output_size", title="10 pixels, 3 taps, stride 2, padding 1, dilation 3")
def everything(output_size):
    return output_size(10, 3, 2, 1, 3)


@case("output_size", title="sizes that make no sense are refused")
def nonsense(output_size, refused):
    return {
        "a kernel of 3 on 2 pixels": refused(lambda: output_size(2, 3)),
        "padding −1": refused(lambda: output_size(5, 3, padding=-1)),
        "stride 0": refused(lambda: output_size(5, 3, stride=0)),
        "stride −1": refused(lambda: output_size(5, 3, stride=-1)),
        "dilation 0": refused(lambda: output_size(5, 3, dilation=0)),
        "kernel_size 0": refused(lambda: output_size(5, 0)),
        "a kernel of 3 on 2 pixels, padding 1": refused(lambda: output_size(2, 3, padding=1)),
        "a kernel of 3 on 3 pixels, dilation 2": refused(lambda: output_size(3, 3, dilation=2)),
    }


@case("weight_lowering", title="one kernel of one channel")
def one_kernel(weight_lowering):
    return weight_lowering(torch.arange(1.0, 5).reshape(1, 1, 2, 2))


@case("weight_lowering", title="two kernels of two channels, 1×3 taps")
def two_kernels(weight_lowering):
    return weight_lowering(torch.arange(1.0, 13).reshape(2, 2, 1, 3))


@case("weight_lowering", title="integers that are not contiguous in memory")
def scattered_weights(weight_lowering):
    return weight_lowering(torch.arange(1, 25).reshape(2, 3, 2, 2).permute(0, 3, 1, 2))


@case("weight_lowering", title="a tensor of three axes is refused")
def three_axes(weight_lowering, refused):
    return refused(lambda: weight_lowering(torch.ones(2, 2, 2)))


@case("inputs_lowering", title="a 3×3 image, a 2×2 kernel", forbids=UNFOLD)
def by_hand(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 10).reshape(1, 1, 3, 3), 2)


@case("inputs_lowering", title="two channels: the order of the rows", forbids=UNFOLD)
def two_channels(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 13).reshape(1, 2, 2, 3), 2)


@case("inputs_lowering", title="a batch of two: the order of the columns", forbids=UNFOLD)
def two_images(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 13).reshape(2, 1, 2, 3), 2)


@case("inputs_lowering", title="two images of two channels, one tap", forbids=UNFOLD)
def one_tap(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 9).reshape(2, 2, 1, 2), 1)


@case("inputs_lowering", title="a 2×2 image, a 2×2 kernel, padding 1", forbids=UNFOLD)
def zeros_around(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 5).reshape(1, 1, 2, 2), 2, padding=1)


@case("inputs_lowering", title="a 4×4 image, a 2×2 kernel, stride 2", forbids=UNFOLD)
def big_steps(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 17).reshape(1, 1, 4, 4), 2, stride=2)


@case("inputs_lowering", title="a 4×4 image, a 2×2 kernel, dilation 2", forbids=UNFOLD)
def wide_kernel(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 17).reshape(1, 1, 4, 4), 2, dilation=2)


@case("inputs_lowering", title="a 3×4 image, a kernel of 2×3 taps", forbids=UNFOLD)
def rectangle(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 13).reshape(1, 1, 3, 4), (2, 3))


@case("inputs_lowering", title="a 1×3 image, one tap, padding (1, 0)", forbids=UNFOLD)
def zeros_above(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 4).reshape(1, 1, 1, 3), 1, padding=(1, 0))


@case("inputs_lowering", title="a 5×4 image, a 2×2 kernel, stride (2, 1), dilation (1, 2)", forbids=UNFOLD)
def pairs(inputs_lowering):
    image = torch.arange(1.0, 21).reshape(1, 1, 5, 4)
    return inputs_lowering(image, 2, stride=(2, 1), dilation=(1, 2))


@case("inputs_lowering", title="integers stay integers", forbids=UNFOLD)
def whole_numbers(inputs_lowering):
    return inputs_lowering(torch.arange(1, 10).reshape(1, 1, 3, 3), 2, padding=1)


@case("inputs_lowering", title="an image that is not contiguous in memory", forbids=UNFOLD)
def scattered(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 13).reshape(1, 2, 3, 2).transpose(2, 3), 2)


@case("inputs_lowering", title="inputs that make no sense are refused", forbids=UNFOLD)
def no_image(inputs_lowering, refused):
    return {
        "three axes": refused(lambda: inputs_lowering(torch.ones(1, 3, 3), 2)),
        "a kernel larger than the image": refused(lambda: inputs_lowering(torch.ones(1, 1, 2, 2), 3)),
        "padding −1": refused(lambda: inputs_lowering(torch.ones(1, 1, 4, 4), 2, padding=-1)),
    }


@case("outputs_lifting", title="one image, two output channels of 2×2")
def one_image(outputs_lifting):
    return outputs_lifting(torch.arange(1.0, 9).reshape(2, 4), 1, 2, 2)


@case("outputs_lifting", title="two images, two output channels of 1×2")
def batch(outputs_lifting):
    return outputs_lifting(torch.arange(1.0, 9).reshape(2, 4), 2, 1, 2)


@case("outputs_lifting", title="two images, three output channels of 2×1, integers")
def tall(outputs_lifting):
    return outputs_lifting(torch.arange(1, 13).reshape(3, 4), 2, 2, 1)


@case("outputs_lifting", title="a matrix that is not contiguous in memory")
def transposed(outputs_lifting):
    return outputs_lifting(torch.arange(1.0, 13).reshape(6, 2).T, 3, 1, 2)


@case("outputs_lifting", title="a tensor of three axes is refused")
def no_matrix(outputs_lifting, refused):
    return refused(lambda: outputs_lifting(torch.ones(2, 2, 2), 1, 2, 2))


@case("conv2d", title="a 3×3 image, one 2×2 kernel", forbids=UNFOLD)
def small(conv2d):
    return conv2d(torch.arange(1.0, 10).reshape(1, 1, 3, 3), torch.tensor([[[[1.0, 10], [100, 1000]]]]))


@case(
    "conv2d",
    title="1×2 taps, a 2×4 image, two channels, three kernels: the inner sides",
    forbids=UNFOLD,
)
def operands(conv2d):
    inner, x, w = [], torch.ones(1, 2, 2, 4), torch.ones(3, 2, 1, 2)
    try:
        y = conv2d(x, w, matmul=lambda a, b: inner.extend((a.shape[1], len(b))) or a.new_zeros(len(a), b.shape[1]))
    except RuntimeError:
        return {"inner sides": inner, "result": "none: the lifting failed"}
    return {"inner sides": inner, "result": str(tuple(y.shape))}


@case("conv2d", title="two images, two channels, three kernels of 1×2 taps", forbids=UNFOLD)
def many(conv2d, draw):
    return conv2d(draw.integers(2, 2, 2, 3), draw.integers(3, 2, 1, 2))


@case("conv2d", title="stride 2 and padding 1", forbids=UNFOLD)
def stepping(conv2d, draw):
    return conv2d(draw.integers(1, 1, 4, 4), draw.integers(1, 1, 3, 3), stride=2, padding=1)


@case("conv2d", title="integers, and pairs: stride (1, 2), padding (0, 1), dilation (2, 1)", forbids=UNFOLD)
def in_pairs(conv2d, draw):
    x, w = (draw.integers(1, 1, *sides, dtype=torch.int64) for sides in ((4, 5), (2, 3)))
    return conv2d(x, w, (1, 2), (0, 1), (2, 1))


@case("conv2d", title="the product comes from the matmul passed in: here −(a @ b)", forbids=UNFOLD)
def through_matmul(conv2d):
    return conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), matmul=lambda a, b: -(a @ b))


@case("conv2d", title="inputs and weights that do not fit are refused", forbids=UNFOLD)
def misfits(conv2d, refused):
    x = torch.ones(1, 2, 3, 3)
    return {
        "2 and 3 channels": refused(lambda: conv2d(x, torch.ones(1, 3, 2, 2), matmul=lambda a, b: a[:, :1] @ b[:1])),
        "a kernel larger than the image": refused(lambda: conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3))),
        "weights of three axes": refused(lambda: conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 2, 2))),
    }


@case("inputs_raising", title="ones, for a 3×3 image and a 2×2 kernel: the copies of each pixel", forbids=FOLD)
def copies(inputs_raising):
    return inputs_raising(torch.ones(4, 4), (1, 1, 3, 3), 2)


@case("inputs_raising", title="two channels, float64", forbids=FOLD)
def channels_back(inputs_raising):
    return inputs_raising(torch.arange(1, 17).reshape(8, 2).double(), (1, 2, 2, 3), 2)


@case("inputs_raising", title="a batch of two", forbids=FOLD)
def images_back(inputs_raising):
    return inputs_raising(torch.arange(1.0, 17).reshape(4, 4), (2, 1, 2, 3), 2)


@case("inputs_raising", title="padding 1: what lies on it is dropped", forbids=FOLD)
def cropped(inputs_raising):
    return inputs_raising(torch.arange(1.0, 37).reshape(4, 9), (1, 1, 2, 2), 2, padding=1)


@case("inputs_raising", title="stride 2: some pixels were never copied", forbids=FOLD)
def skipped(inputs_raising):
    return inputs_raising(torch.arange(1.0, 5).reshape(1, 4), (1, 1, 4, 3), 1, stride=2)


@case("inputs_raising", title="2×1 taps, padding (1, 0), dilation (2, 1), a scattered matrix", forbids=FOLD)
def pairs_back(inputs_raising):
    matrix = torch.arange(1.0, 13).reshape(6, 2).T
    return inputs_raising(matrix, (1, 1, 3, 2), (2, 1), 1, (1, 0), (2, 1))


@case("inputs_raising", title="the lowered matrix is left as it was", forbids=FOLD)
def untouched(inputs_raising):
    lowered = torch.arange(1.0, 17).reshape(4, 4)
    inputs_raising(lowered, (1, 1, 3, 3), 2)
    return lowered


@case("inputs_raising", title="a matrix of the wrong shape is refused", forbids=FOLD)
def wrong_matrix(inputs_raising, refused):
    return refused(lambda: inputs_raising(torch.ones(2, 8), (1, 1, 3, 3), 2))
