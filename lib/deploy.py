"""From a quantized network to plain integers: what is stored, and how it is compared with the simulation."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lib.codes import code_range
from lib.network import POOLS, Network, step_of

__all__ = [
    "IntegerLayer",
    "float_operations",
    "image_codes",
    "integer_layers",
    "integer_linear",
    "mismatches",
    "simulate",
]


@dataclass(frozen=True)
class IntegerLayer:
    """All that a layer needs to run on integers.

    Attributes
    ----------
    weight : Tensor, shape (O, C, KH, KW) or (O, C), int8
        Codes.
    bias : Tensor, shape (O,), int32
        In units of (step of the input) · (step of the weight).
    multiplier, shift : Tensor, shape (O, 1, 1), int64, or None for the last layer
        From accumulators to the codes of the next layer's input.
    stride, padding : pair of int
    pool : None, "max" or "average"
        What follows the ReLU.
    bits : int
        Of the codes that leave the layer.
    """

    weight: Tensor
    bias: Tensor
    multiplier: Tensor | None = None
    shift: Tensor | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    pool: str | None = None
    bits: int = 8


def integer_linear(
    codes: Tensor, weight: Tensor, bias: Tensor, matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul
) -> Tensor:
    """Multiply codes by codes, and count in int32.

    Parameters
    ----------
    codes : Tensor, shape (N, C), uint8
    weight : Tensor, shape (O, C), int8
    bias : Tensor, shape (O,), int32
    matmul : callable
        Multiplies two int32 matrices.

    Returns
    -------
    Tensor, shape (N, O), int32
        The accumulators.
    """
    return matmul(codes.to(torch.int32), weight.to(torch.int32).t()) + bias


def integer_layers(network: Network, quantize_multiplier: Callable[[float], tuple[int, int]]) -> list[IntegerLayer]:
    """Read the integers off a quantized network.

    Parameters
    ----------
    network : Network
        Quantized, as `lib.network.quantize` returns it.
    quantize_multiplier : callable
        Turns a real number into multiplier and shift.

    Raises
    ------
    OverflowError
        Some input could drive an accumulator, or the sum of four of them in a pool, out of int32.
    """
    network = copy.deepcopy(network).double()
    layers = network.layers()
    found = []
    for layer, after, pool in zip(layers, [*layers[1:], None], [*POOLS, None], strict=True):
        scale = step_of(layer.quantize_weight)
        unit = (step_of(layer.quantize_input) * scale).flatten()
        with torch.no_grad():
            weight = torch.round(layer.quantize_weight(layer.weight) / scale).to(torch.int8)
            bias = torch.round(layer.bias / unit).long()
        _, largest = code_range(layer.quantize_input.bits, signed=False)
        worst = weight.long().abs().flatten(1).sum(1) * largest + bias.abs()
        if worst.max() * (4 if pool == "average" else 1) >= 2**31:
            raise OverflowError(f"an accumulator could reach {worst.max().item()}")
        rest = {"stride": layer.stride, "padding": layer.padding, "pool": pool}
        if after is not None:
            ratios = (unit / step_of(after.quantize_input)).expand(len(weight)).tolist()
            multiplier, shift = torch.tensor([quantize_multiplier(ratio) for ratio in ratios]).t().reshape(2, -1, 1, 1)
            rest |= {"multiplier": multiplier, "shift": shift, "bits": after.quantize_input.bits}
        shape = weight.shape if after is not None else weight.shape[:2]  # the last layer is linear
        found.append(IntegerLayer(weight.reshape(shape), bias.to(torch.int32), **rest))
    return found


def image_codes(network: Network, images: Tensor) -> Tensor:
    """Quantize images as the first layer does, and give their codes, uint8."""
    quantizer = copy.deepcopy(network.convs[0].quantize_input).double()
    return torch.round(quantizer(images.double()) / step_of(quantizer)).to(torch.uint8)


def simulate(network: Network, images: Tensor, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Run a quantized network in floating point, and read off the integers that its numbers stand for.

    Parameters
    ----------
    network : Network
        Quantized, as `lib.network.quantize` returns it; is left as it is.
    images : Tensor, shape (N, 1, side, side)
    dtype : torch.dtype
        What the simulation computes in.

    Returns
    -------
    list of Tensor, int64
        As `integer_network` returns them: the codes that enter each layer after the first, and the logits in units of
        (step of the last input) · (step of the last weight).
    """
    network = copy.deepcopy(network).to(dtype).eval()
    seen: list[Tensor] = []
    for layer in network.layers()[1:]:
        quantizer = layer.quantize_input
        quantizer.register_forward_hook(lambda q, _, x_hat: seen.append(torch.round(x_hat / step_of(q)).long()))
    with torch.no_grad():
        logits = network(images.to(dtype))
    last = network.layers()[-1]
    unit = step_of(last.quantize_input) * step_of(last.quantize_weight)
    return [*seen, torch.round(logits / unit).long()]


def mismatches(integers: list[Tensor], simulated: list[Tensor]) -> list[int]:
    """Count, layer by layer, the integers in which two runs differ."""
    pairs = zip(integers, simulated, strict=True)
    return [int((a.flatten(1).long() != b.flatten(1).long()).sum()) for a, b in pairs]


class _FloatSpy(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.total = 0

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        result = operator(*args, **(kwargs or {}))
        self.total += 1
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
        if any(tensor.is_floating_point() or tensor.is_complex() for tensor in tensors):
            self.seen.append(str(operator.overloadpacket))
        return result


@contextmanager
def float_operations() -> Iterator[_FloatSpy]:
    """Record every torch operator that reads or writes a floating-point number.

    Yields
    ------
    object
        ``seen``, the names of those operators as they run; ``total``, the number of all operators.
    """
    with _FloatSpy() as spy:
        yield spy
