"""Training a small network, with a progress bar and a record of how the weights moved."""

import time
from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.data import Data
from lib.network import step_of

__all__ = ["accuracy", "bar", "train"]


def bar(items: Iterable, label: str) -> Iterator:
    """Go through items and show how far we are, in a notebook; elsewhere, just go through them."""
    items, start = list(items), time.monotonic()
    try:
        get_ipython()  # type: ignore[name-defined]
        from IPython.display import HTML, display
    except (NameError, ImportError):
        yield from items
        return

    def picture(done: int) -> HTML:
        seconds = f"{done} of {len(items)}, {time.monotonic() - start:.1f} s"
        style = 'style="font-size:14px"'
        return HTML(f"<label {style}>{label} <progress max={len(items)} value={done}></progress> {seconds}</label>")

    handle = display(picture(0), display_id=True)
    for number, item in enumerate(items, 1):
        yield item
        handle.update(picture(number))


def accuracy(network: nn.Module, data: Data) -> float:
    """Percentage of the test images that a network puts in the right class."""
    network.eval()
    with torch.no_grad():
        return 100 * (network(data.test_x).argmax(1) == data.test_y).double().mean().item()


def train(
    network: nn.Module,
    data: Data,
    epochs: int = 10,
    rate: float = 2e-3,
    seed: int = 0,
    label: str = "training",
    track: nn.Module | None = None,
    every: int = 5,
) -> dict:
    """Train with Adam, batches of 64, and a learning rate that falls to 0 along a cosine.

    Parameters
    ----------
    network : nn.Module
        Is trained in place, and left in evaluation mode.
    data : Data
        Images and classes.
    epochs : int
        How often every training image is seen.
    rate : float
        The learning rate at the start.
    seed : int
        For the order of the images.
    label : str
        What the progress bar is called.
    track : nn.Module, optional
        A quantized layer; 16 weights of its first output channel are recorded as they move.
    every : int
        Steps of an epoch between two entries of the record.

    Returns
    -------
    dict
        Empty without `track`; else ``steps``, ``loss`` and ``accuracy`` (on the test images), lists of equal length;
        ``weights``, shape (steps, 16), the float weights; ``scale``, shape (steps,), the step of their grid; ``bits``.
    """
    order = torch.Generator().manual_seed(seed)
    batches = -(-len(data.train_x) // 64)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    record: dict = {"steps": [], "loss": [], "accuracy": [], "weights": [], "scale": []}
    for epoch in bar(range(epochs), label):
        network.train()
        for number, batch in enumerate(torch.randperm(len(data.train_x), generator=order).split(64)):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(data.train_x[batch]), data.train_y[batch])
            loss.backward()
            if track is not None and number % every == 0:
                _note(record, epoch * batches + number, loss, accuracy(network, data), track)
                network.train()
            optimizer.step()
            schedule.step()
    network.eval()
    if track is None:
        return {}
    stacked = {key: torch.stack(record[key]) for key in ("weights", "scale")}
    return record | stacked | {"bits": track.quantize_weight.bits}


def _note(record: dict, step: int, loss: Tensor, percent: float, layer: nn.Module) -> None:
    """Add one entry to the record."""
    record["steps"].append(step)
    record["loss"].append(loss.item())
    record["accuracy"].append(percent)
    record["weights"].append(layer.weight[0].detach().flatten()[:16].clone())
    record["scale"].append(step_of(layer.quantize_weight).flatten()[0].clone())
