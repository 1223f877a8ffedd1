"""Hidden checks of lesson 1."""

import torch

from lib.cases import case


@case("tmul", points=1, title="the product of two full tiles, which are left unchanged")
def full(tmul, draw):
    t = draw.number(2, 7)
    products = [tmul(draw.normal(side, side), draw.normal(side, side), side) for side in (t, 1, 8)]
    tileA, tileB = draw.normal(t, t), draw.normal(t, t)
    tileA[0] = 0
    return [*products, tmul(tileA, tileB, t), tileA, tileB]


@case("tmul", points=1, title="the product of smaller tiles, of any dtype")
def smaller(tmul, draw):
    a, b, c = (draw.number(1, 6) for _ in range(3))
    dtypes = (torch.float32, torch.float64, torch.int32, torch.int64)
    small = [tmul(draw.integers(a, b, dtype=d), draw.integers(b, c, dtype=d), 5) for d in dtypes]
    large = [draw.integers(*shape, low=2**28, high=2**29, dtype=torch.int64) for shape in ((a, b), (b, c))]
    wide = [draw.normal(*shape, dtype=torch.float64) for shape in ((a, b), (b, c))]
    return [*small, tmul(*large, 5), tmul(*wide, 100)]


@case("tmul", points=2, title="a tile with any of the four sides over t is refused")
def refuses(tmul, draw, refused):
    t = draw.number(3, 9)
    shapes = [((t + 1, t), (t, t)), ((t, t + 1), (t + 1, t)), ((t, t), (t, t + 1))]
    shapes += [((t, t + 1), (t, t)), ((t, t), (t + 1, t)), ((1, t + 2), (t + 2, 1))]
    shapes += [((1, 1), (1, t + 1)), ((t + 1, 1), (1, 1)), ((t, 1), (1, 5 * t)), ((1, t), (t, t + 1))]
    fits = tmul(draw.normal(t, t), draw.normal(t, t), t)
    small = refused(lambda: tmul(draw.normal(2, 2), draw.normal(2, 3), 2))
    return fits, small, [refused(lambda a=a, b=b: tmul(draw.normal(*a), draw.normal(*b), t)) for a, b in shapes]


@case("mmul_tiling", points=1, title="tiles that fill the matrices")
def whole(mmul_tiling, draw):
    t = draw.number(2, 5)
    return mmul_tiling(draw.normal(3 * t, 2 * t), draw.normal(2 * t, 4 * t), t)


@case("mmul_tiling", points=2, title="edges that do not fill a tile")
def ragged(mmul_tiling, draw):
    shapes = [(5, 7, 3), (7, 5, 9), (4, 9, 6), (1, 6, 1)]
    return [mmul_tiling(draw.normal(m, k), draw.normal(k, n), 4) for m, k, n in shapes]


@case("mmul_tiling", points=1, title="tiles of side 1, and tiles larger than the matrices")
def extremes(mmul_tiling, draw):
    narrow = mmul_tiling(draw.normal(401, 1), draw.normal(1, 2), 200)
    return [*(mmul_tiling(draw.normal(3, 4), draw.normal(4, 5), t) for t in (1, 5, 6, 100)), narrow]


@case(
    "mmul_tiling",
    points=1,
    title="the dtype of the operands is kept: float64 to its last digits, integers exactly",
)
def dtypes(mmul_tiling, draw):
    big = draw.integers(4, 6, low=2**20, high=2**26, dtype=torch.int64)
    small = [draw.integers(6, 4, dtype=d) for d in (torch.int32, torch.int16, torch.int64, torch.int8)]
    integers = [mmul_tiling(matB.T, matB, 2) for matB in small]
    wide = draw.normal(6, 4, dtype=torch.float64)
    return [*integers, mmul_tiling(big, big.T, 2), mmul_tiling(wide.T, wide, 2)]


@case("mmul_tiling", points=1, title="the device of the operands is kept")
def device(mmul_tiling, draw):
    try:
        matC = mmul_tiling(draw.normal(3, 4).to("meta"), draw.normal(4, 5).to("meta"), 2)
        return [str(matC.device), tuple(matC.shape)]
    except (NotImplementedError, RuntimeError) as error:  # an answer that reads the numbers cannot be asked
        if "no data" in str(error) or "item()" in str(error):
            return ["meta", (3, 5)]
        raise


@case("mmul_tiling", points=2, title="every product goes through tmul, one call for each pair of tiles")
def calls(mmul_tiling, draw, spy):
    counts = []
    for m, k, n, t in [(6, 4, 8, 2), (5, 7, 3, 3), (3, 9, 2, 4), (5, 1, 3, 2)]:
        with spy(mmul_tiling, "tmul") as seen:
            mmul_tiling(draw.normal(m, k), draw.normal(k, n), t)
        counts.append({"calls": len(seen), "too large": sum(max(*a, *b) > t for a, b in seen)})
    return counts


@case("mmul_tiling", points=1, title="the result is made of what tmul returns")
def doubled(mmul_tiling, draw, spy):
    with spy(mmul_tiling, "tmul", lambda product: product.mul_(2).add_(1)):
        return mmul_tiling(draw.integers(6, 4), draw.integers(4, 8), 2)


@case("mmul_tiling", points=1, title="no product is larger than a tile")
def pieces(mmul_tiling, draw, watch):
    matA, matB = draw.normal(9, 6), draw.normal(6, 12)
    with watch() as seen:
        matC = mmul_tiling(matA, matB, 3)
    products = ("aten.mm", "aten.bmm", "aten.addmm", "aten.baddbmm", "aten.addbmm", "aten.mv", "aten.dot")
    return matC, [name for name, shapes in seen if name in products and max(map(max, shapes)) > 3]


@case("mmul_tiling", points=1, title="the operands are left unchanged")
def unchanged(mmul_tiling, draw):
    answers = []
    for m, k, n in ((6, 9, 3), (3, 3, 3)):
        matA, matB = draw.normal(m, k), draw.normal(k, n)
        answers.append([mmul_tiling(matA, matB, 3), matA, matB])
    return answers


@case("mmul_tiling", points=1, title="operands whose inner sides differ are refused")
def inner(mmul_tiling, draw, refused):
    fits = mmul_tiling(draw.normal(3, 6), draw.normal(6, 9), 3)
    pairs = [((4, 6), (9, 5)), ((4, 9), (6, 5)), ((4, 6), (5, 5)), ((4, 5), (6, 5)), ((2, 3), (2, 3))]
    return fits, [refused(lambda a=a, b=b: mmul_tiling(draw.normal(*a), draw.normal(*b), 3)) for a, b in pairs]


@case("tile_traffic", points=2, title="tiles that fill the matrices")
def traffic_whole(tile_traffic, draw):
    t = draw.number(2, 9)
    sides = [[t * draw.number(1, 9) for _ in range(3)] for _ in range(6)]
    return [tile_traffic(m, k, n, t) for m, k, n in sides]


@case("tile_traffic", points=2, title="edges that do not fill a tile")
def traffic_ragged(tile_traffic, draw):
    sides = [[draw.number(1, 60) for _ in range(4)] for _ in range(12)]
    edges = [(7, 5, 9, 4), (4, 5, 9, 4), (7, 5, 8, 4), (3, 2, 5, 64), (1, 6, 20, 16), (401, 7, 801, 200)]
    edges += [(10**9 + 1, 10**9, 10**9 + 1, 4 * 10**8)]
    return [tile_traffic(*s) for s in [*edges, *sides]]


@case("largest_tile", points=1, title="capacities that three tiles fill, and one word less")
def largest_exact(largest_tile, draw):
    t = draw.number(2, 2000)
    return [largest_tile(3 * t * t), largest_tile(3 * t * t - 1)]


@case("largest_tile", points=1, title="any capacity, from nothing to numbers too large for floats")
def largest_any(largest_tile, draw):
    huge, middle = draw.number(10**17, 10**18), draw.number(3, 10**5)
    capacities = (0, 1, 2, 3, middle, 3 * (10**17 + 1) ** 2, 3 * huge**2 - 1, 3 * huge**2)
    return [largest_tile(capacity) for capacity in capacities]


@case("arithmetic_intensity", points=2, title="operations per word, for any sides")
def intensity(arithmetic_intensity, draw):
    sides = [[draw.number(1, 60) for _ in range(4)] for _ in range(8)]
    return [
        arithmetic_intensity(*s) for s in [(8, 8, 8, 4), (7, 5, 9, 4), (9, 5, 15, 3), (2048, 2048, 2048, 1024), *sides]
    ]


@case("roofline", points=2, title="the lower of the two limits")
def roof(roofline, draw):
    peak, bandwidth = float(draw.number(50, 500)), float(draw.number(2, 20))
    ridge = peak / bandwidth
    answers = [roofline(ridge * f, peak, bandwidth) for f in (0.0, 0.1, 0.5, 1.0, 1.5, 20.0)]
    return [*answers, roofline(11.55, 120.0, 10.0), roofline(0.123456, 1.0, 0.5)]


@case("best_tile", points=2, title="square products: the least traffic that fits")
def best_square(best_tile, draw):
    answers = []
    for side, capacity in [
        (12, 35),
        (30, 100),
        (draw.number(5, 60), draw.number(3, 300)),
        (64, 3),
        (5, 10**4),
    ]:
        tm, tn = best_tile(side, side, side, capacity)
        words = side * side * (-(-side // tn) - (-side // tm) + 1)
        fits = min(tm, tn) >= 1 and tm + tn + tm * tn <= capacity
        answers.append([bool(fits and tm % 1 == 0 and tn % 1 == 0), words])
    return answers


@case("best_tile", points=2, title="tall and wide products: the least traffic that fits")
def best_any(best_tile, draw):
    answers = []
    known = [(3, 8, 40, 60), (40, 8, 3, 60), (2, 5, 90, 30), (7, 5, 4, 23), (4, 5, 7, 23), (6, 5, 5, 27), (5, 5, 6, 27)]
    known += [(3, 4000, 400, 900), (400, 4000, 3, 900)]
    for m, k, n, capacity in [*known, (3, 2, 4, 5), (1, 6, 1, 9)] + [
        [draw.number(1, 70), draw.number(1, 20), draw.number(1, 70), draw.number(3, 400)] for _ in range(8)
    ]:
        tm, tn = best_tile(m, k, n, capacity)
        words = m * k * -(-n // tn) + k * n * -(-m // tm) + m * n
        fits = min(tm, tn) >= 1 and tm + tn + tm * tn <= capacity
        answers.append([bool(fits and tm % 1 == 0 and tn % 1 == 0), words])
    return answers


@case("best_tile", points=1, title="a fast memory that holds no tile is refused")
def best_refuses(best_tile, draw, refused):
    m, k, n = (draw.number(2, 9) for _ in range(3))
    return [refused(lambda c=c: best_tile(m, k, n, c)) for c in (0, 1, 2, 3, 4)]
