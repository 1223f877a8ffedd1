"""One public case, tried on what a student wrote: what it was called with, and how long it may take."""

import functools
import inspect
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lib.cases import Case
from lib.compare import compare
from lib.values import decode


def recorder(implementation: Any) -> tuple[Any, list[dict]]:
    """Wrap a function so that the arguments of its calls are kept; a class is left as it is."""
    calls: list[dict[str, Any]] = []
    if not inspect.isfunction(implementation):
        return implementation, calls

    @functools.wraps(implementation)
    def wrapper(*args, **kwargs):
        try:
            bound = inspect.signature(implementation).bind(*args, **kwargs).arguments
        except TypeError:
            bound = {}
        calls.append({n: v.detach().clone() if isinstance(v, torch.Tensor) else v for n, v in bound.items()})
        return implementation(*args, **kwargs)

    return wrapper, calls


def wrong_call(calls: list[dict], result: dict, expected: dict, one: Case) -> dict:
    """The arguments of the call that went wrong: where a case returns an item for each call, that of the first
    wrong item, and else those of the last call."""
    if "value" in result:
        got, right = _items(result), _items(expected)
        if len(got) == len(right) == len(calls):
            pairs = zip(calls, got, right, strict=True)
            return next((made for made, g, r in pairs if compare(g, r, **one.tolerance)), {})
    return calls[-1] if calls else {}


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise a TimeoutError in what takes longer, where the system can."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise TimeoutError(f"it was stopped after {seconds} seconds")

    handler, timer = signal.signal(signal.SIGALRM, stop), signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def _items(result: dict) -> list:
    value = decode(result["value"])
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, (list, tuple)) else [value]
