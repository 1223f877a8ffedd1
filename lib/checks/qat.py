"""Public cases and hints of lesson 5."""

import torch

from lib.cases import case
from lib.checks.qat_integers import *  # noqa: F403

HINTS = {
    "fold_batchnorm": [
        "Write the normalization as gain · y + rest. What multiplies y in channel o, and what is left over?",
        "gain = norm.weight / torch.sqrt(norm.running_var + norm.eps): one number for each output channel.",
        "The weight's first axis is the output channel: gain.view(-1, 1, 1, 1) broadcasts along it.",
        "The convolution's own bias is normalized too: norm.bias + (bias - norm.running_mean) * gain.",
    ],
    "QuantConv2d": [
        "Quantize x and self.weight first, into local names: a quantizer has its step only once it was called.",
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


@case("fold_batchnorm", title="gains 1 and −1, without a bias and with one; what it was given is not changed")
def fold_two(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(2, eps=0.75)
    norm.weight.data, norm.bias.data = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 3.0])
    norm.running_mean, norm.running_var = torch.tensor([1.0, -1.0]), torch.tensor([0.25, 3.25])
    weight, bias = draw.integers(2, 2, 2, 2), torch.tensor([2.0, 5.0])
    found = {"without a bias": fold_batchnorm(weight, None, norm), "with one": fold_batchnorm(weight, bias, norm)}
    found |= {"weight afterwards": weight, "bias afterwards": bias, "norm.training afterwards": norm.training}
    found |= {f"norm.{name} afterwards": value for name, value in norm.state_dict().items()}
    return found | {"norm.weight.requires_grad afterwards": norm.weight.requires_grad}


@case("fold_batchnorm", title="float64, weight (3, 2, 1, 2), gains 2, −1 and ⅓, with a bias and without")
def fold_three(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(3, eps=0.5).double()
    norm.weight.data, norm.bias.data = torch.tensor([2.0, -2, 1]).double(), torch.tensor([0.0, 3, 1]).double()
    norm.running_mean, norm.running_var = torch.tensor([1.0, -1, 2]).double(), torch.tensor([0.5, 3.5, 8.5]).double()
    weight, bias = draw.integers(3, 2, 1, 2, dtype=torch.float64), torch.tensor([1.0, 2, 4]).double()
    return {"with the bias": fold_batchnorm(weight, bias, norm), "without": fold_batchnorm(weight, None, norm)}


@case("QuantConv2d", title="input 1.33, weight 0.72, bias 0.324; steps 0.1 and 0.2")
def conv_one(QuantConv2d):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.72]]]]), torch.tensor([0.324])
    layer = QuantConv2d(conv, FixedStep(8, 0.1), FixedStep(4, 0.2, signed=True))
    return layer(torch.tensor([[[[1.33]]]]))


@case("QuantConv2d", title="float64, stride (2, 1), padding (1, 0), a step for each channel, a bias of 40,000 units")
def conv_channels(QuantConv2d, draw):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 2, 2, stride=(2, 1), padding=(1, 0))
    conv.weight.data, conv.bias.data = draw.integers(2, 1, 2, 2) / 8, torch.tensor([0.03125, -5000.3])
    steps = torch.tensor([0.25, 0.5]).view(-1, 1, 1, 1)
    layer, found = QuantConv2d(conv, FixedStep(4, 0.25), FixedStep(3, steps, signed=True)).double(), {}
    layer.bias.data[0] += 2**-40  # just over half a unit
    x = draw.integers(2, 1, 3, 4, low=0, high=9, dtype=torch.float64) / 16 + 2**-40
    for mode in ("training", "evaluation"):
        found[f"in {mode}"] = layer.train(mode == "training")(x)
        layer.weight.data, layer.bias.data = -layer.weight.data, layer.bias.data + 1
        layer.quantize_weight.step.mul_(2)
        found[f"in {mode}, with another weight, bias and step"] = layer(x)
    return found | {"input afterwards": x}


@case("QuantConv2d", title="weights 0.7 and 5, inputs 1.3 and 9; of each the second is clamped: gradient 0")
def conv_gradients(QuantConv2d):
    from lib.quantizer import LearnedStep

    conv = torch.nn.Conv2d(1, 2, 1)
    conv.weight.data, conv.bias.data = torch.tensor([0.7, 5.0]).view(2, 1, 1, 1), torch.tensor([0.65, 0.3])
    on_input, on_weight = LearnedStep(4, signed=False), LearnedStep(4)
    on_input.step.data, on_weight.step.data = torch.tensor(0.5), torch.tensor(0.25)
    on_input.calibrated, on_weight.calibrated = torch.tensor(True), torch.tensor(True)
    layer, x = QuantConv2d(conv, on_input, on_weight), torch.tensor([[[[1.3, 9.0]]]], requires_grad=True)
    layer(x).sum().backward()
    found = {"weight afterwards": layer.weight, "bias afterwards": layer.bias}
    learned = {"weight": layer.weight, "bias": layer.bias, "input": x}
    learned |= {"step of the input": on_input.step, "step of the weight": on_weight.step}
    return found | {f"gradient of the {name}": tensor.grad for name, tensor in learned.items()}


@case("QuantConv2d", title="the notes' quantizers: inputs 4 and 1.25 in training, then 8 and 2.5 in evaluation")
def conv_notes(QuantConv2d):
    from lib.quantizer import Quantizer

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.5]]]]), torch.tensor([0.3])
    layer, x = QuantConv2d(conv, Quantizer(3, always_pos=True), Quantizer(3)), torch.tensor([[[[4.0, 1.25]]]])
    return {"in training": layer.train()(x), "in evaluation": layer.eval()(2 * x)}


@case("QuantConv2d", title="a convolve that doubles: what it is handed, what comes of it; then one that triples")
def conv_handed(QuantConv2d):
    from lib.network import FixedStep

    handed = []

    def convolve(input, weight, bias, stride, padding):
        handed.append({"input": input, "weight": weight, "bias": bias, "stride": stride, "padding": padding})
        return 2 * torch.nn.functional.conv2d(input, weight, bias, stride, padding)

    conv = torch.nn.Conv2d(1, 1, 1, stride=2, padding=1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.7]]]]), torch.tensor([0.65])
    layer = QuantConv2d(conv, FixedStep(8, 0.5, signed=True), FixedStep(4, 0.25, signed=True), convolve)
    found = {"output": layer(torch.tensor([[[[-1.3]]]])), "calls of convolve": handed}
    layer.convolve = lambda *args, **named: 3 * torch.nn.functional.conv2d(*args, **named)
    return found | {"output once layer.convolve triples": layer(torch.tensor([[[[-1.3]]]]))}
