"""The bundle that students get: the lessons up to one, and nothing that answers it."""

import json
import re
import shutil
import tomllib
from pathlib import Path

from course.lessons import CATALOGUE, LESSONS, ROOT, Lesson

BUNDLE = Path(__file__).parent / "bundle"


def lessons_upto(number: int) -> list[Lesson]:
    """The lessons 1 to ``number``.

    Raises
    ------
    ValueError
        There is no lesson of that number.
    """
    if not 1 <= number <= len(LESSONS):
        raise ValueError(f"there is no lesson {number}; the course has lessons 1 to {len(LESSONS)}")
    return list(LESSONS.values())[:number]


def shipped_modules(upto: int) -> list[Path]:
    """The modules of ``lib`` that go out with lesson ``upto``: no reference of it or of a later lesson.

    A helper module that imports a withheld one stays behind with it: no lesson before needs it.
    """
    withheld = {module for lesson in CATALOGUE[upto - 1 :] for module in lesson.modules}
    modules = {path.stem: path for path in (ROOT / "lib").glob("*.py")}
    kept = {name: path for name, path in modules.items() if name not in withheld}
    while True:
        gone = set(modules) - set(kept)
        broken = [
            n for n, p in kept.items() if re.search(rf"^from lib\.({'|'.join(gone) or '-'}) ", p.read_text(), re.M)
        ]
        if not broken:
            return list(kept.values())
        kept = {name: path for name, path in kept.items() if name not in broken}


def release(upto: int, out: Path) -> Path:
    """Write the bundle for lessons 1 to ``upto``.

    Raises
    ------
    ValueError
        There is no such lesson, or ``out`` is a folder that holds something already.
    """
    lessons = lessons_upto(upto)
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty")
    for folder in ("notebooks", "lib/checks", "lib/views/static", "img"):
        (out / folder).mkdir(parents=True)
    for lesson in lessons:
        shutil.copy(lesson.notebook, out / "notebooks")
        for path in (ROOT / "lib" / "checks").glob(f"{lesson.topic}*.py"):
            shutil.copy(path, out / "lib" / "checks")
        shutil.copy(lesson.recorded, out / "lib" / "checks")
    for path in shipped_modules(upto):
        shutil.copy(path, out / "lib")
    shutil.copy(ROOT / "lib" / "checks" / "__init__.py", out / "lib" / "checks")
    views = ROOT / "lib" / "views"
    for path in [*views.glob("*.py"), *views.glob("static/*")]:
        shutil.copy(path, out / path.relative_to(ROOT))
    for path in _images(lessons):
        shutil.copy(path, out / "img")
    for name in ("environment.yml", "constraints.txt", "LICENSE"):
        shutil.copy(ROOT / name, out)
    _write_house(lessons, out)
    return out


def _images(lessons: list[Lesson]) -> set[Path]:
    """The files of ``img`` that the lessons' cells name."""
    text = "".join(lesson.notebook.read_text(encoding="utf-8") for lesson in lessons)
    return {path for path in (ROOT / "img").iterdir() if path.suffix != ".py" and f"img/{path.name}" in text}


def _span(lessons: list[Lesson]) -> str:
    names = [lesson.name for lesson in lessons]
    return f"Lesson {names[0]}" if len(names) == 1 else f"Lessons {names[0]} to {names[-1]}"


def _write_house(lessons: list[Lesson], out: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    values = {
        **{"first": lessons[0].name, "lessons": _span(lessons)},
        **{"version": project["version"], "python": project["requires-python"]},
        **{"dependencies": json.dumps(project["dependencies"])},
        **{"mnist": json.dumps(extras["mnist"]), "onnx": json.dumps(extras["onnx"])},
    }
    for template in BUNDLE.iterdir():
        (out / template.stem).write_text(template.read_text(encoding="utf-8").format(**values), encoding="utf-8")
