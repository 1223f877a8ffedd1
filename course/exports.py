"""Results for other systems: Gradescope's ``results.json``, CSVs that Canvas and Moodle import.

Sources: Gradescope, "Autograder Specifications", output format; Canvas, ``lib/gradebook_importer.rb``; Moodle,
"Grade import" and ``mod/assign/feedback/offline/importgradeslib.php``; OWASP, "CSV Injection".
"""

import csv
import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from course.downloads import Student
from course.layouts import Batch
from course.page import named
from course.report import shown, totals

VISIBILITIES = ("visible", "after_due_date", "after_published", "hidden")
# A cell that begins with one of these is a formula, or becomes one, in some spreadsheet.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
NOT_HANDED_IN = {"missing", "ambiguous"}


def write_exports(results: list[dict], batch: Batch, out: Path) -> None:
    """Write ``students/<key>.json``, ``canvas.csv``, ``moodle.csv`` and Moodle's grading worksheets."""
    (out / "students").mkdir(parents=True, exist_ok=True)
    for student, group in groupby(results, key=lambda result: result["student"]):
        text = json.dumps(gradescope_results(list(group)), indent=1, ensure_ascii=False)
        (out / "students" / f"{student}.json").write_text(text + "\n", encoding="utf-8")
    worth = {result["lesson"]: totals(result)[1] for result in results}
    scores = {(result["student"], result["lesson"]): _score(result) for result in results}
    write_csv(out / "canvas.csv", canvas_rows(batch, worth, scores))
    write_csv(out / "moodle.csv", moodle_rows(batch, worth, scores))
    if any(student.moodle for student in batch.students.values()):
        for name in worth:
            write_csv(out / f"moodle_{name}.csv", worksheet_rows(batch, name, worth[name], scores))


def _score(result: dict) -> int | str:
    """A submission's points, or nothing where there is none to judge: what that is worth, the instructor says."""
    if result.get("lost") or {e["status"] for e in result["exercises"]} <= NOT_HANDED_IN:
        return ""
    return totals(result)[0]


def canvas_rows(batch: Batch, worth: dict[str, int], scores: dict) -> Iterable[list]:
    """Rows for Canvas: *Grades, Import*. It finds a student by ID, else by SIS id, login or name."""
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *worth]
    yield ["    Points Possible", "", "", "", "", *worth.values()]
    for key, s in batch.students.items():
        login = key if batch.layout == "students" else s.email
        yield [s.name, s.canvas, s.sid, login, "", *(scores.get((key, name), "") for name in worth)]


def moodle_rows(batch: Batch, worth: dict[str, int], scores: dict) -> Iterable[list]:
    """Rows for Moodle: *Grades, Import, CSV file*, where a column is chosen that says who is meant."""
    yield ["Identifier", "Full name", "ID number", "Email address", *worth]
    for key, s in batch.students.items():
        grades = (scores.get((key, name), "") for name in worth)
        yield [_participant(s) or s.sid or key, s.name, s.sid, s.email, *("-" if g == "" else g for g in grades)]


def worksheet_rows(batch: Batch, name: str, worth: int, scores: dict) -> Iterable[list]:
    """Rows for one assignment of Moodle: *Upload grading worksheet*, where participants have numbers."""
    yield ["Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)"]
    for key, s in batch.students.items():
        if s.moodle:
            yield [_participant(s), s.name, scores.get((key, name), ""), worth, "-"]


def _participant(student: Student) -> str:
    return f"Participant {student.moodle}" if student.moodle else ""


def write_csv(path: Path, rows: Iterable[list]) -> None:
    """Write a CSV in which no text is a formula."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[harmless(cell) for cell in row] for row in rows])


def harmless(cell: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula: an apostrophe in front makes it text again."""
    if isinstance(cell, str) and cell.startswith(FORMULA) and cell != "-":
        return f"'{cell}"
    return cell


def gradescope_results(results: list[dict], visibility: str = "visible") -> dict:
    """What Gradescope shows of one student's submissions.

    Parameters
    ----------
    results
        What :func:`course.grade.grade` returned for each.
    visibility
        When students see the tests: one of :data:`VISIBILITIES`.

    Returns
    -------
    dict
        The content of ``results.json``.
    """
    tests = []
    for first, result in enumerate(results, 1):
        for second, exercise in enumerate(result["exercises"], 1):
            label = f"{first}.{second}" if len(results) > 1 else f"{second}"
            tests += list(_tests(exercise, label, visibility))
    return {
        "score": sum(test["score"] for test in tests),
        "output": "\n".join(_line(result) for result in results),
        "output_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _line(result: dict) -> str:
    points, worth = totals(result)
    return f"{result['lesson']}: {points} of {worth} points"


def _tests(exercise: dict, label: str, visibility: str) -> Iterable[dict]:
    """A test for each check; one for the whole exercise where it was not judged."""
    whole = {"title": exercise["status"], "points": exercise["points"], "max_points": exercise["max_points"]}
    checks = exercise["checks"] or [whole | {"status": exercise["status"], "message": exercise["message"]}]
    said = False
    for number, check in enumerate(checks, 1):
        lines = []
        if check["status"] not in ("right", "not written") and exercise.get("mistake") and not said:
            lines.append("This looks like a known mistake: {}. {}".format(*named(exercise["mistake"])))
            said = True
        if number == 1 and exercise.get("note"):
            lines.append(exercise["note"])
        if check["status"] != "right":
            lines.append(check["message"])
            lines += [f"{name}:\n{value}" for name, value in shown(check).items()]
        yield {
            "name": f"{exercise['exercise']}: {check['title']}",
            "number": f"{label}.{number}",
            "score": check["points"],
            "max_score": check["max_points"],
            "status": "passed" if check["status"] == "right" else "failed",
            "output": "\n".join(lines),
            "output_format": "text",
            "visibility": visibility,
        }
