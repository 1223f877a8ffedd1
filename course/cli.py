"""The command ``course``."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from course import cage, pool
from course.preloaded import shared_nursery

if TYPE_CHECKING:
    from course.lessons import Lesson


def main(argv: list[str] | None = None) -> int:
    """Run one command of the instructor's tool; return its exit status."""
    args = _parser().parse_args(argv)
    try:
        return args.run(args) or 0
    except (KeyError, FileNotFoundError, NotADirectoryError, ValueError, cage.CageError) as error:
        print(f"course: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="course", description="Build, grade and release the lessons.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    text = commands.add_parser("text", help="write the text twins of the notebooks")
    text.add_argument("lessons", nargs="*", metavar="LESSON")
    text.add_argument("--apply", action="store_true", help="write the notebooks from the twins instead")
    text.set_defaults(run=_text)
    build = commands.add_parser("build", help="write the solutions and the answers of the public cases")
    build.add_argument("lessons", nargs="*", metavar="LESSON")
    build.set_defaults(run=_build)
    grade = commands.add_parser("grade", help="grade submissions and write gradebooks, feedback and a class report")
    what = "a folder or zip: <student>/<lesson>.ipynb, or a bulk download of Canvas, Moodle or Gradescope"
    grade.add_argument("submissions", type=Path, help=what)
    grade.add_argument("--out", type=Path, required=True, metavar="DIR", help="where all results go")
    grade.add_argument("--lesson", action="append", default=[], metavar="NAME", help="grade only this lesson")
    grade.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="submissions at a time")
    grade.add_argument("--seed", type=int, metavar="N", help="seed of the hidden checks' inputs; else a fresh one")
    grade.add_argument("--dask", metavar="ADDRESS", help="grade on the Dask cluster of this scheduler")
    grade.add_argument("--cell-seconds", type=float, default=10, metavar="S", help="limit for one check")
    grade.add_argument("--exercise-seconds", type=float, default=20, metavar="S", help="limit for one exercise")
    grade.add_argument("--no-sandbox", action="store_true", help="run submissions that you trust without a cage")
    grade.set_defaults(run=_grade)
    gradescope = commands.add_parser("gradescope", help="write an autograder package for Gradescope")
    gradescope.add_argument("--out", type=Path, required=True, metavar="ZIP")
    gradescope.add_argument("--lesson", action="append", default=[], metavar="NAME", help="grade only this lesson")
    gradescope.add_argument("--visibility", default="visible", help="when students see it: as Gradescope names it")
    gradescope.add_argument("--no-sandbox", action="store_true", help="grade there without a cage, if need be")
    gradescope.set_defaults(run=_gradescope)
    release = commands.add_parser("release", help="write what students get for lessons 1 to N")
    release.add_argument("--upto", type=int, required=True, metavar="N")
    release.add_argument("--out", type=Path, required=True, metavar="DIR")
    release.set_defaults(run=_release)
    return parser


def _chosen(names: list[str], among: dict[str, "Lesson"]) -> list["Lesson"]:
    from course import lessons

    return [lessons.find(name, among) for name in names] or list(among.values())


def _text(args: argparse.Namespace) -> None:
    from course import lessons
    from course.text import write_notebook, write_text

    drafts = {lesson.name: lesson for lesson in lessons.CATALOGUE if lesson.text.exists()}
    for lesson in _chosen(args.lessons, drafts if args.apply else lessons.LESSONS):
        (write_notebook if args.apply else write_text)(lesson)


def _build(args: argparse.Namespace) -> None:
    from course import lessons
    from course.build import build

    for lesson in _chosen(args.lessons, lessons.LESSONS):
        print(f"building {lesson.name}", flush=True)
        build(lesson)


def _grade(args: argparse.Namespace) -> int:
    if args.jobs < 1:
        raise ValueError("--jobs must be at least 1")
    if min(args.cell_seconds, args.exercise_seconds) <= 0:
        raise ValueError("--cell-seconds and --exercise-seconds must be more than 0")
    try:
        with _helpers(args):
            from course.grade import Settings, grade_folder
            from course.report import summary

            settings = Settings(args.seed, not args.no_sandbox, args.cell_seconds, args.exercise_seconds)
            results = grade_folder(
                args.submissions, args.out, args.lesson, settings, args.jobs, args.dask, report=_with_progress
            )
    except KeyboardInterrupt:
        print("course: stopped; what is graded is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    print(summary(results))
    print(f"gradebook: {args.out / 'gradebook.csv'}")
    print(f"class report: {args.out / 'class.html'}")
    return 0


@contextmanager
def _helpers(args: argparse.Namespace) -> Iterator[None]:
    """Start what kernels and workers are forked from: it imports what they need while this process does its own."""
    local = args.dask is None and args.submissions.exists()
    caged = not args.no_sandbox and cage.available() == "landlock"
    with shared_nursery() if local and caged else nullcontext():
        if local:
            pool.warm_up()  # it hands on where the nursery is
        yield


def _with_progress(count: int, results: Iterator[dict]) -> list[dict]:
    """Pass results on, and show on a terminal how many are done and how long the rest will take."""
    from rich.progress import Progress

    done = []
    with Progress(disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("grading", total=count)
        for result in results:
            done.append(result)
            progress.advance(task)
    return done


def _gradescope(args: argparse.Namespace) -> None:
    from course.gradescope import package

    print(f"package: {package(args.out, args.lesson, args.visibility, not args.no_sandbox)}")


def _release(args: argparse.Namespace) -> None:
    from course.release import release

    print(f"released lessons 1 to {args.upto} into {release(args.upto, args.out)}")


if __name__ == "__main__":
    sys.exit(main())
