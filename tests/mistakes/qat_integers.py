"""Wrong implementations of lesson 5: the arithmetic on integers."""

import math

import torch
import torch.nn.functional as F

from course.mistakes import mistake
from lib.codes import code_range
from lib.deploy import integer_linear
from lib.integer import integer_activation, integer_conv2d, quantize_multiplier, requantize
from lib.lowering import conv2d


@mistake(
    "quantize_multiplier", name="the multiplier is cut off, not rounded", hint="int() rounds down; round() does not."
)
def cut_off(real):
    if not 2.0**-31 <= real < 2.0**30:
        raise ValueError("out of range")
    fraction, exponent = math.frexp(real)
    return int(fraction * 2**31), 31 - exponent


@mistake(
    "quantize_multiplier",
    name="a multiplier of 32 bits",
    hint="The largest int32 is 2^31 − 1: the fraction may be multiplied by 2^31 at most.",
)
def too_wide(real):
    multiplier, shift = quantize_multiplier(real)
    return 2 * multiplier, shift + 1


@mistake(
    "quantize_multiplier",
    name="2^31 is returned where the fraction rounds up",
    hint="Try 1 − 2^−40: its multiplier must stay below 2^31.",
)
def no_carry(real):
    if not 2.0**-31 <= real < 2.0**30:
        raise ValueError("out of range")
    fraction, exponent = math.frexp(real)
    return round(fraction * 2**31), 31 - exponent


@mistake(
    "quantize_multiplier", name="the shift has the wrong sign", hint="real = multiplier · 2^−shift, with shift > 0."
)
def negated(real):
    multiplier, shift = quantize_multiplier(real)
    return multiplier, -shift


@mistake(
    "quantize_multiplier",
    name="the exponent is returned in place of the shift",
    hint="The multiplier brought 31 more powers of two: the shift must take them away again.",
)
def bare_exponent(real):
    multiplier, shift = quantize_multiplier(real)
    return multiplier, 31 - shift


@mistake("quantize_multiplier", name="15 bits only", hint="A multiplier of 15 bits is off by up to a part in 2^15.")
def short(real):
    multiplier, shift = quantize_multiplier(real)
    return round(multiplier / 2**16), shift - 16


@mistake("quantize_multiplier", name="nothing is refused", hint="What are multiplier and shift of 0, or of −½?")
def trusting(real):
    if 2.0**-31 <= real < 2.0**30:
        return quantize_multiplier(real)
    return 0, 31


@mistake("requantize", name="rounded down", hint="A right shift rounds down. Add half of 2^shift before it.")
def floored(accumulators, multiplier, shift, bits=8, signed=False):
    codes = (accumulators.to(torch.int64) * multiplier) >> shift
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="the rounding constant overflows int32",
    hint="1 << (shift − 1) needs up to 62 bits. In int32 it becomes 0, and everything is rounded down.",
)
def constant_overflows(accumulators, multiplier, shift, bits=8, signed=False):
    half = (torch.ones((), dtype=torch.int32) << torch.as_tensor(shift - 1, dtype=torch.int32)).to(torch.int32)
    codes = (accumulators.to(torch.int64) * multiplier + half) >> shift
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize", name="the product wraps in int32", hint="24 bits times 31 bits: widen to int64 before multiplying."
)
def product_wraps(accumulators, multiplier, shift, bits=8, signed=False):
    product = (accumulators.to(torch.int64) * multiplier).to(torch.int32).to(torch.int64)
    codes = (product + (1 << (shift - 1))) >> shift
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="cast before clamp",
    hint="300 cast to uint8 is 44. Clamp while the numbers are wide, then change the dtype.",
)
def cast_first(accumulators, multiplier, shift, bits=8, signed=False):
    codes = (accumulators.to(torch.int64) * multiplier + (1 << (shift - 1))) >> shift
    return codes.to(torch.int8 if signed else torch.uint8).clamp(*code_range(bits, signed))


@mistake("requantize", name="never clamped", hint="What becomes of 300 in 8 bits?")
def unclamped(accumulators, multiplier, shift, bits=8, signed=False):
    codes = (accumulators.to(torch.int64) * multiplier + (1 << (shift - 1))) >> shift
    return codes.to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="rescaled in float32",
    hint="That is floating point, which the integer network must do without; and it holds only 24 bits.",
)
def float_rescale(accumulators, multiplier, shift, bits=8, signed=False):
    scale = torch.as_tensor(multiplier, dtype=torch.float32) / 2.0**shift
    codes = torch.floor(accumulators.float() * scale + 0.5)
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="rescaled in float64",
    hint="The codes may be right, but it is floating point: a chip without a floating-point unit cannot do it.",
)
def double_rescale(accumulators, multiplier, shift, bits=8, signed=False):
    codes = torch.floor(accumulators.double() * multiplier / 2.0**shift + 0.5)
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="halves are rounded to even",
    hint="⌊x + ½⌋ sends every half up: 0.5 to 1, 2.5 to 3.",
)
def to_even(accumulators, multiplier, shift, bits=8, signed=False):
    codes = torch.round(accumulators.double() * multiplier / 2.0**shift)
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="negative halves are rounded away from zero",
    hint="⌊x + ½⌋ sends −1.5 to −1. Rounding the magnitude sends it to −2.",
)
def away(accumulators, multiplier, shift, bits=8, signed=False):
    product = accumulators.to(torch.int64) * multiplier
    codes = ((product.abs() + (1 << (shift - 1))) >> shift) * product.sign()
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="half of the wrong power",
    hint="Half of 2^shift is 2^(shift − 1), which is 1 << (shift - 1).",
)
def whole_unit(accumulators, multiplier, shift, bits=8, signed=False):
    codes = (accumulators.to(torch.int64) * multiplier + (1 << shift)) >> shift
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake("requantize", name="always the signed codes", hint="After a ReLU nothing is negative: 0 … 2^bits − 1.")
def always_signed(accumulators, multiplier, shift, bits=8, signed=False):
    return requantize(accumulators, multiplier, shift, bits, True).to(torch.int8 if signed else torch.uint8)


@mistake("requantize", name="always 8 bits", hint="How many codes has a grid of `bits` bits?")
def always_eight(accumulators, multiplier, shift, bits=8, signed=False):
    return requantize(accumulators, multiplier, shift, 8, signed)


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
    name="ReLU after the average",
    hint="A negative accumulator must count as 0 in the average; afterwards it is too late.",
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
