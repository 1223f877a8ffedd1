"""The QAT view: its arithmetic against torch, and its behaviour in JupyterLab."""

import math
import re
from importlib import import_module

import pytest
import torch
from playwright.sync_api import expect

from tests.browser.conftest import calculate, picture

CELLS = [
    "import torch\nfrom lib import views\n"
    "weights = torch.tensor([[0.3, -0.9, 1.9], [0.6, -0.7, 2.2], [0.8, -0.2, 2.4], [0.4, -0.6, 2.5]])\n"
    "record = dict(steps=[0, 10, 20, 30], weights=weights, scale=1.0, loss=[2.0, 1.5, 1.0, 0.5],\n"
    "              accuracy=[50.0, 60.0, 70.0, 80.0], bits=2)\n"
    "fine = record | dict(bits=3, scale=torch.tensor([1.0, 0.5, 0.5, 0.5]), accuracy=[50.0, 70.0, 80.0, 90.0])",
    "view = views.qat({'QAT, 2 bits': record, 'QAT, 3 bits': fine}); view",
    "import ipywidgets\nlink = ipywidgets.IntSlider(0, 0, 3)\nipywidgets.jslink((link, 'value'), (view, 'step')); link",
]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook(CELLS)


def test_arithmetic_is_torchs(static_page):
    """Codes and levels bit for bit, and the counts, on 2000 records; one weight in three lies between two levels."""
    page = static_page(import_module("lib.views.qat").example())
    draw, sent, expected, ties = torch.Generator().manual_seed(2), [], [], 0
    for n in range(2000):
        bits, k, steps = 2 + n % 7, 1 + n % 5, 4
        scale = torch.rand(steps, generator=draw) + 0.01
        if n % 2:
            scale = torch.full((steps,), 2.0 ** (n % 4 - 2))
        weights = torch.randn(steps, k, generator=draw) * 2**bits / 3
        if n % 2:
            weights = torch.randint(-(2**bits), 2**bits, (steps, k), generator=draw) / 2 * scale[:, None]
        u = weights / scale[:, None]
        ties += int((u.frac().abs() == 0.5).sum())
        codes = torch.clamp(torch.round(u), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        sent.append({"weights": weights.tolist(), "scale": scale.tolist(), "bits": bits})
        expected.append(
            {
                "codes": codes.tolist(),
                "levels": (codes * scale[:, None]).tolist(),
                "clipped": int((torch.round(u) != codes).sum()),
                "moved": int((codes[-1] != codes[0]).sum()),
                "changes": (codes[1:] != codes[:-1]).sum(0).tolist(),
            }
        )
    seen = calculate(
        page,
        """(r) => { const codes = r.weights.map((row, t) => maths.codes(r, t));
        return { codes, levels: codes.map((row, t) => row.map((q) => maths.level(q, r.scale[t]))),
        clipped: r.weights.flatMap((row, t) => row.filter((w) => maths.clipped(w, r.scale[t], r.bits))).length,
        moved: maths.moved(r, 0, 3), changes: r.weights[0].map((w, i) => maths.changes(r, i, 3)) }; }""",
        sent,
    )
    assert seen == expected
    assert ties > 1000


def codes(view):
    return [int(dot.get_attribute("data-code")) for dot in view.locator("[data-key=now] [data-weight]").all()]


def test_moves(notebook):
    """By keyboard, by mouse, by Python and by a linked slider; the numbers are those of the record."""
    view = notebook.view("qat")
    before = picture(view.locator("svg"), "qat")
    assert codes(view) == [0, -1, 1]  # 1.9 is beyond the top level, 1
    expect(view.locator("[data-role=outside]")).to_have_text("1 of 3")
    notebook.slider(view, "training step").press("ArrowRight")
    notebook.eventually("view.step", 1)
    assert picture(view.locator("svg")) != before
    assert codes(view) == [1, -1, 1]
    expect(view.locator("[data-role=moved]")).to_have_text("1 of 3")
    expect(view.locator("[data-role=loss-now]")).to_have_text("1.5")
    assert view.locator("[data-key=now] .fci-diamond").count() == 1  # shape, not only a number, says which has moved
    view.get_by_role("button", name="Step").click()
    notebook.eventually("view.step", 2)
    assert codes(view) == [1, 0, 1]
    expect(view.locator("[data-role=moved]")).to_have_text("2 of 3")
    expect(view.locator("[data-role=just-now]")).to_have_text("1 of 3")
    distance = math.sqrt((0.2**2 + 0.2**2 + 1.4**2) / 3)
    expect(view.locator("[data-role=distance]")).to_have_text(f"{distance:.2f} steps")
    view.get_by_role("radio", name="QAT, 3 bits").check()
    notebook.eventually("view.record", "QAT, 3 bits")
    assert codes(view) == [2, 0, 3]  # a finer grid: 0.8 / 0.5 = 1.6
    expect(view.locator("[data-role=accuracy-now]")).to_have_text("80 %")
    notebook.execute("view.record = 'QAT, 2 bits'; view.step = 3")
    expect(view.locator("[data-role=step]")).to_have_text("30 of 30")
    notebook.eventually("link.value", 3)
    notebook.execute("link.value = 0")
    notebook.eventually("view.step", 0)
    expect(view.locator("[data-role=step]")).to_have_text("0 of 30")


def test_a_weight_and_its_path(notebook):
    view, page = notebook.view("qat"), notebook.page
    notebook.execute("view.record = 'QAT, 2 bits'; view.step = 3; view.weight = -1")
    expect(view.locator("[data-role=step]")).to_have_text("30 of 30")
    status, path = view.get_by_role("status"), view.locator("[data-role=path]")
    view.locator("[data-key=now] [data-item='1']").hover()
    expect(path).to_have_attribute("data-weight", "1")
    expect(status).to_contain_text("Weight 1: −0.6 / 1 = −0.6, rounded to code −1, level −1.")
    expect(status).to_contain_text("It began on code −1 and has changed its code 2 times.")
    pane = view.locator("[data-role=pane]")
    page.mouse.move(0, 0)
    expect(path).to_have_count(0)
    last = view.locator("[data-path='2'] .fci-marker").bounding_box()  # the other way: from the path to its weight
    page.mouse.move(last["x"] - 4, last["y"] + last["height"] / 2)
    page.mouse.move(last["x"] - 6, last["y"] + last["height"] / 2)
    expect(path).to_have_attribute("data-weight", "2")
    expect(status).to_contain_text("Weight 2: 2.5 / 1 = 2.5, clipped to code 1")
    page.mouse.click(last["x"] - 6, last["y"] + last["height"] / 2)  # pinned
    notebook.eventually("view.weight", 2)
    page.mouse.move(0, 0)
    expect(path).to_have_attribute("data-weight", "2")
    view.locator("g[data-key=now]").focus()
    page.keyboard.press("Home")
    expect(path).to_have_attribute("data-weight", "0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    notebook.eventually("view.weight", 1)
    page.keyboard.press("Enter")
    notebook.eventually("view.weight", -1)
    expect(pane).to_have_count(1)


def test_prediction_and_play(notebook):
    view = notebook.view("qat")
    view.get_by_role("button", name="Restart").click()
    notebook.eventually("view.step", 0)
    view.get_by_role("spinbutton").fill("1")
    view.get_by_role("button", name="Compare").click()
    expect(view.locator(".fci-reply")).to_contain_text("You said 1; it is 0.")  # 0.3 → 0.4: no weight ends elsewhere
    view.get_by_role("button", name="Play").click()
    expect(view.locator("[data-role=step]")).to_have_text("30 of 30")
    expect(view.get_by_role("button", name="Play")).to_be_visible()  # and has stopped


def test_keys_stay_in_the_view(notebook):
    assert notebook.press_everything(notebook.view("qat")) >= 9


def test_dark_and_kernel_gone(notebook):
    view = notebook.view("qat")
    light = view.evaluate("(e) => getComputedStyle(e.querySelector('.fci-stalk')).stroke")
    notebook.theme("Dark")
    picture(view, "qat_dark")
    assert view.evaluate("(e) => getComputedStyle(e.querySelector('.fci-stalk')).stroke") != light
    notebook.theme("Light")
    notebook.shutdown_kernel()
    notebook.slider(view, "training step").fill("2")
    expect(view.locator("[data-role=step]")).to_have_text("20 of 30")
    notebook.forgive("Could not send widget sync message")


def test_sizes_and_no_motion(static_page):
    """Nothing under 14 px, nothing cut off at 700 px, and no Play where the system asks for less motion."""
    view = import_module("lib.views.qat").example()
    page = static_page(view, viewport={"width": 700, "height": 1200}, reduced_motion="reduce", forced_colors="active")
    sizes = "(e) => parseFloat(getComputedStyle(e).fontSize)"
    assert min(text.evaluate(sizes) for text in page.locator(".fci :is(text, span, label)").all()) >= 14
    assert page.locator(".fci-scroll").evaluate("(e) => e.clientWidth - e.scrollWidth") >= -1
    expect(page.get_by_role("button", name="Play")).to_be_disabled()
    curves = page.locator(".fci-loss").evaluate_all("(all) => all.map((e) => e.getAttribute('stroke-dasharray'))")
    assert len(curves) == len(set(curves)) == 2  # records differ by line style as well as by colour
    expect(page.get_by_role("status")).to_have_text(re.compile(r"QAT, 2 bits: step 150 of 295"))


def test_tap(static_page):
    page = static_page(import_module("lib.views.qat").example(), has_touch=True)
    page.locator("[data-key=now] [data-item='4'] .fci-hit").tap()  # is pinned, and its path marked
    expect(page.locator("[data-role=path]")).to_have_attribute("data-weight", "4")
    assert page.evaluate("model.get('weight')") == 4
