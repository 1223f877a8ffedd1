"""Broken and rearranged notebooks of lesson 1, as test data; see tests/tampering.py."""

import copy
import json
from collections.abc import Callable
from typing import Any

from tests.tampering import HEAD, THREE, Entry, right_but, top, traffic


def cells(change: Callable[[list[dict]], list[dict] | None]) -> Callable[[dict], dict]:
    """Make a function that changes the cells of a notebook."""

    def made(nb: dict) -> dict:
        nb = copy.deepcopy(nb)
        nb["cells"] = change(nb["cells"]) or nb["cells"]
        return nb

    return made


def mark(nb_cells: list[dict], exercise: str) -> dict:
    return next(c for c in nb_cells if c["metadata"].get("exercise") == exercise)


def code_cell(source: Any, **more: Any) -> dict:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source} | more


def _swap(found: list[dict]) -> None:
    one, other = mark(found, "tile_traffic"), mark(found, "largest_tile")
    one["metadata"], other["metadata"] = other["metadata"], one["metadata"]


def _odd(found: list[dict]) -> list[dict]:
    for cell, metadata in zip(found, ([], {"exercise": {}}, {"exercise": ["tmul"], "tags": {}}), strict=False):
        cell |= {"metadata": metadata, "id": ["unhashable"], "outputs": "none"}
    more = [{"cell_type": ["code"]}, "no cell", None, code_cell(7), code_cell([1, None]), code_cell("x = '\ud800'")]
    return more + found


def _checks_edited(found: list[dict]) -> list[dict]:
    fake = "def check(*a):\n    return 'right'\n\ncheck.passed = True\nraise SystemExit"
    return [code_cell(fake), *found, code_cell("check('tile_traffic', None); assert True")]


def _old(version: int) -> Callable[[dict], dict]:
    def made(nb: dict) -> dict:
        old = [{"input" if k == "source" else k: v for k, v in c.items()} for c in nb["cells"]]
        return {"nbformat": version, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": old}]}

    return made


def _large(found: list[dict]) -> None:
    found[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * (50 << 20)}]


def _nested(nb: dict) -> str:
    return json.dumps(nb)[:-1] + ', "deep": ' + "[" * 100_000 + "]" * 100_000 + "}"


def _untagged(found: list[dict]) -> None:
    mark(found, "tile_traffic")["metadata"] = {}


def _twice(found: list[dict]) -> list[dict]:
    return [*found, {**mark(found, "tile_traffic"), "source": "def tile_traffic(m, k, n, t):\n    return 7"}]


NOTEBOOKS = {
    "checks-edited": Entry(cells(_checks_edited)),
    "exercises-swapped": Entry(cells(_swap), {"tile_traffic": "wrong", "largest_tile": "wrong"}),
    "marked-twice": Entry(cells(_twice), {"tile_traffic": "wrong"}),
    "unmarked": Entry(cells(_untagged)),
    "named-as-two": Entry(cells(lambda c: mark(c, "tmul")["metadata"].update(exercise=["tmul", "largest_tile"]))),
    "same-ids": Entry(cells(lambda found: [c | {"id": "same"} for c in found])),
    "odd-metadata": Entry(cells(_odd)),
    "format-3": Entry(_old(3)),
    "format-2": Entry(_old(2)),
    "50-MB": Entry(cells(_large)),
    "tagged-to-be-skipped": Entry(
        {
            "tile_traffic": "# NBVAL_SKIP\n# NBVAL_IGNORE_OUTPUT\n# PYTEST_VALIDATE_IGNORE_OUTPUT\n"
            + HEAD
            + "    return 7"
        },
        {"tile_traffic": "wrong"},
    ),
    "right-but-tagged": right_but("# NBVAL_SKIP\n# NBVAL_RAISES_EXCEPTION\n# NBVAL_FOO"),
    "right-but-noisy": right_but("print('x' * 3_000_000)\nimport warnings; warnings.warn('y' * 10_000)"),
    "deep-source": top("x = " + "(" * 50_000 + ")" * 50_000, "wrong crashed"),
    "long-source": top("# " + "x" * 200_000, "wrong"),
    "zero-bytes": top("x = '\0\ud800'", "wrong"),
    "bash-cell": top("%%bash\nrm -rf /", "wrong"),
    "asks-for-input": traffic("return int(input())", "wrong"),
    "added-cells-that-kill": Entry(
        cells(
            lambda found: [
                *(code_cell("import os; x = os._exit(0)") for _ in range(3)),
                code_cell("x = sum(iter(int, 1))"),
                *found,
            ]
        )
    ),
    "deep-json": Entry(_nested, dict.fromkeys(THREE, "unreadable")),
    "latin-1": Entry(lambda nb: b"\xe9" + json.dumps(nb).encode(), dict.fromkeys(THREE, "unreadable")),
    "utf-16": Entry(lambda nb: json.dumps(nb).encode("utf-16"), dict.fromkeys(THREE, "unreadable")),
    "cut-short": Entry(lambda nb: json.dumps(nb)[:-100], dict.fromkeys(THREE, "unreadable")),
    "no-cells": Entry(lambda nb: '{"cells": {"a": 1}}', dict.fromkeys(THREE, "unreadable")),
    "endless-number": Entry(lambda nb: "[" + "9" * 100_000 + "]", dict.fromkeys(THREE, "unreadable")),
}
