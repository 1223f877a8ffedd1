"""The bundle for students: complete, and with none of the answers in it."""

import ast
import inspect
import os
import subprocess
import sys
import textwrap

import nbformat
import pytest

from course.cells import blanks
from course.cli import main
from course.compose import SITE
from course.lessons import CATALOGUE, LESSONS, ROOT, Lesson
from course.mistakes import mistakes
from course.release import release, shipped_modules


def bodies(source: str) -> set[str]:
    """What the functions of a source do, without names, docstrings and comments; very short ones left out."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            found.add("\n".join(map(ast.unparse, body)))
    return {body for body in found if len(body) > 40}


def withheld(lesson: Lesson, exercise: str) -> set[str]:
    """What a student has to write: the bodies of the reference that the blank does not show."""
    return bodies(inspect.getsource(lesson.reference(exercise))) - bodies(blanks(read(lesson))[exercise].source)


def read(lesson: Lesson):
    return nbformat.read(lesson.notebook, 4)


@pytest.fixture(scope="module", params=range(1, len(LESSONS) + 1))
def bundle(request, tmp_path_factory):
    return request.param, release(request.param, tmp_path_factory.mktemp("bundle") / "course")


def test_bundle_holds_what_its_lessons_need(bundle):
    upto, folder = bundle
    names = list(LESSONS)[:upto]
    assert sorted(p.stem for p in (folder / "notebooks").iterdir()) == names
    assert {p.name for p in folder.iterdir()} >= {"README.md", "Makefile", "environment.yml", "pyproject.toml", "img"}
    for lesson in CATALOGUE[: upto - 1]:
        assert all((folder / "lib" / f"{module}.py").exists() for module in lesson.modules)


def test_bundle_holds_no_answer(bundle):
    upto, folder = bundle
    sources = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py")]
    shipped = set().union(*map(bodies, sources))
    for lesson in CATALOGUE[:upto]:
        for cell in read(lesson).cells:
            if cell.cell_type == "code" and not cell.source.startswith("%"):
                shipped |= bodies(cell.source)
    for lesson in CATALOGUE[upto - 1 :]:
        for exercise in lesson.exercises:
            assert not withheld(lesson, exercise) & shipped, exercise
    # A hidden check may ask what a public one asks, with numbers of its own.
    public = set().union(*(bodies(path.read_text(encoding="utf-8")) for path in (folder / "lib/checks").glob("*.py")))
    for lesson in CATALOGUE:
        for probe in (p for e in lesson.exercises for p in lesson.probes(e)):
            assert not bodies(probe.source) & (shipped - public), probe.title
        for mistake in mistakes(lesson):
            assert not bodies(textwrap.dedent(inspect.getsource(mistake.implementation))) & shipped, mistake.name
    assert not [p for p in folder.rglob("*") if {"solutions", "tests", "course"} & set(p.relative_to(folder).parts)]


def test_the_search_would_find_an_answer():
    tiling = LESSONS["01_tiling"]
    assert withheld(tiling, "mmul_tiling") <= bodies((ROOT / "lib" / "tiling.py").read_text(encoding="utf-8"))
    assert withheld(tiling, "mmul_tiling")


def test_modules_of_the_bundle_can_be_imported(bundle, tmp_path):
    _, folder = bundle
    names = [f"lib.{path.stem}" for path in (folder / "lib").glob("*.py")]
    names += [f"lib.{path.parent.stem}.{path.stem}" for path in (folder / "lib").glob("*/[a-z]*.py")]
    (tmp_path / "sitecustomize.py").write_text(SITE)  # without this checkout's own lib
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(folder)])}
    code = f"for name in {sorted(names)}: __import__(name)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_helpers_of_later_lessons_stay_behind():
    assert {"network", "deploy"}.isdisjoint(p.stem for p in shipped_modules(1))


def test_release_refuses_a_folder_that_is_not_empty_and_a_lesson_that_is_not_there(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["release", "--upto", "1", "--out", str(tmp_path)]) == 2
    assert main(["release", "--upto", "9", "--out", str(tmp_path / "new")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
