"""Reading sizes: an int or a pair of them, and the axes of a tensor."""

from collections.abc import Sequence

from torch import Tensor

Size = int | tuple[int, int]


def pair(size: Size) -> tuple[int, int]:
    """Give the vertical and the horizontal value of a size, as torch reads it.

    Parameters
    ----------
    size : int or pair of int
        One value for both directions, or ``(vertical, horizontal)``.

    Returns
    -------
    tuple of two int

    Raises
    ------
    ValueError
        Where `size` is neither.
    """
    both = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(both) != 2 or not all(isinstance(side, int) for side in both):
        raise ValueError(f"a size is an int or a pair of ints, got {size!r}")
    return both


def axes(tensor: Tensor, names: str) -> tuple[int, ...]:
    """Give the sizes of a tensor that must have one axis for each name.

    Parameters
    ----------
    tensor : Tensor
    names : str
        The names of the axes with commas between them, as ``"N, C, H, W"``.

    Returns
    -------
    tuple of int
        ``tensor.shape``, ready to be unpacked.

    Raises
    ------
    ValueError
        Where the tensor has more or fewer axes.
    """
    expected = names.count(",") + 1
    if tensor.dim() != expected:
        raise ValueError(f"expected {expected} axes ({names}), got {tensor.dim()}: {tuple(tensor.shape)}")
    return tuple(tensor.shape)
