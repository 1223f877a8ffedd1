"""Public cases and hints of lesson 5."""

import math

import torch

from lib.cases import case
from lib.checks.qat_network import *  # noqa: F403

HINTS = {
    "fold_batchnorm": [
        "Write the normalization as gain · y + rest. What multiplies y in channel o, and what is left over?",
        "gain = norm.weight / torch.sqrt(norm.running_var + norm.eps): one number for each output channel.",
        "The weight's first axis is the output channel: gain.view(-1, 1, 1, 1) broadcasts along it.",
        "The convolution's own bias is normalized too: norm.bias + (bias - norm.running_mean) * gain.",
    ],
    "QuantConv2d": [
        "First call self.quantize_input on x and self.quantize_weight on self.weight, and keep the results in local"
        " names. A quantizer has its step only once it was called.",
        "One count of the accumulator is worth step_of(self.quantize_input) * step_of(self.quantize_weight). A step "
        "for each channel has shape (O, 1, 1, 1): flatten() makes the product fit the bias.",
        "To put the bias on whole units: divide by the unit, roundpass, multiply by the unit.",
        "Then return self.convolve(x, weight, bias, self.stride, self.padding).",
    ],
    "quantize_multiplier": [
        "math.frexp(real) gives a fraction from ½ up to 1 and an exponent: real = fraction · 2^exponent.",
        "The fraction times 2^31, rounded, is a whole number of 31 bits. Which shift undoes both powers of two?",
        "A fraction just under 1 rounds up to 2^31, which has 32 bits. Then take 2^30, and an exponent one larger.",
        "Refuse what is out of range with a single chained comparison: not 2**-31 <= real < 2**29 is true for NaN too.",
    ],
    "requantize": [
        "First widen: accumulators.to(torch.int64) * multiplier needs up to 62 bits.",
        "A shift to the right, >> shift, divides by 2^shift and rounds down, for negative numbers too.",
        "Rounding down after half a unit was added is rounding to the nearest: half of 2^shift is 1 << (shift - 1).",
        "Clamp to code_range(bits, signed) while the numbers are still wide; change the dtype last.",
    ],
    "integer_conv2d": [
        "Lesson 2's conv2d works for any dtype and any matmul. Which dtype must its operands have?",
        "conv2d(codes.to(torch.int32), weight.to(torch.int32), stride, padding, matmul=matmul)",
        "The bias has one entry for each output channel, which is axis 1: bias.view(-1, 1, 1).",
    ],
    "integer_activation": [
        "ReLU comes first: clamp(min=0). Without a pool, requantize does the rest.",
        "Cut odd edges off, then reshape (n, c, h, w) to (n, c, h // 2, 2, w // 2, 2): windows lie along axes 3 and 5.",
        "amax((3, 5)) is the largest in each window, sum((3, 5)) the sum of its four.",
        "An average is a sum divided by 4, and dividing by 4 is a shift by two more: no rounding before the last one.",
    ],
    "integer_network": [
        "Go through layers[:-1]: integer_conv2d, then integer_activation, whose codes are the next layer's input.",
        "Everything a layer needs is in it: weight, bias, stride, padding, multiplier, shift, pool, bits.",
        "Collect the codes in a list. The last layer is linear: integer_linear(codes.flatten(1), …) gives the logits.",
    ],
}


@case("fold_batchnorm", title="W = 3, b = 5, γ = 4, β = 1, μ = 2, σ² = ¼, ε = ¾: the gain is 4")
def fold_one(fold_batchnorm):
    norm = torch.nn.BatchNorm2d(1, eps=0.75)
    norm.weight.data, norm.bias.data = torch.tensor([4.0]), torch.tensor([1.0])
    norm.running_mean, norm.running_var = torch.tensor([2.0]), torch.tensor([0.25])
    return fold_batchnorm(torch.tensor([[[[3.0]]]]), torch.tensor([5.0]), norm)


@case("fold_batchnorm", title="two channels with gains 1 and −1, no bias; what it was given is not changed")
def fold_two(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(2, eps=0.75)
    norm.weight.data, norm.bias.data = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 3.0])
    norm.running_mean, norm.running_var = torch.tensor([1.0, -1.0]), torch.tensor([0.25, 3.25])
    weight = draw.integers(2, 2, 2, 2)
    found = {"folded": fold_batchnorm(weight, None, norm), "weight afterwards": weight}
    found |= {"norm.weight afterwards": norm.weight, "norm.bias afterwards": norm.bias}
    found |= {"norm.running_mean afterwards": norm.running_mean, "norm.running_var afterwards": norm.running_var}
    return found | {"norm.training afterwards": norm.training}


@case("fold_batchnorm", title="float64, weight (3, 2, 1, 2), gains 2, −1 and ½, with a bias and without")
def fold_three(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(3, eps=0.5).double()
    norm.weight.data, norm.bias.data = torch.tensor([2.0, -2, 1]).double(), torch.tensor([0.0, 3, 1]).double()
    norm.running_mean, norm.running_var = torch.tensor([1.0, -1, 2]).double(), torch.tensor([0.5, 3.5, 3.5]).double()
    weight, bias = draw.integers(3, 2, 1, 2, dtype=torch.float64), torch.tensor([1.0, 2, 4]).double()
    return {"with the bias": fold_batchnorm(weight, bias, norm), "without": fold_batchnorm(weight, None, norm)}


@case("QuantConv2d", title="input 1.3, weight 0.7, bias 0.65; steps ½ and ¼")
def conv_one(QuantConv2d):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.7]]]]), torch.tensor([0.65])
    layer = QuantConv2d(conv, FixedStep(8, 0.5), FixedStep(4, 0.25, signed=True))
    return layer(torch.tensor([[[[1.3]]]]))


@case("QuantConv2d", title="float64, stride (2, 1), padding (1, 0), a step for each channel; then all is changed")
def conv_channels(QuantConv2d, draw):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 2, 2, stride=(2, 1), padding=(1, 0))
    conv.weight.data, conv.bias.data = draw.integers(2, 1, 2, 2) / 8, torch.tensor([0.3, -0.7])
    steps = torch.tensor([0.25, 0.5]).view(-1, 1, 1, 1)
    layer = QuantConv2d(conv, FixedStep(4, 0.25), FixedStep(3, steps, signed=True)).double()
    x = draw.integers(2, 1, 3, 4, low=0, high=9, dtype=torch.float64) / 16
    first = layer(x)
    layer.weight.data, layer.bias.data = -layer.weight.data, layer.bias.data + 1
    layer.quantize_weight.step.mul_(2)
    return {"output": first, "output with another weight, bias and step": layer(x), "input afterwards": x}


@case("QuantConv2d", title="weights 0.7 and 5, inputs 1.3 and 9: the second of each is clamped, so its gradient is 0")
def conv_gradients(QuantConv2d):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 2, 1)
    conv.weight.data, conv.bias.data = torch.tensor([0.7, 5.0]).view(2, 1, 1, 1), torch.tensor([0.65, 0.3])
    layer = QuantConv2d(conv, FixedStep(4, 0.5), FixedStep(4, 0.25, signed=True))
    x = torch.tensor([[[[1.3, 9.0]]]], requires_grad=True)
    layer(x).sum().backward()
    found = {"weight afterwards": layer.weight, "bias afterwards": layer.bias}
    found |= {"gradient of the weight": layer.weight.grad, "gradient of the bias": layer.bias.grad}
    return found | {"gradient of the input": x.grad}


@case("QuantConv2d", title="the notes' quantizers: inputs 4 and 1.25 in training, then 8 and 2.5 in evaluation")
def conv_notes(QuantConv2d):
    from lib.quantizer import Quantizer

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.5]]]]), torch.tensor([0.3])
    layer, x = QuantConv2d(conv, Quantizer(3, always_pos=True), Quantizer(3)), torch.tensor([[[[4.0, 1.25]]]])
    return {"in training": layer.train()(x), "in evaluation": layer.eval()(2 * x)}


@case("QuantConv2d", title="steps that learn: their gradients come from the quantizers alone")
def conv_steps(QuantConv2d):
    from lib.quantizer import LearnedStep

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.7]]]]), torch.tensor([0.65])
    layer = QuantConv2d(conv, LearnedStep(4, signed=False), LearnedStep(4))
    layer(torch.tensor([[[[1.3, 2.0]]]])).sum().backward()
    steps = {"input": layer.quantize_input.step, "weight": layer.quantize_weight.step}
    return {f"gradient of the step of the {name}": step.grad for name, step in steps.items()}


@case("QuantConv2d", title="what it hands to a convolve that doubles, and what becomes of the result")
def conv_handed(QuantConv2d):
    from lib.network import FixedStep

    handed = []

    def convolve(input, weight, bias, stride, padding):
        handed.append({"input": input, "weight": weight, "bias": bias, "stride": stride, "padding": padding})
        return 2 * torch.nn.functional.conv2d(input, weight, bias, stride, padding)

    conv = torch.nn.Conv2d(1, 1, 1, stride=2, padding=1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.7]]]]), torch.tensor([0.65])
    layer = QuantConv2d(conv, FixedStep(8, 0.5), FixedStep(4, 0.25, signed=True), convolve)
    output = layer(torch.tensor([[[[1.3]]]]))
    return {"calls of convolve": handed, "output": output}


@case("quantize_multiplier", title="½, 1, ¾, 0.001, 0.3, 5.7 and 2^−31: multiplier, shift and their types")
def multiplier_exact(quantize_multiplier):
    pairs = [quantize_multiplier(real) for real in (0.5, 1.0, 0.75, 0.001, 0.3, 5.7, 2.0**-31)]
    return [[*pair, *(type(n).__name__ for n in pair)] for pair in pairs]


@case("quantize_multiplier", title="1 − 2^−40 and 2^29 − 2^−20: where 2^31 is nearest, 2^30 and a shift one less")
def multiplier_carry(quantize_multiplier):
    return quantize_multiplier(1 - 2.0**-40), quantize_multiplier(2.0**29 - 2.0**-20)


@case("quantize_multiplier", title="refuses 0, −½, 2^−40, 2^−32, a little less than 2^−31, 2^29, NaN, ∞ and −∞")
def multiplier_refused(quantize_multiplier, refused):
    bad = {"0": 0.0, "−½": -0.5, "2^−40": 2.0**-40, "2^−32": 2.0**-32, "just under 2^−31": 2.0**-31 - 2.0**-80}
    bad |= {"2^29": 2.0**29, "NaN": math.nan, "∞": math.inf, "−∞": -math.inf}
    return {name: refused(lambda real=real: quantize_multiplier(real)) for name, real in bad.items()}


@case("requantize", title="times ¼: halves are rounded up")
def halves(requantize):
    return requantize(torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 10], dtype=torch.int32), 2**30, 32)


@case("requantize", title="times ½, 4 bits signed: negative halves too, and both ends")
def negative_halves(requantize):
    values = torch.tensor([-100, -16, -15, -3, -2, -1, 1, 3, 14, 15, 100], dtype=torch.int32)
    return requantize(values, 2**30, 31, bits=4, signed=True)


@case("requantize", title="times 1, 8 bits and 4: what lies outside is clamped")
def clamped(requantize):
    values = torch.tensor([-300, -129, -1, 0, 15, 16, 127, 128, 255, 256, 70000], dtype=torch.int32)
    found = {"8 bits": requantize(values, 2**30, 30), "4 bits": requantize(values, 2**30, 30, 4)}
    return found | {"8 bits, signed": requantize(values, 2**30, 30, signed=True)}


@case("requantize", title="large accumulators: times 0.3·2^−22 next to halves, and just under ½ in int64")
def large(requantize):
    values = torch.tensor([20971520, 62914560, 2090161493, 2132104533, 2**31 - 1], dtype=torch.int32)
    under = requantize(torch.tensor([2**30 - 1]), 2**30 + 1, 61)
    return {"(2^60 − 1) · 2^−61": under, "times 0.3 · 2^−22": requantize(values, 1288490189, 54)}


@case("requantize", title="int64, a multiplier and a shift for each channel; what it was given is not changed")
def channels(requantize, draw):
    multiplier, shift = torch.tensor([2**30, 3 * 2**29]).view(-1, 1, 1), torch.tensor([31, 33]).view(-1, 1, 1)
    values = draw.integers(1, 2, 2, 3, low=0, high=300, dtype=torch.int64)
    found = {"codes": requantize(values, multiplier, shift), "accumulators afterwards": values}
    return found | {"multiplier afterwards": multiplier, "shift afterwards": shift}


@case("requantize", title="the floating-point operators that run")
def no_floats(requantize):
    from lib.deploy import float_operations

    with float_operations() as spy:
        codes = requantize(torch.tensor([3, 500, 7], dtype=torch.int32), 2**30, 31)
    return {"codes": codes, "float operators": spy.seen}
