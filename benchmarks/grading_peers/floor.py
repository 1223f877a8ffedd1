"""The floor under any grader that gives each submission a process of its own: fork, run the cells, judge.

``python -m benchmarks.grading_peers.floor LESSON SEED FOLDER``: imports what a caged kernel has imported, then for
each submission in the folder forks, runs the composed cells with ``exec`` and judges what comes back. No Jupyter, no
messages, no cage, no limits. Prints, as JSON, the seconds it took after the imports, and who got full points.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch

from course import compose, inside, verdict
from course.lessons import Lesson, find
from course.preloaded import PRELOAD
from lib import cases


def answers(cells: list[dict]) -> dict[str, dict]:
    """Run composed cells in a fork of this process; return what each probe sent."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        sent = {}

        def keep(source, name, implementation, seed, forbids, mime):
            sent[name] = cases.call(cases.compile_case(source, name), implementation, seed, forbids)

        cases.send, space = keep, {"__name__": "__main__"}
        for cell in cells:
            try:
                exec(cell["source"], space)
            except Exception:  # a probe that sent nothing is a wrong one
                continue
        with os.fdopen(write_end, "w") as pipe:
            json.dump(sent, pipe)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    os.wait()
    return json.loads(text or "{}")


def is_full(lesson: Lesson, raw: bytes, seed: int) -> bool:
    """Grade one submission; tell whether every check is passed."""
    submission = compose.read(raw, lesson)
    got = answers(compose.compose(lesson, submission, verdict.probe_cells(lesson, seed)).cells)
    verdicts = [
        verdict.judge(lesson, exercise, probe.name, got.get(probe.name, {}), seed)["status"]
        for exercise in lesson.exercises
        for probe in lesson.probes(exercise)
    ]
    return all(status == "right" for status in verdicts)


def main(name: str, seed: int, folder: Path) -> None:
    """Grade a folder and print how long it took."""
    lesson = find(name)
    torch.set_num_threads(1)
    inside.preload(list(PRELOAD))
    begun = time.perf_counter()
    full = [path.parent.name for path in sorted(folder.glob("*/*.ipynb")) if is_full(lesson, path.read_bytes(), seed)]
    print(json.dumps({"seconds": time.perf_counter() - begun, "full": full}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
