"""The view of lesson 5: weights that move on the grid while a network learns under quantization."""

from collections.abc import Mapping
from itertools import pairwise

import torch
import traitlets

from .base import View, array, whole

KEYS = ("steps", "weights", "scale", "loss", "accuracy", "bits")
WEIGHTS, ENTRIES, RECORDS = 16, 2000, 6  # the most of each that a screen holds


class QatView(View, lesson="qat", title="Training under quantization: weights on the move"):
    """See :func:`qat`. ``step`` counts the entries of the record, ``weight`` is the one singled out (-1: none)."""

    record = traitlets.Unicode().tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    weight = traitlets.Int(-1, min=-1, max=WEIGHTS - 1).tag(sync=True)


def series(name: str, value: object, length: int) -> list[float]:
    """``value`` as ``length`` finite numbers."""
    numbers = array(name, value, (1,), ENTRIES).tolist()
    if len(numbers) != length:
        raise ValueError(f"{name} has {len(numbers)} entries; steps has {length}")
    return numbers


def checked(name: str, record: object) -> dict[str, object]:
    """A record as the picture takes it; ``name`` is how an error calls it."""
    if not isinstance(record, Mapping):
        raise TypeError(f"{name} must be a dict with {', '.join(KEYS)}, not {type(record).__name__}")
    missing = [key for key in KEYS if key not in record]
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}")
    steps = array(f"{name}: steps", record["steps"], (1,), ENTRIES).tolist()
    if any(step != int(step) for step in steps) or any(b <= a for a, b in pairwise(steps)):
        raise ValueError(f"{name}: steps must be whole numbers that grow")
    weights = torch.from_numpy(array(f"{name}: weights", record["weights"], (2,), ENTRIES * WEIGHTS)).float()
    if weights.shape[0] != len(steps):
        raise ValueError(f"{name}: weights has {weights.shape[0]} rows; steps has {len(steps)} entries")
    if weights.shape[1] > WEIGHTS:
        raise ValueError(
            f"{name}: weights follows {weights.shape[1]} weights; a screen holds {WEIGHTS}. Take a slice of it."
        )
    scale = torch.from_numpy(array(f"{name}: scale", record["scale"], (0, 1), ENTRIES)).float()
    scale = scale.expand(len(steps)) if scale.ndim == 0 else scale
    if len(scale) != len(steps):
        raise ValueError(f"{name}: scale has {len(scale)} entries; steps has {len(steps)}")
    if not (scale > 0).all():
        raise ValueError(f"{name}: scale must be positive")
    return {
        "steps": [int(step) for step in steps],
        "weights": weights.tolist(),
        "scale": scale.tolist(),
        "loss": series(f"{name}: loss", record["loss"], len(steps)),
        "accuracy": series(f"{name}: accuracy", record["accuracy"], len(steps)),
        "bits": whole(f"{name}: bits", record["bits"], 2, 16),
    }


def qat(record: Mapping, step: int = 0) -> QatView:
    """Show recorded training: weights on the grid, entry by entry, with loss and accuracy.

    Parameters
    ----------
    record : dict, or dict of such dicts by name
        ``steps``: increasing ints, at most 2000. ``weights``: tensor, shape (steps, k), the float weights behind the
        quantized ones, k ≤ 16. ``scale``: the step of their grid, a positive number or tensor of shape (steps,).
        ``loss``, ``accuracy``: one number a step. ``bits``: int; the codes are signed. Several records, at most 6, are
        compared: ``{"QAT, 2 bits": record, "PTQ, 2 bits": other}``.
    step : int
        The entry to start from.

    Returns
    -------
    QatView
        A widget with the synced traits ``record`` (a name), ``step`` and ``weight``.

    Raises
    ------
    TypeError, ValueError
        For a record that lacks a key, or whose parts do not fit each other or the screen.
    """
    if not isinstance(record, Mapping):
        raise TypeError(
            f"record must be a dict with {', '.join(KEYS)}, or a dict of such dicts, not {type(record).__name__}"
        )
    if not record:
        raise ValueError("record is empty")
    several = not any(key in record for key in KEYS)
    if several and len(record) > RECORDS:
        raise ValueError(f"there are {len(record)} records; a screen holds {RECORDS}")
    named = (
        {str(name): checked(f"record {name!r}", one) for name, one in record.items()}
        if several
        else {"": checked("record", record)}
    )
    first = next(iter(named))
    step = whole("step", step, 0, max(len(one["steps"]) for one in named.values()) - 1)
    return QatView(data={"records": named}, record=first, step=step)


def example() -> QatView:
    """The view as its static page shows it: twelve weights that fit a line, at 2 and at 4 bits."""
    return qat({f"QAT, {bits} bits": toy(bits) for bits in (2, 4)}, step=30)


def toy(bits: int, steps: int = 60) -> dict[str, object]:
    """Twelve weights learn to classify random points by QAT: a record that takes a moment to make."""
    draw = torch.Generator().manual_seed(3)
    points, true = torch.randn(256, 12, generator=draw), torch.randn(12, generator=draw)
    labels = (points @ true > 0).float()
    weights = (0.6 * torch.randn(12, generator=draw)).requires_grad_()
    scale = 2 * weights.detach().abs().max() / 2**bits
    optimizer = torch.optim.Adam([weights], 0.04)
    record: dict = {
        "steps": list(range(0, 5 * steps, 5)),
        "weights": [],
        "scale": scale.item(),
        "loss": [],
        "accuracy": [],
        "bits": bits,
    }
    for number in range(5 * steps):
        codes = torch.clamp(weights / scale, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        logits = points @ ((codes + (codes.round() - codes).detach()) * scale)  # straight-through rounding
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
        if number % 5 == 0:
            record["weights"].append(weights.detach().clone())
            record["loss"].append(loss.item())
            record["accuracy"].append(100 * ((logits > 0) == (labels > 0)).double().mean().item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return record | {"weights": torch.stack(record["weights"])}
