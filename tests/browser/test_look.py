"""What every view owes to every reader: names, sizes, contrast, no colour alone, no unasked motion."""

import importlib
import re
from itertools import pairwise

import pytest
import torch
from playwright.sync_api import expect

from lib import tiling, views
from lib.lowering import inputs_lowering
from lib.ste import roundpass
from lib.views.__main__ import NAMES
from tests.browser.conftest import picture

RATIO = """() => { const light = (css) => { const c = css.match(/[\\d.]+/g).slice(0, 3).map(Number)
        .map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]; };
    const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    const ground = getComputedStyle(document.body).backgroundColor;
    const fill = (e) => getComputedStyle(e).fill, clear = (css) => css === 'none' || /, 0\\)$/.test(css);
    const cells = [...document.querySelectorAll('.fci-cell + .fci-number')].map((e) => {
      const under = fill(e.previousElementSibling); return ratio(fill(e), clear(under) ? ground : under); });
    const texts = [...document.querySelectorAll('.fci-text')].map((e) => ratio(fill(e), ground));
    return Math.min(...cells, ...texts); }"""

x = torch.arange(-12.0, 13).reshape(5, 5)
VARIANTS = {
    "tiling, one word": lambda: views.tiling(1, 1, 1, 1),
    "tiling, large": lambda: views.tiling(12, 12, 12, 5),
    "tiling, one row": lambda: views.tiling(1, 12, 12, 12),
    "tiling, one column": lambda: views.tiling(12, 3, 1, 4, multiply=tiling.mmul_tiling),
    "lowering, right": lambda: views.lowering(x, lower=inputs_lowering),
    "lowering, wrong": lambda: views.lowering(x, padding=1, lower=lambda *a, **k: inputs_lowering(*a, **k).flip(0)),
    "lowering, wrong shape": lambda: views.lowering(x, 2, lower=lambda *a, **k: inputs_lowering(*a, **k).T),
    "lowering, one tap": lambda: views.lowering(torch.randn(2, 3, 4, 4), 1),
    "lowering, one output": lambda: views.lowering(torch.randn(1, 5, 5), 5, weights=torch.randn(3, 1, 5, 5)),
    "lowering, fractions": lambda: views.lowering(torch.randn(2, 2, 6, 6), 2, stride=2, padding=2, dilation=3),
    "lowering, large": lambda: views.lowering(torch.randint(0, 256, (16, 16)), 3),
    "ste, narrow": lambda: views.ste(roundpass, low=0, high=1),
    "ste, wide": lambda: views.ste(low=-8, high=8),
    "ste, halves": lambda: views.ste(low=-1.5, high=2.5),
}


@pytest.fixture(params=NAMES)
def example(request):
    view = importlib.import_module(f"lib.views.{request.param}").example()
    return request.param, view


def narrow(static_page, view):
    """The page as wide as a notebook's output in a small window."""
    return static_page(view, viewport={"width": 880, "height": 1400})


def sizes(page):
    return page.evaluate(
        """() => [...document.querySelectorAll('.fci *')].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3
            && n.textContent.trim()) && e.getClientRects().length).map((e) => parseFloat(getComputedStyle(e).fontSize)
            * (e.ownerSVGElement ? e.ownerSVGElement.getScreenCTM().a : 1))"""
    )


def outside(page):
    return page.evaluate(
        """() => { const box = document.querySelector('.fci-svg').getBoundingClientRect();
        return [...document.querySelectorAll('.fci-svg text')].filter((e) => { const r = e.getBoundingClientRect();
          return r.left < box.left - 1 || r.right > box.right + 1
            || r.top < box.top - 1 || r.bottom > box.bottom + 1; }).map((e) => e.textContent); }"""
    )


def overlaps(page):
    return page.evaluate(
        """() => { const all = [...document.querySelectorAll('.fci-svg text:not(.fci-number)')]
          .map((e) => [e.textContent, e.getBoundingClientRect()]);
        return all.flatMap(([a, p], i) => all.slice(i + 1).filter(([, q]) =>
          Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2
          && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 5).map(([b]) => `${a} / ${b}`)); }"""
    )


def test_text_is_large_enough_and_in_its_place(static_page, example):
    for page in (static_page(example[1]), narrow(static_page, example[1])):
        assert len(sizes(page)) > 20 and min(sizes(page)) >= 14
        assert outside(page) == []
        assert overlaps(page) == []


@pytest.mark.parametrize("name", VARIANTS)
def test_text_stays_in_its_place(static_page, name):
    page = narrow(static_page, VARIANTS[name]())
    assert min(sizes(page)) >= 14
    assert outside(page) == []
    assert overlaps(page) == []


def test_everything_has_a_name_and_one_line_is_live(static_page, example):
    name, view = example
    page = static_page(view)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.fci input, .fci button, .fci [tabindex], .fci svg, .fci fieldset')]
        .filter((e) => !(e.getAttribute('aria-label') || (e.tagName !== 'svg'
            && (e.closest('label')?.textContent.trim() || e.textContent.trim()))))
        .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("[aria-live], output").count() == 1
    expect(page.get_by_role("status")).not_to_be_empty()
    expect(page.locator("section.fci")).to_have_attribute("aria-label", f"{name} view")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(static_page, example, scheme):
    name, view = example
    page = static_page(view, color_scheme=scheme)
    picture(page, f"static_{name}_{scheme}")
    assert page.evaluate(RATIO) >= 4.5


def test_projector_size(static_page, example):
    page = static_page(example[1])
    before = page.locator(".fci-svg").bounding_box()
    page.get_by_role("button", name="Larger").click()
    assert page.locator(".fci-svg").bounding_box()["height"] > 1.2 * before["height"]


def test_nothing_moves_where_the_system_asks_for_no_motion(static_page, example):
    page = static_page(example[1], reduced_motion="reduce")
    play = page.get_by_role("button", name="Play", exact=True)
    for index in range(play.count()):
        expect(play.nth(index)).to_be_disabled()
    moving = "(e) => getComputedStyle(e).transitionDuration !== '0s' || getComputedStyle(e).animationName !== 'none'"
    assert not page.evaluate(f"() => [...document.querySelectorAll('.fci, .fci *')].some({moving})")


def test_nothing_moves_unasked(static_page, example):
    page = static_page(example[1])
    before = picture(page)
    page.wait_for_timeout(700)
    assert picture(page) == before


def test_no_distinction_by_colour_alone(static_page):
    """The three kinds of outline, and the three estimators' curves, differ in their dashes."""
    page = static_page(views.ste())
    dashes = page.evaluate(
        "() => [...document.querySelectorAll('.fci-line')].map((e) => e.getAttribute('stroke-dasharray'))"
    )
    assert {"9 5", "2 4"} <= set(dashes)
    page = static_page(views.tiling())
    rules = page.evaluate("() => [...document.styleSheets[0].cssRules].map((rule) => rule.cssText).join('\\n')")
    assert re.search(r"\.fci-dashed \.fci-edge \{ stroke-dasharray: 6", rules)
    assert re.search(r"\.fci-dotted \.fci-edge \{[^}]*stroke-dasharray: 0\.1", rules)


def test_forced_colours(static_page, example):
    """In a system's own two colours every number and outline is still there, on the system's ground."""
    name, view = example
    page = static_page(view, forced_colors="active")
    picture(page, f"static_{name}_forced")
    assert page.evaluate(RATIO) >= 4.5


@pytest.mark.parametrize("deficiency", ["deuteranopia", "achromatopsia"])
def test_colour_vision_deficiency(static_page, example, deficiency):
    """Pictures to be looked at (SHOTS); and dark to light keeps its order, so that grey is enough to read cells."""
    name, view = example
    page = static_page(view)
    page.context.new_cdp_session(page).send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
    assert picture(page, f"static_{name}_{deficiency}")
    light = "(c) => 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]"
    cells = page.evaluate(
        """(light) => { const weigh = eval(light), seen = new Map();
        for (const grid of document.querySelectorAll('.fci-grid')) {
          const of = [...grid.querySelectorAll('.fci-cell[style]')]
            .map((e) => [Number(e.dataset.value), weigh(getComputedStyle(e).fill.match(/\\d+/g).map(Number))]);
          seen.set(grid.dataset.key, of.sort((a, b) => a[0] - b[0])); } return [...seen.values()]; }""",
        light,
    )
    for grid in cells:
        assert all(b[1] >= a[1] - 0.01 for a, b in pairwise(grid))
