"""The graded cells of a notebook: finding them, and filling them from the references."""

import ast
import inspect

from nbformat import NotebookNode

from course.lessons import Lesson


def blanks(nb: NotebookNode) -> dict[str, NotebookNode]:
    """The graded cells of a notebook, by the exercise that each names."""
    return {cell.metadata["exercise"]: cell for cell in nb.cells if "exercise" in cell.metadata}


def definition(source: str, name: str) -> ast.FunctionDef | ast.ClassDef:
    """Find the function or class that a cell defines under a name.

    Raises
    ------
    LookupError
        The cell defines no such thing.
    SyntaxError
        The cell is no Python.
    """
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return node
    raise LookupError(f"no definition of {name}")


def filled(source: str, lesson: Lesson, exercise: str) -> str:
    """Put the source of the reference in place of the blank; what stands around it in the cell is kept."""
    node = definition(source, exercise)
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = source.splitlines()
    answer = inspect.getsource(lesson.reference(exercise)).rstrip().splitlines()
    return "\n".join([*lines[: first - 1], *answer, *lines[node.end_lineno :]])
