"""Right answers of lesson 4, written otherwise than the references."""

import math

import numpy as np
import torch
from torch import nn

from course.mistakes import attempt
from lib.codes import code_range
from lib.quantizer import fake_quantize
from lib.ste import roundpass, scale_gradient


@attempt("sqnr", name="with mean squares, in the dtype of x")
def mean_squares(x, x_hat):
    return torch.inf if torch.equal(x, x_hat) else 10 * torch.log10(torch.mean(x**2) / torch.mean((x - x_hat) ** 2))


@attempt("sqnr", name="with norms and numpy")
def norms(x, x_hat):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.float64(x.norm().item()) / np.float64((x - x_hat).norm().item())
    return float(np.nan_to_num(20 * np.log10(ratio), nan=np.inf, posinf=np.inf, neginf=-np.inf))


@attempt("sqnr", name="a difference of logarithms")
def difference(x, x_hat):
    signal, noise = (x**2).sum().item(), ((x - x_hat) ** 2).sum().item()
    if noise == 0 or signal == 0:
        return math.inf if noise == 0 else -math.inf
    return 10 * (math.log10(signal) - math.log10(noise))


@attempt("Quantizer", name="0 in α for not calibrated, buffers written in place")
class InPlace(nn.Module):
    def __init__(self, bits=8, always_pos=False):
        super().__init__()
        if type(bits) is not int or not 2 <= bits <= 16:
            raise ValueError("bits")
        self.bits, self.always_pos = bits, always_pos
        self.register_buffer("alpha", torch.zeros(()))
        self.register_buffer("calibrated", torch.zeros((), dtype=torch.uint8))

    def forward(self, x):
        if torch.isnan(x).any() or torch.isinf(x).any():
            raise ValueError("not finite")
        if self.alpha == 0:
            self.alpha.copy_(x.detach().abs().max())
        if self.alpha == 0:
            return x * 0
        self.calibrated.fill_(1)
        step = self.alpha / 2 ** (self.bits - 1)
        off = self.alpha * self.always_pos
        code = roundpass((x - off) / step).clamp(-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1)
        return code * step + off


@attempt("Quantizer", name="both ends compared, early return for zeros")
class Ends(nn.Module):
    def __init__(self, bits=8, always_pos=False):
        super().__init__()
        self.n = 2**bits if bits in range(2, 17) else None
        if self.n is None:
            raise TypeError("bits must be 2 to 16")
        self.pos = always_pos
        self.register_buffer("alpha", torch.tensor(0.0))
        self.register_buffer("calibrated", torch.tensor(0))

    def forward(self, x):
        assert torch.isfinite(x).all(), "x must be finite"
        if not self.calibrated.item():
            with torch.no_grad():
                self.alpha.copy_(torch.maximum(x.max(), -x.min()))
            self.calibrated.fill_(self.alpha.item() > 0)
        step_size = 2 * self.alpha / self.n
        if step_size.item() == 0.0:
            return torch.zeros_like(x)
        shift = self.alpha if self.pos else torch.tensor(0.0)
        z = roundpass((x - shift) / step_size)
        return z.clip(-self.n // 2, self.n // 2 - 1) * step_size + shift


@attempt("affine_parameters", name="with numpy")
def with_numpy(low, high, bits):
    code_range(bits)
    if not np.isfinite([low, high]).all() or low > high:
        raise ValueError("bad range")
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    if low == high:
        return 1.0, 0
    scale = (high - low) / (2**bits - 1)
    return scale, int(np.clip(np.rint(-low / scale), 0, 2**bits - 1))


@attempt("affine_parameters", name="with tensors, measured from the high end")
def with_tensors(low, high, bits):
    qmax = code_range(bits, signed=False)[1]
    low, high = torch.tensor(low).float(), torch.tensor(high).float()
    if not (torch.isfinite(low) and torch.isfinite(high) and low <= high):
        raise ValueError("bad range")
    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = (high - low) / qmax
    if scale == 0:
        return torch.tensor(1.0), torch.tensor(0)
    return scale, (qmax - torch.round(high / scale)).int()


@attempt("fake_quantize", name="a Function of its own, with the reciprocal of the scale")
def own_function(x, scale, zero_point, qmin, qmax):
    class Masked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale, zero_point, qmin, qmax):
            codes = torch.round(x * (1 / scale)) + zero_point
            ctx.save_for_backward((codes >= qmin) & (codes <= qmax))
            return (codes.clamp(qmin, qmax) - zero_point) * scale

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0], None, None, None, None

    return Masked.apply(x, scale, zero_point, qmin, qmax)


@attempt("fake_quantize", name="the bounds shifted instead of the codes")
def shifted_bounds(x, scale, zero_point, qmin, qmax):
    zero_point = torch.as_tensor(zero_point)
    low, high = qmin - zero_point, qmax - zero_point
    return torch.clamp(roundpass(x / scale), low.to(x.dtype), high.to(x.dtype)) * scale


@attempt("fake_quantize", name="x clipped to the ends, and detach")
def clipped_x(x, scale, zero_point, qmin, qmax):
    low, high = (qmin - zero_point - 0.5) * scale, (qmax - zero_point + 0.5) * scale
    inside = (x >= low) & (x <= high)
    hat = ((torch.round(x / scale) + zero_point).clamp(qmin, qmax) - zero_point) * scale
    return hat.detach() + torch.where(inside, x - x.detach(), 0.0)


@attempt("channel_scale", name="moved to the front and flattened")
def flattened(weights, bits, axis=0):
    rows = weights.movedim(axis, 0).flatten(1)
    scale = rows.abs().max(dim=1).values / code_range(bits)[1]
    scale[scale == 0] = 1
    shape = [1] * weights.dim()
    shape[axis] = -1
    return scale.reshape(shape)


@attempt("channel_scale", name="a loop over the dimensions")
def loop(weights, bits, axis=0):
    _, qmax = code_range(bits)
    largest = weights.abs()
    for d in range(weights.dim()):
        if d != axis:
            largest = largest.max(dim=d, keepdim=True)[0]
    return torch.where(largest == 0, torch.ones_like(largest), largest / qmax)


@attempt("mse_scale", name="100 fractions, evenly spaced")
def fractions(x, bits, signed=True):
    qmin, qmax = code_range(bits, signed)
    best, least = torch.tensor(1.0, dtype=x.dtype), math.inf
    for i in range(1, 101):
        scale = x.abs().max() * i / 100 / qmax
        if scale == 0:
            return torch.tensor(1.0, dtype=x.dtype)
        error = ((fake_quantize(x, scale, 0, qmin, qmax) - x) ** 2).mean().item()
        if error < least:
            best, least = scale, error
    return best


@attempt("mse_scale", name="all scales at once, by broadcasting")
def at_once(x, bits, signed=True):
    qmin, qmax = code_range(bits, signed)
    if not x.any():
        return x.new_tensor(1.0)
    scales = x.abs().max() / qmax * torch.linspace(0.002, 1, 500, dtype=x.dtype).unsqueeze(1)
    flat = x.flatten().unsqueeze(0)
    return scales[(fake_quantize(flat, scales, 0, qmin, qmax) - flat).square().sum(dim=1).argmin(), 0]


@attempt("mse_scale", name="alternating: codes for the scale, scale for the codes, from several starts")
def alternating(x, bits, signed=True):
    qmin, qmax = code_range(bits, signed)
    kind, x = x.dtype, x.double()
    found = [(math.inf, 1.0)]
    for start in torch.logspace(-2, 0, 60).tolist():
        scale = start * x.abs().max().item() / qmax
        for _ in range(6 if scale > 0 else 0):
            codes = (x / scale).round().clamp(qmin, qmax)
            if codes.any():
                scale = ((codes * x).sum() / codes.square().sum()).item()
        if scale > 0:
            found.append((((x / scale).round().clamp(qmin, qmax) * scale - x).square().mean().item(), scale))
    return torch.tensor(min(found)[1], dtype=kind)


@attempt("LearnedStep", name="the paper's equations 2, 3 and 5 in a Function")
class Paper(nn.Module):
    class PaperFunction(torch.autograd.Function):
        @staticmethod
        def forward(ctx, v, s, low, high, g):
            ctx.save_for_backward(v, s)
            ctx.low, ctx.high, ctx.g = low, high, g
            return torch.round((v / s).clamp(low, high)) * s

        @staticmethod
        def backward(ctx, grad):
            v, s = ctx.saved_tensors
            ratio = v / s
            inside = (ratio > ctx.low) & (ratio < ctx.high)
            slope = torch.where(inside, torch.round(ratio) - ratio, ratio.clamp(ctx.low, ctx.high))
            return grad * inside, (grad * slope).sum() * ctx.g, None, None, None

    def __init__(self, bits, signed=True):
        super().__init__()
        self.low, self.high = code_range(bits, signed)
        self.step = nn.Parameter(torch.ones(()))
        self.register_buffer("calibrated", torch.zeros(()))

    def forward(self, x):
        if self.calibrated == 0 and x.abs().sum() > 0:
            with torch.no_grad():
                self.step.copy_(2 * x.abs().mean() / math.sqrt(self.high))
            self.calibrated.fill_(1)
        g = 1 / math.sqrt(x.numel() * self.high)
        return self.PaperFunction.apply(x, self.step, self.low, self.high, g)


@attempt("LearnedStep", name="the paper's appendix, with detach")
class Appendix(nn.Module):
    def __init__(self, bits, signed=True):
        super().__init__()
        self.qn, self.qp = code_range(bits, signed)
        self.step = nn.Parameter(torch.tensor(0.0))
        self.register_buffer("calibrated", torch.tensor(False))

    def forward(self, x):
        if self.step == 0:
            self.step.data.copy_(2 * x.detach().abs().mean() / math.sqrt(self.qp))
            self.calibrated.copy_(self.step > 0)
        if self.step == 0:
            return x
        s = scale_gradient(self.step, 1 / math.sqrt(self.qp * x.numel()))
        clipped = (x / s).clamp(self.qn, self.qp)
        return ((clipped.round() - clipped).detach() + clipped) * s
