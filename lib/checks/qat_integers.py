"""Public cases of lesson 5, continued: the arithmetic on integers."""

import torch

from lib.cases import case


@case("quantize_multiplier", title="½ and 1 and ¾: powers of two, and in between")
def multiplier_exact(quantize_multiplier):
    return [quantize_multiplier(0.5), quantize_multiplier(1.0), quantize_multiplier(0.75)]


@case("quantize_multiplier", title="0.001, 0.3 and 5.7")
def multiplier_between(quantize_multiplier):
    return [quantize_multiplier(0.001), quantize_multiplier(0.3), quantize_multiplier(5.7)]


@case("quantize_multiplier", title="1 − 2^−40: the fraction rounds up to 2^31")
def multiplier_carry(quantize_multiplier):
    return quantize_multiplier(1 - 2.0**-40)


@case("quantize_multiplier", title="refuses 0, −½, 2^30 and NaN")
def multiplier_refused(quantize_multiplier, refused):
    return [refused(lambda r=r: quantize_multiplier(r)) for r in (0.0, -0.5, 2.0**30, float("nan"))]


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


@case("integer_conv2d", title="shapes and dtypes of what it hands to matmul")
def counted_matmul(integer_conv2d, draw):
    handed = []

    def matmul(a, b):
        handed.extend((tuple(x.shape), str(x.dtype)) for x in (a, b))
        return a @ b

    codes = draw.integers(1, 2, 3, 3, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(2, 2, 3, 3, low=-128, high=128, dtype=torch.int8)
    integer_conv2d(codes, weight, torch.tensor([1, 2], dtype=torch.int32), 1, 1, matmul)
    return handed


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


@case("integer_activation", title="2×4, times ½, max")
def greatest(integer_activation):
    accumulators = torch.tensor([[[[1, 6, -4, -2], [3, 2, -9, -1]]]], dtype=torch.int32)
    return integer_activation(accumulators, 2**30, 31, pool="max")


@case("integer_activation", title="3×3, 4 bits: the odd edge is left out")
def odd(integer_activation):
    accumulators = torch.arange(9, dtype=torch.int32).view(1, 1, 3, 3) * 5
    pools = None, "max", "average"
    return [integer_activation(accumulators, 2**30, 30, pool, bits=4) for pool in pools]


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
