"""What a run writes: for each student a page and a ``results.json``, for the class a report, gradebooks to import."""

from collections import Counter
from itertools import groupby
from pathlib import Path

from course.layouts import Batch
from course.page import document, escape, lesson_title, named

MARKS = {"right": "✓", "not written": "○"}
WORDS = {"right": "right", "partial": "partly right", "not written": "not yet written", "ambiguous": "not graded"}


def write_reports(results: list[dict], batch: Batch, out: Path) -> None:
    """Write all that is made of the results of a run.

    Parameters
    ----------
    results
        What :func:`course.grade.grade` returned for each submission, those of a student next to each other.
    batch
        Who handed in what.
    out
        A folder: the class's files go there, each student's page and ``results.json`` to ``students`` in it.
    """
    from course.class_report import class_page
    from course.exports import write_exports

    write_pages(results, out / "students", {key: student.name for key, student in batch.students.items()})
    write_exports(results, batch, out)
    (out / "class.html").write_text(class_page(results, batch), encoding="utf-8")


def write_pages(results: list[dict], folder: Path, names: dict[str, str]) -> None:
    """Write one self-contained HTML page for each student; ``names`` are shown in place of their keys."""
    folder.mkdir(parents=True, exist_ok=True)
    for student, group in groupby(results, key=lambda result: result["student"]):
        text = page(names.get(student, student), list(group))
        (folder / f"{student}.html").write_text(text, encoding="utf-8")


def page(student: str, results: list[dict]) -> str:
    """The feedback for one student as HTML: never a probe's source, its input or a seed."""
    body = [f"<h1>{escape(student)}</h1>"]
    for result in results:
        points, worth = totals(result)
        body.append(f"<h2>{escape(lesson_title(result['lesson']))}: {points} of {worth} points</h2>")
        body += [_section(exercise) for exercise in result["exercises"]]
    return document(f"{student}: results", body)


def totals(result: dict) -> tuple[int, int]:
    """The points of one submission, and what it could have got."""
    return sum(e["points"] for e in result["exercises"]), sum(e["max_points"] for e in result["exercises"])


def _kind(status: str) -> str:
    """The look of a status: right, partial, open (nothing to judge) or wrong."""
    if status in ("right", "partial"):
        return status
    return "open" if status in ("not written", "missing", "ambiguous") else "wrong"


def _section(exercise: dict) -> str:
    status = exercise["status"]
    parts = [
        f'<section class="{_kind(status)}"><header class="row"><h3><code>{escape(exercise["exercise"])}</code></h3>',
        f'<span><span class="status">{escape(WORDS.get(status, status))}</span>, '
        f"{exercise['points']} of {exercise['max_points']} points</span></header>",
    ]
    if exercise.get("mistake"):
        name, hint = named(exercise["mistake"])
        parts.append(
            f'<div class="hint"><strong>This looks like a known mistake: {escape(name)}.</strong> {escape(hint)}</div>'
        )
    if note := exercise.get("note") or (not exercise["checks"] and exercise["message"]):
        parts.append(f"<p>{escape(note)}</p>")
    if exercise["checks"]:
        parts.append('<ul class="checks">' + "\n".join(map(_check, exercise["checks"])) + "</ul>")
    return "\n".join([*parts, "</section>"])


def _check(check: dict) -> str:
    status = check["status"]
    line = (
        f'<li class="{_kind(status)}"><span class="mark" aria-hidden="true">{MARKS.get(status, "✗")}</span>'
        f'<span class="points">{check["points"]} of {check["max_points"]}</span>{escape(check["title"])}'
    )
    if status == "right":
        return f"{line}</li>"
    message = "" if status == "not written" else f"<br>{escape(check['message'])}"
    pairs = [f"<div><p>{name}</p><pre>{escape(value)}</pre></div>" for name, value in shown(check).items()]
    values = f'<div class="values">{"".join(pairs)}</div>' if pairs else ""
    return f"{line}{message}{values}</li>"


def shown(check: dict) -> dict[str, str]:
    """The student's value and the expected one, where they say more than the message does."""
    values = {name: check[name] for name in ("yours", "expected") if check.get(name)}
    return {} if all(value in check["message"] for value in values.values()) else values


def summary(results: list[dict]) -> str:
    """How the run went, in a few lines."""
    rows = [row for result in results for row in result["exercises"]]
    counts = Counter(row["status"] for row in rows)
    students = len({result["student"] for result in results})
    each = ", ".join(f"{number} {status}" for status, number in counts.most_common())
    return f"{students} students, {len(results)} submissions, {len(rows)} exercises: {each}"
