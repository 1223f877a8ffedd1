"""The lowering view: its arithmetic against torch, and its behaviour in JupyterLab."""

import random
import re

import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import expect

from lib import views
from lib.lowering import inputs_lowering
from tests.browser.conftest import calculate, picture

CELLS = [
    "import torch\nfrom lib import views\nfrom lib.lowering import inputs_lowering as right",
    "view = views.lowering(torch.arange(25.).reshape(5, 5), kernel_size=3); view",
    """def inputs_lowering(x, kernel_size, stride=1, padding=0, dilation=1):
    matrix = right(x, kernel_size, stride, padding, dilation).clone()
    matrix[0], matrix[1] = matrix[1].clone(), matrix[0].clone()
    return matrix
wrong = views.lowering(torch.arange(1, 26).reshape(1, 1, 5, 5), lower=inputs_lowering); wrong""",
    "same = views.lowering(torch.arange(1, 26).reshape(1, 1, 5, 5), lower=right); same",
    "def unwritten(*a, **k):\n    raise NotImplementedError\nviews.lowering(torch.ones(3, 3), lower=unwritten)",
]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook(CELLS)


def settings(draw: random.Random):
    """Random inputs, weights and settings for which the kernel fits."""
    while True:
        shape = [draw.randint(1, 2), draw.randint(1, 3), draw.randint(1, 7), draw.randint(1, 7)]
        setting = {
            "kernel": draw.randint(1, 4),
            "stride": draw.randint(1, 4),
            "padding": draw.randint(0, 3),
            "dilation": draw.randint(1, 3),
        }
        if min(shape[2:]) + 2 * setting["padding"] > setting["dilation"] * (setting["kernel"] - 1):
            return shape, setting


def test_arithmetic(static_page):
    """Every cell of the lowered matrix, and the convolution, of 2000 random settings."""
    page = static_page(views.lowering(torch.ones(4, 4)))
    draw, cases, expected = random.Random(1), [], []
    generator = torch.Generator().manual_seed(1)
    for _ in range(2000):
        shape, setting = settings(draw)
        K = setting["kernel"]
        x = torch.randint(-9, 10, shape, generator=generator).double()
        weights = torch.randint(-3, 4, (2, shape[1], K, K), generator=generator).double()
        cases.append([x.tolist(), shape, setting, weights.tolist()])
        rest = [setting[key] for key in ("stride", "padding", "dilation")]
        unfolded = F.unfold(x, K, dilation=rest[2], padding=rest[1], stride=rest[0])  # (N, C·K·K, OH·OW)
        output = F.conv2d(x, weights, None, *rest)
        expected.append((unfolded.transpose(0, 1).flatten(1), output.transpose(0, 1).flatten(1)))
    function = """([x, shape, set, weights]) => { const low = maths.lower(x, shape, set);
        return [low, maths.product(maths.rows(weights), low)]; }"""
    for seen, right in zip(calculate(page, function, cases), expected, strict=True):
        assert seen == [matrix.tolist() for matrix in right]


def test_copies_are_exactly_the_cells_that_hold_the_pixel(static_page):
    page = static_page(views.lowering(torch.ones(4, 4)))
    draw, cases, expected = random.Random(2), [], []
    for _ in range(500):
        shape, setting = settings(draw)
        padding = setting["padding"]
        sides = [side + 2 * padding for side in shape[2:]]
        numbers = torch.arange(1, 1 + shape[0] * shape[1] * sides[0] * sides[1]).reshape(*shape[:2], *sides).double()
        pixel = [draw.randrange(size) for size in numbers.shape]
        lowered = inputs_lowering(numbers, setting["kernel"], setting["stride"], 0, setting["dilation"])
        cases.append([shape, setting, pixel])
        expected.append(sorted((lowered == numbers[tuple(pixel)]).nonzero().tolist()))
    seen = calculate(page, "(a) => maths.copies(...a)", cases)
    assert [sorted(cells) for cells in seen] == expected


def test_default_weights_find_vertical_edges(static_page):
    page = static_page(views.lowering(torch.ones(4, 4)))
    assert page.evaluate("maths.edges(2, 3)") == [[[[-1, 0, 1]] * 3] * 2]
    assert page.evaluate("maths.edges(1, 2)") == [[[[-1, 1]] * 2]]
    assert page.evaluate("maths.edges(1, 1)") == [[[[1]]]]


def test_keyboard(notebook):
    view = notebook.view("lowering")
    slider = notebook.slider(view, "output position")
    before = picture(view.locator("svg"), "lowering")
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.eventually("view.position", 1)
    expect(slider).to_have_attribute("aria-valuetext", "row 0, column 1")
    notebook.page.keyboard.press("End")
    notebook.eventually("view.position", 8)
    expect(slider).to_have_attribute("aria-valuetext", "row 2, column 2")
    assert picture(view.locator("svg")) != before
    expect(view.locator("[data-role=sum]")).to_have_attribute("data-value", "6")  # 3 rows, each two columns apart
    notebook.slider(view, "padding").press("ArrowRight")
    notebook.eventually("view.padding", 1)
    expect(slider).to_have_attribute("aria-valuetext", "row 1, column 3")
    for name, trait in (("stride", "stride"), ("dilation", "dilation")):
        notebook.slider(view, name).press("ArrowRight")
        notebook.eventually(f"view.{trait}", 2)
    notebook.slider(view, "kernel").press("ArrowLeft")
    notebook.eventually("view.kernel", 2)
    notebook.execute("view.kernel = 3; view.stride = view.dilation = 1; view.padding = 0; view.position = 0")
    expect(slider).to_have_attribute("aria-valuetext", "row 0, column 0")


def test_a_pixel_and_all_its_copies(notebook):
    view = notebook.view("lowering")
    status = view.get_by_role("status")
    view.locator("[data-key='x0,0'] [data-cell='2,2']").hover()
    expect(status).to_contain_text("x[0, 0, 2, 2] = 12: 9 copies")
    expect(view.locator(".fci-dashed")).to_have_count(9)
    size = view.locator("[data-key=lowered] [data-cell='0,0']").bounding_box()
    copies = []
    for edge in view.locator(".fci-dashed .fci-edge").all():
        box = edge.bounding_box()
        row, col = (round((box[a] - size[a]) / size["width"]) for a in "yx")
        copies.append(view.locator(f"[data-key=lowered] [data-cell='{row},{col}']").get_attribute("data-value"))
    assert copies == ["12"] * 9
    view.locator("[data-key=lowered] [data-cell='8,0']").hover()  # the way back: cell → pixel → the other copies
    expect(status).to_contain_text("lowered[8, 0] copies x[0, 0, 2, 2] = 12: 9 copies")
    expect(view.locator(".fci-dotted")).to_have_count(2)
    expect(view.locator(".fci-dashed")).to_have_count(8)
    view.locator("[data-key=C] [data-cell='0,4']").hover()
    expect(status).to_contain_text("Output[0, 0, 1, 1] = row 0 of the weights × column 4 of the lowered matrix = 6.")
    view.locator("[data-key=A] [data-cell='0,2']").hover()
    expect(status).to_contain_text("Weight[0, 0, 0, 2] = 1 multiplies row 2 of the lowered matrix.")


def test_clicks_move(notebook):
    view = notebook.view("lowering")
    view.locator("[data-key=lowered] [data-cell='3,7']").click()
    notebook.eventually("view.position", 7)
    view.locator("[data-key=y0] [data-cell='1,0']").click()
    notebook.eventually("view.position", 3)
    view.locator("[data-key='x0,0'] [data-cell='3,3']").click()  # the window whose middle it is
    notebook.eventually("view.position", 8)


def test_focus_links_too(notebook):
    view = notebook.view("lowering")
    notebook.page.mouse.move(0, 0)
    notebook.slider(view, "output position").focus()
    for _ in range(30):
        notebook.page.keyboard.press("Tab")
        if view.locator("g[data-key=lowered]").evaluate("(e) => e === document.activeElement"):
            break
    notebook.page.keyboard.press("Home")
    notebook.page.keyboard.press("ArrowDown")
    expect(view.get_by_role("status")).to_contain_text("lowered[")
    expect(view.locator(".fci-dotted")).not_to_have_count(0)


def test_wrong_beside_right(notebook):
    wrong, same, unwritten = (notebook.view("lowering", i) for i in (1, 2, 3))
    expect(wrong.locator(".fci-note")).to_have_text(
        "18 of the 81 cells of your lowered matrix differ: they are crossed out."
    )
    expect(wrong.locator(".fci-cross")).to_have_count(18)
    wrong.locator("[data-key=yours] [data-cell='0,0']").hover()
    expect(wrong.get_by_role("status")).to_have_text("Yours[0, 0] = 2; right is 1.")
    notebook.slider(wrong, "padding").press("ArrowRight")  # Python is asked again: 2 rows of 25 columns
    expect(wrong.locator(".fci-note")).to_contain_text("of the 225 cells")
    expect(same.locator(".fci-note")).to_have_text("Your function gives all 81 cells right.")
    expect(same.locator("[data-key=yours]")).to_have_count(0)
    expect(unwritten.locator(".fci-note")).to_have_text("unwritten is not written yet.")
    picture(wrong, "lowering_wrong")


def test_prediction(notebook):
    view = notebook.view("lowering")
    notebook.execute("view.kernel, view.stride, view.padding, view.dilation = 3, 1, 0, 1")
    expect(view.locator(".fci-predict")).to_contain_text("pixel (2, 2)")
    view.get_by_role("spinbutton").fill("9")
    notebook.page.keyboard.press("Enter")
    expect(view.locator(".fci-reply")).to_contain_text("Yes, 9.")
    notebook.eventually("view.prediction", 9.0)


def test_a_kernel_that_does_not_fit_says_so(notebook):
    view = notebook.view("lowering")
    notebook.execute("view.dilation = 3")
    expect(view.get_by_role("status")).to_contain_text("The kernel spans 7 pixels, the padded input has only 5 × 5.")
    notebook.execute("view.dilation = 1")
    expect(view.get_by_role("status")).to_contain_text("column")


def test_keys_stay_in_the_view(notebook):
    assert notebook.press_everything(notebook.view("lowering")) >= 12


def test_dark(notebook):
    view = notebook.view("lowering")
    notebook.theme("Dark")
    picture(view, "lowering_dark")
    ink = view.locator(".fci-text").first.evaluate("(e) => getComputedStyle(e).fill")
    assert min(map(int, re.findall(r"\d+", ink)[:3])) > 150
    notebook.theme("Light")


def test_without_a_kernel(notebook):
    view = notebook.view("lowering")
    notebook.shutdown_kernel()
    notebook.slider(view, "output position").fill("4")
    expect(notebook.slider(view, "output position")).to_have_attribute("aria-valuetext", "row 1, column 1")
    notebook.forgive("Could not send widget sync message")
