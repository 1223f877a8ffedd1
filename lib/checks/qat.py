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
        "Call self.quantize_input on x and self.quantize_weight on self.weight; keep the results in local names.",
        "One count of the accumulator is worth step_of(self.quantize_input) * step_of(self.quantize_weight). A step "
        "for each channel has shape (O, 1, 1, 1): flatten() makes the product fit the bias.",
        "To put the bias on whole units: divide by the unit, roundpass, multiply by the unit.",
        "Then return self.convolve(x, weight, bias, self.stride, self.padding).",
    ],
    "quantize_multiplier": [
        "math.frexp(real) gives a fraction from ½ up to 1 and an exponent: real = fraction · 2^exponent.",
        "The fraction times 2^31, rounded, is a whole number of 31 bits. Which shift undoes both powers of two?",
        "A fraction just under 1 rounds up to 2^31, which has 32 bits. Then take 2^30, and an exponent one larger.",
        "Refuse what is out of range with a single chained comparison: not 2**-31 <= real < 2**30 is true for NaN too.",
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


@case("fold_batchnorm", title="one weight, variance ¼ and eps ¾: the gain is 4")
def fold_one(fold_batchnorm):
    norm = torch.nn.BatchNorm2d(1, eps=0.75)
    norm.load_state_dict(
        {
            "weight": torch.tensor([4.0]),
            "bias": torch.tensor([1.0]),
            "running_mean": torch.tensor([2.0]),
            "running_var": torch.tensor([0.25]),
            "num_batches_tracked": torch.tensor(1),
        }
    )
    return fold_batchnorm(torch.tensor([[[[3.0]]]]), torch.tensor([5.0]), norm)


@case("fold_batchnorm", title="two channels, no bias")
def fold_two(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(2, eps=0.75)
    norm.weight.data, norm.bias.data = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 3.0])
    norm.running_mean, norm.running_var = torch.tensor([1.0, -1.0]), torch.tensor([0.25, 3.25])
    return fold_batchnorm(draw.integers(2, 2, 2, 2), None, norm)


@case("fold_batchnorm", title="what it was given is not changed")
def fold_kept(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(2, eps=0.75)
    norm.running_mean, norm.running_var = torch.tensor([1.0, -1.0]), torch.tensor([0.25, 3.25])
    weight, bias = draw.integers(2, 1, 2, 2), draw.integers(2)
    folded = fold_batchnorm(weight, bias, norm)
    return folded, weight, bias, norm.running_mean, norm.running_var


@case("QuantConv2d", title="one input, one weight: steps ½ and ¼, bias 0.3")
def conv_one(QuantConv2d):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.6]]]]), torch.tensor([0.3])
    layer = QuantConv2d(conv, FixedStep(8, 0.5), FixedStep(4, 0.25, signed=True))
    return layer(torch.tensor([[[[1.2]]]]))


@case("QuantConv2d", title="3×3 images, stride 2, padding 1, a step for each channel")
def conv_channels(QuantConv2d, draw):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 2, 2, stride=2, padding=1)
    conv.weight.data, conv.bias.data = draw.integers(2, 1, 2, 2) / 8, torch.tensor([0.3, -0.7])
    steps = torch.tensor([0.25, 0.5]).view(-1, 1, 1, 1)
    layer = QuantConv2d(conv, FixedStep(4, 0.25), FixedStep(3, steps, signed=True))
    return layer(draw.integers(1, 1, 3, 3, low=0) / 16)


@case("QuantConv2d", title="the same in training and in evaluation")
def conv_modes(QuantConv2d):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.6]]]]), torch.tensor([0.3])
    layer = QuantConv2d(conv, FixedStep(8, 0.5), FixedStep(4, 0.25, signed=True))
    x = torch.tensor([[[[1.2]]]])
    return layer.train()(x), layer.eval()(x)


@case("QuantConv2d", title="weight and bias stay as they are")
def conv_kept(QuantConv2d):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.6]]]]), torch.tensor([0.3])
    layer = QuantConv2d(conv, FixedStep(8, 0.5), FixedStep(4, 0.25, signed=True))
    layer(torch.tensor([[[[1.2]]]]))
    return layer.weight, layer.bias


@case("QuantConv2d", title="the gradients of input, weight and bias")
def conv_gradients(QuantConv2d):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.6]]]]), torch.tensor([0.3])
    layer = QuantConv2d(conv, FixedStep(8, 0.5), FixedStep(4, 0.25, signed=True))
    x = torch.tensor([[[[1.2]]]], requires_grad=True)
    layer(x).sum().backward()
    return x.grad, layer.weight.grad, layer.bias.grad


@case("QuantConv2d", title="what it hands to convolve")
def conv_handed(QuantConv2d):
    from lib.network import FixedStep

    handed = []

    def convolve(x, weight, bias, stride, padding):
        handed.append((x, weight, bias, stride, padding))
        return torch.nn.functional.conv2d(x, weight, bias, stride, padding)

    conv = torch.nn.Conv2d(1, 1, 1, stride=2, padding=1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.6]]]]), torch.tensor([0.3])
    layer = QuantConv2d(conv, FixedStep(8, 0.5), FixedStep(4, 0.25, signed=True), convolve)
    layer(torch.tensor([[[[1.2]]]]))
    return handed
