"""The view of lesson 1: tiles of A and B in fast memory, words moved, and the roofline."""

from collections.abc import Callable

import numpy as np
import torch
import traitlets

from .base import View, told, whole

MOST = 12  # rows or columns: 12 × 12 numbers are still legible beside each other
ORDERS = ("ijk", "jik", "ikj", "kij", "jki", "kji")


class TilingView(View, lesson="tiling", title="Tiling: a matrix product that fits in fast memory"):
    """See :func:`tiling`. ``m``, ``k``, ``n``, ``t``, ``order`` and ``step`` (products done) are synced traits."""

    m = traitlets.Int(6, min=1, max=MOST).tag(sync=True)
    k = traitlets.Int(6, min=1, max=MOST).tag(sync=True)
    n = traitlets.Int(6, min=1, max=MOST).tag(sync=True)
    t = traitlets.Int(2, min=1, max=MOST).tag(sync=True)
    order = traitlets.Enum(ORDERS, "ijk", help="the loops, outermost first").tag(sync=True)
    step = traitlets.Int(0, min=0, help="how many products of tiles are done").tag(sync=True)
    yours = traitlets.Dict(help="what the student's function gives, by setting").tag(sync=True)

    def __init__(self, multiply: Callable | None = None, **traits: object) -> None:
        rng = np.random.default_rng(1)
        self.A, self.B = (torch.from_numpy(rng.integers(-3, 4, (MOST, MOST))) for _ in range(2))
        data = {"A": self.A.tolist(), "B": self.B.tolist(), "peak": 8, "bandwidth": 4}
        super().__init__(data=data, **traits)
        self.multiply = multiply
        if multiply is not None:
            self.observe(self._feed, names=("m", "k", "n", "t"))
            self._feed()

    def _feed(self, _change: object = None) -> None:
        m, k, n = self.m, self.k, self.n
        t = min(self.t, max(m, k, n))
        A, B = self.A[:m, :k].float(), self.B[:k, :n].float()
        self.yours = self.yours | {f"{m},{k},{n},{t}": told(self.multiply, A, B, t, shape=(m, n))}


def tiling(m: int = 6, k: int = 6, n: int = 6, t: int = 2, multiply: Callable | None = None) -> TilingView:
    """Show the tiled product of an (m, k) and a (k, n) matrix, one product of tiles at a time.

    Parameters
    ----------
    m, k, n : int
        Sides of the matrices, 1 to 12.
    t : int
        Side of a tile, 1 to 12.
    multiply : function (A, B, t) -> C, optional
        Your ``mmul_tiling``: cells of its result that differ from A @ B are crossed out.

    Returns
    -------
    TilingView
        A widget with the synced traits ``m``, ``k``, ``n``, ``t``, ``order`` and ``step``.

    Raises
    ------
    TypeError, ValueError
        For a side that is no whole number or does not fit the screen; for a ``multiply`` that cannot be called.
    """
    sizes = {name: whole(name, value, 1, MOST) for name, value in (("m", m), ("k", k), ("n", n), ("t", t))}
    if multiply is not None and not callable(multiply):
        raise TypeError(f"multiply must be a function, not {multiply!r}")
    return TilingView(multiply, **sizes)


def example() -> TilingView:
    """The view as its static page shows it."""
    return TilingView(m=6, k=6, n=6, t=2, step=5)
