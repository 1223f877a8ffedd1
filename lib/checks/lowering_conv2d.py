"""Lesson 2: the public cases of `conv2d` and of `inputs_raising`."""

import torch

from lib.cases import case

UNFOLD = ("aten.im2col", "aten.convolution")
FOLD = ("aten.col2im", "aten.im2col", "aten.convolution", "aten.convolution_backward")


@case("conv2d", title="a 3×3 image, one 2×2 kernel", forbids=UNFOLD)
def small(conv2d):
    return conv2d(torch.arange(1.0, 10).reshape(1, 1, 3, 3), torch.tensor([[[[1.0, 10], [100, 1000]]]]))


@case(
    "conv2d", title="four images of 2×4, two channels, three kernels of 1×2 taps; integers: the product", forbids=UNFOLD
)
def operands(conv2d):
    seen, x, w = [], torch.ones(4, 2, 2, 4).long(), torch.ones(3, 2, 1, 2).long()

    def matmul(a, b):
        outer = sorted((len(a), b.shape[1]))
        seen.append(f"inner sides {a.shape[1]} and {len(b)}, outer sides {outer[0]} and {outer[1]}, {a.dtype}")
        return a[:, :1] @ b[:1]

    try:
        result = str(tuple(conv2d(x, w, matmul=matmul).shape))
    except RuntimeError as error:
        result = f"RuntimeError: {error}"
    return {"times that matmul was called": len(seen), "the product": seen[:1], "shape of the result": result}


@case("conv2d", title="two images, two channels, three kernels of 1×2 taps", forbids=UNFOLD)
def many(conv2d, draw):
    return conv2d(draw.integers(2, 2, 2, 3) / 2, draw.integers(3, 2, 1, 2) / 2)


@case("conv2d", title="a 5×5 image, a 2×2 kernel, stride 2 and padding 1; float64", forbids=UNFOLD)
def stepping(conv2d, draw):
    image, kernel = (draw.integers(1, 1, side, side, dtype=torch.float64) for side in (5, 2))
    return conv2d(image, kernel, stride=2, padding=1)


@case("conv2d", title="integers, and pairs: stride (1, 2), padding (0, 1), dilation (2, 1)", forbids=UNFOLD)
def in_pairs(conv2d, draw):
    x, w = (draw.integers(1, 1, *sides, dtype=torch.int64) for sides in ((4, 5), (2, 3)))
    return {"result": conv2d(x, w, (1, 2), (0, 1), (2, 1)), "inputs afterwards": x, "weights afterwards": w}


@case("conv2d", title="the product comes from the matmul passed in: here −(a @ b)", forbids=UNFOLD)
def through_matmul(conv2d):
    return conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), matmul=lambda a, b: -(a @ b))


@case("conv2d", title="inputs and weights that do not fit are refused", forbids=UNFOLD)
def misfits(conv2d, refused):
    x = torch.ones(1, 2, 3, 3)
    return {
        "2 and 3 channels": refused(lambda: conv2d(x, torch.ones(1, 3, 2, 2), matmul=lambda a, b: a[:, :1] @ b[:1])),
        "2 and 1 channels": refused(lambda: conv2d(x, torch.ones(1, 1, 2, 2), matmul=lambda a, b: a[:, :1] @ b[:1])),
        "a kernel larger than the image": refused(lambda: conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3))),
        "weights of three axes": refused(lambda: conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 2, 2))),
        "inputs of three axes": refused(lambda: conv2d(torch.ones(1, 3, 3), torch.ones(1, 1, 2, 2))),
        "padding −1": refused(lambda: conv2d(x, torch.ones(1, 2, 1, 1), padding=-1)),
        "dilation 0": refused(lambda: conv2d(x, torch.ones(1, 2, 2, 2), dilation=0)),
    }


@case("inputs_raising", title="ones, for a 3×3 image and a 2×2 kernel: the copies of each pixel", forbids=FOLD)
def copies(inputs_raising):
    lowered = torch.ones(4, 4)
    return {"copies": inputs_raising(lowered, (1, 1, 3, 3), 2), "lowered afterwards": lowered}


@case("inputs_raising", title="three images of two channels, float64", exact=True, forbids=FOLD)
def images_back(inputs_raising):
    lowered = torch.arange(1, 49).double().reshape(8, 6)
    lowered[0, 0] = 2**24 + 1  # more digits than float32 has
    return inputs_raising(lowered, (3, 2, 2, 3), 2)


@case("inputs_raising", title="padding 1: what lies on it is dropped", forbids=FOLD)
def cropped(inputs_raising):
    return inputs_raising(torch.arange(1.0, 37).reshape(4, 9), (1, 1, 2, 2), 2, padding=1)


@case("inputs_raising", title="stride 2: some pixels were never copied", forbids=FOLD)
def skipped(inputs_raising):
    return inputs_raising(torch.arange(1.0, 5).reshape(1, 4), (1, 1, 4, 3), 1, stride=2)


@case("inputs_raising", title="a 5×4 image, 2×2 taps, stride (2, 1), dilation (1, 2)", forbids=FOLD)
def settings_back(inputs_raising):
    return inputs_raising(torch.arange(1.0, 17).reshape(4, 4), (1, 1, 5, 4), 2, (2, 1), 0, (1, 2))


@case("inputs_raising", title="3×1 taps, padding (1, 0), dilation (2, 1), a scattered matrix", forbids=FOLD)
def pairs_back(inputs_raising):
    matrix = torch.arange(1.0, 25).reshape(8, 3).T
    return inputs_raising(matrix, (1, 1, 4, 4), (3, 1), 1, (1, 0), (2, 1))


@case("inputs_raising", title="a matrix of any other shape than 4×6, and sizes that make no sense", forbids=FOLD)
def wrong_matrix(inputs_raising, refused):
    shapes = ((2, 12), (4, 7), (5, 6), (6, 4), (1, 4, 6), (1, 2, 2, 1, 2, 3))
    return {
        **{str(s): refused(lambda s=s: inputs_raising(torch.ones(s), (1, 1, 3, 4), 2)) for s in shapes},
        "padding −1": refused(lambda: inputs_raising(torch.ones(1, 2), (1, 1, 3, 4), 1, padding=-1)),
        "stride 0": refused(lambda: inputs_raising(torch.ones(4, 6), (1, 1, 3, 4), 2, stride=0)),
        "dilation 0": refused(lambda: inputs_raising(torch.ones(4, 12), (1, 1, 3, 4), 2, dilation=0)),
    }
