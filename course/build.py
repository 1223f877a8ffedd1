"""What is generated from the notebooks and ``lib``: the solutions, and the answers of the public cases."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from course.cells import blanks, filled
from course.lessons import Lesson
from course.mistakes import mistakes
from lib.cases import call, cases_in
from lib.check import fingerprint, public_seed


def solution(lesson: Lesson) -> NotebookNode:
    """The lesson's notebook with every blank filled, not yet run."""
    nb = nbformat.read(lesson.notebook, 4)
    for exercise, cell in blanks(nb).items():
        cell.source = filled(cell.source, lesson, exercise)
    return nb


def execute(nb: NotebookNode, folder: Path, timeout: int = 600) -> NotebookNode:
    """Run a notebook in a folder, in place; the student's progress file is not touched."""
    with tempfile.TemporaryDirectory() as scratch:
        env = os.environ | {"COURSE_PROGRESS": str(Path(scratch) / "progress.json")}
        client = NotebookClient(nb, timeout=timeout, record_timing=False, resources={"metadata": {"path": str(folder)}})
        client.execute(env=env)
    return nb


def recorded(lesson: Lesson) -> dict[str, Any]:
    """What the references and the known mistakes answer in the public cases.

    A mistake that no public case tells from the reference, or that does nothing but raise, is left out:
    it could not be recognised.
    """
    exercises = {}
    for exercise in lesson.exercises:
        cases = cases_in(lesson.public(), exercise)
        results = [call(c.function, lesson.reference(exercise), public_seed(c)) for c in cases]
        right = [fingerprint(result) for result in results]
        known = []
        for mistake in (m for m in mistakes(lesson) if m.exercise == exercise):
            prints = [fingerprint(call(c.function, mistake.implementation, public_seed(c))) for c in cases]
            if any(p != r and not p.startswith("raises") for p, r in zip(prints, right, strict=True)):
                known.append({"name": mistake.name, "hint": mistake.hint, "prints": prints})
        expected = {c.name: {"value": r["value"]} for c, r in zip(cases, results, strict=True)}
        exercises[exercise] = {"expected": expected, "mistakes": known}
    return {"lesson": lesson.name, "exercises": exercises}


def build(lesson: Lesson) -> None:
    """Write a lesson's recorded answers and its solution."""
    lesson.recorded.write_text(json.dumps(recorded(lesson), indent=1) + "\n", encoding="utf-8")
    nb = execute(solution(lesson), lesson.notebook.parent)
    nbformat.write(nb, lesson.solution)
