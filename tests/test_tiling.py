"""Lesson 1's reference against torch, against the notes' own loop, and against counting by hand."""

from fractions import Fraction
from math import ceil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import tiling
from lib.cases import spy

side = st.integers(1, 9)
seeds = st.integers(0, 2**31)
quick = settings(max_examples=60, deadline=None)


def normal(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def whole(seed: int, *shape: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randint(-9, 10, shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def lecture_notes_loop(left: torch.Tensor, right: torch.Tensor, size: int) -> torch.Tensor:
    """The notes' algorithm, written afresh: float32 sums, tiles counted with ceil, inner side innermost."""
    rows, inner, columns = left.size(0), left.size(1), right.size(1)
    total = torch.zeros(rows, columns)
    for r in range(ceil(rows / size)):
        at_r = slice(r * size, (r + 1) * size)
        for c in range(ceil(columns / size)):
            at_c = slice(c * size, (c + 1) * size)
            for s in range(ceil(inner / size)):
                at_s = slice(s * size, (s + 1) * size)
                total[at_r, at_c] += left[at_r, at_s] @ right[at_s, at_c]
    return total


@quick
@given(side, side, side, st.integers(1, 12), seeds)
def test_equals_the_notes_bit_for_bit(m, k, n, t, seed):
    matA, matB = normal(seed, m, k), normal(seed + 1, k, n)
    assert torch.equal(tiling.mmul_tiling(matA, matB, t), lecture_notes_loop(matA, matB, t))


@quick
@given(side, side, side, st.integers(1, 12), seeds)
def test_equals_torch_in_double_precision(m, k, n, t, seed):
    matA, matB = (normal(seed + i, *shape, dtype=torch.float64) for i, shape in enumerate([(m, k), (k, n)]))
    result = tiling.mmul_tiling(matA, matB, t)
    torch.testing.assert_close(result, matA @ matB, rtol=1e-12, atol=1e-12)


@quick
@given(side, side, side, st.integers(1, 12), seeds, st.sampled_from([torch.int64, torch.int32, torch.int16]))
def test_whole_numbers_stay_whole_and_exact(m, k, n, t, seed, dtype):
    matA, matB = whole(seed, m, k, dtype=dtype), whole(seed + 1, k, n, dtype=dtype)
    result = tiling.mmul_tiling(matA, matB, t)
    assert result.dtype == dtype
    assert torch.equal(result, matA @ matB)


@quick
@given(side, side, side, st.integers(1, 12))
def test_traffic_is_what_tmul_is_handed(m, k, n, t):
    with spy(tiling.mmul_tiling, "tmul") as calls:
        tiling.mmul_tiling(torch.ones(m, k), torch.ones(k, n), t)
    assert len(calls) == ceil(m / t) * ceil(k / t) * ceil(n / t)
    assert all(max(*a, *b) <= t for a, b in calls)
    words = sum(a * b + c * d for (a, b), (c, d) in calls) + m * n
    assert tiling.tile_traffic(m, k, n, t) == words
    assert tiling.arithmetic_intensity(m, k, n, t) == float(Fraction(2 * m * k * n, words))


def test_gradients_flow_to_both_operands():
    matA = normal(1, 3, 5, dtype=torch.float64).requires_grad_()
    matB = normal(2, 5, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: tiling.mmul_tiling(a, b, 2), (matA, matB))


def test_the_device_is_kept():
    result = tiling.mmul_tiling(torch.ones(3, 4, device="meta"), torch.ones(4, 5, device="meta"), 2)
    assert result.device.type == "meta" and result.shape == (3, 5)


@pytest.mark.parametrize("shapes", [((2, 2), (4, 2)), ((2, 4), (2, 2)), ((0, 3), (2, 0))])
def test_inner_sides_that_differ_are_refused(shapes):
    with pytest.raises(ValueError, match="cannot meet"):
        tiling.mmul_tiling(torch.ones(shapes[0]), torch.ones(shapes[1]), 2)


@pytest.mark.parametrize("m, k, n", [(0, 3, 2), (2, 0, 3), (2, 3, 0)])
def test_empty_matrices(m, k, n):
    assert torch.equal(tiling.mmul_tiling(torch.ones(m, k), torch.ones(k, n), 2), torch.zeros(m, n))


@pytest.mark.parametrize("over", range(4))
def test_tmul_looks_at_all_four_sides(over):
    sides = [3, 3, 3, 3]
    sides[over] = 4
    with pytest.raises(ValueError, match="do not fit"):
        tiling.tmul(torch.ones(sides[:2]), torch.ones(sides[2:]), 3)


@quick
@given(side, side, side, st.integers(0, 3), seeds)
def test_tmul_multiplies_what_fits(a, b, c, room, seed):
    tileA, tileB = normal(seed, a, b), normal(seed + 1, b, c)
    assert torch.equal(tiling.tmul(tileA, tileB, max(a, b, c) + room), tileA @ tileB)


@given(st.integers(0, 10**40))
def test_largest_tile_is_largest(capacity):
    t = tiling.largest_tile(capacity)
    assert 3 * t * t <= capacity < 3 * (t + 1) ** 2


@given(*[st.floats(0, 1e12)] * 3)
def test_roofline_is_under_both_limits_and_reaches_one(intensity, peak, bandwidth):
    bound = tiling.roofline(intensity, peak, bandwidth)
    assert bound <= peak and bound <= intensity * bandwidth
    assert bound in (peak, intensity * bandwidth)


@quick
@given(side, side, side, st.integers(3, 40))
def test_no_pair_of_sides_beats_the_best_tile(m, k, n, capacity):
    def words(tm, tn):
        return m * k * ceil(n / tn) + k * n * ceil(m / tm) + m * n

    pairs = [(a, b) for a in range(1, m + 1) for b in range(1, n + 1) if a + b + a * b <= capacity]
    best = tiling.best_tile(m, k, n, capacity)
    assert best in pairs
    assert words(*best) == min(words(*pair) for pair in pairs)


@pytest.mark.parametrize("capacity", [-1, 0, 1, 2])
def test_best_tile_refuses_a_memory_that_holds_nothing(capacity):
    with pytest.raises(ValueError, match="fast memory"):
        tiling.best_tile(4, 4, 4, capacity)


def test_the_best_tile_saves_about_root_three():
    side, capacity = 3000, 3000
    tm, tn = tiling.best_tile(side, side, side, capacity)
    words = side**2 * (ceil(side / tm) + ceil(side / tn) + 1)
    squares = tiling.tile_traffic(side, side, side, tiling.largest_tile(capacity))
    assert squares / words == pytest.approx(3**0.5, rel=0.05)
