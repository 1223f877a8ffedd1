"""Questions and verdicts: what a probe's cell asks in the kernel, and what is made of the answer.

A probe runs twice on the same seed: in the student's kernel on the student's function, and in this
process on the reference. The kernel never holds an expected value or an assert, and what it sends back is
data, compared here.
"""

import functools
import zlib
from typing import Any

from course.lessons import Lesson
from course.listen import MIME
from course.mistakes import mistakes
from lib.cases import Case, call
from lib.check import explain, fingerprint
from lib.compare import Difference

LONGEST = 1000  # characters of what is told of one check


def seed_of(probe: Case, seed: int) -> int:
    """The seed of one probe in a run."""
    return zlib.crc32(f"{seed}/{probe.exercise}/{probe.name}".encode())


def probe_cells(lesson: Lesson, seed: int) -> dict[str, str]:
    """Write the cell that runs each probe in the student's kernel.

    Returns
    -------
    dict of str to str
        Source of the cell by ``"exercise/probe"``.
    """
    cells = {}
    for exercise in lesson.exercises:
        for probe in lesson.probes(exercise):
            arguments = f"{probe.source!r}, {probe.name!r}, {exercise}, {seed_of(probe, seed)}, {probe.forbids!r}"
            cells[f"{exercise}/{probe.name}"] = (
                f"__import__('lib.cases').cases.send({arguments}, {MIME!r})  # asks; does not judge"
            )
    return cells


@functools.cache
def expected(lesson: Lesson, exercise: str, seed: int) -> dict[str, dict]:
    """What the reference answers in each probe of an exercise."""
    reference = lesson.reference(exercise)
    return {p.name: call(p.function, reference, seed_of(p, seed)) for p in lesson.probes(exercise)}


@functools.cache
def known_prints(lesson: Lesson, exercise: str, seed: int) -> dict[tuple[str, ...], str]:
    """The fingerprints that known mistakes leave in the probes, and what to say to each."""
    found: dict[tuple[str, ...], str] = {}
    for mistake in (m for m in mistakes(lesson) if m.exercise == exercise):
        results = [call(p.function, mistake.implementation, seed_of(p, seed)) for p in lesson.probes(exercise)]
        found.setdefault(tuple(fingerprint(result) for result in results), f"{mistake.name}. {mistake.hint}")
    return found


def judge(lesson: Lesson, exercise: str, name: str, result: Any, seed: int) -> dict:
    """Judge what a kernel returned for a probe.

    Returns
    -------
    dict
        ``status`` (right, wrong, not written, crashed), ``message`` and the ``fingerprint``.
    """
    probe = next(p for p in lesson.probes(exercise) if p.name == name)
    wrong = {"status": "wrong", "print": ""}
    try:
        raised = result.get("raises", {})
        if raised.get("type") == "NotImplementedError" and not raised.get("message"):  # torch's own say something
            return {"status": "not written", "message": "not yet written", "print": ""}
        forbidden = [str(f)[:100] for f in result.get("forbidden", [])[:10]]
        clean = {key: result[key] for key in ("value", "raises") if key in result} | {"forbidden": forbidden}
        if "raises" in clean:
            clean["raises"] = {k: str(clean["raises"].get(k, ""))[:500] for k in ("type", "message", "line")}
        lines, difference = explain(clean, expected(lesson, exercise, seed)[name], probe)
        print_, shown = fingerprint(clean), _shown(difference)
    except Exception as error:  # the kernel may send anything
        return wrong | {"message": f"what came back is no answer: {str(error)[:200]}"}
    message = " ".join(lines)[:LONGEST]
    if any(line in text for text in (message, *shown) for line in _telling(probe)):
        return wrong | {"message": "it gives away the check instead of an answer"}
    status = "wrong" if lines else "right"
    return {"status": status, "message": message, "print": print_, "difference": shown}


def _shown(difference: Difference | None) -> list[str]:
    """The two values of a difference as text, where they are small enough to be read."""
    from lib.show import text_rows

    if difference is None:
        return []
    return ["\n".join(text_rows(v, difference.index))[:LONGEST] for v in (difference.got, difference.expected)]


def _telling(probe: Case) -> list[str]:
    """The lines of a probe's source that are long enough to tell where they come from."""
    return [line.strip() for line in probe.source.splitlines()[1:] if len(line.strip()) > 25]
