"""What a student calls: ``check``, ``hint``, ``predict``, ``reveal`` and ``progress``."""

import functools
import hashlib
import importlib
import json
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from lib import notebook
from lib.cases import Case, call, cases_in
from lib.compare import Difference, compare
from lib.predictions import predict, reveal
from lib.show import Message
from lib.trial import limited, recorder, wrong_call
from lib.values import Other, decode, encode

SECONDS = 15  # for one case
CHECKS = Path(__file__).parent / "checks"
# How students know the operators that a case may forbid, by a part of their names.
FAMILIAR = {
    "aten.im2col": "F.unfold",
    "aten.col2im": "F.fold",
    "aten.convolution": "torch's own convolution",
    "quantize": "torch's own quantization",
    "moving_avg": "torch's own quantization",
}


def check(exercise: str, implementation: Any) -> Message:
    """Run the public cases of an exercise on what the student wrote.

    Parameters
    ----------
    exercise
        The exercise's name: ``"mmul_tiling"``.
    implementation
        The student's function or class.

    Returns
    -------
    Message
        Not yet written, wrong and why, or right; ``.passed`` tells which.

    Raises
    ------
    KeyError
        There is no exercise of that name.
    """
    topic, recorded = _recorded(exercise)
    is_class = exercise[0].isupper()
    if not callable(implementation) or (is_class and not isinstance(implementation, type)):
        wanted = f"{exercise} itself, the class" if is_class else f"{exercise} itself"
        return Message("wrong", f"check wants your {wanted}, and this is of type {type(implementation).__name__}")
    cases = cases_in(_module(topic), exercise)
    message = _judge(exercise, implementation, cases, recorded)
    message.footer = f"{notebook.origin(implementation)}, {len(cases)} cases"
    notebook.save("checks", exercise, message.status)
    return message


def _judge(exercise: str, implementation: Any, cases: list[Case], recorded: dict) -> Message:
    results = []
    for one in cases:
        wrapped, calls = recorder(implementation)
        with limited(SECONDS):
            results.append((call(one.function, wrapped, public_seed(one), one.forbids), calls))
        if results[-1][0].get("raises", {}).get("type") == "TimeoutError":
            break
    run = list(zip(cases, results, strict=False))
    raised = [result["raises"] for result, _ in results if "raises" in result]
    written = any(not explain(result, recorded["expected"][one.name], one)[0] for one, (result, _) in run)
    for error in filter(_left_open, raised):
        name = error["function"] if error["function"] in _all_exercises() else exercise
        calls = "" if name == exercise else f"{exercise} calls {name}, and "
        if calls or not written:
            return Message("not yet written", f"{calls}{name} is not yet written")
    for number, (one, (result, made)) in enumerate(run, 1):
        expected = recorded["expected"][one.name]
        lines, difference = explain(result, expected, one)
        if not lines:
            continue
        lines += _unfinished(implementation, exercise)
        prints = [fingerprint(r) for r, _ in results]
        for known in _named(recorded["mistakes"], prints, number):
            looks = "looks like" if known["prints"] == prints else "could be"
            lines.append(f"This {looks} a known mistake: {known['name']}. {known['hint']}")
        arguments = wrong_call(made, result, expected, one)
        values = [(f"argument {name}", value, None) for name, value in arguments.items() if _shows(value)]
        if difference is not None and not isinstance(difference.got, Other) and difference.got is not None:
            values.append(("yours", difference.got, difference.index))
        if difference is not None:
            values.append(("expected", difference.expected, difference.index))
        title = f"{exercise} is wrong in case {number} of {len(cases)}: {one.title}"
        return Message("wrong", title, lines, values, one.source)
    return Message("right", f"{exercise} is right")


def explain(result: dict, expected: dict, one: Case) -> tuple[list[str], Difference | None]:
    """Say what is wrong with the result of a case; no lines where nothing is.

    Parameters
    ----------
    result, expected
        What :func:`lib.cases.call` returned for the student's implementation and for the reference.
    one
        The case.

    Returns
    -------
    lines : list of str
        What differs, in sentences.
    difference : Difference or None
        The values that differ, where there are two to set side by side.
    """
    called = sorted({_familiar(name) for name in result["forbidden"]})
    lines = [f"It calls {name}, which does this exercise for you: write the steps yourself." for name in called]
    if "raises" in result:
        raised = result["raises"]
        if _left_open(raised):
            return [*lines, "Here it still comes to the line `raise NotImplementedError`."], None
        said = f": {raised['message']}" if raised["message"] else ""
        line = f" at the line `{raised['line']}`" if raised.get("line") else ""
        return [*lines, f"It raises {raised['type']}{said}{line}"], None
    difference = compare(decode(result["value"]), decode(expected["value"]), **one.tolerance)
    return lines + ([difference.message] if difference else []), difference


def _left_open(raised: dict) -> bool:
    """Whether an exception is that of a blank; torch's own of that type say something."""
    return raised["type"] == "NotImplementedError" and not raised["message"]


def _familiar(operator: str) -> str:
    return next((name for part, name in FAMILIAR.items() if part in operator), operator)


def public_seed(one: Case) -> int:
    """The seed of a public case: always the same."""
    return zlib.crc32(f"{one.exercise}/{one.name}".encode())


def fingerprint(result: dict) -> str:
    """A short text that two implementations share when they give the same result in a case."""
    if "raises" in result:
        return f"raises {result['raises']['type']}"
    rounded = json.dumps(encode(_rounded(decode(result["value"]))))
    return hashlib.sha256(rounded.encode()).hexdigest()[:16]


def _rounded(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return [str(value.dtype), torch.round(value.double(), decimals=4) + 0.0]  # no negative zeros
    if isinstance(value, float):
        return round(value, 4) + 0.0
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return {key: _rounded(item) for key, item in value.items()} if isinstance(value, dict) else value


def _named(known: list[dict], prints: list[str], wrong: int) -> list[dict]:
    """Find the known mistakes that answer just so.

    Where none answers so in every case, one that does up to the first wrong case will do, if it is the only
    one: a first attempt often makes two mistakes at once.
    """
    same = [m for m in known if m["prints"] == prints]
    if same or prints[wrong - 1].startswith("raises"):
        return same
    first = [m for m in known if m["prints"][:wrong] == prints[:wrong]]
    return first if len(first) == 1 else []


def _shows(value: Any) -> bool:
    """Whether an argument says something when it is printed."""
    return not callable(value) and not isinstance(value, torch.Generator)


def _unfinished(implementation: Any, exercise: str) -> list[str]:
    """Name the student's other functions that a function calls and that have not passed their own check."""
    code, space = getattr(implementation, "__code__", None), getattr(implementation, "__globals__", {})
    objects = {name.lower(): space.get(name) for name in (code.co_names if code else ())}
    # roundpass is RoundPass.apply; what an earlier lesson gave comes from lib
    own = {name for name, o in objects.items() if not _module_of(getattr(o, "__self__", o)).startswith("lib.")}
    done = notebook.load()["checks"]
    used = [n for n, status in done.items() if n.lower() in own and status != "right" and n != exercise]
    return [f"It calls your {name}, which did not pass its own check: start there." for name in used]


def _module_of(value: Any) -> str:
    return getattr(value, "__module__", None) or ""


@functools.cache
def _all_recorded() -> dict[str, dict]:
    files = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in CHECKS.glob("*.json")}
    return dict(sorted(files.items(), key=lambda item: item[1]["lesson"]))


def _recorded(exercise: str) -> tuple[str, dict]:
    for topic, content in _all_recorded().items():
        if exercise in content["exercises"]:
            return topic, content["exercises"][exercise]
    raise KeyError(f"there is no exercise named {exercise!r}")


def _all_exercises() -> set[str]:
    return {name for content in _all_recorded().values() for name in content["exercises"]}


def _module(topic: str) -> ModuleType:
    return importlib.import_module(f"lib.checks.{topic}")


_given: dict[str, int] = {}


def hint(exercise: str) -> Message:
    """Give the next hint of an exercise: the first, then one that says more, then from the start again."""
    topic, _ = _recorded(exercise)
    hints = _module(topic).HINTS.get(exercise, [])
    if not hints:
        return Message("note", f"There are no hints for {exercise}")
    number = _given.get(exercise, 0) % len(hints)
    _given[exercise] = number + 1
    return Message("note", f"Hint {number + 1} of {len(hints)} for {exercise}", [hints[number]])


def progress() -> Message:
    """Show where the student stands over all lessons."""
    done = notebook.load()
    lines = []
    for content in _all_recorded().values():
        marks = [(name, done["checks"].get(name, "not checked")) for name in content["exercises"]]
        right = sum(status == "right" for _, status in marks)
        rest = ", ".join(f"{name} ({status})" for name, status in marks if status != "right")
        lines.append(f"{content['lesson']}: {right} of {len(marks)} right" + (f"; open: {rest}" if rest else ""))
    predictions = [p for p in done["predictions"].values() if "hit" in p]
    hits = sum(p["hit"] for p in predictions)
    lines.append(f"predictions: {hits} of {len(predictions)} came true" if predictions else "predictions: none yet")
    return Message("note", "Your progress", lines)


notebook.read_on()

__all__ = ["check", "hint", "predict", "progress", "reveal"]
