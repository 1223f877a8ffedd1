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


@case("fold_batchnorm", title="two channels with gains 1 and −1, no bias; what it was given is not changed")
def fold_two(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(2, eps=0.75)
    norm.weight.data, norm.bias.data = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 3.0])
    norm.running_mean, norm.running_var = torch.tensor([1.0, -1.0]), torch.tensor([0.25, 3.25])
    weight = draw.integers(2, 2, 2, 2)
    found = {"folded": fold_batchnorm(weight, None, norm), "weight afterwards": weight}
    found |= {f"norm.{name} afterwards": value for name, value in norm.state_dict().items()}
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
    x = draw.integers(2, 1, 3, 4, low=0, high=9, dtype=torch.float64) / 16 + 2**-40
    first = layer(x)
    layer.weight.data, layer.bias.data = -layer.weight.data, layer.bias.data + 1
    layer.quantize_weight.step.mul_(2)
    return {"output": first, "output with another weight, bias and step": layer(x), "input afterwards": x}


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


@case("quantize_multiplier", title="multiplier, shift and their types; 1 − 2^−40 and 2^29 − 2^−20 round up to 2^31")
def multiplier_exact(quantize_multiplier):
    reals = 0.5, 1.0, 0.75, 0.001, 0.3, 5.7, 2.0**-31, 1 - 2.0**-40, 2.0**29 - 2.0**-20
    pairs = map(quantize_multiplier, reals)
    return [[*pair, *(type(n).__name__ for n in pair)] for pair in pairs]


@case("quantize_multiplier", title="refuses 0, −½, 2^−40, 2^−32, just under 2^−31, 2^29, NaN, ∞ and −∞")
def multiplier_refused(quantize_multiplier, refused):
    names = "0", "−½", "2^−40", "2^−32", "just under 2^−31", "2^29", "NaN", "∞", "−∞"
    reals = 0.0, -0.5, 2.0**-40, 2.0**-32, 2.0**-31 - 2.0**-80, 2.0**29, float("nan"), float("inf"), -float("inf")
    return {name: refused(lambda r=r: quantize_multiplier(r)) for name, r in zip(names, reals, strict=True)}


@case("requantize", title="halves are rounded up: times ¼, and times ½ in 4 bits with signs, to both ends")
def halves(requantize):
    found = {"times ¼": requantize(torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 10], dtype=torch.int32), 2**30, 32)}
    values = torch.tensor([-100, -16, -15, -3, -2, -1, 1, 3, 14, 15, 100], dtype=torch.int32)
    return found | {"times ½, signed": requantize(values, 2**30, 31, bits=4, signed=True)}


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


@case("requantize", title="int64, a scale for each channel; nothing given is changed, no float operator runs")
def channels(requantize, draw):
    from lib.deploy import float_operations

    multiplier, shift = torch.tensor([2**30, 3 * 2**29]).view(-1, 1, 1), torch.tensor([51, 53]).view(-1, 1, 1)
    values = draw.integers(1, 2, 2, 3, low=0, high=300, dtype=torch.int64) * 2**20
    with float_operations() as spy:
        codes = requantize(values, multiplier, shift)
    found = {"codes": codes, "float operators": spy.seen, "accumulators afterwards": values}
    return found | {"multiplier afterwards": multiplier, "shift afterwards": shift}


@case("integer_conv2d", title="one code, one weight, one bias")
def counted_one(integer_conv2d):
    codes, weight = torch.tensor([[[[200]]]], dtype=torch.uint8), torch.tensor([[[[-100]]]], dtype=torch.int8)
    return integer_conv2d(codes, weight, torch.tensor([7], dtype=torch.int32))


@case("integer_conv2d", title="two images of 4×4 codes, stride and padding", forbids=("aten.convolution",))
def counted_stride(integer_conv2d, draw):
    codes = draw.integers(2, 2, 4, 4, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(3, 2, 3, 2, low=-128, high=128, dtype=torch.int8)
    bias, found = torch.tensor([10, 20, 30], dtype=torch.int32), {}
    for stride, padding in [(1, 0), (2, 1), ((1, 2), (0, 1)), ((2, 1), (2, 0))]:
        found[f"stride {stride}, padding {padding}"] = integer_conv2d(codes, weight, bias, stride, padding)
    return found


@case("integer_conv2d", title="the largest codes in 600 channels and a large bias: no sum may wrap")
def counted_most(integer_conv2d):
    codes, weight = torch.full((1, 600, 1, 1), 255).to(torch.uint8), torch.full((1, 600, 1, 1), -128).to(torch.int8)
    bias = torch.tensor([-(2**20) - 1], dtype=torch.int32)
    return {"accumulators": integer_conv2d(codes, weight, bias), "bias afterwards": bias}


@case("integer_conv2d", title="a matmul that doubles: what it is handed, what comes of it, and the float operators")
def counted_matmul(integer_conv2d, draw):
    from lib.deploy import float_operations

    handed = []

    def matmul(a, b):
        handed.append({n: [tuple(x.shape), str(x.dtype)] for n, x in (("first operand", a), ("second", b))})
        return 2 * (a @ b)

    codes = draw.integers(1, 2, 3, 3, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(2, 2, 3, 3, low=-128, high=128, dtype=torch.int8)
    with float_operations() as spy:
        sums = integer_conv2d(codes, weight, torch.tensor([1, 2], dtype=torch.int32), 1, 1, matmul)
    return {"calls of matmul": handed, "accumulators": sums, "float operators": spy.seen}


@case("integer_activation", title="2×2, times 1, no pool: ReLU")
def relu(integer_activation):
    return integer_activation(torch.tensor([[[[-3, 7], [300, 0]]]], dtype=torch.int32), 2**30, 30)


@case("integer_activation", title="averages: of 1, 1, 1, 0 and 2, 0, 0, 0; of large accumulators; of negative ones")
def average_one(integer_activation):
    small = torch.tensor([[[[1, 1, 2, 0], [1, 0, 0, 0]]]], dtype=torch.int32)
    large = torch.full((1, 1, 2, 2), 5 * 2**19, dtype=torch.int32)
    negative = torch.tensor([[[[-8, 5], [-7, 9]]]], dtype=torch.int32)
    calls = {"times ½": (small, 2**30, 31), "times 1": (small, 2**30, 30), "negative, times 1": (negative, 2**30, 30)}
    calls["large, times 0.3 · 2^−19"] = large, 1288490189, 51
    return {name: integer_activation(*call, "average") for name, call in calls.items()}


@case("integer_activation", title="3×3, 4 bits: the odd edge is left out; nothing is changed; no float operator")
def odd(integer_activation):
    from lib.deploy import float_operations

    accumulators = torch.arange(-2, 7, dtype=torch.int32).view(1, 1, 3, 3) * 3
    given = {"multiplier": torch.tensor([[[2**30]]]), "shift": torch.tensor([[[30]]])}
    with float_operations() as spy:
        found = {str(p): integer_activation(accumulators, **given, pool=p, bits=4) for p in ("average", "max", None)}
    given["accumulators"] = accumulators
    return found | {f"{name} afterwards": value for name, value in given.items()} | {"float operators": spy.seen}


@case("integer_activation", title="two images, three channels of 4×6, each with its multiplier and its shift")
def every(integer_activation, draw):
    accumulators = draw.integers(2, 3, 4, 6, low=-200, high=400, dtype=torch.int32)
    multiplier, shift = torch.tensor([[2**30, 3 * 2**29, 2**31 - 1], [31, 32, 33]]).view(2, 3, 1, 1)
    return {str(pool): integer_activation(accumulators, multiplier, shift, pool) for pool in (None, "max", "average")}


@case("integer_network", title="a 1×1 convolution and a linear layer, with a matmul that doubles")
def network_one(integer_network):
    from lib.deploy import IntegerLayer

    dtypes = []

    def matmul(a, b):
        dtypes.append([str(a.dtype), str(b.dtype)])
        return 2 * (a @ b)

    half = {"multiplier": torch.tensor([[[2**30]]]), "shift": torch.tensor([[[31]]])}
    weight, bias = torch.tensor([[[[2]]]], dtype=torch.int8), torch.tensor([1], dtype=torch.int32)
    last = torch.tensor([[1], [-3]], dtype=torch.int8), torch.tensor([10, 20], dtype=torch.int32)
    layers = [IntegerLayer(weight, bias, **half), IntegerLayer(*last)]
    found = {"outputs": integer_network(torch.tensor([[[[7]]]], dtype=torch.uint8), layers, matmul)}
    return found | {"dtypes in each call of matmul": dtypes}


@case("integer_network", title="three convolutions with pools, strides and 4 bits; nothing given is changed")
def network_three(integer_network, draw):
    from lib.deploy import IntegerLayer

    def layer(*shape, shift=0, **rest):
        weight, bias = draw.integers(*shape, dtype=torch.int8), draw.integers(shape[0], dtype=torch.int32)
        scale = torch.full((2, 1, 1), 2**30), torch.full((2, 1, 1), shift)
        return IntegerLayer(weight, bias, *(scale if shift else ()), **rest)

    layers = [layer(2, 1, 3, 3, shift=35, padding=(1, 1), pool="max", bits=4), layer(2, 2, 1, 1, shift=32, bits=4)]
    layers += [layer(2, 2, 2, 2, shift=33, stride=(2, 1), pool="average", bits=4), layer(3, 2)]
    codes = draw.integers(2, 1, 8, 6, low=0, high=256, dtype=torch.uint8)
    return {"outputs": integer_network(codes, layers), "codes afterwards": codes, "layers afterwards": len(layers)}
