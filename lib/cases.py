"""Cases: the plain functions that public and hidden checks are made of, and the tools they may use."""

import inspect
import math
import random
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from lib.values import encode

# What an unchecked argument runs into, sooner or later; a slip of the pen, such as a NameError, is none of these.
FAILURES = (RuntimeError, ArithmeticError, IndexError)


@dataclass(frozen=True)
class Case:
    """One check of one exercise.

    Attributes
    ----------
    exercise, title : str
        What is checked; the title is what the student reads.
    function : callable
        Takes the implementation, then the tools it names; returns what is to be compared.
    points : int
        What the case is worth; 0 for a public one.
    forbids : tuple of str
        Torch operators, such as ``"aten.im2col"``, that would make the exercise empty.
    tolerance : dict
        ``rtol``, ``atol`` and ``exact`` for :func:`lib.compare.compare`.
    """

    exercise: str
    title: str
    function: Callable
    points: int
    forbids: tuple[str, ...]
    tolerance: dict

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def source(self) -> str:
        """The function's own text, without its decorators."""
        text = textwrap.dedent(inspect.getsource(self.function))
        return text[re.search(r"^def ", text, re.MULTILINE).start() :]


def case(
    exercise: str,
    *,
    title: str,
    points: int = 0,
    forbids: Sequence[str] = (),
    rtol: float | None = None,
    atol: float | None = None,
    exact: bool = False,
) -> Callable:
    """Make a plain function a case of an exercise; see :class:`Case`."""

    def mark(function: Callable) -> Callable:
        tolerance = {"rtol": rtol, "atol": atol, "exact": exact}
        function.case = Case(exercise, title, function, points, tuple(forbids), tolerance)
        return function

    return mark


def cases_in(module: ModuleType, exercise: str | None = None) -> list[Case]:
    """List the cases that a module defines, in its order, of one exercise or of all."""
    found = [value.case for value in vars(module).values() if isinstance(getattr(value, "case", None), Case)]
    return [c for c in found if exercise in (None, c.exercise)]


class Draw:
    """Numbers from a seed: the same on every machine, and different for every seed."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._random = random.Random(seed)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Draw a tensor of standard normal numbers."""
        return torch.randn(shape, generator=self._generator, dtype=torch.float64).to(dtype)

    def integers(self, *shape: int, low: int = -4, high: int = 5, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Draw a tensor of whole numbers from ``low`` up to and without ``high``."""
        return torch.randint(low, high, shape, generator=self._generator).to(dtype)

    def uniform(
        self, *shape: int, low: float = 0.0, high: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Draw a tensor of numbers spread evenly over [low, high)."""
        unit = torch.rand(shape, generator=self._generator, dtype=torch.float64)
        return (low + (high - low) * unit).to(dtype)

    def number(self, low: int, high: int) -> int:
        """Draw a whole number from ``low`` up to and without ``high``."""
        return self._random.randrange(low, high)

    def one_of(self, items: Sequence) -> Any:
        """Draw one item."""
        return items[self._random.randrange(len(items))]


def refused(call: Callable[[], Any]) -> str:
    """Say what a call raises: ``"a ValueError"`` (for which a TypeError and an AssertionError count as well), the type
    of a failure, or ``"no error"``."""
    try:
        call()
    except (ValueError, TypeError, AssertionError):
        return "a ValueError"
    except Exception as error:
        meant = isinstance(error, FAILURES) or type(error) is Exception  # the latter was raised on purpose
        if not meant or isinstance(error, NotImplementedError):
            raise
        name = type(error).__name__
        return f"{'an' if name[0] in 'AEIO' else 'a'} {name}"
    return "no error"


@contextmanager
def spy(function: Callable, name: str, change: Callable[[torch.Tensor], Any] = lambda result: None):
    """Record the tensor shapes of every call to a function's global ``name``, whatever name it is called by.

    ``change`` is called with each tensor that such a call returns, and may change it in place.
    """
    calls: list[list[tuple[int, ...]]] = []
    real = getattr(inspect.unwrap(function), "__globals__", {}).get(name)
    code = getattr(real if inspect.isfunction(real) else type(real).__call__, "__code__", None)

    def record(frame, event, result):
        if frame.f_code != code:  # equal, not the same: the grader may have run the definition twice
            return
        if event == "call":
            calls.append([tuple(tensor.shape) for tensor in _tensors(frame.f_locals.values())])
        elif event == "return" and isinstance(result, torch.Tensor):
            change(result)

    before = sys.getprofile()
    sys.setprofile(record)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, dict)):  # of a function that takes any arguments
            yield from _tensors(value.values() if isinstance(value, dict) else value)


class _Watch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, list[tuple[int, ...]]]] = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        tensors = [a for a in (*args, *(kwargs or {}).values()) if isinstance(a, torch.Tensor)]
        name = str(operator.overloadpacket)
        self.calls.append((name, [tuple(tensor.shape) for tensor in tensors]))
        return operator(*args, **(kwargs or {}))


@contextmanager
def watch():
    """Record the name and the input shapes of every torch operator that runs."""
    with _Watch() as mode:
        yield mode.calls


TOOLS = {"refused": refused, "spy": spy, "watch": watch}


def call(function: Callable, implementation: Any, seed: int, forbids: Iterable[str] = ()) -> dict:
    """Run one case and say what came of it.

    Parameters
    ----------
    function
        The case's function.
    implementation
        The function or class that is checked.
    seed
        Where the numbers of ``draw`` start.
    forbids
        Operators to look out for.

    Returns
    -------
    dict
        JSON data: ``{"value": …}`` as :func:`lib.values.encode` writes it, or ``{"raises": {"type": …,
        "message": …, "line": …, "function": …}}``, the line being the implementation's own, the function the
        one that raised; and ``"forbidden"``, the operators of ``forbids`` that ran.
    """
    tools = TOOLS | {"draw": Draw(seed)}
    names = list(inspect.signature(function).parameters)[1:]
    forbids = set(forbids)
    seen: list = []
    try:
        if forbids:
            with watch() as seen:
                value = function(implementation, **{name: tools[name] for name in names})
        else:
            value = function(implementation, **{name: tools[name] for name in names})
        result = {"value": encode(value)}
    except Exception as error:
        raised = {"type": type(error).__name__, "message": str(error)[:500]}
        result = {"raises": raised | {"line": _line(error, implementation), "function": raising(error)}}
    return result | {"forbidden": sorted({name for name, _ in seen} & forbids)}


def _line(error: Exception, implementation: Any) -> str:
    """The implementation's own line at which an exception passed through it, or an empty string."""
    members = vars(implementation).values() if isinstance(implementation, type) else [implementation]
    members = [inspect.unwrap(getattr(member, "__func__", member)) for member in members if callable(member)]
    files = {member.__code__.co_filename for member in members if hasattr(member, "__code__")}
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in files]
    return (frames[-1].line or "")[:200] if frames else ""


def raising(error: BaseException) -> str:
    """The name of the function, or of the class, in which an exception was raised."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_qualname.split(".")[0]


def compile_case(source: str, name: str) -> Callable:
    """Make a case's function from its source alone, with no globals but ``torch``, ``F`` and ``math``."""
    space = {"torch": torch, "F": F, "math": math}
    exec(source, space)
    return space[name]


def send(source: str, name: str, implementation: Any, seed: int, forbids: Sequence[str], mime: str) -> None:
    """Run a case given as text and publish what came of it; this is what the grader's cells call."""
    from IPython.core.interactiveshell import InteractiveShell

    result = call(compile_case(source, name), implementation, seed, forbids)
    InteractiveShell.instance().display_pub.publish(data={mime: result})
