"""Figures of the class report: inline SVG, which needs no script and prints sharp."""

from collections.abc import Sequence

from course.page import escape

WIDTH = 760
# Okabe and Ito's colours; each part of a bar also carries its number, so that none is told by colour alone.
COLOURS = {
    "right": ("#009E73", "#000"),
    "partial": ("#E69F00", "#000"),
    "wrong": ("#D55E00", "#000"),
    "not written": ("#56B4E9", "#000"),
    "not graded": ("#999999", "#000"),
}


def _svg(height: float, label: str, parts: list[str]) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" role="img" aria-label="'
    return f'{head}{escape(label)}">{"".join(parts)}</svg>'


def _text(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    style = f' style="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{style}>{escape(text)}</text>'


def histogram(shares: Sequence[float], label: str) -> str:
    """How many submissions got which part of the points, in steps of a tenth.

    Parameters
    ----------
    shares
        Points divided by their maximum, between 0 and 1.
    label
        What the picture shows, for those who do not see it; the counts are added.
    """
    counts = [0] * 10
    for share in shares:
        counts[min(9, int(share * 10 + 1e-9))] += 1
    most, step, base = max([*counts, 1]), WIDTH / 10, 200
    parts = [f'<line x1="0" x2="{WIDTH}" y1="{base}" y2="{base}" stroke="var(--line)"/>']
    for i, count in enumerate(counts):
        height = 165 * count / most
        x = i * step
        parts.append(
            f'<rect x="{x + 3:g}" y="{base - height:g}" width="{step - 6:g}" height="{height:g}" fill="var(--bar)"/>'
        )
        if count:
            parts.append(_text(x + step / 2, base - height - 6, str(count), "middle"))
        parts.append(_text(x + step / 2, base + 20, f"{10 * i}–{10 * i + 10}", "middle"))
    parts.append(_text(WIDTH / 2, base + 44, "percent of the points", "middle"))
    told = ", ".join(f"{c} from {10 * i} to {10 * i + 10} percent" for i, c in enumerate(counts) if c)
    return _svg(base + 52, f"{label} {told}.", parts)


def stacked(rows: Sequence[tuple[str, dict[str, int]]], label: str) -> str:
    """A bar for each exercise, cut by how many answers are right, partly right and so on.

    Parameters
    ----------
    rows
        A name, and counts by the keys of :data:`COLOURS`.
    label
        What the picture shows, for those who do not see it; the counts are added.
    """
    left, top, line = 190, 34, 32
    parts, x = [], left
    for name, (colour, _) in COLOURS.items():
        parts.append(f'<rect x="{x:g}" y="6" width="14" height="14" fill="{colour}"/>' + _text(x + 20, 18, name))
        x += 46 + 8 * len(name)
    for number, (name, counts) in enumerate(rows):
        y, x, total = top + number * line, float(left), max(1, sum(counts.values()))
        parts.append(_text(left - 10, y + 18, name, "end"))
        for key, (colour, ink) in COLOURS.items():
            width = (WIDTH - left) * counts.get(key, 0) / total
            if width:
                parts.append(f'<rect x="{x:g}" y="{y}" width="{width:g}" height="{line - 6}" fill="{colour}"/>')
            if width > 9 * len(str(counts.get(key, 0))) + 4:
                parts.append(_text(x + width / 2, y + 18, str(counts[key]), "middle", f"fill: {ink}"))
            x += width
    told = "; ".join(f"{n}: " + ", ".join(f"{c} {k}" for k, c in counts.items() if c) for n, counts in rows)
    return _svg(top + line * len(rows), f"{label} {told}.", parts)


def bars(rows: Sequence[tuple[str, float, str]], label: str) -> str:
    """A bar for each name, as long as its share, with what it says at its end.

    Parameters
    ----------
    rows
        A name, a share between 0 and 1, and the words for it.
    label
        What the picture shows, for those who do not see it; the words are added.
    """
    parts, line = [], 50
    for number, (name, share, words) in enumerate(rows):
        y = number * line
        short = name if len(name) <= 90 else f"{name[:89]}…"
        width = max(2.0, share * (WIDTH - 170))
        parts.append(_text(0, y + 17, short))
        parts.append(f'<rect x="0" y="{y + 24}" width="{width:g}" height="16" fill="var(--bar)"/>')
        parts.append(_text(width + 8, y + 38, words))
    told = "; ".join(f"{name}: {words}" for name, _, words in rows)
    return _svg(line * len(rows), f"{label} {told}.", parts)
