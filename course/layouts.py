"""Who handed in what: submissions as they lie in a folder or a zip, in the course's layout or as downloaded.

Four layouts are recognised. A notebook's lesson is known by its name, or, where it was renamed, by the exercises
that its cells name. Nothing is guessed: what fits twice or not at all is reported.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course.compose import Unreadable, cells_of
from course.downloads import CANVAS, LAYOUTS, MOODLE, Owned, Problem, Student, by_folder
from course.files import OUTSIDE, File, Tree, tree
from course.lessons import LESSONS, find

# What browsers, Canvas and Jupyter add to a name: "01_tiling (1)", "01_tiling-2", "01_tiling-Copy1".
ADDED = r"(?:[ _]?\(\d+\)|-\d+|[ _-]copy ?\d*)*"


@dataclass(frozen=True)
class Entry:
    """One student's notebook for one lesson: the file, or none, and what keeps it from being graded."""

    student: str
    lesson: str
    file: File | None
    problem: str = ""


@dataclass
class Batch:
    """All that was handed in: ``students`` by key, an entry for each student and lesson, and what was odd."""

    layout: str
    students: dict[str, Student] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def batch(path: Path, names: list[str]) -> Batch:
    """Find out who handed in what.

    Parameters
    ----------
    path
        A folder or a zip.
    names
        The lessons to grade; where empty, those that somebody has handed in.

    Raises
    ------
    FileNotFoundError
        There is no such folder or zip, or it holds no notebook of the course.
    KeyError
        There is no lesson of that name.
    ValueError
        The zip is damaged or too large.
    """
    chosen = [find(name).name for name in names]
    whole = tree(path)
    within = Tree(tuple(f for f in whole.files if f.trouble != OUTSIDE), whole.folders)
    layout, owned, problems = _owners(within)
    found = Batch(layout, problems=problems)
    found.problems += [Problem("", file.path, OUTSIDE) for file in whole.files if file.trouble == OUTSIDE]
    sorted_in = []
    for student, files in _with_keys(owned):
        lessons, odd = sort_in(files)
        found.students[student.key] = student
        found.problems += [Problem(student.key, file.path, message) for file, message in odd]
        sorted_in.append((student, lessons))
    chosen = chosen or [name for name in LESSONS if any(name in lessons for _, lessons in sorted_in)]
    if not sorted_in or not chosen:
        raise FileNotFoundError(f"{path} holds no <student>/<lesson>.ipynb and no download of a known layout")
    for student, lessons in sorted_in:
        found.entries += [entry(student.key, name, lessons.get(name, [])) for name in chosen]
    found.problems += [Problem(e.student, e.lesson, e.problem) for e in found.entries if e.problem]
    return found


def _owners(whole: Tree) -> tuple[str, list[Owned], list[Problem]]:
    """Recognise the layout, and give each file to its student."""
    here, top = whole, ""
    while True:
        for layout, recognised, owners in LAYOUTS:
            if recognised(here, top):
                pairs, problems = owners(here, top)
                return layout, pairs, problems
        inner = [f for f in here.folders if "/" not in f[len(top) :]]
        if len(inner) != 1 or any(f.is_notebook and "/" not in f.path[len(top) :] for f in here.files):
            break
        here, top = here.below(inner[0]), f"{inner[0]}/"
    root = whole.files[0].root if whole.files else None
    tops = [f for f in whole.folders if "/" not in f]
    if len(tops) == 1 and root is not None and root.is_file():  # a zip made of a folder, not of what is in it
        students = [f for f in whole.folders if f.count("/") == 1]
        direct = any(f.is_notebook and f.path.count("/") == 1 for f in whole.files)
        if students and not direct and (len(students) > 1 or tops[0] == root.stem):
            return "students", *by_folder(whole.below(tops[0]), f"{tops[0]}/")
    return "students", *by_folder(whole, "")


def _with_keys(owned: list[Owned]) -> Iterator[Owned]:
    """Give each student a key that can name a file and is nobody else's."""
    taken: set[str] = set()
    for student, files in owned:
        key = plain = _plain(student.key)
        number = 1
        while key.casefold() in taken:
            number += 1
            key = f"{plain} ({number})"
        taken.add(key.casefold())
        name = student.name.encode("utf-8", "replace").decode()
        yield Student(**(vars(student) | {"key": key, "name": name})), files


def _plain(text: str) -> str:
    """A name that any file system takes and any terminal shows."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    text = "".join("_" if c in '\\/:*?"<>|' or unicodedata.category(c)[0] == "C" else c for c in text)
    return text.strip(" .").encode()[:180].decode("utf-8", "ignore") or "unnamed"


def sort_in(files: list[File]) -> tuple[dict[str, list[File]], list[tuple[File, str]]]:
    """Sort one student's files by lesson.

    Returns
    -------
    lessons : dict of str to list of File
        Notebooks by lesson; more than one for a lesson is for :func:`course.layouts.batch` to report.
    odd : list of (File, str)
        Files that belong to no lesson, or to several, and why a person must look at them.
    """
    lessons: dict[str, list[File]] = {}
    odd = []
    for file in files:
        if file.is_notebook:
            names, message = _lessons_of(file)
            if len(names) == 1:
                lessons.setdefault(names[0], []).append(file)
            else:
                odd.append((file, message))
        elif file.trouble:
            odd.append((file, file.trouble))
        elif file.name.lower().endswith((".zip", ".rar", ".7z", ".tar", ".gz", ".tgz")):
            odd.append((file, "it is an archive, and was not opened"))
    return lessons, odd


def _lessons_of(file: File) -> tuple[list[str], str]:
    platform = next((m for p in (MOODLE, CANVAS) if (m := p.fullmatch(file.name)) and m["file"]), None)
    for name in (file.name, platform["file"] if platform else ""):
        stem = name[: -len(".ipynb")]
        named = [lesson for lesson in LESSONS if re.fullmatch(re.escape(lesson) + ADDED, stem, re.IGNORECASE)]
        if named:
            return named, ""
    try:
        exercises = {cell["exercise"] for cell in cells_of(file.read())}
    except (Unreadable, OSError) as error:
        return [], f"no lesson is known by its name, and its cells cannot be read: {error}"
    named = [name for name, lesson in LESSONS.items() if exercises & set(lesson.exercises)]
    if named:
        return named, f"its name is no lesson's, and its cells are of several: {', '.join(named)}"
    return [], "neither its name nor its cells are of a lesson of the course"


def entry(student: str, lesson: str, files: list[File]) -> Entry:
    """One lesson of one student: what is graded, or why nothing is."""
    if not files:
        return Entry(student, lesson, None)
    if len(files) == 1:
        return Entry(student, lesson, files[0], files[0].trouble)
    try:
        same = len({file.size for file in files}) == 1 and len({file.read() for file in files}) == 1
    except OSError:
        same = False
    names = ", ".join(file.path for file in files)
    return Entry(student, lesson, files[0], "" if same else f"{len(files)} files of this lesson: {names}")
