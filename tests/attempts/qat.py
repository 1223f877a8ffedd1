"""Right answers of lesson 5, written otherwise than the references."""

import copy
import math
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import nn

from course.mistakes import attempt
from lib.codes import code_range
from lib.deploy import integer_linear
from lib.integer import integer_activation, integer_conv2d, requantize
from lib.lowering import inputs_lowering, output_size, outputs_lifting, weight_lowering
from lib.network import step_of
from lib.ste import roundpass


@attempt("fold_batchnorm", name="by probing the normalization with 0 and 1")
def probed(weight, bias, norm):
    norm = copy.deepcopy(norm).double().eval()
    channels = len(norm.weight)
    rest = norm(torch.zeros(1, channels, 1, 1, dtype=torch.float64)).flatten()
    gain = norm(torch.ones(1, channels, 1, 1, dtype=torch.float64)).flatten() - rest
    bias = torch.zeros(channels) if bias is None else bias
    return (weight * gain[:, None, None, None]).to(weight.dtype), (rest + bias * gain).to(weight.dtype)


@attempt("fold_batchnorm", name="torch's own")
def torchs_own(weight, bias, norm):
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    return fuse_conv_bn_weights(weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)


@attempt("fold_batchnorm", name="channel by channel, with rsqrt")
def channel_by_channel(weight, bias, norm):
    kernels, biases = [], []
    for o in range(weight.shape[0]):
        gain = norm.weight[o] * torch.rsqrt(norm.running_var[o] + norm.eps)
        kernels.append(weight[o] * gain)
        own = 0.0 if bias is None else bias[o]
        biases.append((own - norm.running_mean[o]) * gain + norm.bias[o])
    return torch.stack(kernels), torch.stack(biases)


@attempt("QuantConv2d", name="keeps the convolution, and detaches instead of roundpass")
class Keeps(nn.Module):
    def __init__(self, conv, quantize_input, quantize_weight, convolve=F.conv2d):
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self.stride, self.padding = conv.stride, conv.padding
        self.quantize_input, self.quantize_weight, self.convolve = quantize_input, quantize_weight, convolve

    def forward(self, x):
        w = self.quantize_weight(self.weight)
        x = self.quantize_input(x)
        unit = step_of(self.quantize_weight).reshape(-1) * step_of(self.quantize_input)
        nearest = torch.round(self.bias.detach() / unit) * unit
        bias = self.bias + (nearest - self.bias).detach()
        return self.convolve(x, w, bias, self.stride, self.padding)


@attempt("QuantConv2d", name="a subclass of nn.Conv2d")
class Subclass(nn.Conv2d):
    def __init__(self, conv, quantize_input, quantize_weight, convolve=F.conv2d):
        out_channels, in_channels, *size = conv.weight.shape
        super().__init__(in_channels, out_channels, size, stride=conv.stride, padding=conv.padding)
        self.load_state_dict(conv.state_dict())
        self.quantize_input, self.quantize_weight, self.convolve = quantize_input, quantize_weight, convolve

    def forward(self, x):
        x_hat, w_hat = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = torch.flatten(step_of(self.quantize_input) * step_of(self.quantize_weight))
        return self.convolve(x_hat, w_hat, unit * roundpass(self.bias / unit), self.stride, self.padding)


@attempt("QuantConv2d", name="everything handed on by its name, and the unit from views")
class ByName(nn.Module):
    def __init__(self, conv, quantize_input, quantize_weight, convolve=F.conv2d):
        super().__init__()
        self.weight = nn.Parameter(conv.weight.detach().clone())
        self.bias = nn.Parameter(conv.bias.detach().clone())
        self.stride, self.padding = conv.stride, conv.padding
        self.quantize_input, self.quantize_weight = quantize_input, quantize_weight
        self.convolve = convolve

    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = step_of(self.quantize_input) * step_of(self.quantize_weight).view(-1)
        bias = self.bias + (torch.round(self.bias / unit) * unit - self.bias).detach()
        return self.convolve(input=x, weight=weight, bias=bias, stride=self.stride, padding=self.padding)


@attempt("quantize_multiplier", name="doubling and halving")
def doubling(real):
    if not (real >= 2**-31 and real < 2**29):
        raise ValueError(f"{real} is out of range")
    shift = 0
    while real < 2**30:
        real, shift = real * 2, shift + 1
    while real >= 2**31:
        real, shift = real / 2, shift - 1
    multiplier = math.floor(real + 0.5)
    return (multiplier // 2, shift - 1) if multiplier == 2**31 else (multiplier, shift)


@attempt("quantize_multiplier", name="exact fractions")
def exact(real):
    if math.isnan(real) or real < 2**-31 or real >= 2**29:
        raise ValueError("out of range")
    for shift in range(61, 0, -1):
        multiplier = round(Fraction(real) * 2**shift)
        if 2**30 <= multiplier < 2**31:
            return multiplier, shift
    return 2**30, 1


@attempt("requantize", name="shift in two steps")
def two_steps(accumulators, multiplier, shift, bits=8, signed=False):
    product = torch.mul(accumulators.long(), multiplier)
    codes = ((product >> (shift - 1)) + 1) >> 1
    low, high = code_range(bits, signed)
    codes = torch.minimum(torch.maximum(codes, torch.tensor(low)), torch.tensor(high))
    return codes.type(torch.int8) if signed else codes.type(torch.uint8)


@attempt("requantize", name="with floor division")
def floor_division(accumulators, multiplier, shift, bits=8, signed=False):
    whole = torch.as_tensor(2) ** torch.as_tensor(shift)
    codes = torch.div(accumulators.to(torch.int64) * multiplier + whole // 2, whole, rounding_mode="floor")
    low = -(2 ** (bits - 1)) if signed else 0
    codes = torch.clip(codes, low, low + 2**bits - 1)
    return codes.to(torch.int8) if signed else codes.to(torch.uint8)


@attempt("integer_conv2d", name="lowered by hand, biases in a column")
def by_hand(codes, weight, bias, stride=1, padding=0, matmul=torch.matmul):
    (sh, sw), (ph, pw) = [(v, v) if isinstance(v, int) else v for v in (stride, padding)]
    n, _, h, w = codes.shape
    kh, kw = weight.shape[2:]
    columns = inputs_lowering(codes, (kh, kw), stride, padding).int()
    sums = matmul(weight_lowering(weight).int(), columns) + bias[:, None]
    return outputs_lifting(sums, n, output_size(h, kh, sh, ph), output_size(w, kw, sw, pw))


@attempt("integer_activation", name="strided slices instead of a reshape")
def slices(accumulators, multiplier, shift, pool=None, bits=8):
    x = torch.relu(accumulators).long()
    if pool is None:
        return requantize(x, multiplier, shift, bits)
    h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    corners = torch.stack([x[:, :, i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)])
    if pool == "max":
        return requantize(corners.amax(0), multiplier, shift, bits)
    return requantize(corners.sum(0), multiplier, shift + 2, bits)


@attempt("integer_activation", name="the maximum of the codes: it does not mind the order")
def codes_first(accumulators, multiplier, shift, pool=None, bits=8):
    if pool == "max":
        codes = requantize(accumulators, multiplier, shift, bits)
        return codes.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    x = torch.where(accumulators > 0, accumulators, 0)
    if pool == "average":
        x, shift = x.unfold(2, 2, 2).unfold(3, 2, 2).sum((4, 5)), shift + 2
    return requantize(x, multiplier, shift, bits)


@attempt("integer_network", name="a star and a single list")
def starred(codes, layers, matmul=torch.matmul):
    *convolutions, last = layers
    found = [codes]
    for one in convolutions:
        sums = integer_conv2d(found[-1], one.weight, one.bias, one.stride, one.padding, matmul=matmul)
        found += [integer_activation(sums, one.multiplier, one.shift, pool=one.pool, bits=one.bits)]
    found.append(integer_linear(found[-1].reshape(len(codes), -1), last.weight, last.bias, matmul))
    return found[1:]


@attempt("integer_network", name="recursion")
def recursion(codes, layers, matmul=torch.matmul):
    first, *rest = layers
    if not rest:
        return [matmul(torch.flatten(codes, 1).int(), first.weight.int().T) + first.bias]
    sums = integer_conv2d(codes, first.weight, first.bias, first.stride, first.padding, matmul)
    out = integer_activation(sums, first.multiplier, first.shift, first.pool, first.bits)
    return [out, *recursion(out, rest, matmul)]
