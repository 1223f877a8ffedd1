"""Each lesson, solved, runs top to bottom in the bundle that its students get: offline, without a display, by nbval."""

import os
import subprocess
import sys

import nbformat
import pytest

from course.build import solution
from course.compose import SITE
from course.lessons import LESSONS
from course.release import release


@pytest.mark.parametrize("number", range(1, len(LESSONS) + 1))
def test_solved_lesson_runs_in_its_bundle(number, tmp_path):
    lesson = list(LESSONS.values())[number - 1]
    bundle = release(number, tmp_path / "course")
    path = bundle / "notebooks" / f"{lesson.name}.ipynb"
    nb = solution(lesson)
    where = f"import lib, lib.check; assert lib.__path__ == [{str(bundle / 'lib')!r}], lib.__path__"
    gone = f"import importlib.util as u; assert not any(map(u.find_spec, {[f'lib.{m}' for m in lesson.modules]}))"
    nb.cells += [nbformat.v4.new_code_cell(where), nbformat.v4.new_code_cell(gone)]
    for cell in nb.cells:
        cell.metadata.pop("tags", None)  # in a solved lesson no cell may raise
    nbformat.write(nb, path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    env = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    env |= {"PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(bundle)])}
    options = ["--nbval-lax", "-p", "no:cacheprovider", "-q", "-x", "-c", os.devnull, "--rootdir", str(bundle)]
    command = [sys.executable, "-m", "pytest", *options, str(path)]
    run = subprocess.run(command, env=env, cwd=bundle, capture_output=True, text=True, timeout=900, check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    assert not any(cell.get("outputs") for cell in nbformat.read(path, 4).cells)
