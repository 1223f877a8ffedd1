"""What students and instructors read after a run: a page a student, and the summary on the terminal."""

import html
from collections import Counter
from itertools import groupby
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
section { border-left: 5px solid #999; padding: 0 1rem; margin: 1.5rem 0; }
section.right { border-color: #009E73; } section.partial { border-color: #E69F00; }
section.wrong, section.crashed, section.timed { border-color: #D55E00; }
h3 { margin: 0; } li { margin: .4rem 0; } .values { display: flex; flex-wrap: wrap; gap: 0 2rem; }
pre { background: color-mix(in srgb, currentColor 8%, transparent); padding: .5rem; overflow-x: auto; }
"""
MARKS = {"right": "✓", "wrong": "✗", "not written": "○"}


def write_pages(results: list[dict], folder: Path) -> None:
    """Write one self-contained HTML page for each student."""
    folder.mkdir(parents=True, exist_ok=True)
    for student, group in groupby(results, key=lambda result: result["student"]):
        (folder / f"{student}.html").write_text(page(student, list(group)), encoding="utf-8")


def page(student: str, results: list[dict]) -> str:
    """The feedback for one student as HTML: never a probe's source, its input or a seed."""
    esc = html.escape
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><title>{esc(student)}</title>"]
    parts.append(f"<meta name=viewport content='width=device-width'><style>{STYLE}</style><h1>{esc(student)}</h1>")
    for result in results:
        points = sum(e["points"] for e in result["exercises"])
        worth = sum(e["max_points"] for e in result["exercises"])
        parts.append(f"<h2>{esc(result['lesson'])}: {points} of {worth} points</h2>")
        parts += [_section(exercise) for exercise in result["exercises"]]
    return "\n".join(parts) + "\n</html>\n"


def _section(exercise: dict) -> str:
    esc = html.escape
    head = f"{exercise['exercise']}: {exercise['status']}, {exercise['points']} of {exercise['max_points']}"
    parts = [f"<section class='{exercise['status']}'><h3>{esc(head)}</h3>"]
    if exercise.get("mistake"):
        parts.append(f"<p>This looks like a known mistake: <strong>{esc(exercise['mistake'])}</strong></p>")
    if note := exercise.get("note") or (not exercise["checks"] and exercise["message"]):
        parts.append(f"<p>{esc(note)}</p>")
    parts.append("<ul>" + "".join(_check(check) for check in exercise["checks"]) + "</ul></section>")
    return "".join(parts)


def _check(check: dict) -> str:
    esc = html.escape
    mark = MARKS.get(check["status"], "✗")
    line = f"{mark} {esc(check['title'])} ({check['points']} of {check['max_points']})"
    if check["status"] == "right":
        return f"<li>{line}</li>"
    pairs = [f"<div>{name}<pre>{esc(check[name])}</pre></div>" for name in ("yours", "expected") if name in check]
    values = f"<div class=values>{''.join(pairs)}</div>" if pairs else ""
    return f"<li>{line}<br>{esc(check['message'])}{values}</li>"


def summary(results: list[dict]) -> str:
    """How the run went, in a few lines."""
    rows = [row for result in results for row in result["exercises"]]
    counts = Counter(row["status"] for row in rows)
    students = len({result["student"] for result in results})
    each = ", ".join(f"{number} {status}" for status, number in counts.most_common())
    return f"{students} students, {len(results)} submissions, {len(rows)} exercises: {each}"
