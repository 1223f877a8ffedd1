"""Each lesson's view, in the lesson: Run All in the built solution, then a move by keyboard and one by mouse."""

import pytest
from playwright.sync_api import expect

from lib.views.__main__ import NAMES
from tests.browser.conftest import ROOT, picture


@pytest.mark.parametrize("name", NAMES)
def test_view_in_its_lesson(open_notebook, name):
    (solution,) = (ROOT / "solutions").glob(f"*_{name}.ipynb")
    notebook = open_notebook(solution)
    view = notebook.view(name)
    view.scroll_into_view_if_needed()
    drawing = view.locator(".fci-svg").first
    before = picture(drawing, f"solution_{name}")
    slider = view.get_by_role("slider").first
    was = slider.input_value()
    for key in ("ArrowRight", "ArrowLeft", "ArrowRight", "ArrowLeft"):  # one of them moves it, wherever it stands
        slider.press(key)
        if slider.input_value() != was:
            break
    assert slider.input_value() != was
    notebook.page.wait_for_timeout(100)
    assert picture(drawing) != before
    status = view.get_by_role("status")
    box = slider.bounding_box()
    notebook.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    expect(slider).not_to_have_value(was)
    expect(status).not_to_be_empty()
