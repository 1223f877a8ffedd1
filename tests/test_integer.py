"""Lesson 5: a network on integers alone is the simulation, to the last code."""

import copy
import math
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lib import integer
from lib.codes import code_range
from lib.deploy import IntegerLayer, float_operations, image_codes, integer_layers, mismatches, simulate
from lib.integer import integer_activation, integer_conv2d, integer_network, quantize_multiplier, requantize
from lib.tiling import mmul_tiling
from lib.training import accuracy
from tests.mistakes import qat_integers, qat_network
from tests.qat_networks import calibrated, digits, learned


@given(st.floats(min_value=2.0**-31, max_value=2.0**29, exclude_max=True))
def test_multipliers_are_the_nearest(real):
    multiplier, shift = quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31 and 1 <= shift <= 61
    error = abs(Fraction(multiplier) - Fraction(real) * Fraction(2) ** shift)
    assert error <= Fraction(1, 2) or multiplier == 2**30


@pytest.mark.parametrize(("real", "expected"), [(2.0**-31, (2**30, 61)), (math.nextafter(2.0**29, 0), (2**30, 1))])
def test_multipliers_at_both_ends_have_a_shift_that_requantize_can_take(real, expected):
    assert quantize_multiplier(real) == expected
    assert requantize(torch.tensor([0, 1]), *expected).tolist() == [0, min(math.floor(real + 0.5), 255)]


@pytest.mark.parametrize("real", [0.0, -1.0, 2.0**29, 2.0**-32, 2.0**-40, math.nan, math.inf])
def test_multipliers_that_cannot_be_written_are_refused(real):
    with pytest.raises(ValueError, match="between"):
        quantize_multiplier(real)


@settings(max_examples=200)
@given(
    st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=1, max_size=8),
    st.integers(2**30, 2**31 - 1),
    st.integers(1, 61),
    st.integers(2, 8),
    st.booleans(),
)
def test_requantization_is_exact(values, multiplier, shift, bits, signed):
    low, high = code_range(bits, signed)
    expected = [math.floor(Fraction(v * multiplier, 2**shift) + Fraction(1, 2)) for v in values]
    codes = requantize(torch.tensor(values, dtype=torch.int32), multiplier, shift, bits, signed)
    assert codes.dtype == (torch.int8 if signed else torch.uint8)
    assert codes.tolist() == [min(max(e, low), high) for e in expected]


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), ((1, 2), (2, 0))])
def test_integer_convolution_equals_torch_in_float64(stride, padding):
    torch.manual_seed(0)
    codes = torch.randint(0, 256, (2, 3, 7, 6), dtype=torch.uint8)
    weight = torch.randint(-128, 128, (4, 3, 3, 2), dtype=torch.int8)
    bias = torch.randint(-(2**20), 2**20, (4,), dtype=torch.int32)
    expected = F.conv2d(codes.double(), weight.double(), bias.double(), stride, padding)
    got = integer_conv2d(codes, weight, bias, stride, padding)
    assert got.dtype == torch.int32 and torch.equal(got.double(), expected)


def test_averages_are_rounded_once():
    torch.manual_seed(0)
    accumulators = torch.randint(-3000, 3000, (3, 4, 6, 8), dtype=torch.int32)
    multiplier, shift = quantize_multiplier(0.0173)
    exact = F.avg_pool2d(accumulators.double().relu(), 2) * (multiplier / 2**shift)
    assert torch.equal(
        integer_activation(accumulators, multiplier, shift, "average").double(), (exact + 0.5).floor().clamp(0, 255)
    )


@pytest.mark.parametrize("kind", ["notes", "mended", "learned"])
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_codes_equal_the_simulation_on_every_test_image(bits, kind):
    network = calibrated(bits, kind) if bits == 8 else learned(bits, kind, epochs=2)
    images = digits().test_x
    outputs = integer_network(image_codes(network, images), integer_layers(network, quantize_multiplier))
    assert mismatches(outputs, simulate(network, images)) == [0, 0, 0, 0]
    assert sum(codes.numel() for codes in outputs[:-1]) == 450 * (16 * 64 + 32 * 16 + 32 * 4)
    largest = code_range(bits, signed=False)[1]
    assert all(codes.dtype == torch.uint8 and codes.max() <= largest for codes in outputs[:-1])


def test_no_floating_point_between_images_and_logits():
    network = calibrated(4)
    codes, layers = image_codes(network, digits().test_x), integer_layers(network, quantize_multiplier)
    with float_operations() as spy:
        integer_network(codes, layers, lambda a, b: mmul_tiling(a, b, 64))
    assert spy.seen == [] and spy.total > 1000


def test_the_spy_sees_floating_point():
    with float_operations() as spy:
        torch.tensor([1, 2]) + torch.tensor([3, 4])
        quiet = list(spy.seen)
        torch.tensor([1, 2]) * 0.5
        torch.tensor([1, 2]).float().long()
    assert quiet == [] and len(spy.seen) >= 3


@pytest.mark.parametrize("bits", [8, 2])
def test_tiled_equals_untiled(bits):
    network = calibrated(bits)
    codes, layers = image_codes(network, digits().test_x[:60]), integer_layers(network, quantize_multiplier)
    for t in (7, 64):
        tiled = integer_network(codes, layers, lambda a, b, t=t: mmul_tiling(a, b, t))
        assert mismatches(tiled, integer_network(codes, layers)) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("requantize", qat_integers.constant_overflows),
        ("requantize", qat_integers.floored),
        ("requantize", qat_integers.cast_first),
        ("integer_conv2d", qat_network.wraps),
        ("integer_activation", qat_network.rounded_twice),
        ("integer_activation", qat_network.relu_late),
    ],
)
def test_mistakes_show_in_the_codes(monkeypatch, name, wrong):
    network = calibrated(8)
    codes, layers = image_codes(network, digits().test_x), integer_layers(network, quantize_multiplier)
    monkeypatch.setattr(integer, name, wrong)
    assert sum(mismatches(integer_network(codes, layers), simulate(network, digits().test_x))[:3]) > 0


def test_accuracy_would_not_have_noticed(monkeypatch):
    network = calibrated(8)
    codes, layers = image_codes(network, digits().test_x), integer_layers(network, quantize_multiplier)
    monkeypatch.setattr(integer, "requantize", qat_integers.constant_overflows)
    outputs = integer_network(codes, layers)
    assert mismatches(outputs, simulate(network, digits().test_x))[0] > 100_000
    right = 100 * (outputs[-1].argmax(1) == digits().test_y).double().mean().item()
    assert right == pytest.approx(accuracy(network, digits()), abs=1.0)


def test_an_accumulator_that_could_wrap_is_refused():
    network = copy.deepcopy(calibrated(8))
    network.linear.conv.bias.data[0] = 1e9
    with pytest.raises(OverflowError, match="could reach"):
        integer_layers(network, quantize_multiplier)


def test_the_linear_layer_needs_nothing_else():
    weight, bias = torch.tensor([[-128] * 4], dtype=torch.int8), torch.tensor([3], dtype=torch.int32)
    codes = torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)
    (logits,) = integer_network(codes, [IntegerLayer(weight, bias)])
    assert logits.dtype == torch.int32 and logits.tolist() == [[-128 * 255 * 4 + 3]]


@pytest.mark.parametrize("bits", [8, 4])
def test_onnx_gives_the_same_classes(tmp_path, bits):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from lib import export

    network = learned(bits, epochs=1)
    layers = integer_layers(network, quantize_multiplier)
    export.to_onnx(network, layers, tmp_path / "network.onnx")
    logits = export.run(export.session(tmp_path / "network.onnx"), digits().test_x)
    integers = integer_network(image_codes(network, digits().test_x), layers)[-1]
    assert torch.equal(logits.argmax(1), integers.argmax(1))


@pytest.mark.parametrize(("package", "call"), [("onnx", "to_onnx"), ("onnxruntime", "session")])
def test_a_missing_runtime_is_named_with_its_install_line(monkeypatch, tmp_path, package, call):
    import sys

    from lib import export

    monkeypatch.setitem(sys.modules, package, None)
    arguments = (None, [], tmp_path / "network.onnx") if call == "to_onnx" else (tmp_path / "network.onnx",)
    with pytest.raises(ModuleNotFoundError, match="pip install onnx onnxruntime"):
        getattr(export, call)(*arguments)
