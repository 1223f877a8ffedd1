"""What blocking buys on a real CPU, with vectorisation and cache told apart.

Two experiments, each within one run on one thread; only ratios are kept.

* One small product, all of it in cache, done in larger and larger pieces: the gain is the interpreter's
  and the vector units', not the cache's.
* One large product as a sum of outer products, C += a bᵀ, with C cut into tiles that stay put while all the
  outer products are added: the arithmetic and the operator are the same for every side of a tile. What
  differs is the number of calls, and how much has to be carried through the caches.

Run from the top of the repository: ``python benchmarks/blocking.py``. Writes img/blocking.png and
img/blocking.json.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "img")]

import style  # noqa: E402

from lib.tiling import mmul_tiling  # noqa: E402

SMALL, LARGE, UPDATES = 96, 4096, 24
TILES = (4, 8, 16, 32, 48, 96)
SIDES = (64, 128, 256, 512, 1024, 2048, 4096)


def best_times(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time each run once a round, in turn, and keep the fastest: what else the machine does only adds."""
    times = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name] = min(times[name], time.perf_counter() - start)
    return times


def triple_loop(rowsA: list, rowsB: list) -> list:
    """Multiply two lists of rows, number by number."""
    size = range(len(rowsA))
    matC = [[0.0 for _ in size] for _ in size]
    for i in size:
        for j in size:
            for p in size:
                matC[i][j] += rowsA[i][p] * rowsB[p][j]
    return matC


def inner_products(matA: torch.Tensor, columnsB: torch.Tensor) -> torch.Tensor:
    """Multiply by one vectorised inner product for each element of the answer."""
    matC = matA.new_empty(len(matA), len(columnsB))
    for i, row in enumerate(matA):
        for j, column in enumerate(columnsB):
            matC[i, j] = torch.dot(row, column)
    return matC


def outer_products(matC: torch.Tensor, columnsA: torch.Tensor, rowsB: torch.Tensor, side: int) -> torch.Tensor:
    """Sum the outer products of A's columns and B's rows, one finished tile of C after the other."""
    tile = matC.new_empty(side, side)
    for i in range(0, matC.shape[0], side):
        for j in range(0, matC.shape[1], side):
            tile.zero_()
            for column, row in zip(columnsA, rowsB, strict=True):
                tile.addcmul_(column[i : i + side, None], row[None, j : j + side])
            matC[i : i + side, j : j + side] = tile
    return matC


def vectorisation() -> dict[str, float]:
    """Time one small product done in larger and larger pieces, as multiples of one ``@``."""
    matA, matB = torch.randn(SMALL, SMALL), torch.randn(SMALL, SMALL)
    rowsA, rowsB, columnsB = matA.tolist(), matB.tolist(), matB.T.contiguous()
    runs = {
        "number by number": lambda: triple_loop(rowsA, rowsB),
        "inner products": lambda: inner_products(matA, columnsB),
        **{f"tiles, t = {t}": lambda t=t: mmul_tiling(matA, matB, t) for t in TILES},
        "one @": lambda: matA @ matB,
    }
    for run in runs.values():
        torch.testing.assert_close(torch.as_tensor(run()), matA @ matB, rtol=1e-3, atol=1e-3)
    times = best_times(runs, rounds=9)
    return {name: seconds / times["one @"] for name, seconds in times.items()}


def cache() -> dict[int, float]:
    """Time one large sum of outer products with C in tiles of several sides, as multiples of the fastest."""
    columnsA, rowsB = torch.randn(UPDATES, LARGE), torch.randn(UPDATES, LARGE)
    matC = torch.zeros(LARGE, LARGE)
    for side in (SIDES[0], SIDES[-1]):
        tiled = outer_products(matC.zero_(), columnsA, rowsB, side)
        torch.testing.assert_close(tiled, columnsA.T @ rowsB, rtol=1e-3, atol=1e-3)
    runs = {side: lambda side=side: outer_products(matC, columnsA, rowsB, side) for side in SIDES}
    times = best_times(runs, rounds=5)
    return {side: seconds / min(times.values()) for side, seconds in times.items()}


def caches() -> dict[str, int]:
    """Read the sizes of this processor's caches in bytes, where Linux tells them."""
    sizes = {}
    for entry in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (entry / "type").read_text().strip() != "Instruction":
            text = (entry / "size").read_text().strip()
            sizes[f"L{(entry / 'level').read_text().strip()}"] = int(text[:-1]) << {"K": 10, "M": 20}[text[-1]]
    return sizes


def draw(numbers: dict) -> None:
    """Draw img/blocking.png."""
    style.use()
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
    names, ratios = zip(*numbers["vectorisation"].items(), strict=True)
    bars = left.barh(names, ratios, color=style.BLUE)
    left.bar_label(bars, [f"{r:,.0f}×" if r >= 10 else f"{r:.1f}×" for r in ratios], padding=3)
    left.set(xscale="log", xlim=(0.7, max(ratios) * 6), xlabel="time, as a multiple of one @")
    left.invert_yaxis()
    left.set_title(f"Vectorisation: {SMALL}×{SMALL}, all in cache")
    sides = [int(s) for s in numbers["cache"]]
    right.plot(sides, numbers["cache"].values(), "o-", color=style.VERMILION)
    top = max(numbers["cache"].values()) * 1.5
    for name, size in numbers["caches"].items():
        edge = (size / 4) ** 0.5
        right.axvline(edge, color=style.BLACK, lw=1, ls=":")
        right.text(edge * 0.96, top, f"fills {name}", rotation=90, ha="right", va="top")
    right.set(xscale="log", yscale="log", ylim=(0.8, top), xlabel="side of a tile of C")
    right.set_ylabel("time, fastest = 1")
    ticks = [y for y in (1, 2, 4, 8, 16, 32) if y <= top]
    right.set_yticks(ticks, [f"{y}×" for y in ticks])
    right.set_xticks(sides, [str(s) for s in sides], rotation=45)
    right.minorticks_off()
    right.set_title(f"Cache: {LARGE}×{LARGE}, one operator")
    figure.savefig(ROOT / "img" / "blocking.png")


def main() -> None:
    """Measure, write the numbers, draw them."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    numbers = {
        "torch": torch.__version__,
        "small": SMALL,
        "large": LARGE,
        "updates": UPDATES,
        "caches": caches(),
        "vectorisation": {name: round(r, 2) for name, r in vectorisation().items()},
        "cache": {side: round(r, 2) for side, r in cache().items()},
    }
    (ROOT / "img" / "blocking.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    draw(numbers)
    print(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
