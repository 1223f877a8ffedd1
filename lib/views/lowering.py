"""The view of lesson 2: a convolution beside the same convolution as one product of matrices."""

from collections.abc import Callable

import torch
import traitlets

from .base import View, array, told, whole

MOST = 2400  # cells of the lowered matrix
LIMITS = {"kernel": (1, 5), "stride": (1, 4), "padding": (0, 3), "dilation": (1, 3)}


def positions(side: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How many positions a kernel has along a side; below 1 where it does not fit."""
    room = side + 2 * padding - dilation * (kernel - 1) - 1
    return room // stride + 1 if room >= 0 else 0


class LoweringView(View, lesson="lowering", title="Lowering: a convolution is one matrix product"):
    """See :func:`lowering`. ``position`` is the column of the lowered matrix, ``filter`` the row of the weights."""

    kernel = traitlets.Int(3, min=1, max=5).tag(sync=True)
    stride = traitlets.Int(1, min=1, max=4).tag(sync=True)
    padding = traitlets.Int(0, min=0, max=3).tag(sync=True)
    dilation = traitlets.Int(1, min=1, max=3).tag(sync=True)
    position = traitlets.Int(0, min=0).tag(sync=True)
    filter = traitlets.Int(0, min=0).tag(sync=True)
    yours = traitlets.Dict(help="what the student's function gives, by setting").tag(sync=True)

    def __init__(self, inputs: torch.Tensor, lower: Callable | None = None, **traits: object) -> None:
        super().__init__(**traits)
        self.inputs, self.lower = inputs, lower
        if lower is not None:
            self.observe(self._feed, names=tuple(LIMITS))
            self._feed()

    def _feed(self, _change: object = None) -> None:
        setting = [self.kernel, self.stride, self.padding, self.dilation]
        if any(positions(side, *setting) < 1 for side in self.inputs.shape[2:]):
            return  # between two moves of the sliders; the picture says so
        kernel, stride, padding, dilation = setting
        x = self.inputs.clone()
        answer = told(self.lower, x, kernel, stride=stride, padding=padding, dilation=dilation)
        self.yours = self.yours | {",".join(map(str, setting)): answer}


def lowering(
    x: torch.Tensor,
    kernel_size: int = 3,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    weights: torch.Tensor | None = None,
    lower: Callable | None = None,
) -> LoweringView:
    """Show a convolution as a moving window, and below it as weights times lowered input.

    Parameters
    ----------
    x : tensor, shape (H, W), (C, H, W) or (N, C, H, W)
        The input: at most 256 numbers, 4 channels, 2 images.
    kernel_size, stride, padding, dilation : int
        One number for both directions; kernel_size 1 to 5, stride 1 to 4, padding 0 to 3, dilation 1 to 3.
    weights : tensor, shape (K, K), (C, K, K) or (O, C, K, K), optional
        At most 4 filters of kernel_size K; without it, one filter that finds vertical edges.
    lower : function (inputs, kernel_size, stride, padding, dilation) -> matrix, optional
        Your ``inputs_lowering``: cells of its result that differ from the right one are crossed out.

    Returns
    -------
    LoweringView
        A widget with the synced traits ``kernel``, ``stride``, ``padding``, ``dilation``, ``position``, ``filter``.

    Raises
    ------
    TypeError, ValueError
        For an input or weights of the wrong kind or shape, a kernel that does not fit the padded input, and
        more cells than a screen holds.
    """
    values = array("x", x, (2, 3, 4), 256)
    values = values.reshape((1,) * (4 - values.ndim) + values.shape)
    N, C, H, W = values.shape
    if C > 4 or N > 2:
        raise ValueError(f"x has {N} images of {C} channels; a screen holds 2 of 4. Take a slice of it.")
    given = {"kernel": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
    names = {"kernel": "kernel_size"}
    setting = {name: whole(names.get(name, name), value, *LIMITS[name]) for name, value in given.items()}
    K = setting["kernel"]
    sides = [positions(side, *setting.values()) for side in (H, W)]
    if min(sides) < 1:
        span, sides = setting["dilation"] * (K - 1) + 1, [side + 2 * setting["padding"] for side in (H, W)]
        raise ValueError(f"the kernel spans {span} pixels, the padded input only {min(sides)}")
    columns = N * sides[0] * sides[1]
    if C * K * K * columns > MOST:
        raise ValueError(
            f"the lowered matrix would have {C * K * K} × {columns} cells; a screen holds {MOST}. Take a slice of x."
        )
    if weights is not None:
        taps = array("weights", weights, (2, 3, 4), 4 * 4 * 25)
        taps = taps.reshape((1,) * (4 - taps.ndim) + taps.shape)
        if taps.shape[0] > 4 or taps.shape[1:] != (C, K, K):
            raise ValueError(f"weights must have shape (O, {C}, {K}, {K}) with O at most 4, not {tuple(taps.shape)}")
    if lower is not None and not callable(lower):
        raise TypeError(f"lower must be a function, not {lower!r}")
    data = {
        "x": values.tolist(),
        "shape": list(values.shape),
        "weights": None if weights is None else taps.tolist(),
        "most": MOST,
    }
    like = x.dtype if isinstance(x, torch.Tensor) else torch.float32
    return LoweringView(torch.from_numpy(values).to(like), lower, data=data, **setting)


def example() -> LoweringView:
    """The view as its static page shows it: a small picture of a 7 in an image of 6 × 6 pixels."""
    rows = ["000000", "099990", "000290", "002900", "009200", "009000"]
    view = lowering(torch.tensor([[float(v) for v in row] for row in rows]), kernel_size=3)
    view.position = 5
    return view
