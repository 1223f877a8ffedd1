"""Quantizers: the course notes' one, and what mends its flaws (lesson 4)."""

import math

import torch
from torch import Tensor, nn

from lib.codes import code_range
from lib.ste import roundpass, scale_gradient

__all__ = [
    "LearnedStep",
    "Quantizer",
    "affine_parameters",
    "channel_scale",
    "code_range",
    "fake_quantize",
    "mse_scale",
    "sqnr",
]


def sqnr(x: Tensor, x_hat: Tensor) -> float:
    """Signal-to-quantization-noise ratio, 10·log10(Σ x² / Σ (x − x̂)²), in decibels.

    Parameters
    ----------
    x, x_hat : Tensor, same shape, floating point
        A tensor and its quantized version. Are not changed.

    Returns
    -------
    float
        Infinite where the two are equal, zeros included; minus infinity where `x` alone is all zeros.
    """
    signal = x.double().square().sum()
    noise = (x.double() - x_hat.double()).square().sum()
    return (10 * torch.log10(signal / noise)).item() if noise > 0 else math.inf


class Quantizer(nn.Module):
    """The notes' quantizer: a uniform grid whose range is fixed by the first input.

    With α = max|x| of the first input that is not all zeros, step = 2·α / 2^bits and
    off = α if `always_pos` else 0, returns clamp(round((x − off) / step), Qn, Qp)·step + off.
    Rounding is straight-through; α is a constant for the gradient. The input is not changed.

    Parameters
    ----------
    bits : int
        From 2 to 16; `code_range(bits)` gives Qn and Qp.
    always_pos : bool
        Shift the grid up by α, for inputs that are never negative.

    Attributes
    ----------
    alpha, calibrated : 0-d buffers
        The range and whether it is fixed. As buffers they are part of `state_dict`.

    Raises
    ------
    ValueError
        If `bits` is out of range, or an input holds NaN or an infinity.
    """

    def __init__(self, bits: int = 8, always_pos: bool = False):
        super().__init__()
        self.Qn, self.Qp = code_range(bits)
        self.num_steps = 2**bits
        self.always_pos = always_pos
        self.register_buffer("alpha", torch.tensor(0.0))
        self.register_buffer("calibrated", torch.tensor(False))

    def forward(self, x: Tensor) -> Tensor:
        if not x.isfinite().all():
            raise ValueError("cannot quantize a tensor that holds NaN or an infinity")
        if not self.calibrated:
            self.alpha = x.detach().abs().max()
            self.calibrated = self.alpha > 0  # zeros say nothing about the range: the next input fixes it
        step = 2 * self.alpha / self.num_steps
        step = torch.where(step > 0, step, 1.0)  # all zeros: any step will do, except 0
        off = self.alpha if self.always_pos else 0
        return torch.clamp(roundpass((x - off) / step), self.Qn, self.Qp) * step + off


def affine_parameters(low: float, high: float, bits: int) -> tuple[float, int]:
    """Scale and zero point that spread the codes 0 … 2^bits − 1 over [low, high].

    The range is first widened to hold 0, so that 0 has a code of its own: the zero point, to which
    −`low` / scale is rounded. A range of nothing but 0 gets scale 1.

    Parameters
    ----------
    low, high : float
        Least and largest value; low ≤ high.
    bits : int
        From 2 to 16.

    Returns
    -------
    scale : float
        Distance between neighbouring levels; positive.
    zero_point : int
        The code of 0, from 0 to 2^bits − 1.

    Raises
    ------
    ValueError
        If `bits` is out of range, an end is not finite, or low > high.

    Notes
    -----
    Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", CVPR 2018, section 2.1: real = scale · (code − zero_point).
    """
    _, qmax = code_range(bits, signed=False)
    if not -math.inf < low <= high < math.inf:
        raise ValueError(f"a range needs finite ends, the lower one first: not {low}, {high}")
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = (high - low) / qmax or 1.0
    return scale, round(-low / scale)


def fake_quantize(x: Tensor, scale: Tensor | float, zero_point: Tensor | int, qmin: int, qmax: int) -> Tensor:
    """Round to the nearest level (code − zero_point)·scale, for the codes qmin … qmax.

    code = clamp(round(x / scale) + zero_point, qmin, qmax), with a straight-through gradient: 1 where
    the rounded code lies in the range, 0 where it was clamped.

    Parameters
    ----------
    x : Tensor, floating point
        Is not changed.
    scale, zero_point : Tensor or number
        Anything that broadcasts against `x`: one number for all of it, or one a channel. A tensor of scales
        has the dtype of `x`.
    qmin, qmax : int
        Smallest and largest code.

    Returns
    -------
    Tensor, shape and dtype of `x`

    Notes
    -----
    The formula of `torch.fake_quantize_per_tensor_affine`; write it out, without a call of torch's own
    quantization. Krishnamoorthi 2018, arXiv:1806.08342, section 2.
    """
    codes = torch.clamp(roundpass(x / scale) + zero_point, qmin, qmax)
    return (codes - zero_point) * scale


def channel_scale(weights: Tensor, bits: int, axis: int = 0) -> Tensor:
    """One symmetric scale for each channel: its largest magnitude falls on the largest code.

    Parameters
    ----------
    weights : Tensor, floating point, at least two dimensions
        Is not changed.
    bits : int
        From 2 to 16; the codes are signed.
    axis : int
        The dimension that counts the channels, from 0 on.

    Returns
    -------
    Tensor, dtype of `weights`
        max|w| / (2^(bits−1) − 1) of each channel, with size 1 in every other dimension so that it
        broadcasts against `weights`; 1 for a channel of zeros.

    Raises
    ------
    ValueError
        If `bits` is out of range.

    Notes
    -----
    Krishnamoorthi 2018, arXiv:1806.08342, section 2.
    """
    _, qmax = code_range(bits)
    others = [d for d in range(weights.dim()) if d != axis % weights.dim()]
    scale = weights.detach().abs().amax(dim=others, keepdim=True) / qmax
    return torch.where(scale > 0, scale, 1.0)


def mse_scale(x: Tensor, bits: int, signed: bool = True) -> Tensor:
    """The scale at which quantizing `x` costs the least mean squared error, as near as a search finds it.

    Parameters
    ----------
    x : Tensor, floating point
        Is not changed.
    bits : int
        From 2 to 16.
    signed : bool
        Which codes: see `code_range`. The zero point is 0.

    Returns
    -------
    0-d Tensor, dtype of `x`
        Positive; 1 where `x` is all zeros.

    Raises
    ------
    ValueError
        If `bits` is out of range.

    Notes
    -----
    A scale above max|x| / (largest code) is seldom better, but it can be: with 3 bits the numbers 1 and 2
    cost nothing at scale 1, and max|x| / 3 is 2/3. Nagel et al. 2021, arXiv:2106.08295, section 3.1.
    """
    qmin, qmax = code_range(bits, signed)
    x = x.detach()
    best = x.abs().max() / qmax
    if best == 0:
        return torch.ones_like(best)
    # powers of 10, as parts of the widest scale, and then of the best one found
    for start, stop in (-3.0, 0.0), (-0.05, 0.05):
        scales = best * torch.logspace(start, stop, 100, dtype=x.dtype, device=x.device)
        errors = [(fake_quantize(x, s, 0, qmin, qmax) - x).square().mean() for s in scales]
        best = scales[torch.stack(errors).argmin()]
    return best


class LearnedStep(nn.Module):
    """A quantizer that learns its step with the weights (LSQ).

    Returns round(clamp(x / step, Qn, Qp))·step: clamped first and then rounded straight-through, so that
    autograd gives the paper's gradients. The gradient of the step is multiplied by 1 / √(N·Qp), where N is
    the number of elements of `x`. The first input that is not all zeros sets step = 2·mean|x| / √Qp, in
    training and in evaluation mode alike. The input is not changed.

    Parameters
    ----------
    bits : int
        From 2 to 16.
    signed : bool
        Which codes Qn … Qp: see `code_range`.

    Attributes
    ----------
    step : 0-d Parameter
    calibrated : 0-d buffer
        Whether the step has its first value.

    Raises
    ------
    ValueError
        If `bits` is out of range.

    Notes
    -----
    Esser et al., "Learned Step Size Quantization", ICLR 2020: equations 1 to 3, and sections 2.1 (the first
    step) and 2.2 (the scale of the gradient; for activations the paper's N is the number of features).
    """

    def __init__(self, bits: int, signed: bool = True):
        super().__init__()
        self.Qn, self.Qp = code_range(bits, signed)
        self.step = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("calibrated", torch.tensor(False))

    def forward(self, x: Tensor) -> Tensor:
        if not self.calibrated and x.any():
            self.step.data = 2 * x.detach().abs().mean() / self.Qp**0.5
            self.calibrated.fill_(True)
        step = scale_gradient(self.step, (x.numel() * self.Qp) ** -0.5)
        return roundpass(torch.clamp(x / step, self.Qn, self.Qp)) * step
