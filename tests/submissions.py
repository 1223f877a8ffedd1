"""Submissions made from the banks of right and wrong answers, as students would hand them in."""

import ast
import copy
import inspect
import json
from pathlib import Path
from typing import Any

import nbformat

from course.cells import blanks, definition
from course.lessons import Lesson


def answer(lesson: Lesson, exercise: str, implementation: Any) -> str:
    """The source of a blank's cell with an implementation from a bank, and what it needs, in place of the blank."""
    node = ast.parse(inspect.getsource(implementation)).body[0]
    bank = ast.parse(inspect.getsource(inspect.getmodule(implementation))).body
    imports = [n for n in bank if isinstance(n, (ast.Import, ast.ImportFrom)) and _is_at_hand(n, lesson)]
    helpers = _helpers(node, bank)
    for name in (n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == node.name):
        name.id = exercise  # it calls itself
    node.name, node.decorator_list = exercise, []
    blank = blanks(nbformat.read(lesson.notebook, 4))[exercise].source
    rest = blank.splitlines()[definition(blank, exercise).end_lineno :]
    return "\n".join([*map(ast.unparse, [*imports, *helpers, node]), *rest])


def _is_at_hand(node: ast.Import | ast.ImportFrom, lesson: Lesson) -> bool:
    """Tell whether a student of the lesson could write this import."""
    name = getattr(node, "module", None) or node.names[0].name
    return not name.startswith(("course", "tests", *(f"lib.{module}" for module in lesson.modules)))


def _helpers(node: ast.stmt, bank: list[ast.stmt]) -> list[ast.stmt]:
    """What a definition uses of the other definitions in its module, those that they use included."""
    used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    found = []
    for other in bank:
        names = {other.name} if isinstance(other, (ast.FunctionDef, ast.ClassDef)) else set()
        if isinstance(other, ast.Assign):
            names = {target.id for target in other.targets if isinstance(target, ast.Name)}
        if names & used and names != {node.name}:
            if hasattr(other, "decorator_list"):
                other.decorator_list = []
            found += [n for n in _helpers(other, [b for b in bank if b is not other]) if n not in found]
            found.append(other)
    return found


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
