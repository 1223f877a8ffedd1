"""The autograder package, unpacked and run as Gradescope does it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from course.cli import main
from course.exports import gradescope_results
from course.grade import Settings
from course.grade import grade as grade_job
from course.gradescope import CONFIG, jobs_in, package, requirements
from course.lessons import LESSONS, ROOT
from course.mistakes import mistakes
from tests.submissions import answer, submission
from tests.test_cage import as_nobody
from tests.test_layouts import lay_out
from tests.test_report import assert_valid

TILING = LESSONS["01_tiling"]
WORTH = sum(TILING.points(name) for name in TILING.exercises)


@pytest.fixture(scope="module")
def autograder():
    """A folder that stands for /autograder, open to all as there, with the package of lesson 1 in its source."""
    root = Path(tempfile.mkdtemp(prefix="autograder-"))
    root.chmod(0o755)
    assert main(["gradescope", "--out", str(root / "autograder.zip"), "--lesson", "tiling"]) == 0
    with zipfile.ZipFile(root / "autograder.zip") as archive:
        archive.extractall(root / "source")
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    assert all(modes[name] & 0o111 for name in ("setup.sh", "run_autograder"))
    hidden = root / "source" / "tests" / "hidden" / "tiling.py"  # to tell the package's checks from the checkout's
    hidden.write_text(hidden.read_text(encoding="utf-8").replace('title="', 'title="packed: '), encoding="utf-8")
    yield root
    shutil.rmtree(root)


def grade(root, files, wrap=list):
    """Run the package on a submission; return its exit status, what it printed and results.json, if there is one."""
    for name in ("submission", "results"):
        folder = root / name
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
    (root / "results" / "results.json").write_text('{"score": 1000}')  # of an earlier run
    for name, content in files.items():
        (root / "submission" / name).write_text(content, encoding="utf-8")
    there = {"AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable}
    command = ["bash", str(root / "source" / "run_autograder")]
    done = subprocess.run(wrap(command), env=os.environ | there, cwd=root, capture_output=True, text=True, timeout=300)
    out = root / "results" / "results.json"
    return done.returncode, done.stdout + done.stderr, json.loads(out.read_text()) if out.exists() else None


def test_one_submission_is_graded_as_at_home(autograder):
    wrong = next(mistake for mistake in mistakes(TILING) if mistake.exercise == "tmul")
    nb = submission(TILING, {"tmul": answer(TILING, "tmul", wrong.implementation)})
    status, said, results = grade(autograder, {"my homework.ipynb": json.dumps(nb)})
    assert status == 0, said
    assert_valid(results)
    assert 0 < results["score"] < WORTH == sum(test["max_score"] for test in results["tests"])
    failed = [test for test in results["tests"] if test["status"] == "failed"]
    assert {test["name"].split(":")[0] for test in failed} == {"tmul"}
    assert wrong.name in "".join(test["output"] for test in failed)
    assert all("packed: " in test["name"] for test in results["tests"])  # its own code and checks ran
    seed = said.split("seed ")[1].split()[0]
    told = json.dumps(results)
    assert seed not in told
    probes = [probe for name in TILING.exercises for probe in TILING.probes(name)]
    lines = {line.strip() for probe in probes for line in probe.source.splitlines()[1:]}
    assert not [line for line in lines if len(line) > 25 and json.dumps(line)[1:-1] in told]


SPY = """def tmul(tileA, tileB, t):
    import glob, os, subprocess, sys, time
    root, seen = ROOT, []
    assert os.path.isdir(root)
    for path in (root + "/source/tests/hidden/tiling.py", root + "/source", root + "/results"):
        try:
            os.listdir(path) if os.path.isdir(path) else open(path).read()
            seen.append(path)
        except OSError:
            pass
    late = "import time; time.sleep(3600)"
    subprocess.Popen([sys.executable, "-c", late, "late-child-of-tmul"], start_new_session=True)
    raise ValueError(f"user {os.getuid()} saw {seen}")
"""


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root to become someone else")
def test_without_a_cage_a_submission_is_another_user(autograder, tmp_path):
    if not all(map(shutil.which, ("unshare", "setpriv"))):
        pytest.skip("needs util-linux")

    def wrap(command):  # with Python within that user's reach, and no cage
        *before, script, name = as_nobody([], tmp_path)
        return [*before, script.replace(script.splitlines()[-1], 'exec "$@"'), name, *command]

    config = autograder / "source" / CONFIG
    kept = config.read_text()
    config.write_text(json.dumps({"visibility": "visible", "caged": False}))
    no_cage = autograder / "source" / "course" / "cage.py"
    text = no_cage.read_text(encoding="utf-8")
    no_cage.write_text(text + '\n\ndef status():\n    return None, "none in this test"\n', encoding="utf-8")
    try:
        nb = submission(TILING, {"tmul": SPY.replace("ROOT", repr(str(autograder)))})
        status, said, results = grade(autograder, {"01_tiling.ipynb": json.dumps(nb)}, wrap)
    finally:
        config.write_text(kept)
        no_cage.write_text(text, encoding="utf-8")
    assert status == 0, said
    assert "no cage here" in said
    failed = [test for test in results["tests"] if test["status"] == "failed"]
    assert {test["name"].split(":")[0] for test in failed} == {"tmul"}
    assert results["score"] == WORTH - TILING.points("tmul")
    assert any("user 65534 saw []" in test["output"] for test in failed), failed
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"late-child-of-tmul" in read(p)]
    assert not left


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_unclear_and_missing_submissions_get_no_points_and_say_why(tmp_path):
    text = TILING.notebook.read_bytes()
    for number, (files, told) in enumerate(
        [
            ({"01_tiling.ipynb": text, "01_tiling (1).ipynb": text + b" "}, "2 files of this lesson"),
            ({"notes.ipynb": b'{"cells": []}'}, "notes.ipynb: neither its name nor its cells"),
            ({"work.zip": b"PK"}, "work.zip: it is an archive"),
            ({"readme.txt": b"hello"}, "no notebook was handed in"),
        ]
    ):
        jobs = jobs_in(lay_out(tmp_path / str(number), files))
        assert [job.lesson for job in jobs] == list(LESSONS)
        results = assert_valid(gradescope_results([grade_job(jobs[0], Settings(1))]))
        assert results["score"] == 0
        assert all(told in test["output"] for test in results["tests"])


def test_a_failing_grader_gives_no_zero(autograder):
    config = autograder / "source" / CONFIG
    kept = config.read_text()
    config.write_text("{}")
    try:
        status, said, results = grade(autograder, {})
    finally:
        config.write_text(kept)
    assert status != 0 and "KeyError" in said and results is None


def test_package_holds_what_it_needs_and_no_more(tmp_path):
    with zipfile.ZipFile(package(tmp_path / "a.zip", ["tiling", "lowering"], "after_published")) as archive:
        names = set(archive.namelist())
        assert json.loads(archive.read(CONFIG)) == {"visibility": "after_published", "caged": True}
        assert archive.read("requirements.txt").decode().split("\n")[:-1] == requirements()
    assert {"setup.sh", "run_autograder", "course/gradescope.py", "lib/tiling.py", "tests/hidden/tiling.py"} <= names
    assert {name for name in names if name.endswith(".ipynb")} == {
        "notebooks/01_tiling.ipynb",
        "notebooks/02_lowering.ipynb",
    }
    assert not [name for name in names if name.startswith(("solutions", "tests/attempts", "tests/test_", "img"))]
    again = package(tmp_path / "b.zip", ["tiling", "lowering"], "after_published")
    assert (tmp_path / "a.zip").read_bytes() == again.read_bytes()


def test_scripts_are_valid_and_wrong_options_are_refused(tmp_path, capsys):
    for name in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", ROOT / "course" / "autograder" / name], check=True)
    assert main(["gradescope", "--out", str(tmp_path / "a.zip"), "--visibility", "never"]) == 2
    assert main(["gradescope", "--out", str(tmp_path / "a.zip"), "--lesson", "07_gone"]) == 2
    assert "after_published" in capsys.readouterr().err
    assert not (tmp_path / "a.zip").exists()
