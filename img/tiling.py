"""Draw lesson 1's figure: which tiles meet, and what fast memory holds meanwhile."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import style  # noqa: E402

SIDES, TILE, AT = {"m": 6, "k": 8, "n": 6}, 2, (1, 1, 2)  # AT: the live tile's row, column, inner step


def matrix(axes, left: float, top: float, shape: tuple[int, int], name: str, live: tuple, strip: tuple, colour: str):
    """Draw a matrix as a grid of tiles, its strip tinted and its live tile filled.

    `live` is the row and column of the live tile; `strip` the (row, column, rows, columns) of those that take
    part in the same tile of C, all counted in tiles.
    """
    from matplotlib.patches import Rectangle

    rows, columns = shape
    row, column, tall, wide = (TILE * x for x in strip)
    axes.add_patch(Rectangle((left + column, top - row), wide, -tall, color=colour, alpha=0.22, lw=0))
    corner = (left + TILE * live[1], top - TILE * live[0])
    axes.add_patch(Rectangle(corner, TILE, -TILE, facecolor=colour, edgecolor="black", lw=2.5, zorder=3))
    for i in range(rows + 1):
        line = {"color": "black", "lw": 1.3} if i % TILE == 0 else {"color": "0.75", "lw": 0.6}
        axes.plot([left, left + columns], [top - i, top - i], **line)
    for j in range(columns + 1):
        line = {"color": "black", "lw": 1.3} if j % TILE == 0 else {"color": "0.75", "lw": 0.6}
        axes.plot([left + j, left + j], [top, top - rows], **line)
    axes.text(left + columns / 2, top + 0.35, name, ha="center", va="bottom", fontsize=13)


def draw() -> None:
    """Write img/tiling.png."""
    style.use()
    import matplotlib.pyplot as plt

    m, k, n = SIDES.values()
    i, j, p = AT
    figure, axes = plt.subplots(figsize=(11.5, 3.4))
    matrix(axes, 0, 0, (m, k), "A   (m × k)", (i, p), (i, 0, 1, k // TILE), style.BLUE)
    matrix(axes, k + 2.4, 1, (k, n), "B   (k × n)", (p, j), (0, j, k // TILE, 1), style.ORANGE)
    left = k + n + 4.8
    matrix(axes, left, 0, (m, n), "C   (m × n)", (i, j), (i, j, 1, 1), style.GREEN)
    axes.text(k + 1.2, -m / 2, "×", fontsize=22, ha="center", va="center")
    axes.text(k + n + 3.6, -m / 2, "=", fontsize=22, ha="center", va="center")
    box = left + n + 1.6
    axes.add_patch(plt.Rectangle((box, -5.6), 10, 5.6, facecolor="0.95", edgecolor="black", lw=1.3, ls="--"))
    axes.text(box + 5, 0.35, "fast memory: 3 t² words", ha="center", va="bottom", fontsize=13)
    tiles = [("A[i, p]", style.BLUE, 0.75), ("B[p, j]", style.ORANGE, 4), ("C[i, j]", style.GREEN, 7.25)]
    for name, colour, shift in tiles:
        axes.add_patch(plt.Rectangle((box + shift, -0.8), 2, -2, facecolor=colour, edgecolor="black", lw=2))
        axes.text(box + shift + 1, -3, name, ha="center", va="top")
    axes.text(box + 5, -4.8, "C[i, j] += A[i, p] · B[p, j]", ha="center", va="center")
    axes.set(aspect="equal", xlim=(-0.3, box + 10.3), ylim=(-k + 0.7, 2.3))
    axes.axis("off")
    figure.savefig(HERE / "tiling.png")


if __name__ == "__main__":
    draw()
