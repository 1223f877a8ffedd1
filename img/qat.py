"""Draw lesson 5's figures: simulation and integers side by side, and accuracy against bits."""

import json
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import style  # noqa: E402

SIMULATION = [
    ("image\n$\\hat x = s_x q_x$", "levels, float"),
    ("convolution\n$\\hat x * \\hat w + \\hat b$", "float"),
    ("ReLU, pool", "float"),
    ("quantizer\nround and clamp", "float"),
    ("$\\hat y = s_y q_y$", "levels, float"),
]
INTEGERS = [
    ("codes\n$q_x$", "uint8"),
    ("convolution\n$q_x * q_w + q_b$", "int8 · uint8 → int32"),
    ("ReLU, pool", "int32"),
    ("$\\times\\, m,\\; \\gg n$\nround and clamp", "int64 → uint8"),
    ("codes\n$q_y$", "uint8"),
]


def chain(plt) -> None:
    """Write img/qat.png."""
    figure, axes = plt.subplots(figsize=(11.5, 3.9))
    step, width, height = 2.3, 1.75, 0.95
    rows = (1.9, "simulation", SIMULATION, style.ORANGE), (0.0, "integers", INTEGERS, style.BLUE)
    for y, name, boxes, colour in rows:
        axes.text(-0.25, y + height / 2, name, ha="right", va="center", fontsize=14, fontweight="bold")
        for i, (text, kind) in enumerate(boxes):
            box = plt.Rectangle((i * step, y), width, height, facecolor=colour, alpha=0.2, lw=0)
            axes.add_patch(box)
            axes.add_patch(plt.Rectangle((i * step, y), width, height, fill=False, edgecolor="black", lw=1.5))
            axes.text(i * step + width / 2, y + height / 2, text, ha="center", va="center", fontsize=12)
            axes.text(i * step + width / 2, y - 0.1, kind, ha="center", va="top", fontsize=11, color="0.25")
            if i:
                start = ((i - 1) * step + width + 0.04, y + height / 2)
                arrow = {"arrowstyle": "-|>", "lw": 1.8, "color": "black"}
                axes.annotate("", (i * step - 0.04, y + height / 2), start, arrowprops=arrow)
    for i, label in ((0, "the same\ncodes"), (4, "the same\ncodes, all")):
        x = i * step + width / 2
        axes.text(x - 0.1, 1.32, "=", fontsize=24, ha="right", va="center", rotation=90, color=style.GREEN)
        axes.text(x + 0.1, 1.3, label, fontsize=12, ha="left", va="center")
    axes.set(xlim=(-1.9, 4 * step + width + 0.6), ylim=(-0.5, 3))
    axes.axis("off")
    figure.savefig(HERE / "qat.png")
    plt.close(figure)


def accuracies(plt) -> None:
    """Write img/qat_accuracy.png, from what benchmarks/qat.py found."""
    found = json.loads((HERE / "qat_digits.json").read_text())["accuracy"]
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, width_ratios=(5, 3))
    kinds = ("notes", "o", style.VERMILION), ("mended", "s", style.BLUE), ("learned", "^", style.GREEN)
    titles = {"PTQ": "quantized after training", "QAT": "trained as a quantized network"}
    for axes, (method, title) in zip(panels, titles.items(), strict=True):
        widths = (8, 6, 4, 3, 2) if method == "PTQ" else (4, 3, 2)
        for shift, (kind, mark, colour) in enumerate(kinds):
            wrong = [[100 - value for value in found[f"{kind} {method} {bits}"]] for bits in widths]
            mean = [statistics.mean(values) for values in wrong]
            below = [m - min(values) for m, values in zip(mean, wrong, strict=True)]
            above = [max(values) - m for m, values in zip(mean, wrong, strict=True)]
            x = [i + 0.08 * (shift - 1) for i in range(len(widths))]
            axes.errorbar(x, mean, [below, above], fmt=mark + "-", color=colour, label=kind, capsize=4)
        level = 100 - statistics.mean(found["float"])
        axes.axhline(level, color="black", ls=":", label="float")
        axes.set(title=title, xlabel="bits", xticks=range(len(widths)), yscale="log")
        axes.set_xticklabels(widths)
        axes.set_yticks((0.2, 0.5, 1, 2, 5, 10, 20, 50), ("0.2", "0.5", "1", "2", "5", "10", "20", "50"))
        axes.minorticks_off()
    panels[0].set_ylabel("test images wrong (%)")
    panels[0].legend(loc="upper left")
    figure.savefig(HERE / "qat_accuracy.png")
    plt.close(figure)


def draw() -> None:
    """Write both figures."""
    style.use()
    import matplotlib.pyplot as plt

    chain(plt)
    accuracies(plt)


if __name__ == "__main__":
    draw()
