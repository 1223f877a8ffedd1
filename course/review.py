"""What in a class's work a person should look at, and why. A sign is no proof: it says where to look."""

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache

import nbformat

from course.cells import blanks
from course.compose import Unreadable, cells_of
from course.layouts import Batch
from course.lessons import LESSONS
from course.similar import alike, runs

# What the referee says of a kernel that died, and of answers that are none.
ANSWERS = re.compile(r"\d+ answers came back where one was asked for")
SAID = ("it stopped the kernel", "what came back is no answer", "it gives away the check")
FORBIDDEN = re.compile(r"It calls (.+?), which does this exercise for you")
# Modules and names that reach out of an exercise, to the system, the shell or the callers.
MODULES = {"builtins", "ctypes", "gc", "importlib", "inspect", "multiprocessing", "os", "pathlib", "pickle", "shutil"}
MODULES |= {"signal", "socket", "subprocess", "sys", "threading", "course", "tests", "IPython", "zmq", "requests"}
NAMES = {"get_ipython", "__import__", "eval", "exec", "compile", "globals", "open", "__builtins__"}
ATTRIBUTES = {"_getframe", "f_back", "f_globals", "__globals__", "__subclasses__", "__torch_function__", "__code__"}


@dataclass(frozen=True)
class Sign:
    """Why a person should look at some work.

    Attributes
    ----------
    kind : str
        A heading of the report.
    students : tuple of str
        The keys of those whose work it is.
    where : str
        The lesson and its exercises, or nothing.
    why : str
        What was seen.
    """

    kind: str
    students: tuple[str, ...]
    where: str
    why: str


TAMPERING = "Signs of tampering"
CALLS = "Calls to what an exercise forbids"
UNUSUAL = "Code that reaches out of the exercise"
ALIKE = "Answers that are nearly the same"
FILES = "Work that was not graded, or not all of it"


def signs(results: list[dict], batch: Batch) -> list[Sign]:
    """Gather the signs of a run: from the verdicts, from the students' source, and from the files."""
    sources = _sources(batch)
    found = [Sign(FILES, (p.student,) * bool(p.student), "", f"{p.file}: {p.message}") for p in batch.problems]
    for result in results:
        if result.get("lost"):
            why = f"{result['lesson']}: {result['exercises'][0]['message']}"
            found.append(Sign(FILES, (result["student"],), "", why))
        for exercise in result["exercises"]:
            student, lesson, name = result["student"], result["lesson"], exercise["exercise"]
            source = sources.get((student, lesson, name), "")
            seen = _in_verdicts(exercise) + [(TAMPERING, why) for why in _retagged(source, name, lesson)]
            seen += [(UNUSUAL, why) for why in sorted(reaches(source) - reaches(shipped(lesson)[name]))]
            for kind in dict.fromkeys(kind for kind, _ in seen):
                whys = dict.fromkeys(why for k, why in seen if k == kind)
                found.append(Sign(kind, (student,), f"{lesson}: {name}", "; ".join(whys)))
    return found + _same(sources, batch)


def _in_verdicts(exercise: dict) -> list[tuple[str, str]]:
    found = []
    if exercise.get("note"):
        found.append((TAMPERING, exercise["note"]))
    messages = [exercise["message"]] if not exercise["checks"] else []
    for message in [*messages, *(c["message"] for c in exercise["checks"])]:
        if message.startswith(SAID) or ANSWERS.match(message):
            found.append((TAMPERING, message))
        found += [(CALLS, name) for name in FORBIDDEN.findall(message)]
    return found


def _retagged(source: str, exercise: str, lesson: str) -> list[str]:
    """A cell that is marked as one exercise and defines another."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    defined = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    others = sorted(defined & (set(LESSONS[lesson].exercises) - {exercise}))
    return [f"the cell marked {exercise} defines {', '.join(others)}"] if others and exercise not in defined else []


@lru_cache(maxsize=4096)
def reaches(source: str) -> frozenset[str]:
    """What a cell's code imports, names or patches beyond an exercise's own business."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {f"imports {a.name}" for a in node.names if a.name.split(".")[0] in MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.add(f"imports from {node.module}")
        elif isinstance(node, ast.Name) and node.id in NAMES:
            found.add(f"uses {node.id}")
        elif isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
            found.add(f"uses {node.attr}")
        elif isinstance(node, ast.FunctionDef) and node.name in ATTRIBUTES:
            found.add(f"defines {node.name}")
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            root = node
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in {"torch", "F", "math", "np", "numpy"}:
                found.add(f"patches {ast.unparse(node)}")
    return frozenset(found)


@cache
def shipped(lesson: str) -> dict[str, str]:
    """The blanks of a lesson as students get them."""
    return {name: cell.source for name, cell in blanks(nbformat.read(LESSONS[lesson].notebook, 4)).items()}


def _sources(batch: Batch) -> dict[tuple[str, str, str], str]:
    """The source of each marked cell that can be read, by student, lesson and exercise."""
    found = {}
    for entry in batch.entries:
        if entry.file is None or entry.problem:
            continue
        try:
            cells = cells_of(entry.file.read())
        except (Unreadable, OSError):
            continue
        for cell in cells:
            if cell["exercise"] in LESSONS[entry.lesson].exercises:
                found[entry.student, entry.lesson, cell["exercise"]] = cell["source"][:50_000]
    return found


def _same(sources: dict[tuple[str, str, str], str], batch: Batch) -> list[Sign]:
    by_exercise = defaultdict(dict)
    for (student, lesson, exercise), source in sources.items():
        if held := runs(source, shipped(lesson)[exercise]):
            by_exercise[lesson, exercise][student] = held
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for (lesson, exercise), answers in by_exercise.items():
        pairs = [(a, b, index) for a, b, index in alike(answers) if not _one_group(batch, a, b)]
        for students, least in _joined(pairs):
            found[students].append(f"{lesson}: {exercise} ({least:.0%})")
    ranked = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))  # the more exercises, the less by chance
    return [Sign(ALIKE, students, "", "; ".join(where)) for students, where in ranked]


def _one_group(batch: Batch, one: str, other: str) -> bool:
    """Members of a group hand in the same file."""
    return batch.students[one].group == batch.students[other].group != ""


def _joined(pairs: list[tuple[str, str, float]]) -> list[tuple[tuple[str, ...], float]]:
    """Join pairs that share a student; with each group, the least similarity of its pairs."""
    groups: list[tuple[set[str], float]] = []
    for one, other, index in pairs:
        touched = [group for group in groups if group[0] & {one, other}]
        groups = [group for group in groups if group not in touched]
        groups.append(({one, other}.union(*(names for names, _ in touched)), min([index, *(i for _, i in touched)])))
    return [(tuple(sorted(names)), least) for names, least in groups]
