"""Public cases of lesson 5: rescaling in integers, and the layers of a network on integers."""

import torch

from lib.cases import case


@case("quantize_multiplier", title="multiplier, shift and their types; 1 − 2^−40 and 2^29 − 2^−20 round up to 2^31")
def multiplier_exact(quantize_multiplier):
    reals = 0.5, 1.0, 0.75, 0.001, 0.3, 5.7, 2.0**-31, 1 - 2.0**-40, 2.0**29 - 2.0**-20, 1 - 2.0**-31
    found = {str(real): list(quantize_multiplier(real)) for real in reals}
    first, second = (sorted({type(n).__name__ for pair in found.values() for n in pair[i : i + 1]}) for i in (0, 1))
    return found | {"type of the multiplier": first, "type of the shift": second}


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


@case("requantize", title="times 1, 8 bits and 2: what lies outside is clamped")
def clamped(requantize):
    values = torch.tensor([-300, -129, -1, 0, 3, 4, 127, 128, 255, 256, 70000], dtype=torch.int32)
    found = {"8 bits": requantize(values, 2**30, 30), "2 bits": requantize(values, 2**30, 30, 2)}
    return found | {"8 bits, signed": requantize(values, 2**30, 30, signed=True)}


@case("requantize", title="just under ½, and large accumulators times 0.3 · 2^−22 next to halves")
def large(requantize):
    values = torch.tensor([20971520, 62914560, 2090161493, 2132104533, 2**31 - 1], dtype=torch.int32)
    found = {"(2^39 − 2^8) · 2^−40": requantize(torch.tensor(256), 2**31 - 1, 40)}
    found["(2^60 − 1) · 2^−61"] = requantize(torch.tensor(2**30 - 1), 2**30 + 1, 61)
    return found | {"times 0.3 · 2^−22": requantize(values, 1288490189, 54)}


@case("requantize", title="int64, scales for each channel; nothing given is changed, no float operator runs")
def channels(requantize, draw):
    from lib.deploy import float_operations

    multiplier, shift = torch.tensor([2**30, 3 * 2**29]).view(-1, 1, 1), torch.tensor([51, 53]).view(-1, 1, 1)
    values = draw.integers(1, 2, 2, 3, low=-300, high=300, dtype=torch.int64) * 2**20
    with float_operations() as spy:
        found = {"codes, signed": requantize(values, multiplier, shift, signed=True)}
        found["codes, one shift for all"] = requantize(values, multiplier, 51)
    found |= {"float operators": spy.seen, "accumulators afterwards": values}
    return found | {"multiplier afterwards": multiplier, "shift afterwards": shift}


@case("integer_conv2d", title="one code, one weight, one bias")
def counted_one(integer_conv2d):
    codes, weight = torch.tensor([[[[200]]]], dtype=torch.uint8), torch.tensor([[[[-100]]]], dtype=torch.int8)
    return integer_conv2d(codes, weight, torch.tensor([7], dtype=torch.int32))


@case("integer_conv2d", title="two images of 4×4 codes, stride and padding", forbids=("aten.convolution",))
def counted_stride(integer_conv2d, draw):
    codes = draw.integers(2, 2, 4, 4, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(3, 2, 3, 2, low=-128, high=128, dtype=torch.int8)
    bias = torch.tensor([10, 20, 30], dtype=torch.int32)
    found = {"stride and padding left out": integer_conv2d(codes, weight, bias)}
    for stride, padding in [(2, 1), ((1, 2), (0, 1)), ((2, 1), (2, 0))]:
        found[f"stride {stride}, padding {padding}"] = integer_conv2d(codes, weight, bias, stride, padding)
    return found


@case("integer_conv2d", title="the largest codes in 600 channels and a large bias: no sum may wrap")
def counted_most(integer_conv2d):
    codes, weight = torch.full((1, 600, 1, 1), 255).to(torch.uint8), torch.full((1, 600, 1, 1), -128).to(torch.int8)
    bias = torch.tensor([-(2**20) - 1], dtype=torch.int32)
    return {"accumulators": integer_conv2d(codes, weight, bias), "bias afterwards": bias}


@case("integer_conv2d", title="two images, a matmul that doubles: what it is handed, what comes of it, float operators")
def counted_matmul(integer_conv2d, draw):
    from lib.deploy import float_operations

    handed = []

    def matmul(a, b):
        handed.append({n: [tuple(x.shape), str(x.dtype)] for n, x in (("first operand", a), ("second", b))})
        return 2 * (a @ b)

    codes = draw.integers(2, 2, 3, 3, low=0, high=256, dtype=torch.uint8)
    weight = draw.integers(2, 2, 3, 3, low=-128, high=128, dtype=torch.int8)
    with float_operations() as spy:
        sums = integer_conv2d(codes, weight, torch.tensor([1, 2], dtype=torch.int32), 1, 1, matmul)
    return {"calls of matmul": handed, "accumulators": sums, "float operators": spy.seen}


@case("integer_activation", title="2×2, times 1, no pool: ReLU")
def relu(integer_activation):
    return integer_activation(torch.tensor([[[[-3, 7], [300, 0]]]], dtype=torch.int32), 2**30, 30)


@case("integer_activation", title="averages: 1, 1, 1, 0; 2, 0, 0, 0; 1, 0, 0, 0; negative accumulators; large ones")
def average_one(integer_activation):
    small = torch.tensor([[[[1, 1, 2, 0, 1, 0], [1, 0, 0, 0, 0, 0]]]], dtype=torch.int32)
    large, largest = (torch.full((1, 1, 2, 2), n, dtype=torch.int32) for n in (5 * 2**19, 2**29 - 1))
    negative = torch.tensor([[[[-8, 5], [-7, 9]]]], dtype=torch.int32)
    calls = {"times ½": (small, 2**30, 31), "times 1": (small, 2**30, 30), "negative, times 1": (negative, 2**30, 30)}
    calls |= {"large, times 0.3 · 2^−19": (large, 1288490189, 51), "2^29 − 1, times 2^−29": (largest, 2**31 - 1, 60)}
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


@case("integer_activation", title="two images, three channels of 5×4, each with its multiplier and its shift")
def every(integer_activation, draw):
    accumulators = draw.integers(2, 3, 5, 4, low=-200, high=400, dtype=torch.int32)
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


@case("integer_network", title="three convolutions of 4, 3 and 8 bits, with pools and a stride; a matmul that doubles")
def network_three(integer_network, draw):
    from lib.deploy import IntegerLayer

    def layer(*shape, shift=0, **rest):
        weight = draw.integers(*shape, low=-3, high=5, dtype=torch.int8)
        bias = draw.integers(shape[0], dtype=torch.int32)
        scale = torch.full((2, 1, 1), 2**30), torch.full((2, 1, 1), shift)
        return IntegerLayer(weight, bias, *(scale if shift else ()), **rest)

    layers = [layer(2, 1, 3, 3, shift=37, padding=(1, 1), pool="max", bits=4), layer(2, 2, 1, 1, shift=33, bits=3)]
    layers += [layer(2, 2, 2, 2, shift=30, stride=(2, 1), pool="average"), layer(3, 4)]
    codes = draw.integers(2, 1, 8, 12, low=0, high=256, dtype=torch.uint8)
    found = {"outputs": integer_network(codes, layers, lambda a, b: 2 * (a @ b)), "codes afterwards": codes}
    return found | {"layers afterwards": len(layers)}
