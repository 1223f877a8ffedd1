"""From a submission to the notebook that is graded: the course's own cells around the student's blanks."""

import ast
import compileall
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course.cells import blanks, definition, filled
from course.lessons import Lesson

MAX_BYTES = 100 << 20
MAX_SOURCE = 100_000  # characters of one cell
MAX_ADDED = 100  # cells that the student added and the grader runs
MAGIC = re.compile(r"[ \t]*([%!?]|\w[\w., ]*=[ \t]*[%!]).*|.*\?[ \t]*")  # a line that only IPython understands
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


class Unreadable(ValueError):
    """A submission that is no notebook."""


@dataclass
class Submission:
    """What is taken from a submitted notebook.

    Attributes
    ----------
    blanks : dict of str to str
        Source of the cell of each exercise.
    added : dict of str to list of str
        Cells that the student added, by the exercise before which they stand.
    notes : dict of str to str
        What was odd about an exercise's cell.
    """

    blanks: dict[str, str] = field(default_factory=dict)
    added: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def cells_of(raw: bytes) -> list[dict[str, Any]]:
    """Read the code cells of a notebook of format 3 or 4: their ids, sources and exercises.

    Raises
    ------
    Unreadable
        The bytes are no notebook; the message says why.
    """
    if len(raw) > MAX_BYTES:
        raise Unreadable(f"the file holds more than {MAX_BYTES >> 20} MB")
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("the file is not UTF-8 text") from None
    except RecursionError:
        raise Unreadable("the file is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"the file is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Unreadable("the file is JSON, but not a notebook")
    sheets = content.get("worksheets")
    if isinstance(sheets, list):  # formats before 4
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or []]
    else:
        cells = content.get("cells")
    if not isinstance(cells, list):
        raise Unreadable("the file is JSON, but holds no cells")
    return [_plain(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]


def _plain(cell: dict) -> dict[str, Any]:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    metadata = cell.get("metadata")
    exercise = metadata.get("exercise") if isinstance(metadata, dict) else None
    text = source if isinstance(source, str) else ""
    if len(text) > MAX_SOURCE:
        text = f"raise ValueError('a cell of more than {MAX_SOURCE:,} characters is not run')"
    # A lone surrogate is legal in JSON and in no message to a kernel.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return {"id": cell.get("id"), "source": text, "exercise": exercise if isinstance(exercise, str) else None}


def read(raw: bytes, lesson: Lesson) -> Submission:
    """Take the blanks, and the cells that the student added, from a submitted notebook.

    Raises
    ------
    Unreadable
        The bytes are no notebook.
    """
    own = nbformat.read(lesson.notebook, 4)
    known = {cell.source for cell in own.cells}
    submission = Submission()
    loose: list[str] = []
    left = MAX_ADDED
    for cell in cells_of(raw):
        exercise = cell["exercise"]
        if exercise not in lesson.exercises:
            if left and cell["source"] not in known and (text := definitions(cell["source"])):
                loose.append(text)
                left -= 1
            continue
        if exercise in submission.blanks:
            submission.notes[exercise] = "Two cells are marked as this exercise; the last one was graded."
        submission.blanks[exercise] = cell["source"]
        submission.added.setdefault(exercise, []).extend(loose)
        loose = []
    for exercise in lesson.exercises:
        if exercise not in submission.blanks:
            _adopt(exercise, submission, [*(t for texts in submission.added.values() for t in texts), *loose])
    return submission


def _adopt(exercise: str, submission: Submission, texts: list[str]) -> None:
    """Take an unmarked cell for a missing blank if it is the only one that defines the exercise."""
    found = [text for text in texts if _defines(text, exercise)]
    if len(found) == 1:
        submission.blanks[exercise] = found[0]
        submission.notes[exercise] = "The marked cell is missing; another cell that defines it was graded."


def _defines(text: str, name: str) -> bool:
    try:
        return bool(definition(text, name))
    except (LookupError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def definitions(source: str) -> str:
    """Keep what a cell defines and drop what it does: prints, loops, trainings and magics."""
    plain = "\n".join("" if MAGIC.fullmatch(line) else line for line in source.splitlines())
    for text in (source, plain):
        try:
            return "\n\n".join(ast.unparse(node) for node in ast.parse(text).body if isinstance(node, KEPT))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return ""


def compose(lesson: Lesson, submission: Submission, probes: dict[str, str]) -> NotebookNode:
    """Make the notebook that is graded.

    For each exercise in turn: the cells that the student added, before and after them the references of the
    exercises before it, the student's blank, and its probes. Each cell's metadata say what it is.

    Parameters
    ----------
    lesson, submission
        What is graded.
    probes
        The probes' cells by ``"exercise/probe"``, as :func:`course.verdict.probe_cells` gives them.
    """
    own = nbformat.read(lesson.notebook, 4)
    shipped = blanks(own)
    graded = nbformat.v4.new_notebook(metadata=own.metadata)

    def add(kind: str, source: str, exercise: str = "", probe: str = "") -> None:
        role = {"kind": kind, "exercise": exercise, "probe": probe}
        graded.cells.append(nbformat.v4.new_code_cell(source, metadata={"role": role}))

    for cell in own.cells:
        if "setup" in cell.metadata.get("tags", []):
            add("setup", cell.source)
    given: list[str] = []
    for exercise in lesson.exercises:
        if exercise in submission.blanks:
            forget = f"globals().pop({exercise!r}, None)"  # a draft in another cell is not the blank
            references = "\n\n\n".join([*given, forget])
            for source in submission.added.get(exercise, []):
                add("given", references, exercise)  # what the student makes of them is made of the references
                add("added", source, exercise)
            add("given", references, exercise)
            add("blank", submission.blanks[exercise], exercise)
            for key, source in probes.items():
                if key.startswith(f"{exercise}/"):
                    add("probe", source, exercise, key.split("/", 1)[1])
        given.append(filled(shipped[exercise].source, lesson, exercise))
    return graded


# Some installs put a finder for the course's own checkout on the path of every Python of the environment.
SITE = """import os, sys
sys.meta_path[:] = [f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")]
sys.path[:] = [p for p in sys.path if not os.path.exists(os.path.join(p, "course", "referee.py"))]
"""


def stage(lesson: Lesson, folder: Path, lib: Path) -> Path:
    """Copy what a kernel may import of ``lib``: nothing of this lesson's references or of later ones.

    Returns
    -------
    Path
        The folder to put on the kernel's path; it holds ``lib``.
    """
    from course.lessons import CATALOGUE

    later = CATALOGUE[[other.name for other in CATALOGUE].index(lesson.name) :]
    withheld = {module for other in later for module in other.modules}
    (folder / "lib").mkdir(parents=True)
    for path in lib.glob("*.py"):
        if path.stem not in withheld:
            (folder / "lib" / path.name).write_bytes(path.read_bytes())
    compileall.compile_dir(folder / "lib", quiet=2)  # a caged kernel cannot keep what it compiles
    (folder / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    return folder
