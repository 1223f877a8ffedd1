"""The views in Python: what they accept, what they refuse and how, and what they write without a kernel."""

import json
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch
import traitlets
from nbclient import NotebookClient

from lib import views
from lib.ste import roundpass

WRONG = {
    "tiling": [
        ({"m": 0}, ValueError, "m must be between 1 and 12, not 0"),
        ({"n": 13}, ValueError, "n must be between 1 and 12"),
        ({"t": 2.0}, TypeError, "t must be a whole number, not 2.0"),
        ({"k": True}, TypeError, "k must be a whole number"),
        ({"multiply": 3}, TypeError, "multiply must be a function"),
    ],
    "lowering": [
        ({"x": torch.ones(5)}, ValueError, r"x must have 2 or 3 or 4 dimensions, not 1: shape \(5,\)"),
        ({"x": "picture"}, TypeError, "x must be a tensor of numbers, not str"),
        ({"x": torch.ones(0, 3)}, ValueError, "x is empty"),
        ({"x": torch.ones(17, 17)}, ValueError, "x has 289 numbers; a screen holds 256"),
        ({"x": torch.full((3, 3), torch.nan)}, ValueError, "x holds NaN or infinity"),
        ({"x": torch.ones(5, 4, 4)}, ValueError, "1 images of 5 channels; a screen holds 2 of 4"),
        ({"x": torch.ones(16, 16), "kernel_size": 4}, ValueError, "16 × 169 cells; a screen holds 2400"),
        ({"x": torch.ones(4, 4), "kernel_size": 5}, ValueError, "the kernel spans 5 pixels"),
        ({"x": torch.ones(4, 4), "kernel_size": 0}, ValueError, "kernel_size must be between 1 and 5"),
        ({"x": torch.ones(4, 4), "kernel_size": (3, 3)}, TypeError, "kernel_size must be a whole number"),
        ({"x": torch.ones(4, 4), "stride": 0}, ValueError, "stride must be between 1 and 4"),
        ({"x": torch.ones(4, 4), "padding": -1}, ValueError, "padding must be between 0 and 3"),
        ({"x": torch.ones(4, 4), "dilation": 4}, ValueError, "dilation must be between 1 and 3"),
        ({"x": torch.ones(4, 4), "weights": torch.ones(2, 2)}, ValueError, r"weights must have shape \(O, 1, 3, 3\)"),
        ({"x": torch.ones(4, 4), "lower": "no"}, TypeError, "lower must be a function"),
    ],
    "ste": [
        ({"low": "a"}, TypeError, "low must be a number"),
        ({"low": 2, "high": 2.5}, ValueError, "high must be at least low"),
        ({"high": float("nan")}, ValueError, "high must be a finite number"),
        ({"high": 9}, ValueError, "between -8 and 8"),
        ({"round": 1}, TypeError, "round must be a function"),
    ],
}
CASES = [(name, *case) for name, cases in WRONG.items() for case in cases]
SHOWN = {
    "tiling": views.tiling,
    "lowering": lambda: views.lowering(torch.arange(16).reshape(4, 4)),
    "ste": views.ste,
}


@pytest.mark.parametrize(("name", "arguments", "error", "message"), CASES)
def test_bad_arguments(name, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(views, name)(**arguments)


@pytest.mark.parametrize("name", SHOWN)
def test_repr_is_the_same_every_time(name):
    assert repr(SHOWN[name]()) == repr(SHOWN[name]())
    assert repr(SHOWN[name]()).startswith(f"<{name} view: ")
    assert "0x" not in repr(SHOWN[name]())


@pytest.mark.parametrize(
    "x",
    [np.arange(9).reshape(3, 3), [[1, 2, 3]] * 3, torch.ones(2, 3, 3, dtype=torch.int8), torch.ones(2, 1, 3, 3)],
)
def test_lowering_accepts(x):
    view = views.lowering(x)
    assert view.data["shape"][2:] == [3, 3]
    assert np.shape(view.data["x"]) == tuple(view.data["shape"])


def test_inputs_are_left_alone():
    x = torch.ones(4, 4, requires_grad=True)

    def spoil(inputs, kernel_size, **_):
        inputs += 5
        return inputs

    views.lowering(x, lower=spoil)
    assert x.equal(torch.ones(4, 4)) and x.requires_grad


def test_python_sets_and_reads():
    view = views.lowering(torch.ones(4, 4))
    view.position = 2
    assert view.where()["position"] == 2
    with pytest.raises(traitlets.TraitError):
        view.kernel = 0
    with pytest.raises(traitlets.TraitError):
        views.tiling().order = "abc"
    with pytest.raises(traitlets.TraitError, match="needs a function"):
        views.ste().estimator = "yours"


def mmul_tiling(matA, matB, t):
    raise NotImplementedError


def test_what_a_students_function_did():
    def told(function):
        view = views.tiling(2, 2, 2, 2, multiply=function)
        return view.yours["2,2,2,2"]

    assert told(mmul_tiling) == {"note": "mmul_tiling is not written yet."}
    assert told(lambda A, B, t: A @ B)["values"] == (views.tiling().A[:2, :2] @ views.tiling().B[:2, :2]).tolist()
    assert "returned NoneType, not a tensor" in told(lambda A, B, t: None)["note"]
    assert "returned shape (2,); expected (2, 2)." in told(lambda A, B, t: A[0])["note"]
    assert "raised ZeroDivisionError" in told(lambda A, B, t: 1 / 0)["note"]
    view = views.tiling(2, 2, 2, 2, multiply=lambda A, B, t: A @ B)
    view.m = 3
    assert np.shape(view.yours["3,2,2,2"]["values"]) == (3, 2)


def test_a_students_rounding():
    note = lambda function: views.ste(function).data["note"]  # noqa: E731
    assert note(roundpass) == "Your function: all values right; gradient 1 everywhere: straight through."
    assert "gradient 0 everywhere" in note(torch.round)
    assert "values differ from torch.round" in note(torch.floor)
    assert "no gradient comes back" in note(lambda x: torch.round(x.detach()))
    assert "gradient 1 at only 0 of 81 points" in note(lambda x: torch.round(x).detach() + 2 * x - 2 * x.detach())
    assert "returned shape ()" in note(torch.sum)
    half = torch.tensor(views.ste(roundpass).data["samples"]["x"])
    assert (half % 1 == 0.5).sum() == 20  # ties are among the samples


@pytest.mark.parametrize("name", SHOWN)
def test_static_page_is_self_contained(name, tmp_path):
    view = SHOWN[name]()
    page = view.save_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == SHOWN[name]().static_html()
    assert not re.findall(r"""(?:src|href)\s*=|@import|url\(|\bimport\s*\(|from\s+["']""", page)
    state = json.loads(re.search(r"mountStatic\(view, (\{.*\}), document", page)[1])
    assert state["data"] == json.loads(json.dumps(view.data))


def test_one_command_writes_every_page(tmp_path):
    subprocess.run([sys.executable, "-m", "lib.views", str(tmp_path)], check=True, timeout=120)
    names = {"tiling", "lowering", "ste", "quantizer", "qat"}
    assert {path.stem for path in tmp_path.iterdir()} == names
    assert all(len(path.read_text(encoding="utf-8")) > 20_000 for path in tmp_path.iterdir())


def test_a_notebook_runs_without_a_display(tmp_path):
    cells = ["import torch\nfrom lib import views", "views.tiling()", "views.lowering(torch.ones(4, 4))", "views.ste()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [cell.outputs[0].data for cell in notebook.cells[1:]]
    assert all("application/vnd.jupyter.widget-view+json" in data for data in shown)
    assert [data["text/plain"].split()[0] for data in shown] == ["<tiling", "<lowering", "<ste"]


def test_nbval_runs_a_notebook_with_views_and_leaves_it_as_it_is(tmp_path):
    cells = ["import torch\nfrom lib import views", "views.tiling()", "views.lowering(torch.ones(4, 4))", "views.ste()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "views.ipynb"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert "4 passed" in result.stdout, result.stdout[-2000:]
    assert path.read_bytes() == before
