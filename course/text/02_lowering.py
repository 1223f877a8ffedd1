# %% [markdown]
# # Lesson 2 · Convolution as one matrix product
#
# A convolution slides a small kernel over an image and, at every position, multiplies and adds. Written as loops it is
# slow; the operation that processors do best is the product of two matrices. **Lowering** (also called *im2col*, from
# "image to column") bridges the two: copy every window of the image into a column of a matrix, and the whole
# convolution, over all images, channels and kernels, is **one** matrix product. So `mmul_tiling` from lesson 1 can run
# it, and in lesson 5 it will, with integers. The price is memory, and you will count it.
#
# ![A convolution as a matrix product. At the top left, an image of two channels, 3 by 3 each, with the same 2 by 2
# window framed in both. An arrow leads to the lowered inputs, 8 rows by 4 columns: the framed window is its second
# column, the four numbers of channel 0 above the four of channel 1. At the bottom left, three kernels of two channels;
# the second is framed and becomes the second row of the lowered weights, 3 rows by 8 columns. The product of the two
# has 3 rows and 4 columns. The entry where the framed row meets the framed column is filled, and goes to the top right
# pixel of output channel 1.](../img/convolution_lowering.png)
#
# You will write
#
# * `output_size`: how many positions a kernel has;
# * `weight_lowering`, `inputs_lowering` and `outputs_lifting`: the three arrows of the picture;
# * `conv2d`, which puts them together around any matrix product;
# * as a stretch, `inputs_raising`: the way back, which training needs.
#
# **What it assumes**: tensors of several axes (`shape`, slices, `reshape`, `transpose`); what a convolution layer is
# for. From lesson 1 it takes only `mmul_tiling`, ready made; section 8, on gradients, wants the chain rule. **Time**:
# about 105 minutes, 20 of them for the stretch; the minutes beside each exercise are an estimate.
#
# **How it works**: run the cells from the top with Shift + Enter. Where a cell says `TODO`, replace the line
# `raise NotImplementedError` by your code, run the cell, then run the `check` below it. Stuck? `hint` gives one hint
# at a time. An exercise left open stops nothing: go on reading and come back. Put functions that help your answer into
# the same cell: the cells with a `TODO` are what is graded.
#
# The letters, from here to the end of the course:
#
# | letter | stands for | | letter | stands for |
# |---|---|---|---|---|
# | $N$ | images in the batch | | $O$ | output channels: one kernel for each |
# | $C$ | channels of an image | | $K_H \times K_W$ | taps of a kernel, written `KH`, `KW` in code |
# | $H \times W$ | pixels, height first | | $O_H \times O_W$ | positions of the kernel, `OH`, `OW` in code |

# %% tags=["setup"]
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.check import check, hint, predict, progress, reveal
from lib.sizes import Size, axes, pair
from lib.tiling import mmul_tiling

# %% [markdown]
# ## 1. One image, by hand
#
# A 3×3 image, and a 2×2 kernel whose weights are powers of ten, so that every output shows what it was made of. The
# entries of a kernel are called its **taps**; this one has four. The part of the image under it is a **window**.

# %%
image = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]).reshape(1, 1, 3, 3)  # (N, C, H, W)
kernel = torch.tensor([[1.0, 10], [100, 1000]]).reshape(1, 1, 2, 2)  # (O, C, KH, KW)
F.conv2d(image, kernel)

# %% [markdown]
# At the first position the kernel lies on $\begin{pmatrix} 1 & 2 \\ 4 & 5 \end{pmatrix}$, and the output is
# $1 \cdot 1 + 10 \cdot 2 + 100 \cdot 4 + 1000 \cdot 5 = 5421$. (Mathematics would flip the kernel first. Deep learning
# does not, and calls it convolution all the same.)
#
# Now write each window as a column, read row by row, and the kernel as a row, read the same way:
#
# $$\begin{pmatrix} 1 & 10 & 100 & 1000 \end{pmatrix}
# \begin{pmatrix} 1 & 2 & 4 & 5 \\ 2 & 3 & 5 & 6 \\ 4 & 5 & 7 & 8 \\ 5 & 6 & 8 & 9 \end{pmatrix}$$

# %%
row = torch.tensor([[1.0, 10, 100, 1000]])
columns = torch.tensor([[1.0, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]])
row @ columns

# %% [markdown]
# The same four numbers. (This matrix equals its own transpose only because
# there are as many positions as taps along each side.) Pixel 5 stands in
# all four windows, so it was copied four times.
#
# **Two channels fix the order of the rows.** An output sums over all taps of *all* channels, so a column holds the
# window in every channel. We agree: channel 0 first, whole, then channel 1; within a channel row by row. In short, rows
# run in $(c, k_h, k_w)$ order, the last index fastest. Here is the framed column of the picture:

# %%
two_channels = torch.arange(1.0, 19).reshape(1, 2, 3, 3)
two_channels[0, :, 0:2, 1:3].reshape(-1)

# %% [markdown]
# **Two images fix the order of the columns.** All windows of image 0 come first, then those of image 1; within an image
# row by row. Columns run in $(n, o_h, o_w)$ order. Two images of one channel, 2×3 pixels each, have two windows of 2×2
# each:
#
# $$\begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \end{pmatrix},\;
# \begin{pmatrix} 7 & 8 & 9 \\ 10 & 11 & 12 \end{pmatrix}
# \quad\longrightarrow\quad
# \left(\begin{array}{cc|cc} 1 & 2 & 7 & 8 \\ 2 & 3 & 8 & 9 \\ 4 & 5 & 10 & 11 \\ 5 & 6 & 11 & 12 \end{array}\right)$$
#
# So the lowered inputs have $C \cdot K_H \cdot K_W$ rows and $N \cdot O_H \cdot O_W$ columns.
#
# **Predict.** 4 images of 3 channels, 8×8 pixels, padded with one ring of zeros, under 16 kernels of 3×3: what is the
# shape of the lowered inputs? Replace the `...` by `[rows, columns]`.

# %%
predict("lowering-shape", ...)

# %% [markdown]
# ## 2. How many positions?
#
# Look at one side of the image; the other works the same way. Three numbers say how a kernel of $k$ taps moves along it:
#
# * **padding** $p$: so many zeros are added at *each* end;
# * **dilation** $d$: from one tap to the next it is $d$ pixels ($d = 1$: the taps are neighbours);
# * **stride** $s$: from one position to the next it is $s$ pixels.
#
# ![One side of 8 pixels with a zero at each end, ten in all. Below it a kernel of three taps, two pixels apart, at three
# positions, two pixels apart. The kernel spans 5 pixels, which leaves it 5 pixels to travel.](../img/output_size.png)
#
# In the picture the side has 8 pixels, $p = 1$, $k = 3$, $d = 2$ and $s = 2$. The kernel spans $d (k - 1) + 1 = 5$ of the
# $8 + 2 \cdot 1 = 10$ pixels. That leaves 5 to travel, enough for two whole strides of 2; one pixel stays unused. With
# the position it starts from, that makes 3.
#
# **Predict.** 224 pixels, 7 taps, stride 2, padding 3, dilation 1 (the first layer of ResNet): how many positions?

# %%
predict("output-side", ...)


# %% [markdown]
# **Exercise** `output_size` · easy · 8 minutes
#
# A formula gives a number for nonsense, too: a kernel that is longer than the padded side "has" zero positions, or fewer. So
# refuse first, with a message that names the number at fault, such as `raise ValueError(f"stride is {stride}")`. (The
# check looks at the type of the error, not at the message.)

# %% exercise="output_size"
def output_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Count the positions of a kernel along one side of an image.

    Parameters
    ----------
    size : int
        Pixels along this side, before padding.
    kernel_size : int
        Taps of the kernel along this side.
    stride : int
        Pixels from one position to the next.
    padding : int
        Zeros added at each of the two ends.
    dilation : int
        Pixels from one tap to the next.

    Returns
    -------
    int
        The number of positions at which every tap lies on the padded side.

    Raises
    ------
    ValueError
        Where kernel_size, stride or dilation is below 1, padding is negative, or the kernel is longer
        than the padded side.

    Notes
    -----
    Source: Dumoulin and Visin (2016), arXiv:1603.07285, relationship 15.
    """
    # TODO: refuse what is listed under Raises. Then count: how many whole strides fit into the pixels that the kernel's
    # span leaves free, and the first position. The result is an int: divide with //.
    raise NotImplementedError


# %%
check("output_size", output_size)

# %%
# hint("output_size")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
reveal("output-side", output_size(224, kernel_size=7, stride=2, padding=3))

# %% [markdown]
# Some settings have names. With stride 1, dilation 1 and an odd $k$, padding $(k-1)/2$ keeps the size: "same" padding.

# %% tags=["raises-exception"]
[output_size(28, k, padding=(k - 1) // 2) for k in (1, 3, 5, 7)]

# %% [markdown]
# ## 3. The kernels become rows
#
# Two helpers save typing from here on. `axes` gives the sizes of a tensor and refuses, with a clear `ValueError`, one
# that has more or fewer axes than it should. `pair` reads a size as torch does: one number for both directions, or
# `(vertical, horizontal)`. Where a signature says `Size`, either will do.

# %%
axes(two_channels, "N, C, H, W")

# %%
pair(3), pair((1, 2))


# %% [markdown]
# **Exercise** `weight_lowering` · easy · 3 minutes

# %% exercise="weight_lowering"
def weight_lowering(weights: Tensor) -> Tensor:
    """Lay each kernel out as one row.

    Parameters
    ----------
    weights : Tensor, shape (O, C, KH, KW), any dtype
        Is left unchanged.

    Returns
    -------
    Tensor, shape (O, C·KH·KW), same dtype
        Row o holds kernel o in (c, kh, kw) order.

    Raises
    ------
    ValueError
        Where `weights` does not have four axes.

    Notes
    -----
    Source: Chellapilla, Puri and Simard (2006), "High Performance Convolutional Neural Networks for
    Document Processing".
    """
    # TODO: get the four sizes with axes(weights, "O, C, KH, KW"), then change the shape.
    raise NotImplementedError


# %%
check("weight_lowering", weight_lowering)

# %%
# hint("weight_lowering")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# ## 4. The windows become columns
#
# The obvious way cuts out window after window: $N \cdot O_H \cdot O_W$ of them, often many thousands. Look at the matrix
# of section 1 the other way round, **one row at a time**. Its second row, 2 3 5 6, is all that tap $(0, 1)$ of the kernel
# ever sees on its way over the image. And that is a rectangle of the image, shifted by one:

# %%
image[0, 0, 0:2, 1:3]

# %% [markdown]
# There are only $K_H \cdot K_W$ taps, and one slice takes a tap through all images and all channels at once. A stride is
# the third number of a slice:

# %%
torch.arange(10)[1:8:3]

# %% [markdown]
# In general, with $X$ the image after padding, $\hat X$ its lowered matrix, and tap $(k_h, k_w)$ of channel $c$ at
# position $(o_h, o_w)$ of image $n$ (stride $s$ and dilation $d$ may differ in the two directions),
#
# $$\hat X_{(c,\, k_h,\, k_w),\,(n,\, o_h,\, o_w)} = X_{n,\; c,\; s o_h + d k_h,\; s o_w + d k_w}.$$
#
# The left side has six indices: three for the row, three for the column. So a good place to collect the slices is a
# tensor of the six axes `(C, KH, KW, N, OH, OW)`. A single `reshape` then joins the first three into rows, the last
# three into columns, both in the right order. A slice itself comes as `(N, C, OH, OW)`: mind the first two axes.
#
# Zeros around an image: `F.pad` wants the *last* axis first, as `(left, right, top, bottom)`, and keeps the dtype.

# %%
F.pad(torch.tensor([[1, 2, 3]]), (2, 1, 1, 0))


# %% [markdown]
# **Exercise** `inputs_lowering` · hard · 25 minutes
#
# Write it out: without `F.unfold` and without `F.conv2d`. (The check notices.)

# %% exercise="inputs_lowering"
def inputs_lowering(
    inputs: Tensor, kernel_size: Size, stride: Size = 1, padding: Size = 0, dilation: Size = 1
) -> Tensor:
    """Lay each window of the input out as one column (im2col).

    Parameters
    ----------
    inputs : Tensor, shape (N, C, H, W), any dtype
        Is left unchanged.
    kernel_size, stride, padding, dilation : int or pair of int
        As in `output_size`; a pair is (vertical, horizontal).

    Returns
    -------
    Tensor, shape (C·KH·KW, N·OH·OW), same dtype
        Rows in (c, kh, kw) order, columns in (n, oh, ow) order; padded pixels are zero.

    Raises
    ------
    ValueError
        Where `inputs` does not have four axes, or as in `output_size`.

    Notes
    -----
    Source: Chellapilla, Puri and Simard (2006), "High Performance Convolutional Neural Networks for
    Document Processing".
    """
    # TODO: 1. the sizes: axes(inputs, "N, C, H, W"); a pair for each of the four arguments; OH and OW from output_size
    #          (call it, it also refuses bad sizes).
    #       2. pad the inputs with zeros.
    #       3. lowered = inputs.new_empty(C, KH, KW, N, OH, OW); for every tap, lowered[:, i, j] = the slice of what
    #          it sees, with the axes of images and channels exchanged.
    #       4. reshape to (C·KH·KW, N·OH·OW).
    raise NotImplementedError


# %%
check("inputs_lowering", inputs_lowering)

# %%
# hint("inputs_lowering")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# **See it.** Move the window, and watch its column. Choose a pixel: all its copies light up, in the windows and in the
# matrix. The matrix is your function's; a cell that is wrong is crossed out. Change stride, padding and dilation.

# %%
from lib import views

views.lowering(torch.arange(1, 26).reshape(1, 1, 5, 5), kernel_size=3, lower=inputs_lowering)

# %% [markdown]
# And your prediction of section 1, the shape of the lowered inputs:

# %% tags=["raises-exception"]
reveal("lowering-shape", list(inputs_lowering(torch.ones(4, 3, 8, 8), 3, padding=1).shape))

# %% [markdown]
# ## 5. The price: copies
#
# **Predict.** The lowered inputs of a 32×32 image under a 3×3 kernel, stride 1, padding 1: how many numbers do they hold
# for each number of the image?

# %%
predict("lowering-copies", ...)

# %% tags=["raises-exception"]
picture = torch.ones(1, 1, 32, 32)
reveal("lowering-copies", inputs_lowering(picture, 3, padding=1).numel() // picture.numel())

# %% [markdown]
# Every position makes one column of $K_H K_W$ numbers a channel, so the matrix is
# $K_H K_W \cdot \dfrac{O_H O_W}{H W}$ times as large as the inputs, however many images and channels there are. This is
# the **duplication factor**. A stride lowers it, and a kernel that moves by its own size, without padding or dilation,
# copies each pixel once (if it divides the side):

# %% tags=["raises-exception"]
for k, s, p in ((1, 1, 0), (3, 1, 1), (5, 1, 2), (3, 2, 1), (7, 2, 3), (4, 4, 0)):
    factor = inputs_lowering(picture, k, s, p).numel() / picture.numel()
    print(f"kernel {k}×{k}, stride {s}, padding {p}: {factor:5.2f} times")

# %% [markdown]
# Which pixels pay? Give every pixel its own number, lower, and count how often each number occurs:

# %% tags=["raises-exception"]
import matplotlib.pyplot as plt

plt.style.use("../img/course.mplstyle")
numbered = torch.arange(1, 50).reshape(1, 1, 7, 7)
settings = {"stride 1, padding 1": (1, 1), "stride 2, padding 1": (2, 1), "stride 1, padding 0": (1, 0)}
lowered = [inputs_lowering(numbered, 3, *sizes) for sizes in settings.values()]
figure, panels = plt.subplots(1, 3, figsize=(11, 3.8))
for panel, title, matrix in zip(panels, settings, lowered):
    copies = torch.bincount(matrix.flatten(), minlength=50)[1:]  # number 0 is the padding
    panel.imshow(copies.reshape(7, 7), vmin=0, vmax=9)
    for i, count in enumerate(copies.tolist()):
        panel.text(i % 7, i // 7, count, ha="center", va="center", color="white" if count < 5 else "black")
    panel.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# The copies of each pixel of a 7×7 image under a 3×3 kernel. In the middle of the left picture every pixel stands in
# nine windows; a corner, even with padding, only in four. With stride 2 the counts differ from pixel to pixel.
#
# ## 6. Lift the product back
#
# The product of lowered weights and lowered inputs has shape $(O,\, N \cdot O_H \cdot O_W)$. Say 2 output channels, and
# 2 images of 1×2 positions. Then the rows are channels, and the columns are image 0, then image 1:
#
# $$\left(\begin{array}{cc|cc} 0 & 1 & 2 & 3 \\ 4 & 5 & 6 & 7 \end{array}\right)
# \quad\longrightarrow\quad
# \text{image 0: } \begin{pmatrix} 0 & 1 \end{pmatrix}, \begin{pmatrix} 4 & 5 \end{pmatrix};
# \qquad
# \text{image 1: } \begin{pmatrix} 2 & 3 \end{pmatrix}, \begin{pmatrix} 6 & 7 \end{pmatrix}.$$
#
# The next layer expects images as $(N, O, O_H, O_W)$. A `reshape` to that shape runs, has the right shape, and is wrong:

# %%
torch.arange(8).reshape(2, 4).reshape(2, 2, 1, 2)[0]  # "image 0"


# %% [markdown]
# It mixed the images, for `reshape` never changes the order in which the numbers are read; it only moves the brackets.
#
# **Exercise** `outputs_lifting` · easy · 5 minutes

# %% exercise="outputs_lifting"
def outputs_lifting(outputs: Tensor, batch: int, height: int, width: int) -> Tensor:
    """Fold the matrix that the product gives back into images.

    Parameters
    ----------
    outputs : Tensor, shape (O, N·OH·OW), any dtype
        Columns in (n, oh, ow) order. Is left unchanged.
    batch, height, width : int
        N, OH and OW.

    Returns
    -------
    Tensor, shape (N, O, OH, OW), same dtype

    Raises
    ------
    ValueError
        Where `outputs` does not have two axes.
    """
    # TODO: refuse all but a matrix with axes(outputs, "O, N·OH·OW"). Split the axes as they stand, then exchange two.
    raise NotImplementedError


# %%
check("outputs_lifting", outputs_lifting)


# %%
# hint("outputs_lifting")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# ## 7. The whole convolution
#
# Lower both, multiply, lift. The product is an argument: whoever calls `conv2d` says how to multiply.
#
# **Exercise** `conv2d` · medium · 12 minutes
#
# Again without `F.unfold` and `F.conv2d`, which would leave nothing to do.

# %% exercise="conv2d"
def conv2d(
    inputs: Tensor,
    weights: Tensor,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul,
) -> Tensor:
    """Convolve (in the field's sense: correlate) by lowering, one matrix product, and lifting.

    Parameters
    ----------
    inputs : Tensor, shape (N, C, H, W), any dtype
    weights : Tensor, shape (O, C, KH, KW), same dtype
        Both are left unchanged.
    stride, padding, dilation : int or pair of int
        As in `inputs_lowering`.
    matmul : callable
        Multiplies the two lowered matrices, in the inputs' dtype. It is called once, for the whole batch, and
        nothing else multiplies.

    Returns
    -------
    Tensor, shape (N, O, OH, OW)
        As `torch.nn.functional.conv2d` without bias and groups.

    Raises
    ------
    ValueError
        Where inputs or weights do not have four axes, their channels differ, or as in `output_size`.

    Notes
    -----
    Source: Chetlur et al. (2014), arXiv:1410.0759, which lowers tile by tile instead.
    """
    # TODO: the sizes from axes, as above, and refuse channels that differ. OH and OW from output_size. Then
    # outputs_lifting(matmul(lowered weights, lowered inputs), N, OH, OW).
    raise NotImplementedError


# %%
check("conv2d", conv2d)

# %%
# hint("conv2d")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# Now the convolution runs on lesson 1. Tiles of 16, a rectangle, a batch, every combination of the settings below, and
# the largest difference from `F.conv2d`:

# %% tags=["raises-exception"]
from itertools import product


def tiled(matA, matB):
    """The matrix product of lesson 1, in tiles of 16."""
    return mmul_tiling(matA, matB, t=16)


for dtype in (torch.float32, torch.float64):
    x, w = torch.randn(2, 3, 9, 12, dtype=dtype), torch.randn(4, 3, 3, 2, dtype=dtype)
    grid = list(product((1, 2, (2, 3)), (0, 1, (1, 0)), (1, 2, (1, 3))))  # strides, paddings, dilations
    worst = max((conv2d(x, w, *s, matmul=tiled) - F.conv2d(x, w, None, *s)).abs().max().item() for s in grid)
    print(f"{dtype}, {len(grid)} settings: largest difference {worst:.1e}")

# %% [markdown]
# Not zero, and not a mistake: the two add the same products in another order, and each addition of floating-point
# numbers rounds. float64 rounds $2^{29}$ times more finely. With whole numbers nothing rounds, and the
# order does not matter:

# %% tags=["raises-exception"]
x, w = torch.randint(-9, 10, (2, 3, 9, 12)), torch.randint(-9, 10, (4, 3, 3, 2))
torch.equal(conv2d(x, w, 2, 1, matmul=tiled), F.conv2d(x.double(), w.double(), None, 2, 1).long())

# %% [markdown]
# Does it really run on lesson 1? As there, `spy` counts the products of two tiles.
#
# **Predict.** 2 images of 3 channels, 8×8 pixels, padding 1, and 20 kernels of 3×3: how many products of tiles of side 16?

# %%
predict("lowering-tiles", ...)

# %% tags=["raises-exception"]
from lib.cases import spy

with spy(mmul_tiling, "tmul") as calls:
    conv2d(torch.ones(2, 3, 8, 8), torch.ones(20, 3, 3, 3), padding=1, matmul=tiled)
reveal("lowering-tiles", len(calls))

# %% [markdown]
# The lowered weights are 20×27, the lowered inputs 27×128: that makes
# $\lceil 20/16 \rceil \cdot \lceil 27/16 \rceil \cdot \lceil 128/16 \rceil$ of them. And all that lesson 1 says about the
# words that move holds for convolutions too.
#
# Something to look at: handwritten digits, with two kernels that find edges. The first row shows the digits, the second
# where ink begins (bright) and ends (dark) from left to right, the third the same from top to bottom. Six images, two
# kernels, one matrix product:

# %% tags=["raises-exception"]
from lib.data import load

digits = load("digits").test_x[:6]
across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
edges = conv2d(digits, torch.stack([across, across.T]).unsqueeze(1), padding=1, matmul=tiled)
figure, panels = plt.subplots(3, 6, figsize=(10, 5))
for shown, line in zip((digits[:, 0], edges[:, 0], edges[:, 1]), panels):
    for panel, pixels in zip(line, shown):
        panel.imshow(pixels)
        panel.axis("off")
plt.show()

# %% [markdown]
# ### What does it cost?
#
# Count, then time. The product takes $2 \cdot O \cdot C K_H K_W \cdot N O_H O_W$ operations, exactly those of the
# convolution. Lowering adds no arithmetic at all, only copies. There are several ways to make them:
#
# * **slices**: one for each tap, as you did (or may have done);
# * **a strided view**: memory is a line of numbers, and a tensor is a rule for finding them. In the formula of section 4
#   the place of a number is a sum of multiples of all six indices. That is all a tensor needs. `Tensor.as_strided` makes
#   one of shape `(C, KH, KW, N, OH, OW)` that points into the padded image and copies *nothing*; only the last `reshape`
#   does, in one go;
# * **`F.unfold`**: torch's own im2col, one call into compiled code.
#
# **Predict.** A layer of 64 channels, 56×56 pixels, 3×3 taps: which of the three lowers fastest? Replace the `...` by one
# of these, letter for letter: `"slices"`, `"strided view"`, `"F.unfold"`.

# %%
predict("fastest-lowering", ...)

# %% [markdown]
# They were timed on one thread of one machine, as multiples of `F.conv2d` for the same layer (the course's repository
# has the script, `benchmarks/lowering.py`):

# %%
import json
from pathlib import Path

layers = json.loads(Path("../img/lowering_cost.json").read_text())["layers"]
layer = layers["64×56×56 → 64 3×3, batch 1"]
for name, times in layer["ways"].items():
    print(f"{name:12}: lowering {times['lowering']:.2f}, whole convolution {times['whole']:.2f}")
print(f"the matrix product alone: {layer['product']:.2f}")
reveal("fastest-lowering", min(layer["ways"], key=lambda name: layer["ways"][name]["lowering"]))

# %% [markdown]
# ![Bars for four layers and three ways of lowering: the time of the whole convolution as a multiple of F.conv2d, with the
# part of the lowering hatched. All bars are above 1. In every layer the strided view is lowest or equal to the slices,
# and F.unfold is highest. In the layer of 256 channels the lowering is a small part, in the layer of 8 by 8 pixels a
# large one.](../img/lowering_cost.png)
#
# (Parts and whole were timed separately, so they do not quite add up.) Two things may surprise. Python is not the slow
# part: nine slices copy long runs of numbers, while a compiled loop that goes number by number takes longer. And with
# slices or a view most of the time goes into the product, not into the copies: the product alone takes longer than all
# of `F.conv2d`, whose loops suit this processor better, and which stores no matrix several times the size of the image.
# The lowering weighs most where there is little arithmetic for each copy: few kernels.
#
# Now your own, here, on one thread, as multiples of `F.conv2d`. The last line is slow: as in lesson 1, every product of
# two tiles costs a call from Python.

# %% tags=["raises-exception"]
from timeit import repeat

torch.set_num_threads(1)
x, w = torch.randn(1, 64, 28, 28), torch.randn(64, 64, 3, 3)
runs = {
    "F.conv2d": lambda: F.conv2d(x, w, padding=1),
    "your lowering": lambda: inputs_lowering(x, 3, padding=1),
    "your conv2d": lambda: conv2d(x, w, padding=1),
    "your conv2d, tiles of 64": lambda: conv2d(x, w, padding=1, matmul=lambda a, b: mmul_tiling(a, b, 64)),
}
times = {name: min(repeat(run, number=3, repeat=7)) for name, run in runs.items()}
for name, seconds in times.items():
    print(f"{name:25}: {seconds / times['F.conv2d']:6.2f}")

# %% [markdown]
# ## 8. Stretch: the way back
#
# Training asks: if an output should be a little larger, how should each pixel change? Lowering copies, so a pixel that
# was copied into four windows gets four answers, and by the chain rule they **add up**. The function that does this takes
# a matrix of the lowered shape and adds every entry back onto the pixel it came from. It is called *col2im*, and we call
# it `inputs_raising`. For a 3×3 image, a 2×2 kernel and a matrix of ones, it counts copies:
#
# $$\begin{pmatrix} 1 & 1 & 1 & 1 \\ 1 & 1 & 1 & 1 \\ 1 & 1 & 1 & 1 \\ 1 & 1 & 1 & 1 \end{pmatrix}
# \quad\longrightarrow\quad
# \begin{pmatrix} 1 & 2 & 1 \\ 2 & 4 & 2 \\ 1 & 2 & 1 \end{pmatrix}$$
#
# Lowering $L$ is linear: it is itself a (huge) matrix of zeros and ones that acts on the pixels. What goes back is its
# transpose, the **adjoint** $L^\mathsf{T}$. The two belong together through
# $\langle L x,\, y \rangle = \langle x,\, L^\mathsf{T} y \rangle$ for every image $x$ and matrix $y$, where
# $\langle a, b \rangle$ is the sum of the products of corresponding entries. An adjoint is not an inverse.
#
# **Predict.** Lower a 3×3 image of sevens with a 2×2 kernel, and raise it again. What is in the middle?

# %%
predict("raised-middle", ...)


# %% [markdown]
# **Exercise** `inputs_raising` · hard · 20 minutes
#
# Without `F.fold`, and without asking autograd about torch's own convolution.

# %% exercise="inputs_raising"
def inputs_raising(
    lowered: Tensor,
    input_size: tuple[int, int, int, int],
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
) -> Tensor:
    """Add every entry of a lowered matrix back onto the pixel it came from (col2im).

    This is the adjoint of `inputs_lowering`: for every x and y of fitting shapes,
    (inputs_lowering(x) · y).sum() = (x · inputs_raising(y)).sum().

    Parameters
    ----------
    lowered : Tensor, shape (C·KH·KW, N·OH·OW), of a floating dtype
        Rows in (c, kh, kw) order, columns in (n, oh, ow) order. Is left unchanged.
    input_size : tuple of four int
        (N, C, H, W), the shape of the result.
    kernel_size, stride, padding, dilation : int or pair of int
        As in `inputs_lowering`.

    Returns
    -------
    Tensor, shape (N, C, H, W), same dtype
        Each pixel is the sum of its copies; what lies on the padding is dropped.

    Raises
    ------
    ValueError
        Where `lowered` has another shape than these sizes give, or as in `output_size`.
    """
    # TODO: the sizes as in inputs_lowering; refuse a lowered matrix of any other shape than they give. Split its axes
    # again, into (C, KH, KW, N, OH, OW). Start from a padded image of zeros (lowered.new_zeros), and for every tap add
    # what it saw, at the slice where it saw it. Cut the padding off.
    raise NotImplementedError


# %%
check("inputs_raising", inputs_raising)

# %%
# hint("inputs_raising")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
sevens = torch.full((1, 1, 3, 3), 7.0)
there_and_back = inputs_raising(inputs_lowering(sevens, 2), (1, 1, 3, 3), 2)
reveal("raised-middle", int(there_and_back[0, 0, 1, 1]))

# %% [markdown]
# The rule for adjoints, on numbers drawn at random. Each pair agrees, up to rounding:

# %% tags=["raises-exception"]
for stride, padding, dilation in ((1, 0, 1), (2, 1, 1), (1, (0, 2), (2, 1))):
    x = torch.randn(2, 3, 7, 9, dtype=torch.float64)
    lowered = inputs_lowering(x, 3, stride, padding, dilation)
    y = torch.randn_like(lowered)
    raised = inputs_raising(y, x.shape, 3, stride, padding, dilation)
    print((lowered * y).sum().item(), (x * raised).sum().item())

# %% [markdown]
# With it, everything that training needs from a convolution is a matrix product. Let $\hat W$ be the lowered weights,
# $\hat X$ the lowered inputs, and $G$ the gradient of the loss with respect to their product $\hat W \hat X$. Then
# the gradient with respect to the weights is $G \hat X^\mathsf{T}$, and with respect to the inputs $L^\mathsf{T}(\hat W^\mathsf{T} G)$.
# Against autograd:

# %% tags=["raises-exception"]
x = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
w = torch.randn(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)
output = F.conv2d(x, w, stride=2, padding=1)
upstream = torch.randn_like(output)
output.backward(upstream)
with torch.no_grad():
    G = upstream.transpose(0, 1).reshape(4, -1)  # outputs_lifting, undone
    for_weights = (G @ inputs_lowering(x, 3, 2, 1).T).reshape(w.shape)
    for_inputs = inputs_raising(weight_lowering(w).T @ G, x.shape, 3, 2, 1)
torch.allclose(for_weights, w.grad), torch.allclose(for_inputs, x.grad)

# %% [markdown]
# The line `for_inputs = …` is also what a *transposed convolution* computes, the layer that enlarges images. (With
# stride 2 a 7×7 and an 8×8 image both give outputs of 4×4, so `F.conv_transpose2d` has to be told which one to make:
# here with `output_padding=1`. `inputs_raising` is told by `input_size`.)
#
# ## What was left out
#
# * **No library stores the whole lowered matrix** if it can help it. Chetlur et al. lower one tile at a time, just before
#   it is multiplied (lesson 1, with the lowering inside the loop). Georganas et al. and Zhang et al. do not lower at all,
#   and beat it with loops that fit the processor. Dukhan keeps a table of pointers instead of copies.
# * **Fewer multiplications.** For 3×3 kernels Lavin and Gray trade multiplications for additions (Winograd's algorithms);
#   for large kernels there is the Fourier transform.
# * **Layer options.** A bias is one addition a channel. `groups` splits the channels into several smaller products.
#   Padding with the edge or the mirror image changes only the padding line. With the channels last in memory the rows
#   are better ordered $(k_h, k_w, c)$: any order will do, as long as weights and inputs have the same.
#
# An extra for the curious: write `inputs_lowering` again with `as_strided`, and let `check` judge it.
#
# **Further reading**
#
# * K. Chellapilla, S. Puri, P. Simard. *High performance convolutional neural networks for document processing.* Tenth
#   International Workshop on Frontiers in Handwriting Recognition, La Baule 2006. The origin of lowering.
# * V. Dumoulin, F. Visin. *A guide to convolution arithmetic for deep learning.* arXiv:1603.07285, 2016. Sizes,
#   strides and transposed convolutions, in pictures; section 5.1 has `output_size`.
# * S. Chetlur et al. *cuDNN: efficient primitives for deep learning.* arXiv:1410.0759, 2014.
# * A. Lavin, S. Gray. *Fast algorithms for convolutional neural networks.* CVPR 2016, arXiv:1509.09308.
# * E. Georganas et al. *Anatomy of high-performance deep learning convolutions on SIMD architectures.* SC18, 2018,
#   arXiv:1808.05567.
# * J. Zhang, F. Franchetti, T. M. Low. *High performance zero-memory overhead direct convolutions.* ICML 2018,
#   arXiv:1809.10170.
# * M. Dukhan. *The indirect convolution algorithm.* arXiv:1907.02129, 2019.
#
# Next: lesson 3 makes rounding, whose gradient is zero, pass a gradient on anyway.

# %%
progress()
