"""Lesson 1: a matrix product done tile by tile, and what its tiles cost.

Sizes: ``matA`` is (m, k), ``matB`` is (k, n), their product is (m, n); ``t`` is the largest side of a tile.
A *word* is one element of a matrix. Cost is counted in words carried between slow and fast memory, as in
Hong & Kung, "I/O complexity: the red-blue pebble game", STOC 1981; nothing here is timed.
"""

from math import isqrt

import torch


def tmul(tileA: torch.Tensor, tileB: torch.Tensor, t: int) -> torch.Tensor:
    """Multiply two tiles, and refuse a tile that is too large.

    Parameters
    ----------
    tileA, tileB : tensors of shape (a, b) and (b, c), of one dtype; both are left unchanged
    t : the largest side that a tile may have

    Returns
    -------
    tensor of shape (a, c): ``tileA @ tileB``, in the tiles' own dtype and on their device

    Raises
    ------
    ValueError
        if any of the four sides is over ``t``.
    """
    if max(*tileA.shape, *tileB.shape) > t:
        raise ValueError(f"tiles {tuple(tileA.shape)} and {tuple(tileB.shape)} do not fit a tile of side {t}")
    return tileA @ tileB


def mmul_tiling(matA: torch.Tensor, matB: torch.Tensor, t: int) -> torch.Tensor:
    """Multiply two matrices tile by tile; every product of tiles goes through `tmul`.

    Parameters
    ----------
    matA, matB : tensors of shape (m, k) and (k, n), of one dtype
        Integers work too. Both are left unchanged.
    t : the side of a tile; the last tile of a row or column may be smaller

    Returns
    -------
    tensor of shape (m, n): the product, in the operands' dtype and on their device

    Raises
    ------
    ValueError
        if `matA` has not as many columns as `matB` has rows.
    """
    (m, k), (rows, n) = matA.shape, matB.shape
    if k != rows:
        raise ValueError(f"{k} columns cannot meet {rows} rows")
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                tileA, tileB = matA[i : i + t, p : p + t], matB[p : p + t, j : j + t]
                matC[i : i + t, j : j + t] += tmul(tileA, tileB, t)
    return matC


def tile_traffic(m: int, k: int, n: int, t: int) -> int:
    """Count the words that the tiled product of (m, k) and (k, n) moves.

    For each product of tiles, one tile of A and one of B are read into fast memory. A tile
    of C stays there until it is finished, and is then written out once.

    Parameters
    ----------
    m, k, n : the sides of the matrices
    t : the side of a tile

    Returns
    -------
    int: words read from A and from B, and written to C
    """
    return m * k * -(-n // t) + k * n * -(-m // t) + m * n


def largest_tile(capacity: int) -> int:
    """Find the largest tile side for which tiles of A, B and C fit fast memory together.

    Parameters
    ----------
    capacity : the words that fast memory holds; any non-negative integer, even one so
        large that trying t = 1, 2, 3, … would take days

    Returns
    -------
    int: the largest t with 3 t² ≤ capacity (0 where not even t = 1 fits)
    """
    return isqrt(capacity // 3)


def arithmetic_intensity(m: int, k: int, n: int, t: int) -> float:
    """Divide the operations of the tiled product by the words it moves.

    A multiplication and an addition count as two operations.

    Parameters
    ----------
    m, k, n : the sides of the matrices
    t : the side of a tile

    Returns
    -------
    float: operations per word
    """
    return 2 * m * k * n / tile_traffic(m, k, n, t)


def roofline(intensity: float, peak: float, bandwidth: float) -> float:
    """Bound the speed of a computation (Williams, Waterman, Patterson, CACM 52(4), 2009).

    Parameters
    ----------
    intensity : operations per word
    peak : operations per second that the processor can do
    bandwidth : words per second that slow memory can deliver

    Returns
    -------
    float: the operations per second that can be reached at most
    """
    return min(peak, intensity * bandwidth)


def best_tile(m: int, k: int, n: int, capacity: int) -> tuple[int, int]:
    """Choose the sides of a tile of C so that the fewest words move.

    Fast memory holds a whole tm × tn tile of C, but only one column of A's tile (tm words)
    and one row of B's tile (tn words) at a time.

    Parameters
    ----------
    m, k, n : the sides of the matrices, each at least 1
    capacity : the words that fast memory holds

    Returns
    -------
    (tm, tn): whole numbers, each at least 1, with tm + tn + tm·tn ≤ capacity and the least
        traffic m·k·⌈n/tn⌉ + k·n·⌈m/tm⌉ + m·n; any such pair will do, even one with a side
        beyond m or n

    Raises
    ------
    ValueError
        if capacity is under 3: not even a tile of one word fits.
    """
    if capacity < 3:
        raise ValueError(f"a fast memory of {capacity} words holds no word of A, of B and of C")

    def words(sides: tuple[int, int]) -> int:
        tm, tn = sides
        return m * k * -(-n // tn) + k * n * -(-m // tm) + m * n

    tallest = min(m, (capacity - 1) // 2)
    return min(((tm, min(n, (capacity - tm) // (tm + 1))) for tm in range(1, tallest + 1)), key=words)
