"""The frame of every page that a run writes: one self-contained HTML file, light or dark, good on paper."""

import html
import re
from functools import cache

from course.lessons import LESSONS

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --text: #1a1a1a; --soft: #f2f2f2; --line: #b0b0b0; --dim: #555555;
  --right: #006b4f; --wrong: #a34700; --part: #7a5600; --open: #0072b2; --bar: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181b; --text: #ececec; --soft: #24272c; --line: #5c6066; --dim: #b4b7bb;
    --right: #3fcf9f; --wrong: #ff9a57; --part: #f0c04a; --open: #56b4e9; --bar: #56b4e9; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem;
  background: var(--ground); color: var(--text); overflow-wrap: break-word; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.35rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1.1rem; margin: 1.4rem 0 .4rem; } header.row h3 { margin: 0; }
code, pre { font: 14px/1.45 ui-monospace, monospace; } h3 code { font-size: 1.05rem; }
a { color: var(--open); } .dim { color: var(--dim); }
section { border: 1px solid var(--line); border-left-width: 6px; border-radius: 4px;
  padding: .7rem 1rem; margin: 1rem 0; }
.right { border-left-color: var(--right); } .partial { border-left-color: var(--part); }
.wrong { border-left-color: var(--wrong); } .open { border-left-color: var(--open); }
header.row { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .2rem 1rem; }
.status { font-weight: 600; } .right .status, li.right .mark { color: var(--right); }
.partial .status { color: var(--part); } .wrong .status, li.wrong .mark { color: var(--wrong); }
.open .status, li.open .mark { color: var(--open); }
.hint { background: var(--soft); border-radius: 4px; padding: .5rem .8rem; margin: .6rem 0; }
ul.checks { list-style: none; padding: 0; margin: .6rem 0 0; } ul.checks > li { padding: .35rem 0 .35rem 1.7rem; }
ul.checks > li + li { border-top: 1px solid var(--soft); }
.mark { float: left; margin-left: -1.7rem; font-weight: 700; }
.points { float: right; margin-left: 1rem; white-space: nowrap; color: var(--dim); }
.values { display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; } .values > div { min-width: 0; max-width: 100%; }
.values p { margin: .4rem 0 0; font-size: 14px; color: var(--dim); }
pre { background: var(--soft); border-radius: 4px; padding: .5rem .7rem; margin: .2rem 0; overflow-x: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 15px; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .7rem .35rem 0; text-align: left; vertical-align: top; }
th { white-space: nowrap; }
td:last-child { overflow-wrap: anywhere; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; } figcaption { color: var(--dim); font-size: 15px; } svg { max-width: 100%; height: auto; }
svg text { fill: var(--text); font: 15px system-ui, sans-serif; }
@media print { :root { --ground: #fff; --text: #000; --soft: #f2f2f2; --line: #999; --dim: #444; --right: #006b4f;
    --wrong: #a34700; --part: #7a5600; --open: #0072b2; --bar: #0072b2; }
  body { margin: 0; max-width: none; font-size: 11pt; } section, li, tr, figure { break-inside: avoid; }
  h2, h3 { break-after: avoid; } pre { white-space: pre-wrap; } }
"""
escape = html.escape


def document(title: str, body: list[str]) -> str:
    """Make a page: nothing in it is fetched from elsewhere, and no script runs."""
    head = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
    ]
    return "\n".join([*head, *body, "</main>\n</body>\n</html>\n"])


def table(columns: list[str], rows: list[list[str]], numbers: set[int] = frozenset()) -> str:
    """Make a table of cells that are HTML already; the columns in ``numbers`` are set flush right."""
    cls = [' class="n"' if i in numbers else "" for i in range(len(columns))]
    head = "".join(f'<th scope="col"{c}>{escape(name)}</th>' for name, c in zip(columns, cls, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{c}>{cell}</td>" for cell, c in zip(row, cls, strict=True)) + "</tr>\n" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


@cache
def lesson_title(name: str) -> str:
    """The heading of a lesson's notebook, or its name."""
    try:
        text = LESSONS[name].notebook.read_text(encoding="utf-8")
    except (KeyError, OSError):
        return name
    found = re.search(r'"# (Lesson [^"\\]+)', text)
    return found[1] if found else name


def named(mistake: str) -> tuple[str, str]:
    """Split what the grader says of a known mistake into its name and its hint."""
    name, _, hint = mistake.partition(". ")
    return name, hint
