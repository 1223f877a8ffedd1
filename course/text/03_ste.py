# %% [markdown]
# # Lesson 3 · The straight-through estimator
#
# Integers are made by rounding, and rounding is a staircase: flat everywhere, with jumps in between. Its derivative is
# 0, so a network that rounds its weights learns nothing at all. The cure sounds like a swindle: round on the way
# forward, and on the way back *pretend that you did not*. It is called the **straight-through estimator** (STE), and
# nearly all training of quantized networks rests on it. This lesson builds it, uses it, and finds out where it goes
# wrong.
#
# ![Left: a weight w goes through round to a loss L. The true gradient comes back from the loss as far as round, and is
# multiplied by 0 there; an arc leads straight from the loss to the weight, multiplied by 1. Right, above: the staircase
# of round(x), the same clamped to the range from −2 to 1, and x itself, dotted. Right, below, three derivatives: the
# true one, 0 with no value at the jumps; the straight-through one, 1 everywhere; the masked one, 1 from −2.5 to 1.5,
# half a step beyond the range at both ends, and 0 outside.](../img/ste.png)
#
# You will write
#
# * `RoundPass` and `detach_round`, the same estimator in two ways;
# * `descend`, a small training loop that shows what each gradient leads to;
# * `clip_round`, which rounds to a limited range and stops the gradient outside;
# * `scale_gradient`, which leaves a value as it is and makes its gradient smaller;
# * as a stretch, `stochastic_round`, which rounds at random and is right on average.
#
# Lesson 4 builds its quantizers out of `roundpass` and `scale_gradient`.
#
# **What it assumes**: the chain rule; from torch, `requires_grad`, `backward()` and `x.grad`. Lessons 1 and 2 are not
# needed. **Time**: about 90 minutes; the minutes beside each exercise are an estimate.
#
# **How it works**: run the cells from the top with Shift + Enter. Where a cell says `TODO`, replace the line
# `raise NotImplementedError` by your code, run the cell, then run the `check` below it. Stuck? `hint` gives one hint
# at a time. An exercise left open stops nothing: go on reading and come back.

# %% tags=["setup"]
from collections.abc import Callable
from math import sqrt

import torch
from torch import Tensor

from lib.check import check, hint, predict, progress, reveal

# %% [markdown]
# ## 1. A staircase has no slope
#
# Nine weights, and the integers that we would like them to become:

# %%
W = torch.tensor([[0.3, 1.7, -1.2], [0.5, 1.5, 2.5], [2.2, -0.8, 3.6]])
T = torch.tensor([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0], [2.0, 0.0, 4.0]])
torch.round(W)

# %% [markdown]
# Look at the second row: 0.5, 1.5 and 2.5 became 0, 2 and 2. A half goes to the **even** neighbour, so that halves go
# up as often as down. It is a choice, and this course makes the same one as torch.
#
# Write $W$ for the weights, $Q = \mathrm{round}(W)$ for what the loss sees of them, and take the squared distance from
# $T$ as the loss:
#
# $$L = \sum_{ij} (Q_{ij} - T_{ij})^2, \qquad \frac{\partial L}{\partial Q_{ij}} = 2\,(Q_{ij} - T_{ij}), \qquad
# \frac{\partial L}{\partial Q} = \begin{pmatrix} -2 & 0 & 0 \\ 0 & 2 & -2 \\ 0 & -2 & 0 \end{pmatrix}.$$
#
# By the chain rule, the derivative with respect to a weight is this times the derivative of rounding.
#
# **Predict.** What does torch give for $\partial L / \partial W_{00}$, at the weight 0.3? Replace the `...` by a
# number.

# %%
predict("ste-slope", ...)

# %%
weights = W.clone().requires_grad_()
loss = ((torch.round(weights) - T) ** 2).sum()
loss.backward()
reveal("ste-slope", weights.grad[0, 0])

# %%
weights.grad


# %% [markdown]
# Torch is right. Move 0.3 a little, and it still rounds to 0: nothing changes, the slope is 0. At a jump such as 0.5
# there is no slope at all (torch says 0 there as well). A true gradient has nothing to tell us.
#
# ## 2. Straight through
#
# So replace the derivative of rounding, 0, by that of the function which rounding imitates, $q = w$. That one is 1:
#
# $$\text{forward: } Q = \mathrm{round}(W), \qquad
# \text{backward: } \frac{\partial L}{\partial W} := \frac{\partial L}{\partial Q}.$$
#
# The sign $:=$ says that this is a definition, not a derivative. By hand, for the nine weights, one step against this
# gradient at a learning rate of 0.25:
#
# $$W - 0.25 \begin{pmatrix} -2 & 0 & 0 \\ 0 & 2 & -2 \\ 0 & -2 & 0 \end{pmatrix}
# = \begin{pmatrix} 0.8 & 1.7 & -1.2 \\ 0.5 & 1.0 & 3.0 \\ 2.2 & -0.3 & 3.6 \end{pmatrix}.$$
#
# Round that: it is $T$. The loss was 4 and is 0, after one step along a gradient that does not exist.
#
# To give a function a derivative of your own, write both halves as an `autograd.Function`. An honest example first, the
# cube. `ctx` carries what backward needs from forward; `grad_output` is the gradient with respect to the output, and
# backward returns the one with respect to the input. If forward takes more arguments, backward returns one value for
# each of them, in their order, and `None` for those that need no gradient, such as a plain number:

# %%
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return grad_output * 3 * x**2  # the chain rule


x = torch.tensor([1.0, 2.0], requires_grad=True)
Cube.apply(x).sum().backward()
x.grad


# %% [markdown]
# **Exercise** `RoundPass` · easy · 5 minutes
#
# Less is needed than for the cube. The last line of the cell gives the function the short name by which it is called.

# %% exercise="RoundPass"
class RoundPass(torch.autograd.Function):
    """Round to the nearest integer; hand the gradient on unchanged.

    Forward, a tensor of any shape comes back rounded, in its own dtype; halves go to
    the even neighbour, as in `torch.round`. Backward, the gradient of the loss with
    respect to the output is returned as the gradient with respect to the input: the
    derivative of rounding is taken to be 1. `RoundPass.apply` is the function to call.

    Source: Hinton's lectures (2012); Bengio, Léonard and Courville, arXiv:1308.3432.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        # TODO: return the rounded values as a new tensor.
        raise NotImplementedError

    @staticmethod
    def backward(ctx, grad_output: Tensor) -> Tensor:
        # TODO: return the gradient with respect to x, as if rounding had the derivative 1.
        raise NotImplementedError


roundpass = RoundPass.apply

# %%
check("RoundPass", RoundPass)

# %%
# hint("RoundPass")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# The gradient of the nine weights, now through your function: is it the matrix from above?

# %% tags=["raises-exception"]
weights = W.clone().requires_grad_()
loss = ((roundpass(weights) - T) ** 2).sum()
loss.backward()
weights.grad

# %% [markdown]
# **See it.** Three plots, from top to bottom: the staircase, the derivative that is handed back, the loss. Beside them,
# the chain rule at $x$ as a product. The rings are your function's; a wrong one is crossed out. Move $x$, change the
# gradient of rounding, and let the point descend. With which gradient does it never leave the start? And what does it
# do when the target lies between two integers? (Leave the range and the *masked* gradient alone until section 6.)

# %% tags=["raises-exception"]
from lib import views

views.ste(roundpass)

# %% [markdown]
# ## 3. The same in one line
#
# A class is not needed. `y.detach()` has the value of `y`, but autograd takes it for a constant, with derivative 0. So
# write the rounded value as $x$ plus a correction:
#
# $$\mathrm{round}(x) = x + (\mathrm{round}(x) - x).$$
#
# **Predict.** As it stands, with nothing detached, what is the gradient of this sum at $x = 0.3$?

# %%
predict("ste-undetached", ...)

# %%
x = torch.tensor(0.3, requires_grad=True)
(x + (torch.round(x) - x)).backward()
reveal("ste-undetached", x.grad)


# %% [markdown]
# Three terms, three derivatives. Which of them would you like to lose?
#
# **Exercise** `detach_round` · easy · 5 minutes

# %% exercise="detach_round"
def detach_round(x: Tensor) -> Tensor:
    """Round to the nearest integer with a straight-through gradient.

    Parameters
    ----------
    x : Tensor, any shape, floating point
        Is not changed.

    Returns
    -------
    Tensor, shape and dtype of `x`
        Exactly `torch.round(x)`, for large `x` too; the gradient passes as if it were `x`.
    """
    # TODO: return x plus a correction, with detach() in the right place.
    raise NotImplementedError


# %%
check("detach_round", detach_round)

# %%
# hint("detach_round")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# Does the detour through a sum cost accuracy? Adding and taking away floats usually does. Here is the largest
# difference from `torch.round` over a million float32 numbers of very different size:

# %% tags=["raises-exception"]
x = torch.randn(1_000_000) * 10 ** torch.linspace(-6, 8, 1_000_000)
(detach_round(x) - torch.round(x)).abs().max()

# %% [markdown]
# If you wrote $x + (\mathrm{round}(x) - x)$, the difference is exactly 0. The bracket is the difference of two floats
# that are close to each other (or one of which is 0), and such differences have no rounding error (Sterbenz's lemma);
# so adding $x$ again leads back to the integer. Without the bracket, $x + \mathrm{round}(x)$ is rounded first and
# digits are lost:

# %%
(x + torch.round(x) - x - torch.round(x)).abs().max()

# %% [markdown]
# ### What a gradient checker says
#
# `torch.autograd.gradcheck` compares the gradient that a function claims with one that it measures: it moves the input
# a little, to both sides, and looks at what the output does. (It wants float64, or the small move would drown in
# rounding error.) The cube passes:

# %%
from torch.autograd import gradcheck

points = torch.tensor([0.3, 1.7, -1.2], dtype=torch.float64, requires_grad=True)
gradcheck(Cube.apply, points, raise_exception=False)

# %% [markdown]
# **Predict.** `True` or `False`: does `torch.round` pass at these three points? And does `roundpass`?

# %%
predict("ste-gradcheck-round", ...)

# %%
predict("ste-gradcheck-roundpass", ...)

# %%
reveal("ste-gradcheck-round", gradcheck(torch.round, points, raise_exception=False))

# %% tags=["raises-exception"]
reveal("ste-gradcheck-roundpass", gradcheck(roundpass, points, raise_exception=False))

# %% [markdown]
# A straight-through function **must** fail: it claims 1 and is measured as 0. A `roundpass` that passes would be
# broken. So what can be tested? That the value is that of `torch.round` and that the gradient is that of the identity,
# one beside the other; `check` does just that.
#
# Even the honest `torch.round` passes only away from the jumps. At 0.5, a tiny move to both sides changes the output
# by 1, and the measured slope is enormous:

# %%
try:
    gradcheck(torch.round, torch.tensor([0.5], dtype=torch.float64, requires_grad=True))
except RuntimeError as error:
    print(error)


# %% [markdown]
# ## 4. What each gradient leads to
#
# A gradient is there to train with, so train. The smallest experiment there is: one weight $w$, and the loss
# $(q(w) - t)^2$ with a target $t$ and some rounding function $q$. The loop of every gradient descent is
#
# $$w_{k+1} = w_k - \text{rate} \cdot \frac{\partial L}{\partial w}\Big|_{w_k}.$$
#
# Two things deserve care. Only the loss sees $q(w)$: **the weight itself stays a float**, so that many small steps can
# add up until the rounded value changes. And every step needs a fresh gradient: `backward()` *adds* to `w.grad`, and
# fills it only for a *leaf*, a tensor that you made yourself with `requires_grad_()` and did not compute from another
# one that asks for a gradient. So start every step from a new leaf.
#
# By hand, without any rounding ($q(w) = w$), from $w_0 = 0$ to $t = 1$ at rate 0.25: the gradient is $2(0 - 1) = -2$,
# so $w_1 = 0.5$; then $2(0.5 - 1) = -1$, so $w_2 = 0.75$.
#
# **Exercise** `descend` · medium · 10 minutes

# %% exercise="descend"
def descend(
    quantize: Callable[[Tensor], Tensor],
    start: Tensor,
    target: Tensor | float,
    rate: float = 0.1,
    steps: int = 50,
) -> Tensor:
    """Descend on a weight that the loss sees only through `quantize`; return the path.

    One step moves the float weight `w` to `w - rate * gradient`, where `gradient` is
    that of the loss `sum((quantize(w) - target)**2)` with respect to `w`. The weight
    itself is never rounded.

    Parameters
    ----------
    quantize : function from a tensor to a tensor
        What the loss sees of the weight.
    start : Tensor, any shape, floating point, without a gradient
        Where the weight begins. Is not changed.
    target : Tensor or float
        What the quantized weight should be; broadcasts against `quantize(start)`.
    rate : float
        The learning rate.
    steps : int
        How many steps to take.

    Returns
    -------
    Tensor, shape (steps + 1, *start.shape), dtype of `start`
        The weight at the start and after each step, detached.
    """
    # TODO: begin a list with a copy of start. In each step, compute the loss and its
    # gradient at the last point, and append the next point. Return torch.stack(path).
    raise NotImplementedError


# %%
check("descend", descend)

# %%
# hint("descend")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# From 0.25 to 2, once with the true gradient and once straight through:

# %% tags=["raises-exception"]
import matplotlib.pyplot as plt

plt.style.use("../img/course.mplstyle")
for quantize, name in ((torch.round, "torch.round"), (roundpass, "roundpass")):
    path = descend(quantize, torch.tensor(0.25), 2.0, rate=0.05, steps=30)
    plt.plot(path, ".-", label=name)
plt.axhline(1.5, color="0.6", ls=":", label="from here on, w rounds to 2")
plt.xlabel("step")
plt.ylabel("weight w")
plt.legend()
plt.show()

# %% [markdown]
# With the true gradient the weight stands still, as it must. Straight through, the weight climbs until it rounds to 2;
# from there on the loss is 0, and so is the gradient.
#
# ## 5. Where it oscillates
#
# That target was an integer. Now take $t = 1.7$, which no integer reaches. The best that rounding can do is 2, with a
# loss of $0.3^2 = 0.09$. Any $w$ between 1.5 and 2.5 gives that.

# %% tags=["raises-exception"]
path = descend(roundpass, torch.tensor(0.25), 1.7, rate=0.05, steps=80)
plt.plot(path, ".-", label="w")
plt.step(range(81), torch.round(path), where="mid", label="round(w)", lw=1)
plt.axhline(1.7, color="0.6", ls=":", label="target")
plt.xlabel("step")
plt.legend()
plt.show()

# %% [markdown]
# The weight goes neither to 1.7 nor to rest. It hangs around 1.5, the edge between the two levels, and the rounded
# weight jumps for ever. Just above the edge $q = 2$ and the gradient is $2(2 - 1.7) = 0.6$: go down. Just below,
# $q = 1$ and it is $2(1 - 1.7) = -1.4$: go up.
#
# **Predict.** After the climb, what share of the steps, between 0 and 1, does the rounded weight spend at 2?

# %%
predict("ste-share", ...)


# %% tags=["raises-exception"]
def late_levels():
    """The rounded weight in 1001 steps after the climb."""
    path = descend(roundpass, torch.tensor(0.25), 1.7, rate=0.05, steps=1100)
    return torch.round(path[100:])


share = (late_levels() == 2).float().mean().item()
reveal("ste-share", round(share, 2), rtol=0.02)

# %% [markdown]
# In the long run, the total distance climbed equals the total distance descended. If $p$ is the share at 2, then
# $p \cdot 0.6 = (1 - p) \cdot 1.4$, and $p = 0.7$. While the rate is small, the same sum for any target gives a share
# equal to its fractional part, and so **the mean of the rounded weight is the target**:

# %% tags=["raises-exception"]
levels = late_levels()
print(f"mean of round(w): {levels.mean():.3f}")
print(f"mean loss:        {((levels - 1.7) ** 2).mean():.3f}")
print(f"loss at rest at 2: {(2 - 1.7) ** 2:.3f}")

# %% [markdown]
# So the straight-through gradient is **biased**: it does not lead to where the loss is least. It makes the *average* of
# $q$ right and pays for the spread, $0.3 \cdot 0.7 = 0.21$, where standing still at 2 would cost 0.09. (Section 8 makes
# the word *biased* exact.) In a network many weights share an error, and to be right on average is worth a lot; near
# the end of training the jumping hurts.
#
# **Predict.** A cure for oscillation is a smaller learning rate, isn't it? Halve the rate from 0.05 to 0.025. By what
# factor does the number of jumps in 1000 steps change: 0.5, 1 or 2?

# %%
predict("ste-flips", ...)


# %% tags=["raises-exception"]
def oscillation(rate):
    """Count the jumps in 1000 steps after the climb, and measure the swing of w."""
    path = descend(roundpass, torch.tensor(0.25), 1.7, rate, steps=1300)[-1001:]
    flips = (torch.round(path).diff() != 0).sum().item()
    return flips, (path.max() - path.min()).item()


for rate in (0.2, 0.1, 0.05, 0.025):
    flips, swing = oscillation(rate)
    print(f"rate {rate:5}: {flips} jumps, w swings over {swing:.3f}")

# %% tags=["raises-exception"]
reveal("ste-flips", oscillation(0.025)[0] / oscillation(0.05)[0], rtol=0.05)


# %% [markdown]
# The picture only shrinks. Steps up and down scale alike, so the weight jumps as often as before, ever closer to the
# edge. When the rate has decayed to nothing, the weight freezes on the edge, on whichever side it was last. Nagel and
# others (2022) measured how much accuracy this costs, and froze the weights that jump too often.
#
# ## 6. A limited range, and a mask
#
# A code of $b$ bits holds only $2^b$ integers. With 2 bits, for a signed code, they are $-2, -1, 0, 1$. So clamp as
# well as round:
#
# $$q = \mathrm{clamp}(\mathrm{round}(x), \mathit{low}, \mathit{high}).$$
#
# Outside the range the output does not depend on $x$. To pretend that it does would be a second lie on top of the
# first, and here the truth is of some use. The **masked** estimator lets the gradient pass inside and stops it outside.
# For the range $-2 \ldots 1$ and an output gradient of $(5, 5, 5)$:
#
# | $x$ | $-7.9$ | $0.3$ | $1.8$ |
# |---|---|---|---|
# | $q$ | $-2$ | $0$ | $1$ |
# | gradient | $0$ | $5$ | $0$ |
#
# Where exactly does "inside" end? Some ask whether $x$ itself lies between *low* and *high* (with or without the
# ends), others whether the rounded $x$ does, ends included, which reaches half a step further. The check accepts these.
#
# **Exercise** `clip_round` · medium · 10 minutes

# %% exercise="clip_round"
def clip_round(x: Tensor, low: int, high: int) -> Tensor:
    """Round, then clamp to `low ... high`; the gradient passes inside, stops outside.

    The gradient is that of the output times 1 where `low < x < high`, and times 0 where
    `x < low - 1/2` or `x > high + 1/2`. Between the two (at the edges) either is right.

    Parameters
    ----------
    x : Tensor, any shape, floating point
        Is not changed.
    low, high : int
        The smallest and the largest value that may come out, `low <= high`.

    Returns
    -------
    Tensor, shape and dtype of `x`
        Exactly `torch.clamp(torch.round(x), low, high)`, for `x` far outside too.

    Notes
    -----
    Source of the mask: Courbariaux et al., Binarized Neural Networks, arXiv:1602.02830
    (2016), where it is `|x| <= 1`.
    """
    # TODO: return the rounded, clamped values with a masked gradient; you have roundpass.
    raise NotImplementedError


# %%
check("clip_round", clip_round)

# %%
# hint("clip_round")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# At which of these points do you expect `gradcheck` to be content?

# %% tags=["raises-exception"]
for value in (-7.9, 0.3, 1.8):
    point = torch.tensor([value], dtype=torch.float64, requires_grad=True)
    passes = gradcheck(lambda x: clip_round(x, -2, 1), point, raise_exception=False)
    print(f"{value:4}: {passes}")


# %% [markdown]
# Outside, the masked gradient is the true one.
#
# ### Masked against unmasked
#
# The other convention has no mask: the gradient passes everywhere. (This one-liner loses the value where $x$ is very
# large, since $x + (q - x)$ then rounds away $q$; for a demonstration it will do.)

# %%
def clip_round_unmasked(x, low, high):
    return x + (torch.round(x).clamp(low, high) - x).detach()


# %% [markdown]
# Which one is better? Give both a hard life. The range is $-2 \ldots 1$. For 100 steps the target is 3, out of reach;
# then, for 60 steps, it is $-1$.
#
# **Predict.** Which weight rounds to $-1$ at the end: the `"masked"` one, the `"unmasked"` one, `"both"` or
# `"neither"`?

# %%
predict("ste-mask", ...)


# %%
def hard_life(function):
    """The path of a weight that is sent to 3, out of the range, and then to −1."""

    def quantize(w):
        return function(w, -2, 1)

    away = descend(quantize, torch.tensor(0.2), 3.0, rate=0.05, steps=100)
    back = descend(quantize, away[-1], -1.0, rate=0.05, steps=60)
    return torch.cat([away, back[1:]])


# %% tags=["raises-exception"]
plt.plot(hard_life(clip_round), label="masked")
plt.plot(hard_life(clip_round_unmasked), label="unmasked")
plt.axhspan(-2, 1, color="0.9", label="range")
plt.xlabel("step")
plt.ylabel("weight w")
plt.legend()
plt.show()

# %% tags=["raises-exception"]
functions = {"masked": clip_round, "unmasked": clip_round_unmasked}
there = [name for name, f in functions.items() if torch.round(hard_life(f)[-1]) == -1]
reveal("ste-mask", {0: "neither", 1: "".join(there), 2: "both"}[len(there)])

# %% tags=["raises-exception"]
for name, f in functions.items():
    start, turn, end = hard_life(f)[[0, 100, 160]].tolist()
    print(f"{name}: from {start:.1f} to {turn:.1f}, and back to {end:.1f}")


# %% [markdown]
# Each fails in its own way. The unmasked weight is pushed further and further out while nothing it does has any effect,
# and must come all the way back: engineers know this as *wind-up*. From the edge it is as far to 3 as to $-1$, so it
# moves $0.05 \cdot 2 \cdot 2 = 0.2$ a step both ways: what 100 steps wound up, 60 cannot undo. The masked weight steps
# over the edge once, its gradient becomes 0, and no later target reaches it: it is **dead**.
#
# Which to choose depends on what is rounded. An *activation* that is cut off in one image need not be in the next, so
# masking is harmless, and it is what most quantizers do. A *weight* outside the range has no such luck; either the
# range is chosen so that none lies outside (lesson 4), or weights are put back to the edge after each step, as in
# BinaryConnect.
#
# ## 7. A learned step
#
# Weights are seldom integers. A grid with **step** $s$ has the points $\ldots, -s, 0, s, 2s, \ldots$: divide by $s$,
# round to a code, multiply by $s$ again:
#
# $$\hat w = s \cdot q(v), \qquad v = \frac{w}{s}, \qquad q = \texttt{clip\_round}.$$

# %%
def on_grid(w, s, low=-8, high=7):
    return clip_round(w / s, low, high) * s


# %% [markdown]
# Why not train the step too? Its gradient comes for free, by the product rule and $\partial v / \partial s = -v/s$:
#
# $$\frac{\partial \hat w}{\partial s} = q + s \, \frac{\partial q}{\partial v} \, \frac{\partial v}{\partial s}
# = q - \frac{\partial q}{\partial v}\, v = \begin{cases} q - v & \text{inside, where } \partial q / \partial v = 1 \\
# q & \text{outside, where } \partial q / \partial v = 0 \end{cases}$$
#
# (Esser and others, 2020). By hand, for $s = 0.5$ and the range $-8 \ldots 7$: the weight 1.1 has $v = 2.2$ and
# $q = 2$, so its derivative is $2 - 2.2 = -0.2$, its rounding error counted in steps. (Were the code fixed, it would be
# 2; but straight through, the code is taken to shrink as the step grows.)
#
# **Predict.** And the weight 5.0, with the same step and range?

# %%
predict("ste-step", ...)

# %% tags=["raises-exception"]
weights = torch.tensor([[0.3, 1.1, -0.6], [2.4, -1.4, 0.8], [-0.2, 5.0, -6.0]])
step = torch.tensor(0.5)
slopes = torch.autograd.functional.jacobian(lambda s: on_grid(weights, s), step)
print(slopes)
reveal("ste-step", slopes[2, 1])

# %% [markdown]
# There is one trouble left. A layer has many weights and one step, and the gradients of all the weights add up in it.
# Let $n$ weights be drawn at random, and let the gradient $\partial L / \partial \hat w$ be random noise as well, with
# a sign of its own for each weight. Compare how fast the step and the weights would change, each relative to its own
# size:
#
# $$R = \frac{|\partial L / \partial s|}{s} \Big/ \frac{\lVert \partial L / \partial w \rVert}{\lVert w \rVert}.$$
#
# $R = 1$ would be fair. If $R$ is 100, then a learning rate that suits the weights throws the step about.
#
# **Predict.** When $n$ grows by a factor of 100, by what factor does $R$ grow, roughly?

# %%
predict("ste-growth", ...)


# %% [markdown]
# To keep the value of $s$ but make its gradient smaller we need one more function, with a lie of a new kind: the
# identity on the way forward, a factor on the way back.
#
# **Exercise** `scale_gradient` · medium · 10 minutes
#
# You know everything that it takes: in section 3, a term had a value and no gradient. Is there a term with a gradient
# and no value? (With a factor of $-1$ this is the *gradient reversal* of Ganin and Lempitsky, 2015.)

# %% exercise="scale_gradient"
def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """Return the values of `x`, but multiply the gradient that comes back by `factor`.

    Only the gradient through the result is multiplied: other uses of `x` keep theirs.

    Parameters
    ----------
    x : Tensor, any shape, floating point, with or without a gradient
        Is not changed.
    factor : float
        What the gradient is multiplied by.

    Returns
    -------
    Tensor, shape and dtype of `x`
        The values of `x`, up to a rounding error in the last digits.

    Notes
    -----
    Source: Esser et al., Learned Step Size Quantization, arXiv:1902.08153 (2020).
    """
    # TODO: return the values of x, with a gradient that is factor times as large.
    raise NotImplementedError


# %%
check("scale_gradient", scale_gradient)


# %%
# hint("scale_gradient")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# Now measure $R$, with the gradient of the step as it is, and multiplied by $1/\sqrt{n \cdot 7}$, where 7 is the
# largest code. This factor is that of Esser and others, and so is the step to start from, twice the mean of $|w|$ over
# $\sqrt 7$:

# %%
def imbalance(n, factor):
    """R for n random weights and a random gradient of the loss; mean of 50 draws."""
    total = 0
    for seed in range(50):
        w, noise = torch.randn(2, n, generator=torch.Generator().manual_seed(seed))
        s = (2 * w.abs().mean() / sqrt(7)).requires_grad_()
        loss = (on_grid(w.requires_grad_(), scale_gradient(s, factor)) * noise).sum()
        grad_w, grad_s = torch.autograd.grad(loss, (w, s))
        total += (grad_s / s).abs() / (grad_w.norm() / w.norm())
    return (total / 50).item()


# %% tags=["raises-exception"]
sizes = [100, 1000, 10_000]
scaled = [imbalance(n, 1 / sqrt(7 * n)) for n in sizes]
plt.loglog(sizes, [imbalance(n, 1.0) for n in sizes], "o-", label="as it is")
plt.loglog(sizes, scaled, "o-", label="times 1/√(7n)")
plt.axhline(1, color="0.6", ls=":", label="fair")
plt.xlabel("number n of weights")
plt.ylabel("R")
plt.legend()
plt.show()
print("R, scaled:", ", ".join(f"{r:.2f} for n = {n}" for n, r in zip(sizes, scaled)))

# %% tags=["raises-exception"]
growth = imbalance(10_000, 1.0) / imbalance(100, 1.0)
reveal("ste-growth", round(growth, 1), rtol=0.3)

# %% [markdown]
# $R$ grows like $\sqrt n$: $\partial L / \partial s$ is a sum of $n$ terms of random sign, about $\sqrt n$ in size,
# while both norms grow alike, so their ratio stays. And so the factor must fall like $1/\sqrt n$. For a random gradient
# it takes the growth away; what is left is a constant that does not depend on the size of the layer. It is about 0.15:
# relative to its size, the step now moves six or seven times more slowly than the weights, but equally so in every
# layer. (Where the terms share a sign, they add up to about $n$, and even with the factor a $\sqrt n$ is left.)
#
# So one learning rate can serve both the weights and the step. Your own `descend` can learn a step alone: the parameter
# is $s$, the target is the weights themselves. Take a rate of 0.01, which suits a weight well, ten thousand weights and
# 30 steps, of which the first three are shown, once without and once with the factor. (For one parameter by itself the
# factor is no more than a smaller rate: $0.01 / \sqrt{70\,000}$ without it would do the same.)

# %%
w = torch.randn(10_000, generator=torch.Generator().manual_seed(1))


def learn_step(factor):
    """The path of a step that starts at 1 and learns to represent w."""
    start = torch.tensor(1.0)
    return descend(lambda s: on_grid(w, scale_gradient(s, factor)), start, w, 0.01, 30)


# %% tags=["raises-exception"]
for factor in (1.0, 1 / sqrt(7 * len(w))):
    path = learn_step(factor)
    first = ", ".join(f"{s:.3f}" for s in path[:4])
    print(f"factor {factor:.4f}: {first} … after 30 steps {path[-1]:.4f}")

# %% [markdown]
# With the factor the step settles down. Is it a good one? Try 400 steps in turn, and look for the least squared error:

# %% tags=["raises-exception"]
candidates = torch.linspace(0.01, 1, 400)
errors = torch.stack([((on_grid(w, s) - w) ** 2).mean() for s in candidates])
print(f"best step {candidates[errors.argmin()]:.4f}")


# %% [markdown]
# Close enough. Lessons 4 and 5 train such steps together with the weights.
#
# ## 8. Stretch: rounding at random
#
# Section 4 insisted that the weight stays a float. What if there is no room for a float, and the weight itself must be
# an integer all the time? Then an update smaller than a half is rounded away, every time.
#
# **Stochastic rounding** keeps it, on average. A number that lies the fraction $p$ above the integer below goes up with
# probability $p$ and down with probability $1 - p$. By hand: 2.3 becomes 3 with probability 0.3 and 2 with probability
# 0.7, and its mean is
#
# $$0.3 \cdot 3 + 0.7 \cdot 2 = 2.3.$$
#
# And $-1.7$? The integer below is $-2$, the fraction is 0.3. For any $x$ with $p = x - \lfloor x \rfloor$
# ($\lfloor x \rfloor$ is the integer below) the mean is $\lfloor x \rfloor + p = x$: it is **unbiased**.
#
# The gradient goes straight through. Random numbers come from `torch.rand`; a `generator` lets a caller repeat them.
#
# **Exercise** `stochastic_round` · hard · 20 minutes

# %% exercise="stochastic_round"
def stochastic_round(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Round up or down at random, right on average, with a straight-through gradient.

    A value that lies a fraction p of the way from the integer below to the integer above
    goes up with probability p and down with probability 1 - p, each element on its own.
    Integers stay as they are.

    Parameters
    ----------
    x : Tensor, any shape, floating point
        Is not changed.
    generator : torch.Generator, optional
        Where the random numbers come from; torch's own generator if absent.

    Returns
    -------
    Tensor, shape and dtype of `x`
        Whole numbers, exactly, whose expected value is `x`; the gradient passes as if
        they were `x`.

    Notes
    -----
    Source: Gupta et al., Deep Learning with Limited Numerical Precision,
    arXiv:1502.02551 (2015).
    """
    # TODO: decide for each element whether it goes up. The gradient: straight through.
    raise NotImplementedError


# %%
check("stochastic_round", stochastic_round)

# %%
# hint("stochastic_round")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# Did you write $\lfloor x + u \rfloor$, with $u$ drawn evenly from 0 to 1? On paper it is the same, and the check takes
# it. But in float32 the sum $x + u$ is itself rounded, and for a large $x$ that makes a bias. Between $2^{21}$ and
# $2^{22}$ floats stand 0.25 apart. There even an integer does not always stay: one in eight goes up, as $u$ above 0.875
# is rounded to 1. And how far does a number that lies 0.25 above an integer go up from it, on average?

# %% tags=["raises-exception"]
x, u = torch.full((100_000,), 4_000_000.25), torch.rand(100_000)
print(f"floor(x + u): {(torch.floor(x + u) - 4_000_000).mean():.2f}")
print(f"yours:        {(stochastic_round(x) - 4_000_000).mean():.2f}")

# %% [markdown]
# A thousand weights, all integers all the time, start at 0 and get 300 updates of 0.01 each.
#
# **Predict.** With `torch.round` they stay at 0. What is their mean with `stochastic_round`, roughly?

# %%
predict("ste-updates", ...)

# %% tags=["raises-exception"]
nearest, random = torch.zeros(1000), torch.zeros(1000)
generator = torch.Generator().manual_seed(1)
for _ in range(300):
    nearest = torch.round(nearest + 0.01)
    random = stochastic_round(random + 0.01, generator)
print(f"mean: torch.round {nearest.mean():.2f}, stochastic_round {random.mean():.2f}")
reveal("ste-updates", round(random.mean().item(), 2), rtol=0.1)


# %% [markdown]
# ### Unbiased value, biased gradient
#
# The value is right on average. Is the gradient? Now that can be asked properly, because the *mean* loss is a smooth
# function of $w$ and has a true slope. Call it $E(w)$. For $0 \le w \le 1$ and a target $t$, $q$ is 1 with probability
# $w$ and 0 otherwise:
#
# $$E(w) = (1 - w)\, t^2 + w\, (1 - t)^2, \qquad E'(w) = (1 - t)^2 - t^2 = 1 - 2t.$$
#
# Straight through, the gradient is $2(q - t)$, and its mean is $2(w - t)$. Your function, for $t = 0.4$:

# %% tags=["raises-exception"]
def mean_gradient(w, target=0.4, n=10_000):
    """The straight-through gradient of (q − target)² at w, averaged over n roundings."""
    x = torch.full((n,), w, requires_grad=True)
    ((stochastic_round(x) - target) ** 2).sum().backward()
    return x.grad.mean().item()


points = torch.linspace(0.01, 0.99, 25).tolist()
plt.plot(points, [mean_gradient(w) for w in points], "o", label="straight through")
plt.plot(points, [2 * (w - 0.4) for w in points], label="2 (w − t)")
plt.plot(points, [1 - 2 * 0.4] * 25, label="true slope of the mean loss, 1 − 2t")
plt.xlabel("weight w")
plt.ylabel("mean gradient")
plt.legend()
plt.show()

# %% [markdown]
# They agree at $w = \tfrac12$ only. The true slope is positive, so the mean loss is least at $w = 0$: always round to
# 0, the integer nearest to 0.4.
#
# **Predict.** And where does `descend` lead, straight through, from 0.9?

# %%
predict("ste-rest", ...)

# %% tags=["raises-exception"]
torch.manual_seed(1)
end = descend(stochastic_round, torch.full((10_000,), 0.9), 0.4, rate=0.01, steps=300)[-1]
loss = ((stochastic_round(end) - 0.4) ** 2).mean()
print(f"mean loss there {loss:.3f}, at w = 0 {0.4**2:.3f}")
reveal("ste-rest", round(end.mean().item(), 2), rtol=0.05)

# %% [markdown]
# The same bias as in section 5, now with no oscillation to blame: straight through, $w$ is led to where the **mean of
# $q$ is the target**, and pays $t(1 - t)$ for the spread. For a loss that is linear in $q$ there is no spread to pay
# for, and the straight-through gradient is exact. That is a fair summary of when to trust it: while the loss is nearly
# linear over one step of the grid. With 8 bits it is; with 2 bits it is not, and lesson 5 will show the price.
#
# ## What was left out
#
# * Other derivatives than 1 have been tried: the slope of a tanh, of a sine, or one that stiffens during training. For
#   a small network with binary activations, Yin and others prove that the derivatives of ReLU and of clipped ReLU lead
#   downhill in the mean loss, and that the plain identity can be unstable near a minimum.
# * For choices that are truly random there are estimators without bias, from the likelihood ratio (REINFORCE); Bengio
#   and others compare them. They are noisy, which is why the biased one is used.
# * The oscillation of section 5 in large networks, and cures for it: Nagel and others.
#
# **Further reading**
#
# * G. Hinton. *Neural networks for machine learning.* Lectures on Coursera, 2012: where the estimator comes from.
# * Y. Bengio, N. Léonard, A. Courville. *Estimating or propagating gradients through stochastic neurons for conditional
#   computation.* 2013, arXiv:1308.3432.
# * S. Gupta, A. Agrawal, K. Gopalakrishnan, P. Narayanan. *Deep learning with limited numerical precision.* ICML 2015,
#   arXiv:1502.02551.
# * M. Courbariaux, Y. Bengio, J.-P. David. *BinaryConnect: training deep neural networks with binary weights during
#   propagations.* NeurIPS 2015, arXiv:1511.00363.
# * M. Courbariaux, I. Hubara, D. Soudry, R. El-Yaniv, Y. Bengio. *Binarized neural networks.* 2016, arXiv:1602.02830:
#   the mask.
# * Y. Ganin, V. Lempitsky. *Unsupervised domain adaptation by backpropagation.* ICML 2015, arXiv:1409.7495.
# * P. Yin, J. Lyu, S. Zhang, S. Osher, Y. Qi, J. Xin. *Understanding straight-through estimator in training activation
#   quantized neural nets.* ICLR 2019, arXiv:1903.05662.
# * S. K. Esser, J. L. McKinstry, D. Bablani, R. Appuswamy, D. S. Modha. *Learned step size quantization.* ICLR 2020,
#   arXiv:1902.08153.
# * M. Nagel, M. Fournarakis, Y. Bondarenko, T. Blankevoort. *Overcoming oscillations in quantization-aware training.*
#   ICML 2022, arXiv:2203.11086.
#
# Next: lesson 4 puts rounding, range and step together into a quantizer.

# %%
progress()
