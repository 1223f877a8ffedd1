"""The tiling view in a browser: see conftest.py for the machinery."""

import pytest

from lib import views

CELLS = ["from lib import views", "view = views.tiling(); view", "untouched = 1"]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook(CELLS)


def test_moves_by_keyboard(notebook):
    view = notebook.view("tiling")
    slider = notebook.slider(view, "tile side t")
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.eventually("view.t", 3)
