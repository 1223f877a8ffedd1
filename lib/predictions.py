"""What a student expects before a cell is run, and what came out."""

import re
from typing import Any

import numpy as np
import torch

from lib import notebook
from lib.show import Message


def predict(key: str, guess: Any) -> Message:
    """Record what the student expects, before the cell that shows it is run.

    Parameters
    ----------
    key
        The prediction's name, the same as in the later :func:`reveal`.
    guess
        A number, a text or a truth value; ``...`` means that none was made yet.
    """
    if guess is ...:
        return Message("not yet written", "Replace the ... by your guess, then run this cell")
    if isinstance(guess, (torch.Tensor, np.ndarray, np.generic)):
        guess = guess.tolist()
    notebook.save("predictions", key, {"guess": guess if _plain(guess) else repr(guess)})
    return Message("note", f"Noted: you expect {guess}")


def reveal(key: str, actual: Any, rtol: float = 0.0) -> Message:
    """Compare a prediction with what came out.

    Parameters
    ----------
    key
        The prediction's name.
    actual
        What came out.
    rtol
        How far off a number may be, as a part of the actual one, to count as right.
    """
    if isinstance(actual, torch.Tensor):
        actual = actual.tolist()
    entry = notebook.load()["predictions"].get(key)
    if entry is None:
        return Message("note", f"It is {actual}", ["You made no prediction for this one."])
    guess = _read(entry["guess"], actual)
    numbers = isinstance(guess, (int, float)) and isinstance(actual, (int, float))
    hit = abs(guess - actual) <= rtol * abs(actual) if numbers else _loose(guess) == _loose(actual)
    notebook.save("predictions", key, {"guess": guess, "actual": actual, "hit": bool(hit)})
    if hit:
        return Message("right", f"It is {actual}, as you expected" + (f" ({guess})" if guess != actual else ""))
    return Message("note", f"It is {actual}; you expected {guess}", ["What did the guess leave out?"])


def _read(guess: Any, actual: Any) -> Any:
    """What a text stands for where numbers are asked for: "112" is 112, and "27×256" is [27, 256]."""
    if not isinstance(guess, str):
        return guess
    if isinstance(actual, (list, tuple)):
        return [int(number) for number in re.findall(r"-?\d+", guess)]
    try:
        return float(guess) if isinstance(actual, (int, float)) else guess
    except ValueError:
        return guess


def _loose(value: Any) -> Any:
    """A value without what no guess should fail on: brackets, capitals, blanks, quotes and articles."""
    if isinstance(value, (list, tuple)):
        return [_loose(item) for item in value]
    return str(value).strip().lower().removeprefix("the ") if isinstance(value, (str, bool)) else value


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, list, tuple))
