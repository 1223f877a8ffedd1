"""Lesson 2: wrong implementations of `inputs_raising`, as a loop over the taps makes them."""

from course.mistakes import mistake
from lib.lowering import output_size
from lib.sizes import pair


@mistake(
    "inputs_raising",
    name="images and channels are not exchanged",
    hint="A tap comes as (C, N, OH, OW), the image wants (N, C, …): `transpose(0, 1)` before you add.",
)
def added_as_it_comes(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    taps, image = lowered.reshape(c, kh, kw, n, oh, ow), lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for i in range(kh):
        for j in range(kw):
            image[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] += taps[:, i, j]
    return image[:, :, ph : ph + h, pw : pw + w]


@mistake(
    "inputs_raising",
    name="input_size is read as (C, N, H, W)",
    hint="`input_size` is the shape of the result: (N, C, H, W), images first.",
)
def channels_read_first(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    c, n, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    taps, image = lowered.reshape(c, kh, kw, n, oh, ow), lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for i in range(kh):
        for j in range(kw):
            tap = taps[:, i, j].transpose(0, 1)
            image[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] += tap
    return image[:, :, ph : ph + h, pw : pw + w]


@mistake(
    "inputs_raising",
    name="sizes that output_size would refuse are let through",
    hint="OH and OW come from `output_size`: call it rather than write its formula again, and it refuses bad sizes.",
)
def sizes_unrefused(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    taps, image = lowered.reshape(c, kh, kw, n, oh, ow), lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for i in range(kh):
        for j in range(kw):
            tap = taps[:, i, j].transpose(0, 1)
            image[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] += tap
    return image[:, :, ph : ph + h, pw : pw + w]


@mistake(
    "inputs_raising",
    name="only the first two taps of a side are added",
    hint="A kernel may have more than two taps: run over all KH rows and all KW columns of it.",
)
def two_taps(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if lowered.shape != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    taps, image = lowered.reshape(c, kh, kw, n, oh, ow), lowered.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for i in range(min(kh, 2)):
        for j in range(min(kw, 2)):
            tap = taps[:, i, j].transpose(0, 1)
            image[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] += tap
    return image[:, :, ph : ph + h, pw : pw + w]
