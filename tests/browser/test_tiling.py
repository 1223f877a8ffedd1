"""The tiling view: its arithmetic against lib and torch, and its behaviour in JupyterLab."""

import random

import pytest
import torch
from playwright.sync_api import expect

from lib import tiling, views
from tests.browser.conftest import picture

CELLS = [
    "import torch, ipywidgets\nfrom lib import tiling, views",
    "view = views.tiling(); view",
    "def mmul_tiling(matA, matB, t):\n    C = tiling.mmul_tiling(matA, matB, t)\n    C[-1, 0] += 1\n    return C\n"
    "wrong = views.tiling(m=3, k=2, n=4, t=2, multiply=mmul_tiling); wrong",
    "right = views.tiling(t=3, multiply=tiling.mmul_tiling); right",
    "link = ipywidgets.IntSlider(0, 0, 27)\nipywidgets.jslink((link, 'value'), (view, 'step')); link",
]
ORDERS = ("ijk", "jik", "ikj", "kij", "jki", "kji")


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook(CELLS)


def walk(m, k, n, t, order):
    """Words moved, by a memory that holds one tile of each matrix: an independent account of the view's model."""
    counts = {"i": -(-m // t), "j": -(-n // t), "k": -(-k // t)}
    side = {"i": m, "j": n, "k": k}
    length = lambda index, q: min(t, side[index] - q * t)  # noqa: E731
    words, touched, inner = 0, set(), order[2]
    for a in range(counts[order[0]]):
        for b in range(counts[order[1]]):
            for c in range(counts[inner]):
                at = dict(zip(order, (a, b, c), strict=True))
                for pair in ("ik", "kj", "ij"):
                    size = length(pair[0], at[pair[0]]) * length(pair[1], at[pair[1]])
                    if inner not in pair:  # stays for the whole inner loop: moved once
                        words += size if c == 0 else 0
                    elif pair == "ij":  # read again unless this is its first visit, and written
                        words += size * (2 if (at["i"], at["j"]) in touched else 1)
                        touched.add((at["i"], at["j"]))
                    else:
                        words += size
    return words


def test_arithmetic(static_page):
    page = static_page(views.tiling())
    draw = random.Random(5)
    cases = [[draw.randint(1, 12) for _ in "mknt"] + [draw.choice(ORDERS)] for _ in range(3000)]
    seen = page.evaluate(
        """(cases) => cases.map(([m, k, n, t, order]) => {
        const w = maths.words(maths.moves(m, k, n, t, order), Infinity);
        const all = maths.total(w), I = maths.intensity(m, k, n, all); return [all, I, maths.roofline(I, 8, 4)]; })""",
        cases,
    )
    for (m, k, n, t, order), (words, intensity, speed) in zip(cases, seen, strict=True):
        assert words == walk(m, k, n, t, order)
        if order[2] == "k":
            assert words == tiling.tile_traffic(m, k, n, t)
            assert intensity == tiling.arithmetic_intensity(m, k, n, t)
            assert speed == tiling.roofline(intensity, 8, 4)


def test_partial_products(static_page):
    page = static_page(views.tiling())
    draw = random.Random(6)
    for _ in range(60):
        m, k, n, t = (draw.randint(1, 8) for _ in "mknt")
        order = draw.choice(ORDERS)
        A, B = torch.randint(-9, 10, (m, k)), torch.randint(-9, 10, (k, n))
        tiles = {"i": range(0, m, t), "j": range(0, n, t), "k": range(0, k, t)}
        step = draw.randint(0, len(tiles["i"]) * len(tiles["j"]) * len(tiles["k"]))
        C, done, started = torch.zeros(m, n, dtype=torch.int64), 0, torch.zeros(m, n, dtype=torch.bool)
        for a in tiles[order[0]]:
            for b in tiles[order[1]]:
                for c in tiles[order[2]]:
                    if done < step:
                        at = dict(zip(order, (a, b, c), strict=True))
                        rows, columns, inner = (slice(at[index], at[index] + t) for index in "ijk")
                        C[rows, columns] += A[rows, inner] @ B[inner, columns]
                        started[rows, columns] = True
                        done += 1
        arguments = [A.tolist(), B.tolist(), m, k, n, t, order, step]
        seen = page.evaluate("(a) => maths.partial(...a)", arguments)
        expected = [
            [v if s else None for v, s in zip(*row, strict=True)] for row in zip(C.tolist(), started, strict=True)
        ]
        assert seen == expected
        assert torch.tensor(page.evaluate("(a) => maths.partial(...a)", [*arguments[:-1], 10**6])).equal(A @ B)


def test_keyboard(notebook):
    view = notebook.view("tiling")
    side, step = notebook.slider(view, "tile side t"), notebook.slider(view, "products done")
    before = picture(view.locator("svg"), "tiling")
    side.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.eventually("view.t", 3)
    expect(step).to_have_attribute("aria-valuetext", "0 of 8")
    step.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("ArrowRight")
    notebook.eventually("view.step", 2)
    assert picture(view.locator("svg")) != before
    expect(view.locator("[data-role=words]")).to_have_text(str(2 * 2 * 9 + 9))  # two pairs of tiles, one tile of C out
    view.get_by_role("radio", name="i k j").check()
    notebook.eventually("view.order", "ikj")
    view.get_by_role("button", name="Restart").click()
    notebook.eventually("view.step", 0)


def test_python_moves_it(notebook):
    view = notebook.view("tiling")
    notebook.execute("view.order = 'ijk'; view.t = 2; view.step = 27")
    expect(view.locator("[data-role=words]")).to_have_text(str(tiling.tile_traffic(6, 6, 6, 2)))
    expect(view.locator("[data-role=all-words]")).to_have_text(str(tiling.tile_traffic(6, 6, 6, 2)))
    expect(view.get_by_role("status")).to_contain_text(
        "Product 27 of 27: C tile (2, 2) += A tile (2, 2) × B tile (2, 2)"
    )
    product = [int(cell.get_attribute("data-value")) for cell in view.locator("[data-key=C] [data-cell]").all()]
    assert notebook.kernel("(view.A[:6, :6] @ view.B[:6, :6]).flatten().tolist()") == product


def test_linked_slider(notebook):
    notebook.execute("view.step = 3")
    notebook.eventually("link.value", 3)
    notebook.execute("link.value = 5")
    notebook.eventually("view.step", 5)


def test_a_tile_of_c_and_its_tiles(notebook):
    """Pointing at C[3, 2] outlines its tile, the row of A's tiles and the column of B's; clicking finishes the tile."""
    view, page = notebook.view("tiling"), notebook.page
    notebook.execute("view.t = 2; view.step = 0; view.order = 'ijk'")
    expect(view.get_by_role("status")).to_contain_text("Nothing is in fast memory yet")
    cell = view.locator("[data-key=C] [data-cell='3,2']")
    boxes = {key: view.locator(f"[data-key={key}] [data-cell='0,0']").bounding_box() for key in "ABC"}
    size = boxes["A"]["width"]

    def outlined():
        found = []
        for rect in view.locator(".fci-outline .fci-edge").all():
            box = rect.bounding_box()
            key = next(k for k in "ABC" if inside(box, boxes[k]))
            found.append((key, *(round(v) for v in spans(box, boxes[key]))))
        return sorted(found)

    def spans(box, origin):
        return (
            (box["y"] - origin["y"]) / size,
            (box["x"] - origin["x"]) / size,
            box["height"] / size,
            box["width"] / size,
        )

    def inside(box, origin):
        row, column, *_ = spans(box, origin)
        return -0.5 < row < 6 and -0.5 < column < 6

    cell.hover()
    expect(view.locator(".fci-dashed")).to_have_count(2)
    assert outlined() == [("A", 2, 0, 2, 6), ("B", 0, 2, 6, 2), ("C", 2, 2, 2, 2)]
    view.locator("[data-key=A] [data-cell='3,4']").hover()
    expect(view.get_by_role("status")).to_contain_text("adds to every tile of C in its row")
    assert outlined() == [("A", 2, 4, 2, 2), ("B", 4, 0, 2, 6), ("C", 2, 0, 2, 6)]
    page.mouse.move(0, 0)
    expect(view.locator(".fci-dashed")).to_have_count(0)
    cell.click()
    notebook.eventually("view.step", 15)  # tile (1, 1) is the fifth of nine, three products each
    view.locator("g[data-key=B]").focus()
    page.keyboard.press("ArrowRight")  # the same by keyboard
    expect(view.get_by_role("status")).to_contain_text("adds to every tile of C in its column")


def test_prediction(notebook):
    view = notebook.view("tiling")
    notebook.execute("view.t = 3; view.step = 1")
    expect(view.locator("[data-role=all-words]")).to_have_text("?")
    view.get_by_role("spinbutton").fill("100")
    view.get_by_role("button", name="Compare").click()
    expect(view.locator(".fci-reply")).to_contain_text("You said 100; it is 180.")
    notebook.eventually("view.prediction", 100.0)
    notebook.execute("view.t = 2")
    expect(view.locator(".fci-reply")).to_have_text("")


def test_a_students_function(notebook):
    wrong, right = notebook.view("tiling", 1), notebook.view("tiling", 2)
    expect(wrong.locator(".fci-note")).to_contain_text("1 of 12 cells")
    expect(wrong.locator(".fci-cross")).to_have_count(1)
    expect(right.locator(".fci-note")).to_have_text("Your function's C agrees in all 36 cells.")
    notebook.slider(wrong, "rows of A and C, m").press("ArrowRight")  # Python is asked again
    expect(wrong.locator(".fci-note")).to_contain_text("1 of 16 cells")
    wrong.locator("[data-key=C] [data-cell='3,0']").hover()
    expect(wrong.get_by_role("status")).to_contain_text("your function gives")


def test_keys_stay_in_the_view(notebook):
    assert notebook.press_everything(notebook.view("tiling")) >= 17


def test_dark(notebook):
    view = notebook.view("tiling")
    light = view.evaluate("(e) => getComputedStyle(e.querySelector('.fci-text')).fill")
    notebook.theme("Dark")
    picture(view, "tiling_dark")
    assert view.evaluate("(e) => getComputedStyle(e.querySelector('.fci-text')).fill") != light
    notebook.theme("Light")


def test_without_a_kernel(notebook):
    view = notebook.view("tiling")
    notebook.shutdown_kernel()
    notebook.slider(view, "products done").fill("4")
    expect(view.get_by_role("status")).to_contain_text("Product 4 of 27")
    notebook.forgive("Could not send widget sync message")
