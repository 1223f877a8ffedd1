"""Public cases and hints of lesson 1."""

import math

import torch

from lib.cases import case

HINTS = {
    "tmul": [
        "Two tiles have four sides: tileA.shape and tileB.shape hold two each.",
        "`if side > t: raise ValueError(...)` for the largest of the four; a side equal to t is fine.",
        "After the test, return tileA @ tileB.",
    ],
    "mmul_tiling": [
        "Three nested loops: i over the rows of A, j over the columns of B, and one over the side they share.",
        "range(0, m, t) gives the first row of every tile: 0, t, 2t, … A slice matA[i : i + t] that reaches "
        "past the edge is cut off there, so the last tile needs no special case.",
        "Start from matA.new_zeros(m, n): zeros with A's dtype, on A's device. A tile of C is a sum over the "
        "innermost loop: use +=.",
        "The tile of C at rows i and columns j gains tmul(tile of A at i, p; tile of B at p, j; t).",
    ],
    "tile_traffic": [
        "How often is one element of A read? Once for each tile column of C.",
        "C has ⌈n/t⌉ tile columns and ⌈m/t⌉ tile rows. Rounding up without floats: -(-n // t), or ceil(n / t).",
        "A costs m·k·⌈n/t⌉ words and B costs k·n·⌈m/t⌉. Each word of C is written once.",
    ],
    "largest_tile": [
        "3 t² ≤ capacity says t² ≤ capacity / 3.",
        "math.isqrt(x) is the largest whole number whose square is at most x, exact for any integer. A float "
        "square root rounds, and is sometimes one off.",
    ],
    "arithmetic_intensity": [
        "How many multiplications does an m×k times k×n product take, and how many additions go with them?",
        "2·m·k·n operations, divided by tile_traffic(m, k, n, t) words.",
    ],
    "roofline": [
        "Two things can hold you back: the processor, and the memory that feeds it.",
        "Memory delivers `bandwidth` words a second, and each word is worth `intensity` operations. The slower "
        "of the two limits decides.",
    ],
    "best_tile": [
        "The number of words does not depend on tk, the side that the tiles of A and B share. What is the "
        "smallest tk, and what room does it leave for C?",
        "Try every tm from 1 up to m. Given tm, the largest tn that fits is (capacity - tm) // (tm + 1), and "
        "never more than n is of use.",
        "Keep the pair with the fewest words: min(pairs, key=words) does it, or a loop that remembers the best.",
    ],
}


@case("tmul", title="2×2 times 2×2, t = 2")
def square(tmul, draw):
    return tmul(draw.integers(2, 2), draw.integers(2, 2), 2)


@case("tmul", title="1×3 times 3×2, t = 3: tiles at the edge are smaller")
def edge(tmul, draw):
    return tmul(draw.integers(1, 3), draw.integers(3, 2), 3)


@case("tmul", title="refuses 3×2 times 2×2, t = 2: tileA has too many rows")
def tall(tmul, draw, refused):
    return refused(lambda: tmul(draw.integers(3, 2), draw.integers(2, 2), 2))


@case("tmul", title="refuses 2×2 times 2×3, t = 2: tileB has too many columns")
def wide(tmul, draw, refused):
    return refused(lambda: tmul(draw.integers(2, 2), draw.integers(2, 3), 2))


@case("tmul", title="refuses 1×3 times 3×1, t = 2: the side that they share is too long")
def shared(tmul, draw, refused):
    return refused(lambda: tmul(draw.integers(1, 3), draw.integers(3, 1), 2))


@case("tmul", title="refuses 2×3 times 2×2, t = 2: tileA has too many columns")
def broad(tmul, draw, refused):
    return refused(lambda: tmul(draw.integers(2, 3), draw.integers(2, 2), 2))


@case("tmul", title="refuses 2×2 times 3×2, t = 2: tileB has too many rows")
def deep(tmul, draw, refused):
    return refused(lambda: tmul(draw.integers(2, 2), draw.integers(3, 2), 2))


@case("mmul_tiling", title="2×2 times 2×2 in one tile of 2")
def one_tile(mmul_tiling, draw):
    return mmul_tiling(draw.integers(2, 2), draw.integers(2, 2), 2)


@case("mmul_tiling", title="4×4 times 4×4 in tiles of 2")
def four(mmul_tiling, draw):
    return mmul_tiling(draw.integers(4, 4), draw.integers(4, 4), 2)


@case("mmul_tiling", title="3×3 times 3×3 in tiles of 2: the last tile is smaller")
def partial(mmul_tiling, draw):
    return mmul_tiling(draw.integers(3, 3), draw.integers(3, 3), 2)


@case("mmul_tiling", title="2×3 times 3×5 in tiles of 2: three different sides")
def ragged(mmul_tiling, draw):
    return mmul_tiling(draw.integers(2, 3), draw.integers(3, 5), 2)


@case("mmul_tiling", title="integers stay integers, and exact: int32")
def dtype(mmul_tiling, draw):
    matA, matB = (draw.integers(*shape, low=4000, high=5000, dtype=torch.int32) for shape in ((2, 3), (3, 2)))
    return mmul_tiling(matA, matB, 2)


@case("mmul_tiling", title="2×2 times 2×2: A and B are left unchanged")
def unchanged(mmul_tiling, draw):
    matA, matB = draw.integers(2, 2), draw.integers(2, 2)
    mmul_tiling(matA, matB, 2)
    return {"A afterwards": matA, "B afterwards": matB}


@case("mmul_tiling", title='C lies where A and B lie: on torch\'s device without data, "meta"')
def device(mmul_tiling, draw):
    return str(mmul_tiling(draw.integers(2, 3).to("meta"), draw.integers(3, 2).to("meta"), 2).device)


@case("mmul_tiling", title="4×2 times 2×6 in tiles of 2: the pairs of tiles given to tmul")
def calls(mmul_tiling, draw, spy):
    with spy(mmul_tiling, "tmul") as seen:
        mmul_tiling(draw.integers(4, 2), draw.integers(2, 6), 2)
    return {"calls of tmul": len(seen), "shapes": sorted(seen)}


@case("mmul_tiling", title="4×4 times 4×4 in tiles of 2: products that are larger than a tile")
def pieces(mmul_tiling, draw, watch):
    with watch() as seen:
        mmul_tiling(draw.integers(4, 4), draw.integers(4, 4), 2)
    return [f"{a} times {b}" for name, (a, b) in (s for s in seen if s[0] == "aten.mm") if max(*a, *b) > 2]


@case("mmul_tiling", title="refuses 2×2 times 4×2: the inner sides differ")
def inner(mmul_tiling, draw, refused):
    return refused(lambda: mmul_tiling(draw.integers(2, 2), draw.integers(4, 2), 2))


@case("tile_traffic", title="m = k = n = 2, t = 2: everything in one tile")
def traffic_one(tile_traffic):
    return tile_traffic(2, 2, 2, 2)


@case("tile_traffic", title="m = k = n = 4, t = 2")
def traffic_four(tile_traffic):
    return tile_traffic(4, 4, 4, 2)


@case("tile_traffic", title="m = 2, k = 3, n = 5, t = 2: the last tile counts too")
def traffic_ragged(tile_traffic):
    return tile_traffic(2, 3, 5, 2)


@case("tile_traffic", title="m = 4, k = 6, n = 2, t = 2: three different sides")
def traffic_sides(tile_traffic):
    return tile_traffic(4, 6, 2, 2)


@case("largest_tile", title="3 words hold three tiles of one word")
def largest_one(largest_tile):
    return largest_tile(3)


@case("largest_tile", title="12 words")
def largest_exact(largest_tile):
    return largest_tile(12)


@case("largest_tile", title="11, 47 and 100 words: rounded down")
def largest_between(largest_tile):
    return [largest_tile(11), largest_tile(47), largest_tile(100)]


@case("largest_tile", title="one word short of 3·(10⁹)²: exact for large numbers")
def largest_huge(largest_tile):
    return largest_tile(3 * (10**9) ** 2 - 1)


@case("arithmetic_intensity", title="m = k = n = 4, t = 2")
def intensity_four(arithmetic_intensity):
    return arithmetic_intensity(4, 4, 4, 2)


@case("arithmetic_intensity", title="m = 2, k = 3, n = 5, t = 2")
def intensity_ragged(arithmetic_intensity):
    return arithmetic_intensity(2, 3, 5, 2)


@case("roofline", title="intensity 2, peak 100, bandwidth 10: memory is the limit")
def roofline_memory(roofline):
    return roofline(2.0, 100.0, 10.0)


@case("roofline", title="intensity 50, peak 100, bandwidth 10: the processor is the limit")
def roofline_peak(roofline):
    return roofline(50.0, 100.0, 10.0)


@case("best_tile", title="m = k = n = 4, 3 words: one word of each matrix")
def best_least(best_tile):
    tm, tn = best_tile(4, 4, 4, 3)
    return tm, tn


@case("best_tile", title="m = k = n = 12, 24 words: the least traffic that fits")
def best_square(best_tile):
    tm, tn = best_tile(12, 12, 12, 24)
    words = 144 * math.ceil(12 / tn) + 144 * math.ceil(12 / tm) + 144
    return {"fits": tm >= 1 and tn >= 1 and tm + tn + tm * tn <= 24, "words": words}


@case("best_tile", title="m = 3, k = 8, n = 40, 60 words: a tall or wide C wants no square tile")
def best_flat(best_tile):
    tm, tn = best_tile(3, 8, 40, 60)
    words = 24 * math.ceil(40 / tn) + 320 * math.ceil(3 / tm) + 120
    return {"fits": tm >= 1 and tn >= 1 and tm + tn + tm * tn <= 60, "words": words}


@case("best_tile", title="refuses 2 words")
def best_refuses(best_tile, refused):
    return refused(lambda: best_tile(4, 4, 4, 2))
