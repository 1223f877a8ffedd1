"""One comparison for the student's check and for the referee: type, then shape, then dtype, then value."""

import cmath
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np
import torch

from lib.values import Other

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 2e-2}


@dataclass(frozen=True)
class Difference:
    """The first thing in which two values differ.

    Attributes
    ----------
    kind : str
        ``"type"``, ``"shape"``, ``"dtype"`` or ``"value"``.
    message : str
        One sentence that says what differs.
    got, expected
        The two parts that differ: the items of a tuple, not the whole tuple.
    index : tuple of int, optional
        For arrays that differ in value: where they first do.
    """

    kind: str
    message: str
    got: Any
    expected: Any
    index: tuple[int, ...] | None = None


def compare(
    got: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    exact: bool = False,
    where: str = "",
) -> Difference | None:
    """Find the first difference between a value and the expected one.

    A tuple and a list are taken for the same, and so are a Python number, a NumPy number and a tensor
    without dimensions where a number is expected: neither is a mistake worth a point.

    Parameters
    ----------
    got, expected
        Values as :func:`lib.values.decode` returns them.
    rtol, atol
        Relative and absolute tolerance for floats; by default they follow from the expected dtype.
    exact
        Ask for equality bit for bit instead.
    where
        The part of a larger value that is compared, for the message: ``"[1]"``.

    Returns
    -------
    Difference or None
        ``None`` where there is none.
    """
    options = {"rtol": rtol, "atol": atol, "exact": exact}
    if isinstance(expected, torch.Tensor) and isinstance(got, torch.Tensor):
        return _compare_tensors(got, expected, where=where, **options)
    if isinstance(expected, np.ndarray) and isinstance(got, np.ndarray):
        return _compare_tensors(torch.as_tensor(got), torch.as_tensor(expected), where=where, **options)
    if isinstance(expected, Number) and not isinstance(expected, bool):
        return _compare_numbers(got, expected, where=where, **options)
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)):
        if len(got) != len(expected):
            message = f"{_at('length', where)}: yours has {len(got)} items, expected {len(expected)}"
            return Difference("shape", message, got, expected)
        pairs = [(f"{where}[{i}]", g, e) for i, (g, e) in enumerate(zip(got, expected, strict=True))]
        return next((d for w, g, e in pairs if (d := compare(g, e, where=w, **options))), None)
    if isinstance(expected, dict) and isinstance(got, dict):
        if list(got) != list(expected):
            message = f"{_at('keys', where)}: yours {list(got)}, expected {list(expected)}"
            return Difference("shape", message, got, expected)
        pairs = [(f"{where}[{key!r}]", got[key], expected[key]) for key in expected]
        return next((d for w, g, e in pairs if (d := compare(g, e, where=w, **options))), None)
    if type(got) is not type(expected):
        return _type_difference(got, expected, where)
    if got != expected:
        return Difference("value", f"{_at('value', where)}: yours {got!r}, expected {expected!r}", got, expected)
    return None


def _at(kind: str, where: str) -> str:
    return f"{kind} of item {where}" if where else kind


def _type_difference(got: Any, expected: Any, where: str) -> Difference:
    mine = got.name if isinstance(got, Other) else type(got).__name__
    message = f"{_at('type', where)}: yours is {mine}, expected {type(expected).__name__}"
    if got is None and not where:
        message += " (did you forget a return?)"
    return Difference("type", message, got, expected)


def _compare_numbers(got, expected, rtol, atol, exact, where) -> Difference | None:
    if isinstance(got, (torch.Tensor, np.ndarray)) and got.ndim == 0:
        got = got.item()
    complex_alone = isinstance(got, complex) and not isinstance(expected, complex)
    if isinstance(got, bool) or not isinstance(got, Number) or complex_alone:
        return _type_difference(got, expected, where)
    tolerance = 0 if exact or isinstance(expected, int) else 1e-6
    rtol = tolerance if rtol is None else rtol
    atol = tolerance if atol is None else atol
    same = got == expected or (got != got and expected != expected)  # NaN is taken to equal NaN
    near = atol + rtol * abs(expected)  # where that is 0, nothing is subtracted: floats would round large integers
    if not same and not (near and cmath.isfinite(expected) and abs(got - expected) <= near):
        yours, right = _numbers(got, expected)
        message = f"{_at('value', where)}: yours {yours}, expected {right}"
        return Difference("value", message, got, expected)
    return None


def _compare_tensors(got, expected, rtol, atol, exact, where) -> Difference | None:
    if got.shape != expected.shape:
        message = f"{_at('shape', where)}: yours {tuple(got.shape)}, expected {tuple(expected.shape)}"
        return Difference("shape", message, got, expected)
    if got.dtype != expected.dtype:
        message = f"{_at('dtype', where)}: yours {got.dtype}, expected {expected.dtype}"
        return Difference("dtype", message, got, expected)
    tolerance = 0 if exact else TOLERANCE.get(expected.dtype, 0)
    close = torch.isclose(
        got,
        expected,
        rtol=tolerance if rtol is None else rtol,
        atol=tolerance if atol is None else atol,
        equal_nan=True,
    )
    if close.all():
        return None
    wrong = (~close).nonzero()
    index = tuple(wrong[0].tolist())
    place = f"[{', '.join(map(str, index))}]" if index else ""
    yours, right = _numbers(got[index].item(), expected[index].item())
    message = f"{_at('value', where)}: yours{place} is {yours}, expected {right}"
    if got.numel() > 1:
        message += f"; {len(wrong)} of {got.numel()} numbers differ"
    return Difference("value", message, got, expected, index)


def _numbers(*pair: Any) -> list[str]:
    """Two numbers that differ, in so many digits that it shows."""
    short = [f"{x + 0.0:.6g}" if isinstance(x, float) else str(x) for x in pair]
    return short if short[0] != short[1] else list(map(repr, pair))
