"""The command ``course``."""

import argparse
import sys

from course import lessons


def main(argv: list[str] | None = None) -> int:
    """Run one command of the instructor's tool; return its exit status."""
    args = _parser().parse_args(argv)
    try:
        return args.run(args) or 0
    except (KeyError, FileNotFoundError, NotADirectoryError, ValueError) as error:
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
    return parser


def _chosen(names: list[str], among: dict[str, lessons.Lesson]) -> list[lessons.Lesson]:
    return [lessons.find(name, among) for name in names] or list(among.values())


def _text(args: argparse.Namespace) -> None:
    from course.text import write_notebook, write_text

    drafts = {lesson.name: lesson for lesson in lessons.CATALOGUE if lesson.text.exists()}
    for lesson in _chosen(args.lessons, drafts if args.apply else lessons.LESSONS):
        (write_notebook if args.apply else write_text)(lesson)


def _build(args: argparse.Namespace) -> None:
    from course.build import build

    for lesson in _chosen(args.lessons, lessons.LESSONS):
        print(f"building {lesson.name}", flush=True)
        build(lesson)


if __name__ == "__main__":
    sys.exit(main())
