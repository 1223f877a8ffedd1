"""Hidden checks of lesson 4."""

import math

import torch

from lib.cases import case
from lib.checks.quantizer import FAKE
from tests.hidden.quantizer_scales import *  # noqa: F403


@case("sqnr", points=2, title="noise of many sizes, on tensors of any shape", rtol=1e-4)
def sqnr_many_sizes(sqnr, draw):
    x, noise = draw.normal(3, 5, 7), draw.normal(3, 5, 7)
    x_hat = x + 0.1 * noise
    answers = [sqnr(x, x + 10.0**-k * noise) for k in range(4)]
    rows = 2.0 ** draw.integers(6, 1)  # rows with noise of different sizes
    answers += [sqnr(x.mT, x_hat.mT), sqnr(x[0, 0, 0], x_hat[0, 0, 0] + 1)]
    return [*answers, sqnr(rows.repeat(1, 8), rows + draw.normal(6, 8)), sqnr(x, x_hat), x, x_hat]


@case("sqnr", points=1, title="a signal that is not centred on 0", rtol=1e-4)
def sqnr_off_centre(sqnr, draw):
    x = 5 + draw.normal(40)
    return [sqnr(x, x + 0.1 * draw.normal(40) + 0.2), sqnr(-x, -x - 0.3)]


@case("sqnr", points=1, title="an error larger than the signal, and none", rtol=1e-4)
def sqnr_extremes(sqnr, draw):
    x = draw.normal(9)
    small = draw.integers(6, low=1).double()
    nearly = small.clone()
    nearly[0] += 2.0**-40
    return [sqnr(x, -3 * x), sqnr(x, torch.zeros(9)), sqnr(x, -x), sqnr(x, x.clone()), sqnr(small, nearly)]


@case("sqnr", points=1, title="zeros, with and without an error")
def sqnr_no_signal(sqnr, draw):
    zeros = torch.zeros(draw.number(1, 5), draw.number(1, 5))
    x = draw.integers(4, low=1)
    return [sqnr(zeros, zeros.clone()), sqnr(-x, -x.clone()), sqnr(zeros, zeros + 1)]


@case("Quantizer", points=3, title="2 to 12 bits, bit for bit", exact=True)
def quantizer_signed_bits(Quantizer, draw):
    answers = [Quantizer(bits=b)(draw.normal(3, 17).mT) for b in (*range(2, 9), 12)]
    # halves of steps, where the order of the operations and the way halves go decide the code
    halves = torch.arange(8.0) - 3.5
    for _ in range(40):
        alpha = 0.05 * draw.number(2, 200)
        answers.append(Quantizer(bits=3)(torch.cat([torch.tensor([alpha]), halves * alpha / 4])))
    return [*answers, Quantizer(bits=3)(torch.cat([torch.tensor([4.0]), halves]))]


@case("Quantizer", points=2, title="always_pos, 2 to 8 bits, bit for bit", exact=True)
def quantizer_positive_bits(Quantizer, draw):
    answers = [Quantizer(bits=b, always_pos=True)(draw.normal(5, 11).abs()) for b in range(2, 9)]
    halves = torch.arange(4.0) + 0.5
    for _ in range(40):
        alpha = 0.05 * draw.number(2, 200)
        answers.append(Quantizer(bits=3, always_pos=True)(torch.cat([torch.tensor([alpha]), halves * alpha / 4])))
    return answers


@case("Quantizer", points=1, title="8 bits and signed unless told otherwise", exact=True)
def quantizer_defaults(Quantizer, draw):
    return Quantizer()(draw.normal(4, 9))


@case("Quantizer", points=1, title="tiny and huge numbers, and one far outside", exact=True)
def quantizer_sizes(Quantizer, draw):
    x = draw.normal(40)
    outlier, below = torch.cat([x, torch.tensor([1e4])]), torch.cat([x, torch.tensor([-9.0])])
    sizes = (x * 1e-30, x * 1e-7, x * 1e30, outlier, below)
    quantizers = [(Quantizer(bits=4, always_pos=p), y) for p in (False, True) for y in sizes]
    return [[q(y), q(y / 3)] for q, y in quantizers]


@case(
    "Quantizer", points=2, title="the gradient that reaches x, from the first input on, in training and in evaluation"
)
def quantizer_gradient(Quantizer, draw):
    grads = []
    for bits in (2, 3, 5):
        q = Quantizer(bits=bits)
        for k in (1, 2, 0.5):
            x = (k * draw.normal(60)).requires_grad_()
            (q(x) * draw.normal(60)).sum().backward()
            grads.append(x.grad)
            q.eval()
    return grads


@case("Quantizer", points=1, title="the gradient with always_pos")
def quantizer_gradient_positive(Quantizer, draw):
    q = Quantizer(bits=3, always_pos=True)
    x = draw.normal(60).requires_grad_()
    (q(x) * draw.normal(60)).sum().backward()
    return x.grad


@case("Quantizer", points=1, title="the first input fixes the grid, in training and in evaluation", exact=True)
def quantizer_frozen(Quantizer, draw):
    outputs = []
    for train in (True, False):
        q = Quantizer(bits=4).train(train)
        outputs += [q(draw.normal(20)), q(10 * draw.normal(20))]
        q.train(not train)
        outputs += [q(0.1 * draw.normal(20)), q(draw.normal(2, 3, 4)), q(torch.tensor(0.3))]
    q, other = Quantizer(bits=4), Quantizer(bits=4)
    outputs += [q(-draw.normal(2, 3, 2, 2).abs()), other(5 * draw.normal(9)), q(draw.normal(9))]
    outputs.append(Quantizer(bits=4)(torch.tensor(-0.7)))
    q = Quantizer(bits=4, always_pos=True)
    return [*outputs, q(draw.normal(20).abs()), q(3 * draw.normal(20).abs()), q(0.1 * draw.normal(20).abs())]


@case("Quantizer", points=2, title="a reloaded quantizer keeps its grid", exact=True)
def quantizer_reloaded(Quantizer, draw):
    outputs = []
    for positive in (False, True):
        old, new = Quantizer(4, positive), Quantizer(4, positive)
        old(draw.normal(20).abs())
        new.load_state_dict(old.state_dict())
        outputs += [new(10 * draw.normal(20)), new(draw.normal(20))]
    return outputs


@case("Quantizer", points=1, title="alpha and calibrated are buffers, nothing is trained, x is left unchanged")
def quantizer_manners(Quantizer, draw):
    q, x, later = Quantizer(bits=3), draw.normal(4, 4), draw.normal(4, 4)
    q(x)
    q(later)
    q.eval()(later)
    state = q.state_dict()
    return [len(list(q.parameters())), x, later, state["alpha"], state["calibrated"].dim(), bool(state["calibrated"])]


@case("Quantizer", points=1, title="zeros stay zeros", exact=True)
def quantizer_zeros(Quantizer, draw):
    shape = (draw.number(1, 5), draw.number(1, 5))
    return [Quantizer(bits=b, always_pos=p)(torch.zeros(shape)) for b in (2, 8) for p in (False, True)]


@case("Quantizer", points=1, title="zeros fix nothing: the next input does", exact=True)
def quantizer_zeros_first(Quantizer, draw):
    outputs = []
    for positive in (False, True):
        q = Quantizer(4, positive)
        outputs += [q(torch.zeros(3)), q(torch.zeros(2, 2)), bool(q.calibrated)]
        first = draw.integers(5, low=1)  # the sum of what comes next is 0, and a number in it
        outputs += [q(torch.cat([first, torch.zeros(1), -first])), q(9 * draw.normal(20)), bool(q.calibrated)]
    return outputs


@case("Quantizer", points=2, title="bad bits, a NaN and infinities are refused")
def quantizer_refusals(Quantizer, draw, refused):
    answers = [refused(lambda b=b: Quantizer(bits=b)) for b in (0, 1, 17, -3, 2.5, "8", None, 4, 2, 16)]
    for bad in (math.nan, math.inf, -math.inf):
        x = draw.normal(3, 4)
        x[draw.number(0, 3), draw.number(0, 4)] = bad
        q = Quantizer(bits=4)
        answers += [refused(lambda x=x, q=q: q(x)), refused(lambda x=x: Quantizer(4, True)(x))]
        answers.append(q(draw.normal(5)))  # what was refused has fixed nothing
        answers += [refused(lambda x=x, q=q: q(x)), refused(lambda x=x, q=q: q.eval()(x))]
    return answers


@case("affine_parameters", points=2, title="ranges on both sides of 0", rtol=1e-5)
def affine_both_sides(affine_parameters, draw):
    answers = []
    for bits in (*range(2, 9), 12, 16):
        for part in (draw.uniform(low=0.1, high=0.4).item(), draw.uniform(low=0.6, high=0.9).item()):
            scale = 0.01 + draw.uniform().item()
            low = -(draw.number(0, 2**bits - 2) + part) * scale
            answers.append(affine_parameters(low, low + (2**bits - 1) * scale, bits))
    return answers


@case("affine_parameters", points=2, title="ranges on one side of 0 are widened, tiny ones too", rtol=1e-5, atol=0.0)
def affine_one_side(affine_parameters, draw):
    a, b = 1 + draw.uniform().item(), 2.5 + draw.uniform().item()
    ranges = ((a, b), (-b, -a), (0.0, b), (-b, 0.0), (a, a), (-b, -b), (0.0, 0.0), (0, 1), (a * 1e-12, b * 1e-12))
    return [affine_parameters(*ends, n) for ends in ranges for n in (2, 5, 8)]


@case("affine_parameters", points=1, title="the zero point is an integer, and the scale positive")
def affine_kinds(affine_parameters, draw, refused):
    answers = []
    for low, high in ((-draw.uniform().item() - 0.1, draw.uniform().item() + 0.1), (0.0, 0.0), (0.3, 0.3)):
        scale, zero_point = affine_parameters(low, high, 4)
        counts = refused(lambda z=zero_point: range(z))  # takes integers alone
        answers += [float(scale) > 0, counts, 0 <= int(zero_point) <= 15]
    return answers


@case("affine_parameters", points=1, title="bad ranges and bad bits are refused")
def affine_bad_ranges(affine_parameters, refused):
    bad = [(2.0, 1.0, 3), (-1.0, -2.0, 3), (math.nan, 1.0, 3), (0.0, math.nan, 3), (0.0, math.inf, 3)]
    bad += [(-math.inf, 0.0, 3), (0.0, 1.0, 0), (0.0, 1.0, 1), (0.0, 1.0, 17), (0.0, 1.0, 2.5)]
    bad += [(-1.0, 1.0, 3), (-1.0, 1.0, 2), (-1.0, 1.0, 16)]
    return [refused(lambda b=b: affine_parameters(*b)) for b in bad]


@case("fake_quantize", points=2, title="one scale and zero point", forbids=FAKE)
def fake_one_scale(fake_quantize, draw):
    answers = []
    for zero_point, qmin, qmax, size in (
        (0, -8, 7, 1),
        (3, 0, 15, 1e-9),
        (15, 0, 15, 1),
        (1, 2, 13, 1),
        (200, 0, 255, 1),
    ):
        scale = (0.05 + draw.uniform().item()) * size
        codes = draw.integers(6, 7, low=qmin - 5, high=qmax + 6) - zero_point
        x = ((codes + draw.uniform(6, 7, low=-0.4, high=0.4)) * scale).mT
        answers.append(fake_quantize(x, scale, zero_point, qmin, qmax) / size)
    return answers


@case("fake_quantize", points=2, title="the gradient stops outside the codes", forbids=FAKE)
def fake_gradient(fake_quantize, draw):
    codes = draw.integers(80, low=-5, high=12)
    x = ((codes + draw.uniform(80, low=-0.4, high=0.4)) * 0.3).requires_grad_()
    (fake_quantize(x, 0.3, 2, 0, 7) * draw.normal(80)).sum().backward()
    return x.grad


@case("fake_quantize", points=2, title="a scale and a zero point for each channel, with gradients", forbids=FAKE)
def fake_each_channel(fake_quantize, draw):
    scale = draw.uniform(4, 1, 1, low=0.1, high=2.0)
    zero_point = draw.integers(4, 1, 1, low=0, high=8, dtype=torch.int32)
    codes = draw.integers(3, 4, 2, 5, low=-12, high=12)
    x = ((codes + draw.uniform(3, 4, 2, 5, low=-0.4, high=0.4)) * scale).requires_grad_()
    y = fake_quantize(x, scale, zero_point, 0, 7)
    (y * draw.normal(3, 4, 2, 5)).sum().backward()
    small = [fake_quantize(x.detach().half(), 0.5, 1, 0, 15), fake_quantize(x.detach()[0, 0, 0, 0], 0.3, 1, 0, 15)]
    wide, columns = x.detach().double(), draw.uniform(5, low=0.1, high=2.0, dtype=torch.float64)
    return y, x.grad, small, fake_quantize(wide, columns, 0, -8, 7), fake_quantize(wide[0, 0], columns[0], 1, 0, 15)


@case(
    "fake_quantize",
    points=1,
    title="halves go to the even code before the zero point is added",
    exact=True,
    forbids=FAKE,
)
def fake_halves(fake_quantize, draw):
    x = (draw.integers(30, low=-6, high=7) + 0.5) / 4
    return [fake_quantize(x, 0.25, z, 0, 15) for z in (3, 4, 7)]


@case("fake_quantize", points=1, title="0 comes back as exactly 0, x is left unchanged", exact=True, forbids=FAKE)
def fake_zero(fake_quantize, draw):
    x = draw.normal(12)
    fake_quantize(x, 0.37, 5, 0, 15)
    return fake_quantize(torch.zeros(2, 3), 0.37, 5, 0, 15), x


@case("channel_scale", points=2, title="weights of a linear layer, both axes")
def channel_linear(channel_scale, draw):
    shapes = (5, 8), (1, 6)
    return [channel_scale(draw.normal(*s), bits, axis) for s in shapes for bits in (2, 4, 8, 12) for axis in (0, 1)]


@case("channel_scale", points=2, title="weights of convolutions, each axis")
def channel_convolution(channel_scale, draw):
    kinds = (torch.float16, torch.float32, torch.float64)
    answers = [channel_scale(draw.normal(4, 3, 2, 5).to(k), 4, axis=a) for a in range(4) for k in kinds]
    more = draw.normal(4, 3, 5), draw.normal(2, 3, 2, 4, 3).mT  # of one dimension, and of three
    return answers + [channel_scale(w, 4, axis=a) for w in more for a in range(w.dim())]


@case("channel_scale", points=1, title="axis 0 unless told otherwise; x is left unchanged")
def channel_defaults(channel_scale, draw):
    weights = draw.normal(3, 3)
    return channel_scale(weights, 5), channel_scale(-weights.abs(), 5), weights


@case("channel_scale", points=1, title="channels of zeros, and bad bits")
def channel_dead_channels(channel_scale, draw, refused):
    weights = draw.normal(4, 6)
    weights[draw.number(0, 4)] = 0
    bad = [refused(lambda b=b: channel_scale(weights, b)) for b in (0, 1, 2, 2.5, 16, 17)]
    return [channel_scale(weights, 3), channel_scale(weights * 1e-12, 3) * 1e12, *bad]
