"""Public cases and hints of lesson 4."""

import math

import torch

from lib.cases import case

HINTS = {
    "sqnr": [
        "Two sums: of the squares of x, and of the squares of x − x̂.",
        "10·log10 of a ratio of powers: `torch.log10` does it. Nothing is subtracted from x but x̂.",
        "x / 0 is infinite by itself, but 0 / 0 is NaN: return `math.inf` wherever the error is 0.",
    ],
    "Quantizer": [
        "Make α and calibrated in __init__, with `self.register_buffer(name, tensor)`: state_dict carries buffers.",
        "Until calibrated: `self.alpha = x.detach().abs().max()`, and `self.calibrated = self.alpha > 0`, since zeros"
        " fix nothing. Assigning a tensor to a buffer's name keeps it a buffer.",
        "Keep to the formula's order: subtract off, divide by step, roundpass, clamp, times step, plus off.",
        "While α is 0 the step is 0, and 0 / 0 is NaN: `torch.where(step > 0, step, 1.0)` puts 1 in its place. The"
        " next input must still find the range open.",
        "`x.isfinite().all()` is one test for NaN and for both infinities; `code_range` refuses bad bits by itself.",
    ],
    "affine_parameters": [
        "First widen: the low end is at most 0, the high end at least 0. `min` and `max` do it.",
        "2^bits codes have 2^bits − 1 gaps between them: the scale is the length of the range over the gaps.",
        "Code z stands for scale·(code − z) = 0. Which code does the low end have, and how many scales below 0 is it?",
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
        "`torch.logspace(-3, 0, 100)` spaces fractions evenly in ratio. A finer search around the best one finishes.",
    ],
    "LearnedStep": [
        "Make the step an `nn.Parameter` in __init__, so that an optimizer can find it before the first call.",
        "Set its first value in place: `self.step.data = …` keeps the same Parameter.",
        "`scale_gradient(self.step, g)` is the step going forward, and multiplies its gradient by g going back.",
        "Clamp first, then round straight-through, then multiply by the step. Autograd does the rest.",
    ],
}


@case("sqnr", title="a signal of energy 25 with an error of energy 1", rtol=1e-4)
def energies(sqnr):
    return sqnr(torch.tensor([[3.0, -4.0]]), torch.tensor([[3.0, -3.0]]))


@case("sqnr", title="an error of a tenth everywhere", rtol=1e-4)
def tenth(sqnr):
    x = torch.tensor([10.0, 20.0, 30.0, -40.0])
    return sqnr(x, 0.9 * x)


@case("sqnr", title="no error at all: numbers, and zeros")
def no_error(sqnr):
    return [sqnr(x, x.clone()) for x in (torch.tensor([1.0, -2.0]), torch.zeros(2))]


@case("Quantizer", title="a 3×3 matrix with 3 bits", exact=True)
def by_hand(Quantizer):
    return Quantizer(bits=3)(torch.tensor([[-4.0, -2.75, -1.25], [-0.25, 0.0, 0.75], [1.25, 2.75, 4.0]]))


@case("Quantizer", title="0 to 4 with 3 bits and always_pos", exact=True)
def shifted(Quantizer):
    return Quantizer(bits=3, always_pos=True)(torch.tensor([0.0, 0.75, 1.25, 2.75, 4.0]))


@case("Quantizer", title="a second input keeps the grid of the first", exact=True)
def second_input(Quantizer):
    q = Quantizer(bits=3)
    q(torch.tensor([1.0, -4.0]))
    return q(torch.tensor([0.75, -1.25, 100.0])), q(torch.tensor([-100.0, 0.25]))


@case("Quantizer", title="the gradient that reaches x")
def gradient(Quantizer):
    x = torch.tensor([[-4.0, -2.75, 0.25], [0.75, 3.25, 3.75]], requires_grad=True)
    (Quantizer(bits=3)(x) * torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).sum().backward()
    return x.grad


@case("Quantizer", title="a reloaded quantizer keeps its grid", exact=True)
def reloaded(Quantizer):
    old, new = Quantizer(bits=3), Quantizer(bits=3)
    old(torch.tensor([1.0, -4.0]))
    new.load_state_dict(old.state_dict())
    return new(torch.tensor([0.75, -1.25]))


@case("Quantizer", title="in evaluation mode: the output, the number of parameters, and x afterwards", exact=True)
def manners(Quantizer):
    q, x = Quantizer(bits=3).eval(), torch.tensor([0.625, -2.0, 1.875])
    return q(x), len(list(q.parameters())), x


@case("Quantizer", title="zeros, and after them the numbers that fix the grid", exact=True)
def zeros(Quantizer):
    q, shifted, none = Quantizer(bits=3), Quantizer(bits=3, always_pos=True), torch.zeros(2, 2)
    return q(none), shifted(none), q(torch.tensor([0.5, -2.0])), shifted(torch.tensor([0.5, 1]))


@case("Quantizer", title="what is refused, and what is not")
def refusals(Quantizer, refused):
    answers = {f"{bits} bits refused": refused(lambda b=bits: Quantizer(bits=b)) for bits in (0, 2.5, 3)}
    for number in (math.nan, math.inf, -math.inf):
        x = torch.tensor([1.0, number])
        answers[f"{number} in x refused"] = refused(lambda x=x: Quantizer(bits=4)(x))
    return answers


@case("affine_parameters", title="0 to 7 with 3 bits", rtol=1e-5)
def from_zero(affine_parameters):
    return affine_parameters(0.0, 7.0, 3)


@case("affine_parameters", title="a range on both sides of 0", rtol=1e-5)
def both_sides(affine_parameters):
    return affine_parameters(-1.4, 2.1, 3)


@case("affine_parameters", title="1 to 7 is widened to hold 0", rtol=1e-5)
def widened(affine_parameters):
    return affine_parameters(1.0, 7.0, 3)


@case("affine_parameters", title="−7 to −1 is widened to hold 0", rtol=1e-5)
def widened_up(affine_parameters):
    return affine_parameters(-7.0, -1.0, 3)


@case("affine_parameters", title="a range of nothing but 0", rtol=1e-5)
def nothing(affine_parameters):
    return affine_parameters(0.0, 0.0, 3)


@case("affine_parameters", title="what is refused, and what is not")
def bad_ranges(affine_parameters, refused):
    calls = [(2.0, 1.0, 3), (math.nan, 1.0, 3), (0.0, math.inf, 3), (0.0, 1.0, 0), (0.0, 1.0, 3)]
    return {f"{call} refused": refused(lambda c=call: affine_parameters(*c)) for call in calls}


@case(
    "fake_quantize",
    title="scale ½, zero point 2, codes 0 to 7",
    forbids=("aten.fake_quantize_per_tensor_affine", "aten.fake_quantize_per_tensor_affine_cachemask"),
)
def one_scale(fake_quantize):
    return fake_quantize(torch.tensor([[-1.9, -0.9, -0.1], [0.0, 0.4, 1.1], [2.4, 2.6, 9.0]]), 0.5, 2, 0, 7)


@case("fake_quantize", title="the gradient stops outside the codes")
def masked(fake_quantize):
    x = torch.tensor([-1.9, -1.1, 0.4, 2.4, 2.6, 9.0], requires_grad=True)
    (fake_quantize(x, 0.5, 2, 0, 7) * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).sum().backward()
    return x.grad


@case("fake_quantize", title="halves, with an odd zero point")
def odd_zero_point(fake_quantize):
    return fake_quantize(torch.tensor([0.25, 0.75, 1.25, -0.25]), 0.5, 1, 0, 7)


@case("fake_quantize", title="a scale and a zero point for each row")
def each_row(fake_quantize):
    x = torch.tensor([[-1.9, 0.4, 2.6], [-1.9, 0.4, 2.6]])
    return fake_quantize(x, torch.tensor([[0.5], [1.0]]), torch.tensor([[2], [0]]), 0, 7)


@case("fake_quantize", title="signed codes")
def signed(fake_quantize):
    return fake_quantize(torch.tensor([-9.0, -1.9, -0.4, 0.6, 1.4, 9.0]), 1.0, 0, -2, 1)


@case("channel_scale", title="two rows with 3 bits")
def two_rows(channel_scale):
    return channel_scale(torch.tensor([[1.0, -3.0, 2.0], [6.0, 0.0, -5.0]]), 3)


@case("channel_scale", title="three columns: axis 1")
def columns(channel_scale):
    return channel_scale(torch.tensor([[1.0, -3.0, 2.0], [6.0, 0.0, -5.0]]), 3, axis=1)


@case("channel_scale", title="the weights of a convolution")
def convolution(channel_scale):
    return channel_scale(torch.arange(-6.0, 18.0).reshape(2, 3, 2, 2), 4)


@case("channel_scale", title="a channel of zeros gets scale 1")
def dead_channel(channel_scale):
    return channel_scale(torch.tensor([[0.0, 0.0], [3.0, 1.0]]), 3)


@case("mse_scale", title="900 normal numbers with 2 bits: error reached ÷ least error", rtol=0.05)
def normal(mse_scale, draw):
    x = draw.normal(900)

    def error(scale):
        return ((x / scale).round().clamp(-2, 1) * scale - x).square().mean().item()

    reached = error(float(mse_scale(x, 2)))
    least = min(error(k * x.abs().max() / 1000) for k in range(1, 1001))
    return round(max(1.0, reached / least), 1)


@case("mse_scale", title="one number far outside, 4 bits: error reached ÷ least error", rtol=0.05)
def far_outside(mse_scale, draw):
    x = torch.cat([draw.normal(900), torch.tensor([20.0])])

    def error(scale):
        return ((x / scale).round().clamp(-8, 7) * scale - x).square().mean().item()

    reached = error(float(mse_scale(x, 4)))
    least = min(error(k * x.abs().max() / 7000) for k in range(1, 1001))
    return round(max(1.0, reached / least), 1)


@case("mse_scale", title="small positive numbers, unsigned, 3 bits: error reached ÷ least error", rtol=0.05)
def positive(mse_scale, draw):
    x = draw.normal(900).abs() / 1000

    def error(scale):
        return ((x / scale).round().clamp(0, 7) * scale - x).square().mean().item()

    reached = error(float(mse_scale(x, 3, signed=False)))
    least = min(error(k * x.abs().max() / 7000) for k in range(1, 1001))
    return round(max(1.0, reached / least), 1)


@case("mse_scale", title="one number far outside, 2 bits: error reached ÷ least error", rtol=0.05)
def down_the_hill_and_up(mse_scale, draw):
    x = torch.cat([draw.normal(2000), torch.tensor([10.0])])

    def error(scale):
        return ((x / scale).round().clamp(-2, 1) * scale - x).square().mean().item()

    reached = error(float(mse_scale(x, 2)))
    least = min(error(k * x.abs().max() / 1000) for k in range(1, 1001))
    return round(max(1.0, reached / least), 1)


@case("mse_scale", title="zeros still get a positive scale")
def all_zeros(mse_scale):
    return 0 < float(mse_scale(torch.zeros(4), 4)) < float("inf")


@case("LearnedStep", title="the first step is 2·mean|x| / √Qp")
def first_step(LearnedStep):
    q = LearnedStep(3)
    q(torch.tensor([1.0, -2.0, 3.0, -6.0]))
    return q.step


@case("LearnedStep", title="what comes out, twice")
def output(LearnedStep):
    q = LearnedStep(2)
    return q(torch.tensor([1.25, -2.0, 0.25, -0.5])), q(torch.tensor([9.0, 1.5, 0.5, -3.5]))


@case("LearnedStep", title="the gradients of x and of the step")
def gradients(LearnedStep):
    q = LearnedStep(3)
    q(torch.tensor([math.sqrt(3), -math.sqrt(3)]))  # makes the step 2
    x = torch.tensor([1.25, -3.5, 6.5, 9.0, -8.5, -20.0], requires_grad=True)
    (q(x) * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).sum().backward()
    return x.grad, q.step.grad


@case("LearnedStep", title="an optimizer made before the first call moves the step")
def trained(LearnedStep):
    q = LearnedStep(3, signed=False)
    optimizer = torch.optim.SGD(q.parameters(), lr=1.0)
    q(torch.tensor([0.6, 0.0, 2.9, 11.0])).sum().backward()
    optimizer.step()
    return q(torch.tensor([0.6, 1.1, 2.9, 11.0]))


@case("LearnedStep", title="zeros, and then a reloaded step")
def zeros_first(LearnedStep):
    old, new = LearnedStep(3), LearnedStep(3)
    zeros = old(torch.zeros(3))
    old(torch.tensor([1.0, -2.0, 3.0, -6.0]))
    new.load_state_dict(old.state_dict())
    return zeros, new(torch.tensor([0.2, 1.9]))
