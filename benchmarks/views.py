"""From key press to changed picture in JupyterLab: the lowering view beside the same picture by matplotlib.

``python -m benchmarks.views`` prints median and 95th percentile over 30 moves of a slider, in a headless Chromium, and
the ratio to the view. Both draw padded input, lowered matrix and output with a number in every cell, window, column and
pixel outlined; the third row leaves matplotlib's numbers out. Time runs from the browser's ``keydown`` event to the
first frame after the new picture is in the page (an image also has to be decoded).
"""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, Lab, Notebook, watch

MOVES, WARM_UP = 30, 5
SETUP = """
import torch, ipywidgets
import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from lib import views
from lib.lowering import inputs_lowering
x = torch.arange(36.).reshape(6, 6) % 10
kernel = torch.tensor([[-1., 0, 1]] * 3)
lowered = inputs_lowering(x[None, None], 3)
output = kernel.flatten() @ lowered
slider = lambda: ipywidgets.IntSlider(0, 0, 15)

def draw(position, numbers):
    row, column = divmod(position, 4)
    window = x[row:row + 3, column:column + 3]
    figure = plt.figure(figsize=(9, 6), layout='constrained')
    panels = figure.subplot_mosaic([['x', 'window', 'kernel', 'products', 'y'], ['low'] * 5, ['out'] * 5],
                                   height_ratios=[3, 5, 1])
    pictures = {'x': x, 'window': window, 'kernel': kernel, 'products': window * kernel, 'y': output.reshape(4, 4),
                'low': lowered, 'out': output[None]}
    outlines = {'x': (column, row, 3, 3), 'y': (column, row, 1, 1),
                'low': (position, 0, 1, 9), 'out': (position, 0, 1, 1)}
    for name, values in pictures.items():
        panels[name].imshow(values, cmap='cividis')
        panels[name].axis('off')
        if numbers:
            for r, line in enumerate(values.tolist()):
                for c, value in enumerate(line):
                    panels[name].text(c, r, f'{value:g}', ha='center', va='center', fontsize=8)
        if name in outlines:
            c, r, width, height = outlines[name]
            panels[name].add_patch(Rectangle((c - .5, r - .5), width, height, fill=False, color='black', linewidth=2))
    plt.show()
"""
CELLS = {
    "the view": "view = views.lowering(x, kernel_size=3); view",
    "matplotlib with interact": "ipywidgets.interact(lambda position: draw(position, True), position=slider());",
    "the same without numbers": "ipywidgets.interact(lambda position: draw(position, False), position=slider());",
}
# Resolves with the milliseconds from the next keydown to the frame that shows another picture.
MEASURE = """(box) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error("the picture did not change")), 20000);
  const picture = () => { const image = box.querySelector('img');
    return image ? image.src : box.querySelector('svg.fci-svg')?.innerHTML; };
  const before = picture(); let start = null;
  window.addEventListener('keydown', () => { start = performance.now(); }, { capture: true, once: true });
  const observer = new MutationObserver(async () => {
    const now = picture();
    if (start === null || !now || now === before) return;
    observer.disconnect();
    await box.querySelector('img')?.decode().catch(() => null);
    requestAnimationFrame(() => { const channel = new MessageChannel();
      channel.port1.onmessage = () => resolve(performance.now() - start); channel.port2.postMessage(0); });
  });
  observer.observe(box, { childList: true, subtree: true, attributes: true });
})"""


def moves(page: Page, notebook: Notebook, index: int) -> list[float]:
    """Milliseconds of each move of the slider in the output of code cell ``index``."""
    output = notebook.panel.locator(".jp-CodeCell").nth(index).locator(".jp-OutputArea").first
    output.scroll_into_view_if_needed()
    slider = output.get_by_role("slider").first
    slider.focus()
    times = []
    for move in range(WARM_UP + MOVES):
        key = "ArrowRight" if move % 28 < 14 else "ArrowLeft"  # 14 to the right, 14 back
        handle = output.element_handle()
        page.evaluate("(box) => { window.elapsed = (" + MEASURE + ")(box); }", handle)
        page.keyboard.press(key)
        times.append(page.evaluate("() => window.elapsed"))
        page.wait_for_timeout(100)
    return times[WARM_UP:]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder)) as lab, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = watch(browser.new_context(viewport={"width": 1280, "height": 1400}).new_page())
        page.set_default_timeout(60_000)
        notebook = Notebook(page, lab, lab.write([SETUP, *CELLS.values()])).run_all()
        results = {name: moves(page, notebook, index) for index, name in enumerate(CELLS, start=1)}
        browser.close()
    fastest = statistics.median(results["the view"])
    print(f"{'key press to changed picture, ms':36}{'median':>9}{'95th percentile':>17}{'ratio of medians':>18}")
    for name, times in results.items():
        middle, high = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        print(f"{name:36}{middle:9.1f}{high:17.1f}{middle / fastest:18.1f}")


if __name__ == "__main__":
    main()
