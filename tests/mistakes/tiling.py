"""Wrong implementations of lesson 1, each with a name and a hint."""

from math import ceil, isqrt

import torch

from course.mistakes import mistake
from lib.tiling import best_tile, tile_traffic, tmul


@mistake("tmul", name="nothing is refused", hint="Look at the four sides before you multiply.")
def unguarded(tileA, tileB, t):
    return tileA @ tileB


@mistake(
    "tmul",
    name="tileB's rows are not looked at",
    hint="There are four sides. What happens to a 2×2 tile times a 3×2 tile when t is 2?",
)
def three_sides(tileA, tileB, t):
    if tileA.size(0) > t or tileA.size(1) > t or tileB.size(1) > t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="tileB's columns are not looked at",
    hint="There are four sides. What happens to a 2×2 tile times a 2×3 tile when t is 2?",
)
def no_columns(tileA, tileB, t):
    if tileA.size(0) > t or tileA.size(1) > t or tileB.size(0) > t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="only one side is looked at",
    hint="`len(tile)` is its number of rows. There are four sides: tileA.shape and tileB.shape hold two each.",
)
def first_side(tileA, tileB, t):
    if len(tileA) > t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="refused only where every side is too long",
    hint="One side over t is enough: `or`, not `and`; max, not min.",
)
def every_side(tileA, tileB, t):
    if min(*tileA.shape, *tileB.shape) > t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake("tmul", name="only tileA is looked at", hint="Both tiles take room in fast memory.")
def first_tile(tileA, tileB, t):
    if max(tileA.shape) > t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake("tmul", name="only the rows are looked at", hint="A tile has columns too: shape[1].")
def rows_only(tileA, tileB, t):
    if len(tileA) > t or len(tileB) > t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="only the outer sides are looked at",
    hint="The side that the two tiles share may be too long as well: tileA's columns, tileB's rows.",
)
def outer_sides(tileA, tileB, t):
    if tileA.shape[0] > t or tileB.shape[1] > t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="only the columns are looked at",
    hint="A tile has rows too: shape[0].",
)
def columns_only(tileA, tileB, t):
    if tileA.shape[1] > t or tileB.shape[1] > t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake("tmul", name="a tile of side t is refused", hint="A side may be as large as t: refuse > t, not >= t.")
def full_refused(tileA, tileB, t):
    if max(*tileA.shape, *tileB.shape) >= t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="smaller tiles are refused",
    hint="Tiles at the edge of a matrix are smaller than t × t. Refuse only what is larger.",
)
def exactly_full(tileA, tileB, t):
    if any(side != t for side in (*tileA.shape, *tileB.shape)):
        raise ValueError("wrong tile")
    return tileA @ tileB


@mistake("tmul", name="* in place of @", hint="`*` multiplies element by element. The matrix product is `@`.")
def elementwise(tileA, tileB, t):
    if max(*tileA.shape, *tileB.shape) > t:
        raise ValueError("tile too large")
    return tileA * tileB


@mistake("tmul", name="operands swapped", hint="tileB @ tileA is another product. Keep the order.")
def tmul_swapped(tileA, tileB, t):
    if max(*tileA.shape, *tileB.shape) > t:
        raise ValueError("tile too large")
    return tileB @ tileA


@mistake(
    "tmul",
    name="the tile's area is looked at, not its sides",
    hint="A 1×4 tile has no more words than a 2×2 tile, but it has a side over 2.",
)
def area(tileA, tileB, t):
    if tileA.numel() > t * t or tileB.numel() > t * t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="tiles that are too large give None",
    hint="None travels on and breaks something far away. Raise a ValueError at the spot.",
)
def silent(tileA, tileB, t):
    if max(*tileA.shape, *tileB.shape) <= t:
        return tileA @ tileB


@mistake(
    "tmul",
    name="tiles that are too large are cut down",
    hint="Cutting rows and columns off changes the product. Refuse the tile with a ValueError.",
)
def cut(tileA, tileB, t):
    return tileA[:t, :t] @ tileB[:t, :t]


@mistake(
    "tmul",
    name="the error is returned, not raised",
    hint="`return ValueError(...)` hands the error over like any other value, and the program goes on. Write `raise`.",
)
def returned_error(tileA, tileB, t):
    if max(*tileA.shape, *tileB.shape) > t:
        return ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="the shapes are compared as tuples",
    hint="Tuples are ordered like words in a dictionary: (1, 3) > (2, 2) is False, since 1 < 2 decides. Compare each "
    "side with t.",
)
def tuples_compared(tileA, tileB, t):
    if tuple(tileA.shape) > (t, t) or tuple(tileB.shape) > (t, t):
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="the product's area is looked at, not the sides",
    hint="A product of few words may come from long tiles. Compare each of the four sides with t.",
)
def product_area(tileA, tileB, t):
    if tileA.shape[0] * tileB.shape[1] > t * t:
        raise ValueError("tile too large")
    return tileA @ tileB


@mistake(
    "tmul",
    name="multiplied in float32",
    hint="The product has the tiles' own dtype: tileA @ tileB needs no .float().",
)
def tmul_float32(tileA, tileB, t):
    if max(*tileA.shape, *tileB.shape) > t:
        raise ValueError("tile too large")
    return tileA.float() @ tileB.float()


def sides_of(matA, matB):
    if matA.shape[1] != matB.shape[0]:
        raise ValueError("the inner sides differ")
    return *matA.shape, matB.shape[1]


@mistake(
    "mmul_tiling",
    name="the last, partial tile is dropped",
    hint="How many tiles of side 2 cover a side of 3? Division must round up, not down.",
)
def floor_division(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(m // t):
        for j in range(n // t):
            for p in range(k // t):
                a = matA[i * t : (i + 1) * t, p * t : (p + 1) * t]
                b = matB[p * t : (p + 1) * t, j * t : (j + 1) * t]
                matC[i * t : (i + 1) * t, j * t : (j + 1) * t] += tmul(a, b, t)
    return matC


@mistake(
    "mmul_tiling",
    name="the last tile is counted twice",
    hint="A last tile moved back so that it is full overlaps the tile before it, and the overlap is summed "
    "twice. Let the last tile be smaller.",
)
def moved_back(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                i, j, p = (max(0, min(x, side - t)) for x, side in ((i, m), (j, n), (p, k)))
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="one tile too many, and the last is counted again",
    hint="side // t + 1 tiles are one too many where t divides the side.",
)
def one_more(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(k // t + 1):
                p = min(p * t, (k - 1) // t * t)
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="empty tiles past the edge",
    hint="side // t + 1 tiles are one too many where t divides the side: the last is empty, and tmul is called for "
    "nothing. Round up: ceil(side / t), or loop over range(0, side, t).",
)
def empty_tiles(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, (m // t + 1) * t, t):
        for j in range(0, (n // t + 1) * t, t):
            for p in range(0, (k // t + 1) * t, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="the loops go on by 1, not by t",
    hint="range(0, m) gives 0, 1, 2, … and the tiles overlap. range(0, m, t) gives the first row of every tile.",
)
def steps_of_one(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(m):
        for j in range(n):
            for p in range(k):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="slices i : t in place of i : i + t",
    hint="A slice a : b ends before b, wherever it starts: 2 : 2 is empty. The tile that starts at i is i : i + t.",
)
def slices_to_t(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i:t, j:t] += tmul(matA[i:t, p:t], matB[p:t, j:t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="the sum is not begun anew for each tile of C",
    hint="Every tile of C is a sum of its own: set it to zeros inside the loops over i and j, before the loop over p.",
)
def sum_carried_on(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC, total = matA.new_zeros(m, n), 0
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                total = total + tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
            matC[i : i + t, j : j + t] = total
    return matC


@mistake(
    "mmul_tiling",
    name="the sum is not begun anew for each tile of C",
    hint="Every tile of C is a sum of its own: set it to zeros inside the loop over j as well, before the loop over p.",
)
def sum_carried_along_a_row(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        total = 0
        for j in range(0, n, t):
            for p in range(0, k, t):
                total = total + tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
            matC[i : i + t, j : j + t] = total
    return matC


@mistake(
    "mmul_tiling",
    name="the sum is never written to C",
    hint="C is still all zeros when it is returned: matC[i : i + t, j : j + t] must receive the sum.",
)
def never_written(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            tileC = matC[i : i + t, j : j + t]
            for p in range(0, k, t):
                tileC = tileC + tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="= in place of +=",
    hint="A tile of C is a sum of products, one for each step of the innermost loop. `=` keeps only the last.",
)
def assigned(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] = tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="return inside the loop",
    hint="The return stands too far to the right: it ends the function in the first round of a loop.",
)
def early_return(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
        return matC


@mistake(
    "mmul_tiling",
    name="return inside the loop over j",
    hint="The return stands too far to the right: only the first tile of C is finished. Put it below all loops.",
)
def return_after_a_tile(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
            return matC


@mistake(
    "mmul_tiling",
    name="return inside the innermost loop",
    hint="The return stands too far to the right: it ends the function after one product. Put it below all loops.",
)
def return_after_a_product(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
                return matC


@mistake(
    "mmul_tiling",
    name="operands swapped",
    hint="The tile of A comes first: A @ B and B @ A are different matrices.",
)
def swapped(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matB[i : i + t, p : p + t], matA[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="the tiles' order swapped",
    hint="The tile of A is the left factor: tmul(tile of A, tile of B, t).",
)
def tiles_swapped(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matB[p : p + t, j : j + t], matA[i : i + t, p : p + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="the tile of B is transposed",
    hint="Rows p and columns j of B: matB[p…, j…], without .T.",
)
def transposed_tile(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t].T, t)
    return matC


@mistake(
    "mmul_tiling",
    name="B's tile is taken at (j, p), not (p, j)",
    hint="The first index of a slice chooses rows. B has its rows along the inner side: matB[p…, j…].",
)
def mirrored_tile(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[j : j + t, p : p + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="C is written at (j, i), not (i, j)",
    hint="i runs over the rows of C and j over its columns: matC[i…, j…].",
)
def mirrored_output(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[j : j + t, i : i + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="the innermost loop runs over the wrong side",
    hint="The sum runs over the side that A and B share: A's columns, B's rows.",
)
def wrong_inner_side(matA, matB, t):
    m, _, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, m, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="the innermost loop runs over the columns of B",
    hint="The sum runs over the side that A and B share: A's columns, B's rows.",
)
def inner_over_columns(matA, matB, t):
    m, _, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, n, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="square matrices only",
    hint="m, k and n may all differ: (m, k) times (k, n) gives (m, n).",
)
def square_only(matA, matB, t):
    n = sides_of(matA, matB)[0]
    matC = matA.new_zeros(n, n)
    for i in range(0, n, t):
        for j in range(0, n, t):
            for p in range(0, n, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="C has the shape of A",
    hint="zeros_like(matA) is m × k. The product is m × n.",
)
def shaped_like_a(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = torch.zeros_like(matA)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="float32 forced",
    hint="torch.zeros(m, n) is float32 whatever the operands are. matA.new_zeros(m, n) takes A's dtype and device.",
)
def float32_forced(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = torch.zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="summed in float32, turned back at the end",
    hint="float32 holds whole numbers exactly only up to 2²⁴, and half of float64's digits. Sum in the "
    "operands' dtype.",
)
def through_float32(matA, matB, t):
    return float32_forced(matA.float(), matB.float(), t).to(matA.dtype)


@mistake(
    "mmul_tiling",
    name="the device is forgotten",
    hint="torch.zeros puts C on the CPU. matA.new_zeros(m, n) puts it where A is.",
)
def on_cpu(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = torch.zeros(m, n, dtype=matA.dtype)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="the tile's number is taken for its first row",
    hint="Tile number i starts at row i·t. Slice [i * t : (i + 1) * t], or loop over range(0, m, t).",
)
def unscaled(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(ceil(m / t)):
        for j in range(ceil(n / t)):
            for p in range(ceil(k / t)):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="slices end one too early",
    hint="A slice a : b leaves b out. i : i + t is t rows; i : i + t - 1 is one short.",
)
def short_slices(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC, s = matA.new_zeros(m, n), t - 1
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + s, j : j + s] += tmul(matA[i : i + s, p : p + s], matB[p : p + s, j : j + s], t)
    return matC


@mistake(
    "mmul_tiling",
    name="the whole product in one @",
    hint="The answer is right, but nothing was tiled: every product must go through tmul.",
)
def one_product(matA, matB, t):
    sides_of(matA, matB)
    return matA @ matB


@mistake(
    "mmul_tiling",
    name="whole rows and columns, outside tmul",
    hint="A strip of A times a strip of B has a side over t. Cut the inner side into tiles too, and call tmul.",
)
def strips(matA, matB, t):
    m, _, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            matC[i : i + t, j : j + t] = matA[i : i + t] @ matB[:, j : j + t]
    return matC


@mistake(
    "mmul_tiling",
    name="products that bypass tmul",
    hint="Multiply the tiles with tmul(…, …, t), not with @: tmul is what refuses tiles that are too large.",
)
def bypassed(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += matA[i : i + t, p : p + t] @ matB[p : p + t, j : j + t]
    return matC


@mistake(
    "mmul_tiling",
    name="tmul is called, but its answer is thrown away",
    hint="C must be made of what tmul returns.",
)
def thrown_away(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matA @ matB


@mistake(
    "mmul_tiling",
    name="tmul is called, but its answer is thrown away",
    hint="C must be made of what tmul returns: add tmul(…, …, t) itself to the tile of C.",
)
def multiplied_twice(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
                matC[i : i + t, j : j + t] += matA[i : i + t, p : p + t] @ matB[p : p + t, j : j + t]
    return matC


@mistake(
    "mmul_tiling",
    name="tmul is given a larger t than the tiles have",
    hint="The tiles have side t and no larger: cut the matrices in steps of t, and hand t itself to tmul.",
)
def one_large_tile(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    return tmul(matA, matB, max(m, k, n))


@mistake(
    "mmul_tiling",
    name="an operand is overwritten",
    hint="matA must be the same after the call as before: make a new matrix for C, and change no tile in place.",
)
def overwrites(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matA.copy_(matC) if m and matA.shape == matC.shape else matA.mul_(0).sum() + matC


@mistake(
    "mmul_tiling",
    name="inner sides that differ are not refused",
    hint="With A 2×2 and B 4×2 the loop reads only B's first two rows, and nobody notices. Compare "
    "matA.shape[1] with matB.shape[0] first.",
)
def trusting(matA, matB, t):
    (m, k), n = matA.shape, matB.shape[1]
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="k is overwritten by B's rows",
    hint="`k, n = matB.shape` gives k a new value, so A's columns are forgotten. Give B's rows a name of their own and "
    "compare the two.",
)
def overwritten(matA, matB, t):
    m, k = matA.shape
    k, n = matB.shape
    matC = matA.new_zeros(m, n)
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                matC[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


@mistake(
    "mmul_tiling",
    name="t is taken to be 2",
    hint="The steps and the slices must use t, whatever it is.",
)
def always_two(matA, matB, t):
    m, k, n = sides_of(matA, matB)
    matC = matA.new_zeros(m, n)
    for i in range(0, m, 2):
        for j in range(0, n, 2):
            for p in range(0, k, 2):
                matC[i : i + 2, j : j + 2] += tmul(matA[i : i + 2, p : p + 2], matB[p : p + 2, j : j + 2], 2)
    return matC


@mistake("tile_traffic", name="tiles rounded down", hint="A partial tile is read too: ⌈n/t⌉, not ⌊n/t⌋.")
def traffic_floor(m, k, n, t):
    return m * k * (n // t) + k * n * (m // t) + m * n


@mistake(
    "tile_traffic",
    name="tiles not rounded at all",
    hint="n / t is not a whole number of tiles: round it up.",
)
def traffic_fraction(m, k, n, t):
    return m * k * (n / t) + k * n * (m / t) + m * n


@mistake(
    "tile_traffic",
    name="tiles rounded to the nearest whole number",
    hint="4 / 3 tiles are two, not one: the part of a tile at the edge is read as well. Round up.",
)
def traffic_nearest(m, k, n, t):
    return m * k * int(n / t + 0.5) + k * n * int(m / t + 0.5) + m * n


@mistake(
    "tile_traffic",
    name="always one tile more",
    hint="n // t + 1 is one too many where t divides n. Round up: -(-n // t), or ceil(n / t).",
)
def traffic_plus_one(m, k, n, t):
    return m * k * (n // t + 1) + k * n * (m // t + 1) + m * n


@mistake(
    "tile_traffic",
    name="m and n swapped",
    hint="A is read once for each tile column of C, and C has ⌈n/t⌉ of them. B: once for each tile row.",
)
def traffic_swapped(m, k, n, t):
    return m * k * ceil(m / t) + k * n * ceil(n / t) + m * n


@mistake(
    "tile_traffic",
    name="A and B are read ⌈k/t⌉ times",
    hint="Fix one tile of A, (i, p). In how many products does it take part? Once for each j.",
)
def traffic_inner(m, k, n, t):
    return (m * k + k * n) * ceil(k / t) + m * n


@mistake("tile_traffic", name="C is left out", hint="Every word of C is written to slow memory once: m·n more.")
def traffic_without_c(m, k, n, t):
    return m * k * ceil(n / t) + k * n * ceil(m / t)


@mistake(
    "tile_traffic",
    name="C is read and written at every step of the inner sum",
    hint="A tile of C stays in fast memory until it is finished: it moves once.",
)
def traffic_moving_c(m, k, n, t):
    return m * k * ceil(n / t) + k * n * ceil(m / t) + 2 * m * n * ceil(k / t)


@mistake(
    "tile_traffic",
    name="C is written at every step of the inner sum",
    hint="A tile of C stays in fast memory while its sum grows, and is written once: m·n words, however large k is.",
)
def traffic_writes_c(m, k, n, t):
    return m * k * ceil(n / t) + k * n * ceil(m / t) + m * n * ceil(k / t)


@mistake("tile_traffic", name="C is read as well", hint="C starts from zeros, which need not be read.")
def traffic_reads_c(m, k, n, t):
    return m * k * ceil(n / t) + k * n * ceil(m / t) + 2 * m * n


@mistake(
    "tile_traffic",
    name="every tile counted as full",
    hint="Tiles at the edge are smaller: count words, not tiles times t².",
)
def traffic_full_tiles(m, k, n, t):
    a, b, c = ceil(m / t), ceil(k / t), ceil(n / t)
    return t * t * (2 * a * b * c + a * c)


@mistake("tile_traffic", name="untiled: each matrix once", hint="Fast memory forgets: A comes again for each j.")
def traffic_once(m, k, n, t):
    return m * k + k * n + m * n


@mistake(
    "largest_tile",
    name="room for one tile only",
    hint="Three tiles share fast memory: A's, B's and C's. (isqrt(3) is 1: dividing by that changes nothing.)",
)
def largest_single(capacity):
    return isqrt(capacity)


@mistake("largest_tile", name="room for two tiles", hint="Three tiles share fast memory: A's, B's and C's.")
def largest_pair(capacity):
    return isqrt(capacity // 2)


@mistake("largest_tile", name="3t in place of 3t²", hint="A tile of side t holds t² words.")
def largest_linear(capacity):
    return capacity // 3


@mistake("largest_tile", name="√capacity / 3", hint="Divide by 3 first: t² ≤ capacity / 3.")
def largest_outside(capacity):
    return isqrt(capacity) // 3


@mistake("largest_tile", name="rounded to nearest", hint="Rounding up gives tiles that do not fit.")
def largest_rounded(capacity):
    return round((capacity / 3) ** 0.5)


@mistake(
    "largest_tile",
    name="through floats",
    hint="A float has 53 bits: for large numbers the square root is rounded. math.isqrt is exact.",
)
def largest_float(capacity):
    return int((capacity / 3) ** 0.5)


@mistake("largest_tile", name="3 t² < capacity", hint="3 t² may equal the capacity: memory may be full.")
def largest_strict(capacity):
    return isqrt(max(0, capacity - 1) // 3)


@mistake(
    "arithmetic_intensity",
    name="a multiply-add counted as one",
    hint="A multiplication and an addition are two operations: 2·m·k·n.",
)
def intensity_half(m, k, n, t):
    return m * k * n / tile_traffic(m, k, n, t)


@mistake("arithmetic_intensity", name="upside down", hint="Operations per word: operations / words.")
def intensity_inverse(m, k, n, t):
    return tile_traffic(m, k, n, t) / (2 * m * k * n)


@mistake("arithmetic_intensity", name="rounded down", hint="`//` drops the fraction: use `/`.")
def intensity_whole(m, k, n, t):
    return 2 * m * k * n // tile_traffic(m, k, n, t)


@mistake("arithmetic_intensity", name="bytes in place of words", hint="The unit is a word, whatever its bytes.")
def intensity_bytes(m, k, n, t):
    return 2 * m * k * n / (4 * tile_traffic(m, k, n, t))


@mistake(
    "arithmetic_intensity",
    name="the words of the matrices, not those moved",
    hint="Divide by the words that move, tile_traffic(m, k, n, t): they depend on t.",
)
def intensity_untiled(m, k, n, t):
    return 2 * m * k * n / (m * k + k * n + m * n)


@mistake("roofline", name="the higher limit", hint="The slower of the two holds you back: min, not max.")
def roof_highest(intensity, peak, bandwidth):
    return max(peak, intensity * bandwidth)


@mistake(
    "roofline",
    name="memory is forgotten",
    hint="However fast the processor, words arrive only so fast: intensity · bandwidth is the other limit.",
)
def roof_peak(intensity, peak, bandwidth):
    return peak


@mistake(
    "roofline",
    name="the corner upside down",
    hint="Both limits are equal where intensity · bandwidth = peak: the corner is peak / bandwidth. min needs none.",
)
def roof_corner(intensity, peak, bandwidth):
    return peak if intensity > bandwidth / peak else intensity * bandwidth


@mistake("roofline", name="no ceiling", hint="The processor cannot do more than `peak`.")
def roof_slope(intensity, peak, bandwidth):
    return intensity * bandwidth


@mistake(
    "roofline",
    name="divided in place of multiplied",
    hint="Words per second times operations per word gives operations per second.",
)
def roof_quotient(intensity, peak, bandwidth):
    return min(peak, intensity / bandwidth)


@mistake(
    "roofline",
    name="divided in place of multiplied",
    hint="Words per second times operations per word gives operations per second.",
)
def roof_divided(intensity, peak, bandwidth):
    return min(peak, bandwidth / intensity) if intensity else 0.0


@mistake(
    "best_tile",
    name="three square tiles",
    hint="The k side of the tiles of A and B may shrink to 1, which leaves more room for C.",
)
def best_three_squares(m, k, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    t = isqrt(capacity // 3)
    return t, t


@mistake(
    "best_tile",
    name="C fills fast memory",
    hint="A column of A, tm words, and a row of B, tn words, need room as well.",
)
def best_overfull(m, k, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    t = isqrt(capacity)
    return min(m, t), min(n, t)


@mistake(
    "best_tile",
    name="only square tiles of C",
    hint="Where C is tall or wide, or where the edge leaves a thin last tile, a rectangle moves fewer words.",
)
def best_square_only(m, k, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    t = isqrt(capacity + 1) - 1
    return t, t


@mistake(
    "best_tile",
    name="a whole row of C",
    hint="A tile 1 × n reads all of B once for each row. Compare the words of every tile that fits.",
)
def best_row(m, k, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    return 1, min(n, (capacity - 1) // 2)


@mistake(
    "best_tile",
    name="a whole column of C",
    hint="A tile m × 1 reads all of A once for each column. Compare the words of every tile that fits.",
)
def best_column(m, k, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    return min(m, (capacity - 1) // 2), 1


@mistake(
    "best_tile",
    name="the tile that moves the most words",
    hint="Larger tiles move fewer words. Take the pair with the fewest: min, not max.",
)
def best_smallest(m, k, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    return 1, 1


def pairs_that_fit(m, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    tallest = min(m, (capacity - 1) // 2)
    return [(tm, min(n, (capacity - tm) // (tm + 1))) for tm in range(1, tallest + 1)]


@mistake("best_tile", name="the most words, not the fewest", hint="min, not max: fewer words are better.")
def best_most(m, k, n, capacity):
    return max(pairs_that_fit(m, n, capacity), key=lambda s: m * k * ceil(n / s[1]) + k * n * ceil(m / s[0]))


@mistake(
    "best_tile",
    name="the largest tile, not the fewest words",
    hint="A tile of many words need not divide C well. Count the words that each tile moves, and compare those.",
)
def best_area(m, k, n, capacity):
    return max(pairs_that_fit(m, n, capacity), key=lambda s: s[0] * s[1])


@mistake(
    "best_tile",
    name="the sides are returned in the wrong order",
    hint="tm, the number of rows of the tile, comes first.",
)
def best_swapped(m, k, n, capacity):
    return best_tile(m, k, n, capacity)[::-1]


@mistake(
    "best_tile",
    name="the tallest tile is not tried",
    hint="range(1, m) ends at m - 1. A tile may have all m rows: range(1, m + 1).",
)
def best_short_range(m, k, n, capacity):
    pairs = pairs_that_fit(m, n, capacity)
    pairs = [s for s in pairs if s[0] < m] or pairs
    return min(pairs, key=lambda s: m * k * ceil(n / s[1]) + k * n * ceil(m / s[0]))


@mistake(
    "best_tile",
    name="the number of tiles is rounded down",
    hint="n / tn tiles, rounded up: the part of a tile at the edge reads all of A once more.",
)
def best_floor(m, k, n, capacity):
    return min(pairs_that_fit(m, n, capacity), key=lambda s: m * k * (n // s[1]) + k * n * (m // s[0]))


@mistake(
    "best_tile",
    name="the number of tiles is not rounded",
    hint="n / tn is not a whole number of tiles: round it up.",
)
def best_fraction(m, k, n, capacity):
    return min(pairs_that_fit(m, n, capacity), key=lambda s: m * k * n / s[1] + k * n * m / s[0])


@mistake(
    "best_tile",
    name="fast memory is not filled",
    hint="tm + tn + tm·tn may equal the capacity: ≤, not <.",
)
def best_strict(m, k, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    return best_tile(m, k, n, max(3, capacity - 1))


@mistake("best_tile", name="nothing is refused", hint="With 2 words no tile fits: raise a ValueError.")
def best_trusting(m, k, n, capacity):
    return best_tile(m, k, n, max(3, capacity))
