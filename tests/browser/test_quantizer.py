"""The quantizer view: its arithmetic against lib's quantizers, and its behaviour in JupyterLab."""

import math
import re

import pytest
import torch
from playwright.sync_api import expect

from lib import views
from lib.quantizer import Quantizer, affine_parameters, fake_quantize
from tests.browser.conftest import calculate, picture

CELLS = [
    "import torch\nfrom lib import views\nfrom lib.quantizer import Quantizer\n"
    "x = torch.tensor([[-2.0, -1.4, -0.6], [0.1, 0.0, 0.4], [0.6, 1.4, 2.0]])",
    "view = views.quantizer(x, bits=3); view",
    "right = views.quantizer(x, bits=3, quantize=Quantizer); right",
    "def floors(x):\n    return torch.clamp(torch.floor(x / 0.5), -4, 3) * 0.5\n"
    "wrong = views.quantizer(x, bits=3, quantize=floors); wrong",
]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook(CELLS)


def cases(draw: torch.Generator, many: int):
    """Grids and values: every other grid has a power of two as step, and values on the ties between its levels."""
    for n in range(many):
        bits, kind = 2 + n % 7, ("signed", "always_pos", "unsigned")[n % 3]
        clip = [1.0, 0.5, round(float(torch.rand((), generator=draw)) * 0.9 + 0.05, 2)][n // 3 % 3]
        x = torch.randn(12, generator=draw) * 10.0 ** int(torch.randint(-3, 3, (), generator=draw))
        if n % 2:
            x = torch.randint(-40, 41, (12,), generator=draw) / 2.0
            x[0] = 2.0 ** (bits - 1) if kind != "unsigned" else 2.0**bits - 1
        yield kind, bits, clip, x.abs() if n % 5 == 0 else x


def test_arithmetic_is_torchs(static_page):
    """Levels bit for bit, both errors, codes in use and histogram bins of 3000 grids."""
    page = static_page(views.quantizer(torch.ones(3)))
    drawn = list(cases(torch.Generator().manual_seed(5), 3000))
    sent = [[kind, bits, clip, x.tolist()] for kind, bits, clip, x in drawn]
    seen = calculate(
        page,
        """([kind, bits, clip, x]) => { const g = maths.grid(kind, bits, ...maths.extent(x), clip), parts = 3;
        return { levels: x.map((v) => maths.level(maths.code(v, g), g)), errors: maths.errors(x, g),
        used: maths.used(x, g), bins: x.map((v) => maths.bin(v, g, parts)), free: x.map((v) => maths.free(v, g)),
        zero: g.zero }; }""",
        sent,
    )
    ties = 0
    for (kind, bits, clip, x), js in zip(drawn, seen, strict=True):
        low, high = x.min().item(), x.max().item()
        if kind == "unsigned":
            scale, zero = affine_parameters(low * clip, high * clip, bits)
            expected, u, (qmin, qmax) = fake_quantize(x, scale, zero, 0, 2**bits - 1), x / scale, (0, 2**bits - 1)
        else:
            quantizer = Quantizer(bits, always_pos=kind == "always_pos")
            quantizer.alpha = torch.tensor(max(-low, high) * clip)
            quantizer.calibrated = torch.tensor(True)
            step = 2 * quantizer.alpha / 2**bits if quantizer.alpha > 0 else 1.0
            expected, zero = quantizer(x), 0
            u, (qmin, qmax) = (
                (x - (quantizer.alpha if kind == "always_pos" else 0)) / step,
                (quantizer.Qn, quantizer.Qp),
            )
        assert torch.tensor(js["levels"]).equal(expected)
        free = torch.round(u) + zero
        assert js["zero"] == zero and free.tolist() == js["free"]
        squares, clipped = (x.double() - expected.double()).square(), (free < qmin) | (free > qmax)
        assert math.isclose(js["errors"]["clip"], squares[clipped].sum(), rel_tol=1e-9, abs_tol=0)
        assert math.isclose(js["errors"]["round"], squares[~clipped].sum(), rel_tol=1e-9, abs_tol=0)
        assert js["used"] == len(free.clamp(qmin, qmax).unique())
        assert [(b + 1) // 3 + zero for b in js["bins"]] == js["free"]  # a bin belongs to one level
        thirds = (u - torch.round(u) + 0.5) * 3  # and is a third of its step
        assert all(abs(t - (b + 1) % 3 - 0.5) <= 0.5 for t, b in zip(thirds.tolist(), js["bins"], strict=True))
        ties += int((u.frac().abs() == 0.5).sum())
    assert ties > 1000


def test_live_numbers_and_the_best_range(static_page):
    """The table equals what torch computes, at the start, after an outlier, and where the button puts α."""
    x = torch.randn(200, generator=torch.Generator().manual_seed(1))
    view = views.quantizer(x, bits=4)
    page = static_page(view)

    def told(role):
        return page.locator(f"[data-role={role}]").text_content()

    def mean_square(values, clip):
        quantizer = Quantizer(4)
        quantizer.alpha, quantizer.calibrated = values.abs().max() * clip, torch.tensor(True)
        return (values - quantizer(values)).square().mean().item(), quantizer(values)

    assert told("step") == f"{2 * x.abs().max().item() / 16:.4g}"
    assert told("used") == f"{len(mean_square(x, 1.0)[1].unique())} of 16"
    page.get_by_role("slider", name="first value an outlier").fill("20")
    spoilt = x.clone()
    spoilt[0] = 20 * x.std(correction=0)
    assert told("used") == f"{len(mean_square(spoilt, 1.0)[1].unique())} of 16"
    page.get_by_role("slider", name="first value an outlier").fill("0")
    page.get_by_role("button", name="Least error").click()
    best = min(range(5, 101), key=lambda i: mean_square(x, i / 100)[0]) / 100
    assert page.evaluate("model.get('clip')") == best < 1
    power = math.floor(math.log10(mean_square(x, best)[0]))
    assert told("sum").startswith(f"{mean_square(x, best)[0] / (10.0**power if power < -3 else 1):.3g}")
    page.locator("[data-role=dot]").wait_for()
    picture(page, "quantizer_best")


def test_three_in_one_page(notebook):
    for index in range(3):  # radio buttons of one view are no business of another
        expect(notebook.view("quantizer", index).get_by_role("radio", name="signed", exact=True)).to_be_checked()


def test_keyboard_and_python(notebook):
    view = notebook.view("quantizer")
    before = picture(view.locator("svg"), "quantizer")
    notebook.slider(view, "bits").press("ArrowLeft")
    notebook.eventually("view.bits", 2)
    assert picture(view.locator("svg")) != before
    expect(view.locator("[data-role=step]")).to_have_text("1")
    notebook.execute("view.bits = 3; view.clip = 0.5")
    expect(view.locator("[data-role=step]")).to_have_text("0.25")
    expect(view.locator("[data-role=clipped]")).to_have_text("4 of 9")  # ±2 and ±1.4: the levels end at -1 and 0.75
    view.get_by_role("radio", name="unsigned, zero point").check()
    notebook.eventually("view.codes", "unsigned")
    view.get_by_label("a grid per channel").check()
    notebook.eventually("view.per_channel", True)
    notebook.execute("view.clip = 1.; view.codes = 'signed'; view.channel = 1")
    expect(view.locator("[data-role=step]")).to_have_text("0.1")  # max |x| of row 1 is 0.4
    notebook.execute("view.per_channel = False")
    expect(view.locator("[data-role=step]")).to_have_text("0.5")


def cells(view, key):
    return [float(cell.get_attribute("data-value")) for cell in view.locator(f"[data-key={key}] [data-cell]").all()]


def outlined(view, key):
    """The cells of a matrix that carry an outline, and its kind."""
    script = """(root, key) => [...root.querySelectorAll(`[data-key=${key}] [data-cell]`)].flatMap((cell) => {
        const a = cell.getBoundingClientRect(), edges = [...root.querySelectorAll('.fci-outline > rect.fci-edge')];
        const over = (b) => Math.hypot(a.x - b.x, a.y - b.y) < 4 && Math.abs(a.width - b.width) < 4;
        return edges.filter((edge) => over(edge.getBoundingClientRect())).map((edge) =>
          [cell.dataset.cell, edge.parentNode.getAttribute('class').replace('fci-outline fci-', '')]); })"""
    return view.evaluate(script, key)


def test_linking(notebook):
    """Bin ↔ level ↔ cells, by pointer and by keyboard; three bits by hand, as in the lesson."""
    view, page = notebook.view("quantizer"), notebook.page
    notebook.execute("view.bits = 3; view.clip = 1.; view.codes = 'signed'; view.per_channel = False; view.outlier = 0")
    expect(view.locator("[data-role=step]")).to_have_text("0.5")
    assert cells(view, "codes") == [-4, -3, -1, 0, 0, 1, 1, 3, 3]
    assert cells(view, "levels") == [-2, -1.5, -0.5, 0, 0, 0.5, 0.5, 1.5, 1.5]
    assert view.locator("[data-corner]").count() == 1  # only x = 2 is clipped
    status = view.get_by_role("status")
    view.locator("[data-key=ladder] [data-code='1']").hover()
    expect(status).to_contain_text("Code 1, level 0.5: x from 0.25 to 0.75. 2 of 9 values, 0 of them clipped.")
    for key in ("x", "codes", "levels"):
        assert outlined(view, key) == [["1,2", "solid"], ["2,0", "solid"]]
    view.locator("[data-key=levels] [data-cell='2,2']").click()  # a tap
    expect(status).to_contain_text("x = 2: 2 / 0.5 = 4, rounded 4, clamped to 3; level 3 · 0.5 = 1.5; clip error 0.5.")
    assert outlined(view, "x") == [["2,1", "dotted"], ["2,2", "solid"]]
    view.locator("g[data-key=bins]").focus()
    page.keyboard.press("Home")
    expect(status).to_have_text(re.compile(r"1 value from −2\.0\d to −1\.9\d, rounded to code −4, level −2\."))
    assert outlined(view, "x") == [["0,0", "solid"]]
    view.locator("g[data-key=stairs]").focus()
    page.keyboard.press("End")
    expect(status).to_contain_text("Code 3, level 1.5: all x from 1.25. 2 of 9 values, 1 of them clipped.")
    view.locator("g[data-key=x]").focus()
    page.keyboard.press("ArrowRight")
    expect(status).to_contain_text("x = ")
    page.mouse.move(0, 0)


def test_prediction(notebook):
    view = notebook.view("quantizer")
    view.get_by_role("spinbutton").fill("8")
    view.get_by_role("button", name="Compare").click()
    x = torch.tensor([-2.0, -1.4, -0.6, 0.1, 0.0, 0.4, 0.6, 1.4, 2.0])
    outlier = x.clone()
    outlier[0] = 20 * x.std(correction=0)
    expected = len(Quantizer(3)(outlier).unique())
    expect(view.locator(".fci-reply")).to_contain_text(f"You said 8; it is {expected}.")


def test_a_students_quantizer(notebook):
    right, wrong = notebook.view("quantizer", 1), notebook.view("quantizer", 2)
    expect(right.locator(".fci-note")).to_have_text("Your quantizer gives the same 9 values as the view.")
    assert cells(right, "yours") == cells(right, "levels")
    notebook.slider(right, "bits").press("ArrowRight")  # the class is made anew with 4 bits
    expect(right.locator("[data-role=step]")).to_have_text("0.25")
    expect(right.locator(".fci-note")).to_have_text("Your quantizer gives the same 9 values as the view.")
    notebook.slider(right, "first value an outlier").fill("10")
    expect(right.locator(".fci-note")).to_have_text("Your quantizer gives the same 9 values as the view.")
    expect(wrong.locator(".fci-note")).to_contain_text("3 of 9 values of your quantizer differ")
    expect(wrong.locator(".fci-cross")).to_have_count(3)  # -0.6, 0.4 and 1.4 are nearer to the level above
    assert cells(wrong, "yours") == [-2, -1.5, -1, 0, 0, 0, 0.5, 1, 1.5]
    wrong.locator("[data-key=yours] [data-cell='1,2']").hover()
    expect(wrong.get_by_role("status")).to_contain_text("Yours: 0.")
    picture(wrong, "quantizer_yours")


def test_keys_stay_in_the_view(notebook):
    assert notebook.press_everything(notebook.view("quantizer")) >= 15


def test_dark_and_kernel_gone(notebook):
    view = notebook.view("quantizer")
    light = view.evaluate("(e) => getComputedStyle(e.querySelector('.fci-round-fill')).fill")
    notebook.theme("Dark")
    picture(view, "quantizer_dark")
    assert view.evaluate("(e) => getComputedStyle(e.querySelector('.fci-round-fill')).fill") != light
    notebook.theme("Light")
    notebook.execute("view.codes = 'signed'; view.clip = 1.; view.per_channel = False; view.outlier = 0; view.bits = 3")
    expect(view.locator("[data-role=step]")).to_have_text("0.5")
    notebook.shutdown_kernel()
    notebook.slider(view, "bits").fill("4")
    expect(view.locator("[data-role=step]")).to_have_text("0.25")
    notebook.forgive("Could not send widget sync message")


def test_sizes_and_shapes(static_page):
    """Nothing under 14 px, nothing cut off at 700 px; in forced colours clipping keeps its hatching."""
    page = static_page(
        views.quantizer(torch.randn(4, 30)), viewport={"width": 700, "height": 1200}, forced_colors="active"
    )
    sizes = "(e) => parseFloat(getComputedStyle(e).fontSize)"
    assert min(text.evaluate(sizes) for text in page.locator(".fci :is(text, span, label)").all()) >= 14
    room = page.locator(".fci-scroll").evaluate("(e) => e.clientWidth - e.scrollWidth")
    assert room >= -1
    assert page.locator("[fill^='url(#fci-hatch']").count() >= 2
    picture(page, "quantizer_forced")


def test_tap(static_page):
    page = static_page(views.quantizer(torch.tensor([-2.0, 0.4, 2.0]), bits=3), has_touch=True)
    page.locator("[data-key=codes] [data-cell='0,1']").tap()
    expect(page.get_by_role("status")).to_contain_text("x = 0.4: 0.4 / 0.5 = 0.8, rounded: code 1; level 1 · 0.5 = 0.5")
    expect(page.locator("[data-role=tread]")).to_have_count(1)
    page.locator("[data-key=ladder] [data-code='-4'] .fci-hit").tap()
    expect(page.get_by_role("status")).to_contain_text("Code −4, level −2: all x up to −1.75. 1 of 3 values")
