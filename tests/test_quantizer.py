"""The quantizers against the notes' formula written out afresh, torch's own, and the papers' equations."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.codes import code_range
from lib.quantizer import (
    LearnedStep,
    Quantizer,
    affine_parameters,
    channel_scale,
    fake_quantize,
    mse_scale,
    sqnr,
)

BITS = range(2, 9)
SETTINGS = pytest.mark.parametrize("always_pos", [False, True])


class StraightThrough(torch.autograd.Function):
    """Rounding, written here a second time so that nothing under test is used to test it."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad):
        return grad


def by_formula(x, alpha, bits, always_pos):
    step = 2 * alpha / 2**bits
    off = alpha if always_pos else 0
    codes = StraightThrough.apply((x - off) / step)
    return torch.clamp(codes, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * step + off


def tensors(seed):
    """Tensors of every kind: random, ragged, tiny, huge, with an outlier, on ties, one-sided, of one element."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(64, generator=g)
    yield from (x, torch.randn(3, 5, 7, generator=g), torch.randn(1, 13, generator=g), x.abs(), -x.abs())
    yield from (x * 1e-30, x * 1e-38, x * 1e30, x * 1e37, torch.cat([x, torch.tensor([1e4])]))
    yield from (torch.arange(-8, 9) / 2, torch.randn(4, 6, generator=g).T, torch.tensor([-0.3]), torch.tensor(2.5))


def same_bits(a, b):
    return a.dtype == b.dtype and torch.equal(a.detach().view(torch.int32), b.detach().view(torch.int32))


@SETTINGS
@pytest.mark.parametrize("bits", BITS)
def test_quantizer_is_the_notes_formula_bit_for_bit(bits, always_pos):
    for x in tensors(bits):
        quantizer = Quantizer(bits, always_pos)
        alpha = x.abs().max()
        for later in (x, x / 3, 2 * x):  # the first input, then others on the same grid
            mine, theirs = later.clone().requires_grad_(), later.clone().requires_grad_()
            got, expected = quantizer(mine), by_formula(theirs, alpha, bits, always_pos)
            assert same_bits(got, expected)
            weight = torch.linspace(-1, 2, x.numel()).reshape(x.shape)
            (got * weight).sum().backward()
            (expected * weight).sum().backward()
            assert same_bits(mine.grad, theirs.grad)


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False), min_size=1, max_size=20),
    bits=st.integers(2, 8),
    always_pos=st.booleans(),
)
def test_quantizer_is_the_notes_formula_on_any_numbers(values, bits, always_pos):
    x = torch.tensor(values)
    got = Quantizer(bits, always_pos)(x)
    if x.any():
        assert same_bits(got, by_formula(x, x.abs().max(), bits, always_pos))
    else:
        assert torch.equal(got, x)


@SETTINGS
def test_zeros_are_safe_and_leave_the_range_open(always_pos):
    quantizer = Quantizer(4, always_pos)
    x = torch.zeros(3, 2, requires_grad=True)
    out = quantizer(x)
    out.sum().backward()
    assert torch.equal(out, torch.zeros(3, 2)) and x.grad.isfinite().all()
    later = torch.tensor([1.0, 8.0])
    assert torch.equal(quantizer(later), by_formula(later, torch.tensor(8.0), 4, always_pos))


def test_a_range_too_small_for_a_step_is_no_nan():
    assert Quantizer(8)(torch.tensor([1e-45, -1e-45])).isfinite().all()


def test_state_is_saved_and_loaded():
    old, new = Quantizer(4), Quantizer(4)
    old(torch.tensor([1.0, -8.0]))
    assert set(old.state_dict()) == {"alpha", "calibrated"}
    new.load_state_dict(old.state_dict())
    x = torch.tensor([100.0, 0.7, -3.3])
    assert torch.equal(new(x), old(x))
    assert not list(old.parameters())


def test_float64_and_float16_stay():
    for dtype in (torch.float64, torch.float16):
        assert Quantizer(4)(torch.tensor([0.3, -1.0], dtype=dtype)).dtype == dtype
        assert mse_scale(torch.tensor([0.3, -1.0], dtype=dtype), 4).dtype == dtype


@pytest.mark.parametrize("bits", [1, 0, -4, 17, 2.5, 8.0, "8", None, True])
def test_bad_bits_are_refused(bits):
    for call in (
        lambda: code_range(bits),
        lambda: Quantizer(bits),
        lambda: LearnedStep(bits),
        lambda: affine_parameters(0.0, 1.0, bits),
        lambda: channel_scale(torch.ones(2, 2), bits),
        lambda: mse_scale(torch.ones(2), bits),
    ):
        with pytest.raises(ValueError, match="bits must be"):
            call()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_first_and_later(bad):
    quantizer = Quantizer(4)
    for _ in range(2):
        with pytest.raises(ValueError, match="NaN or an infinity"):
            quantizer(torch.tensor([1.0, bad]))
        quantizer(torch.tensor([1.0, 2.0]))
    assert quantizer.alpha == 2


def test_sqnr_against_numbers_worked_out_by_hand():
    x = torch.tensor([6.0, 8.0])
    assert sqnr(x, x - torch.tensor([1.0, 0.0])) == pytest.approx(20)
    assert sqnr(x, x) == math.inf and sqnr(x, -x) == pytest.approx(-20 * math.log10(2))
    assert sqnr(x * 1e-30, x * 0.9e-30) == pytest.approx(20, rel=1e-5)  # no underflow in the squares


def test_a_uniform_signal_gains_six_decibels_a_bit():
    x = torch.rand(100_000, generator=torch.Generator().manual_seed(0)) * 2 - 1
    levels = [sqnr(x, Quantizer(b)(x)) for b in range(6, 12)]
    gains = [b - a for a, b in pairwise(levels)]
    assert gains == pytest.approx([20 * math.log10(2)] * 5, abs=0.15)


@settings(max_examples=200, deadline=None)
@given(
    low=st.floats(-1e6, 1e6, allow_subnormal=False),
    length=st.floats(0, 1e6, allow_subnormal=False),
    bits=st.integers(2, 8),
)
def test_affine_parameters_hold_the_range_and_zero(low, length, bits):
    high = low + length
    scale, zero_point = affine_parameters(low, high, bits)
    assert type(scale) is float and type(zero_point) is int
    assert scale > 0 and 0 <= zero_point < 2**bits
    first, last = -zero_point * scale, (2**bits - 1 - zero_point) * scale
    assert first - 0.5001 * scale <= min(low, 0) and max(high, 0) <= last + 0.5001 * scale


def test_affine_parameters_agree_with_torchs_observer():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(1)) + 0.7
    observer = torch.ao.quantization.MinMaxObserver(dtype=torch.quint8, quant_min=0, quant_max=15)
    observer(x)
    scale, zero_point = observer.calculate_qparams()
    mine = affine_parameters(x.min(), x.max(), 4)
    assert mine == (pytest.approx(scale.item()), zero_point.item())


@pytest.mark.parametrize(("zero_point", "qmin", "qmax"), [(0, -8, 7), (5, 0, 15), (128, 0, 255), (0, -128, 127)])
def test_fake_quantize_agrees_with_torch_off_ties(zero_point, qmin, qmax):
    g = torch.Generator().manual_seed(2)
    codes = torch.randint(qmin - 9, qmax + 10, (500,), generator=g) - zero_point
    x = (codes + torch.rand(500, generator=g) * 0.8 - 0.4) * 0.037
    mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    got = fake_quantize(mine, 0.037, zero_point, qmin, qmax)
    expected = torch.fake_quantize_per_tensor_affine(theirs, 0.037, zero_point, qmin, qmax)
    torch.testing.assert_close(got, expected)
    got.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad)


def test_fake_quantize_equals_torch_bit_for_bit_at_a_dyadic_scale_on_ties_too():
    x = (torch.arange(-40, 41) / 8).requires_grad_()
    y = x.detach().clone().requires_grad_()
    got, expected = fake_quantize(x, 0.25, 0, -8, 7), torch.fake_quantize_per_tensor_affine(y, 0.25, 0, -8, 7)
    assert torch.equal(got, expected)
    got.sum().backward()
    expected.sum().backward()
    assert torch.equal(x.grad, y.grad)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
def test_per_channel_agrees_with_torch(axis):
    weights = torch.randn(4, 3, 2, 5, generator=torch.Generator().manual_seed(3))
    scale = channel_scale(weights, 4, axis)
    zero_points = torch.zeros(weights.shape[axis], dtype=torch.int32)
    args = (scale.flatten(), zero_points, axis % 4, -8, 7)
    expected = torch.fake_quantize_per_channel_affine(weights, *args)
    torch.testing.assert_close(fake_quantize(weights, scale, 0, -8, 7), expected)
    codes = (weights / scale).round()
    others = [d for d in range(4) if d != axis % 4]
    assert (codes.abs().amax(dim=others) == 7).all()


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("signed", [True, False])
def test_mse_scale_beats_every_scale_of_a_fine_search(bits, signed):
    x = torch.randn(2000, generator=torch.Generator().manual_seed(bits))
    x = x if signed else x.relu()
    codes = code_range(bits, signed)

    def error(scale):
        return (fake_quantize(x, scale, 0, *codes) - x).square().mean().item()

    widest = x.abs().max() / codes[1]
    assert error(mse_scale(x, bits, signed)) <= 1.01 * min(error(widest * k / 500) for k in range(1, 501))
    assert mse_scale(torch.zeros(3), bits, signed) == 1


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [2, 3, 8])
def test_learned_step_has_the_papers_gradients(bits, signed):
    g = torch.Generator().manual_seed(bits)
    quantizer = LearnedStep(bits, signed)
    first = torch.randn(50, generator=g)
    quantizer(first)
    qn, qp = code_range(bits, signed)
    assert quantizer.step.item() == pytest.approx(2 * first.abs().mean().item() / math.sqrt(qp))
    x = (3 * torch.randn(6, 25, generator=g)).requires_grad_()
    upstream = torch.randn(6, 25, generator=g)
    (quantizer(x) * upstream).sum().backward()
    ratio = (x / quantizer.step).detach()
    inside = (ratio > qn) & (ratio < qp)
    assert torch.allclose(x.grad, upstream * inside)
    slope = torch.where(inside, ratio.round() - ratio, ratio.clamp(qn, qp))
    expected = (slope * upstream).sum() / math.sqrt(x.numel() * qp)
    assert quantizer.step.grad.item() == pytest.approx(expected.item(), rel=1e-3, abs=1e-5)


def test_learned_step_waits_for_numbers_and_is_saved():
    old, new = LearnedStep(3), LearnedStep(3)
    assert torch.equal(old(torch.zeros(4)), torch.zeros(4)) and not old.calibrated
    old(torch.tensor([1.0, -2.0]))
    new.load_state_dict(old.state_dict())
    x = torch.tensor([9.0, 0.4])
    assert torch.equal(new(x), old(x)) and new.step == old.step


def test_learning_the_step_lowers_the_error():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(4))
    quantizer = LearnedStep(2)
    before = sqnr(x, quantizer(x))
    optimizer = torch.optim.Adam(quantizer.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        (quantizer(x) - x).square().mean().backward()
        optimizer.step()
    best = sqnr(x, fake_quantize(x, mse_scale(x, 2), 0, -2, 1))
    assert before < sqnr(x, quantizer(x)) <= best + 0.01


# The lesson's figures: each flaw of the notes' quantizer, counted.


@pytest.mark.parametrize("bits", BITS)
def test_always_pos_meets_half_the_codes_and_one(bits):
    x = torch.linspace(0, 1, 4 * 2**bits + 1)
    assert len(Quantizer(bits, always_pos=True)(x).unique()) == 2 ** (bits - 1) + 1
    scale, zero_point = affine_parameters(0.0, 1.0, bits)
    assert len(fake_quantize(x, scale, zero_point, 0, 2**bits - 1).unique()) == 2**bits


@pytest.mark.parametrize("bits", BITS)
def test_the_top_of_the_range_gets_no_gradient(bits):
    x = torch.linspace(-1, 1, 100_001).requires_grad_()
    Quantizer(bits)(x).sum().backward()
    assert (x.grad == 0).float().mean().item() == pytest.approx(2.0 ** -(bits + 1), abs=1e-4)
