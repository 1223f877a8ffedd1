"""Take the pictures of the five views, from their pages without a kernel."""

import os
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from lib.views.__main__ import main

IMG = Path(__file__).parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def draw() -> None:
    """Write img/view_NAME.png for each view."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        main(folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for page in sorted(Path(folder).glob("*.html")):
            tab = browser.new_page(viewport={"width": 1100, "height": 700}, color_scheme="light")
            tab.goto(page.as_uri())
            tab.locator(".fci").screenshot(path=IMG / f"view_{page.stem}.png", animations="disabled")
            tab.close()
        browser.close()


if __name__ == "__main__":
    draw()
