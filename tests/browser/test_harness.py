"""The browser tests can fail: a Python error, a JavaScript error, and a shortcut that does arrive are seen."""

import pytest

BROKEN_VIEW = """
from lib.views.base import View, source
class Bad(View, lesson="bad"):
    pass
Bad._esm = source("bad", "js") + '''
        const view = defineView("bad", (ui) => { ui.draw(() => { throw new Error("boom"); }); });
        const maths = {}; export { maths }; export default view;'''
Bad()
"""
BROKEN_MODULE = """
import anywidget
class Raw(anywidget.AnyWidget):
    _esm = 'export default { render() { throw new Error("boom"); } }'
Raw()
"""


def test_a_python_error_is_seen(open_notebook):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        open_notebook(["1 / 0", "2"], clean=False)


def test_a_javascript_error_is_seen(open_notebook):
    with pytest.raises(AssertionError, match="This view stopped: boom"):
        open_notebook([BROKEN_VIEW], clean=False)


def test_an_error_before_the_view_is_seen(open_notebook):
    notebook = open_notebook([BROKEN_MODULE], clean=False)
    notebook.wait_for_problem("boom")


def test_shortcuts_work_outside_a_view(open_notebook):
    notebook = open_notebook(["1", "2"])
    before = notebook.state()
    notebook.panel.locator(".jp-InputArea-prompt").first.click()
    for key in ("Escape", "d", "d"):
        notebook.page.keyboard.press(key)
    assert notebook.state() != before


def test_a_page_that_asks_another_machine_is_seen(new_page):
    page = new_page()
    page.set_content("<img src='http://192.0.2.1/x.png'>", wait_until="commit")
    page.wait_for_timeout(200)
    assert any("192.0.2.1" in problem for problem in page.problems)
    page.context.close()
