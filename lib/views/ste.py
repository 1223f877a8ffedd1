"""The view of lesson 3: a staircase, the gradient that estimators put in its place, and a descent on it."""

from collections.abc import Callable

import torch
import traitlets

from .base import View, attempt, real

ESTIMATORS = ("true", "straight", "masked", "yours")


class SteView(View, lesson="ste", title="The straight-through estimator: a gradient for a staircase"):
    """See :func:`ste`. ``path`` holds the values that x took while it descended."""

    x = traitlets.Float(-1.3).tag(sync=True)
    low = traitlets.Float(-3.0, min=-8, max=7).tag(sync=True)
    high = traitlets.Float(3.0, min=-7, max=8).tag(sync=True)
    target = traitlets.Float(2.0).tag(sync=True)
    rate = traitlets.Float(0.1, min=0.0, max=1.0).tag(sync=True)
    estimator = traitlets.Enum(ESTIMATORS, "straight").tag(sync=True)
    path = traitlets.List(traitlets.Float()).tag(sync=True)

    @traitlets.validate("estimator")
    def _known(self, proposal: dict) -> str:
        if proposal["value"] == "yours" and not self.data.get("samples"):
            raise traitlets.TraitError("estimator 'yours' needs a function: views.ste(roundpass)")
        return proposal["value"]


def sample(function: Callable) -> dict[str, object]:
    """A student's rounding and its gradient on -10, -9.75, ..., 10: ``{"samples": ... or None, "note": ...}``."""
    x = (torch.arange(81, dtype=torch.float32) / 4 - 10).requires_grad_()
    y, note = attempt(function, x)
    name = getattr(function, "__name__", "your function")
    name = "your function" if name == "apply" else name
    if note:
        return {"samples": None, "note": note}
    if not isinstance(y, torch.Tensor) or y.shape != x.shape:
        what = f"shape {tuple(y.shape)}" if isinstance(y, torch.Tensor) else type(y).__name__
        return {
            "samples": None,
            "note": f"{name} returned {what}; expected a tensor of the shape of x, {tuple(x.shape)}.",
        }
    gradient, note = (
        attempt(lambda: torch.autograd.grad(y.sum(), x, allow_unused=True)[0]) if y.requires_grad else (None, "")
    )
    if gradient is None:
        detail = note.partition("raised ")[2]
        why = f"backward raised {detail}" if detail else "no gradient comes back: the result is cut off from x"
        return {"samples": None, "note": f"{name}: {why}."}
    wrong = int((y.detach() != torch.round(x.detach())).sum())
    rounding = "all values right" if not wrong else f"{wrong} of {len(x)} values differ from torch.round: crossed out"
    ones, zeros = int((gradient == 1).sum()), int((gradient == 0).sum())
    passing = {
        ones: "gradient 1 everywhere: straight through",
        zeros: "gradient 0 everywhere: nothing behind it can learn",
    }
    backward = passing.get(len(x), f"gradient 1 at only {ones} of {len(x)} points: the others are crossed out")
    numbers = {"x": x, "value": y, "gradient": gradient}
    lists = {key: v.detach().double().nan_to_num(1e9, 1e9, -1e9).tolist() for key, v in numbers.items()}
    return {"samples": lists, "note": f"{name[0].upper()}{name[1:]}: {rounding}; {backward}."}


def ste(round: Callable | None = None, low: float = -3.0, high: float = 3.0) -> SteView:
    """Show rounding and clamping to ``low ... high``, three gradients for it, and a point that descends by them.

    Parameters
    ----------
    round : function Tensor -> Tensor, optional
        Your ``roundpass``: its values and its gradient are drawn as rings, and crossed out where they differ from
        ``torch.round`` and from 1. It becomes a fourth estimator to descend by.
    low, high : float
        The range that values are clamped to, within -8 ... 8 and at least 1 wide.

    Returns
    -------
    SteView
        A widget with the synced traits ``x``, ``low``, ``high``, ``target``, ``rate``, ``estimator`` and ``path``.

    Raises
    ------
    TypeError, ValueError
        For limits that are no numbers, out of order or out of bounds; for a ``round`` that cannot be called.
    """
    low, high = real("low", low, -8, 8), real("high", high, -8, 8)
    if high - low < 1:
        raise ValueError(f"high must be at least low + 1, not low={low}, high={high}")
    if round is not None and not callable(round):
        raise TypeError(f"round must be a function, not {round!r}")
    data = {"samples": None, "note": ""} if round is None else sample(round)
    start, target = low + 0.28 * (high - low), low + (high - low) * 5 // 6
    return SteView(low=low, high=high, x=torch.round(torch.tensor(start), decimals=1).item(), target=target, data=data)


def example() -> SteView:
    """The view as its static page shows it."""
    return ste()
