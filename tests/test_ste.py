"""Lesson 3: the straight-through functions against torch and against what theory says of them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.ste import RoundPass, clip_round, descend, detach_round, roundpass, scale_gradient, stochastic_round

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
NUMBERS = st.lists(FINITE, min_size=1, max_size=20)
CALM = settings(deadline=None)  # the first call of a torch operator is slow
FEW = settings(deadline=None, max_examples=25)
MODEST = st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=20)


def with_gradient(function, x, upstream):
    """The value of a function and the gradient that comes back through it."""
    x = x.clone().requires_grad_()
    y = function(x)
    y.backward(upstream)
    return y.detach(), x.grad


@pytest.mark.parametrize("function", [roundpass, detach_round])
@CALM
@given(numbers=NUMBERS)
def test_rounds_exactly_and_passes_the_gradient(function, numbers):
    x = torch.tensor(numbers)
    upstream = torch.linspace(-3, 2, len(x))
    y, gradient = with_gradient(function, x, upstream)
    assert torch.equal(y, torch.round(x))
    assert torch.equal(gradient, upstream)


@CALM
@given(numbers=NUMBERS)
def test_stochastic_rounding_gives_an_integer_less_than_one_away(numbers):
    x = torch.tensor(numbers)
    upstream = torch.linspace(-3, 2, len(x))
    y, gradient = with_gradient(stochastic_round, x, upstream)
    assert torch.equal(y, torch.round(y))
    assert ((y == torch.floor(x)) | (y == torch.floor(x) + 1)).all()
    assert torch.equal(y[x == torch.floor(x)], x[x == torch.floor(x)])
    assert torch.equal(gradient, upstream)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@CALM
@given(numbers=MODEST)
def test_dtype_shape_and_input_are_kept(dtype, numbers):
    x = torch.tensor(numbers).to(dtype)[None]
    before = x.clone()
    for function in (roundpass, detach_round, stochastic_round, lambda x: clip_round(x, -3, 2)):
        y = function(x)
        assert y.dtype == dtype and y.shape == x.shape
        assert torch.equal(y, torch.round(y))
        assert torch.equal(x, before)


@CALM
@given(numbers=NUMBERS, low=st.integers(-9, 9), width=st.integers(0, 9))
def test_clip_round_is_clamp_of_round_with_the_mask_of_clamp(numbers, low, width):
    x = torch.tensor(numbers)
    upstream = torch.linspace(-30, 20, len(x))
    y, gradient = with_gradient(lambda x: clip_round(x, low, low + width), x, upstream)
    assert torch.equal(y, torch.round(x).clamp(low, low + width))
    inside = (torch.round(x) >= low) & (torch.round(x) <= low + width)
    assert torch.equal(gradient, torch.where(inside, upstream, 0))


@CALM
@given(numbers=NUMBERS, factor=st.floats(-9, 9, width=32))
def test_scale_gradient_is_the_identity_with_another_gradient(numbers, factor):
    x = torch.tensor(numbers)
    upstream = torch.linspace(-3, 2, len(x))
    y, gradient = with_gradient(lambda x: scale_gradient(x, factor), x, upstream)
    assert torch.equal(y, x)
    assert torch.allclose(gradient, factor * upstream)


@CALM
@given(start=MODEST, rate=st.floats(0.01, 0.4))
def test_descend_without_quantizer_follows_the_closed_form(start, rate):
    start = torch.tensor(start, dtype=torch.float64)
    path = descend(lambda w: w, start, 3.0, rate, steps=12)
    shrink = (1 - 2 * rate) ** torch.arange(13, dtype=torch.float64)
    assert torch.allclose(path, 3 + (start - 3) * shrink[:, None])


def test_descend_equals_torch_sgd():
    generator = torch.Generator().manual_seed(3)
    start, target = torch.randn(2, 5, generator=generator)
    w = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.SGD([w], lr=0.07)
    for _ in range(20):
        optimizer.zero_grad()
        ((roundpass(2 * w) / 2 - target) ** 2).sum().backward()
        optimizer.step()
    path = descend(lambda w: roundpass(2 * w) / 2, start, target, rate=0.07, steps=20)
    assert torch.equal(path[0], start)
    assert torch.allclose(path[-1], w.detach())


@FEW
@given(fraction=st.floats(0.05, 0.95), seed=st.integers(0, 2**32))
def test_stochastic_rounding_is_right_on_average(fraction, seed):
    n = 20_000
    x = torch.full((n,), fraction - 3, dtype=torch.float64)
    mean = stochastic_round(x, torch.Generator().manual_seed(seed)).mean().item()
    spread = math.sqrt(fraction * (1 - fraction) / n)
    assert abs(mean - (fraction - 3)) < 7 * spread


@pytest.mark.parametrize(("function", "agrees"), [(torch.round, True), (roundpass, False), (detach_round, False)])
def test_gradcheck_sees_through_the_pretence(function, agrees):
    x = torch.tensor([0.3, 1.7, -1.2], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, x, raise_exception=False) is agrees


def test_clip_round_agrees_with_gradcheck_only_outside():
    for value, agrees in ((0.3, False), (4.2, True), (-7.3, True)):
        x = torch.tensor([value], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: clip_round(x, -2, 1), x, raise_exception=False) is agrees


@pytest.mark.parametrize("target", [0.2, 1.7, -2.4])
def test_straight_through_oscillates_and_is_right_on_average(target):
    """The duty cycle of the two levels makes the mean of the rounded weight equal to the target."""
    start = torch.tensor(0.21, dtype=torch.float64)
    path = descend(roundpass, start, target, rate=0.013, steps=4000)[500:]
    levels = torch.round(path)
    assert set(levels.unique().tolist()) == {math.floor(target), math.floor(target) + 1}
    assert levels.mean().item() == pytest.approx(target, abs=2e-3)
    threshold = math.floor(target) + 0.5
    assert (path - threshold).abs().max() <= 2 * 0.013


def test_without_gradients_the_values_are_the_same():
    x = torch.tensor([0.3, 5.7])
    with torch.no_grad():
        assert RoundPass.apply(x).tolist() == [0, 6]
        assert clip_round(x, 0, 3).tolist() == [0, 3]
        assert scale_gradient(x, 0.5).tolist() == x.tolist()


@CALM
@given(numbers=MODEST, step=st.floats(0.125, 4, width=32))
def test_the_gradient_of_a_learned_step_is_that_of_the_paper(numbers, step):
    """Esser et al., equation 3: round(v) - v inside the range, the end of the range outside."""
    w, s = torch.tensor(numbers, dtype=torch.float64), torch.tensor(step, dtype=torch.float64)
    slopes = torch.autograd.functional.jacobian(lambda s: clip_round(w / s, -8, 7) * s, s)
    v = w / s
    inside = (torch.round(v) >= -8) & (torch.round(v) <= 7)
    assert torch.allclose(slopes, torch.where(inside, torch.round(v) - v, v.sign() * 7.5 - 0.5))


def test_a_masked_weight_dies_outside_the_range_and_an_unmasked_one_winds_up():
    def unmasked(x):
        return x + (torch.round(x).clamp(-2, 1) - x).detach()

    def masked(x):
        return clip_round(x, -2, 1)

    out = [descend(f, torch.tensor(0.2), 3.0, rate=0.05, steps=100)[-1] for f in (masked, unmasked)]
    back = [descend(f, w, -1.0, rate=0.05, steps=100)[-1] for f, w in zip((masked, unmasked), out, strict=True)]
    assert 1.5 < out[0] < 1.75 and back[0] == out[0]
    assert out[1] > 15 and back[1] < out[1] - 15


@FEW
@given(w=st.floats(0.02, 0.98), target=st.floats(-1, 2))
def test_the_mean_straight_through_gradient_is_biased(w, target):
    """It is 2 (w - t) where the true slope of the mean loss is 1 - 2 t."""
    n = 20_000
    x = torch.full((n,), w, dtype=torch.float64, requires_grad=True)
    q = stochastic_round(x, torch.Generator().manual_seed(5))
    ((q - target) ** 2).sum().backward()
    assert abs(x.grad.mean().item() - 2 * (w - target)) < 7 * 2 * math.sqrt(w * (1 - w) / n)


def test_scaling_takes_the_growth_out_of_the_gradient_of_the_step():
    def gradient(n, factor):
        w, noise = torch.randn(2, 60, n, generator=torch.Generator().manual_seed(n))
        s = torch.full((60, 1), 0.5, requires_grad=True)
        ((clip_round(w / scale_gradient(s, factor), -8, 7) * scale_gradient(s, factor)) * noise).sum().backward()
        return s.grad.square().mean().sqrt().item()

    assert gradient(10_000, 1.0) / gradient(100, 1.0) == pytest.approx(10, rel=0.35)
    assert gradient(10_000, 1 / 100) / gradient(100, 1 / 10) == pytest.approx(1, rel=0.35)
