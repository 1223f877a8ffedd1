"""Public cases and hints of lesson 4."""

import math

import torch

from lib.cases import case
from lib.checks.quantizer_scales import *  # noqa: F403

# Torch's own quantization: what fake_quantize may not call.
NAMES = ("fake_quantize_{}_affine", "fake_quantize_{}_affine_cachemask", "_fake_quantize_learnable_{}_affine")
FAKE = [f"aten.{name.format(kind)}" for name in (*NAMES, "quantize_{}") for kind in ("per_tensor", "per_channel")]
FAKE += ["aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams", "aten.fused_moving_avg_obs_fake_quant"]
FAKE += ["aten._fused_moving_avg_obs_fq_helper", "aten.quantize_per_tensor_dynamic", "aten.dequantize"]

HINTS = {
    "sqnr": [
        "Two sums: of the squares of x, and of the squares of x − x̂.",
        "10·log10 of a ratio of powers: `torch.log10` does it. Nothing is subtracted from x but x̂.",
        "Where the error is 0, return `math.inf` before you divide: 0 / 0 is NaN. A signal of 0 gives minus infinity: "
        "`torch.log10` of a tensor knows that, `math.log10(0)` does not.",
    ],
    "Quantizer": [
        "Make alpha and calibrated in __init__, with `self.register_buffer(name, tensor)`: state_dict carries buffers."
        " Each is a single number, `torch.tensor(0.0)` and `torch.tensor(False)`.",
        "In forward, first look at `self.calibrated`. While it is false, this x sets alpha. When may it become true?",
        "Keep to the formula's order: subtract off, divide by step, roundpass, clamp, times step, plus off.",
        "Assigning a tensor to a buffer's name keeps it a buffer: `self.alpha = x.detach().abs().max()`, and then"
        " `self.calibrated = self.alpha > 0`, since zeros fix nothing.",
        "While α is 0 the step is 0, and 0 / 0 is NaN: `torch.where(step > 0, step, 1.0)` puts 1 in its place. The"
        " next input must still find the range open.",
        "`x.isfinite().all()` is one test for NaN and for both infinities; `code_range` refuses bad bits by itself.",
    ],
    "affine_parameters": [
        "First widen: the low end is at most 0, the high end at least 0. `min` and `max` do it.",
        "2^bits codes have 2^bits − 1 gaps between them: the scale is the length of the range over the gaps.",
        "Code z stands for scale·(code − z) = 0. Which code does the low end have, and how many scales below 0 is it?",
        "z is `round(-low / scale)`, which in Python is an int. Where the scale would be 0, put 1 in its place.",
    ],
    "fake_quantize": [
        "It is the Quantizer's line with the offset counted in codes: round x / scale, add the zero point, clamp.",
        "On the way back: subtract the zero point, then multiply by the scale.",
        "Use `roundpass`, not `torch.round`, and let `torch.clamp` stop the gradient of what it clamps.",
    ],
    "channel_scale": [
        "`amax(dim=[…], keepdim=True)` takes the maximum over several dimensions at once: all but the channel's.",
        "The largest magnitude must land on the largest code, 2^(bits−1) − 1.",
        "A channel of zeros would get scale 0, and later 0 / 0: give it scale 1.",
    ],
    "mse_scale": [
        "There is no formula: try many scales and keep the best. `fake_quantize` with zero point 0 tries one.",
        "A scale above max|x| / qmax is seldom better. Try fractions of it, and small ones too: a far outlier pushes"
        " the best scale to a small fraction. Try them all: the error may rise first and fall later.",
        "`torch.logspace(-3, 0, 100, dtype=x.dtype)` spaces fractions evenly in ratio. A finer search around the best"
        " one finishes.",
    ],
    "LearnedStep": [
        "Make the step an `nn.Parameter` in __init__, so that an optimizer can find it before the first call.",
        "Two questions before the formula: has the step its first value yet, and is there anything in x but zeros?"
        " `self.step.data = …` gives it one and keeps the same Parameter.",
        "`scale_gradient(self.step, g)` is the step going forward, and multiplies its gradient by g going back.",
        "Clamp first, then round straight-through, then multiply by the step. Autograd does the rest.",
    ],
}


@case("sqnr", title="a signal of energy 25 with an error of energy 5", rtol=1e-4)
def energies(sqnr):
    x, x_hat = torch.tensor([[1.0, 2.0], [-4.0, -2.0]]).T, torch.tensor([[1.0, 0.0], [-3.0, -2.0]]).T
    return {"decibels": sqnr(x, x_hat), "x afterwards": x, "x̂ afterwards": x_hat}


@case("sqnr", title="an error of a tenth, one twice the signal, none, a tiny one; zeros without and with", rtol=1e-4)
def tenth(sqnr):
    x, zeros, small = torch.tensor([10.0, 20.0, 30.0, -40.0]), torch.zeros(2), torch.tensor([1.0, -2.0]).double()
    answers = [sqnr(x, 0.9 * x), sqnr(x, -x), sqnr(small, small.clone()), sqnr(small, small + 2**-40)]
    return [*answers, sqnr(zeros, zeros.clone()), sqnr(zeros, zeros - 1)]


@case("Quantizer", title="a 3×3 matrix with 3 bits", exact=True)
def by_hand(Quantizer):
    x = torch.tensor([[-4.0, -2.5, -1.25], [-0.5, 0.0, 0.75], [1.5, 2.5, 4.0]]).T.contiguous().T
    return {"[[-4, -2.5, -1.25], [-0.5, 0, 0.75], [1.5, 2.5, 4]] becomes": Quantizer(bits=3)(x)}


@case("Quantizer", title="3 bits and always_pos, two inputs", exact=True)
def shifted(Quantizer):
    q = Quantizer(bits=3, always_pos=True)
    first = q(torch.tensor([0.0, 0.75, 1.25, 2.75, 4.0]))
    return {"[0, 0.75, 1.25, 2.75, 4] becomes": first, "then [-1, 2.25, 9] becomes": q(torch.tensor([-1.0, 2.25, 9.0]))}


@case(
    "Quantizer", title="after [1, 0, 3, -4], later inputs keep that grid, and so does a reloaded quantizer", exact=True
)
def second_input(Quantizer):
    q, new = Quantizer(bits=3), Quantizer(bits=3)
    q(torch.tensor([1.0, 0.0, 3.0, -4.0]))
    new.load_state_dict(q.state_dict())
    later = {"[0.75, -1.25, 100] becomes": q(torch.tensor([0.75, -1.25, 100.0]))}
    later["in evaluation, the number -100 becomes"] = q.eval()(torch.tensor(-100.0))
    return later | {"reloaded, [0.75, -1.25] becomes": new(torch.tensor([0.75, -1.25]))}


@case("Quantizer", title="bit for bit, 3 bits: a range that is no power of two, and a tiny one", exact=True)
def bit_for_bit(Quantizer):
    half = {"[2.1, 1.3125, -1.3125] becomes": Quantizer(bits=3)(torch.tensor([2.1, 1.3125, -1.3125]))}
    shifted = Quantizer(bits=3, always_pos=True)(torch.tensor([2.7, 0.3375]))
    q, tiny = Quantizer(bits=3), torch.tensor([1.0, -4.0]) / 2**40
    found = half | {
        "[2.7, 0.3375] with always_pos becomes": shifted,
        "2^40 times that of [1, -4] / 2^40": q(tiny) * 2**40,
    }
    return found | {"and then of [1] / 2^40": q(tiny[:1]) * 2**40}


@case("Quantizer", title="the gradient of x = [[-4, -2.75, 0.25], [0.75, 3.25, 3.75]], weighted 1 to 6")
def gradient(Quantizer):
    q, found = Quantizer(bits=3), {}
    for mode in ("training", "evaluation"):
        x = torch.tensor([[-4.0, -2.75, 0.25], [0.75, 3.25, 3.75]], requires_grad=True)
        y = q.train(mode == "training")(x)
        if y.requires_grad:
            (y * torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).sum().backward()
        found[f"gradient of x in {mode}"] = "none reaches x" if x.grad is None else x.grad
    return found


@case("Quantizer", title="what belongs to its state, and x afterwards", exact=True)
def manners(Quantizer):
    found = {}
    for mode in ("training", "evaluation"):
        q, x = Quantizer(bits=3).train(mode == "training"), torch.tensor([0.625, -2.0, 1.875])
        found |= {f"in {mode}, [0.625, -2, 1.875] becomes": q(x), f"x after {mode}": x}
    state, found["parameters"] = q.state_dict(), len(list(q.parameters()))
    flag = f"{state['calibrated'].dim()}-d" if "calibrated" in state else "is missing"
    return found | {"alpha in state_dict": state.get("alpha", "is missing"), "calibrated in state_dict": flag}


@case("Quantizer", title="zeros, and after them the numbers that fix the grid", exact=True)
def zeros(Quantizer):
    q, shifted, none = Quantizer(bits=3), Quantizer(bits=3, always_pos=True), torch.zeros(2, 2)
    found = {"zeros become": q(none), "calibrated after zeros": bool(q.calibrated)}
    found["zeros with always_pos become"] = shifted(none)
    found["then [0.5, -2] becomes"] = q(torch.tensor([0.5, -2.0]))
    return found | {"then [0.5, 1] with always_pos becomes": shifted(torch.tensor([0.5, 1.0]))}


@case("Quantizer", title="what is refused, and what is not")
def refusals(Quantizer, refused):
    answers = {f"Quantizer(bits={bits})": refused(lambda b=bits: Quantizer(bits=b)) for bits in (0, 1, 2, 2.5, 16, 17)}
    for number in (math.nan, math.inf, -math.inf):
        q, x = Quantizer(bits=4), torch.tensor([1.0, number])
        answers[f"{number} in the first input"] = refused(lambda q=q, x=x: q(x))
        found = {"[1, -4] after it": q(torch.tensor([1.0, -4.0]))} if number == math.inf else {}
        answers |= found
        answers[f"{number} in a later input"] = refused(lambda q=q, x=x: q(x))
    return answers


@case(
    "affine_parameters",
    title="ranges that hold 0, a tiny one too, and others, which are widened to hold it",
    rtol=1e-5,
    atol=0.0,
)
def ranges(affine_parameters):
    ends = [
        (0.0, 7.0),
        (-1.4, 2.1),
        (-1.1, 2.4),
        (-2e-12, 5e-12),
        (1.0, 7.0),
        (-7.0, -1.0),
        (3.0, 3.0),
        (-3.0, -3.0),
        (0.0, 0.0),
    ]
    return [affine_parameters(low, high, 3) for low, high in ends]


@case("affine_parameters", title="the zero point is a code: an integer")
def integers(affine_parameters, refused):
    _, zero_point = affine_parameters(-1.0, 2.5, 3)
    counts = refused(lambda: range(zero_point)) == "no error"  # range takes integers alone
    return {"type of the zero point": "an integer" if counts else type(zero_point).__name__}


@case("affine_parameters", title="what is refused, and what is not")
def bad_ranges(affine_parameters, refused):
    nan, inf = math.nan, math.inf
    calls = [(2.0, 1.0, 3), (nan, 1.0, 3), (0.0, nan, 3), (0.0, inf, 3), (-inf, 1.0, 3)]
    calls += [(0.0, 1.0, bits) for bits in (0, 1, 2, 16, 17)]
    return {f"affine_parameters{call}": refused(lambda c=call: affine_parameters(*c)) for call in calls}


@case("fake_quantize", title="scale ½, zero point 2, codes 0 to 7", forbids=FAKE)
def one_scale(fake_quantize):
    x = torch.tensor([[-1.9, -0.9, -0.1], [0.0, 0.4, 1.1], [2.4, 2.6, 9.0]]).T.contiguous().T
    return {
        "levels": fake_quantize(x, 0.5, 2, 0, 7),
        "x afterwards": x,
        "a number": fake_quantize(x[1, 2], 0.5, 2, 0, 7),
    }


@case("fake_quantize", title="the gradient stops outside the codes", forbids=FAKE)
def masked(fake_quantize):
    x = torch.tensor([-1.9, -1.1, 0.4, 2.4, 2.6, 9.0], requires_grad=True)
    y = fake_quantize(x, 0.5, 2, 0, 7)
    if y.requires_grad:
        (y * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).sum().backward()
    return {"gradient of x": "none reaches x" if x.grad is None else x.grad}


@case("fake_quantize", title="halves in float16, with an odd zero point; signed codes; codes above 127", forbids=FAKE)
def odd_zero_point(fake_quantize):
    halves, signed = torch.tensor([0.25, 0.75, 1.25, -0.25]).half(), torch.tensor([-9.0, -1.9, -0.4, 0.6, 1.4, 9.0])
    answers = [fake_quantize(halves, 0.5, 1, 0, 7), fake_quantize(signed, 1.0, 0, -2, 1)]
    return [*answers, fake_quantize(signed, torch.tensor(1.0), 200, 192, 204)]


@case("fake_quantize", title="a scale for each row, for each column, for each channel of an image", forbids=FAKE)
def each_row(fake_quantize):
    x = torch.tensor([[-1.9, 0.4, 2.6], [-1.9, 0.4, 2.6]])
    image = torch.tensor([[[[-1.9, 0.25 + 2**-40]], [[2.6, 9.0]]]], dtype=torch.float64)
    rows = fake_quantize(x, torch.tensor([[0.5], [1.0]]), torch.tensor([[2], [0]]), 0, 7)
    columns = fake_quantize(x, torch.tensor([0.5, 0.1, 2.0]), 3, 0, 7)
    return [rows, columns, fake_quantize(image, torch.tensor([[[0.5]], [[2.0]]], dtype=torch.float64), 0, -4, 3)]
