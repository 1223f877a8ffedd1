"""What lowering costs: three ways to lower, and the matrix product, as multiples of F.conv2d.

One thread, float32, within one run; only ratios are kept. Each way is timed whole (lower, multiply, lift) and
its lowering alone; the product alone is timed on a matrix that was lowered before.

* slices: one strided slice a tap, k·k copies (the reference);
* strided view: the lowered matrix as a view of six axes, copied by one reshape;
* F.unfold: torch's own im2col, compiled; its columns are kept image by image, and multiplied so.

Run from the top of the repository: ``python benchmarks/lowering.py``. Writes img/lowering_cost.json and
img/lowering_cost.png.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "img")]

import style  # noqa: E402

from lib.lowering import inputs_lowering, output_size, outputs_lifting, weight_lowering  # noqa: E402

LAYERS = {  # batch, channels, side; output channels, kernel, stride
    "16×8×8 → 32\n3×3, batch 64": (64, 16, 8, 32, 3, 1),
    "64×56×56 → 64\n3×3, batch 1": (1, 64, 56, 64, 3, 1),
    "256×14×14 → 256\n3×3, batch 1": (1, 256, 14, 256, 3, 1),
    "3×224×224 → 64\n7×7, stride 2": (1, 3, 224, 64, 7, 2),
}
ROUNDS = 15


def strided_view(inputs: torch.Tensor, kernel: int, stride: int, padding: int) -> torch.Tensor:
    """Lower through a view: axes (C, KH, KW, N, OH, OW) over the padded image's own memory."""
    n, c, height, width = inputs.shape
    oh, ow = (output_size(side, kernel, stride, padding) for side in (height, width))
    padded = F.pad(inputs, (padding,) * 4)
    a, b, y, x = padded.stride()
    view = padded.as_strided((c, kernel, kernel, n, oh, ow), (b, y, x, a, y * stride, x * stride))
    return view.reshape(c * kernel**2, n * oh * ow)


def ways(x: torch.Tensor, weights: torch.Tensor, stride: int) -> dict[str, tuple[Callable, Callable]]:
    """The lowering alone and the whole convolution, each as a function of nothing, by name."""
    kernel, padding = weights.shape[2], weights.shape[2] // 2
    oh, ow = (output_size(side, kernel, stride, padding) for side in x.shape[2:])
    rows = weight_lowering(weights)

    def whole(lower: Callable) -> Callable:
        return lambda: outputs_lifting(rows @ lower(), x.shape[0], oh, ow)

    slices = lambda: inputs_lowering(x, kernel, stride, padding)  # noqa: E731
    view = lambda: strided_view(x, kernel, stride, padding)  # noqa: E731
    unfold = lambda: F.unfold(x, kernel, 1, padding, stride)  # noqa: E731
    ready = slices()
    return {
        "slices": (slices, whole(slices)),
        "strided view": (view, whole(view)),
        "F.unfold": (unfold, lambda: (rows @ unfold()).unflatten(2, (oh, ow))),
        "product": (lambda: None, lambda: rows @ ready),
        "F.conv2d": (lambda: None, lambda: F.conv2d(x, weights, None, stride, padding)),
    }


def best_time(run: Callable[[], object]) -> float:
    """The fastest of three runs in a row: what else the machine does only adds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(n: int, c: int, side: int, out: int, kernel: int, stride: int) -> dict:
    """Time every way for one layer, in turn, round after round; keep the fastest, as multiples of F.conv2d.

    ``copies`` is the size of the lowered inputs as a multiple of the inputs.
    """
    x, weights = torch.randn(n, c, side, side), torch.randn(out, c, kernel, kernel)
    runs = ways(x, weights, stride)
    expected = runs["F.conv2d"][1]()
    for name in ("slices", "strided view", "F.unfold"):
        torch.testing.assert_close(runs[name][1](), expected, rtol=1e-3, atol=1e-2)
    best = {name: [float("inf")] * 2 for name in runs}
    for _ in range(ROUNDS):
        for name, pair in runs.items():
            best[name] = [min(old, best_time(run)) for old, run in zip(best[name], pair, strict=True)]
    unit, product = best.pop("F.conv2d")[1], best.pop("product")[1]
    ratios = {name: {"lowering": lower / unit, "whole": whole / unit} for name, (lower, whole) in best.items()}
    copies = runs["slices"][0]().numel() / x.numel()
    return {"copies": copies, "product": product / unit, "ways": ratios}


def draw(layers: dict) -> None:
    """Draw img/lowering_cost.png."""
    style.use()
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(11, 4.2))
    colours = {"slices": style.BLUE, "strided view": style.ORANGE, "F.unfold": style.GREEN}
    for place, layer in enumerate(layers.values()):
        for i, (name, ratio) in enumerate(layer["ways"].items()):
            left = place + 0.27 * (i - 1)
            label = name if place == 0 else None
            axes.bar(left, ratio["whole"], 0.25, color=colours[name], alpha=0.45, label=label)
            axes.bar(left, ratio["lowering"], 0.25, fill=False, hatch="///", edgecolor="0.15", lw=0)
            axes.text(left, ratio["whole"], f"{ratio['whole']:.1f}×", ha="center", va="bottom", fontsize=11)
    axes.bar(0, 0, fill=False, hatch="///", edgecolor="0.15", lw=0, label="the lowering alone")
    axes.axhline(1, color=style.BLACK, lw=1.2, ls="--")
    axes.text(len(layers) - 0.5, 1, "F.conv2d", va="center", bbox={"facecolor": "white", "lw": 0})
    axes.set_xticks(range(len(layers)), layers)
    axes.set_ylabel("time, F.conv2d = 1")
    axes.legend(ncols=2, loc="upper right")
    axes.set_ylim(0, 1.35 * max(r["whole"] for x in layers.values() for r in x["ways"].values()))
    figure.savefig(ROOT / "img" / "lowering_cost.png")


def main() -> None:
    """Measure, write the numbers, draw them."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    with torch.inference_mode():
        layers = {name: measure(*sizes) for name, sizes in LAYERS.items()}
    numbers = {"torch": torch.__version__, "layers": {" ".join(k.split()): v for k, v in layers.items()}}
    numbers = json.loads(json.dumps(numbers), parse_float=lambda x: round(float(x), 2))
    (ROOT / "img" / "lowering_cost.json").write_text(
        json.dumps(numbers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    draw(layers)
    print(json.dumps(numbers, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
