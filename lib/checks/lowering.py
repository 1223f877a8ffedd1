"""Lesson 2: the public cases, smallest first, and the hints."""

import torch

from lib.cases import case
from lib.checks.lowering_conv2d import *  # noqa: F403

HINTS = {
    "output_size": [
        "Put the kernel at the left end of the padded side. How many pixels does it reach over, from its first "
        "tap to its last? Try kernel_size=3, dilation=2 on paper.",
        "It reaches over dilation·(kernel_size − 1) + 1 pixels. The rest of the padded side, size + 2·padding "
        "minus that, is how far it can travel.",
        "It takes one step for every whole stride that fits into the rest (integer division, `//`), and the "
        "position it starts from counts too.",
        "Refuse first: one `if` for each of the conditions listed under Raises, each with "
        "`raise ValueError(...)` and a message that names the number at fault (the check does not read it).",
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
        "*last* axis first. `inputs.new_empty(shape)` keeps the dtype too; where you store no slice, it holds "
        "whatever was left in memory.",
    ],
    "outputs_lifting": [
        "Row o holds output channel o of image 0, then of image 1, … Which four axes are there, in which order?",
        "`reshape` can only split axes, it cannot reorder them: split into (O, N, OH, OW) first, then exchange "
        "the first two.",
    ],
    "conv2d": [
        "Everything is there already: lower the weights, lower the inputs, multiply, lift.",
        "`outputs_lifting` has to be told OH and OW: `output_size` gives each from its own side, kernel side, "
        "stride, padding and dilation; `pair` splits an int or a pair.",
        "Call `matmul(…, …)`, the argument, not `@`, and call it once: the lowered inputs hold the windows of all "
        "images already.",
    ],
    "inputs_raising": [
        "Run `inputs_lowering` backwards: the same slices, but now the padded image is on the left of the sign.",
        "A pixel that was copied four times gets four contributions: `+=`, into zeros.",
        "Undo the last reshape first: `lowered.reshape(C, KH, KW, N, OH, OW)`. At the end cut the padding off.",
    ],
}

UNFOLD = ("aten.im2col", "aten.convolution")


@case("output_size", title="3 taps on 5 pixels, a kernel as long as the side, padding")
def fits(output_size):
    return {
        "5 pixels, 3 taps": output_size(5, 3),
        "3 pixels, 3 taps": output_size(3, 3),
        "6 pixels, 4 taps": output_size(6, 4),
        "5 pixels, 3 taps, padding 1": output_size(5, 3, padding=1),
        "1 pixel, 2 taps, padding 3": output_size(1, 2, padding=3),
    }


@case("output_size", title="stride: 6 pixels, 3 taps leave one over")
def strided(output_size):
    return {
        "6 pixels, 3 taps, stride 2": output_size(6, 3, stride=2),
        "5 pixels, 3 taps, stride 2": output_size(5, 3, stride=2),
        "4 pixels, 2 taps, stride 2": output_size(4, 2, stride=2),
        "8 pixels, 1 tap, stride 3": output_size(8, 1, stride=3),
        "3 pixels, 3 taps, stride 4": output_size(3, 3, stride=4),
    }


@case("output_size", title="dilation")
def dilated(output_size):
    return {
        "7 pixels, 3 taps, dilation 2": output_size(7, 3, dilation=2),
        "8 pixels, 2 taps, dilation 3": output_size(8, 2, dilation=3),
        "5 pixels, 1 tap, dilation 2": output_size(5, 1, dilation=2),
        "2 pixels, 2 taps, padding 2, dilation 3": output_size(2, 2, padding=2, dilation=3),
    }


@case("output_size", title="10 pixels, 3 taps, stride 2, padding 1, dilation 3: positions, as an int")
def everything(output_size):
    positions = output_size(10, 3, 2, 1, 3)
    return {"positions": positions, "type": type(positions).__name__.rstrip("0123456789")}


@case("output_size", title="sizes that make no sense are refused, those that just fit are not")
def nonsense(output_size, refused):
    return {
        "a kernel of 3 on 2 pixels, stride 2": refused(lambda: output_size(2, 3, stride=2)),
        "padding −1": refused(lambda: output_size(5, 3, padding=-1)),
        "stride 0": refused(lambda: output_size(5, 3, stride=0)),
        "stride −1": refused(lambda: output_size(5, 3, stride=-1)),
        "dilation 0": refused(lambda: output_size(5, 3, dilation=0)),
        "dilation −1": refused(lambda: output_size(5, 3, dilation=-1)),
        "kernel_size 0": refused(lambda: output_size(5, 0)),
        "kernel_size −1": refused(lambda: output_size(5, -1)),
        "a kernel of 3 on 1 pixel, padding 1": refused(lambda: output_size(1, 3, padding=1)),
        "a kernel of 3 on 5 pixels, dilation 2": refused(lambda: output_size(5, 3, dilation=2)),
        "a kernel of 3 on 4 pixels, dilation 2": refused(lambda: output_size(4, 3, dilation=2)),
    }


@case("weight_lowering", title="one kernel of one channel")
def one_kernel(weight_lowering):
    weights = torch.arange(1.0, 5).reshape(1, 1, 2, 2)
    return {"row": weight_lowering(weights), "weights afterwards": weights}


@case("weight_lowering", title="three kernels of two channels, 1×2 taps; float64, digit for digit", exact=True)
def three_kernels(weight_lowering):
    weights = torch.arange(1, 13).reshape(3, 2, 1, 2).double() + 2**24
    return {"rows": weight_lowering(weights), "weights afterwards": weights}


@case("weight_lowering", title="weights that are not contiguous in memory: integers, float16")
def scattered_weights(weight_lowering):
    weights = torch.arange(1, 25).reshape(2, 3, 2, 2).permute(0, 3, 1, 2)
    return {"integers": weight_lowering(weights), "float16": weight_lowering(weights.half())}


@case("weight_lowering", title="all but four axes are refused")
def other_axes(weight_lowering, refused):
    shapes = {"three": (2, 2, 2), "five": (1, 2, 2, 2, 2), "two": (2, 8)}
    return {name: refused(lambda s=shape: weight_lowering(torch.ones(s))) for name, shape in shapes.items()}


@case("inputs_lowering", title="a 3×3 image, a 2×2 kernel", forbids=UNFOLD)
def by_hand(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 10).reshape(1, 1, 3, 3), 2)


@case("inputs_lowering", title="the order of the rows and of the columns", forbids=UNFOLD)
def order(inputs_lowering):
    return {
        "two channels": inputs_lowering(torch.arange(1.0, 13).reshape(1, 2, 2, 3), 2),
        "two images": inputs_lowering(torch.arange(1.0, 13).reshape(2, 1, 2, 3), 2),
        "two images of two channels, one tap": inputs_lowering(torch.arange(1.0, 9).reshape(2, 2, 1, 2), 1),
    }


@case("inputs_lowering", title="a 2×2 image, a 2×2 kernel, padding 1", forbids=UNFOLD)
def zeros_around(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 5).reshape(1, 1, 2, 2), 2, padding=1)


@case("inputs_lowering", title="a 4×4 image, a 2×2 kernel: stride 2, dilation 2; one tap, stride 3", forbids=UNFOLD)
def steps(inputs_lowering):
    image = torch.arange(1.0, 17).reshape(1, 1, 4, 4)
    return {
        "stride 2": inputs_lowering(image.clone(), 2, stride=2),
        "dilation 2": inputs_lowering(image.clone(), 2, dilation=2),
        "one tap, stride 3": inputs_lowering(image.clone(), 1, stride=3),
    }


@case("inputs_lowering", title="a 3×4 image, a kernel of 2×3 taps", forbids=UNFOLD)
def rectangle(inputs_lowering):
    return inputs_lowering(torch.arange(1.0, 13).reshape(1, 1, 3, 4), (2, 3))


@case("inputs_lowering", title="one tap, padding (1, 0), then (0, 1)", forbids=UNFOLD)
def zeros_above(inputs_lowering):
    return {
        "a 1×3 image, padding (1, 0)": inputs_lowering(torch.arange(1.0, 4).reshape(1, 1, 1, 3), 1, padding=(1, 0)),
        "a 3×1 image, padding (0, 1)": inputs_lowering(torch.arange(1.0, 4).reshape(1, 1, 3, 1), 1, padding=(0, 1)),
    }


@case("inputs_lowering", title="a 5×4 image, a 2×2 kernel, stride (2, 1), dilation (1, 2)", forbids=UNFOLD)
def pairs(inputs_lowering):
    image = torch.arange(1.0, 21).reshape(1, 1, 5, 4)
    return inputs_lowering(image, 2, stride=(2, 1), dilation=(1, 2))


@case("inputs_lowering", title="a 5×5 image, a 3×3 kernel, stride 2, padding 1, dilation 2; int32", forbids=UNFOLD)
def all_settings(inputs_lowering):
    return inputs_lowering(torch.arange(1, 26, dtype=torch.int32).reshape(1, 1, 5, 5), 3, 2, 1, 2)


@case("inputs_lowering", title="an image that is not contiguous; float64, float16", exact=True, forbids=UNFOLD)
def scattered(inputs_lowering):
    image = torch.arange(1, 13).reshape(1, 2, 3, 2).transpose(2, 3)
    large = image.double() + 2**24
    lowered = {"float64": inputs_lowering(large, 2), "float16": inputs_lowering(image.half(), 2)}
    return {**lowered, "image afterwards": large}


@case("inputs_lowering", title="inputs that make no sense are refused", forbids=UNFOLD)
def no_image(inputs_lowering, refused):
    return {
        "three axes": refused(lambda: inputs_lowering(torch.ones(1, 3, 3), 2)),
        "five axes": refused(lambda: inputs_lowering(torch.ones(1, 1, 3, 3, 1), 2)),
        "a kernel larger than the image": refused(lambda: inputs_lowering(torch.ones(1, 1, 2, 2), 3)),
        "a kernel wider than the image": refused(lambda: inputs_lowering(torch.ones(1, 1, 2, 2), (1, 3))),
        "a kernel as large as the image": refused(lambda: inputs_lowering(torch.ones(1, 1, 3, 3), 3)),
        "as large once it is padded": refused(lambda: inputs_lowering(torch.ones(1, 1, 1, 1), 3, padding=1)),
        "padding (0, −1)": refused(lambda: inputs_lowering(torch.ones(1, 1, 4, 4), 2, padding=(0, -1))),
        "stride 0": refused(lambda: inputs_lowering(torch.ones(1, 1, 4, 4), 2, stride=0)),
        "dilation 0": refused(lambda: inputs_lowering(torch.ones(1, 1, 4, 4), 2, dilation=0)),
        "kernel_size 0": refused(lambda: inputs_lowering(torch.ones(1, 1, 4, 4), 0)),
    }


@case("outputs_lifting", title="one image, two output channels of 2×2")
def one_image(outputs_lifting):
    return outputs_lifting(torch.arange(1.0, 9).reshape(2, 4), 1, 2, 2)


@case("outputs_lifting", title="two images; float64, int32, float16", exact=True)
def batch(outputs_lifting):
    return {
        "two output channels of 1×2": outputs_lifting(torch.arange(1, 9).double().reshape(2, 4) + 2**24, 2, 1, 2),
        "three of 2×1, int32": outputs_lifting(torch.arange(1, 13, dtype=torch.int32).reshape(3, 4), 2, 2, 1),
        "one of 1×2, float16": outputs_lifting(torch.arange(1, 5).half().reshape(1, 4), 2, 1, 2),
    }


@case("outputs_lifting", title="a matrix that is not contiguous in memory")
def transposed(outputs_lifting):
    matrix = torch.arange(1.0, 13).reshape(6, 2).T
    return {"images": outputs_lifting(matrix, 3, 1, 2), "matrix afterwards": matrix}


@case("outputs_lifting", title="all but a matrix is refused")
def no_matrix(outputs_lifting, refused):
    shapes = {"three axes": (2, 2, 2), "four axes": (2, 1, 2, 2), "one axis": (8,)}
    return {name: refused(lambda s=shape: outputs_lifting(torch.ones(s), 1, 2, 2)) for name, shape in shapes.items()}
