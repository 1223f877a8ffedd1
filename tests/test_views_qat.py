"""The QAT view in Python: which records it takes, and what it refuses."""

import pytest
import torch

from lib import views

RECORD = {
    "steps": [0, 5, 10],
    "weights": torch.arange(6.0).reshape(3, 2),
    "scale": 0.5,
    "loss": [3.0, 2.0, 1.0],
    "accuracy": [10.0, 20.0, 30.0],
    "bits": 2,
}


def test_one_record_or_several():
    one = views.qat(RECORD)
    assert one.data["records"][""]["scale"] == [0.5] * 3 and one.record == ""
    assert one.data["records"][""]["weights"] == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    moving = RECORD | {"scale": torch.tensor([0.5, 0.25, 0.125]), "loss": torch.tensor([3.0, 2.0, 1.0])}
    several = views.qat({"QAT": RECORD, "PTQ": moving}, step=2)
    assert (several.record, several.step) == ("QAT", 2)
    assert several.data["records"]["PTQ"]["scale"] == [0.5, 0.25, 0.125]
    assert repr(several) == "<qat view: record='QAT', step=2, weight=-1>"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"bits": 1}, ValueError, "bits must be between 2 and 16"),
        ({"scale": 0.0}, ValueError, "scale must be positive"),
        ({"scale": torch.ones(2)}, ValueError, "scale has 2 entries; steps has 3"),
        ({"loss": [1.0]}, ValueError, "loss has 1 entries; steps has 3"),
        ({"accuracy": [1.0, float("nan"), 2.0]}, ValueError, "accuracy holds NaN"),
        ({"weights": torch.ones(3)}, ValueError, "weights must have 2 dimensions"),
        ({"weights": torch.ones(2, 2)}, ValueError, "weights has 2 rows"),
        ({"weights": torch.ones(3, 17)}, ValueError, "a screen holds 16"),
        ({"steps": [0, 0, 1]}, ValueError, "steps must be whole numbers that grow"),
        ({"steps": [0, 0.5, 1]}, ValueError, "steps must be whole numbers that grow"),
    ],
)
def test_refuses_a_record(change, error, words):
    with pytest.raises(error, match=words):
        views.qat(RECORD | change)
    with pytest.raises(error, match="record 'mine'.*" + words):
        views.qat({"mine": RECORD | change})


def test_refuses():
    for record, error, words in (
        ([], TypeError, "record must be a dict"),
        ({}, ValueError, "record is empty"),
        ({"weights": RECORD["weights"]}, ValueError, "record lacks steps, scale, loss, accuracy, bits"),
        ({"QAT": 3}, TypeError, "record 'QAT' must be a dict"),
        ({str(n): RECORD for n in range(7)}, ValueError, "a screen holds 6"),
    ):
        with pytest.raises(error, match=words):
            views.qat(record)
    with pytest.raises(ValueError, match="step must be between 0 and 2"):
        views.qat(RECORD, step=3)


def test_what_training_records():
    """The record of lib.training is one."""
    from lib.data import load
    from lib.network import Network, fold, quantize
    from lib.qat import QuantConv2d, fold_batchnorm
    from lib.training import train

    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = load("digits")
    folded = fold(Network(channels=(2, 2, 2)).eval(), fold_batchnorm)
    network = quantize(folded, 2, QuantConv2d, data.train_x[:64])
    record = train(network, data, epochs=1, track=network.convs[1])
    view = views.qat({"QAT, 2 bits": record})
    sent = view.data["records"]["QAT, 2 bits"]
    assert len(sent["steps"]) == len(sent["weights"]) > 2 and len(sent["weights"][0]) == 16 and sent["bits"] == 2
