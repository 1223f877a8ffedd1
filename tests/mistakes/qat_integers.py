"""Wrong implementations of lesson 5: rescaling in integers."""

import math

import torch

from course.mistakes import mistake
from lib.codes import code_range
from lib.integer import quantize_multiplier, requantize


@mistake(
    "quantize_multiplier", name="the multiplier is cut off, not rounded", hint="int() rounds down; round() does not."
)
def cut_off(real):
    if not 2.0**-31 <= real < 2.0**29:
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
    if not 2.0**-31 <= real < 2.0**29:
        raise ValueError("out of range")
    fraction, exponent = math.frexp(real)
    return round(fraction * 2**31), 31 - exponent


@mistake(
    "quantize_multiplier",
    name="2^31 is cut to 2^31 − 1",
    hint="That is close, but not the nearest: 2^31 · 2^−n is 2^30 · 2^−(n − 1), exactly.",
)
def saturated(real):
    multiplier, shift = no_carry(real)
    return min(multiplier, 2**31 - 1), shift


@mistake(
    "quantize_multiplier",
    name="the lower bound is missing",
    hint="Below 2^−31 the shift grows past 61, and 1 << (shift − 1) soon past 64 bits: refuse such numbers.",
)
def no_lower_bound(real):
    if not 0 < real < 2.0**29:
        raise ValueError("out of range")
    fraction, exponent = math.frexp(real)
    multiplier = round(fraction * 2**31)
    return (2**30, 30 - exponent) if multiplier == 2**31 else (multiplier, 31 - exponent)


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


@mistake(
    "quantize_multiplier",
    name="no error is raised for what is out of range",
    hint="0 or −½ has no multiplier: raise a ValueError; what is returned instead, None too, goes unnoticed.",
)
def trusting(real):
    if 2.0**-31 <= real < 2.0**29:
        return quantize_multiplier(real)
    return 0, 31


@mistake("requantize", name="rounded down", hint="A right shift rounds down. Add half of 2^shift before it.")
def floored(accumulators, multiplier, shift, bits=8, signed=False):
    codes = (accumulators.to(torch.int64) * multiplier) >> shift
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="the rounding constant overflows int32",
    hint="1 << (shift − 1) needs up to 61 bits. In int32 it becomes 0 from a shift of 33 on: all is rounded down.",
)
def constant_overflows(accumulators, multiplier, shift, bits=8, signed=False):
    half = (torch.ones((), dtype=torch.int32) << torch.as_tensor(shift - 1, dtype=torch.int32)).to(torch.int32)
    codes = (accumulators.to(torch.int64) * multiplier + half) >> shift
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="int64 is never used",
    hint="2 · 2^30 already exceeds int32: accumulators.to(torch.int64) before multiplying.",
)
def never_widened(accumulators, multiplier, shift, bits=8, signed=False):
    codes = (accumulators * multiplier + (1 << (shift - 1))) >> shift
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="the product wraps in int32",
    hint="2 · 2^30 already exceeds int32: widen to int64 before multiplying, and stay there until the clamp.",
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
    hint="A float64 has 53 bits, the product up to 62; and a chip without a floating-point unit cannot do it.",
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


@mistake(
    "requantize", name="too little is added", hint="Half of 2^shift is 1 << (shift - 1); a quarter lets 0.5 fall to 0."
)
def quarter_unit(accumulators, multiplier, shift, bits=8, signed=False):
    codes = (accumulators.to(torch.int64) * multiplier + (1 << shift) // 4) >> shift
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="rounded twice",
    hint="A product rounded to fewer bits and then rounded again can cross a half. Keep all 62 bits, round once.",
)
def twice_rounded(accumulators, multiplier, shift, bits=8, signed=False):
    high = (accumulators.to(torch.int64) * multiplier + (1 << 29)) >> 30
    codes = (high + ((1 << (shift - 30)) >> 1)) >> (shift - 30)
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake(
    "requantize",
    name="rounded twice, with a smaller shift first",
    hint="A product rounded to fewer bits and then rounded again can cross a half. Keep all 62 bits, round once.",
)
def twice_rounded_early(accumulators, multiplier, shift, bits=8, signed=False):
    high = (accumulators.to(torch.int64) * multiplier + (1 << 14)) >> 15
    codes = (high + (1 << (shift - 16))) >> (shift - 15)
    return codes.clamp(*code_range(bits, signed)).to(torch.int8 if signed else torch.uint8)


@mistake("requantize", name="always the signed codes", hint="After a ReLU nothing is negative: 0 … 2^bits − 1.")
def always_signed(accumulators, multiplier, shift, bits=8, signed=False):
    return requantize(accumulators, multiplier, shift, bits, True).to(torch.int8 if signed else torch.uint8)


@mistake("requantize", name="always 8 bits", hint="How many codes has a grid of `bits` bits?")
def always_eight(accumulators, multiplier, shift, bits=8, signed=False):
    return requantize(accumulators, multiplier, shift, 8, signed)
