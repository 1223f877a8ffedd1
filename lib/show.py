"""Messages to the student: HTML in JupyterLab, plain text elsewhere, the same words in both."""

import html
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

MARKS = {"right": "✓", "wrong": "✗", "not yet written": "○", "note": "·"}
COLOURS = {"right": "#009E73", "wrong": "#D55E00", "not yet written": "#56B4E9", "note": "#56B4E9"}
LARGEST = 64  # an array of more numbers than this is described, not shown
CELL = "padding:2px 8px;text-align:right;border:1px solid var(--jp-border-color2,#bbb)"
RULE = "border-top:3px solid var(--jp-border-color1,#888)"
CAPTION = "text-align:left;caption-side:top;white-space:nowrap"
ROW = "display:flex;flex-wrap:wrap;gap:8px 28px;margin:6px 0"
BOX = "padding:4px 12px;margin:4px 0;font-size:14px;line-height:1.5;border-left:5px solid "


@dataclass
class Message:
    """What a check, a hint or a prediction answers.

    Attributes
    ----------
    status : str
        ``"right"``, ``"wrong"``, ``"not yet written"`` or ``"note"``.
    title : str
        The first line.
    lines : list of str
        The sentences below it.
    values : list of (str, Any, index)
        Values to show side by side, with their captions and the index to mark.
    source : str
        The code that was run, folded away in HTML.
    footer : str
        Where the answer comes from.
    """

    status: str
    title: str
    lines: list[str] = field(default_factory=list)
    values: list[tuple[str, Any, tuple | None]] = field(default_factory=list)
    source: str = ""
    footer: str = ""

    @property
    def passed(self) -> bool:
        return self.status == "right"

    def __repr__(self) -> str:
        parts = [f"{MARKS[self.status]} {self.title}", *(f"  {line}" for line in self.lines)]
        for caption, value, index in self.values:
            parts += [f"  {caption}:", *(f"    {row}" for row in text_rows(value, index))]
        if self.source:
            parts += ["  what was run:", *(f"    {row}" for row in self.source.splitlines())]
        return "\n".join(parts + ([f"  ({self.footer})"] if self.footer else []))

    def _repr_html_(self) -> str:
        esc = html.escape
        label = esc(f"{self.status}: {self.title}", quote=True)
        parts = [f'<div role="group" aria-label="{label}" style="{BOX}{COLOURS[self.status]}">']
        parts.append(f"<strong>{MARKS[self.status]} {esc(self.title)}</strong>")
        lines = [re.sub("`(.+?)`", r"<code>\1</code>", esc(line)) for line in self.lines]
        parts += [f"<div>{line}</div>" for line in lines]
        for given in (True, False):  # what went in, and below it what came out
            row = [_html(*value) for value in self.values if value[0].startswith("argument ") is given]
            parts.append(f'<div style="{ROW}">{"".join(row)}</div>' if row else "")
        if self.source:
            code = f"<pre style='font-size:14px'>{esc(self.source)}</pre>"
            parts.append(f"<details><summary>What was run</summary>{code}</details>")
        if self.footer:
            parts.append(f'<div style="opacity:.8">{esc(self.footer)}</div>')
        return "".join([*parts, "</div>"])


def _numbers(value: Any) -> tuple[list[list[str]], str] | None:
    """The rows of a small array as text, and a word on its shape; ``None`` for anything else."""
    if isinstance(value, np.ndarray):
        value = torch.as_tensor(value)
    if not isinstance(value, torch.Tensor) or value.is_meta or not 0 < value.numel() <= LARGEST:
        return None
    rows = value.detach().reshape(-1, value.shape[-1] if value.ndim else 1)
    text = [[f"{x + 0.0:.5g}" if isinstance(x, float) else str(x) for x in row] for row in rows.tolist()]
    sides = "×".join(map(str, value.shape)) or "a number"
    return text, f"{sides} {str(value.dtype).removeprefix('torch.')}"


def _matrices(value: Any) -> list[int]:
    """At which rows of :func:`_numbers` a matrix begins; an array of more than two axes holds several."""
    return list(range(0, int(np.prod(value.shape[:-1])), value.shape[-2])) if value.ndim > 2 else [0]


def _marked(value: Any, index: tuple | None) -> tuple[int, int] | None:
    """Row and column, in the rows of :func:`_numbers`, of the number at ``index``."""
    if index is None:
        return None
    flat = int(np.ravel_multi_index(index, value.shape)) if index else 0
    return divmod(flat, value.shape[-1] if value.ndim else 1)


def brief(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        name = "tensor" if isinstance(value, torch.Tensor) else "array"
        return f"{name} of shape {tuple(value.shape)}, {value.dtype}"
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + " …"


def _excerpt(value: Any, index: tuple | None) -> tuple[Any, tuple | None, str]:
    """Of a large array, the part of one row around a place, and a word on where that is."""
    if not index or not isinstance(value, torch.Tensor) or value.numel() <= LARGEST:
        return value, index, ""
    start = max(0, min(index[-1] - 2, value.shape[-1] - 8))
    row = value[index[:-1]][start : start + 8]
    where = ", ".join([*map(str, index[:-1]), f"{start}:{start + len(row)}"])
    sides = "×".join(map(str, value.shape))
    return row, (index[-1] - start,), f"[{where}] of {sides}, "


def text_rows(value: Any, index: tuple | None) -> list[str]:
    """A value as lines of text, with the number at ``index`` in brackets."""
    value, index, part = _excerpt(value, index)
    if (numbers := _numbers(value)) is None:
        return [brief(value)]
    rows, shape = numbers
    marked = _marked(value, index)
    cells = [[f"[{c}]" if (i, j) == marked else f" {c} " for j, c in enumerate(row)] for i, row in enumerate(rows)]
    width = max(len(c) for row in cells for c in row)
    lines = ["".join(c.rjust(width) for c in row) for row in cells]
    for start in reversed(_matrices(value)[1:]):
        lines.insert(start, "")
    return [*lines, f"({part}{shape})"]


def _html(caption: str, value: Any, index: tuple | None) -> str:
    caption = html.escape(caption)
    value, index, part = _excerpt(value, index)
    if (numbers := _numbers(value)) is None:
        return f"<div><em>{caption}</em><br>{html.escape(brief(value))}</div>"
    rows, shape = numbers
    marked = _marked(value, index)
    body, starts = [], _matrices(value)[1:]
    for i, row in enumerate(rows):
        cells = []
        for j, number in enumerate(row):
            text = f"<strong>▸{number}</strong>" if (i, j) == marked else number
            style = CELL + (";outline:2px solid #D55E00" if (i, j) == marked else "")
            cells.append(f'<td style="{style}">{text}</td>')
        body.append(f"<tr style='{RULE if i in starts else ''}'>{''.join(cells)}</tr>")
    title = f'<caption style="{CAPTION}"><em>{caption}</em>, {part}{shape}</caption>'
    return f'<table style="font-size:14px;margin:0;border-collapse:collapse">{title}{"".join(body)}</table>'
