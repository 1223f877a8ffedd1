"""The view of lesson 4: values on a quantizer's grid, and what rounding and clipping cost."""

import copy
import inspect
from collections.abc import Callable

import numpy as np
import torch
import traitlets

from .base import View, array, told, whole

MOST = 8192  # numbers: the error curve quantizes all of them at every range
CODES = ("signed", "always_pos", "unsigned")


class QuantizerView(View, lesson="quantizer", title="The quantizer: values on a grid, and what that costs"):
    """See :func:`quantizer`. ``clip`` is α as a share of max|x|, ``outlier`` the first value in standard deviations."""

    bits = traitlets.Int(4, min=2, max=8).tag(sync=True)
    clip = traitlets.Float(1.0, min=0.05, max=1).tag(sync=True)
    codes = traitlets.Enum(CODES, "signed").tag(sync=True)
    per_channel = traitlets.Bool(False).tag(sync=True)
    channel = traitlets.Int(0, min=0, help="whose grid is drawn, where each has its own").tag(sync=True)
    outlier = traitlets.Int(0, min=0, max=20, help="0: the first value as it is").tag(sync=True)
    yours = traitlets.Dict(help="what the student's quantizer gives, and for which setting").tag(sync=True)

    def __init__(self, x: torch.Tensor, quantize: Callable | None = None, **traits: object) -> None:
        self.x, self.quantize = x, quantize
        self.sigma = np.float32(x.double().std(correction=0).item())
        rows = x.reshape(x.shape[0], -1) if x.ndim > 1 else x.reshape(1, -1)
        data = {"x": rows.tolist(), "sigma": float(self.sigma), "shape": list(x.shape)}
        super().__init__(data=data, **traits)
        if quantize is not None:
            self.observe(self._feed, names=("bits", "codes", "outlier"))
            self._feed()

    def values(self) -> torch.Tensor:
        """The tensor with its outlier."""
        x = self.x.clone()
        if self.outlier:
            x.view(-1)[0] = float(np.float32(self.outlier) * self.sigma)
        return x

    def _feed(self, _change: object = None) -> None:
        setting = f"{self.bits},{self.codes},{self.outlier}"
        if missing := self._missing():
            self.yours = {"note": missing, "setting": setting}
            return

        def call(x: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                return self._quantizer()(x)

        call.__name__ = getattr(self.quantize, "__name__", type(self.quantize).__name__)
        answer = told(call, self.values(), shape=tuple(self.x.shape))
        made = getattr(self.quantize, "num_steps", None)  # an instance has bits of its own
        if isinstance(made, int) and made > 1 and not isinstance(self.quantize, type):
            answer["bits"] = made.bit_length() - 1
        self.yours = answer | {"setting": setting}

    def _missing(self) -> str:
        """Why the student's class cannot be compared with the grid shown, or nothing where it can."""
        wanted = {"always_pos": "always_pos", "unsigned": "signed"}.get(self.codes)
        if wanted is None or not isinstance(self.quantize, type):
            return ""
        known = inspect.signature(self.quantize).parameters
        return "" if wanted in known else f"Your class has no {self.codes} grid: nothing to compare here."

    def _quantizer(self) -> Callable:
        """The student's quantizer; a copy, so that showing it calibrates nothing."""
        if not isinstance(self.quantize, type):
            return copy.deepcopy(self.quantize)
        options = {"always_pos": self.codes == "always_pos", "signed": self.codes != "unsigned"}
        known = inspect.signature(self.quantize).parameters
        return self.quantize(self.bits, **{key: value for key, value in options.items() if key in known})


def quantizer(
    x: torch.Tensor,
    bits: int = 4,
    signed: bool = True,
    quantize: Callable | None = None,
    always_pos: bool = False,
) -> QuantizerView:
    """Show a tensor's values on a quantizer's grid: histogram, staircase, both kinds of error, and some cells.

    Parameters
    ----------
    x : tensor with 1 to 4 dimensions, at most 8192 numbers
        Converted to float32. The first dimension counts the channels, unless it is the only one.
    bits : int
        From 2 to 8.
    signed : bool
        Signed codes on [-α, α), with step 2α / 2^bits; otherwise codes from 0 that span the values and 0, with a zero
        point.
    quantize : function Tensor -> Tensor, quantizer, or class of quantizers, optional
        Yours: cells of its result that differ from the view's are crossed out. A copy of it is called, so that it is
        not calibrated; a class is made anew with the view's bits.
    always_pos : bool
        The notes' grid for values that are never negative: signed codes, shifted up by α.

    Returns
    -------
    QuantizerView
        A widget with the synced traits ``bits``, ``clip``, ``codes``, ``per_channel``, ``channel`` and ``outlier``.

    Raises
    ------
    TypeError, ValueError
        For an ``x`` that is no tensor of numbers, has none or too many, or holds NaN or infinity; for bits out of
        range; for ``signed`` or ``always_pos`` that are no truth values; for a ``quantize`` that cannot be called.
    """
    x32 = torch.from_numpy(array("x", x, (1, 2, 3, 4), MOST)).float()
    if not x32.isfinite().all():
        raise ValueError("x holds numbers that are too large for float32")
    bits = whole("bits", bits, 2, 8)
    for name, value in (("signed", signed), ("always_pos", always_pos)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, not {value!r}")
    if quantize is not None and not callable(quantize):
        raise TypeError(f"quantize must be a quantizer or a function, not {quantize!r}")
    codes = "always_pos" if always_pos else "signed" if signed else "unsigned"
    return QuantizerView(x32.contiguous(), quantize, bits=bits, codes=codes)


def example() -> QuantizerView:
    """The view as its static page shows it: four channels of weights, the last one three times as wide."""
    draw = torch.Generator().manual_seed(4)
    x = torch.randn(4, 72, generator=draw) * torch.tensor([[0.4], [0.6], [0.8], [1.8]]) * 0.25
    return quantizer(x)
