"""Submissions made from the banks of right and wrong answers, as students would hand them in."""

import ast
import copy
import inspect
import json
from pathlib import Path
from typing import Any

import nbformat

from course.build import blanks, definition
from course.lessons import Lesson


def answer(lesson: Lesson, exercise: str, implementation: Any) -> str:
    """The source of a blank's cell with an implementation from a bank in place of the blank."""
    node = ast.parse(inspect.getsource(implementation)).body[0]
    node.name, node.decorator_list = exercise, []
    own = inspect.getsource(inspect.getmodule(implementation))
    withheld = ("course", "lib", "tests")
    imports = [n for n in ast.parse(own).body if isinstance(n, (ast.Import, ast.ImportFrom))]
    kept = [n for n in imports if not (getattr(n, "module", None) or n.names[0].name).startswith(withheld)]
    blank = blanks(nbformat.read(lesson.notebook, 4))[exercise].source
    rest = blank.splitlines()[definition(blank, exercise).end_lineno :]
    return "\n".join([*map(ast.unparse, kept), ast.unparse(node), *rest])


def submission(lesson: Lesson, answers: dict[str, str]) -> dict:
    """The solved notebook with other answers to some of its exercises."""
    nb = json.loads(lesson.solution.read_text(encoding="utf-8"))
    for cell in nb["cells"]:
        if (exercise := cell["metadata"].get("exercise")) in answers:
            cell["source"] = answers[exercise]
    return copy.deepcopy(nb)


def hand_in(folder: Path, student: str, lesson: Lesson, content: Any) -> None:
    """Put a notebook, or any text or bytes, where a student's submission lies."""
    path = folder / student / f"{lesson.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def columns(lesson: Lesson, bank: list) -> list[dict[str, Any]]:
    """Deal a bank out to students: the first of every exercise to one, the second to the next, and so on."""
    plain = [entry for entry in bank if _is_plain(entry.implementation)]
    by_exercise = {name: [entry for entry in plain if entry.exercise == name] for name in lesson.exercises}
    most = max(map(len, by_exercise.values()))
    return [{name: entries[i] for name, entries in by_exercise.items() if i < len(entries)} for i in range(most)]


def _is_plain(implementation: Any) -> bool:
    """Tell whether an entry is written out as a function or class of its own, as a student's would be."""
    try:
        return isinstance(ast.parse(inspect.getsource(implementation)).body[0], (ast.FunctionDef, ast.ClassDef))
    except (OSError, SyntaxError):
        return False
