"""Lesson 2: the hidden checks."""

import torch

from lib.cases import case

UNFOLD = ("aten.im2col", "aten.convolution")
FOLD = ("aten.col2im", "aten.im2col", "aten.convolution", "aten.convolution_backward")


@case("output_size", points=1, title="stride 1, with and without padding")
def unit_steps(output_size, draw):
    size, kernel = draw.number(5, 40), draw.number(1, 6)
    return [output_size(size, kernel), output_size(size, kernel, padding=draw.number(1, 4))]


@case("output_size", points=2, title="stride, padding and dilation together")
def all_together(output_size, draw):
    return [
        output_size(draw.number(16, 60), kernel, stride, padding, dilation)
        for stride in (1, 2, 3, 4)
        for padding in (0, 1, 3)
        for dilation in (1, 2, 3)
        for kernel in (1, draw.number(2, 6))
    ]


@case("output_size", points=1, title="a whole number, also where the division leaves a rest")
def remainder(output_size):
    positions = [output_size(8, 3, stride=2), output_size(9, 2, stride=3, padding=1), output_size(4, 4, stride=5)]
    positions += [output_size(8, 2, stride=2), output_size(4, 1, stride=3)]
    return positions, [type(n).__name__.rstrip("0123456789") for n in positions]


@case("output_size", points=1, title="sizes that make no sense are refused, those at the edge are not")
def limits(output_size, refused, draw):
    k = draw.number(3, 6)
    return {
        "a kernel of the side's own size": refused(lambda: output_size(k, k)),
        "one pixel too short": refused(lambda: output_size(k - 1, k)),
        "one pixel too short, stride 2": refused(lambda: output_size(k - 1, k, stride=2)),
        "too short, but padded": refused(lambda: output_size(k - 2, k, padding=1)),
        "just long enough once dilated": refused(lambda: output_size(2 * k - 1, k, dilation=2)),
        "more dilation than pixels, but padded": refused(lambda: output_size(2, 2, padding=k, dilation=k)),
        "too short once dilated": refused(lambda: output_size(2 * k - 2, k, dilation=2)),
        "too short once dilated, though padded": refused(lambda: output_size(k - 1, k, padding=1, dilation=3)),
        "negative padding": refused(lambda: output_size(20, k, padding=-1)),
        "no stride": refused(lambda: output_size(20, k, stride=0)),
        "negative stride": refused(lambda: output_size(20, k, stride=-1)),
        "no dilation": refused(lambda: output_size(20, k, dilation=0)),
        "negative dilation": refused(lambda: output_size(20, k, dilation=-2)),
        "much negative padding": refused(lambda: output_size(20, k, padding=-3)),
        "more padding than taps": refused(lambda: output_size(20, k, padding=k + 1)),
        "more stride than taps": refused(lambda: output_size(20, k, stride=k + 3)),
        "no kernel": refused(lambda: output_size(20, 0)),
        "a negative kernel": refused(lambda: output_size(20, -k)),
    }


@case("weight_lowering", points=2, title="kernels that are not square", exact=True)
def rectangles(weight_lowering, draw):
    return weight_lowering(draw.normal(draw.number(2, 5), 3, 2, draw.number(3, 5)))


@case("weight_lowering", points=1, title="weights in another memory layout, and of other dtypes", exact=True)
def layouts(weight_lowering, draw):
    weights = draw.integers(3, 2, 3, 2, dtype=torch.int32)
    scattered = draw.normal(2, 3, 2, 3, dtype=torch.float64).transpose(1, 3)
    last = draw.normal(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    single = draw.integers(2, 1, 2, 3, dtype=torch.float16)
    given = [weights, scattered, last, single]
    return [weight_lowering(x) for x in given], given


@case("weight_lowering", points=1, title="another number of axes is refused")
def axes(weight_lowering, refused):
    return [
        refused(lambda x=x: weight_lowering(x))
        for x in (torch.ones(6), torch.ones(2, 3, 3), torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2, 1))
    ]


@case("inputs_lowering", points=2, title="several channels and images, stride 1", exact=True, forbids=UNFOLD)
def row_and_column_order(inputs_lowering, draw):
    return inputs_lowering(draw.normal(draw.number(2, 4), draw.number(2, 4), 5, 5), draw.number(2, 4))


@case("inputs_lowering", points=1, title="'same' padding, as in the networks to come", exact=True, forbids=UNFOLD)
def same(inputs_lowering, draw):
    k = draw.one_of((3, 5))
    return [inputs_lowering(draw.normal(2, 3, 6, 6), k, padding=k // 2) for _ in range(2)]


@case("inputs_lowering", points=2, title="stride and dilation", exact=True, forbids=UNFOLD)
def steps_and_holes(inputs_lowering, draw):
    x = draw.normal(2, 2, 11, 11)
    results = [inputs_lowering(x, 3, stride, draw.number(0, 2), d) for stride in (1, 2, 3) for d in (1, 2, 3)]
    return [*results, inputs_lowering(x, 1, stride=2)]


@case("inputs_lowering", points=2, title="height and width of everything differ", exact=True, forbids=UNFOLD)
def oblong(inputs_lowering, draw):
    x = draw.normal(2, 3, 9, draw.number(12, 15))
    return [
        inputs_lowering(x, (2, 3)),
        inputs_lowering(x, 2, stride=(1, 3)),
        inputs_lowering(x, 2, padding=(0, 2)),
        inputs_lowering(x, 2, dilation=(3, 1)),
        inputs_lowering(x, (3, 2), (2, 1), (1, 2), (1, 3)),
    ]


@case("inputs_lowering", points=1, title="the dtype is kept", exact=True, forbids=UNFOLD)
def dtypes(inputs_lowering, draw):
    kinds = (torch.int8, torch.int64, torch.float16)
    given = [draw.normal(1, 2, 4, 4, dtype=torch.float64), *(draw.integers(1, 2, 4, 4, dtype=kind) for kind in kinds)]
    return [inputs_lowering(x, 3, padding=1) for x in given]


@case(
    "inputs_lowering",
    points=1,
    title="inputs in another memory layout; the inputs stay as they were",
    exact=True,
    forbids=UNFOLD,
)
def layout_of_inputs(inputs_lowering, draw):
    x = draw.normal(3, 5, 2, 6).permute(2, 0, 3, 1)
    return [inputs_lowering(x, 2), inputs_lowering(x[:, :, ::2], 2, padding=1), x]


@case("inputs_lowering", points=1, title="what makes no sense is refused", forbids=UNFOLD)
def impossible(inputs_lowering, refused):
    x = torch.ones(1, 2, 4, 5)
    return {
        "three axes": refused(lambda: inputs_lowering(x[0], 2)),
        "five axes": refused(lambda: inputs_lowering(x[None], 2)),
        "a kernel too tall": refused(lambda: inputs_lowering(x, (5, 1))),
        "a kernel too wide once dilated": refused(lambda: inputs_lowering(x, (1, 3), dilation=3)),
        "negative padding": refused(lambda: inputs_lowering(x, 2, padding=(0, -1))),
        "no stride": refused(lambda: inputs_lowering(x, 2, stride=0)),
        "no dilation": refused(lambda: inputs_lowering(x, 2, dilation=0)),
        "no kernel": refused(lambda: inputs_lowering(x, 0)),
        "as large as the padded image": refused(lambda: inputs_lowering(x, (6, 7), padding=1)),
    }


@case("outputs_lifting", points=2, title="several images and channels", exact=True)
def images(outputs_lifting, draw):
    n, o, h, w = draw.number(2, 5), draw.number(2, 5), draw.number(2, 4), draw.number(4, 6)
    return outputs_lifting(draw.normal(o, n * h * w), n, h, w)


@case("outputs_lifting", points=1, title="one image, and one channel", exact=True)
def single(outputs_lifting, draw):
    one_image = outputs_lifting(draw.normal(4, 6), 1, 2, 3)
    one_channel = outputs_lifting(draw.normal(1, 24), 4, 2, 3)
    return [one_image, one_channel]


@case("outputs_lifting", points=1, title="another memory layout, other dtypes", exact=True)
def other_layouts(outputs_lifting, draw):
    scattered = draw.normal(12, 3, dtype=torch.float64).T
    return [
        outputs_lifting(scattered, 2, 3, 2),
        scattered,
        outputs_lifting(draw.integers(2, 12, dtype=torch.int32), 2, 3, 2),
        outputs_lifting(draw.integers(2, 12, dtype=torch.float16), 2, 3, 2),
    ]


@case("outputs_lifting", points=1, title="all but a matrix is refused")
def no_matrix(outputs_lifting, refused):
    shapes = ((3, 8), (3, 2, 4), (3, 2, 2, 2), (24,))
    return {str(shape): refused(lambda s=shape: outputs_lifting(torch.ones(s), 2, 2, 2)) for shape in shapes}


@case("conv2d", points=2, title="stride, padding and dilation over a grid", forbids=UNFOLD)
def grid(conv2d, draw):
    x, w = draw.integers(2, 3, 8, 9), draw.integers(4, 3, 3, 2)
    return [conv2d(x, w, s, p, d) for s in (1, 2) for p in (0, 1, 2) for d in (1, 2)]


@case("conv2d", points=1, title="height and width differ", forbids=UNFOLD)
def different_sides(conv2d, draw):
    x, w = draw.integers(2, 2, 7, 10), draw.integers(3, 2, 2, 3)
    return [conv2d(x, w), conv2d(x, w, (2, 1), (0, 1), (1, 2)), conv2d(x, w, (1, 3), (2, 0), (2, 1)), x, w]


@case("conv2d", points=1, title="float64, integers, and random numbers", forbids=UNFOLD)
def kinds(conv2d, draw):
    double = conv2d(draw.normal(1, 2, 5, 5, dtype=torch.float64), draw.normal(2, 2, 3, 3, dtype=torch.float64))
    whole = conv2d(draw.integers(1, 2, 5, 5, dtype=torch.int64), draw.integers(2, 2, 3, 3, dtype=torch.int64))
    return [double, whole, conv2d(draw.normal(2, 3, 6, 6), draw.normal(4, 3, 3, 3), padding=1)]


@case("conv2d", points=2, title="one product, of the matmul that is passed in", forbids=UNFOLD)
def no_product_beside_it(conv2d, draw, watch):
    seen = []

    def matmul(left, right):
        seen.append([left.dim(), right.dim(), str(left.dtype), str(right.dtype)])
        return (left.unsqueeze(2) * right.unsqueeze(0)).sum(1)

    products = ("mm", "bmm", "addmm", "mv", "dot", "convolution", "addmv", "baddbmm")
    x, w = draw.integers(2, 2, 4, 5, dtype=torch.int64), draw.integers(3, 2, 2, 2, dtype=torch.int64)
    with watch() as calls:
        result = conv2d(x, w, padding=1, matmul=matmul)
    return {
        "times that matmul was called": len(seen),
        "axes and dtypes of the matrices": seen,
        "products that did not go through it": sorted({n for n, _ in calls} & {f"aten.{p}" for p in products}),
        "result": result,
    }


@case("conv2d", points=1, title="what does not fit is refused")
def unfit(conv2d, refused):
    x, w = torch.ones(2, 3, 4, 4), torch.ones(2, 3, 2, 2)
    return {
        "too many channels": refused(lambda: conv2d(x, torch.ones(2, 4, 2, 2))),
        "too few channels": refused(lambda: conv2d(x, torch.ones(2, 1, 2, 2))),
        "kernel": refused(lambda: conv2d(x, torch.ones(2, 3, 5, 2))),
        "padding": refused(lambda: conv2d(x, w, padding=-1)),
        "dilation": refused(lambda: conv2d(x, w, dilation=0)),
        "axes of the inputs": refused(lambda: conv2d(x[0], w)),
        "axes of the weights": refused(lambda: conv2d(x, w[0])),
        "nothing wrong": refused(lambda: conv2d(x, w)),
    }


@case("inputs_raising", points=2, title="several channels and images, 'same' padding", exact=True, forbids=FOLD)
def back(inputs_raising, draw):
    n = draw.number(2, 4)
    c = 5 - n
    lowered = draw.integers(c * 9, n * 20)
    return [
        inputs_raising(lowered, (n, c, 4, 5), 3, padding=1),
        inputs_raising(lowered.double() * 123456789, (n, c, 4, 5), 3, 1, 1),
    ]


@case("inputs_raising", points=2, title="stride, padding and dilation, height and width different", forbids=FOLD)
def back_with_everything(inputs_raising, draw):
    results = []
    for stride, padding, dilation in (((2, 3), 0, 1), (1, (0, 2), 1), (1, 0, (2, 3)), ((2, 1), (2, 1), (1, 4))):
        positions = []
        for i, (size, kernel) in enumerate(((9, 3), (12, 2))):
            s, p, d = (value if isinstance(value, int) else value[i] for value in (stride, padding, dilation))
            positions.append((size + 2 * p - d * (kernel - 1) - 1) // s + 1)
        lowered = draw.integers(18, 2 * positions[0] * positions[1], dtype=torch.float64)
        results.append(inputs_raising(lowered, (2, 3, 9, 12), (3, 2), stride, padding, dilation))
    return results


@case("inputs_raising", points=1, title="a matrix in another memory layout; it stays as it was", forbids=FOLD)
def left_alone(inputs_raising, draw):
    lowered = draw.normal(12, 8).T
    return [inputs_raising(lowered, (3, 2, 3, 3), 2), inputs_raising(2 * lowered, (3, 2, 3, 3), 2), lowered]


@case("inputs_raising", points=1, title="what does not fit is refused")
def wrong_shapes(inputs_raising, refused):
    return {
        "transposed": refused(lambda: inputs_raising(torch.ones(8, 4), (1, 1, 3, 5), 2)),
        "a row too many": refused(lambda: inputs_raising(torch.ones(5, 8), (1, 1, 3, 5), 2)),
        "a column too many": refused(lambda: inputs_raising(torch.ones(4, 9), (1, 1, 3, 5), 2)),
        "six axes": refused(lambda: inputs_raising(torch.ones(1, 2, 2, 1, 2, 4), (1, 1, 3, 5), 2)),
        "three axes": refused(lambda: inputs_raising(torch.ones(1, 4, 8), (1, 1, 3, 5), 2)),
        "padding": refused(lambda: inputs_raising(torch.ones(1, 3), (1, 1, 3, 5), 1, padding=-1)),
        "stride": refused(lambda: inputs_raising(torch.ones(4, 8), (1, 1, 3, 5), 2, stride=0)),
        "dilation": refused(lambda: inputs_raising(torch.ones(4, 15), (1, 1, 3, 5), 2, dilation=0)),
        "fits": refused(lambda: inputs_raising(torch.ones(4, 8), (1, 1, 3, 5), 2)),
        "kernel too large": refused(lambda: inputs_raising(torch.ones(16, 1), (1, 1, 3, 3), 4)),
    }
