"""``python -m lib.views OUT_DIR``: each view as one self-contained HTML page."""

import importlib
import sys
from pathlib import Path

NAMES = ("tiling", "lowering", "ste", "quantizer", "qat")


def main(folder: str) -> list[Path]:
    """Write ``folder/NAME.html`` for each view, from its module's ``example()``."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    return [importlib.import_module(f"lib.views.{name}").example().save_html(out / f"{name}.html") for name in NAMES]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m lib.views OUT_DIR")
    for page in main(sys.argv[1]):
        print(page)
