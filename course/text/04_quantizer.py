# %% [markdown]
# # Lesson 4 · The quantizer
#
# A network's numbers are 32-bit floats. Most of those bits are wasted: a weight stored as one of 16 values often works
# as well, takes an eighth of the memory, and can be multiplied by a small integer circuit. **Quantization** replaces
# each number by the nearest point of a coarse grid. This lesson builds the quantizer of the lab notes that the course
# grew from, bit for bit, then takes it apart. It has six flaws. You will see and count five of them before you mend
# them; the sixth your own code mends from the start, and you will see what it would have done.
#
# ![Left: the staircase of a 3-bit quantizer with range 2. Eight levels from −2 to 1.5 carry the codes −4 to 3; inputs
# above 1.75 are clamped to the top level, and a band marks them. Right: a histogram of values, with eight vertical
# lines on it where the levels lie.](../img/quantizer.png)
#
# You will write
#
# * `sqnr`, which measures in decibels what quantization costs;
# * `Quantizer`, the notes' quantizer, with its state where it belongs;
# * the mends: `affine_parameters` and `fake_quantize` (every code used), `channel_scale` (a grid for each channel),
#   `mse_scale` (the best place to clip);
# * as a stretch, `LearnedStep`, a grid that is trained with the weights.
#
# **What it assumes**: `roundpass` and `scale_gradient` of lesson 3 (they are imported here), modules and autograd of
# PyTorch. **Time**: about 140 minutes; the minutes beside each exercise are an estimate.
#
# **How it works**: run the cells from the top with Shift + Enter. Where a cell says `TODO`, replace the line
# `raise NotImplementedError` by your code, run the cell, then run the `check` below it. An exercise left open stops
# nothing: go on reading and come back.

# %% tags=["setup"]
import math

import torch
from torch import Tensor, nn

from lib.check import check, hint, predict, progress, reveal
from lib.codes import code_range
from lib.ste import roundpass, scale_gradient

# %% [markdown]
# ## 1. What it is, by hand
#
# To quantize a real number is to write it as an integer, and to say how to get back. The symbols:
#
# | symbol | name | meaning |
# |---|---|---|
# | $x$ | input | a real number: a weight or an activation |
# | $b$ | bits | how many bits a code has |
# | $q$ | code | the integer that stands for $x$ |
# | $Q_n, Q_p$ | code range | smallest and largest code; signed, $-2^{b-1}$ and $2^{b-1}-1$ |
# | $\Delta$ | step | distance between two neighbouring levels (also called the scale) |
# | $o$ | offset | the level of code 0 |
# | $\hat x$ | level | the real number that the code stands for |
#
# Count in steps from the offset, round to the nearest integer, clamp to the codes there are; then go back:
#
# $$q = \mathrm{clamp}\!\left(\left\lfloor \frac{x - o}{\Delta} \right\rceil,\; Q_n,\; Q_p\right),
# \qquad \hat x = \Delta\, q + o .$$
#
# ($\lfloor \cdot \rceil$ rounds to the nearest integer; halves go to the even one, as in `torch.round`.)
# The notes choose the step from the **range** $\alpha = \max |x|$: they cut $[-\alpha, \alpha]$ into $2^b$ equal steps,
#
# $$\Delta = \frac{2\alpha}{2^b}.$$
#
# Take three bits, $Q_n = -4$ and $Q_p = 3$, no offset, and this matrix:

# %%
x = torch.tensor([[-2.0, -1.4, -0.6], [0.1, 0.0, 0.4], [0.6, 1.4, 2.0]])
code_range(3)

# %% [markdown]
# Its largest magnitude is $\alpha = 2$, so $\Delta = 2 \cdot 2 / 8 = 0.5$. In steps the matrix is
#
# $$\frac{x}{\Delta} = \begin{pmatrix} -4 & -2.8 & -1.2 \\ 0.2 & 0 & 0.8 \\ 1.2 & 2.8 & 4 \end{pmatrix},
# \qquad q = \begin{pmatrix} -4 & -3 & -1 \\ 0 & 0 & 1 \\ 1 & 3 & 3 \end{pmatrix}.$$
#
# The last 4 has no code: it is clamped to 3. The codes as torch sees them, and the levels they stand for:

# %%
codes = torch.clamp(torch.round(x / 0.5), -4, 3)
codes

# %%
codes * 0.5

# %% [markdown]
# The difference $x - \hat x$ has two sources. Inside the grid it is a **rounding error**, at most $\Delta/2$; outside
# it is a **clipping error**, which grows with the distance to the last level:

# %%
x - codes * 0.5


# %% [markdown]
# ## 2. What it costs
#
# One number for the whole tensor: the power of the signal over the power of the error, on a logarithmic scale. It is
# the *signal-to-quantization-noise ratio*,
#
# $$\mathrm{SQNR} = 10 \log_{10} \frac{\sum x^2}{\sum (x - \hat x)^2} \quad \text{decibels (dB)}.$$
#
# 10 dB more means a tenth of the noise power; 20 dB, a hundredth.
#
# **Exercise** `sqnr` · easy · 5 minutes

# %% exercise="sqnr"
def sqnr(x: Tensor, x_hat: Tensor) -> float:
    """Signal-to-quantization-noise ratio, 10·log10(Σ x² / Σ (x − x̂)²), in decibels.

    Parameters
    ----------
    x, x_hat : Tensor, same shape, floating point
        A tensor and its quantized version. Are not changed.

    Returns
    -------
    float
        Infinite where the two are equal, zeros included; minus infinity where `x` alone is all zeros.
    """
    # TODO: the sum of the squares of x over that of the error; then 10·log10 of it, or math.inf without an error.
    raise NotImplementedError


# %%
check("sqnr", sqnr)

# %%
# hint("sqnr")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
sqnr(x, codes * 0.5)

# %% [markdown]
# ## 3. The notes' quantizer
#
# Now as a module, since it remembers something: the **first** input it sees fixes $\alpha$, and every later input is
# quantized on that grid. With `always_pos` the offset is $\alpha$ instead of 0, for activations after a ReLU.
#
# * Rounding is straight-through (`roundpass`), so a gradient passes. `torch.clamp` stops it where it clamps.
# * $\alpha$ is a constant: no gradient flows into it, so it is taken from `x.detach()`.
# * $\alpha$ belongs to the model, so it has to be saved with it: a **buffer** (`self.register_buffer`) is a tensor that
#   travels in `state_dict` and is not trained.
# * An all-zero input would make the step 0, and $0/0$ is NaN. Zeros come back as zeros and fix nothing: the first
#   input that is not all zeros sets $\alpha$.
# * Bad `bits`, and inputs with a NaN or an infinity, are refused with a `ValueError`. For the bits, `code_range(bits)`
#   does that for you, and gives $Q_n$ and $Q_p$.
#
# Later lessons and the checks compare your quantizer **bit for bit** in float32, so keep the order of the operations:
# $(x - o) / \Delta$, round, clamp, $\cdot\,\Delta$, $+\,o$. Multiplying by $1/\Delta$ instead of dividing gives
# another code now and then: with 3 bits and $\alpha = 2.1$, the number 1.3125 is 2.5 steps when divided and gets the
# even code 2; multiplied, it comes out a little above 2.5 and gets code 3.
#
# **Predict.** A quantizer with 3 bits has seen the matrix above. What does it make of a second input, 100.0? Replace
# the `...` by your number, and run the cell.

# %%
predict("second-input", ...)


# %% [markdown]
# **Exercise** `Quantizer` · medium · 20 minutes

# %% exercise="Quantizer"
class Quantizer(nn.Module):
    """The notes' quantizer: a uniform grid whose range is fixed by the first input.

    With α = max|x| of the first input that is not all zeros, step = 2·α / 2^bits and
    off = α if `always_pos` else 0, returns clamp(round((x − off) / step), Qn, Qp)·step + off.
    Rounding is straight-through; α is a constant for the gradient. The input is not changed.

    Parameters
    ----------
    bits : int
        From 2 to 16; `code_range(bits)` gives Qn and Qp.
    always_pos : bool
        Shift the grid up by α, for inputs that are never negative.

    Attributes
    ----------
    alpha, calibrated : 0-d buffers
        The range and whether it is fixed. As buffers they are part of `state_dict`.

    Raises
    ------
    ValueError
        If `bits` is out of range, or an input holds NaN or an infinity.
    """

    def __init__(self, bits: int = 8, always_pos: bool = False):
        super().__init__()
        # TODO: keep what forward needs; register the two buffers.
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        # TODO: refuse what is not finite; until calibrated set alpha (zeros do not calibrate); then the formula.
        raise NotImplementedError


# %%
check("Quantizer", Quantizer)

# %%
# hint("Quantizer")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
q = Quantizer(bits=3)
q(x)
reveal("second-input", q(torch.tensor(100.0)).item())

# %% [markdown]
# **See it.** Four channels of weights fall on a grid; the error splits into a rounding part and a clipping part. Cells
# where your class gives another value are crossed out. Move the range: where is the sum of the two smallest? Then try an
# outlier, and a grid for each channel. You will come back to both.

# %%
torch.manual_seed(0)
normal = torch.randn(10_000)  # serves as data from here on

# %% tags=["raises-exception"]
from lib import views

layer = normal[:288].reshape(4, 72) * torch.tensor([[0.1], [0.15], [0.2], [0.45]])
views.quantizer(layer, bits=4, quantize=Quantizer)

# %% [markdown]
# ### Six decibels a bit
#
# Inside the grid the error is spread evenly over $[-\Delta/2, \Delta/2]$, if the grid is fine. Its mean square is then
# $\Delta^2/12$. One bit more halves $\Delta$.
#
# **Predict.** By how many decibels does one more bit raise the SQNR? (One decimal.)

# %%
predict("decibels-a-bit", ...)

# %% tags=["raises-exception"]
uniform = torch.rand(10_000) * 2 - 1
fine, finer = (sqnr(uniform, Quantizer(bits=b)(uniform)) for b in (10, 11))
reveal("decibels-a-bit", round(finer - fine, 2), rtol=0.05)

# %% [markdown]
# A quarter of the noise power is $10 \log_{10} 4 \approx 6.02$ dB. For numbers spread evenly over $[-\alpha, \alpha]$
# the signal power is $\alpha^2/3$, and everything cancels: $\mathrm{SQNR} = 10\log_{10} 4^b \approx 6.02\,b$. Normal
# numbers have the same slope, but lie lower: their $\alpha$ is set by the rare large ones, and most live near 0 where
# few levels are.

# %% tags=["raises-exception"]
import matplotlib.pyplot as plt

plt.style.use("../img/course.mplstyle")
bits = range(2, 11)
for name, data, mark in (("uniform", uniform, "o"), ("normal", normal, "s")):
    plt.plot(bits, [sqnr(data, Quantizer(bits=b)(data)) for b in bits], mark + "-", label=name)
plt.plot(bits, [6.02 * b for b in bits], "k--", label="6.02 dB a bit")
plt.xlabel("bits")
plt.ylabel("SQNR (dB)")
plt.legend()
plt.show()

# %% [markdown]
# At the left the uniform points lie **below** the line. Something costs more than rounding there. It is one of the
# flaws that come next. The picture shows four of them. (In the lesson its bottom right comes before its
# bottom left.)
#
# ![Four flaws. Codes that are never used: with always_pos three of the eight levels lie above the largest value.
# Clipped maximum: the staircase is flat at the top end of the range, where no gradient passes. Outliers: one far value
# stretches the grid so that three levels serve nearly all values. One grid for all channels: a channel of small values
# falls on a single level.](../img/quantizer_flaws.png)

# %% [markdown]
# ## 4. Flaw one: codes that nothing uses
#
# With `always_pos` the grid is shifted up by $\alpha$. Its levels are $\alpha + \Delta q$ for $q$ from $Q_n$ to $Q_p$.
# But the values lie in $[0, \alpha]$.
#
# **Predict.** With 4 bits there are 16 codes. How many of them are met by values spread over $[0, \alpha]$?

# %%
predict("codes-used", ...)

# %% tags=["raises-exception"]
positive = torch.linspace(0, 1, 10_001)
reveal("codes-used", len(Quantizer(bits=4, always_pos=True)(positive).unique()))

# %% [markdown]
# The codes $Q_n$ to 0 stand for 0 to $\alpha$; all positive codes stand for values above $\alpha$, which do not occur.
# That is $2^{b-1} + 1$ levels of $2^b$, whatever the bits:

# %% tags=["raises-exception"]
for b in range(2, 9):
    met = Quantizer(bits=b, always_pos=True)(positive).unique()
    print(f"{b} bits: {len(met):3} of {2**b:3} levels met")


# %% [markdown]
# ### Mend: an affine grid
#
# Give the lowest value code 0 and the highest value code $2^b - 1$ (up to a rounding that will come). Between them lie
# $2^b - 1$ gaps, each a step that is now called the **scale** $s$. Where the grid lies is no longer said by the level
# $o$ of code 0, but by the code of the value 0: an integer $z$, the **zero point** (so that $o = -s\,z$):
#
# $$s = \frac{\text{high} - \text{low}}{2^b - 1}, \qquad
# z = \left\lfloor \frac{-\text{low}}{s} \right\rceil, \qquad
# q = \mathrm{clamp}\!\left(\left\lfloor \frac{x}{s} \right\rceil + z,\; 0,\; 2^b - 1\right), \qquad
# \hat x = s\,(q - z).$$
#
# Why an integer? Then $x = 0$ has exactly the code $z$ and comes back as exactly 0. Zeros are everywhere in a network
# (padding, ReLU), and an error there would be the same error again and again. So the range must hold 0: a range from
# 1 to 7 is first widened to 0 to 7. By hand, 3 bits and the range $[-1, 2.5]$: $s = 3.5/7 = 0.5$ and $z = 1/0.5 = 2$,
# so that $-1$ has code 0, zero has code 2, and $2.5$ has code 7.
#
# **Exercise** `affine_parameters` · easy · 10 minutes

# %% exercise="affine_parameters"
def affine_parameters(low: float, high: float, bits: int) -> tuple[float, int]:
    """Scale and zero point that spread the codes 0 … 2^bits − 1 over [low, high].

    The range is first widened to hold 0, so that 0 has a code of its own: the zero point, to which
    −`low` / scale is rounded. A range of nothing but 0 gets scale 1.

    Parameters
    ----------
    low, high : float
        Least and largest value; low ≤ high.
    bits : int
        From 2 to 16.

    Returns
    -------
    scale : float
        Distance between neighbouring levels; positive.
    zero_point : int
        The code of 0, from 0 to 2^bits − 1.

    Raises
    ------
    ValueError
        If `bits` is out of range, an end is not finite, or low > high.

    Notes
    -----
    Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", CVPR 2018, section 2.1: real = scale · (code − zero_point).
    """
    # TODO: refuse bad ends (code_range refuses bad bits); widen; return the scale and the zero point.
    raise NotImplementedError


# %%
check("affine_parameters", affine_parameters)


# %%
# hint("affine_parameters")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# Next the formula itself, as a function that everything below uses. It is called *fake* quantization: what comes out
# are floats, but only floats that have a code. (Torch has such a function, with which yours will be compared below.
# Write the steps yourself: `check` refuses torch's own.)
#
# **Exercise** `fake_quantize` · easy · 10 minutes

# %% exercise="fake_quantize"
def fake_quantize(x: Tensor, scale: Tensor | float, zero_point: Tensor | int, qmin: int, qmax: int) -> Tensor:
    """Round to the nearest level (code − zero_point)·scale, for the codes qmin … qmax.

    code = clamp(round(x / scale) + zero_point, qmin, qmax), with a straight-through gradient: 1 where
    the rounded code lies in the range, 0 where it was clamped.

    Parameters
    ----------
    x : Tensor, floating point
        Is not changed.
    scale, zero_point : Tensor or number
        Anything that broadcasts against `x`: one number for all of it, or one a channel. A tensor of scales
        has the dtype of `x`.
    qmin, qmax : int
        Smallest and largest code.

    Returns
    -------
    Tensor, shape and dtype of `x`

    Notes
    -----
    The formula of `torch.fake_quantize_per_tensor_affine`; write it out, without a call of torch's own
    quantization. Krishnamoorthi 2018, arXiv:1806.08342, section 2.
    """
    # TODO: codes with roundpass and torch.clamp; then back to the scale of x.
    raise NotImplementedError


# %%
check("fake_quantize", fake_quantize)

# %%
# hint("fake_quantize")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# The same count again, and what the codes are worth on real activations: normal numbers after a ReLU.

# %% tags=["raises-exception"]
relu = normal.relu()
for b in (2, 3, 4, 8):
    top = 2**b - 1
    met = fake_quantize(positive, *affine_parameters(0, 1, b), 0, top).unique()
    before = sqnr(relu, Quantizer(bits=b, always_pos=True)(relu))
    after = sqnr(relu, fake_quantize(relu, *affine_parameters(0, relu.max().item(), b), 0, top))
    print(f"{b} bits: {len(met):3} of {2**b:3} levels met; {before:4.1f} dB became {after:4.1f} dB")

# %% [markdown]
# From 4 bits on nearly twice as many levels on the same range: about one bit, about six decibels, for nothing. With 2
# and 3 bits there is less to win, since 3 levels of 4 and 5 of 8 were in use before.
#
# PyTorch has the same function in compiled code. Yours must agree with it, values and gradient:

# %% tags=["raises-exception"]
scale, zero_point = affine_parameters(normal.min().item(), normal.max().item(), 4)
mine, theirs = normal.clone().requires_grad_(), normal.clone().requires_grad_()
a = fake_quantize(mine, scale, zero_point, 2, 13)  # fewer codes than the range needs: some values are clamped
b = torch.fake_quantize_per_tensor_affine(theirs, scale, zero_point, 2, 13)
a.sum().backward(), b.sum().backward()
print(f"{(theirs.grad == 0).sum()} values clamped")
print(f"largest difference: values {(a - b).abs().max():.1e}, gradients {(mine.grad - theirs.grad).abs().max():.1e}")

# %% [markdown]
# Must it always? Not where a value lies exactly half-way between two levels. Torch multiplies by $1/s$ instead of
# dividing by $s$, and the last digit then decides between two codes that are equally near:

# %% tags=["raises-exception"]
halves = (torch.arange(255) + 0.5) * 0.013
a = fake_quantize(halves, 0.013, 0, 0, 255)
b = torch.fake_quantize_per_tensor_affine(halves, 0.013, 0, 0, 255)
print(f"{(a - b).abs().gt(0.0065).sum()} of 255 half-way values got another code")

# %% [markdown]
# Remember this when you compare codes between two programs: it is a difference, and nobody made a mistake.
#
# ## 5. Flaw two: the largest value has no gradient
#
# $[-\alpha, \alpha]$ has $2^b$ steps, and so $2^b + 1$ level lines; there are only $2^b$ codes. The one that is missing
# is $+\alpha$ itself. Values above $\alpha - \Delta/2$ are clamped to $\alpha - \Delta$, and get no gradient: the
# largest weight can be wrong and will never be told so. How much of the range is that?

# %% tags=["raises-exception"]
for b in (2, 3, 4, 8):
    line = torch.linspace(-1, 1, 100_001, requires_grad=True)
    Quantizer(bits=b)(line).sum().backward()
    print(f"{b} bits: {100 * (line.grad == 0).float().mean():5.2f} % of the range without gradient")

# %% [markdown]
# Half a step of $2^b$ steps, $2^{-(b+1)}$. Here it is for 2 bits, and with it the reason why the uniform points lay
# below the line:

# %% tags=["raises-exception"]
line = torch.linspace(-1, 1, 2001, requires_grad=True)
out = Quantizer(bits=2)(line)
out.sum().backward()
plt.plot(line.detach(), out.detach(), label="value")
plt.plot(line.detach(), line.grad, "--", label="gradient")
plt.axvspan(0.75, 1, color="0.85", label="clamped")
plt.xlabel("x, with α = 1")
plt.legend()
plt.show()

# %% [markdown]
# ### Mend: let the largest magnitude fall on the largest code
#
# Choose the scale so that $\alpha$ *is* a level: $s = \alpha / Q_p$ instead of $\alpha / 2^{b-1}$. Zero keeps code 0,
# and the grid is symmetric (the code $Q_n$ is then never met; that is the price). While we are at it we mend
# another flaw.
#
# ## 6. Flaw three: one grid for all channels
#
# The output channels of a layer are separate filters, and one may be thirty times larger than another. Here is a layer
# of 16 channels like that, quantized with 4 bits on one grid; the SQNR of each channel:

# %% tags=["raises-exception"]
sizes = torch.logspace(-1.5, 0, 16).unsqueeze(1)
weights = torch.randn(16, 64) * sizes
shared = Quantizer(bits=4)(weights)  # one grid for all of them
print(*(f"{sqnr(w, w_hat):.1f}" for w, w_hat in zip(weights, shared)), "dB")


# %% [markdown]
# The small channels are at or near 0 dB: nothing is left of them. The whole layer's SQNR would not tell, since the large
# channels dominate it. A scale for each channel costs one number a channel, and nothing else: it multiplies the
# channel's output, after the sum.
#
# **Exercise** `channel_scale` · medium · 10 minutes
#
# The result must broadcast against the weights: for weights of shape $(O, C, K_H, K_W)$ and axis 0, shape
# $(O, 1, 1, 1)$.

# %% exercise="channel_scale"
def channel_scale(weights: Tensor, bits: int, axis: int = 0) -> Tensor:
    """One symmetric scale for each channel: its largest magnitude falls on the largest code.

    Parameters
    ----------
    weights : Tensor, floating point, at least two dimensions
        Is not changed.
    bits : int
        From 2 to 16; the codes are signed.
    axis : int
        The dimension that counts the channels, from 0 on.

    Returns
    -------
    Tensor, dtype of `weights`
        max|w| / (2^(bits−1) − 1) of each channel, with size 1 in every other dimension so that it
        broadcasts against `weights`; 1 for a channel of zeros.

    Raises
    ------
    ValueError
        If `bits` is out of range.

    Notes
    -----
    Krishnamoorthi 2018, arXiv:1806.08342, section 2.
    """
    # TODO: the largest magnitude over all dimensions but `axis`, divided by the largest code.
    raise NotImplementedError


# %%
check("channel_scale", channel_scale)

# %%
# hint("channel_scale")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
shared = fake_quantize(weights, weights.abs().max() / 8, 0, *code_range(4))  # as Quantizer(bits=4) has it
own = fake_quantize(weights, channel_scale(weights, 4), 0, *code_range(4))
plt.plot([sqnr(w, h) for w, h in zip(weights, shared)], "o-", label="one grid")
plt.plot([sqnr(w, h) for w, h in zip(weights, own)], "s-", label="a grid for each channel")
plt.xlabel("channel, from the smallest to the largest")
plt.ylabel("SQNR (dB), 4 bits")
plt.legend()
plt.show()

# %% [markdown]
# Every channel keeps its numbers now. (The largest may come out a little lower than before: $\alpha/Q_p$ is a longer
# step than $\alpha/2^{b-1}$.) And is the largest weight of a channel alive? Section 5 counted along a line; count
# weights now, on a grid for each channel, with the notes' step and with the new one:

# %% tags=["raises-exception"]
longest = channel_scale(weights, 4)
for name, step in (("notes, α/8", longest * 7 / 8), ("mended, α/7", longest)):
    w = weights.clone().requires_grad_()
    fake_quantize(w, step, 0, *code_range(4)).sum().backward()
    print(f"{name:11}: {(w.grad == 0).sum():2} of {w.numel()} weights without gradient")

# %% [markdown]
# ## 7. Flaw four: one outlier ruins the grid
#
# $\alpha$ is a maximum, and a maximum depends on a single number. Put one value of $10\sigma$ among ten thousand normal
# ones ($\sigma$, the standard deviation, is 1). Their own largest magnitude:

# %%
normal.abs().max()

# %% [markdown]
# **Predict.** How many decibels does the outlier cost at 4 bits? (How much wider does the grid become? Twice as wide
# would be one bit.)

# %%
predict("outlier-cost", ...)

# %% tags=["raises-exception"]
outlier = torch.cat([normal, torch.tensor([10.0])])
clean, spoiled = (sqnr(data, Quantizer(bits=4)(data)) for data in (normal, outlier))
reveal("outlier-cost", round(clean - spoiled, 1), rtol=0.1)

# %% [markdown]
# The step grows by the ratio of the two maxima, and the noise power by its square. In decibels that is
# $10 \log_{10}$ of the square, or $20 \log_{10}$ of the ratio:

# %%
20 * math.log10(10 / normal.abs().max())

# %% [markdown]
# ### Mend: clip on purpose
#
# A grid that ends *before* the maximum clips the few largest values, but its step is smaller for all the others. The
# mean squared error is the sum of both parts:

# %% tags=["raises-exception"]
ends = torch.linspace(0.5, 10, 96)
errors = [(fake_quantize(outlier, end / 7, 0, -8, 7) - outlier).square() for end in ends]
inside = [e[outlier.abs() <= end].sum() / outlier.numel() for e, end in zip(errors, ends)]
outside = [e[outlier.abs() > end].sum() / outlier.numel() for e, end in zip(errors, ends)]
plt.semilogy(ends, inside, "--", label="rounding, inside the grid")
plt.semilogy(ends, outside, ":", label="clipping, outside")
plt.semilogy(ends, [e.mean() for e in errors], label="sum: mean squared error")
plt.ylim(1e-4, 1)
plt.xlabel("where the 4-bit grid ends (largest code · scale)")
plt.legend()
plt.show()


# %% [markdown]
# The best end lies far below the maximum. There is no formula for it that holds for all data, but a search is cheap.
# This curve has one dip. With fewer bits, or fewer numbers beside the outlier, it can have several, so try many scales
# rather than walk downhill from one.
#
# **Exercise** `mse_scale` · medium · 20 minutes
#
# Any search is right that comes within 5 % of the least error of all scales up to $\max|x| / Q_p$.

# %% exercise="mse_scale"
def mse_scale(x: Tensor, bits: int, signed: bool = True) -> Tensor:
    """The scale at which quantizing `x` costs the least mean squared error, as near as a search finds it.

    Parameters
    ----------
    x : Tensor, floating point
        Is not changed.
    bits : int
        From 2 to 16.
    signed : bool
        Which codes: see `code_range`. The zero point is 0.

    Returns
    -------
    0-d Tensor, dtype of `x`
        Positive; 1 where `x` is all zeros.

    Raises
    ------
    ValueError
        If `bits` is out of range.

    Notes
    -----
    A scale above max|x| / (largest code) is seldom better, but it can be: with 3 bits the numbers 1 and 2
    cost nothing at scale 1, and max|x| / 3 is 2/3. Nagel et al. 2021, arXiv:2106.08295, section 3.1.
    """
    # TODO: try scales from max|x| / qmax down to a small fraction of it; return the one with the least error.
    raise NotImplementedError


# %%
check("mse_scale", mse_scale)

# %%
# hint("mse_scale")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
for b in (2, 3, 4, 8):
    mended = fake_quantize(outlier, mse_scale(outlier, b), 0, *code_range(b))
    print(f"{b} bits: {sqnr(outlier, Quantizer(bits=b)(outlier)):4.1f} dB became {sqnr(outlier, mended):4.1f} dB")

# %% [markdown]
# With 2, 3 and 4 bits clipping is worth eight to ten decibels. With 8 bits there are levels enough to reach the
# outlier, and the best grid hardly clips at all. Even without an outlier, the normal numbers gain:

# %% tags=["raises-exception"]
for b in (2, 3, 4, 8):
    mended = fake_quantize(normal, mse_scale(normal, b), 0, *code_range(b))
    print(f"{b} bits: {sqnr(normal, Quantizer(bits=b)(normal)):4.1f} dB became {sqnr(normal, mended):4.1f} dB")


# %% [markdown]
# ## 8. Flaws five and six: a grid that never moves, and one that is forgotten
#
# The first input fixes $\alpha$ for good. Weights do not stand still: training moves them. Here a small layer learns to
# do what a *teacher* layer does, while the loss sees its weights only through a quantizer with 4 bits. It starts from
# small weights, as layers do:

# %%
def train(quantizer, steps=300):
    """Fit 32×8 weights, seen through a quantizer, to those of a teacher; return the weights and all losses."""
    g = torch.Generator().manual_seed(0)
    inputs, teacher = torch.randn(512, 32, generator=g), torch.randn(32, 8, generator=g)
    weights = (0.05 * torch.randn(32, 8, generator=g)).requires_grad_()
    quantizer(weights)  # the first input
    optimizer, losses = torch.optim.Adam([weights, *quantizer.parameters()], lr=0.02), []
    for _ in range(steps):
        loss = (inputs @ quantizer(weights) - inputs @ teacher).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return weights.detach(), losses


# %% tags=["raises-exception"]
frozen = Quantizer(bits=4)
trained, losses = train(frozen)
print(f"range {frozen.alpha:.3f}; {(trained.abs() > frozen.alpha).float().mean():.0%} of the weights lie outside it")
print(f"loss {losses[0]:.1f} at the start, {losses[-1]:.1f} at the end")

# %% [markdown]
# The weights wandered out of the grid, got no gradient there, and stayed. Next to nothing was learned.
#
# The sixth flaw was in the notes' code only, because they kept $\alpha$ in a plain attribute. Your buffers have mended
# it already. To see what it did, load a saved quantizer properly, and then do as the notes did, where a reloaded model
# starts afresh and calibrates on whatever comes first:

# %% tags=["raises-exception"]
loaded, forgetful = Quantizer(bits=4), Quantizer(bits=4)
loaded.load_state_dict(frozen.state_dict())
forgetful(torch.tensor([100.0]))  # the first batch after loading happens to hold a large value
probe = torch.tensor([0.1, -0.03])
print("before saving", frozen(probe).tolist())
print("loaded       ", loaded(probe).tolist())
print("forgotten    ", forgetful(probe).tolist())


# %% [markdown]
# ### Mend: learn the step
#
# Why decide on a step at all, when there is a gradient? Let $\Delta$ be a parameter. With $v = x/\Delta$,
#
# $$\hat x = \lfloor \mathrm{clamp}(v, Q_n, Q_p) \rceil \cdot \Delta, \qquad
# \frac{\partial \hat x}{\partial \Delta} =
# \begin{cases} \lfloor v \rceil - v & \text{if } Q_n < v < Q_p, \\
# Q_n & \text{if } v \le Q_n, \\ Q_p & \text{if } v \ge Q_p. \end{cases}$$
#
# Read it: a clipped value pulls on the step with its whole code, so a grid that has become too small is told to grow. A
# value inside pulls by its rounding error. This is LSQ, *learned step size quantization* (Esser et al., 2020). You need
# not program the derivative: clamp **first**, then round straight-through, then multiply by the step, and autograd does
# the rest. (Rounding first, as `Quantizer` does, gives the same values, but another gradient up to half a code
# beyond $Q_n$ and $Q_p$. And exactly at $Q_n$ or $Q_p$, where the formula takes the lower lines, `torch.clamp` counts $v$ as
# inside.)
#
# One more thing. All $N$ values pull on one step, so its gradient is far too large beside that of each weight. The paper
# multiplies it by $1/\sqrt{N Q_p}$: `scale_gradient(step, factor)` of lesson 3 does that, and leaves the step as it is
# on the way forward. (For weights, $N$ counts all of them. For activations the paper counts the features of the layer;
# your class counts all elements of $x$ in either case.) To start, the paper takes
# $\Delta = 2 \cdot \mathrm{mean}|x| / \sqrt{Q_p}$.
#
# **Exercise** `LearnedStep` · stretch · 25 minutes

# %% exercise="LearnedStep"
class LearnedStep(nn.Module):
    """A quantizer that learns its step with the weights (LSQ).

    Returns round(clamp(x / step, Qn, Qp))·step: clamped first and then rounded straight-through, so that
    autograd gives the paper's gradients. The gradient of the step is multiplied by 1 / √(N·Qp), where N is
    the number of elements of `x`. The first input that is not all zeros sets step = 2·mean|x| / √Qp, in
    training and in evaluation mode alike. The input is not changed.

    Parameters
    ----------
    bits : int
        From 2 to 16.
    signed : bool
        Which codes Qn … Qp: see `code_range`.

    Attributes
    ----------
    step : 0-d Parameter
    calibrated : 0-d buffer
        Whether the step has its first value.

    Raises
    ------
    ValueError
        If `bits` is out of range.

    Notes
    -----
    Esser et al., "Learned Step Size Quantization", ICLR 2020: equations 1 to 3, and sections 2.1 (the first
    step) and 2.2 (the scale of the gradient; for activations the paper's N is the number of features).
    """

    def __init__(self, bits: int, signed: bool = True):
        super().__init__()
        # TODO: the code range; the step as an nn.Parameter (1 for now); the buffer.
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        # TODO: set the step once (self.step.data = …, if x is not all zeros); scale its gradient; the formula.
        raise NotImplementedError


# %%
check("LearnedStep", LearnedStep)

# %%
# hint("LearnedStep")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# The same training, with a step that learns:

# %% tags=["raises-exception"]
learned = LearnedStep(bits=4)
trained, learned_losses = train(learned)
(low, high), v = code_range(4), trained / learned.step.detach()
print(f"{((v < low) | (v > high)).float().mean():.0%} of the weights lie outside the grid")
print(f"loss {learned_losses[-1]:.2f} at the end")
_, frozen_losses = train(Quantizer(bits=4))
print(f"with the frozen range it was {frozen_losses[-1]:.1f}")
plt.semilogy(frozen_losses, label="range frozen by the first input")
plt.semilogy(learned_losses, "--", label="step learned")
plt.xlabel("training step")
plt.ylabel("loss")
plt.legend()
plt.show()

# %% [markdown]
# And is the gradient scale needed? A fair measure is the relative size of an update: gradient over value, for the step,
# divided by the same for all weights together. Within a factor of ten of 1, one learning rate suits both.

# %% tags=["raises-exception"]
w, inputs = torch.randn(64, 64, requires_grad=True), torch.randn(256, 64)
q = LearnedStep(bits=2)
(inputs @ q(w)).relu().square().mean().backward()
ratio = (q.step.grad / q.step).abs() / (w.grad.norm() / w.norm())
print(f"scaled {ratio.item():.1f}, unscaled {ratio.item() * math.sqrt(w.numel() * code_range(2)[1]):.0f}")

# %% [markdown]
# Without it, one learning rate cannot serve both: right for the weights, it throws the step about. (With Adam, which
# divides each gradient by its own size, it matters much less.)
#
# ## What you have
#
# | flaw | counted | mend |
# |---|---|---|
# | unused codes with `always_pos` | $2^{b-1}+1$ of $2^b$ levels met | `affine_parameters`, `fake_quantize` |
# | largest value without gradient | $2^{-(b+1)}$ of the range | $s = \alpha / Q_p$, in `channel_scale` |
# | one grid for all channels | small channels near 0 dB | `channel_scale` |
# | outliers | decibels lost | `mse_scale` |
# | range frozen by the first input | weights outside the grid | `LearnedStep` |
# | range lost on reloading | other levels afterwards | buffers |
#
# A mend is not free of choice. $s = \alpha/Q_p$ makes the step of a 2-bit grid twice as large, and then clipping is
# better after all:

# %% tags=["raises-exception"]
for b in (2, 3, 4, 8):
    whole = fake_quantize(normal, normal.abs().max() / code_range(b)[1], 0, *code_range(b))
    best = fake_quantize(normal, mse_scale(normal, b), 0, *code_range(b))
    notes, whole, best = (sqnr(normal, y) for y in (Quantizer(bits=b)(normal), whole, best))
    print(f"{b} bits: notes {notes:4.1f} dB, α/Qp {whole:4.1f} dB, mse {best:4.1f} dB")

# %% [markdown]
# ## What was left out
#
# * Grids that are not uniform: levels at powers of two, or at the quantiles of the data. They fit bell-shaped weights
#   better, but their products are no longer plain integer products.
# * Better rounding: the nearest level is the best for each weight, but not for the sum of all of them in a layer's
#   output. See section 3 of the white paper by Nagel et al. on AdaRound.
# * Calibration on running averages or percentiles of many batches, as deployed toolkits do.
#
# **Further reading**
#
# * B. Jacob et al. *Quantization and training of neural networks for efficient integer-arithmetic-only inference.*
#   CVPR 2018. The affine grid, and the integers of lesson 5.
# * R. Krishnamoorthi. *Quantizing deep convolutional networks for efficient inference: a whitepaper.* 2018,
#   arXiv:1806.08342.
# * S. K. Esser, J. L. McKinstry, D. Bablani, R. Appuswamy, D. S. Modha. *Learned step size quantization.* ICLR 2020,
#   arXiv:1902.08153.
# * M. Nagel et al. *A white paper on neural network quantization.* 2021, arXiv:2106.08295.
#
# Next: lesson 5 puts these quantizers into a network, trains it, and runs it on integers alone.

# %%
progress()
