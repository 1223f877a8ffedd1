"""Hidden checks of lesson 5."""

import torch

from lib.cases import case


@case("fold_batchnorm", points=2, title="convolution and normalization in one, on random numbers")
def fold_random(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(3, eps=0.05)
    norm.weight.data, norm.bias.data = draw.normal(3), draw.normal(3)
    norm.running_mean, norm.running_var = draw.normal(3), draw.uniform(3, low=0.01)
    weight, bias = draw.normal(3, 2, 3, 3), draw.normal(3)
    return fold_batchnorm(weight, bias, norm), fold_batchnorm(weight, None, norm)


@case("fold_batchnorm", points=1, title="float64, as many input channels as output channels")
def fold_square(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(3, eps=0.2)
    norm.weight.data, norm.bias.data = draw.normal(3), draw.normal(3)
    norm.running_mean, norm.running_var = draw.normal(3), draw.uniform(3, low=0.5)
    weight, bias = draw.normal(3, 3, 1, 2, dtype=torch.float64), draw.normal(3, dtype=torch.float64)
    return fold_batchnorm(weight, bias, norm.double()), fold_batchnorm(weight, None, norm)


@case("fold_batchnorm", points=1, title="what it was given is not changed")
def fold_untouched(fold_batchnorm, draw):
    norm = torch.nn.BatchNorm2d(2, eps=0.05)
    norm.weight.data, norm.bias.data = draw.normal(2), draw.normal(2)
    norm.running_mean, norm.running_var = draw.normal(2), draw.uniform(2, low=0.5)
    weight, bias = draw.normal(2, 1, 2, 2), draw.normal(2)
    folded = fold_batchnorm(weight, bias, norm)
    return folded, weight, bias, dict(norm.state_dict()), norm.training, norm.weight.requires_grad


@case("QuantConv2d", points=2, title="input, weight and bias on their grids, in both modes, and anew each time")
def conv_values(QuantConv2d, draw):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(2, 3, 3, stride=(2, 1), padding=(1, 0))
    conv.weight.data, conv.bias.data = draw.normal(3, 2, 3, 3) / 4, draw.normal(3)
    conv.bias.data[1:] = torch.tensor([0.03125, -640.3])  # half a unit, and 40,000 units
    steps = torch.tensor([0.25, 0.5, 0.125]).view(-1, 1, 1, 1)
    layer = QuantConv2d(conv, FixedStep(4, 0.125, signed=True), FixedStep(3, steps, signed=True)).double()
    layer.bias.data[1] += 2**-40
    x = draw.integers(2, 2, 5, 4, low=-24, high=24, dtype=torch.float64) / 16 + 2**-40
    outputs = [layer.train()(x), layer.eval()(x)]
    layer.weight.data, layer.bias.data = -layer.weight.data, layer.bias.data + 1
    outputs.append(layer(x))
    layer.quantize_weight.step.mul_(2)
    return outputs, layer(x), x


@case("QuantConv2d", points=2, title="parameters are kept, and learn through the rounding")
def conv_learns(QuantConv2d, draw):
    from lib.network import FixedStep

    conv = torch.nn.Conv2d(2, 3, 2)
    conv.weight.data, conv.bias.data = draw.normal(3, 2, 2, 2), draw.normal(3)
    layer = QuantConv2d(conv, FixedStep(4, 0.125), FixedStep(3, 0.25, signed=True))
    x = draw.uniform(2, 2, 4, 4, high=3.0).requires_grad_()
    (layer(x) * draw.integers(2, 3, 3, 3)).sum().backward()
    return layer.weight, layer.bias, layer.weight.grad, layer.bias.grad, x.grad


@case("QuantConv2d", points=1, title="with the notes' quantizers, whose step is not an attribute")
def conv_notes(QuantConv2d, draw):
    from lib.quantizer import Quantizer

    conv = torch.nn.Conv2d(1, 2, 2)
    conv.weight.data, conv.bias.data = draw.integers(2, 1, 2, 2) / 4, draw.integers(2) / 5
    layer = QuantConv2d(conv, Quantizer(4, always_pos=True), Quantizer(3))
    x = draw.integers(2, 1, 4, 4, low=0, high=9) / 4
    return layer(x), layer(2 * x)


@case("QuantConv2d", points=1, title="quantizers that were never called before, and a step that learns")
def conv_first_call(QuantConv2d, draw):
    from lib.quantizer import LearnedStep, Quantizer

    conv = torch.nn.Conv2d(1, 2, 2)
    conv.weight.data, conv.bias.data = draw.integers(2, 1, 2, 2) / 4, draw.normal(2)
    x = draw.uniform(2, 1, 4, 4, high=3.0)
    made = (Quantizer(4, always_pos=True), Quantizer(3)), (LearnedStep(4, signed=False), LearnedStep(3))
    layers = [QuantConv2d(conv, *pair) for pair in made]
    outputs = [layer(x) for layer in layers]
    (outputs[-1] * draw.integers(2, 2, 3, 3)).sum().backward()
    return outputs, layers[-1].quantize_input.step.grad, layers[-1].quantize_weight.step.grad


@case("QuantConv2d", points=1, title="the convolution goes through convolve, once, and through another in its place")
def conv_convolve(QuantConv2d, draw):
    from lib.network import FixedStep

    handed = []

    def convolve(input, weight, bias, stride, padding):
        handed.append((input, weight, bias, tuple(stride), tuple(padding)))
        return 2 * torch.nn.functional.conv2d(input, weight, bias, stride, padding)

    conv = torch.nn.Conv2d(1, 2, 2, stride=2, padding=1)
    conv.weight.data, conv.bias.data = draw.normal(2, 1, 2, 2), draw.normal(2)
    layer = QuantConv2d(conv, FixedStep(4, 0.25), FixedStep(4, 0.25, signed=True), convolve)
    x = draw.uniform(1, 1, 4, 4)
    output = layer(x)
    layer.convolve = lambda *args, **named: 3 * torch.nn.functional.conv2d(*args, **named)
    return output, handed, layer(x)


@case("quantize_multiplier", points=2, title="numbers of every magnitude")
def multiplier_any(quantize_multiplier, draw):
    fractions = draw.uniform(20, low=0.5, dtype=torch.float64).tolist()
    return [quantize_multiplier(f * 2.0**e) for f, e in zip(fractions, range(-30, 30, 3), strict=True)]


@case("quantize_multiplier", points=1, title="powers of two, and numbers just below them")
def multiplier_edges(quantize_multiplier, draw):
    exponents = [-31, -30, -1, 0, 1, 28]
    below = 1 - 2.0 ** -draw.number(35, 50)
    return [quantize_multiplier(2.0**e) for e in exponents] + [
        quantize_multiplier(real) for real in (*(below * 2.0**e for e in (-30, 0, 5, 29)), 1 - 2.0**-31)
    ]


@case("quantize_multiplier", points=1, title="whole Python numbers, and what cannot be written is refused")
def multiplier_bad(quantize_multiplier, draw, refused):
    bad = [0.0, -draw.number(1, 9) / 7, 2.0**29, 2.0**30, float("nan"), float("inf"), -float("inf")]
    bad += [2.0**-32, 2.0**-40, 2.0**-31 * (1 - 2.0**-50)]
    return [type(n).__name__ for n in quantize_multiplier(0.3)] + [
        refused(lambda r=r: quantize_multiplier(r)) for r in bad
    ]


@case("requantize", points=2, title="halves of either sign")
def all_halves(requantize, draw):
    values = torch.arange(-40, 40, dtype=torch.int32)
    shift = draw.number(31, 33)
    return [requantize(values, 2**30, shift, bits, signed) for bits in (8, 6, 4) for signed in (True, False)]


@case("requantize", points=2, title="large accumulators, to the last code")
def precise(requantize, draw):
    values = draw.integers(400, low=-(2**31), high=2**31, dtype=torch.int64).to(torch.int32)
    multiplier = draw.number(2**30, 2**31)
    wide = [requantize(values, multiplier, shift, signed=True) for shift in (54, 55, 56)]
    multiplier |= 1
    edges = torch.tensor([-(-(2 * c + 1) * 2**53 // multiplier) for c in range(128)], dtype=torch.int64)
    near = [requantize(edges - under, multiplier, 54) for under in (0, 1)]
    under = requantize(torch.tensor([2**30 - 1], dtype=torch.int32), 2**30 + 1, 61)
    return [*wide, requantize(values, 2**31 - 1, 31 + 23), requantize(values[:5], multiplier, 61), near, under]


@case("requantize", points=1, title="codes of every width, clamped before they are narrowed")
def narrow(requantize, draw):
    values = draw.integers(200, low=-2000, high=2000, dtype=torch.int32)
    return [requantize(values, 2**30, 30, bits, signed) for bits in (8, 5, 2) for signed in (True, False)]


@case("requantize", points=1, title="a multiplier and a shift for each channel; int64 accumulators of any shape")
def each_channel(requantize, draw):
    multiplier = draw.integers(3, 1, 1, low=2**30, high=2**31, dtype=torch.int64)
    shift = torch.tensor([31, 34, 38]).view(-1, 1, 1)
    values = draw.integers(2, 3, 2, 5, low=-5000, high=5000, dtype=torch.int64)
    found = [requantize(values, multiplier, n, signed=signed) for n in (shift, 36) for signed in (False, True)]
    return found, requantize(values[0, 0, 0, 0], 2**30, 36), values, multiplier, shift


@case("requantize", points=2, title="no floating-point operator runs")
def whole(requantize, draw):
    from lib.deploy import float_operations

    values = draw.integers(20, low=-500, high=500, dtype=torch.int32)
    with float_operations() as spy:
        codes = requantize(values, draw.number(2**30, 2**31), 32)
    return codes, spy.seen


@case("integer_conv2d", points=2, title="strides, paddings and sides of all kinds", forbids=("aten.convolution",))
def counted_any(integer_conv2d, draw):
    codes = draw.integers(2, 3, 6, 5, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(4, 3, 3, 2, low=-128, high=128, dtype=torch.int8)
    bias = draw.integers(4, low=-(2**20), high=2**20, dtype=torch.int32)
    settings = [(1, 0), (2, 1), ((1, 2), (0, 1)), (3, (2, 0))]
    return [integer_conv2d(codes, weight, bias, stride, padding) for stride, padding in settings]


@case("integer_conv2d", points=1, title="as many images across as channels: the bias goes with the channel")
def counted_square(integer_conv2d, draw):
    codes = draw.integers(3, 1, 3, 3, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(3, 1, 1, 1, low=-128, high=128, dtype=torch.int8)
    return integer_conv2d(codes, weight, draw.integers(3, low=-(2**28), high=2**28, dtype=torch.int32))


@case("integer_conv2d", points=2, title="sums that need more than 16 and more than 24 bits")
def counted_largest(integer_conv2d, draw):
    codes, weight = torch.full((1, 900, 1, 1), 255), torch.full((2, 900, 1, 1), -128)
    weight[1] = draw.integers(900, 1, 1, low=-128, high=128, dtype=torch.int64)
    bias = torch.tensor([-1, 2**25 + 1], dtype=torch.int32)
    return integer_conv2d(codes.to(torch.uint8), weight.to(torch.int8), bias), bias


@case("integer_conv2d", points=1, title="every product goes through matmul, on int32; no floating-point operator runs")
def counted_through(integer_conv2d, draw):
    from lib.deploy import float_operations

    dtypes = []

    def matmul(a, b):
        dtypes.extend((str(a.dtype), str(b.dtype), a.shape, b.shape))
        return 2 * (a @ b)

    codes = draw.integers(2, 2, 3, 3, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(2, 2, 2, 2, low=-128, high=128, dtype=torch.int8)
    with float_operations() as spy:
        result = integer_conv2d(codes, weight, torch.tensor([5, 6], dtype=torch.int32), matmul=matmul)
    return result, dtypes, spy.seen


@case("integer_activation", points=1, title="ReLU alone, of every width")
def activation_plain(integer_activation, draw):
    accumulators = draw.integers(2, 3, 3, 4, low=-3000, high=3000, dtype=torch.int32)
    multiplier = draw.number(2**30, 2**31)
    return [integer_activation(accumulators, multiplier, 33, None, bits) for bits in (8, 4, 2)]


@case("integer_activation", points=2, title="averages are rounded once, after ReLU")
def activation_average(integer_activation, draw):
    accumulators = draw.integers(2, 3, 6, 4, low=-400, high=400, dtype=torch.int32)
    multiplier = 2 * draw.number(2**29, 2**30) + 1
    sums = torch.tensor([-(-(2 * c + 1) * 2**52 // multiplier) for c in range(100, 200)])
    quarters = torch.stack([sums // 4, sums // 4, sums // 4, sums - 3 * (sums // 4)], 1)
    large = quarters.view(1, -1, 2, 2).to(torch.int32)
    found = [integer_activation(accumulators, multiplier, 32, "average", bits) for bits in (8, 5)]
    largest = torch.full((1, 1, 2, 2), 2**29 - 1, dtype=torch.int32)
    found += [integer_activation(largest, 2**31 - 1, shift, "average") for shift in (58, 60)]
    return found, integer_activation(large, multiplier, 51, "average")


@case("integer_activation", points=1, title="the largest of each window")
def activation_max(integer_activation, draw):
    accumulators = draw.integers(2, 3, 6, 4, low=-400, high=400, dtype=torch.int32)
    return integer_activation(accumulators, draw.number(2**30, 2**31), 32, "max", 8)


@case("integer_activation", points=1, title="odd sides, a scale for each channel, integers throughout")
def activation_odd(integer_activation, draw):
    from lib.deploy import float_operations

    accumulators = draw.integers(2, 3, 5, 3, low=-900, high=900, dtype=torch.int32)
    wider = draw.integers(2, 3, 5, 4, low=-900, high=900, dtype=torch.int32)
    multiplier = draw.integers(3, 1, 1, low=2**30, high=2**31, dtype=torch.int64)
    shift = torch.tensor([32, 33, 34]).view(-1, 1, 1)
    with float_operations() as spy:
        results = [integer_activation(accumulators, multiplier, shift, p) for p in (None, "max", "average")]
        results += [integer_activation(wider, multiplier, shift, p) for p in ("max", "average")]
    return results, accumulators, multiplier, shift, spy.seen


@case("integer_network", points=2, title="convolutions of all kinds, and a linear layer")
def network_any(integer_network, draw):
    from lib.deploy import IntegerLayer

    def weights(*shape):
        return draw.integers(*shape, dtype=torch.int8), draw.integers(shape[0], low=-90, high=90, dtype=torch.int32)

    def scale(channels, shift):
        multiplier = draw.integers(channels, 1, 1, low=2**30, high=2**31, dtype=torch.int64)
        return {"multiplier": multiplier, "shift": torch.full((channels, 1, 1), shift)}

    layers = [
        IntegerLayer(*weights(3, 1, 3, 3), **scale(3, 34), padding=(1, 1)),
        IntegerLayer(*weights(2, 3, 3, 3), **scale(2, 35), stride=(1, 2), padding=(0, 1), pool="max", bits=4),
        IntegerLayer(*weights(2, 2, 2, 1), **scale(2, 32), pool="average", bits=3),
        IntegerLayer(*weights(4, 4)),
    ]
    codes = draw.integers(3, 1, 15, 8, low=0, high=256, dtype=torch.uint8)
    return integer_network(codes, layers), codes, len(layers)


@case("integer_network", points=1, title="the linear layer alone")
def network_linear(integer_network, draw):
    from lib.deploy import IntegerLayer

    weight = draw.integers(3, 8, low=-128, high=128, dtype=torch.int8)
    layer = IntegerLayer(weight, draw.integers(3, low=-(2**20), high=2**20, dtype=torch.int32))
    return integer_network(draw.integers(2, 2, 2, 2, low=0, high=256, dtype=torch.uint8), [layer])


@case("integer_network", points=2, title="every product goes through matmul; no floating-point operator runs")
def network_through(integer_network, draw):
    from lib.deploy import IntegerLayer, float_operations

    scale = {"multiplier": torch.full((2, 1, 1), 2**30), "shift": torch.full((2, 1, 1), 35)}
    weight, bias = draw.integers(2, 1, 2, 2, low=1, dtype=torch.int8), draw.integers(2, dtype=torch.int32)
    second = draw.integers(2, 2, 1, 1, low=1, dtype=torch.int8), draw.integers(2, dtype=torch.int32)
    last = draw.integers(3, 8, dtype=torch.int8), draw.integers(3, dtype=torch.int32)
    codes = draw.integers(2, 1, 3, 3, low=0, high=256, dtype=torch.uint8)
    layers = [IntegerLayer(weight, bias, **scale), IntegerLayer(*second, **scale), IntegerLayer(*last)]
    dtypes = []

    def matmul(a, b):
        dtypes.append((str(a.dtype), str(b.dtype)))
        return 2 * (a @ b)

    with float_operations() as spy:
        results = integer_network(codes, layers, matmul)
    return results, dtypes, spy.seen
