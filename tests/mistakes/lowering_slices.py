"""Lesson 2: wrong slices in `inputs_lowering`, as a loop over the taps makes them."""

import torch.nn.functional as F

from course.mistakes import mistake
from lib.lowering import output_size
from lib.sizes import axes, pair


@mistake(
    "inputs_lowering",
    name="the slice ends without its start",
    hint="A slice a : b ends at b, not after b pixels: the end is the start plus stride·OH (and stride·OW).",
)
def end_without_start(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = axes(inputs, "N, C, H, W")
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    padded, lowered = F.pad(inputs, (pw, pw, ph, ph)), inputs.new_empty(c, kh, kw, n, oh, ow)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh : sh * oh : sh, j * dw : sw * ow : sw]
            lowered[:, i, j] = tap.transpose(0, 1)
    return lowered.reshape(c * kh * kw, n * oh * ow)


@mistake(
    "inputs_lowering",
    name="the slice ends OH after its start, whatever the stride",
    hint="OH positions, `stride` apart, reach over stride·OH pixels: the slice ends at start + stride·OH.",
)
def end_without_stride(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = axes(inputs, "N, C, H, W")
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    padded, lowered = F.pad(inputs, (pw, pw, ph, ph)), inputs.new_empty(c, kh, kw, n, oh, ow)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh : i * dh + oh : sh, j * dw : j * dw + ow : sw]
            lowered[:, i, j] = tap.transpose(0, 1)
    return lowered.reshape(c * kh * kw, n * oh * ow)


@mistake(
    "inputs_lowering",
    name="the slice takes neighbouring pixels, whatever the stride",
    hint="A slice takes a third number, the step: start : start + stride·OH : stride.",
)
def step_forgotten(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = axes(inputs, "N, C, H, W")
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    padded, lowered = F.pad(inputs, (pw, pw, ph, ph)), inputs.new_empty(c, kh, kw, n, oh, ow)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh : i * dh + oh, j * dw : j * dw + ow]
            lowered[:, i, j] = tap.transpose(0, 1)
    return lowered.reshape(c * kh * kw, n * oh * ow)


@mistake(
    "inputs_lowering",
    name="a tap starts at pixel (i, j), whatever the dilation",
    hint="Tap (i, j) starts at pixel (i·dilation, j·dilation).",
)
def start_undilated(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = axes(inputs, "N, C, H, W")
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    padded, lowered = F.pad(inputs, (pw, pw, ph, ph)), inputs.new_empty(c, kh, kw, n, oh, ow)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i : i + sh * oh : sh, j : j + sw * ow : sw]
            lowered[:, i, j] = tap.transpose(0, 1)
    return lowered.reshape(c * kh * kw, n * oh * ow)


@mistake(
    "inputs_lowering",
    name="the order of F.pad is that of the axes",
    hint="`F.pad` wants the last axis first: (left, right, top, bottom).",
)
def pad_order(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = axes(inputs, "N, C, H, W")
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    padded, lowered = F.pad(inputs, (ph, ph, pw, pw)), inputs.new_empty(c, kh, kw, n, oh, ow)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw]
            lowered[:, i, j] = tap.transpose(0, 1)
    return lowered.reshape(c * kh * kw, n * oh * ow)


@mistake(
    "inputs_lowering",
    name="sizes that output_size would refuse are let through",
    hint="OH and OW come from `output_size`: call it rather than write its formula again, and it refuses bad sizes.",
)
def formula_again(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = axes(inputs, "N, C, H, W")
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    if min(oh, ow) < 1 or min(ph, pw) < 0:
        raise ValueError("the kernel does not fit")
    padded, lowered = F.pad(inputs, (pw, pw, ph, ph)), inputs.new_empty(c, kh, kw, n, oh, ow)
    for i in range(kh):
        for j in range(kw):
            tap = padded[:, :, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw]
            lowered[:, i, j] = tap.transpose(0, 1)
    return lowered.reshape(c * kh * kw, n * oh * ow)
