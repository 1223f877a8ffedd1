"""What a student sees of ``check``, ``predict`` and ``progress`` in JupyterLab."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import picture

WRONG = """
def mmul_tiling(matA, matB, t):
    matC = torch.zeros(len(matA), matB.shape[1], dtype=matA.dtype)
    for i in range(len(matA) // t):
        for j in range(matB.shape[1] // t):
            for p in range(matA.shape[1] // t):
                I, J, P = (slice(x * t, (x + 1) * t) for x in (i, j, p))
                matC[I, J] += tmul(matA[I, P], matB[P, J], t)
    return matC
"""
# The least contrast of any text in a box to the first opaque ground under it (WCAG 2.2, 1.4.3).
CONTRAST = """(box) => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (text) => rgb(text).slice(0, 3).map((v) => linear(v / 255))
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const colours = (e) => getComputedStyle(e);
  const clear = (e) => { const c = rgb(colours(e).backgroundColor); return c.length === 4 && c[3] < 1; };
  let ground = box;
  while (clear(ground)) ground = ground.parentElement;
  const back = light(colours(ground).backgroundColor);
  return Math.min(...[box, ...box.querySelectorAll('td, caption, div, summary')].map((e) => {
    const front = light(colours(e).color);
    return (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
  }));
}"""
CELLS = [
    "import torch\nfrom lib.check import check, hint, predict, progress, reveal\nfrom lib.tiling import tmul",
    "def tmul_blank(tileA, tileB, t):\n    raise NotImplementedError",
    "check('tmul', tmul_blank)",
    "def mine(tileA, tileB, t):\n    return tileA @ tileB",
    "check('tmul', mine)",
    WRONG.strip(),
    "check('mmul_tiling', mmul_tiling)",
    "def right(tileA, tileB, t):\n    assert max(*tileA.shape, *tileB.shape) <= t\n    return tileA @ tileB",
    "check('tmul', right)",
    "hint('mmul_tiling')",
    "predict('tile-products', 8)",
    "reveal('tile-products', 4)",
    "progress()",
]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook(CELLS)


def test_answers_are_read_out_and_say_where_they_come_from(notebook):
    for label in ("not yet written: tmul", "wrong: tmul", "wrong: mmul_tiling", "right: tmul"):
        expect(notebook.panel.get_by_role("group", name=re.compile(f"^{label}")).first).to_be_visible()
    shown = notebook.panel.get_by_role("group", name=re.compile("wrong: mmul_tiling"))
    expect(shown).to_contain_text("your mmul_tiling from cell [6]")
    expect(shown).to_contain_text("known mistake")
    expect(shown.locator("table").last).to_contain_text("expected")
    expect(notebook.panel.get_by_text("It is 4; you expected 8")).to_be_visible()
    expect(notebook.panel.get_by_text("predictions: 0 of 1 came true")).to_be_visible()


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_text_stands_out_from_its_ground(notebook, theme):
    notebook.theme(theme)
    picture(notebook.page, f"checks-{theme.lower()}")
    shown = notebook.panel.get_by_role("group", name=re.compile("wrong: mmul_tiling"))
    picture(shown, f"check-wrong-{theme.lower()}")
    assert shown.evaluate(CONTRAST) >= 4.5
