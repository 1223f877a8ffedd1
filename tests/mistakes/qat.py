"""Wrong implementations of lesson 5: layers that learn under quantization."""

import torch
import torch.nn.functional as F
from torch import nn

from course.mistakes import mistake
from lib.network import step_of
from lib.qat import QuantConv2d
from lib.ste import roundpass
from tests.mistakes.qat_integers import *  # noqa: F403
from tests.mistakes.qat_network import *  # noqa: F403


def zeros_for(bias, norm):
    return torch.zeros_like(norm.running_mean) if bias is None else bias


@mistake("fold_batchnorm", name="eps is left out", hint="What does BatchNorm2d add to the variance before the root?")
def no_eps(weight, bias, norm):
    gain = norm.weight / torch.sqrt(norm.running_var)
    return weight * gain.view(-1, 1, 1, 1), norm.bias + (zeros_for(bias, norm) - norm.running_mean) * gain


@mistake("fold_batchnorm", name="eps is added after the root", hint="√(variance + eps), not √variance + eps.")
def eps_outside(weight, bias, norm):
    gain = norm.weight / (torch.sqrt(norm.running_var) + norm.eps)
    return weight * gain.view(-1, 1, 1, 1), norm.bias + (zeros_for(bias, norm) - norm.running_mean) * gain


@mistake(
    "fold_batchnorm", name="the root is missing", hint="A gain divides by a standard deviation, not by a variance."
)
def no_root(weight, bias, norm):
    gain = norm.weight / (norm.running_var + norm.eps)
    return weight * gain.view(-1, 1, 1, 1), norm.bias + (zeros_for(bias, norm) - norm.running_mean) * gain


@mistake(
    "fold_batchnorm",
    name="the gain is laid along the input channels",
    hint="The normalization follows the convolution: its channels are the weight's first axis.",
)
def wrong_axis(weight, bias, norm):
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return weight * gain.view(1, -1, 1, 1), norm.bias + (zeros_for(bias, norm) - norm.running_mean) * gain


@mistake(
    "fold_batchnorm",
    name="the gain is laid along the kernel's width",
    hint="Plain `weight * gain` lines up the last axes. The gain belongs to the first: gain.view(-1, 1, 1, 1).",
)
def along_width(weight, bias, norm):
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return weight * gain, norm.bias + (zeros_for(bias, norm) - norm.running_mean) * gain


@mistake(
    "fold_batchnorm",
    name="the convolution's bias is not scaled",
    hint="The normalization sees weight·x + bias: its gain multiplies both.",
)
def bias_unscaled(weight, bias, norm):
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return weight * gain.view(-1, 1, 1, 1), norm.bias + zeros_for(bias, norm) - norm.running_mean * gain


@mistake(
    "fold_batchnorm",
    name="the running mean is forgotten",
    hint="The normalization subtracts the running mean before it multiplies by the gain.",
)
def no_mean(weight, bias, norm):
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return weight * gain.view(-1, 1, 1, 1), norm.bias + zeros_for(bias, norm) * gain


@mistake(
    "fold_batchnorm",
    name="the convolution's bias is forgotten",
    hint="The normalization sees W·x + b: what becomes of b?",
)
def no_bias(weight, bias, norm):
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return weight * gain.view(-1, 1, 1, 1), norm.bias - norm.running_mean * gain


@mistake(
    "fold_batchnorm",
    name="as many zeros for a missing bias as there are input channels",
    hint="The bias has one entry for each output channel, weight.shape[0].",
)
def zeros_of_inputs(weight, bias, norm):
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    bias = torch.zeros(weight.shape[1], dtype=weight.dtype) if bias is None else bias
    return weight * gain.view(-1, 1, 1, 1), norm.bias + (bias - norm.running_mean) * gain


@mistake("fold_batchnorm", name="the weight is changed in place", hint="Return a new weight; `*=` changes the old one.")
def in_place(weight, bias, norm):
    gain = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
    weight *= gain.view(-1, 1, 1, 1)
    return weight, norm.bias + (zeros_for(bias, norm) - norm.running_mean) * gain


@mistake(
    "QuantConv2d",
    name="the weight is overwritten by its quantized values",
    hint="The float weight must survive: small gradients add up in it until it reaches the next level.",
)
class Overwritten(QuantConv2d):
    def forward(self, x):
        x = self.quantize_input(x)
        self.weight.data = self.quantize_weight(self.weight).data
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = roundpass(self.bias / unit) * unit
        return self.convolve(x, self.weight, bias, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the weight is overwritten once it was quantized",
    hint="The float weight must survive: small gradients add up in it until it reaches the next level.",
)
class OverwrittenAfterwards(QuantConv2d):
    def forward(self, x):
        y = super().forward(x)
        self.weight.data = self.quantize_weight(self.weight).detach()
        return y


@mistake(
    "QuantConv2d",
    name="the weight is overwritten, then quantized again",
    hint="The float weight must survive: small gradients add up in it until it reaches the next level.",
)
class OverwrittenFirst(QuantConv2d):
    def forward(self, x):
        self.weight.data = self.quantize_weight(self.weight).detach()
        return super().forward(x)


@mistake(
    "QuantConv2d",
    name="quantized in evaluation only",
    hint="A network that never meets the rounding while it trains learns nothing about it.",
)
class EvaluationOnly(QuantConv2d):
    def forward(self, x):
        if self.training:
            return self.convolve(x, self.weight, self.bias, self.stride, self.padding)
        return super().forward(x)


@mistake("QuantConv2d", name="quantized in training only", hint="What is deployed must be what was trained.")
class TrainingOnly(QuantConv2d):
    def forward(self, x):
        if not self.training:
            return self.convolve(x, self.weight, self.bias, self.stride, self.padding)
        return super().forward(x)


@mistake("QuantConv2d", name="the input is not quantized", hint="Both factors of a product must be codes.")
class FloatInput(QuantConv2d):
    def forward(self, x):
        weight = self.quantize_weight(self.weight)
        self.quantize_input(x)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = roundpass(self.bias / unit) * unit
        return self.convolve(x, weight, bias, self.stride, self.padding)


@mistake("QuantConv2d", name="the weight is not quantized", hint="Both factors of a product must be codes.")
class FloatWeight(QuantConv2d):
    def forward(self, x):
        x = self.quantize_input(x)
        self.quantize_weight(self.weight)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = roundpass(self.bias / unit) * unit
        return self.convolve(x, self.weight, bias, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the bias is not put on its grid",
    hint="An integer accumulator can only add a whole number of units.",
)
class FloatBias(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        return self.convolve(x, weight, self.bias, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the bias is rounded to steps of the weight alone",
    hint="The accumulator counts products: one unit is step of the input times step of the weight.",
)
class BiasOnWeightGrid(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = step_of(self.quantize_weight).flatten()
        return self.convolve(x, weight, roundpass(self.bias / unit) * unit, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the bias is clamped to 8 bits",
    hint="An accumulator has 32 bits, and so has its bias: hundreds of units are common. Only round it.",
)
class BiasClamped(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = roundpass((self.bias / unit).clamp(-128, 127)) * unit
        return self.convolve(x, weight, bias, self.stride, self.padding)


@mistake("QuantConv2d", name="the bias is rounded up", hint="To the nearest whole unit: roundpass(bias / unit) · unit.")
class BiasRoundedUp(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = self.bias + (torch.ceil(self.bias / unit) * unit - self.bias).detach()
        return self.convolve(x, weight, bias, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the steps are read before the quantizers were called",
    hint="A quantizer fixes its step in its first call: quantize input and weight first, then ask `step_of`.",
)
class StepsTooEarly(QuantConv2d):
    def forward(self, x):
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = roundpass(self.bias / unit) * unit
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        return self.convolve(x, weight, bias, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the bias gets no gradient",
    hint="torch.round has gradient 0; lesson 3's roundpass lets it through.",
)
class BiasWithoutGradient(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = torch.round(self.bias / unit) * unit
        return self.convolve(x, weight, bias, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the weight gets no gradient",
    hint="Use the quantizer's own straight-through output; detach() and .data cut it off.",
)
class WeightWithoutGradient(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight).detach()
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        bias = roundpass(self.bias / unit) * unit
        return self.convolve(x, weight, bias, self.stride, self.padding)


@mistake(
    "QuantConv2d", name="stride and padding are left out", hint="The layer carries them: self.stride, self.padding."
)
class Plain(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        return self.convolve(x, weight, roundpass(self.bias / unit) * unit, 1, 0)


@mistake("QuantConv2d", name="F.conv2d instead of convolve", hint="Call self.convolve, so that the caller can choose.")
class Direct(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        return F.conv2d(x, weight, roundpass(self.bias / unit) * unit, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the output is quantized instead of the input",
    hint="The layer's quantizer belongs to what comes in; the next layer quantizes what goes out.",
)
class OutputQuantized(nn.Module):
    def __init__(self, conv, quantize_input, quantize_weight, convolve=F.conv2d):
        super().__init__()
        self.weight = nn.Parameter(conv.weight.detach().clone())
        self.bias = nn.Parameter(conv.bias.detach().clone())
        self.stride, self.padding, self.convolve = conv.stride, conv.padding, convolve
        self.quantize_input, self.quantize_weight = quantize_input, quantize_weight

    def forward(self, x):
        y = self.convolve(x, self.quantize_weight(self.weight), self.bias, self.stride, self.padding)
        return self.quantize_input(y)


@mistake(
    "QuantConv2d",
    name="the bias is left in units",
    hint="Whole units are bias / unit, rounded; the layer adds a number, so multiply by the unit again.",
)
class InUnits(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        return self.convolve(x, weight, roundpass(self.bias / unit), self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the unit is not flattened",
    hint="The steps of a weight have shape (O, 1, 1, 1), the bias has (O,): flatten() the unit.",
)
class NotFlattened(QuantConv2d):
    def forward(self, x):
        x, weight = self.quantize_input(x), self.quantize_weight(self.weight)
        unit = step_of(self.quantize_input) * step_of(self.quantize_weight)
        return self.convolve(x, weight, roundpass(self.bias / unit) * unit, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="the quantizers' own gradients are bypassed",
    hint="They return straight-through values already, with gradient 0 where they clamp: detach nothing.",
)
class Bypassed(QuantConv2d):
    def forward(self, x):
        x = x + (self.quantize_input(x) - x).detach()
        weight = self.weight + (self.quantize_weight(self.weight) - self.weight).detach()
        unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
        return self.convolve(x, weight, roundpass(self.bias / unit) * unit, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="quantized once and kept",
    hint="Training changes weight and bias: quantize them in every forward pass.",
)
class Kept(QuantConv2d):
    def forward(self, x):
        x = self.quantize_input(x)
        if not hasattr(self, "kept"):
            weight = self.quantize_weight(self.weight)
            unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
            self.kept = weight, roundpass(self.bias / unit) * unit
        return self.convolve(x, *self.kept, self.stride, self.padding)


@mistake(
    "QuantConv2d",
    name="quantized once and kept in evaluation",
    hint="Even in evaluation the weights may change, by load_state_dict for one: quantize them in every forward pass.",
)
class KeptInEvaluation(QuantConv2d):
    def forward(self, x):
        x = self.quantize_input(x)
        if self.training or not hasattr(self, "kept"):
            weight = self.quantize_weight(self.weight)
            unit = (step_of(self.quantize_input) * step_of(self.quantize_weight)).flatten()
            self.kept = weight, roundpass(self.bias / unit) * unit
        return self.convolve(x, *self.kept, self.stride, self.padding)
