"""The banks of wrong and of right implementations: marking them, and listing what a module holds."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course.lessons import Lesson


@dataclass(frozen=True)
class Mistake:
    """A known wrong implementation; ``hint`` is what a student who made it reads."""

    exercise: str
    name: str
    hint: str
    implementation: Any


@dataclass(frozen=True)
class Attempt:
    """A right implementation, written otherwise than the reference."""

    exercise: str
    name: str
    implementation: Any


def mistake(exercise: str, *, name: str, hint: str) -> Callable:
    """Mark a function or class as a known mistake of an exercise."""

    def mark(implementation: Any) -> Any:
        implementation.mistake = Mistake(exercise, name, hint, implementation)
        return implementation

    return mark


def attempt(exercise: str, *, name: str) -> Callable:
    """Mark a function or class as a right answer in another style."""

    def mark(implementation: Any) -> Any:
        implementation.attempt = Attempt(exercise, name, implementation)
        return implementation

    return mark


def mistakes(lesson: Lesson) -> list[Mistake]:
    """List the known mistakes of a lesson."""
    return _marked(f"tests.mistakes.{lesson.topic}", "mistake", Mistake)


def attempts(lesson: Lesson) -> list[Attempt]:
    """List the right answers in other styles of a lesson."""
    return _marked(f"tests.attempts.{lesson.topic}", "attempt", Attempt)


def _marked(module: str, mark: str, kind: type) -> list:
    values = vars(importlib.import_module(module)).values()
    found = [vars(value).get(mark) for value in values if hasattr(value, "__dict__")]
    return [m for m in found if isinstance(m, kind)]
