"""The straight-through view: its arithmetic against autograd, and its behaviour in JupyterLab."""

import random
import re

import pytest
import torch
from playwright.sync_api import expect

from lib import views
from lib.ste import clip_round, descend, roundpass
from tests.browser.conftest import calculate, picture

CELLS = [
    "import torch\nfrom lib import views\nfrom lib.ste import roundpass",
    "view = views.ste(roundpass); view",
    "floor = views.ste(torch.floor, low=-2, high=2); floor",
    "plain = views.ste(); plain",
]
FORWARD = {
    "true": lambda x, low, high: torch.clamp(torch.round(x), low, high),
    "straight": lambda x, low, high: x + (torch.clamp(torch.round(x), low, high) - x).detach(),
    "masked": clip_round,
}


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook(CELLS)


def test_rounding_and_its_ties(static_page):
    page = static_page(views.ste())
    points = torch.cat([torch.arange(-4000, 4001) / 8, torch.randn(4000, dtype=torch.float64) * 20]).double()
    seen = calculate(page, "(x) => maths.round(x)", points.tolist())
    assert torch.tensor(seen, dtype=torch.float64).equal(torch.round(points))


@pytest.mark.parametrize("estimator", FORWARD)
def test_gradients(static_page, estimator):
    page = static_page(views.ste())
    draw = random.Random(3)
    cases, expected = [], []
    for _ in range(1500):
        low = draw.randint(-16, 12) / 2
        high = low + draw.randint(2, 12) / 2
        x = draw.choice([draw.uniform(low - 2, high + 2), draw.randint(-20, 20) / 2])  # ties among them
        target = draw.uniform(low, high)
        weight = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        q = FORWARD[estimator](weight, low, high)
        loss = (q - target) ** 2
        loss.backward()
        cases.append([x, low, high, target, estimator])
        expected.append([q.item(), loss.item(), weight.grad.item()])
    function = """([x, low, high, target, name]) => { const q = maths.forward(x, low, high);
        return [q, maths.loss(q, target), maths.gradient(x, low, high, target, name)]; }"""
    seen = torch.tensor(calculate(page, function, cases), dtype=torch.float64)
    torch.testing.assert_close(seen, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_the_descent_is_that_of_lib(static_page):
    page = static_page(views.ste())
    start = torch.linspace(-5, 5, 41, dtype=torch.float64)
    for name, forward in FORWARD.items():
        path = descend(lambda w, f=forward: f(w, -3, 3), start, 2.0, rate=0.1, steps=20)
        function = f"""(x) => {{ const path = [x];
            for (let i = 0; i < 20; i++) path.push(maths.next(path[i], -3, 3, 2, "{name}", 0.1)); return path; }}"""
        seen = torch.tensor(calculate(page, function, start.tolist()), dtype=torch.float64)
        torch.testing.assert_close(seen.T, path)


def test_keyboard(notebook):
    view = notebook.view("ste")
    slider = notebook.slider(view, "x")
    before = picture(view.locator("svg"), "ste")
    notebook.eventually("round(view.x, 6)", -1.3)
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.eventually("round(view.x, 6)", -1.25)
    expect(slider).to_have_attribute("aria-valuetext", "−1.25")
    assert picture(view.locator("svg")) != before
    notebook.slider(view, "range to").press("ArrowLeft")
    notebook.eventually("view.high", 2.5)
    view.get_by_role("radio", name="masked").check()
    notebook.eventually("view.estimator", "masked")
    notebook.execute("view.high = 3.0; view.estimator = 'straight'; view.x = -1.3")


def test_steps_are_those_of_autograd(notebook):
    view = notebook.view("ste")
    notebook.execute("view.estimator = 'straight'; view.x = -1.3; view.path = []; view.target = 2.0")
    expect(view.locator("[data-role=loss]")).to_have_text("L = 9")
    expected = descend(lambda w: torch.clamp(roundpass(w), -3, 3), torch.tensor(-1.3, dtype=torch.float64), 2.0, 0.1, 4)
    for step in range(1, 5):
        view.get_by_role("button", name="Step", exact=True).click()
        notebook.eventually("len(view.path)", step + 1)
    assert notebook.kernel("view.path") == pytest.approx(expected.tolist())
    view.get_by_role("button", name="Back to the start").click()
    notebook.eventually("view.x", -1.3)


def test_estimators_differ(notebook):
    """At x = 4.4, out of range: unmasked moves, masked stalls; in range, the true gradient stalls."""
    view = notebook.view("ste")
    chain = {key: view.locator(f"[data-key={key}] text").nth(1) for key in ("loss", "clamp", "round", "x", "next")}
    notebook.execute("view.x = 4.4; view.target = 1.0; view.estimator = 'straight'")
    expect(chain["next"]).to_have_text("= 4.4 − 0.1 · 4 = 4")
    notebook.execute("view.estimator = 'masked'")
    expect(chain["clamp"]).to_have_text("= 0: r = 4 is out of range")
    expect(chain["x"]).to_have_text("= 4 · 0 · 1 = 0")
    expect(view.locator("[data-role=loss]")).to_have_text("L = 4: stalled")
    notebook.execute("view.x = 2.2; view.estimator = 'true'")
    expect(chain["round"]).to_have_text("= 0 (true)")
    expect(chain["x"]).to_have_text("= 2 · 1 · 0 = 0")


def test_a_press_on_the_plot_moves_x(notebook):
    view = notebook.view("ste")
    pane = view.locator("[data-pane=stairs]")
    box = pane.bounding_box()
    notebook.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 50)
    expect(view.get_by_role("status")).to_contain_text(
        "x = 1: q(x) = 1; slope true 0, straight-through 1, masked 1. Press to move x here."
    )
    notebook.page.mouse.down()
    notebook.eventually("view.x", 1.0)
    notebook.page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 50, steps=4)
    notebook.page.mouse.up()
    notebook.eventually("view.x", 3.0)


def test_chain_links_to_the_plots(notebook):
    view = notebook.view("ste")
    notebook.page.mouse.move(0, 0)
    view.locator("[data-key=round]").hover()
    expect(view.locator(".fci-dashed")).to_have_count(2)
    centre = lambda box: [round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)]  # noqa: E731
    rings = [centre(ring.bounding_box()) for ring in view.locator(".fci-dashed .fci-edge").all()]
    points = [centre(view.locator(f"circle[data-role={key}]").bounding_box()) for key in ("stairs", "slopes")]
    assert rings == points
    expect(view.get_by_role("status")).to_contain_text("Rounding")
    notebook.page.mouse.move(0, 0)
    view.locator("[data-key=loss]").focus()
    expect(view.locator(".fci-dashed")).to_have_count(1)
    expect(view.get_by_role("status")).to_contain_text("The loss hands back 2 times the distance")


def test_a_students_function(notebook):
    view, floor, plain = (notebook.view("ste", i) for i in range(3))
    expect(view.locator(".fci-note")).to_have_text(
        "Your function: all values right; gradient 1 everywhere: straight through."
    )
    expect(view.locator(".fci-cross")).to_have_count(0)
    expect(floor.locator(".fci-note")).to_contain_text(
        "values differ from torch.round: crossed out; gradient 0 everywhere"
    )
    assert floor.locator(".fci-cross").count() > 10
    floor.get_by_role("radio", name="your function").check()
    expect(floor.locator("[data-key=round] text").nth(1)).to_have_text("= 0 (your function)")
    expect(plain.get_by_role("radio")).to_have_count(3)
    expect(plain.locator(".fci-note")).to_be_hidden()


def test_prediction(notebook):
    view = notebook.view("ste")
    notebook.execute("view.estimator = 'straight'; view.x = -1.3; view.target = 2.0")
    expect(view.locator(".fci-predict")).to_contain_text("one step from −1.30")
    view.get_by_role("spinbutton").fill("-0.7")
    view.get_by_role("button", name="Compare").click()
    expect(view.locator(".fci-reply")).to_contain_text("Yes, ")
    notebook.eventually("view.prediction", -0.7)


def test_keys_stay_in_the_view(notebook):
    assert notebook.press_everything(notebook.view("ste")) >= 17


def test_dark(notebook):
    view = notebook.view("ste")
    notebook.theme("Dark")
    picture(view, "ste_dark")
    colours = "(e) => [getComputedStyle(e.querySelector('.fci-text')).fill, getComputedStyle(e).backgroundColor]"
    ink, ground = (sum(map(int, re.findall(r"\d+", c)[:3])) for c in view.evaluate(colours))
    assert ink - ground > 400
    notebook.theme("Light")


def test_without_a_kernel(notebook):
    view = notebook.view("ste")
    notebook.shutdown_kernel()
    notebook.slider(view, "x").fill("2.5")
    expect(view.get_by_role("status")).to_contain_text("x = 2.5: q(x) = 2,")
    notebook.forgive("Could not send widget sync message")
