"""The small network of lesson 5, and the quantizers that go between its layers."""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.codes import code_range
from lib.lowering import conv2d
from lib.quantizer import LearnedStep, Quantizer, fake_quantize, mse_scale
from lib.sizes import Size

__all__ = [
    "POOLS",
    "BestLearnedStep",
    "BestStep",
    "FixedStep",
    "Network",
    "QuantLinear",
    "fold",
    "quantize",
    "quantizers",
    "step_of",
    "through",
]

POOLS = (None, "max", "average")
INPUT_BITS = 8


class Network(nn.Module):
    """Three convolutions, each with batch normalization, ReLU and perhaps a pool; then a linear layer.

    Parameters
    ----------
    side : int
        Height and width of the images.
    channels : tuple of three int
        Output channels of the convolutions.

    Attributes
    ----------
    convs : ModuleList of three
        3×3, padding 1, no bias before folding.
    norms : ModuleList of three
        Batch normalizations; identities after folding.
    linear : nn.Module
        From the flattened last map to 10 classes.
    """

    def __init__(self, side: int = 8, channels: tuple[int, int, int] = (16, 32, 32)):
        super().__init__()
        pairs = list(zip((1, *channels), channels, strict=False))
        self.convs = nn.ModuleList(nn.Conv2d(c, o, 3, padding=1, bias=False) for c, o in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o in pairs)
        self.linear = nn.Linear(channels[-1] * (side // 4) ** 2, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, side, side) to logits (N, 10)."""
        for conv, norm, pool in zip(self.convs, self.norms, POOLS, strict=True):
            x = F.relu(norm(conv(x)))
            if pool is not None:
                x = F.max_pool2d(x, 2) if pool == "max" else F.avg_pool2d(x, 2)
        return self.linear(x.flatten(1))

    def layers(self) -> list[nn.Module]:
        """The convolutions and the linear layer (as a convolution once it is quantized), in order."""
        return [*self.convs, getattr(self.linear, "conv", self.linear)]


class BestStep(nn.Module):
    """A quantizer with the step of least squared error on its first input, fixed from then on.

    Parameters
    ----------
    bits : int
        From 2 to 16.
    signed : bool
        Signed codes for weights, unsigned ones for what comes out of a ReLU.
    channels : int, optional
        Give each of so many channels, along axis 0, a step of its own.

    Attributes
    ----------
    step : buffer, 0-d or shape (channels, 1, 1, 1)
    """

    def __init__(self, bits: int, signed: bool = True, channels: int | None = None):
        super().__init__()
        self.bits, self.signed = bits, signed
        self.register_buffer("step", torch.ones(() if channels is None else (channels, 1, 1, 1)))
        self.register_buffer("calibrated", torch.tensor(False))

    def forward(self, x: Tensor) -> Tensor:
        if not self.calibrated and x.any():
            parts = x if self.step.dim() else [x]
            best = torch.stack([mse_scale(part, self.bits, self.signed) for part in parts])
            self.step = best.reshape(self.step.shape)
            self.calibrated = torch.tensor(True)
        return fake_quantize(x, self.step, 0, *code_range(self.bits, self.signed))


class BestLearnedStep(LearnedStep):
    """Lesson 4's `LearnedStep`, which starts from the step of least squared error on its first input."""

    def __init__(self, bits: int, signed: bool = True):
        super().__init__(bits, signed)
        self.bits, self.signed = bits, signed

    def forward(self, x: Tensor) -> Tensor:
        if not self.calibrated and x.any():
            self.step.data = mse_scale(x, self.bits, self.signed)
            self.calibrated.fill_(True)
        return super().forward(x)


class FixedStep(nn.Module):
    """A quantizer whose step is known beforehand.

    Parameters
    ----------
    bits : int
        From 2 to 16.
    step : float or Tensor
        One for all, or one for each channel in the shape that broadcasts against the input.
    signed : bool
        Which codes: see `code_range`.
    """

    def __init__(self, bits: int, step: float | Tensor, signed: bool = False):
        super().__init__()
        self.bits, self.signed = bits, signed
        self.register_buffer("step", torch.as_tensor(step, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        return fake_quantize(x, self.step, 0, *code_range(self.bits, self.signed))


def step_of(quantizer: nn.Module) -> Tensor:
    """Give the distance between neighbouring levels of a calibrated quantizer, without gradient.

    Every value that the quantizer returns is a whole number of steps.

    Parameters
    ----------
    quantizer : Quantizer, LearnedStep or another module with a `step`

    Returns
    -------
    Tensor
        0-d, or with one entry for each channel in the shape that broadcasts against the input.
    """
    step = quantizer.step if hasattr(quantizer, "step") else 2 * quantizer.alpha / quantizer.num_steps
    return step.detach()


def quantizers(kind: str, bits: int, channels: int | None = None) -> tuple[nn.Module, nn.Module]:
    """Make the two quantizers of a layer: for its input, which is never negative, and for its weight.

    Parameters
    ----------
    kind : str
        ``"notes"``: `Quantizer`, with `always_pos` for the input. ``"mended"``: `BestStep`, all unsigned codes for the
        input, a step for each channel of the weight. ``"learned"``: `BestLearnedStep`.
    bits : int
        Of both.
    channels : int, optional
        Output channels that get steps of their own.

    Raises
    ------
    ValueError
        There is no such kind.
    """
    if kind == "notes":
        pair = Quantizer(bits, always_pos=True), Quantizer(bits)
    elif kind == "mended":
        pair = BestStep(bits, signed=False), BestStep(bits, channels=channels)
    elif kind == "learned":
        pair = BestLearnedStep(bits, signed=False), BestLearnedStep(bits)
    else:
        raise ValueError(f"there is no quantizer {kind!r}; there are 'notes', 'mended' and 'learned'")
    for quantizer in pair:
        quantizer.bits = bits
    return pair


class QuantLinear(nn.Module):
    """A quantized linear layer: a quantized 1×1 convolution over images of one pixel.

    Parameters
    ----------
    linear : nn.Linear
        Gives weight and bias.
    layer : callable
        `QuantConv2d`, or a class of the same form.
    quantize_input, quantize_weight : nn.Module
        Quantizers, with one step each.

    Attributes
    ----------
    conv : nn.Module
        The layer that does the work.
    """

    def __init__(self, linear: nn.Linear, layer: Callable, quantize_input: nn.Module, quantize_weight: nn.Module):
        super().__init__()
        conv = nn.Conv2d(linear.in_features, linear.out_features, 1)
        conv.weight.data, conv.bias.data = linear.weight.detach()[..., None, None], linear.bias.detach()
        self.conv = layer(conv, quantize_input, quantize_weight)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, C) to (N, O)."""
        return self.conv(x[..., None, None]).flatten(1)


def fold(network: Network, fold_batchnorm: Callable) -> Network:
    """Copy a trained network with every batch normalization folded into the convolution before it.

    Parameters
    ----------
    network : Network
        Is left as it is.
    fold_batchnorm : callable
        Takes weight, bias and the normalization, returns the weight and bias that do both.
    """
    folded = copy.deepcopy(network)
    for i, (conv, norm) in enumerate(zip(network.convs, network.norms, strict=True)):
        weight, bias = fold_batchnorm(conv.weight, conv.bias, norm)
        folded.convs[i].weight = nn.Parameter(weight.detach().clone())
        folded.convs[i].bias = nn.Parameter(bias.detach().clone())
        folded.norms[i] = nn.Identity()
    return folded.eval()


def quantize(network: Network, bits: int, layer: Callable, images: Tensor, kind: str = "mended") -> Network:
    """Copy a folded network with quantized layers, and calibrate them: post-training quantization.

    Parameters
    ----------
    network : Network
        Folded; is left as it is.
    bits : int
        Of all weights and of all layers' inputs but the images, which get 8.
    layer : callable
        `QuantConv2d`: takes a convolution, the quantizer of its input and that of its weight.
    images : Tensor, shape (N, 1, side, side)
        The quantizers meet these first.
    kind : str
        See `quantizers`.
    """
    quantized = copy.deepcopy(network)
    for i, conv in enumerate(network.convs):
        on_input, on_weight = quantizers(kind, bits, conv.out_channels)
        first = FixedStep(INPUT_BITS, 1 / 255)  # grey values from 0 to 1
        quantized.convs[i] = layer(conv, first if i == 0 else on_input, on_weight)
    quantized.linear = QuantLinear(network.linear, layer, *quantizers(kind, bits))
    quantized.eval()
    with torch.no_grad():
        quantized(images)
    return quantized


def through(network: Network, matmul: Callable[[Tensor, Tensor], Tensor]) -> Network:
    """Route every product of a quantized network through lesson 2's lowering and a matmul of one's choice.

    Parameters
    ----------
    network : Network
        Its quantized layers are changed in place.
    matmul : callable
        Multiplies two matrices.

    Returns
    -------
    Network
        `network`.
    """

    def convolve(input: Tensor, weight: Tensor, bias: Tensor, stride: Size, padding: Size) -> Tensor:
        return conv2d(input, weight, stride, padding, matmul=matmul) + bias.view(-1, 1, 1)

    for layer in network.layers():
        layer.convolve = convolve
    return network
