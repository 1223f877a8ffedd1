"""Draw lesson 4's figures: the quantizer's staircase and grid, and four of its flaws."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import style  # noqa: E402
import torch  # noqa: E402

from lib.quantizer import Quantizer, affine_parameters, fake_quantize  # noqa: E402

ALPHA = 2.0


def staircase(axes, bits: int, low: float = -ALPHA, high: float = ALPHA, calibrate: float = ALPHA) -> None:
    """Draw what a quantizer makes of each x, and shade what it clamps."""
    x = torch.linspace(low, high, 4001, requires_grad=True)
    quantizer = Quantizer(bits)
    quantizer(torch.tensor([calibrate]))
    y = quantizer(x)
    y.sum().backward()
    axes.plot([low, high], [low, high], color="0.7", lw=1.2)
    axes.plot(x.detach(), y.detach(), color=style.BLUE, lw=2.2)
    dead = x.detach()[(x.grad == 0) & (x > 0)]
    axes.axvspan(dead.min(), dead.max(), color=style.ORANGE, alpha=0.35, lw=0)


def levels(bits: int) -> torch.Tensor:
    """The levels of a signed grid of range ALPHA."""
    step = 2 * ALPHA / 2**bits
    return step * torch.arange(-(2 ** (bits - 1)), 2 ** (bits - 1))


def bell(count: int = 20_000) -> torch.Tensor:
    """Normal numbers that lie inside the range."""
    x = 0.62 * torch.randn(count, generator=torch.Generator().manual_seed(4))
    return x[x.abs() <= ALPHA]


def idea() -> None:
    """Write img/quantizer.png."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.2))
    staircase(left, 3)
    for code, level in enumerate(levels(3).tolist(), -4):
        text = f"code {code}".replace("-", "−")
        left.annotate(text, (1, level), (6, 0), ("axes fraction", "data"), "offset points", va="center")
    left.text(1.87, -1.9, "clamped, no gradient", rotation=90, ha="center", va="bottom")
    left.set(xlabel="x", ylabel="level", xlim=(-ALPHA, ALPHA), title="3 bits, range α = 2: the step is 0.5")
    counts, *_ = right.hist(bell(), bins=40, color=style.SKY)
    for level in levels(3).tolist():
        right.plot([level, level], [0, 1.12 * counts.max()], color=style.BLUE, lw=2)
    right.set(xlabel="x", yticks=[], xlim=(-2.15, 2.15), title="values, and the eight levels they are moved to")
    figure.savefig(HERE / "quantizer.png")


def dots(axes, values: torch.Tensor, height: float, filled: torch.Tensor) -> None:
    """Draw levels as dots: full where a value meets them, hollow where none does."""
    ys = torch.full_like(values, height)
    axes.plot(values[filled], ys[filled], "o", color=style.BLUE, ms=10)
    axes.plot(values[~filled], ys[~filled], "o", mfc="white", mec=style.VERMILION, mew=2, ms=10)


def flaws() -> None:
    """Write img/quantizer_flaws.png."""
    import matplotlib.pyplot as plt

    figure, ((unused, clipped), (outlier, channels)) = plt.subplots(2, 2, figsize=(11.5, 6.4))
    grid = levels(3) + ALPHA
    scale, zero_point = affine_parameters(0, ALPHA, 3)
    affine = scale * (torch.arange(8) - zero_point)
    unused.axvspan(0, ALPHA, color=style.SKY, alpha=0.4, lw=0)
    dots(unused, grid, 1, grid <= ALPHA)
    dots(unused, affine, 0, affine <= ALPHA + 1e-6)
    unused.text(ALPHA / 2, 1.55, "values lie here", ha="center")
    unused.text(2.75, 1.35, "never used", ha="center")
    unused.set(yticks=[0, 1], yticklabels=["affine", "always_pos"], ylim=(-0.6, 2), xlim=(-0.25, 3.75), xlabel="x")
    unused.set_title("unused codes")

    staircase(clipped, 2)
    clipped.text(1.76, -1.85, "no gradient", rotation=90, ha="center", va="bottom")
    clipped.set(xlabel="x", ylabel="level", xlim=(-ALPHA, ALPHA), title="clipped maximum (2 bits)")

    x = torch.cat([bell(), torch.tensor([6.0])])
    counts, *_ = outlier.hist(x, bins=160, color=style.SKY)
    for level in (1.5 * torch.arange(-4, 4)).tolist():
        outlier.plot([level, level], [0, 1.1 * counts.max()], color=style.BLUE, lw=2)
    outlier.annotate("one outlier", (6, 0.02 * counts.max()), (6, 0.5 * counts.max()), **style_arrow())
    outlier.set(yticks=[], xlabel="x", xlim=(-6.4, 7.6), title="one outlier stretches the grid (3 bits)")

    g = torch.Generator().manual_seed(1)
    for row, size in enumerate((0.07, 0.5, 0.72)):
        values = (size * torch.randn(60, generator=g)).clamp(-ALPHA, ALPHA)
        channels.plot(values, torch.full_like(values, row), "|", color=style.BLACK, ms=16, alpha=0.6)
        met = fake_quantize(values, 0.5, 0, -4, 3).unique()
        channels.plot(met, torch.full_like(met, row) + 0.36, "v", color=style.BLUE, ms=9)
    for level in levels(3).tolist():
        channels.axvline(level, color="0.8", lw=1, zorder=0)
    channels.set(yticks=[0, 1, 2], yticklabels=[f"channel {c}" for c in range(3)], ylim=(-0.5, 2.8), xlabel="x")
    channels.set_title("one grid for all channels (▾: levels met)")
    figure.savefig(HERE / "quantizer_flaws.png")


def style_arrow() -> dict:
    """How an arrow is drawn."""
    return {"ha": "center", "arrowprops": {"arrowstyle": "->", "color": style.BLACK}}


def draw() -> None:
    """Write both figures."""
    style.use()
    idea()
    flaws()


if __name__ == "__main__":
    draw()
