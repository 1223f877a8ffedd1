"""The integers that a number of bits can hold."""

__all__ = ["code_range"]


def code_range(bits: int, signed: bool = True) -> tuple[int, int]:
    """Smallest and largest integer code of a grid.

    Parameters
    ----------
    bits : int
        From 2 to 16. (One bit would leave a signed grid without a positive code.)
    signed : bool
        Two's complement, −2^(bits−1) … 2^(bits−1) − 1, or else unsigned, 0 … 2^bits − 1.

    Returns
    -------
    qmin, qmax : int

    Raises
    ------
    ValueError
        If `bits` is not an integer from 2 to 16.
    """
    if not isinstance(bits, int) or isinstance(bits, bool) or not 2 <= bits <= 16:
        raise ValueError(f"bits must be an integer from 2 to 16, not {bits!r}")
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
