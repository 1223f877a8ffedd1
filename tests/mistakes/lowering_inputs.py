"""Lesson 2: wrong implementations of `inputs_lowering`."""

import torch
import torch.nn.functional as F

from course.mistakes import mistake
from lib.lowering import inputs_lowering, output_size
from lib.sizes import pair

# Most wrong lowerings differ from the right one in a single step. `steps` is the right one with each step open.


def steps(inputs, kernel_size, stride, padding, dilation, pad=None, order=(0, 1, 2, 3, 4, 5), rows=3):
    """Lower the inputs; `order` permutes (C, KH, KW, N, OH, OW), of which `rows` go into the rows."""
    batch, channels, height, width = inputs.shape
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(height, kh, sh, ph, dh), output_size(width, kw, sw, pw, dw)
    padded = F.pad(inputs, (pw, pw, ph, ph)) if pad is None else pad(inputs, ph, pw)
    lowered = inputs.new_empty(channels, kh, kw, batch, oh, ow)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw]
            lowered[:, i, j] = tap.transpose(0, 1)
    lowered = lowered.permute(order)
    return lowered.flatten(rows).flatten(0, rows - 1)


def swapped(size):
    return pair(size)[::-1]


@mistake(
    "inputs_lowering",
    name="pixel-major rows: taps before channels",
    hint="Rows run in (c, kh, kw) order, as in the lowered weights: all taps of channel 0 come first.",
)
def pixel_major(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return steps(inputs, kernel_size, stride, padding, dilation, order=(1, 2, 0, 3, 4, 5))


@mistake(
    "inputs_lowering",
    name="windows became rows",
    hint="One window is one column: the second side of the result is N·OH·OW.",
)
def windows_in_rows(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return steps(inputs, kernel_size, stride, padding, dilation).T


@mistake(
    "inputs_lowering",
    name="the images of the batch are interleaved in the columns",
    hint="Columns run in (n, oh, ow) order: all windows of image 0 come first.",
)
def interleaved(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return steps(inputs, kernel_size, stride, padding, dilation, order=(0, 1, 2, 4, 5, 3))


@mistake(
    "inputs_lowering",
    name="the batch is in the rows",
    hint="Rows are what one output pixel sums over. Does it sum over the images?",
)
def batch_in_rows(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return steps(inputs, kernel_size, stride, padding, dilation, order=(3, 0, 1, 2, 4, 5), rows=4)


@mistake(
    "inputs_lowering",
    name="images and channels are mixed up by the reshape",
    hint="A slice is (N, C, OH, OW), but the channel belongs to the rows and the image to the columns: "
    "exchange the two axes before any reshape.",
)
def not_transposed(inputs, kernel_size, stride=1, padding=0, dilation=1):
    right = steps(inputs, kernel_size, stride, padding, dilation)
    n, c = inputs.shape[:2]
    slices = right.reshape(c, -1, n, right.shape[1] // n).permute(2, 0, 1, 3)  # (N, C, KH·KW, OH·OW)
    return slices.reshape(c, n, *slices.shape[2:]).transpose(1, 2).reshape(right.shape)


@mistake(
    "inputs_lowering",
    name="a slice is stored as it comes, images before channels",
    hint="The slice is (N, C, OH, OW), its place is (C, N, OH, OW): `transpose(0, 1)`.",
)
def stored_as_it_comes(inputs, kernel_size, stride=1, padding=0, dilation=1):
    right = steps(inputs, kernel_size, stride, padding, dilation)
    n, c = inputs.shape[:2]
    slices = right.reshape(c, -1, n, right.shape[1] // n).permute(1, 2, 0, 3)  # (KH·KW, N, C, OH·OW)
    lowered = right.new_empty(c, len(slices), n, slices.shape[3])
    for tap, place in zip(slices, lowered.unbind(1), strict=True):
        place[:] = tap
    return lowered.reshape(right.shape)


@mistake(
    "inputs_lowering",
    name="a view of what is not in order in memory",
    hint="`view` never copies, so it cannot bring permuted axes into one: `reshape` copies where it must.",
)
def viewed_inputs(inputs, kernel_size, stride=1, padding=0, dilation=1):
    right = steps(inputs, kernel_size, stride, padding, dilation)
    return right.T.contiguous().T.view(-1)


@mistake(
    "inputs_lowering",
    name="the rows of a window run down its columns",
    hint="(c, kh, kw) order: kw changes fastest, so the tap to the right comes before the tap below.",
)
def taps_down(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return steps(inputs, kernel_size, stride, padding, dilation, order=(0, 2, 1, 3, 4, 5))


@mistake(
    "inputs_lowering",
    name="the window travels downwards first",
    hint="(n, oh, ow) order: ow changes fastest, so the window to the right comes before the window below.",
)
def travels_down(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return steps(inputs, kernel_size, stride, padding, dilation, order=(0, 1, 2, 3, 5, 4))


@mistake(
    "inputs_lowering",
    name="all the padding is on one side",
    hint="padding zeros belong on each side: left and right, top and bottom.",
)
def one_sided(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return steps(inputs, kernel_size, stride, padding, dilation, lambda x, ph, pw: F.pad(x, (2 * pw, 0, 2 * ph, 0)))


@mistake(
    "inputs_lowering",
    name="the padding is not zero",
    hint="Padded pixels add nothing to the sum. Which number adds nothing?",
)
def edges_repeated(inputs, kernel_size, stride=1, padding=0, dilation=1):
    def pad(x, ph, pw):
        rows = torch.arange(-ph, x.shape[2] + ph).clamp(0, x.shape[2] - 1)
        columns = torch.arange(-pw, x.shape[3] + pw).clamp(0, x.shape[3] - 1)
        return x[:, :, rows][:, :, :, columns]

    return steps(inputs, kernel_size, stride, padding, dilation, pad)


@mistake(
    "inputs_lowering",
    name="the padding is ones",
    hint="Padded pixels add nothing to the sum. Which number adds nothing?",
)
def ones_around(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return steps(inputs, kernel_size, stride, padding, dilation, lambda x, ph, pw: F.pad(x, (pw, pw, ph, ph), value=1))


@mistake(
    "inputs_lowering",
    name="the padding is ignored",
    hint="Add the zeros first, then slice the padded image.",
)
def unpadded(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return inputs_lowering(inputs, kernel_size, stride, min(0, *pair(padding)), dilation)


@mistake(
    "inputs_lowering",
    name="F.pad got height and width the wrong way round",
    hint="`F.pad` wants the last axis first: (left, right, top, bottom).",
)
def padding_turned(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return inputs_lowering(inputs, kernel_size, stride, swapped(padding), dilation)


@mistake(
    "inputs_lowering",
    name="height and width of the kernel are swapped",
    hint="A pair is (vertical, horizontal): the first number belongs to the height.",
)
def kernel_turned(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return inputs_lowering(inputs, swapped(kernel_size), stride, padding, dilation)


@mistake(
    "inputs_lowering",
    name="every pair is read as (horizontal, vertical)",
    hint="A pair is (vertical, horizontal): the first number belongs to the height.",
)
def all_turned(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return inputs_lowering(inputs, *map(swapped, (kernel_size, stride, padding, dilation)))


@mistake(
    "inputs_lowering",
    name="the stride is ignored",
    hint="With stride 2 the window skips every second position: a slice takes a third number.",
)
def stride_ignored(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return inputs_lowering(inputs, kernel_size, tuple(min(1, s) for s in pair(stride)), padding, dilation)


@mistake(
    "inputs_lowering",
    name="the dilation is ignored",
    hint="Tap (i, j) starts at pixel (i·dilation, j·dilation).",
)
def dilation_ignored(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return inputs_lowering(inputs, kernel_size, stride, padding)


@mistake(
    "inputs_lowering",
    name="stride and dilation have changed places",
    hint="The dilation says where a tap starts, the stride how far it moves from window to window.",
)
def stride_for_dilation(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return inputs_lowering(inputs, kernel_size, dilation, padding, stride)


@mistake(
    "inputs_lowering",
    name="windows cut out of the wrong place in memory",
    hint="An image need not lie row after row in memory: take its strides from `Tensor.stride()`.",
)
def assumed_strides(inputs, kernel_size, stride=1, padding=0, dilation=1):
    # as_strided on the image's own storage, with the strides that a contiguous image would have
    n, c, h, w = inputs.shape
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    x = F.pad(inputs, (pw, pw, ph, ph)) if ph or pw else inputs
    h, w = h + 2 * ph, w + 2 * pw
    shape = (c, kh, kw, n, oh, ow)
    return x.as_strided(shape, (h * w, dh * w, dw, c * h * w, sh * w, sw)).reshape(c * kh * kw, n * oh * ow)


@mistake(
    "inputs_lowering",
    name="the dtype is lost",
    hint="`torch.zeros` makes float32 whatever went in; `inputs.new_zeros` keeps the dtype.",
)
def always_float(inputs, kernel_size, stride=1, padding=0, dilation=1):
    return inputs_lowering(inputs, kernel_size, stride, padding, dilation).float()


@mistake(
    "inputs_lowering",
    name="the image is taken to be square",
    hint="OH and OW are two numbers: ask `output_size` once for the height and once for the width.",
)
def square_only(inputs, kernel_size, stride=1, padding=0, dilation=1):
    kernel, step, pad, hole = (pair(size)[0] for size in (kernel_size, stride, padding, dilation))
    inputs_lowering(inputs, kernel_size, stride, padding, dilation)
    return inputs_lowering(inputs[..., : inputs.shape[2]], kernel, step, pad, hole)


@mistake(
    "inputs_lowering",
    name="negative padding cuts the image",
    hint="`F.pad` takes negative numbers for cropping: let `output_size` refuse them first.",
)
def cropped_image(inputs, kernel_size, stride=1, padding=0, dilation=1):
    if min(pair(padding)) < 0:
        return inputs_lowering(F.pad(inputs, (pair(padding)[1],) * 2 + (pair(padding)[0],) * 2), kernel_size)
    return inputs_lowering(inputs, kernel_size, stride, padding, dilation)
