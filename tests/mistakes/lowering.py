"""Lesson 2: wrong implementations, each with a name and the hint that its author needs.

Each stands by itself: it may call the other exercises and the tools of the notebook, and no helper of this file.
"""

import torch

from course.mistakes import mistake
from lib.sizes import axes
from tests.mistakes.lowering_conv2d import *  # noqa: F403
from tests.mistakes.lowering_inputs import *  # noqa: F403
from tests.mistakes.lowering_raising import *  # noqa: F403
from tests.mistakes.lowering_slices import *  # noqa: F403


@mistake(
    "output_size",
    name="the first position is not counted",
    hint="A kernel as long as the side fits in one position. What does yours say for output_size(3, 3)?",
)
def no_first_position(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - span) // stride


@mistake(
    "output_size",
    name="padding is counted at one end only",
    hint="padding zeros stand at each of the two ends: by how much is the side longer?",
)
def padding_once(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + padding - span) // stride + 1


@mistake(
    "output_size",
    name="dilation is ignored",
    hint="With dilation 2 a kernel of 3 taps reaches from pixel 0 to pixel 4. How many pixels is that?",
)
def dilation_unused(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - kernel_size) // stride + 1


@mistake(
    "output_size",
    name="the kernel is taken to span dilation × kernel_size pixels",
    hint="Nothing follows the last tap: between 3 taps there are 2 gaps, not 3.",
)
def one_gap_too_many(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - dilation * kernel_size) // stride + 1


@mistake(
    "output_size",
    name="the division is rounded up",
    hint="A last step that does not fit whole is not taken: which way must the division round?",
)
def rounded_up(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return -(-(size + 2 * padding - span) // stride) + 1


@mistake(
    "output_size",
    name="the division leaves a fraction",
    hint="A number of positions is whole: `//` divides integers, `/` makes a float.",
)
def fraction(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - span) / stride + 1


@mistake(
    "output_size",
    name="the stride is ignored",
    hint="With stride 2 only every second position is kept.",
)
def stride_unused(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return size + 2 * padding - span + 1


@mistake(
    "output_size",
    name="nothing is refused",
    hint="The formula gives a number for any sizes, also for a kernel that does not fit. Say no before it does.",
)
def unguarded(size, kernel_size, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


@mistake(
    "output_size",
    name="a kernel that is too long only once it is dilated is accepted",
    hint="3 taps with dilation 2 reach over 5 pixels, and do not fit on 4. Compare the padded side with what the "
    "kernel spans, dilation·(kernel_size − 1) + 1, not with its taps.",
)
def taps_compared(size, kernel_size, stride=1, padding=0, dilation=1):
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or kernel_size > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


@mistake(
    "output_size",
    name="places for the kernel's first tap, divided by the stride",
    hint="With stride 2 and four places it stops at the first and the third; with three places as well. "
    "Divide the way it can travel, and count the first position afterwards.",
)
def places_divided(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - span + 1) // stride


@mistake(
    "output_size",
    name="stride and dilation have changed places",
    hint="The dilation lies between two taps, the stride between two positions: which of them belongs to the span?",
)
def exchanged(size, kernel_size, stride=1, padding=0, dilation=1):
    span = stride * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - span) // dilation + 1


@mistake(
    "output_size",
    name="the result is a float",
    hint="`//` of integers gives an int; `math.floor` does, too. NumPy's floor gives a float.",
)
def floored(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return float((size + 2 * padding - span) // stride + 1)


@mistake(
    "output_size",
    name="the refusal counts the padding at one end only",
    hint="3 taps fit on 1 pixel with a zero at each end. Compare the kernel's span with size + 2·padding.",
)
def refused_by_one_end(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or span > size + padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - span) // stride + 1


@mistake(
    "output_size",
    name="the refusal takes the kernel to span dilation × kernel_size pixels",
    hint="3 taps with dilation 2 reach over 5 pixels, not 6, and fit on 5: refuse by dilation·(kernel_size − 1) + 1.",
)
def refused_by_one_gap(size, kernel_size, stride=1, padding=0, dilation=1):
    span = dilation * (kernel_size - 1) + 1
    if min(kernel_size, stride, dilation) < 1 or padding < 0 or dilation * kernel_size > size + 2 * padding:
        raise ValueError("these sizes make no sense")
    return (size + 2 * padding - span) // stride + 1


@mistake(
    "output_size",
    name="a kernel that is too long by less than a stride is accepted",
    hint="`int(-1 / 2)` is 0, not −1: it cuts towards zero. Compare the kernel's span with the padded side before you "
    "divide.",
)
def cut_towards_zero(size, kernel_size, stride=1, padding=0, dilation=1):
    if min(kernel_size, stride, dilation) < 1 or padding < 0:
        raise ValueError("these sizes make no sense")
    positions = int((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1
    if positions < 1:
        raise ValueError("the kernel is too long")
    return positions


@mistake(
    "weight_lowering",
    name="the numbers pass through float32",
    hint="float32 keeps about seven digits, so converting back does not bring the rest back: leave the dtype alone.",
)
def rounded_weights(weights):
    o, c, kh, kw = axes(weights, "O, C, KH, KW")
    return weights.float().reshape(o, c * kh * kw).to(weights.dtype)


@mistake(
    "weight_lowering",
    name="kernels became columns",
    hint="One kernel is one row: the first side of the result is O.",
)
def kernels_in_columns(weights):
    o, c, kh, kw = axes(weights, "O, C, KH, KW")
    return weights.reshape(o, c * kh * kw).T


@mistake(
    "weight_lowering",
    name="taps before channels",
    hint="Rows run in (c, kh, kw) order: all taps of channel 0 first, then those of channel 1.",
)
def taps_first(weights):
    o, c, kh, kw = axes(weights, "O, C, KH, KW")
    return weights.permute(0, 2, 3, 1).reshape(o, kh * kw * c)


@mistake(
    "weight_lowering",
    name="the taps run down the columns of the kernel",
    hint="(c, kh, kw) order: the last index, kw, changes fastest.",
)
def columns_of_the_kernel(weights):
    o, c, kh, kw = axes(weights, "O, C, KH, KW")
    return weights.transpose(2, 3).reshape(o, c * kw * kh)


@mistake(
    "weight_lowering",
    name="the kernel is flipped",
    hint="Mathematics flips the kernel in a convolution; deep learning does not, and neither do we.",
)
def flipped(weights):
    o, c, kh, kw = axes(weights, "O, C, KH, KW")
    return weights.flip(2, 3).reshape(o, c * kh * kw)


@mistake(
    "weight_lowering",
    name="a view of weights that are not contiguous",
    hint="`view` never copies, so it refuses tensors in another memory order; `reshape` copies where it must.",
)
def viewed(weights):
    o, c, kh, kw = axes(weights, "O, C, KH, KW")
    return weights.view(o, c * kh * kw)


@mistake(
    "weight_lowering",
    name="channels and kernels are both in the rows",
    hint="A row holds all channels of a kernel, because one output pixel sums over all of them.",
)
def channels_in_rows(weights):
    o, c, kh, kw = axes(weights, "O, C, KH, KW")
    return weights.reshape(o * c, kh * kw)


@mistake(
    "weight_lowering",
    name="the dtype is lost",
    hint="Which dtype did the weights have, and where do you convert it? `torch.zeros`, for one, gives float32.",
)
def float_weights(weights):
    o, c, kh, kw = axes(weights, "O, C, KH, KW")
    return torch.zeros(o, c * kh * kw) + weights.reshape(o, -1).float()


@mistake(
    "weight_lowering",
    name="any number of axes is accepted",
    hint='`axes(weights, "O, C, KH, KW")` gives the four sizes, and refuses a tensor that has not four.',
)
def any_rank(weights):
    return weights.reshape(weights.shape[0], -1)


@mistake(
    "outputs_lifting",
    name="reshaped without the transpose",
    hint="`reshape` only splits axes: the rows are channels, so the first axis is O, not N, until you exchange them.",
)
def no_transpose(outputs, batch, height, width):
    o, _ = axes(outputs, "O, N·OH·OW")
    return outputs.reshape(batch, o, height, width)


@mistake(
    "outputs_lifting",
    name="channels and images are not exchanged",
    hint="torch wants (N, O, OH, OW): which of the two comes first?",
)
def channels_first(outputs, batch, height, width):
    o, _ = axes(outputs, "O, N·OH·OW")
    return outputs.reshape(o, batch, height, width)


@mistake(
    "outputs_lifting",
    name="height and width are swapped",
    hint="Columns run in (n, oh, ow) order: ow changes fastest, so it is the last axis.",
)
def turned(outputs, batch, height, width):
    o, _ = axes(outputs, "O, N·OH·OW")
    return outputs.reshape(o, batch, width, height).transpose(0, 1)


@mistake(
    "outputs_lifting",
    name="the images were filled column by column",
    hint="Columns run in (n, oh, ow) order: ow changes fastest.",
)
def filled_down(outputs, batch, height, width):
    o, _ = axes(outputs, "O, N·OH·OW")
    return outputs.reshape(o, batch, width, height).permute(1, 0, 3, 2)


@mistake(
    "outputs_lifting",
    name="the columns are taken to be in (oh, ow, n) order",
    hint="Columns run in (n, oh, ow) order: all pixels of image 0 come first.",
)
def images_innermost(outputs, batch, height, width):
    o, _ = axes(outputs, "O, N·OH·OW")
    return outputs.reshape(o, height, width, batch).permute(3, 0, 1, 2)


@mistake(
    "outputs_lifting",
    name="any number of axes is accepted",
    hint='`axes(outputs, "O, N·OH·OW")` gives the two sizes, and refuses a tensor that has not two.',
)
def any_axes(outputs, batch, height, width):
    return outputs.reshape(-1, batch, height, width).transpose(0, 1)
