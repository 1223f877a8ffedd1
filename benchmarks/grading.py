"""How fast the grader is beside others: the same class, the same checks, one run.

* ``course grade --jobs 2``, every submission in a cage;
* plain nbval on two processes, ``nbgrader autograde`` (one submission after the other: it has no other way) and
  ``otter run`` (a command for each submission, two at a time), each in an environment of its own, on the student's
  notebook with the hidden checks added as asserts, in an ordinary kernel.

All times are from the command's start to its end. Who gets full points must be the same for all. The others are
spared every cell that grading does not need, which `course grade` leaves out by itself; with ``--whole`` they run the
notebook as it was handed in, as such graders do, and right answers are all the solution's: some in other styles are
too slow for the lesson's own experiments. Then: where the time of
``course grade`` goes, and the floor, which is what is left without Jupyter and without a cage.

Run from the top of the repository: ``python benchmarks/grading.py``. The environments are made with pip, in a
temporary folder unless ``--environments`` names one, where they are found again the next time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.grading_peers import graders, students  # noqa: E402
from course.lessons import find  # noqa: E402


def module(name: str, run: graders.Run, folder: Path) -> subprocess.Popen:
    """Start one of the measuring modules on a folder of submissions."""
    command = [sys.executable, "-m", f"benchmarks.grading_peers.{name}", run.lesson.name, str(run.seed), str(folder)]
    settings = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True)


def answer_of(process: subprocess.Popen) -> dict:
    """What a measuring module printed at its end."""
    text = process.communicate()[0]
    if process.returncode:
        raise RuntimeError(f"{process.args[2]} ended with {process.returncode}")
    return json.loads(text.splitlines()[-1])


def hand_in(run: graders.Run, place: Path, names: list[str]) -> Path:
    """Lay submissions out, a folder a student."""
    for name in names:
        (place / name).mkdir(parents=True)
        (place / name / f"{run.lesson.name}.ipynb").write_text(json.dumps(run.handed_in[name]), encoding="utf-8")
    return place


def floor(run: graders.Run) -> tuple[float, set[str]]:
    """Fork and exec, in as many processes as the grader used; what they import beforehand is not counted."""
    names = list(run.handed_in)
    parts = [part for part in (names[start :: run.jobs] for start in range(run.jobs)) if part]
    started = [module("floor", run, hand_in(run, run.folder / f"floor-{n}", part)) for n, part in enumerate(parts)]
    found = [answer_of(process) for process in started]
    return max(one["seconds"] for one in found), {name for one in found for name in one["full"]}


def profile(run: graders.Run) -> None:
    """Print where the time of one submission goes, in one process that has the machine to itself."""
    found = answer_of(module("profile", run, hand_in(run, run.folder / "profile", list(run.handed_in)[:9])))
    total = sum(found["parts"].values())
    print(
        f"\nOne submission in one process: {total:.2f} s; the first, with all that is done once: {found['first']:.1f} s"
    )
    for part, seconds in found["parts"].items():
        print(f"  {part:36} {1000 * seconds:7.0f} ms {seconds / total:5.0%}")


def main() -> None:
    """Grade the class with each grader and print submissions a minute."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=40, metavar="N")
    parser.add_argument("--lesson", default="tiling", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--seed", type=int, default=5, metavar="N")
    parser.add_argument("--whole", action="store_true", help="have the others run the students' whole notebooks")
    choices = [*graders.GRADERS, "floor", "profile"]
    parser.add_argument("--only", action="append", choices=choices, help="only this; may be repeated")
    parser.add_argument("--environments", type=Path, metavar="DIR", help="where the others are, or will be, installed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as folder:
        lesson, place = find(args.lesson), Path(folder)
        environments = (args.environments or place / "environments").resolve()
        handed_in = students.students(lesson, args.students, varied=not args.whole)
        run = graders.Run(lesson, handed_in, place, environments, args.jobs, args.seed, args.whole)
        wanted = args.only or choices
        for name in wanted:
            if name in graders.PACKAGES:
                run.python(name)
        right = {student for student in handed_in if student.endswith("-right")}
        print(f"{len(handed_in)} submissions of {lesson.name}, {len(handed_in) - len(right)} of them wrong", flush=True)
        rates = {}
        for name, grade in (graders.GRADERS | {"floor": floor}).items():
            if name not in wanted:
                continue
            seconds, full = grade(run)
            rates[name] = 60 * len(handed_in) / seconds
            same = "as it should be" if full == right else f"WRONG: differs for {sorted(full ^ right)}"
            ratio = f", course / {name} = {rates['course'] / rates[name]:.2f}" if "course" in rates else ""
            print(f"{name:9}{rates[name]:7.1f} a minute{ratio}; full points: {len(full)}, {same}", flush=True)
        if "profile" in wanted:
            profile(run)


if __name__ == "__main__":
    main()
