"""The references of lesson 2 against torch, against the definition, and against each other."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lib.lowering import (
    conv2d,
    inputs_lowering,
    inputs_raising,
    output_size,
    outputs_lifting,
    weight_lowering,
)
from lib.sizes import axes, pair
from lib.tiling import mmul_tiling

FLOATS = [torch.float32, torch.float64]
INTEGERS = [torch.int8, torch.int32, torch.int64]
properties = settings(deadline=None, max_examples=60)


def one_or_two(low: int, high: int) -> st.SearchStrategy:
    side = st.integers(low, high)
    return st.one_of(side, st.tuples(side, side))


@st.composite
def geometries(draw):
    """Draw an input shape and the four sizes, so that the kernel fits."""
    shape = tuple(draw(st.integers(1, high)) for high in (3, 3, 9, 9))
    sizes = [draw(one_or_two(*limits)) for limits in ((1, 4), (1, 3), (0, 2), (1, 3))]
    kernel, _, padding, dilation = map(pair, sizes)
    for side, k, p, d in zip(shape[2:], kernel, padding, dilation, strict=True):
        assume(d * (k - 1) + 1 <= side + 2 * p)
    return shape, *sizes


def numbers(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randint(-8, 9, shape, generator=torch.Generator().manual_seed(sum(shape))).to(dtype)


def unfold(x, kernel_size, stride, padding, dilation):
    """F.unfold's answer in our order: it gives (N, C·KH·KW, OH·OW)."""
    columns = F.unfold(x, kernel_size, dilation, padding, stride)
    return columns.transpose(0, 1).reshape(columns.shape[1], -1)


@properties
@given(geometries(), st.sampled_from(FLOATS))
def test_lowering_is_unfold(geometry, dtype):
    shape, *sizes = geometry
    x = numbers(*shape, dtype=dtype)
    lowered = inputs_lowering(x, *sizes)
    assert lowered.dtype == dtype
    assert torch.equal(lowered, unfold(x, *sizes))


@properties
@given(geometries(), st.sampled_from(FLOATS))
def test_raising_is_fold(geometry, dtype):
    shape, *sizes = geometry
    lowered = numbers(*inputs_lowering(torch.zeros(shape), *sizes).shape, dtype=dtype)
    raised = inputs_raising(lowered, shape, *sizes)
    kernel_size, stride, padding, dilation = sizes
    by_image = lowered.reshape(lowered.shape[0], shape[0], -1).transpose(0, 1)
    assert raised.dtype == dtype
    assert torch.equal(raised, F.fold(by_image, shape[2:], kernel_size, dilation, padding, stride))


@properties
@given(geometries())
def test_raising_is_the_adjoint(geometry):
    shape, *sizes = geometry
    x = numbers(*shape)
    lowered = inputs_lowering(x, *sizes)
    y = numbers(*lowered.shape)
    assert (lowered * y).sum() == (x * inputs_raising(y, shape, *sizes)).sum()


@properties
@given(geometries(), st.integers(1, 4), st.sampled_from(FLOATS))
def test_conv2d_is_torchs(geometry, out_channels, dtype):
    shape, kernel_size, *sizes = geometry
    x, weights = numbers(*shape, dtype=dtype), numbers(out_channels, shape[1], *pair(kernel_size), dtype=dtype)
    result = conv2d(x, weights, *sizes)
    assert result.dtype == dtype
    assert torch.equal(result, F.conv2d(x, weights, None, *sizes))


@properties
@given(geometries(), st.integers(1, 5))
def test_conv2d_through_tiles(geometry, t):
    shape, kernel_size, *sizes = geometry
    x, weights = numbers(*shape), numbers(2, shape[1], *pair(kernel_size))
    result = conv2d(x, weights, *sizes, matmul=lambda a, b: mmul_tiling(a, b, t))
    assert torch.equal(result, F.conv2d(x, weights, None, *sizes))


@properties
@given(geometries(), st.sampled_from(INTEGERS))
def test_integers_stay_integers(geometry, dtype):
    shape, *sizes = geometry
    x = numbers(*shape, dtype=dtype)
    lowered = inputs_lowering(x, *sizes)
    assert lowered.dtype == dtype
    assert torch.equal(lowered.double(), unfold(x.double(), *sizes))


@pytest.mark.parametrize("shape, k", list(itertools.product([(1, 1, 3, 3), (2, 3, 5, 5), (3, 2, 8, 8)], [1, 3])))
def test_same_padding_entry_by_entry(shape, k):
    """Stride 1 and "same" padding: the lab notes' case, written out from the definition."""
    (n, c, side, _), p = shape, k // 2
    x, weights = torch.randn(shape), torch.randn(4, c, k, k)
    lowered = inputs_lowering(x, k, padding=p)
    assert lowered.shape == (c * k * k, n * side * side)
    for channel, i, j, image, y, z in itertools.product(*map(range, (c, k, k, n, side, side))):
        inside = 0 <= y + i - p < side and 0 <= z + j - p < side
        pixel = x[image, channel, y + i - p, z + j - p] if inside else 0
        assert lowered[(channel * k + i) * k + j, (image * side + y) * side + z] == pixel
    rows = weight_lowering(weights)
    for o, channel, i, j in itertools.product(*map(range, weights.shape)):
        assert rows[o, (channel * k + i) * k + j] == weights[o, channel, i, j]
    outputs = rows @ lowered
    images = outputs_lifting(outputs, n, side, side)
    for image, o, y, z in itertools.product(*map(range, images.shape)):
        assert images[image, o, y, z] == outputs[o, (image * side + y) * side + z]


def test_gradients_flow_through_the_convolution():
    x = torch.randn(2, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(3, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: conv2d(x, w, 2, 1, (1, 2)), (x, weights))


def test_raising_gives_the_gradient_of_the_inputs():
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(4, 3, 3, 2, dtype=torch.float64)
    output = F.conv2d(x, weights, stride=2, padding=1)
    upstream = torch.randn_like(output)
    (expected,) = torch.autograd.grad(output, x, upstream)
    lowered = weight_lowering(weights).T @ upstream.transpose(0, 1).reshape(4, -1)
    torch.testing.assert_close(inputs_raising(lowered, x.shape, (3, 2), 2, 1), expected)


def test_memory_layout_does_not_matter():
    x = torch.randn(2, 6, 5, 3).permute(0, 3, 1, 2)
    weights = torch.randn(4, 2, 2, 3).permute(0, 3, 1, 2)
    assert torch.equal(inputs_lowering(x, 2), inputs_lowering(x.contiguous(), 2))
    assert torch.equal(weight_lowering(weights), weights.contiguous().view(4, 12))
    torch.testing.assert_close(conv2d(x, weights), F.conv2d(x, weights))


def test_the_caller_s_tensors_are_left_alone():
    x, weights = torch.randn(2, 3, 5, 5), torch.randn(4, 3, 3, 3)
    before = x.clone(), weights.clone()
    lowered = inputs_lowering(x, 3)
    lowered_before = lowered.clone()
    conv2d(x, weights, padding=1)
    inputs_raising(lowered, x.shape, 3)
    assert all(map(torch.equal, (x, weights, lowered), (*before, lowered_before)))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((4, 5), "the kernel spans 5 pixels, the padded input only 4"),
        ((4, 3, 1, 0, 2), "the kernel spans 5 pixels, the padded input only 4"),
        ((4, 0), "kernel_size must be at least 1, got 0"),
        ((4, 3, 0), "stride must be at least 1, got 0"),
        ((4, 3, 1, -1), "padding must be at least 0, got -1"),
        ((4, 3, 1, 0, 0), "dilation must be at least 1, got 0"),
    ],
)
def test_bad_sizes_say_which(arguments, message):
    size, *sizes = arguments
    with pytest.raises(ValueError, match=message):
        output_size(*arguments)
    with pytest.raises(ValueError, match=message):
        inputs_lowering(torch.ones(1, 1, size, size), *sizes)
    with pytest.raises(ValueError, match=message):
        inputs_raising(torch.ones(1, 1), (1, 1, size, size), *sizes)


def test_wrong_shapes_say_which():
    x, weights = torch.ones(2, 3, 4, 4), torch.ones(2, 3, 2, 2)
    with pytest.raises(ValueError, match=r"4 axes \(N, C, H, W\), got 3: \(3, 4, 4\)"):
        inputs_lowering(x[0], 2)
    with pytest.raises(ValueError, match=r"4 axes \(N, C, H, W\), got 3"):
        conv2d(x[0], weights)
    with pytest.raises(ValueError, match=r"4 axes \(O, C, KH, KW\), got 3"):
        conv2d(x, weights[0])
    with pytest.raises(ValueError, match=r"4 axes \(O, C, KH, KW\), got 2"):
        weight_lowering(torch.ones(2, 12))
    with pytest.raises(ValueError, match="inputs have 3 channels, weights 1"):
        conv2d(x, weights[:, :1])
    with pytest.raises(ValueError, match="2 axes"):
        outputs_lifting(torch.ones(2, 3, 4), 1, 3, 4)
    with pytest.raises(ValueError, match=r"shape \(8, 4\) does not fit"):
        inputs_raising(torch.ones(8, 4), (1, 1, 3, 5), 2)


def test_pair_and_axes():
    assert pair(3) == (3, 3) and pair((1, 2)) == (1, 2) and pair([1, 2]) == (1, 2)
    assert pair(torch.ones(2, 5).shape) == (2, 5)
    for size in ((1, 2, 3), (1,), 2.0, (1, 2.0), "12"):
        with pytest.raises(ValueError, match="an int or a pair of ints"):
            pair(size)
    assert axes(torch.ones(2, 5), "a, b") == (2, 5)
