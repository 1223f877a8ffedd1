"""A real JupyterLab and a headless Chromium for the tests of the views.

How a test file uses it (one page load a file; look at test_tiling.py):

    CELLS = ["from lib import views", "view = views.tiling(); view"]

    @pytest.fixture(scope="module")
    def notebook(open_notebook):
        return open_notebook(CELLS)                 # loads the page, Run All, fails on any error

    def test_moves(notebook):
        view = notebook.view("tiling")              # a Playwright locator
        notebook.slider(view, "tile side t").press("ArrowRight")
        notebook.eventually("view.t", 3)            # what Python sees, a moment later

``static_page(view)`` opens a view without kernel (fast: for values, colours, sizes; ``page.evaluate("maths.f(1)")``).
"""

import ast
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
import torch
from playwright.sync_api import Locator, Page, expect, sync_playwright

torch.set_num_threads(1)  # the browser needs the other core
ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SHOTS = os.environ.get("SHOTS")  # a folder: pictures of every page are kept there, to be looked at
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]
SETTINGS = {  # no news, every cell in the page, no saving over the notebook under test
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
ERRORS = ".jp-RenderedText[data-mime-type$='jupyter.error'], .jp-RenderedText[data-mime-type$='jupyter.stderr']"
BROKEN = re.compile("Click to show javascript error|Error displaying widget|Loading widget|This view stopped")


def wait_for(condition, seconds: float = 60, every: float = 0.1):
    """The first true value of ``condition()``; ``TimeoutError`` after ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(every)
    raise TimeoutError(f"{condition} stayed false for {seconds} s")


class Lab:
    """A JupyterLab server on the loopback interface, with its own settings."""

    def __init__(self, folder: Path):
        self.root = folder / "course"
        (self.root / "notebooks").mkdir(parents=True)
        shutil.copytree(ROOT / "img", self.root / "img")  # where lessons look for figures and their style
        self.token, self.process, self.log = secrets.token_hex(12), None, folder / "lab.log"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        app, installed = folder / "app", Path(sys.prefix) / "share/jupyter/lab"
        (app / "settings").mkdir(parents=True)
        for part in ("static", "schemas", "themes"):
            (app / part).symlink_to(installed / part)
        (app / "settings/overrides.json").write_text(json.dumps(SETTINGS))
        private = {
            f"JUPYTER{name}_DIR": str(folder / name.lower().strip("_"))
            for name in ("_CONFIG", "_RUNTIME", "LAB_SETTINGS", "LAB_WORKSPACES")
        }
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.env = os.environ | private | {"IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": path}
        self.command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser"]
        self.command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
        self.command += [f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}"]
        self.command += [f"--LabApp.app_dir={app}", "--LabApp.expose_app_in_browser=True"]
        self.command += ["--LabApp.extension_manager=readonly"]

    def call(self, method: str, path: str, body: object = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}?token={self.token}", data, method=method)
        request.add_header("Content-Type", "application/json")
        text = urllib.request.urlopen(request, timeout=20).read()
        return json.loads(text) if text else None

    def alive(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(self.log.read_text()[-3000:])
        with contextlib.suppress(OSError):
            return bool(self.call("GET", "/api/status"))
        return False

    def __enter__(self) -> "Lab":
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=self.env, start_new_session=True)
        wait_for(self.alive, 120, 0.25)
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)  # its own session: the server and its kernels
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)

    def write(self, cells: list[str] | Path) -> str:
        """A notebook of code cells, or a copy of the notebook at a path; its name."""
        code = [nbformat.v4.new_code_cell(cell) for cell in cells] if isinstance(cells, list) else None
        book = nbformat.v4.new_notebook(cells=code) if code else nbformat.read(cells, 4)
        book.metadata.kernelspec = {
            "name": "python3",
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
        }
        name = f"notebooks/{secrets.token_hex(4)}.ipynb"
        nbformat.write(book, self.root / name)
        return name

    def close_kernels(self) -> None:
        for session in self.call("GET", "/api/sessions"):
            self.call("DELETE", f"/api/sessions/{session['id']}")


class Notebook:
    """A notebook open in JupyterLab in a page of its own."""

    def __init__(self, page: Page, lab: Lab, name: str):
        self.page, self.lab = page, lab
        page.goto(f"{lab.url}/lab/tree/{name}?token={lab.token}&reset", timeout=120_000)
        expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=120_000)
        # The toolbar says idle while there is no kernel yet, and drops Run All; the status bar names the kernel first.
        ready = re.compile(r"\(ipykernel\) \| Idle")
        expect(page.locator("#jp-main-statusbar")).to_contain_text(ready, timeout=120_000)
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def run_all(self, timeout: int = 240_000) -> "Notebook":
        for item in ("Run", "Run All Cells"):
            self.page.get_by_role("menuitem", name=item, exact=True).click()
        self.page.wait_for_function(
            """(errors) => { const book = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
            if (book.querySelector(errors)) return true;
            const prompts = [...book.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')]
                .map((e) => e.innerText.trim());
            return prompts.length && prompts.every((text) => /^\\[\\d+\\]:$/.test(text)); }""",
            arg=ERRORS,
            timeout=timeout,
        )
        errors = self.panel.locator(ERRORS)
        assert errors.count() == 0, errors.first.inner_text()
        idle = self.panel.locator(".jp-Notebook-ExecutionIndicator")
        expect(idle).to_have_attribute("data-status", "idle", timeout=timeout)
        expect(self.panel.get_by_text("Loading widget")).to_have_count(0, timeout=20_000)
        broken = self.panel.get_by_text(BROKEN)
        assert broken.count() == 0, broken.first.inner_text()
        return self

    def view(self, name: str, index: int = 0) -> Locator:
        found = self.panel.locator(f".fci-view-{name}").nth(index)
        expect(found).to_be_visible()
        return found

    def slider(self, view: Locator, label: str) -> Locator:
        return view.get_by_role("slider", name=label, exact=True)

    def kernel(self, expression: str) -> object:
        """Value of a Python expression in the notebook's kernel: a number, a string, or a list or dict of them."""
        text = self.page.evaluate(
            """async (code) => { const session = window.jupyterapp.shell.currentWidget.context.sessionContext.session;
            const run = session.kernel.requestExecute(
                {code: '', user_expressions: {v: code}, silent: true, store_history: false});
            const v = (await run.done).content.user_expressions.v;
            if (v.status !== 'ok') throw new Error(v.evalue); return v.data['text/plain']; }""",
            expression,
        )
        return ast.literal_eval(text)

    def eventually(self, expression: str, value: object) -> None:
        """Python comes to agree that ``expression == value``."""
        end = time.monotonic() + 20
        while (seen := self.kernel(expression)) != value:
            assert time.monotonic() < end, f"{expression} is {seen!r}, not {value!r}"
            self.page.wait_for_timeout(50)

    def execute(self, code: str) -> None:
        """Run a Python statement in the kernel."""
        self.kernel(f"exec({code!r}, globals())")

    def cells(self) -> list[str]:
        """The sources of the notebook's cells as the page holds them: what a stray shortcut would change."""
        return self.page.evaluate(
            """() => [...window.jupyterapp.shell.currentWidget.content.widgets]
            .map((cell) => cell.model.sharedModel.getSource())"""
        )

    def state(self) -> tuple:
        """Everything that a stray shortcut would change: the cells, the active one, and which are collapsed."""
        active = (
            "() => { const c = window.jupyterapp.shell.currentWidget.content; return [c.activeCellIndex, c.mode]; }"
        )
        hidden = self.panel.locator(
            ".jp-Cell.lm-mod-hidden, .jp-mod-outputsScrolled, .jp-Collapser-child.jp-mod-collapsed"
        )
        return self.cells(), self.page.evaluate(active), hidden.count()

    def press_everything(self, view: Locator) -> int:
        """Type shortcuts of the notebook on every control and matrix of a view; nothing of them may arrive."""
        targets = view.locator("input:enabled, button:enabled, [tabindex='0']")
        total = targets.count()
        targets.first.focus()  # makes the view's cell the active one
        before = self.state()
        for index in range(total):
            targets.nth(index).focus()
            for key in (
                "ArrowDown",
                "ArrowUp",
                "ArrowLeft",
                "ArrowRight",
                "a",
                "b",
                "x",
                "m",
                "d",
                "d",
                "k",
                "Shift+M",
            ):
                self.page.keyboard.press(key)
            assert self.state() == before, f"a key on control {index} reached the notebook"
        return total

    def theme(self, name: str) -> None:
        """Switch to 'Light' or 'Dark'."""
        run = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        self.page.evaluate(run, f"JupyterLab {name}")
        flag = "true" if name == "Light" else "false"
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", flag, timeout=20_000)
        self.page.wait_for_timeout(400)  # the style sheet of the theme arrives after the flag

    def wait_for_problem(self, text: str) -> None:
        for _ in range(200):
            if any(text in problem for problem in self.page.problems):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"no {text!r} in {self.page.problems}")

    def shutdown_kernel(self) -> None:
        self.page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown(); }"
        )

    def forgive(self, text: str) -> None:
        """Drop a problem that the test itself brought about."""
        self.page.problems[:] = [problem for problem in self.page.problems if text not in problem]


def calculate(page: Page, function: str, cases: list) -> list:
    """``cases.map(function)`` in a page that shows a view, whose arithmetic is the global ``maths``."""
    script = f"(text) => JSON.stringify(JSON.parse(text).map({function}))"
    return json.loads(page.evaluate(script, json.dumps(cases)))


def picture(target: Locator | Page, name: str | None = None) -> bytes:
    """A screenshot; kept under ``name`` where the environment variable SHOTS names a folder."""
    path = Path(SHOTS) / f"{name}.png" if SHOTS and name else None
    return target.screenshot(animations="disabled", caret="hide", path=path)


def watch(page: Page) -> Page:
    """Note in ``page.problems`` whatever a page must not do: errors, and requests that leave the machine."""
    page.problems = problems = []
    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    page.on("console", lambda m: problems.append(f"console: {m.text}") if m.type == "error" else None)
    local = re.compile(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:|file:|about:")
    page.on("request", lambda r: None if local.match(r.url) else problems.append(f"request: {r.url}"))
    page.on("websocket", lambda w: None if local.match(w.url) else problems.append(f"request: {w.url}"))
    return page


@pytest.fixture(scope="session")
def chromium():
    assert Path(CHROMIUM).exists(), f"{CHROMIUM} is missing: apt-get install chromium, or set CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def new_page(chromium):
    """A function that opens a watched page in a context of its own; keywords go to the context."""

    def open_page(**context) -> Page:
        size = {"width": 1280, "height": 1400}
        return watch(chromium.new_context(**{"viewport": size} | context).new_page())

    return open_page


@pytest.fixture(scope="module")
def open_notebook(lab, new_page):
    """A function: code cells (or a notebook's path) → :class:`Notebook`, after Run All unless ``run=False``."""
    opened = []

    def start(cells: list[str] | Path, run: bool = True, clean: bool = True) -> Notebook:
        notebook = Notebook(new_page(), lab, lab.write(cells))
        opened.append((notebook, clean))
        return notebook.run_all() if run else notebook

    yield start
    for notebook, clean in opened:
        problems = notebook.page.problems
        notebook.page.context.close()
        assert not (clean and problems), problems
    lab.close_kernels()
    themes = "/lab/api/settings/@jupyterlab/apputils-extension:themes"
    lab.call("PUT", themes, {"raw": json.dumps({"theme": "JupyterLab Light"})})


@pytest.fixture()
def static_page(new_page, tmp_path):
    """A function: a view → the page of its static export, opened from the disk; keywords go to the browser context."""
    pages = []

    def start(view, **context) -> Page:
        page = new_page(**context)
        pages.append(page)
        page.goto(view.save_html(tmp_path / f"{len(pages)}.html").as_uri())
        expect(page.locator(".fci")).to_be_visible()
        assert page.get_by_text(BROKEN).count() == 0, page.locator(".fci-error").inner_text()
        return page

    yield start
    for page in pages:
        assert page.problems == []
        page.context.close()
