"""The hidden checks as asserts, for graders that judge inside the student's kernel."""

from collections.abc import Callable

from course.lessons import find
from lib.cases import call
from lib.check import explain


def agrees(topic: str, name: str, implementation: Callable, seed: int) -> None:
    """Assert that an implementation and the reference answer alike in one hidden check.

    Parameters
    ----------
    topic, name
        The lesson and the check's function.
    implementation
        The student's function or class.
    seed
        Where the numbers of the check start.
    """
    lesson = find(topic)
    probe = next(p for exercise in lesson.exercises for p in lesson.probes(exercise) if p.name == name)
    got = call(probe.function, implementation, seed, probe.forbids)
    lines, _ = explain(got, call(probe.function, lesson.reference(probe.exercise), seed), probe)
    assert not lines, " ".join(lines)
