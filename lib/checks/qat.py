"""Public cases and hints of lesson 5."""

import torch

from lib.cases import case

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


@case("fold_batchnorm", title="one weight, variance ¼ and eps ¾: the gain is 4")
def fold_one(fold_batchnorm):
    norm = torch.nn.BatchNorm2d(1, eps=0.75)
    norm.weight.data, norm.bias.data = torch.tensor([4.0]), torch.tensor([1.0])
    norm.running_mean, norm.running_var = torch.tensor([2.0]), torch.tensor([0.25])
    return fold_batchnorm(torch.tensor([[[[3.0]]]]), torch.tensor([5.0]), norm)


@case("fold_batchnorm", title="two channels, no bias; what it was given is not changed")
def fold_two(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(2, eps=0.75)
    norm.weight.data, norm.bias.data = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 3.0])
    norm.running_mean, norm.running_var = torch.tensor([1.0, -1.0]), torch.tensor([0.25, 3.25])
    weight = draw.integers(2, 2, 2, 2)
    return fold_batchnorm(weight, None, norm), weight, norm.running_mean, norm.running_var


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


@case("QuantConv2d", title="weight and bias stay as they are, and get gradients, as the input does")
def conv_gradients(QuantConv2d):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.6]]]]), torch.tensor([0.3])
    layer = QuantConv2d(conv, FixedStep(8, 0.5), FixedStep(4, 0.25, signed=True))
    x = torch.tensor([[[[1.2]]]], requires_grad=True)
    layer(x).sum().backward()
    return layer.weight, layer.bias, layer.weight.grad, layer.bias.grad, x.grad


@case("QuantConv2d", title="the notes' quantizers, at first in training, and the same in evaluation")
def conv_notes(QuantConv2d):
    from lib.quantizer import Quantizer

    conv = torch.nn.Conv2d(1, 1, 1)
    conv.weight.data, conv.bias.data = torch.tensor([[[[0.5]]]]), torch.tensor([0.3])
    layer, x = QuantConv2d(conv, Quantizer(3, always_pos=True), Quantizer(3)), torch.tensor([[[[4.0, 1.25]]]])
    return layer.train()(x), layer.eval()(x)


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


@case("quantize_multiplier", title="½, 1, ¾, 0.001, 0.3, 5.7 and 2^−31")
def multiplier_exact(quantize_multiplier):
    return [quantize_multiplier(real) for real in (0.5, 1.0, 0.75, 0.001, 0.3, 5.7, 2.0**-31)]


@case("quantize_multiplier", title="1 − 2^−40 and 2^29 − 2^−20: where 2^31 is nearest, 2^30 and a shift one less")
def multiplier_carry(quantize_multiplier):
    return quantize_multiplier(1 - 2.0**-40), quantize_multiplier(2.0**29 - 2.0**-20)


@case("quantize_multiplier", title="refuses 0, −½, 2^−40, 2^29 and NaN")
def multiplier_refused(quantize_multiplier, refused):
    return [refused(lambda r=r: quantize_multiplier(r)) for r in (0.0, -0.5, 2.0**-40, 2.0**29, float("nan"))]


@case("requantize", title="times ½: halves are rounded up")
def halves(requantize):
    return requantize(torch.tensor([0, 1, 2, 3, 4, 5, 6, 7], dtype=torch.int32), 2**30, 31)


@case("requantize", title="times ½, 4 bits signed: negative halves too, and both ends")
def negative_halves(requantize):
    values = torch.tensor([-100, -16, -15, -3, -2, -1, 1, 3, 14, 15, 100], dtype=torch.int32)
    return requantize(values, 2**30, 31, bits=4, signed=True)


@case("requantize", title="times 1, 8 bits: what lies outside is clamped")
def clamped(requantize):
    return requantize(torch.tensor([-300, -1, 0, 255, 256, 300, 70000], dtype=torch.int32), 2**30, 30)


@case("requantize", title="times 0.3·2^−20: large accumulators")
def large(requantize):
    values = torch.tensor([2**24 + 1, 2**28 + 1, 2**30 + 3, 2**31 - 1], dtype=torch.int32)
    return requantize(values, 1288490189, 52), requantize(values, 1288490189, 54)


@case("requantize", title="a multiplier and a shift for each channel")
def channels(requantize, draw):
    multiplier = torch.tensor([2**30, 3 * 2**29]).view(-1, 1, 1)
    shift = torch.tensor([31, 33]).view(-1, 1, 1)
    return requantize(draw.integers(1, 2, 2, 3, low=0, high=300, dtype=torch.int32), multiplier, shift)


@case("requantize", title="the floating-point operators that run")
def no_floats(requantize):
    from lib.deploy import float_operations

    with float_operations() as spy:
        codes = requantize(torch.tensor([3, 500, 7], dtype=torch.int32), 2**30, 31)
    return codes, spy.seen


@case("integer_conv2d", title="one code, one weight, one bias")
def counted_one(integer_conv2d):
    codes, weight = torch.tensor([[[[200]]]], dtype=torch.uint8), torch.tensor([[[[-100]]]], dtype=torch.int8)
    return integer_conv2d(codes, weight, torch.tensor([7], dtype=torch.int32))


@case("integer_conv2d", title="3×3 codes, two 2×2 kernels", forbids=("aten.convolution",))
def counted(integer_conv2d, draw):
    codes = draw.integers(1, 1, 3, 3, low=0, high=4, dtype=torch.uint8)
    weight = draw.integers(2, 1, 2, 2, low=-2, high=2, dtype=torch.int8)
    return integer_conv2d(codes, weight, torch.tensor([10, 20], dtype=torch.int32))


@case("integer_conv2d", title="3×3 codes, stride 2, padding 1", forbids=("aten.convolution",))
def counted_stride(integer_conv2d, draw):
    codes = draw.integers(1, 2, 3, 3, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(2, 2, 3, 3, low=-128, high=128, dtype=torch.int8)
    return integer_conv2d(codes, weight, torch.tensor([10, 20], dtype=torch.int32), stride=2, padding=1)


@case("integer_conv2d", title="the largest codes in 100 channels: no sum may wrap")
def counted_most(integer_conv2d):
    codes, weight = torch.full((1, 100, 1, 1), 255), torch.full((1, 100, 1, 1), -128)
    return integer_conv2d(codes.to(torch.uint8), weight.to(torch.int8), torch.tensor([1], dtype=torch.int32))


@case("integer_conv2d", title="shapes and dtypes of what it hands to matmul; the floating-point operators that run")
def counted_matmul(integer_conv2d, draw):
    from lib.deploy import float_operations

    handed = []

    def matmul(a, b):
        handed.extend((tuple(x.shape), str(x.dtype)) for x in (a, b))
        return a @ b

    codes = draw.integers(1, 2, 3, 3, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(2, 2, 3, 3, low=-128, high=128, dtype=torch.int8)
    with float_operations() as spy:
        integer_conv2d(codes, weight, torch.tensor([1, 2], dtype=torch.int32), 1, 1, matmul)
    return handed, spy.seen


@case("integer_activation", title="2×2, times 1, no pool: ReLU")
def relu(integer_activation):
    accumulators = torch.tensor([[[[-3, 7], [300, 0]]]], dtype=torch.int32)
    return integer_activation(accumulators, 2**30, 30)


@case("integer_activation", title="2×2, times ½, average")
def average_one(integer_activation):
    accumulators = torch.tensor([[[[1, 1], [1, 2]]]], dtype=torch.int32)
    return integer_activation(accumulators, 2**30, 31, pool="average")


@case("integer_activation", title="2×2 with negative accumulators, times 1, average")
def average_negative(integer_activation):
    accumulators = torch.tensor([[[[-8, 5], [-7, 9]]]], dtype=torch.int32)
    return integer_activation(accumulators, 2**30, 30, pool="average")


@case("integer_activation", title="3×3, 4 bits: the odd edge is left out; shift stays as it is")
def odd(integer_activation):
    accumulators = torch.arange(9, dtype=torch.int32).view(1, 1, 3, 3) * 5
    multiplier, shift = torch.tensor([[[2**30]]]), torch.tensor([[[30]]])
    pools = None, "max", "average"
    return [integer_activation(accumulators, multiplier, shift, pool, bits=4) for pool in pools], shift


@case("integer_activation", title="the floating-point operators that run")
def activation_floats(integer_activation):
    from lib.deploy import float_operations

    accumulators = torch.tensor([[[[-3, 7], [300, 0]]]], dtype=torch.int32)
    with float_operations() as spy:
        codes = [integer_activation(accumulators, 2**30, 30, pool) for pool in (None, "max", "average")]
    return codes, spy.seen


@case("integer_network", title="a 1×1 convolution and a linear layer")
def network_one(integer_network):
    from lib.deploy import IntegerLayer

    half = {"multiplier": torch.tensor([[[2**30]]]), "shift": torch.tensor([[[31]]])}
    weight, bias = torch.tensor([[[[2]]]], dtype=torch.int8), torch.tensor([1], dtype=torch.int32)
    last = torch.tensor([[1], [-3]], dtype=torch.int8), torch.tensor([10, 20], dtype=torch.int32)
    layers = [IntegerLayer(weight, bias, **half), IntegerLayer(*last)]
    return integer_network(torch.tensor([[[[7]]]], dtype=torch.uint8), layers)


@case("integer_network", title="two convolutions with pools, stride and 4 bits")
def network_two(integer_network, draw):
    from lib.deploy import IntegerLayer

    def weights(*shape):
        return draw.integers(*shape, dtype=torch.int8), draw.integers(shape[0], dtype=torch.int32)

    def scale(shift):
        return {"multiplier": torch.full((2, 1, 1), 2**30), "shift": torch.full((2, 1, 1), shift)}

    first = IntegerLayer(*weights(2, 1, 3, 3), **scale(35), padding=(1, 1), pool="max", bits=4)
    second = IntegerLayer(*weights(2, 2, 2, 2), **scale(33), stride=(2, 2), pool="average", bits=4)
    codes = draw.integers(2, 1, 8, 8, low=0, high=256, dtype=torch.uint8)
    return integer_network(codes, [first, second, IntegerLayer(*weights(3, 2))])


@case("integer_network", title="a matmul that doubles: every product goes through it")
def network_matmul(integer_network, draw):
    from lib.deploy import IntegerLayer

    half = {"multiplier": torch.tensor([[[2**30]]]), "shift": torch.tensor([[[31]]])}
    weight, bias = torch.ones(1, 1, 2, 2, dtype=torch.int8), torch.tensor([1], dtype=torch.int32)
    last = draw.integers(3, 4, dtype=torch.int8), torch.tensor([10, 20, 30], dtype=torch.int32)
    codes = draw.integers(2, 1, 3, 3, low=0, high=9, dtype=torch.uint8)
    layers = [IntegerLayer(weight, bias, **half), IntegerLayer(*last)]
    return integer_network(codes, layers, lambda a, b: 2 * (a @ b))
