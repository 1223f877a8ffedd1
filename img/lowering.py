"""Draw lesson 2's figures: a convolution as one matrix product, and the positions of a kernel along one side."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import style  # noqa: E402

CHANNELS = ("#CFE3F2", "#FBE3B5")  # light tints of blue and orange: black numbers stay legible
SIDE, KERNEL, OUT, LIVE = 3, 2, 3, (1, 1)  # LIVE: output channel and position that are followed through
POSITIONS = [(y, x) for y in range(SIDE - KERNEL + 1) for x in range(SIDE - KERNEL + 1)]


def grid(axes, left: float, top: float, texts: list[list[str]], colour: str = "white") -> None:
    """Draw a grid of cells with a text in each."""
    from matplotlib.patches import Rectangle

    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            axes.add_patch(Rectangle((left + j, top - i), 1, -1, facecolor=colour, edgecolor="0.55", lw=0.8))
            axes.text(left + j + 0.5, top - i - 0.53, text, ha="center", va="center", fontsize=11)


def frame(axes, left: float, top: float, width: float, height: float, colour: str) -> None:
    """Draw a thick frame around cells."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left, top), width, -height, fill=False, edgecolor=colour, lw=3.2, zorder=3))


def arrow(axes, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    """Draw an arrow with a word above it."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "lw": 1.8, "color": "black"})
    axes.text((start[0] + end[0]) / 2, start[1] + 0.25, text, ha="center", va="bottom")


def convolution() -> None:
    """Write img/convolution_lowering.png."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(12.6, 6))
    kernel, position = LIVE
    y, x = POSITIONS[position]
    pixel = [[[str(c * SIDE**2 + i * SIDE + j + 1) for j in range(SIDE)] for i in range(SIDE)] for c in (0, 1)]
    letters = ["abcd", "efgh"]

    for c, colour in enumerate(CHANNELS):
        left = 4 * c
        grid(axes, left, -2.4, pixel[c], colour)
        frame(axes, left + x, -2.4 - y, KERNEL, KERNEL, style.VERMILION)
        axes.text(left + SIDE / 2, -5.6, f"channel {c}", ha="center", va="top", fontsize=11)
        taps = [pixel[c][i][j] for i in range(SIDE) for j in range(SIDE)]
        rows = [[taps[(r + i) * SIDE + s + j] for r, s in POSITIONS] for i in range(KERNEL) for j in range(KERNEL)]
        grid(axes, 21, -4 * c, rows, colour)
        for o in range(OUT):
            text = letters[c] if o == kernel else "    "
            grid(axes, 0.5 + 3 * c, -7.9 - 2.5 * o, [list(text[:2]), list(text[2:])], colour)
            grid(axes, 11 + 4 * c, -10 - o, [list(text)], colour)
    frame(axes, 21 + position, 0, 1, 8, style.VERMILION)
    for left, width in ((0.5, 2), (3.5, 2)):
        frame(axes, left, -7.9 - 2.5 * kernel, width, 2, style.BLUE)
    frame(axes, 11, -10 - kernel, 8, 1, style.BLUE)
    for o in range(OUT):
        grid(axes, 21, -10 - o, [["" for _ in POSITIONS]])
        grid(axes, 28 + 2.7 * o, -10.5, [["", ""], ["", ""]])
        axes.text(29 + 2.7 * o, -12.7, f"{o}", ha="center", va="top", fontsize=11)
    for left, top in ((21 + position, -10 - kernel), (28 + 2.7 * kernel + x, -10.5 - y)):
        axes.add_patch(plt.Rectangle((left, top), 1, -1, facecolor=style.GREEN, edgecolor="black", lw=2, zorder=3))

    axes.text(3.5, -0.3, "inputs\n(N, C, H, W) = (1, 2, 3, 3)", ha="center", va="top", linespacing=1.4)
    axes.text(23, 0.3, "lowered inputs\n(C·KH·KW, N·OH·OW) = (8, 4)", ha="center", linespacing=1.4)
    axes.text(3, -15.5, "weights\n(O, C, KH, KW) = (3, 2, 2, 2)", ha="center", va="top", linespacing=1.4)
    axes.text(15, -13.4, "lowered weights\n(O, C·KH·KW) = (3, 8)", ha="center", va="top", linespacing=1.4)
    axes.text(23, -13.4, "their product\n(O, N·OH·OW) = (3, 4)", ha="center", va="top", linespacing=1.4)
    axes.text(31.7, -13.7, "outputs\n(N, O, OH, OW) = (1, 3, 2, 2)", ha="center", va="top", linespacing=1.4)
    arrow(axes, (8.2, -3.9), (20.2, -3.9), "lower: a window is a column")
    arrow(axes, (6.4, -11.5), (10.5, -11.5), "a kernel\nis a row")
    arrow(axes, (25.4, -11.5), (27.6, -11.5), "lift")
    sides = zip("abcdefgh", (2, 3, 5, 6, 11, 12, 14, 15), strict=True)
    axes.text(26, -5.6, "the filled entry:", ha="left", fontsize=11.5)
    terms = [f"{letter}·{number}" for letter, number in sides]
    axes.text(
        26, -7.6, " + ".join(terms[:4]) + "\n+ " + " + ".join(terms[4:]), ha="left", fontsize=11.5, linespacing=1.4
    )
    axes.set(aspect="equal", xlim=(-0.5, 37), ylim=(-17.4, 2.2))
    axes.axis("off")
    figure.savefig(HERE / "convolution_lowering.png")


def positions() -> None:
    """Write img/output_size.png: size 8, padding 1, kernel 3, dilation 2, stride 2."""
    import matplotlib.pyplot as plt

    size, kernel, stride, padding, dilation = 8, 3, 2, 1, 2
    span, room = dilation * (kernel - 1) + 1, size + 2 * padding
    figure, axes = plt.subplots(figsize=(9, 3.6))
    texts = ["0"] * padding + [str(i + 1) for i in range(size)] + ["0"] * padding
    for i, text in enumerate(texts):
        grid(axes, i, 0, [[text]], CHANNELS[0] if padding <= i < padding + size else "0.88")
    starts = range(0, room - span + 1, stride)
    for row, start in enumerate(starts):
        top = -1.3 - row
        axes.plot([start + 0.5, start + span - 0.5], [top - 0.5] * 2, color=style.VERMILION, lw=2)
        for tap in range(kernel):
            axes.plot(start + dilation * tap + 0.5, top - 0.5, "o", color=style.VERMILION, ms=11)
        axes.text(room + 0.5, top - 0.5, f"position {row}", va="center")
    last = -1.4 - len(starts)
    for left, right, text, colour in (
        (0, span, f"the kernel spans d·(k − 1) + 1 = {span}", style.VERMILION),
        (span, room, f"room to travel: {room} − {span} = {room - span}", style.BLUE),
    ):
        axes.annotate("", (right, last), (left, last), arrowprops={"arrowstyle": "<->", "lw": 1.8, "color": colour})
        axes.text((left + right) / 2, last - 0.25, text, ha="center", va="top", fontsize=11)
    axes.text(padding / 2, 0.25, "padding", ha="center", va="bottom", fontsize=11)
    axes.text(room - padding / 2, 0.25, "padding", ha="center", va="bottom", fontsize=11)
    axes.text(room / 2, 0.25, "8 pixels", ha="center", va="bottom", fontsize=11)
    axes.set(aspect="equal", xlim=(-0.6, room + 3), ylim=(last - 0.9, 0.9))
    axes.axis("off")
    figure.savefig(HERE / "output_size.png")


if __name__ == "__main__":
    style.use()
    convolution()
    positions()
