"""Lesson 2: wrong implementations of `inputs_lowering`.

All begin alike: `y` and `x` hold the row and the column of every tap at every position, as tensors of four axes
(KH, KW, OH, OW), so that one index gives `taps`, of axes (N, C, KH, KW, OH, OW). Look for the one thing that is wrong.
"""

import torch
import torch.nn.functional as F

from course.mistakes import mistake
from lib.lowering import output_size
from lib.sizes import axes, pair


@mistake(
    "inputs_lowering",
    name="pixel-major rows: taps before channels",
    hint="Rows run in (c, kh, kw) order, as in the lowered weights: all taps of channel 0 come first.",
)
def pixel_major(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.permute(2, 3, 1, 0, 4, 5).reshape(kh * kw * c, -1)


@mistake(
    "inputs_lowering",
    name="windows became rows",
    hint="One window is one column: the second side of the result is N·OH·OW.",
)
def windows_in_rows(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1).T


@mistake(
    "inputs_lowering",
    name="the images of the batch are interleaved in the columns",
    hint="Columns run in (n, oh, ow) order: all windows of image 0 come first.",
)
def interleaved(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.movedim(0, 5).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the batch is in the rows",
    hint="Rows are what one output pixel sums over. Does it sum over the images?",
)
def batch_in_rows(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    n, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.reshape(n * c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="images and channels are mixed up by the reshape",
    hint="A slice is (N, C, OH, OW), but the channel belongs to the rows and the image to the columns: "
    "exchange the two axes before any reshape.",
)
def not_transposed(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    n, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.permute(2, 3, 0, 1, 4, 5).reshape(kh, kw, c, n, -1).movedim(2, 0).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="a slice is stored as it comes, images before channels",
    hint="The slice is (N, C, OH, OW), its place is (C, N, OH, OW): `transpose(0, 1)`.",
)
def stored_as_it_comes(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    n, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    lowered = taps.new_empty(c, kh, kw, n, *taps.shape[4:])
    for i in range(kh):
        for j in range(kw):
            lowered[:, i, j] = taps[:, :, i, j]
    return lowered.reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the rows of a window run down its columns",
    hint="(c, kh, kw) order: kw changes fastest, so the tap to the right comes before the tap below.",
)
def taps_down(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.permute(1, 3, 2, 0, 4, 5).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the window travels downwards first",
    hint="(n, oh, ow) order: ow changes fastest, so the window to the right comes before the window below.",
)
def travels_down(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.permute(1, 2, 3, 0, 5, 4).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the padding is added twice, or all of it at one end",
    hint="`padding` zeros belong at each end, left and right, top and bottom: `F.pad(inputs, (pw, pw, ph, ph))`.",
)
def one_sided(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (2 * pw, 0, 2 * ph, 0))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the padding repeats the edge",
    hint="Padded pixels add nothing to the sum. Which number adds nothing?",
)
def edges_repeated(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = inputs[:, :, (y - ph).clamp(0, h - 1), (x - pw).clamp(0, w - 1)]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the padding is ignored",
    hint="Add the zeros first, then slice the padded image.",
)
def unpadded(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, min(ph, 0), dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, min(pw, 0), dw))
    taps = inputs[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the vertical and the horizontal padding have changed places",
    hint="A pair is (vertical, horizontal), and `F.pad` wants the last axis first: (left, right, top, bottom).",
)
def padding_turned(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, pw, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, ph, dw))
    taps = F.pad(inputs, (ph, ph, pw, pw))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="height and width of the kernel are swapped",
    hint="A pair is (vertical, horizontal): the first number belongs to the height.",
)
def kernel_turned(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kw, kh), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="every pair is read as (horizontal, vertical)",
    hint="A pair is (vertical, horizontal): the first number belongs to the height.",
)
def all_turned(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kw, kh), (sw, sh), (pw, ph), (dw, dh) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the stride is ignored",
    hint="With stride 2 the window skips every second position: a slice takes a third number.",
)
def stride_ignored(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, 1, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the dilation is ignored",
    hint="Tap (i, j) starts at pixel (i·dilation, j·dilation).",
)
def dilation_ignored(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, 1))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="stride and dilation have changed places",
    hint="The dilation says where a tap starts, the stride how far it moves from window to window.",
)
def stride_for_dilation(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, dilation, padding, stride))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="windows cut out of the wrong place in memory",
    hint="An image need not lie row after row in memory: take its strides from `Tensor.stride()`.",
)
def assumed_strides(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    n, c, h, w = axes(inputs, "N, C, H, W")
    shape = (c, kh, kw, n, output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw))
    padded = F.pad(inputs, (pw, pw, ph, ph)) if ph or pw else inputs
    line, area = w + 2 * pw, (w + 2 * pw) * (h + 2 * ph)  # the strides that a contiguous image would have
    return padded.as_strided(shape, (area, dh * line, dw, c * area, sh * line, sw)).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="the dtype is lost",
    hint="Where do you convert it? `torch.zeros`, for one, makes float32 whatever went in; `inputs.new_zeros` keeps "
    "the dtype.",
)
def always_float(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h, kh, sh, ph, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w, kw, sw, pw, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.float().movedim(0, 3).reshape(c * kh * kw, -1)


@mistake(
    "inputs_lowering",
    name="negative padding cuts the image",
    hint="`F.pad` takes negative numbers for cropping: let `output_size` refuse them first.",
)
def cropped_image(inputs, kernel_size, stride=1, padding=0, dilation=1):
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    _, c, h, w = axes(inputs, "N, C, H, W")
    y = dh * torch.arange(kh)[:, None, None, None] + sh * torch.arange(output_size(h + 2 * ph, kh, sh, 0, dh))[:, None]
    x = dw * torch.arange(kw)[:, None, None] + sw * torch.arange(output_size(w + 2 * pw, kw, sw, 0, dw))
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, y, x]
    return taps.movedim(0, 3).reshape(c * kh * kw, -1)
