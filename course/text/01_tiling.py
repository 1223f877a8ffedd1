# %% [markdown]
# # Lesson 1 · Tiling
#
# A processor multiplies numbers much faster than its large, slow memory can bring them. Close to the processor there is
# a *fast memory*, a cache, but it is small. **Tiling** makes the most of it: cut the matrices into small square *tiles*,
# bring a few of them into fast memory, and use every number many times before letting it go. Every fast matrix
# product rests on this, and in the next lesson a convolution will too.
#
# ![Three matrices cut into tiles of 2 by 2. One tile of A and one tile of B are filled; their product is added to
# one tile of C. A strip of A's tiles and a strip of B's tiles are tinted: all of them take part in that tile of C.
# Beside the matrices, a box called fast memory holds just these three tiles.](../img/tiling.png)
#
# You will write
#
# * `tmul` and `mmul_tiling`, a matrix product made of tiles, for matrices of any shape;
# * `tile_traffic`, `largest_tile`, `arithmetic_intensity` and `roofline`, which tell *before* anything runs how much
#   memory traffic it costs and whether memory or the processor will be the bottleneck;
# * as a stretch, `best_tile`, which chooses the shape of a tile so well that about 40 % of this traffic is saved.
#
# **What it assumes**: the matrix product, Python functions and loops, slices such as `x[2:4]`. **Time**: about 90
# minutes; the minutes beside each exercise are an estimate.
#
# **How it works**: run the cells from the top with Shift + Enter. Where a cell says `TODO`, replace the line
# `raise NotImplementedError` by your code, run the cell, then run the `check` below it. Stuck? `hint` gives one hint
# at a time. An exercise left open stops nothing: go on reading and come back. Put functions that help your answer into
# the same cell: the cells with a `TODO` are what is graded. Predictions and checks are kept for `progress()`, on this
# machine only.

# %% tags=["setup"]
from math import ceil, isqrt

import torch

from lib.check import check, hint, predict, progress, reveal

# %% [markdown]
# ## 1. A product of tiles, by hand
#
# Two 4×4 matrices, cut into tiles of side $t = 2$:

# %%
A = torch.tensor([[1, 2, 0, 1], [0, 1, 3, 0], [2, 0, 1, 1], [1, 1, 0, 2]])
B = torch.tensor([[1, 0, 2, 1], [0, 1, 1, 0], [1, 1, 0, 2], [2, 0, 1, 1]])

# %% [markdown]
# Write $A_{ip}$ for the tile in tile row $i$ and tile column $p$, counted from 0. Here
#
# $$A = \begin{pmatrix} A_{00} & A_{01} \\ A_{10} & A_{11} \end{pmatrix}, \qquad
# A_{00} = \begin{pmatrix} 1 & 2 \\ 0 & 1 \end{pmatrix}, \qquad
# A_{01} = \begin{pmatrix} 0 & 1 \\ 3 & 0 \end{pmatrix},$$
#
# and in the same way
#
# $$B_{00} = \begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}, \qquad
# B_{10} = \begin{pmatrix} 1 & 1 \\ 2 & 0 \end{pmatrix}.$$
#
# Tiles take the place of numbers: row of tiles times column of tiles. (Only keep the order of the factors; for matrices
# it matters.) The top left tile of $C = AB$ is
#
# $$C_{00} = A_{00} B_{00} + A_{01} B_{10}
# = \begin{pmatrix} 1 & 2 \\ 0 & 1 \end{pmatrix} + \begin{pmatrix} 2 & 0 \\ 3 & 3 \end{pmatrix}
# = \begin{pmatrix} 3 & 2 \\ 3 & 4 \end{pmatrix}.$$
#
# Python agrees, and the top left corner of the whole product is the same:

# %%
A[0:2, 0:2] @ B[0:2, 0:2] + A[0:2, 2:4] @ B[2:4, 0:2]

# %%
(A @ B)[0:2, 0:2]

# %% [markdown]
# In general, with $A$ of shape $(m, k)$ and $B$ of shape $(k, n)$,
#
# $$C_{ij} = \sum_{p} A_{ip}\, B_{pj}.$$
#
# Nothing asks $t$ to divide the sides. If it does not, the last tile of a row or column is smaller: a side of 5 in
# tiles of 2 is 2 + 2 + 1, which makes $\lceil 5/2 \rceil = 3$ tiles. ($\lceil x \rceil$ is $x$ rounded up.)
#
# **Predict.** $A$ is 5×7, $B$ is 7×3 and $t = 4$. How many products of two tiles does it take to compute $C$?
# Replace the `...` by your number.

# %%
predict("tile-products", ...)


# %% [markdown]
# ## 2. Multiply two tiles
#
# Fast memory is small. `tmul` stands for one that takes tiles with sides up to $t$. It should refuse a tile with a longer
# side, rather than quietly take it: then, if the loop around it makes a mistake, you hear about it.
#
# **Exercise** `tmul` · easy · 5 minutes

# %% exercise="tmul"
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
    # TODO: raise a ValueError if a side of tileA or tileB is over t;
    # otherwise return their product.
    raise NotImplementedError


# %%
check("tmul", tmul)

# %%
# hint("tmul")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# ## 3. Multiply two matrices, tile by tile
#
# Three loops: over the tile rows $i$ of $A$, over the tile columns $j$ of $B$, and, innermost, over the tiles $p$ along
# the side that they share. Each round adds one product of tiles to $C_{ij}$. (The sums are the same in any order of the
# loops, and the check accepts any; section 4 counts this one.) In code it is handy to let $i$, $j$ and $p$ be the first
# row or column of a tile: 0, $t$, $2t$, …
#
# A slice that reaches past the edge is simply cut off there. Look at the last tile of a side of 5:

# %%
five = torch.arange(5)
[five[first : first + 2].tolist() for first in range(0, 5, 2)]


# %% [markdown]
# **Exercise** `mmul_tiling` · medium · 15 minutes
#
# The result has the operands' dtype and device: whole numbers in, whole numbers out. In lesson 5 this very function
# will multiply integers.

# %% exercise="mmul_tiling"
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
    # TODO: refuse inner sides that differ. Start from a C of zeros, with matA's dtype and
    # device. For every i, j and p, add tmul(tile of A, tile of B, t) to its tile of C.
    raise NotImplementedError


# %%
check("mmul_tiling", mmul_tiling)

# %%
# hint("mmul_tiling")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# **See it.** Step through the product of two matrices. The cells of $C$ are your function's; a cell that is wrong is
# crossed out. Change the tile's side and the order of the loops, and watch what fast memory holds. (The loop that we
# call p is called k in the view, like the side that it runs along. The words moved and the roofline are the subject of
# sections 4 to 6: come back to them then.)

# %%
from lib import views

views.tiling(m=6, k=6, n=6, t=2, multiply=mmul_tiling)

# %% [markdown]
# And your prediction of section 1, $C$ in tiles of 4? `spy` listens to the calls that a function makes to another, and
# keeps the shapes. (It is your function that is counted here and in section 4: let its check pass first.)

# %% tags=["raises-exception"]
from lib.cases import spy

with spy(mmul_tiling, "tmul") as calls:
    mmul_tiling(torch.ones(5, 7), torch.ones(7, 3), 4)
reveal("tile-products", len(calls))

# %% tags=["raises-exception"]
for shapeA, shapeB in calls:
    print(shapeA, "times", shapeB)


# %% [markdown]
# ## 4. Count what is moved
#
# The model has two memories. *Slow* memory holds the matrices. *Fast* memory is small, and only what lies there can be
# multiplied. The cost is the number of **words** (elements of a matrix) that are carried between the two:
#
# * for every product of tiles, one tile of $A$ and one of $B$ are read;
# * a tile of $C$ starts from zeros in fast memory, stays there while its sum grows, and is written out **once**. This
#   order is called *output-stationary*.
#
# (In the view, choose an order of the loops in which k is not the last: tiles of $C$ then travel both ways, again and
# again.)
#
# Nothing is timed. Words are the same on every machine, so your count can be exact:

# %%
def count_words(m, k, n, t):
    """Count the words that mmul_tiling moves, from the tiles that it hands to tmul, as if its loops ran i, j, p."""
    with spy(mmul_tiling, "tmul") as calls:
        mmul_tiling(torch.ones(m, k), torch.ones(k, n), t)
    read = sum(a * b + c * d for (a, b), (c, d) in calls)
    return read + m * n


# %% [markdown]
# In tiles of side 1, where no word that was read is used twice, a 6×6 times 6×6 product moves this many words:

# %% tags=["raises-exception"]
count_words(6, 6, 6, 1)

# %% [markdown]
# **Predict.** How many words does the same product move with $t = 3$?

# %%
predict("tiling-words", ...)

# %% tags=["raises-exception"]
reveal("tiling-words", count_words(6, 6, 6, 3))


# %% [markdown]
# Counting takes a whole multiplication. A formula is faster. Look at one tile of $A$: it takes part in one product for
# each tile column of $C$, and $C$ has $\lceil n/t \rceil$ of them. So every word of $A$ is read $\lceil n/t \rceil$
# times. In the 4×4 example of section 1, that is $\lceil 4/2 \rceil = 2$ times 16 words. How often is a word of $B$
# read, and how often is a word of $C$ written?
#
# **Exercise** `tile_traffic` · medium · 10 minutes

# %% exercise="tile_traffic"
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
    # TODO: return (words of A) · (times each is read) + the same for B + the words of C.
    raise NotImplementedError


# %%
check("tile_traffic", tile_traffic)

# %%
# hint("tile_traffic")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# The formula against the count, for sides that tiles do not always fill. (If your `mmul_tiling` fills the last tiles up
# with zeros, the count has these zeros too.)

# %% tags=["raises-exception"]
for tile in (1, 2, 3, 4, 7):
    print(f"t = {tile}: counted {count_words(5, 7, 6, tile)}, formula {tile_traffic(5, 7, 6, tile)}")

# %% [markdown]
# And its shape, for a larger product:

# %% tags=["raises-exception"]
import matplotlib.pyplot as plt

plt.style.use("../img/course.mplstyle")
sides = range(1, 257)
plt.loglog(sides, [tile_traffic(256, 256, 256, t) for t in sides])
plt.xlabel("side t of a tile")
plt.ylabel("words moved")
plt.title("256×256 times 256×256")
plt.show()


# %% [markdown]
# Larger tiles move fewer words: the line falls like $1/t$ as long as $m \cdot n$ is small beside the rest. The steps
# are the rounding: where one more row in a tile does not save a whole tile, it saves nothing.
#
# ## 5. How large may a tile be?
#
# As large as fast memory allows. It must hold a tile of $A$, one of $B$ and one of $C$ at the same time: $3t^2$ words.
# So a fast memory of 12 words has room for $t = 2$, since $3 \cdot 2^2 = 12$, and one of 11 words only for $t = 1$.
#
# **Exercise** `largest_tile` · easy · 5 minutes

# %% exercise="largest_tile"
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
    # TODO: solve 3 t² ≤ capacity for t, rounded down. isqrt is imported; try isqrt(8).
    raise NotImplementedError


# %%
check("largest_tile", largest_tile)

# %%
# hint("largest_tile")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# A first-level cache of 32 KiB holds 8192 words of 4 bytes (float32). Three tiles of this side fit:

# %% tags=["raises-exception"]
largest_tile(32 * 1024 // 4)


# %% [markdown]
# ## 6. Is memory the bottleneck, or the processor?
#
# An $m \times k$ by $k \times n$ product takes $mkn$ multiplications and as many additions, however it is tiled:
# $2mkn$ operations. Divide them by the words moved:
#
# $$\text{arithmetic intensity} = \frac{2mkn \text{ operations}}{\text{words moved}}
# \qquad \text{(operations per word)}.$$
#
# It says how much work each word does for its journey. The 4×4 product in tiles of 2 does $2 \cdot 4^3 = 128$ operations
# and moves 80 words: 1.6 operations per word.
#
# **Exercise** `arithmetic_intensity` · easy · 5 minutes

# %% exercise="arithmetic_intensity"
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
    # TODO: use your tile_traffic.
    raise NotImplementedError


# %%
check("arithmetic_intensity", arithmetic_intensity)

# %%
# hint("arithmetic_intensity")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
for tile in (1, 2, 4, 8, 16, 32):
    print(f"t = {tile:2}: {arithmetic_intensity(1024, 1024, 1024, tile):6.3f} operations per word")


# %% [markdown]
# For matrices much larger than their tiles the intensity is close to $t$. Put $m = k = n$ into the formula: the words are about $2n^3/t$, and
# $2n^3$ divided by that is $t$: **tiles of side $t$ buy about $t$ operations with every word moved.**
#
# Now take a machine that can do `peak` operations per second and whose slow memory delivers `bandwidth` words per
# second. A computation with intensity $I$ can never run faster than either limit:
#
# $$\text{speed} \le \min(\text{peak},\; I \cdot \text{bandwidth}).$$
#
# **Exercise** `roofline` · easy · 3 minutes

# %% exercise="roofline"
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
    # TODO: return the lower of the two limits.
    raise NotImplementedError


# %%
check("roofline", roofline)

# %%
# hint("roofline")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# A made-up machine does $48 \cdot 10^9$ operations per second, and its memory delivers $4 \cdot 10^9$ words per second.
# Drawn over the intensity, the bound has the shape of a roof; each tile size has its place along it.

# %% tags=["raises-exception"]
PEAK, BANDWIDTH = 48e9, 4e9
tiles = [1, 2, 4, 8, 16, 32, 64]
intensities = [arithmetic_intensity(1024, 1024, 1024, t) for t in tiles]
speeds = [roofline(x, PEAK, BANDWIDTH) for x in intensities]
roof = [0.5, PEAK / BANDWIDTH, 128]
plt.loglog(roof, [roofline(x, PEAK, BANDWIDTH) for x in roof], label="roofline")
plt.loglog(intensities, speeds, "o", label="1024×1024 times 1024×1024")
for t, x, y in zip(tiles, intensities, speeds):
    plt.annotate(f"t = {t}", (x, y), (4, -16), textcoords="offset points")
plt.xlabel("arithmetic intensity (operations per word)")
plt.ylabel("operations per second, at most")
plt.legend()
plt.show()

# %% [markdown]
# Left of the corner memory is the bottleneck, and a larger tile helps. Right of it the processor is, and a larger tile
# buys nothing. The corner lies at an intensity of `PEAK / BANDWIDTH`, which is 12. Tiles of side 12 just miss it: it
# takes 86 of them to cover a side of 1024, the last in part, and the words of $C$ count as well, so their intensity
# is only 11.8. The smallest tile that frees this machine from its memory has this side:

# %% tags=["raises-exception"]
next(t for t in range(1, 100) if arithmetic_intensity(1024, 1024, 1024, t) >= PEAK / BANDWIDTH)

# %% [markdown]
# ## 7. What does blocking buy on a real processor?
#
# Count first, then time. But take care what the clock measures. *Blocking* is another word for tiling.
#
# **Predict.** Two 96×96 matrices are multiplied on one thread: once number by number in three plain Python loops over
# lists, once with `mmul_tiling` and $t = 4$. Is the tiled product `"faster"` or `"slower"` than the plain loops?

# %%
predict("tiling-in-python", ...)

# %% [markdown]
# It was measured on one thread of one machine, and the ratios were kept (the course's repository has the script,
# `benchmarks/blocking.py`):

# %%
import json
from pathlib import Path

measured = json.loads(Path("../img/blocking.json").read_text())
times = measured["vectorisation"]
loops, tiles4 = times["number by number"], times["tiles, t = 4"]
print(f"as multiples of one @: plain loops {loops:,.0f}, tiles of 4 {tiles4:,.0f}")
reveal("tiling-in-python", "faster" if tiles4 < loops else "slower")

# %% [markdown]
# ![Two charts of measured times. Left, bars: a 96 by 96 product done number by number, by inner products, in tiles of
# growing side, and in one matrix product; the tiles get faster with their side, and the smallest tiles are the slowest
# of all. Right, a curve: a 4096 by 4096 sum of outer products with C in tiles; it is slow for small tiles, fastest for
# tiles of middle size, and slower again when a tile no longer fits the last cache.](../img/blocking.png)
#
# **Left: the cache plays no part.** All three matrices fit the second-level cache together, whatever the tile. Tiles of 4
# are slow because Python makes thousands of small calls, each of which costs far more than the arithmetic in it. Larger
# tiles are faster because there are fewer calls, and because more of the work is done many numbers at a time, in vector
# instructions: *vectorisation*. (*By inner products* takes one such call for every number of $C$: a row of $A$ times a
# column of $B$.) One `@` wins, since it has no Python loop at all (and is tiled inside, in compiled code). Anyone who
# times only this and says "tiling makes it faster" has measured the wrong thing.
#
# **Right: the same operator throughout.** A 4096×4096 $C$ is a sum of 24 outer products, (column of $A$) × (row of $B$),
# and is computed tile by tile; each tile is finished before the next begins. Arithmetic and operator are the same for
# every tile size. Two things change. Small tiles need more calls, so the curve falls at first. And a tile too large for
# the caches travels to main memory and back for every single outer product, so the curve rises at the end. (The dotted
# lines show which side fills each cache of that machine.) That rise is what blocking for the cache saves:

# %%
whole, best = measured["cache"]["4096"], min(measured["cache"].values())
print(f"C as one tile takes {whole / best:.1f} times as long as C in tiles of the best side")

# %% [markdown]
# Now your own function on your own machine, as multiples of one `@`. The numbers will differ; does the order?

# %% tags=["raises-exception"]
from timeit import repeat

X, Y = torch.randn(96, 96), torch.randn(96, 96)
once = min(repeat(lambda: X @ Y, number=5, repeat=20))
for t in (8, 16, 32, 96):
    tiled = min(repeat(lambda: mmul_tiling(X, Y, t), number=5, repeat=3))
    print(f"t = {t:2}: {tiled / once:8.1f} times one @")


# %% [markdown]
# So why write `mmul_tiling` in Python? To see exactly what moves. The fast version of the same three loops is written
# in C or assembly, once for each level of cache; the count of words holds for both.
#
# ## 8. Stretch: a better tile
#
# Three tiles of side $t$ fill fast memory with $3t^2$ words, a third for each matrix. Is that fair? Let a tile of $C$
# have sides $t_m \times t_n$, and let the tiles of $A$ and $B$ be $t_m \times t_k$ and $t_k \times t_n$. The words moved
# are
#
# $$m k \left\lceil \frac{n}{t_n} \right\rceil + k n \left\lceil \frac{m}{t_m} \right\rceil + m n.$$
#
# There is no $t_k$ in it! However wide the tiles of $A$ are, each of its words is read once for each tile of $C$ in its
# own row of tiles (and each word of $B$ once for each tile of $C$ in its own column). So spend no memory on it: take
# $t_k = 1$, one column of $A$ and one row of $B$ at a time. That leaves the room for $C$:
#
# $$t_m + t_n + t_m t_n \le \text{capacity}.$$
#
# By hand, for a capacity of 12 words and $m = k = n = 6$: three square tiles have $t = 2$, and move
# $36 \cdot 3 + 36 \cdot 3 + 36 = 252$ words. With $t_m = 3$ and $t_n = 2$ (since $3 + 2 + 6 = 11 \le 12$) it is
# $36 \cdot 3 + 36 \cdot 2 + 36 = 216$.
#
# The capacity may be large, and sides beyond $m$ and $n$ gain nothing: do not try every pair up to the capacity.
#
# **Exercise** `best_tile` · hard · 25 minutes

# %% exercise="best_tile"
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
    # TODO: refuse a capacity that is too small; return the tile that moves the fewest words.
    raise NotImplementedError


# %%
check("best_tile", best_tile)

# %%
# hint("best_tile")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# How much better is it than three equal square tiles?

# %% tags=["raises-exception"]
side = 2048
for capacity in (100, 1000, 10_000, 100_000):
    tm, tn = best_tile(side, side, side, capacity)
    words = side * side * (ceil(side / tm) + ceil(side / tn) + 1)
    squares = tile_traffic(side, side, side, largest_tile(capacity))
    print(f"{capacity:7} words: best tile {tm}×{tn}; three squares move {squares / words:.2f} times as many words")

# %% [markdown]
# Around $\sqrt 3 \approx 1.73$ times as many, so that the best tile saves about 42 %. With a capacity of $S$ words, three
# squares have side $\sqrt{S/3}$, and a square $C$ alone has side close to $\sqrt S$, which is $\sqrt 3$ times as long;
# and words go as one over the side. (Rounding to whole sides moves the ratio a little up or down. It also makes ties
# common: several pairs move equally few words, and the one printed need not look square.) Fast libraries do just this:
# the innermost kernel keeps a tile of $C$ in registers and streams one column of $A$ and one row of $B$ past it.
#
# ## What was left out
#
# * Sums of floats in another order round differently, so the tiled product and `@` may differ in the last digits. With
#   whole numbers they are equal; the checks allow for the rest.
# * A real processor has registers and several levels of cache, and tiles for each. Tiles are also copied to stand in
#   one piece (*packing*): Goto and van de Geijn show how much that matters.
# * A real cache is not told what to hold, and rows that lie a power of two apart get in each other's way. That is why
#   the best tile is often smaller than $3t^2 \le$ capacity says: Lam, Rothberg and Wolf.
# * No order of the loops does fundamentally better: with a fast memory of $S$ words, $n \times n$ matrices need to move
#   at least a constant times $n^3 / \sqrt S$ words if all $n^3$ products are computed: Hong and Kung.
#
# **Further reading**
#
# * J.-W. Hong, H. T. Kung. *I/O complexity: the red-blue pebble game.* STOC 1981, 326–333.
# * M. S. Lam, E. E. Rothberg, M. E. Wolf. *The cache performance and optimizations of blocked algorithms.*
#   ASPLOS 1991, 63–74.
# * K. Goto, R. A. van de Geijn. *Anatomy of high-performance matrix multiplication.* ACM Transactions on Mathematical
#   Software 34(3), article 12, 2008.
# * S. Williams, A. Waterman, D. Patterson. *Roofline: an insightful visual performance model for multicore
#   architectures.* Communications of the ACM 52(4), 2009, 65–76.
#
# Next: lesson 2 turns a convolution into one matrix product, so that `mmul_tiling` can run it.

# %%
progress()
