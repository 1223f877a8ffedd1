"""A student's notebook as other graders want it: the same cells, the same checks as asserts."""

import copy
from collections.abc import Callable

from course.lessons import ROOT, Lesson
from lib.cases import Case

ASSERT = """from benchmarks.grading_peers.asserts import agrees
agrees({topic!r}, {name!r}, {exercise}, {seed})"""


def asserting(lesson: Lesson, probe: Case, seed: int) -> str:
    """The text of a cell that asserts one hidden check."""
    return ASSERT.format(topic=lesson.topic, name=probe.name, exercise=probe.exercise, seed=seed)


def equivalent(
    nb: dict, lesson: Lesson, seed: int, whole: bool, mark: Callable[[dict, str, int | None], None] | None = None
) -> dict:
    """Add to a notebook, below each blank, a cell for each hidden check of its exercise.

    Parameters
    ----------
    nb, lesson
        What a student handed in.
    seed
        Where the checks' numbers start.
    whole
        Keep the cells that grading does not need, too: views, plots and small experiments.
    mark
        Told of each cell, with its name and, for a check, its points: writes a grader's own metadata.

    Returns
    -------
    dict
        The notebook; the one that came in is left as it is.
    """
    nb, cells = copy.deepcopy(nb), []
    for number, cell in enumerate(nb["cells"]):
        cell["source"] = "".join(cell["source"]).replace("../img/", f"{ROOT / 'img'}/")
        exercise = cell["metadata"].get("exercise")
        if not whole and not exercise and "setup" not in cell["metadata"].get("tags", []):
            continue
        cells.append(cell)
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        if exercise and mark:
            mark(cell, exercise, None)
        for probe in lesson.probes(exercise) if exercise else []:
            check = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
            check |= {
                "id": f"check-{number}-{probe.name}".replace("_", "-")[:60],
                "source": asserting(lesson, probe, seed),
            }
            if mark:
                mark(check, f"{exercise}-{probe.name}", probe.points)
            cells.append(check)
    return nb | {"cells": cells}
