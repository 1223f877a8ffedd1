"""Draw lesson 3's figure: the chain that rounding breaks, and the three derivatives one can give it."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import style  # noqa: E402

LOW, HIGH, REACH = -2, 1, 3.4  # the clipped range, and how far the axes go


def chain(axes) -> None:
    """Draw weight, rounding and loss, with the values going forward and the gradient coming back."""
    boxes = [(0, "w", "the weight"), (4, "round", "q = round(w)"), (8, "L", "the loss L(q)")]
    for left, name, caption in boxes:
        box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "black", "lw": 1.5}
        axes.text(left, 0, name, ha="center", va="center", fontsize=15, bbox=box)
        axes.text(left, -1.05, caption, ha="center", va="top", fontsize=11)
    for left, right in ((0.6, 2.9), (5.1, 7.4)):
        axes.annotate("", (right, 0.12), (left, 0.12), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": style.BLACK})
    back = {"arrowstyle": "-|>", "lw": 2.5, "color": style.BLUE, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (0, 0.8), (7.8, 0.8), arrowprops=back | {"connectionstyle": "arc3,rad=0.32"})
    axes.text(4, 2.3, "straight through: times 1", ha="center", color=style.BLUE, fontsize=12)
    axes.annotate("", (5.1, -0.2), (7.4, -0.2), arrowprops=back | {"color": style.VERMILION, "ls": "-"})
    axes.text(6.25, -0.45, "∂L/∂q", ha="center", va="top", color=style.VERMILION, fontsize=12)
    axes.plot([1.75], [-0.2], "x", color=style.VERMILION, ms=13, mew=3)
    axes.text(1.75, -0.6, "true: times 0", ha="center", va="top", color=style.VERMILION, fontsize=12)
    axes.set(xlim=(-1.3, 9.4), ylim=(-2.1, 2.9))
    axes.axis("off")


def staircases(above, below) -> None:
    """Draw rounding, clipped and not, and below it the three derivatives."""
    import torch

    x = torch.arange(-REACH, REACH, 0.001)
    q = torch.round(x)
    broken = q.where(q.diff(prepend=q[:1]) == 0, float("nan"))
    above.plot(x, x, color="0.6", lw=1.2, ls=":", label="x itself")
    above.plot(x, broken, color=style.BLACK, label="round(x)")
    above.plot(x, broken.clamp(LOW, HIGH), color=style.ORANGE, ls="--", label=f"clamped to −{-LOW} … {HIGH}")
    above.legend(frameon=False, fontsize=10, loc="upper left")
    above.set(ylabel="forward", yticks=range(-3, 4))
    jumps = [k + 0.5 for k in range(-3, 3)]
    below.axhline(1, color=style.BLUE, lw=4, label="straight through: 1")
    masked = ((q >= LOW) & (q <= HIGH)).float()
    below.plot(x, masked, zorder=3, color=style.ORANGE, ls="--", label="masked: 1 inside, 0 outside")
    below.axhline(0, color=style.VERMILION, lw=2.5, label="true: 0, none at the jumps", zorder=1)
    below.plot(jumps, [0] * len(jumps), "o", mfc="white", mec=style.VERMILION, mew=2, ms=7)
    below.set(ylabel="backward", xlabel="x", yticks=[0, 1], ylim=(-0.25, 2.35))
    below.legend(frameon=False, fontsize=10, loc="upper left", ncol=1)


def draw() -> None:
    """Write img/ste.png."""
    style.use()
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(12, 4.6))
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1), height_ratios=(1.35, 1))
    chain(figure.add_subplot(grid[:, 0]))
    above = figure.add_subplot(grid[0, 1])
    staircases(above, figure.add_subplot(grid[1, 1], sharex=above))
    above.tick_params(labelbottom=False)
    figure.savefig(HERE / "ste.png")


if __name__ == "__main__":
    draw()
