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
        "First compare the inner sides, and refuse. Then three nested loops: i over the rows of A, j over the columns "
        "of B, and one over the side they share.",
        "range(0, m, t) gives the first row of every tile: 0, t, 2t, … A slice matA[i : i + t] that reaches "
        "past the edge is cut off there, so the last tile needs no special case.",
        "Start from matA.new_zeros(m, n): zeros with A's dtype, on A's device. A tile of C is a sum over the "
        "innermost loop: use +=.",
        "The tile of C at rows i and columns j gains tmul(tile of A at i, p; tile of B at p, j; t).",
    ],
    "tile_traffic": [
        "Three terms: what is read of A, what is read of B, what is written of C. How often is one word of A read? "
        "Once for each tile column of C.",
        "C has ⌈n/t⌉ tile columns. Rounding up without floats: -(-n // t), or ceil(n / t). A word of B is read once "
        "for each tile row of C: how many are there?",
        "A costs m·k·⌈n/t⌉ words. B costs its own number of words times the number of tile rows. Each word of C "
        "is written once.",
    ],
    "largest_tile": [
        "3 t² ≤ capacity says t² ≤ capacity / 3. A float square root rounds, and is sometimes one off.",
        "math.isqrt(x) is the largest whole number whose square is at most x, exact for any integer x; it takes no "
        "float. What may x be here, so that it is a whole number?",
        "t² is a whole number, so nothing is lost if capacity / 3 is rounded down first: `//` does that.",
    ],
    "arithmetic_intensity": [
        "How many multiplications does an m×k times k×n product take, and how many additions go with them?",
        "2·m·k·n operations, divided by tile_traffic(m, k, n, t) words.",
    ],
    "roofline": [
        "Two things can hold you back: the processor, and the memory that feeds it.",
        "Memory delivers `bandwidth` words per second, and each word is worth `intensity` operations. How many "
        "operations per second is that?",
        "The lower of the two limits decides: min(…, …).",
    ],
    "best_tile": [
        "Nothing cleverer than trying is needed: write down the words that a pair (tm, tn) moves, and compare all "
        "pairs that fit. (And refuse a capacity under 3 first.)",
        "That may be many pairs. But for a given tm a larger tn never moves more words, so only the largest tn that "
        "fits need be tried: one loop, over tm from 1 to m, is enough.",
        "tm + tn + tm·tn ≤ capacity says tn·(tm + 1) ≤ capacity - tm. Solve it for tn, rounded down; where no tn of "
        "at least 1 is left, tm is too large.",
        "Keep the pair with the fewest words: min(pairs, key=words) does it, or a loop that remembers the best.",
    ],
}


@case("tmul", title="2×2 times 2×2, t = 2")
def square(tmul, draw):
    return tmul(draw.integers(2, 2), draw.integers(2, 2), 2)


@case("tmul", title="1×3 times 3×2, t = 5: smaller tiles are fine")
def edge(tmul, draw):
    tileA, tileB = draw.integers(1, 3), draw.integers(3, 2)
    tileB[:, 1] = 0
    return tmul(tileA, tileB, 5)


@case("tmul", title="2×2 times 2×2 in other dtypes: halves in float64, large whole numbers in int64")
def dtypes(tmul, draw):
    large = {"low": 10**8, "high": 2 * 10**8, "dtype": torch.int64}
    return {
        "float64": tmul(draw.integers(2, 2, dtype=torch.float64) / 2, draw.integers(2, 2, dtype=torch.float64) / 2, 2),
        "int64": tmul(draw.integers(2, 2, **large), draw.integers(2, 2, **large), 2),
    }


@case("tmul", title="2×2 times 2×2, t = 2: both tiles are left unchanged")
def unspoilt(tmul, draw):
    tileA, tileB = draw.integers(2, 2), draw.integers(2, 2)
    product = tmul(tileA, tileB, 2)
    return {"product": product, "tileA afterwards": tileA, "tileB afterwards": tileB}


@case("tmul", title="a tile with a side over t is refused, whichever of the four sides it is")
def refuses(tmul, draw, refused):
    def answer(tileA, tileB, t):
        back = []
        said = refused(lambda: back.append(tmul(tileA, tileB, t)))
        if not back:
            return f"raises {said}"
        shape = f" of shape {tuple(back[0].shape)}" if isinstance(back[0], torch.Tensor) else ""
        return f"returns a {type(back[0]).__name__}{shape}"

    return {
        f"{a}×{b} times {c}×{d}, t = {t}": answer(draw.integers(a, b), draw.integers(c, d), t)
        for a, b, c, d, t in (
            *((3, 3, 3, 3, 2), (3, 2, 2, 2, 2), (1, 1, 1, 3, 2), (2, 2, 2, 3, 2), (1, 3, 3, 1, 2)),
            *((1, 3, 2, 2, 2), (2, 2, 3, 2, 2), (4, 5, 5, 4, 4)),
        )
    }


@case("mmul_tiling", title="2×2 times 2×2 in one tile of 2")
def one_tile(mmul_tiling, draw):
    return mmul_tiling(draw.integers(2, 2), draw.integers(2, 2), 2)


@case("mmul_tiling", title="4×4 times 4×4 in tiles of 2")
def four(mmul_tiling, draw):
    return mmul_tiling(draw.integers(4, 4), draw.integers(4, 4), 2)


@case("mmul_tiling", title="3×3 times 3×3 in tiles of 2: the last tile is smaller")
def partial(mmul_tiling, draw):
    return mmul_tiling(draw.integers(3, 3), draw.integers(3, 3), 2)


@case("mmul_tiling", title="sides that all differ: 2×5 times 5×4 in tiles of 3, 3×2 times 2×5 of 1, 1×5 times 5×4 of 9")
def ragged(mmul_tiling, draw):
    def product(m, k, n, t):
        return mmul_tiling(draw.integers(m, k), draw.integers(k, n), t)

    return {"t = 3": product(2, 5, 4, 3), "t = 1": product(3, 2, 5, 1), "t = 9": product(1, 5, 4, 9)}


@case("mmul_tiling", title="2×3 times 3×2 in other dtypes: halves in float64, large whole numbers in int32 and int64")
def dtype(mmul_tiling, draw):
    def product(low, dtype):
        matA, matB = (draw.integers(*shape, low=low, high=low + 1000, dtype=dtype) for shape in ((2, 3), (3, 2)))
        return mmul_tiling(matA / 2, matB / 2, 2) if dtype == torch.float64 else mmul_tiling(matA, matB, 2)

    return {
        "int32": product(4000, torch.int32),
        "int64": product(10**8, torch.int64),
        "float64": product(4000, torch.float64),
    }


@case("mmul_tiling", title="2×3 times 3×4, each a transposed view: A and B are left unchanged")
def unchanged(mmul_tiling, draw):
    matA, matB = draw.integers(3, 2).T, draw.integers(4, 3).T
    matC = mmul_tiling(matA, matB, 2)
    return {"C": matC, "A afterwards": matA, "B afterwards": matB}


@case("mmul_tiling", title='C lies where A and B lie: on "meta", a device that keeps shapes but no numbers')
def device(mmul_tiling, draw):
    try:
        return str(mmul_tiling(draw.integers(2, 3).to("meta"), draw.integers(3, 2).to("meta"), 2).device)
    except (NotImplementedError, RuntimeError) as error:  # an answer that reads the numbers cannot be asked
        if "no data" in str(error) or "item()" in str(error):
            return "meta"
        raise


@case("mmul_tiling", title="4×4 times 4×4 in tiles of 2: no product is larger than a tile")
def pieces(mmul_tiling, draw, watch):
    with watch() as seen:
        mmul_tiling(draw.integers(4, 4), draw.integers(4, 4), 2)
    products = [shapes for name, shapes in seen if name == "aten.mm" and max(map(max, shapes)) > 2]
    told = {" times ".join("×".join(map(str, shape)) for shape in shapes) for shapes in products}
    return {"products with a side over 2": ", ".join(sorted(told)) or "none"}


@case("mmul_tiling", title="5×4 times 4×7 in tiles of 3, of 2 and of 6: tmul is called once for each pair of tiles")
def calls(mmul_tiling, draw, spy):
    def count(t):
        with spy(mmul_tiling, "tmul") as seen:
            mmul_tiling(draw.integers(5, 4), draw.integers(4, 7), t)
        return {"calls of tmul": len(seen), f"with a side over {t}": sum(max(*a, *b) > t for a, b in seen)}

    return {f"t = {t}": count(t) for t in (3, 2, 6)}


@case("mmul_tiling", title="3×3 times 3×2 in tiles of 2, with a tmul that returns twice the product: C is doubled too")
def doubled(mmul_tiling, draw, spy):
    with spy(mmul_tiling, "tmul", lambda product: product.mul_(2)):
        return mmul_tiling(draw.integers(3, 3), draw.integers(3, 2), 2)


@case("mmul_tiling", title="inner sides that differ are refused, t = 2")
def inner(mmul_tiling, draw, refused):
    return {
        "2×2 times 4×2": refused(lambda: mmul_tiling(draw.integers(2, 2), draw.integers(4, 2), 2)),
        "2×4 times 2×2": refused(lambda: mmul_tiling(draw.integers(2, 4), draw.integers(2, 2), 2)),
        "2×3 times 4×2": refused(lambda: mmul_tiling(draw.integers(2, 3), draw.integers(4, 2), 2)),
    }


@case("tile_traffic", title="m = k = n = 2, t = 2: everything in one tile")
def traffic_one(tile_traffic):
    return tile_traffic(2, 2, 2, 2)


@case("tile_traffic", title="m = k = n = 4, t = 2")
def traffic_four(tile_traffic):
    return tile_traffic(4, 4, 4, 2)


@case("tile_traffic", title="m = 7, k = 5, n = 10, t = 3: the last, smaller tiles count too")
def traffic_ragged(tile_traffic):
    return tile_traffic(7, 5, 10, 3)


@case("tile_traffic", title="k = 6, t = 16: a side may be smaller than a tile")
def traffic_sides(tile_traffic):
    return {f"m = {m}, n = {n}": tile_traffic(m, 6, n, 16) for m, n in ((1, 20), (20, 1), (3, 5))}


@case("largest_tile", title="3 words hold three tiles of one word")
def largest_one(largest_tile):
    return largest_tile(3)


@case("largest_tile", title="12 words")
def largest_exact(largest_tile):
    return largest_tile(12)


@case("largest_tile", title="0, 2, 11, 47 and 100 words: rounded down")
def largest_between(largest_tile):
    return {f"{words} words": largest_tile(words) for words in (0, 2, 11, 47, 100)}


@case("largest_tile", title="3·(10⁹)² - 1 and 3·(10¹⁷ + 1)² words: exact for large numbers")
def largest_huge(largest_tile):
    return {
        "3·(10⁹)² - 1 words": largest_tile(3 * (10**9) ** 2 - 1),
        "3·(10¹⁷ + 1)² words": largest_tile(3 * (10**17 + 1) ** 2),
    }


@case("arithmetic_intensity", title="m = k = n = 4, t = 2")
def intensity_four(arithmetic_intensity):
    return arithmetic_intensity(4, 4, 4, 2)


@case("arithmetic_intensity", title="m = 7, k = 5, n = 10, t = 3, and m = 20, k = 6, n = 1, t = 16")
def intensity_ragged(arithmetic_intensity):
    return {"t = 3": arithmetic_intensity(7, 5, 10, 3), "t = 16": arithmetic_intensity(20, 6, 1, 16)}


@case("roofline", title="intensity 14, peak 120, bandwidth 8: memory is the limit")
def roofline_memory(roofline):
    return roofline(14.0, 120.0, 8.0)


@case("roofline", title="intensity 11, peak 40, bandwidth 5: the processor is the limit")
def roofline_peak(roofline):
    return roofline(11.0, 40.0, 5.0)


@case("roofline", title="peak 120, bandwidth 10: just below the corner, on it, and far below")
def roofline_near(roofline):
    return {f"intensity {x}": roofline(x, 120.0, 10.0) for x in (11.55, 12.0, 0.03125)}


@case("best_tile", title="m = k = n = 4, 3 words: one word of each matrix")
def best_least(best_tile):
    return best_tile(4, 4, 4, 3)


@case("best_tile", title="the least traffic that fits; any tile with so few words is right")
def best_traffic(best_tile):
    def told(m, k, n, capacity, least):
        pair = best_tile(m, k, n, capacity)
        try:
            tm, tn = (float(side * 1.0) for side in pair)
        except (TypeError, ValueError, RuntimeError):
            return f"yours is no pair of numbers, but of type {type(pair).__name__}"
        if tm < 1 or tn < 1 or tm % 1 or tn % 1:
            return f"{tm:g}×{tn:g}: the sides are not whole numbers of at least 1"
        room, words = int(tm + tn + tm * tn), m * k * math.ceil(n / tn) + k * n * math.ceil(m / tm) + m * n
        if room > capacity:
            return f"{tm:g}×{tn:g} does not fit: it takes room for {room} words"
        return f"it fits and moves {words} words" if words == least else f"{tm:g}×{tn:g} fits, but moves {words} words"

    return {
        "m = 3, k = 2, n = 4, 5 words": told(3, 2, 4, 5, 48),
        "m = 6, k = 5, n = 5, 27 words": told(6, 5, 5, 27, 110),
        "m = 7, k = 5, n = 4, 23 words": told(7, 5, 4, 23, 118),
        "m = 4, k = 5, n = 7, 23 words": told(4, 5, 7, 23, 118),
        "m = 3, k = 8, n = 40, 60 words": told(3, 8, 40, 60, 512),
        "m = 2, k = 34, n = 17, 20 words": told(2, 34, 17, 20, 816),
        "m = 4, k = 5, n = 6, 40 words": told(4, 5, 6, 40, 74),
    }


@case("best_tile", title="refuses 2 words, and 0")
def best_refuses(best_tile, refused):
    return {
        "2 words": refused(lambda: best_tile(4, 4, 4, 2)),
        "0 words": refused(lambda: best_tile(4, 4, 4, 0)),
    }
