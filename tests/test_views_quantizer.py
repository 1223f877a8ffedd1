"""The quantizer view in Python: what it refuses, and how it calls a student's quantizer."""

import pytest
import torch

from lib import views
from lib.quantizer import LearnedStep, Quantizer


def test_takes_what_a_lesson_has():
    for shape in ((7,), (4, 6), (2, 3, 4), (3, 2, 3, 3)):
        x = torch.randn(shape)
        view = views.quantizer(x)
        assert torch.tensor(view.data["x"]).equal(x.reshape(shape[0] if len(shape) > 1 else 1, -1))
    assert views.quantizer([1, 2.5, -3]).data["x"] == [[1.0, 2.5, -3.0]]
    assert views.quantizer(torch.ones(3), signed=False).codes == "unsigned"
    assert views.quantizer(torch.ones(3), always_pos=True).codes == "always_pos"
    assert "bits=5" in repr(views.quantizer(torch.ones(3), bits=5))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"x": "weights"}, TypeError, "x must be a tensor"),
        ({"x": torch.tensor(1.0)}, ValueError, "dimensions"),
        ({"x": torch.ones(0)}, ValueError, "empty"),
        ({"x": torch.ones(9000)}, ValueError, "a screen holds 8192"),
        ({"x": torch.tensor([1.0, torch.nan])}, ValueError, "NaN"),
        ({"x": torch.tensor([1e300], dtype=torch.float64)}, ValueError, "float32"),
        ({"bits": 0}, ValueError, "bits must be between 2 and 8"),
        ({"bits": 9}, ValueError, "bits must be between 2 and 8"),
        ({"bits": 4.0}, TypeError, "bits must be a whole number"),
        ({"signed": "no"}, TypeError, "signed must be True or False"),
        ({"quantize": 3}, TypeError, "quantize must be"),
    ],
)
def test_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        views.quantizer(**{"x": torch.ones(4)} | arguments)


def test_outlier():
    x = torch.randn(3, 5)
    view = views.quantizer(x)
    assert view.values().equal(x)
    view.outlier = 6
    spoilt = view.values()
    assert torch.isclose(spoilt[0, 0], 6 * x.std(correction=0))
    assert spoilt.flatten()[1:].equal(x.flatten()[1:])
    assert view.values() is not x and view.x.equal(x)


def test_a_students_quantizer():
    """A class is made for each setting; an instance is copied, so that looking at it calibrates nothing."""
    x = torch.randn(4, 6)
    view = views.quantizer(x, bits=3, quantize=Quantizer)
    assert torch.tensor(view.yours["values"]).equal(Quantizer(3)(x).double())
    view.bits, view.codes = 5, "always_pos"
    assert view.yours["setting"] == "5,always_pos,0"
    assert torch.tensor(view.yours["values"]).equal(Quantizer(5, always_pos=True)(x).double())
    view.outlier = 9
    assert torch.tensor(view.yours["values"]).equal(Quantizer(5, always_pos=True)(view.values()).double())

    view.codes = "unsigned"  # which the notes' quantizer has not
    assert view.yours == {
        "note": "Your class has no unsigned grid: nothing to compare here.",
        "setting": "5,unsigned,9",
    }
    view.codes = "signed"
    assert torch.tensor(view.yours["values"]).equal(Quantizer(5)(view.values()).double())

    mine = Quantizer(4)
    view = views.quantizer(x, quantize=mine)
    assert torch.tensor(view.yours["values"]).equal(Quantizer(4)(x).double()) and view.yours["bits"] == 4
    assert not mine.calibrated

    learned = views.quantizer(x, bits=4, signed=False, quantize=LearnedStep)
    assert torch.tensor(learned.yours["values"]).equal(LearnedStep(4, signed=False)(x).detach().double())


def unwritten(x):
    raise NotImplementedError


def test_a_students_mistake_is_a_note():
    def halves(x):
        return x[:1]

    assert views.quantizer(torch.ones(4), quantize=unwritten).yours["note"] == "unwritten is not written yet."
    assert "returned shape (1,)" in views.quantizer(torch.ones(4), quantize=halves).yours["note"]
    assert "returned NoneType" in views.quantizer(torch.ones(4), quantize=lambda x: None).yours["note"]
