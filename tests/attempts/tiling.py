"""Right answers to lesson 1 in other styles than the reference's."""

import functools
import itertools
import math
from math import ceil

import torch
import torch.nn.functional as F

from course.mistakes import attempt
from lib.tiling import tile_traffic, tmul


@attempt("tmul", name="four asserts")
def tmul_asserts(tileA, tileB, t):
    assert tileA.size(0) <= t
    assert tileA.size(1) <= t
    assert tileB.size(0) <= t
    assert tileB.size(1) <= t
    return tileA @ tileB


@attempt("tmul", name="a loop over both tiles, torch.matmul")
def tmul_loop(tileA, tileB, t):
    for tile in (tileA, tileB):
        if any(side > t for side in tile.shape):
            raise ValueError(f"{tile.shape} is over {t}")
    return torch.matmul(tileA, tileB)


@attempt("tmul", name="products written out and summed")
def tmul_broadcast(tileA, tileB, t):
    rows, inner = tileA.shape
    inner2, cols = tileB.shape
    if rows > t or inner > t or inner2 > t or cols > t:
        raise ValueError
    return (tileA[:, :, None] * tileB[None, :, :]).sum(dim=1, dtype=tileA.dtype)


@attempt("mmul_tiling", name="tiles by number, ceil")
def mmul_numbers(matA, matB, t):
    a, c = matA.size()
    c2, b = matB.size()
    assert c == c2, "inner sides differ"
    matC = torch.zeros(a, b, dtype=matA.dtype, device=matA.device)
    for i in range(ceil(a / t)):
        for j in range(ceil(b / t)):
            for k in range(ceil(c / t)):
                tileA = matA[i * t : (i + 1) * t, k * t : (k + 1) * t]
                tileB = matB[k * t : (k + 1) * t, j * t : (j + 1) * t]
                matC[i * t : (i + 1) * t, j * t : (j + 1) * t] += tmul(tileA, tileB, t)
    return matC


@attempt("mmul_tiling", name="loop over the inner side outermost")
def mmul_inner_first(matA, matB, t):
    if matA.shape[1] != matB.shape[0]:
        raise ValueError("inner sides differ")
    out = torch.zeros(matA.shape[0], matB.shape[1]).to(matA)
    for p in range(0, matA.shape[1], t):
        for i in range(0, matA.shape[0], t):
            for j in range(0, matB.shape[1], t):
                out[i : i + t, j : j + t] += tmul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return out


@attempt("mmul_tiling", name="a running sum for each tile, then cat")
def mmul_cat(matA, matB, t):
    if matA.shape[1] != matB.shape[0]:
        raise ValueError("inner sides differ")
    rows = []
    for stripA in matA.split(t, dim=0):
        row = []
        for stripB in matB.split(t, dim=1):
            pairs = zip(stripA.split(t, dim=1), stripB.split(t, dim=0), strict=True)
            row.append(sum(tmul(tileA, tileB, t) for tileA, tileB in pairs))
        rows.append(torch.cat(row, dim=1))
    return torch.cat(rows, dim=0)


@attempt("mmul_tiling", name="zero padding to whole tiles")
def mmul_padded(matA, matB, t):
    (m, k), (k2, n) = matA.shape, matB.shape
    if k != k2:
        raise ValueError("inner sides differ")
    A = F.pad(matA, (0, -k % t, 0, -m % t))
    B = F.pad(matB, (0, -n % t, 0, -k % t))
    C = A.new_zeros(A.shape[0], B.shape[1])
    for i, j, p in itertools.product(range(0, m, t), range(0, n, t), range(0, k, t)):
        C[i : i + t, j : j + t] += tmul(A[i : i + t, p : p + t], B[p : p + t, j : j + t], t)
    return C[:m, :n]


@attempt("mmul_tiling", name="while loops with min")
def mmul_while(matA, matB, t):
    m, k = matA.shape
    k2, n = matB.shape
    if k != k2:
        raise TypeError("inner sides differ")
    matC = torch.zeros((m, n), dtype=matA.dtype, device=matA.device)
    i = 0
    while i < m:
        i2 = min(i + t, m)
        j = 0
        while j < n:
            j2 = min(j + t, n)
            p = 0
            while p < k:
                p2 = min(p + t, k)
                matC[i:i2, j:j2] = matC[i:i2, j:j2] + tmul(matA[i:i2, p:p2], matB[p:p2, j:j2], t)
                p = p2
            j = j2
        i = i2
    return matC


@attempt("mmul_tiling", name="a helper inside, views accumulated with add_")
def mmul_views(matA, matB, t):
    if matA.size(1) != matB.size(0):
        raise ValueError("inner sides differ")

    def blocks(side):
        return [slice(first, first + t) for first in range(0, side, t)]

    matC = matA.new_zeros((matA.size(0), matB.size(1)))
    for rows in blocks(matA.size(0)):
        for cols in blocks(matB.size(1)):
            tileC = matC[rows, cols]
            for inner in blocks(matA.size(1)):
                tileC.add_(tmul(matA[rows, inner], matB[inner, cols], t=t))
    return matC


@attempt("mmul_tiling", name="tmul as a default argument")
def mmul_default(matA, matB, t, mul=tmul):
    if matA.shape[1] != matB.shape[0]:
        raise ValueError("inner sides differ")
    matC = matA.new_zeros(len(matA), matB.shape[1])
    for i in range(0, matC.shape[0], t):
        for j in range(0, matC.shape[1], t):
            for p in range(0, matA.shape[1], t):
                matC[i : i + t, j : j + t] += mul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
    return matC


mul = tmul


@attempt("mmul_tiling", name="tmul by another name")
def mmul_renamed(matA, matB, t):
    if matA.shape[1] != matB.shape[0]:
        raise ValueError("inner sides differ")
    matC = matA.new_zeros(len(matA), matB.shape[1])
    for i in range(0, matC.shape[0], t):
        for j in range(0, matC.shape[1], t):
            total = 0
            for p in range(0, matA.shape[1], t):
                total += mul(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t], t)
            matC[i : i + t, j : j + t] = total
    return matC


@attempt("mmul_tiling", name="functools.partial")
def mmul_partial(matA, matB, t):
    if matA.shape[1] != matB.shape[0]:
        raise ValueError("inner sides differ")
    product = functools.partial(tmul, t=t)
    matC = matA.new_zeros(len(matA), matB.shape[1])
    for i in range(0, matC.shape[0], t):
        for j in range(0, matC.shape[1], t):
            for p in range(0, matA.shape[1], t):
                matC[i : i + t, j : j + t] += product(matA[i : i + t, p : p + t], matB[p : p + t, j : j + t])
    return matC


@attempt("tile_traffic", name="counted tile by tile")
def traffic_counted(m, k, n, t):
    words = 0
    for i in range(0, m, t):
        for j in range(0, n, t):
            for p in range(0, k, t):
                a, b, c = min(t, m - i), min(t, k - p), min(t, n - j)
                words += a * b + b * c
            words += a * c
    return words


@attempt("tile_traffic", name="math.ceil")
def traffic_ceil(m, k, n, t):
    tile_rows, tile_columns = math.ceil(m / t), math.ceil(n / t)
    return tile_columns * (m * k) + tile_rows * (k * n) + m * n


@attempt("tile_traffic", name="(n + t - 1) // t")
def traffic_shifted(m, k, n, t):
    return m * (k * ((n + t - 1) // t) + n) + k * n * ((m + t - 1) // t)


@attempt("largest_tile", name="bisection")
def largest_bisection(capacity):
    low, high = 0, capacity + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if 3 * middle * middle <= capacity else (low, middle)
    return low


@attempt("largest_tile", name="doubling, then steps")
def largest_steps(capacity):
    t, step = 0, 1
    while 3 * (t + step) ** 2 <= capacity:
        step *= 2
    while step:
        if 3 * (t + step) ** 2 <= capacity:
            t += step
        step //= 2
    return t


@attempt("arithmetic_intensity", name="in steps")
def intensity_steps(m, k, n, t):
    multiplications = m * n * k
    additions = m * n * k
    return (multiplications + additions) / tile_traffic(m, k, n, t)


@attempt("roofline", name="if and else")
def roof_if(intensity, peak, bandwidth):
    if intensity < peak / bandwidth:
        return bandwidth * intensity
    return peak


@attempt("best_tile", name="every pair tried")
def best_all(m, k, n, capacity):
    if capacity < 3:
        raise ValueError
    best, sides = None, None
    for tm in range(1, min(m, capacity) + 1):
        for tn in range(1, min(n, capacity) + 1):
            if tm + tn + tm * tn > capacity:
                break
            words = m * k * ceil(n / tn) + k * n * ceil(m / tm) + m * n
            if best is None or words < best:
                best, sides = words, (tm, tn)
    return sides


@attempt("best_tile", name="over the columns, a list of ties")
def best_columns(m, k, n, capacity):
    assert capacity >= 3
    fits = [(max(0, (capacity - tn) // (1 + tn)), tn) for tn in range(1, n + 1)]
    cost = {(tm, tn): m * ceil(n / tn) + n * ceil(m / tm) for tm, tn in fits if tm > 0}
    return max(pair for pair in cost if cost[pair] == min(cost.values()))


@attempt("best_tile", name="tensors without dimensions, and sides beyond those of C")
def best_tensors(m, k, n, capacity):
    if capacity < 3:
        raise ValueError("too small")
    tm = torch.arange(1, (capacity - 1) // 2 + 1)
    tn = (capacity - tm) // (tm + 1)
    words = m * k * -(-n // tn) + k * n * -(-m // tm)
    best = words.argmin()
    return tm[best], tn[best]
