"""Whose a file is: the course's layout, and those of Canvas, Moodle and Gradescope downloads.

Sources: Canvas, ``lib/content_zipper.rb``; Moodle, ``mod/assign/classes/downloader.php``; Gradescope, the export of
all submissions.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from course.files import File, Tree

METADATA = "submission_metadata.yml"
CANVAS = re.compile(
    r"(?:(?:LATE_)?(?P<anonymous>anon_[^_]+)|(?P<name>\w+?)_(?:LATE_)?(?P<user>\d+))_(?P<upload>\d+)_(?P<file>.+)"
)
MOODLE = re.compile(r"(?P<name>.+?)(?:_(?P<user>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?")
GRADESCOPE = re.compile(r"submission_\d+")


@dataclass(frozen=True)
class Student:
    """Who handed in.

    Attributes
    ----------
    key : str
        The name in the gradebook and of the files that are written: no two students share one.
    name : str
        The name as the platform gives it.
    canvas, moodle, sid, email : str
        Canvas's user id, Moodle's participant number, Gradescope's student id and e-mail address, where known.
    group : str
        What members of one group submission share.
    """

    key: str
    name: str
    canvas: str = ""
    moodle: str = ""
    sid: str = ""
    email: str = ""
    group: str = ""


@dataclass(frozen=True)
class Problem:
    """A file that a person must look at; ``student`` is a key, or empty."""

    student: str
    file: str
    message: str


Owned = tuple[Student, list[File]]


def by_folder(here: Tree, top: str) -> tuple[list[Owned], list[Problem]]:
    names = sorted(f[len(top) :] for f in here.folders if "/" not in f[len(top) :])
    owned = {name: (Student(name, name), []) for name in names}
    problems = []
    for file in here.files:
        name, _, rest = file.path[len(top) :].partition("/")
        if rest and name in owned:
            owned[name][1].append(file)
        elif file.is_notebook or file.trouble:
            problems.append(Problem("", file.path, file.trouble or "it lies in no student's folder"))
    return list(owned.values()), problems


def _canvas(here: Tree, top: str) -> tuple[list[Owned], list[Problem]]:
    def identity(match: re.Match) -> Student:
        if match["anonymous"]:
            return Student(match["anonymous"], match["anonymous"])
        return Student(f"{match['name']}_{match['user']}", match["name"], canvas=match["user"])

    return _by_name(here, top, CANVAS, identity)


def _moodle(here: Tree, top: str) -> tuple[list[Owned], list[Problem]]:
    def identity(match: re.Match) -> Student:
        name, user = match["name"], match["user"] or ""
        return Student(f"{name}_{user}".strip("_"), name, moodle=user)

    return _by_name(here, top, MOODLE, identity)


def _by_name(
    here: Tree, top: str, pattern: re.Pattern, identity: Callable[[re.Match], Student]
) -> tuple[list[Owned], list[Problem]]:
    """Read the student from the first part of each path: a file's name, or a folder's."""
    owned: dict[Student, list[File]] = {}
    problems = []
    for file in here.files:
        match = pattern.fullmatch(file.path[len(top) :].split("/")[0])
        if match:
            owned.setdefault(identity(match), []).append(file)
        elif file.is_notebook or file.trouble:
            problems.append(Problem("", file.path, file.trouble or "its name does not say whose it is"))
    return sorted(owned.items(), key=lambda pair: pair[0].key), problems


def _gradescope(here: Tree, top: str) -> tuple[list[Owned], list[Problem]]:
    listing = next((f for f in here.files if f.path == top + METADATA), None)
    try:
        submitters = submitters_in(listing.read().decode("utf-8", "replace")) if listing else {}
    except OSError as error:
        raise ValueError(f"{METADATA}: {error}") from None
    owned: dict[Student, list[File]] = {}
    problems = [] if listing else [Problem("", METADATA, "it is missing: students are named by submission")]
    for folder in sorted(f for f in here.folders if GRADESCOPE.fullmatch(f[len(top) :])):
        number = folder[len(top) :]
        people = submitters.get(number) or [{}]
        for person in people:
            name, sid, email = (person.get(key, "") for key in ("name", "sid", "email"))
            key = f"{name}_{sid or email or number}" if name else number
            group = number if len(people) > 1 else ""
            student = Student(key, name or number, sid=sid, email=email, group=group)
            owned.setdefault(student, []).extend(here.below(folder).files)
    for file in here.files:
        if file.is_notebook and not GRADESCOPE.fullmatch(file.path[len(top) :].split("/")[0]):
            problems.append(Problem("", file.path, "it lies in no submission's folder"))
    return sorted(owned.items(), key=lambda pair: pair[0].key), problems


def submitters_in(text: str) -> dict[str, list[dict[str, str]]]:
    """Read from Gradescope's ``submission_metadata.yml`` who handed in what.

    Of a file full of results only these lines count, and their indents say where they stand: a submission's number at
    the margin, ``:submitters:`` below it, ``- :name:``, ``:sid:`` and ``:email:`` below that.
    """
    found: dict[str, list[dict[str, str]]] = {}
    people: list[dict[str, str]] | None = None
    for line in text.splitlines():
        if re.match(r"\S", line):
            number = re.match(r"['\"]?(submission_\d+)\b.*:\s*$", line)
            current, people = (found.setdefault(number[1], []), None) if number else ([], None)
        elif re.fullmatch(r" {1,4}:submitters:\s*", line):
            people = current
        elif people is not None and (pair := re.fullmatch(r" +(- )?:(name|sid|email):\s*(.*?)\s*", line)):
            if pair[1]:
                people.append({})
            if people:
                people[-1][pair[2]] = _scalar(pair[3])
        elif re.match(r" {1,2}:", line):
            people = None
    return found


def _scalar(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text.strip('"')
    return "" if text in ("~", "null") else text


def _is_canvas(here: Tree, top: str) -> bool:
    names = [f.path[len(top) :] for f in here.files if f.is_notebook]
    return any(CANVAS.fullmatch(name) for name in names if "/" not in name)


def _is_moodle(here: Tree, top: str) -> bool:
    paths = {path[len(top) :].split("/")[0] for path in (*here.folders, *(f.path for f in here.files))}
    return any(MOODLE.fullmatch(name) for name in paths)


def _is_gradescope(here: Tree, top: str) -> bool:
    folders = [f[len(top) :] for f in here.folders if "/" not in f[len(top) :]]
    return any(f.path == top + METADATA for f in here.files) or (
        bool(folders) and all(GRADESCOPE.fullmatch(name) for name in folders)
    )


LAYOUTS = (
    ("Gradescope", _is_gradescope, _gradescope),
    ("Moodle", _is_moodle, _moodle),
    ("Canvas", _is_canvas, _canvas),
)
