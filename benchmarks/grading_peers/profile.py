"""Where the time of `course grade` goes, submission by submission, in one process.

``python -m benchmarks.grading_peers.profile LESSON SEED FOLDER`` prints, as JSON, seconds for each submission by
part; the first submission, which starts the preloaded process, is told apart.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course import compose, grade, listen, referee
from course.lessons import find

PARTS = {
    "kernel start": (listen.GradedKernel, "__init__"),
    "kernel stop": (listen.GradedKernel, "stop"),
    "cells, and the messages about them": (referee.GradedCell, "execute"),
    "judging": (referee.Referee, "judge"),
    "reading the submission": (compose, "read"),
    "composing the notebook": (compose, "compose"),
    "adding up": (grade, "_summed"),
    "pytest and nbval": (referee, "run"),
}
spent: Counter = Counter()
running: list[str] = []


def timed(name: str, function: Callable) -> Callable:
    """Book a function's time under a name, and not under that of the part that calls it."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        outer, begun = running[-1:], time.perf_counter()
        running.append(name)
        try:
            return function(*args, **kwargs)
        finally:
            running.pop()
            seconds = time.perf_counter() - begun
            spent[name] += seconds
            if outer:
                spent[outer[0]] -= seconds

    return wrapper


def main(name: str, seed: int, folder: Path) -> None:
    """Grade a folder and print the mean seconds of each part."""
    lesson, settings = find(name), grade.Settings(seed)
    for part, (owner, attribute) in PARTS.items():
        setattr(owner, attribute, timed(part, getattr(owner, attribute)))
    jobs = [grade.Job(path.parent.name, lesson.name, path.read_bytes()) for path in sorted(folder.glob("*/*.ipynb"))]
    work = timed("the rest", grade.grade)
    begun = time.perf_counter()
    work(jobs[0], settings)
    first = time.perf_counter() - begun
    spent.clear()
    for job in jobs[1:]:
        work(job, settings)
    print(json.dumps({"first": first, "parts": {part: s / len(jobs[1:]) for part, s in spent.most_common()}}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
