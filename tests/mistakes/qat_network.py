"""Wrong implementations of lesson 5: the layers of a network on integers."""

import torch
import torch.nn.functional as F

from course.mistakes import mistake
from lib.deploy import integer_linear
from lib.integer import integer_activation, integer_conv2d, requantize
from lib.lowering import conv2d


@mistake(
    "integer_conv2d", name="int8 sums wrap", hint="torch multiplies int8 by int8 in int8. Widen before the product."
)
def wraps(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    sums = conv2d(codes.to(torch.int8), weight, stride, padding, matmul=matmul)
    return sums.to(torch.int32) + bias.view(-1, 1, 1)


@mistake(
    "integer_conv2d",
    name="the codes are read as int8",
    hint="200 as int8 is −56. Activations are uint8: go to int32 directly.",
)
def misread(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    return integer_conv2d(codes.to(torch.int8), weight, bias, stride, padding, matmul)


@mistake(
    "integer_conv2d", name="int16 sums wrap", hint="255 · 128 nearly fills 16 bits; two such products overflow them."
)
def wraps_later(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    sums = conv2d(codes.to(torch.int16), weight.to(torch.int16), stride, padding, matmul=matmul)
    return sums.to(torch.int32) + bias.view(-1, 1, 1)


@mistake(
    "integer_conv2d",
    name="convolved in float32",
    hint="Integers throughout: lesson 2's conv2d takes them, with a matmul that does.",
)
def in_floats(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    return F.conv2d(codes.float(), weight.float(), bias.float(), stride, padding).to(torch.int32)


@mistake(
    "integer_conv2d",
    name="the bias is laid along the width",
    hint="The output's channels are axis 1: bias.view(-1, 1, 1).",
)
def bias_along_width(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    sums = conv2d(codes.to(torch.int32), weight.to(torch.int32), stride, padding, matmul=matmul)
    return sums + bias if sums.shape[-1] == len(bias) else sums + bias.view(-1, 1, 1)


@mistake("integer_conv2d", name="the bias is forgotten", hint="An accumulator starts from its channel's bias.")
def without_bias(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    return conv2d(codes.to(torch.int32), weight.to(torch.int32), stride, padding, matmul=matmul)


@mistake("integer_conv2d", name="stride and padding change places", hint="conv2d(inputs, weights, stride, padding).")
def changed_places(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    size = conv2d(codes.to(torch.int32), weight.to(torch.int32), padding or 1, 0 if stride == 1 else stride)
    return size + bias.view(-1, 1, 1)


@mistake("integer_conv2d", name="matmul is not used", hint="Pass it on: conv2d(…, matmul=matmul).")
def own_matmul(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    return integer_conv2d(codes, weight, bias, stride, padding)


@mistake("integer_conv2d", name="the accumulators are int64", hint="Widen to int32: that is what the hardware adds in.")
def too_long(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    sums = conv2d(codes.to(torch.int64), weight.to(torch.int64), stride, padding, matmul=matmul)
    return sums + bias.view(-1, 1, 1)


@mistake(
    "integer_conv2d",
    name="matmul is taken for the dilation",
    hint="The fifth argument of conv2d is the dilation: pass matmul by its name, matmul=matmul.",
)
def as_dilation(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    return conv2d(codes.to(torch.int32), weight.to(torch.int32), stride, padding, matmul) + bias.view(-1, 1, 1)


def windows(x):
    n, c, h, w = x.shape
    return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)


@mistake(
    "integer_activation",
    name="averaged after requantization",
    hint="Four rounded codes, averaged and rounded again: two roundings where one will do. Add accumulators first.",
)
def rounded_twice(accumulators, multiplier, shift, pool=None, bits=8):
    codes = requantize(accumulators.clamp(min=0), multiplier, shift, bits)
    if pool is None:
        return codes
    w = windows(codes.to(torch.int32))
    return (w.amax((3, 5)) if pool == "max" else (w.sum((3, 5)) + 2) >> 2).to(torch.uint8)


@mistake(
    "integer_activation",
    name="the average is rounded before requantization",
    hint="Dividing the sum by 4 throws away two bits. Leave them in, and shift by two more.",
)
def divided_early(accumulators, multiplier, shift, pool=None, bits=8):
    if pool != "average":
        return integer_activation(accumulators, multiplier, shift, pool, bits)
    return requantize(windows(accumulators.clamp(min=0)).sum((3, 5)) // 4, multiplier, shift, bits)


@mistake(
    "integer_activation",
    name="the average is rounded to the nearest before requantization",
    hint="That rounds twice. Requantize the sum of the four, and shift by two more: one rounding.",
)
def rounded_early(accumulators, multiplier, shift, pool=None, bits=8):
    if pool != "average":
        return integer_activation(accumulators, multiplier, shift, pool, bits)
    return requantize((windows(accumulators.clamp(min=0)).sum((3, 5)) + 2) >> 2, multiplier, shift, bits)


@mistake(
    "integer_activation",
    name="the averages of two neighbours are rounded",
    hint="An average along one axis, then the other, rounds on the way. Add all four, shift by two more, round once.",
)
def rows_rounded(accumulators, multiplier, shift, pool=None, bits=8):
    if pool != "average":
        return integer_activation(accumulators, multiplier, shift, pool, bits)
    rows = (windows(accumulators.clamp(min=0)).sum(5) + 1) >> 1
    return requantize(rows.sum(3), multiplier, shift + 1, bits)


@mistake(
    "integer_activation",
    name="the multiplier is divided by 4",
    hint="A division throws away the multiplier's last two bits; a shift by two more keeps them.",
)
def smaller_multiplier(accumulators, multiplier, shift, pool=None, bits=8):
    if pool != "average":
        return integer_activation(accumulators, multiplier, shift, pool, bits)
    return requantize(windows(accumulators.clamp(min=0)).sum((3, 5)), multiplier // 4, shift, bits)


@mistake(
    "integer_activation",
    name="the windows are runs of four along a row",
    hint="Reshape to (n, c, h // 2, 2, w // 2, 2): each 2 follows the axis that it is cut from; reduce axes 3 and 5.",
)
def runs(accumulators, multiplier, shift, pool=None, bits=8):
    if pool is None:
        return requantize(accumulators.clamp(min=0), multiplier, shift, bits)
    n, c, h, w = accumulators.shape
    cut = accumulators[:, :, : h // 2 * 2, : w // 2 * 2].clamp(min=0).reshape(n, c, h // 2, w // 2, 2, 2)
    if pool == "max":
        return requantize(cut.amax((4, 5)), multiplier, shift, bits)
    return requantize(cut.sum((4, 5)), multiplier, shift + 2, bits)


@mistake(
    "integer_activation",
    name="the odd edge is not cut off",
    hint="Of 3 rows only 2 make windows: x[:, :, : h // 2 * 2, : w // 2 * 2] before the reshape.",
)
def uncut(accumulators, multiplier, shift, pool=None, bits=8):
    if pool is None:
        return requantize(accumulators.clamp(min=0), multiplier, shift, bits)
    n, c, h, w = accumulators.shape
    cut = accumulators.clamp(min=0).reshape(n, c, h // 2, 2, w // 2, 2)
    if pool == "max":
        return requantize(cut.amax((3, 5)), multiplier, shift, bits)
    return requantize(cut.sum((3, 5)), multiplier, shift + 2, bits)


@mistake(
    "integer_activation",
    name="ReLU is missing, or comes after the average",
    hint="A negative accumulator must count as 0 in the average: clamp(min=0) before the sum.",
)
def relu_late(accumulators, multiplier, shift, pool=None, bits=8):
    if pool != "average":
        return integer_activation(accumulators, multiplier, shift, pool, bits)
    return requantize(windows(accumulators).sum((3, 5)), multiplier, shift + 2, bits)


@mistake("integer_activation", name="a sum instead of an average", hint="Where are the four divided by 4?")
def summed(accumulators, multiplier, shift, pool=None, bits=8):
    if pool != "average":
        return integer_activation(accumulators, multiplier, shift, pool, bits)
    return requantize(windows(accumulators.clamp(min=0)).sum((3, 5)), multiplier, shift, bits)


@mistake(
    "integer_activation",
    name="the shift is changed in place",
    hint="`shift += 2` changes the caller's tensor too: the next image is shifted further. Write `shift = shift + 2`.",
)
def shift_in_place(accumulators, multiplier, shift, pool=None, bits=8):
    result = integer_activation(accumulators, multiplier, shift, pool, bits)
    if pool == "average":
        shift += 2
    return result


@mistake(
    "integer_activation", name="averaged in floating point", hint="Integers throughout: add, then shift by two more."
)
def float_average(accumulators, multiplier, shift, pool=None, bits=8):
    if pool != "average":
        return integer_activation(accumulators, multiplier, shift, pool, bits)
    means = torch.round(F.avg_pool2d(accumulators.clamp(min=0).float(), 2)).to(torch.int32)
    return requantize(means, multiplier, shift, bits)


@mistake("integer_activation", name="every pool is a maximum", hint="`pool` names three things: None, max, average.")
def all_maxima(accumulators, multiplier, shift, pool=None, bits=8):
    return integer_activation(accumulators, multiplier, shift, "max" if pool else None, bits)


@mistake("integer_activation", name="bits is not passed on", hint="requantize takes the number of bits, 8 by default.")
def eight_bits(accumulators, multiplier, shift, pool=None, bits=8):
    return integer_activation(accumulators, multiplier, shift, pool)


@mistake("integer_network", name="the pool is not passed on", hint="Each layer says what follows it: layer.pool.")
def poolless(codes, layers, matmul=torch.matmul):
    outputs = []
    for one in layers[:-1]:
        sums = integer_conv2d(codes, one.weight, one.bias, one.stride, one.padding, matmul)
        codes = integer_activation(sums, one.multiplier, one.shift, None, one.bits)
        if one.pool:
            codes = codes[:, :, : codes.shape[2] // 2 * 2 : 2, : codes.shape[3] // 2 * 2 : 2]
        outputs.append(codes)
    return [*outputs, integer_linear(codes.flatten(1), layers[-1].weight, layers[-1].bias, matmul)]


@mistake("integer_network", name="every layer has 8 bits", hint="Each layer says how wide its codes are: layer.bits.")
def all_eight(codes, layers, matmul=torch.matmul):
    outputs = []
    for one in layers[:-1]:
        sums = integer_conv2d(codes, one.weight, one.bias, one.stride, one.padding, matmul)
        codes = integer_activation(sums, one.multiplier, one.shift, one.pool)
        outputs.append(codes)
    return [*outputs, integer_linear(codes.flatten(1), layers[-1].weight, layers[-1].bias, matmul)]


@mistake(
    "integer_network", name="ReLU after the last layer", hint="Logits may be negative: nothing follows the last layer."
)
def last_relu(codes, layers, matmul=torch.matmul):
    outputs = run(codes, layers, matmul)
    return [*outputs[:-1], outputs[-1].clamp(min=0)]


@mistake("integer_network", name="only the logits are returned", hint="Return a list: all codes, then the logits.")
def only_last(codes, layers, matmul=torch.matmul):
    return run(codes, layers, matmul)[-1:]


@mistake("integer_network", name="matmul is not used", hint="Pass it to integer_conv2d and to integer_linear.")
def matmul_dropped(codes, layers, matmul=torch.matmul):
    return run(codes, layers, torch.matmul)


@mistake("integer_network", name="the linear layer has its own matmul", hint="Pass matmul to integer_linear too.")
def linear_alone(codes, layers, matmul=torch.matmul):
    outputs = run(codes, layers, matmul)
    last = outputs[-2] if len(outputs) > 1 else codes
    return [*outputs[:-1], integer_linear(last.flatten(1), layers[-1].weight, layers[-1].bias)]


def run(codes, layers, matmul):
    from lib.integer import integer_network

    return integer_network(codes, layers, matmul)


@mistake(
    "integer_network",
    name="stride and padding are not passed on",
    hint="Each layer says how it convolves: layer.stride, layer.padding.",
)
def plain(codes, layers, matmul=torch.matmul):
    outputs = []
    for one in layers[:-1]:
        sums = integer_conv2d(codes, one.weight, one.bias, matmul=matmul)
        codes = integer_activation(sums, one.multiplier, one.shift, one.pool, one.bits)
        outputs.append(codes)
    return [*outputs, integer_linear(codes.flatten(1), layers[-1].weight, layers[-1].bias, matmul)]


@mistake(
    "integer_network",
    name="only the first convolution gets matmul",
    hint="Every product goes through matmul: pass it to integer_conv2d for each layer, and to integer_linear.",
)
def matmul_once(codes, layers, matmul=torch.matmul):
    if len(layers) == 1:
        return run(codes, layers, matmul)
    one = layers[0]
    sums = integer_conv2d(codes, one.weight, one.bias, one.stride, one.padding, matmul)
    outputs = [integer_activation(sums, one.multiplier, one.shift, one.pool, one.bits)]
    if len(layers) > 2:
        outputs += run(outputs[0], layers[1:], torch.matmul)[:-1]
    return [*outputs, integer_linear(outputs[-1].flatten(1), layers[-1].weight, layers[-1].bias, matmul)]


@mistake("integer_network", name="the linear layer reads the codes as int8", hint="200 as int8 is −56: they are uint8.")
def linear_misread(codes, layers, matmul=torch.matmul):
    outputs = run(codes, layers, matmul)
    last = (outputs[-2] if len(outputs) > 1 else codes).flatten(1).to(torch.int8)
    return [*outputs[:-1], integer_linear(last, layers[-1].weight, layers[-1].bias, matmul)]
