"""How each grader is driven: an environment, a class laid out as it wants it, one command or several."""

import csv
import json
import os
import subprocess
import sys
import time
import tomllib
import venv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.grading_peers.notebooks import asserting, equivalent
from course.lessons import ROOT, Lesson

PACKAGES = {
    "nbval": ("nbval==0.11.0", "pytest", "pytest-xdist", "ipykernel"),
    "nbgrader": ("nbgrader", "ipykernel"),
    "otter": ("otter-grader", "ipykernel"),
}


@dataclass
class Run:
    """One class, one seed, one folder to work in.

    Attributes
    ----------
    lesson, handed_in
        The lesson, and the notebook of each student.
    folder, environments : Path
        Where files go, and where the graders' environments are, or will be.
    jobs, seed : int
        Submissions at a time, for graders that can; where the checks' numbers start.
    whole : bool
        Whether the other graders run the cells that grading does not need as well.
    """

    lesson: Lesson
    handed_in: dict[str, dict]
    folder: Path
    environments: Path
    jobs: int
    seed: int
    whole: bool

    def python(self, grader: str) -> Path:
        """The Python of a grader's own environment, made if there is none: the lessons' packages and the grader."""
        place = self.environments / grader
        if not (place / "ready").exists():
            print(f"making an environment for {grader}", flush=True)
            venv.create(place, with_pip=True, clear=True)
            project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
            packages = [*PACKAGES[grader], *project["dependencies"]]
            subprocess.run([place / "bin" / "python", "-m", "pip", "install", "--quiet", *packages], check=True)
            (place / "ready").touch()
        return place / "bin" / "python"

    def equivalent(self, student: str, **options) -> dict:
        """A student's notebook with asserts."""
        return equivalent(self.handed_in[student], self.lesson, self.seed, self.whole, **options)

    def command(self, arguments: list, cwd: Path, accept: tuple[int, ...] = (0,)) -> float:
        """Run a command that finds `lib`; return how many seconds it took, and fail where it does."""
        log = self.folder / "log.txt"
        path = os.pathsep.join([str(Path(arguments[0]).parent), os.environ.get("PATH", os.defpath)])
        settings = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path, "OMP_NUM_THREADS": "1"}
        begun = time.perf_counter()
        with log.open("ab") as output:
            code = subprocess.run(
                list(map(str, arguments)), cwd=cwd, env=settings, stdout=output, stderr=output
            ).returncode
        seconds = time.perf_counter() - begun
        if code not in accept:
            raise RuntimeError(f"{arguments[:4]} ended with {code}:\n{log.read_text(errors='replace')[-3000:]}")
        return seconds


def course(run: Run) -> tuple[float, set[str]]:
    """``course grade``; returns the seconds it took, and who got full points."""
    place = run.folder / "course"
    for student, nb in run.handed_in.items():
        path = place / "in" / student / f"{run.lesson.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(nb), encoding="utf-8")
    arguments = [sys.executable, "-m", "course.cli", "grade", place / "in", "--out", place / "out"]
    seconds = run.command([*arguments, "--jobs", run.jobs, "--seed", run.seed], ROOT)
    with (place / "out" / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if {row["student"] for row in rows} != set(run.handed_in):
        raise RuntimeError("the gradebook does not list the class")
    return seconds, set(run.handed_in) - {row["student"] for row in rows if row["points"] != row["max_points"]}


def nbval(run: Run) -> tuple[float, set[str]]:
    """Plain nbval on several processes."""
    python, place = run.python("nbval"), run.folder / "nbval"
    place.mkdir()
    for student in run.handed_in:
        (place / f"{student}.ipynb").write_text(json.dumps(run.equivalent(student)), encoding="utf-8")
    arguments = [python, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", place, "-p", "no:cacheprovider"]
    arguments += ["--nbval-lax", "--nbval-cell-timeout=60", "--junitxml", place / "report.xml"]
    arguments += ["-n", run.jobs, "--dist", "loadfile", place]
    seconds = run.command(arguments, place, accept=(0, 1))
    cases = list(ElementTree.parse(place / "report.xml").iter("testcase"))
    graded = {student for student in run.handed_in for case in cases if student in case.get("classname")}
    failed = {
        student
        for student in run.handed_in
        for case in cases
        if student in case.get("classname") and case.find("failure") is not None
    }
    return seconds, graded - failed


def nbgrader(run: Run) -> tuple[float, set[str]]:
    """``nbgrader autograde``, which grades one submission after the other."""
    python, place = run.python("nbgrader"), run.folder / "nbgrader"

    def mark(cell: dict, name: str, points: int | None) -> None:
        own = {"grade_id": name, "schema_version": 3, "task": False, "cell_type": "code"}
        own |= {"grade": points is not None, "solution": points is None, "locked": points is not None}
        cell["metadata"]["nbgrader"] = own | ({} if points is None else {"points": points})

    for number, student in enumerate(run.handed_in):
        nb = json.dumps(run.equivalent(student, mark=mark))
        places = [place / "submitted" / student / "lesson"] + [place / "source" / "lesson"] * (number == 0)
        for folder in places:
            folder.mkdir(parents=True)
            (folder / f"{run.lesson.name}.ipynb").write_text(nb, encoding="utf-8")
    settings = 'c = get_config()\nc.CourseDirectory.course_id = "course"\nc.Execute.timeout = 60\n'
    (place / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    run.command([python, "-m", "nbgrader", "generate_assignment", "lesson"], place)
    seconds = run.command([python, "-m", "nbgrader", "autograde", "lesson"], place)
    run.command([python, "-m", "nbgrader", "export", "--to", place / "grades.csv"], place)
    with (place / "grades.csv").open(newline="", encoding="utf-8") as file:
        return seconds, {row["student_id"] for row in csv.DictReader(file) if row["score"] == row["max_score"]}


OTTER_TEST = """from otter.test_files import test_case

OK_FORMAT = False
name = {exercise!r}
points = None
"""
OTTER_CASE = """

@test_case(name={name!r}, points={points})
def test_{name}({exercise}):
{body}
"""


def otter(run: Run) -> tuple[float, set[str]]:
    """``otter run``, one command a submission, several at a time."""
    python, place = run.python("otter"), run.folder / "otter"
    (place / "tests").mkdir(parents=True)
    for exercise in run.lesson.exercises:
        text = OTTER_TEST.format(exercise=exercise)
        for probe in run.lesson.probes(exercise):
            body = "\n".join(f"    {line}" for line in asserting(run.lesson, probe, run.seed).splitlines())
            text += OTTER_CASE.format(name=probe.name, points=probe.points, exercise=exercise, body=body)
        (place / "tests" / f"{exercise}.py").write_text(text, encoding="utf-8")
    for student in run.handed_in:
        nb = run.equivalent(student)
        nb["cells"] = [cell for cell in nb["cells"] if not str(cell.get("id")).startswith("check-")]
        (place / student).mkdir()
        (place / student / "lesson.ipynb").write_text(json.dumps(nb), encoding="utf-8")
    tool = [python, "-c", "from otter.cli import cli; cli()"]
    generate = [
        "generate",
        "-t",
        "tests",
        "-o",
        "autograder.zip",
        "--no-config",
        "--no-requirements",
        "--no-environment",
    ]
    run.command([*tool, *generate], place)

    def one(student: str) -> None:
        arguments = ["run", "-a", "autograder.zip", "-o", student, "--no-logo", f"{student}/lesson.ipynb"]
        run.command([*tool, *arguments], place)

    begun = time.perf_counter()
    with ThreadPoolExecutor(run.jobs) as pool:
        list(pool.map(one, run.handed_in))
    seconds = time.perf_counter() - begun
    full = set()
    for student in run.handed_in:
        tests = json.loads((place / student / "results.json").read_text(encoding="utf-8"))["tests"]
        scored = [test for test in tests if "max_score" in test]
        if scored and all(test["score"] == test["max_score"] for test in scored):
            full.add(student)
    return seconds, full


GRADERS = {"course": course, "nbval": nbval, "nbgrader": nbgrader, "otter": otter}
