"""Deployment: a network on integers written as an ONNX file, and run by onnxruntime (both optional)."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lib.codes import code_range
from lib.deploy import IntegerLayer
from lib.network import Network, step_of

__all__ = ["run", "session", "to_onnx"]

INSTALL = "this section needs ONNX: pip install onnx onnxruntime"


def _onnx() -> ModuleType:
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(INSTALL) from error
    return onnx


class _Graph:
    """Nodes and constants of an ONNX graph, as they come."""

    def __init__(self) -> None:
        self.onnx = _onnx()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, dtype: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def on_grid(self, x: str, step: float, bits: int) -> str:
        """Quantize and dequantize: the codes 0 … 2^bits − 1 times the step."""
        scale, zero = self.constant(step, np.float32), self.constant(0, np.uint8)
        _, largest = code_range(bits, signed=False)
        if bits < 8:  # QuantizeLinear saturates at 255: clip to fewer codes first
            x = self.node("Clip", x, self.constant(0, np.float32), self.constant(largest * step, np.float32))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", x, scale, zero), scale, zero)

    def codes(self, value: Tensor, steps: Tensor, dtype: Any) -> str:
        """Stored integers, and the node that multiplies them by their step, or by one for each channel."""
        scale = steps.flatten().numpy() if steps.numel() > 1 else steps.item()
        zero = self.constant(np.zeros_like(scale), dtype)
        attributes = {"axis": 0} if steps.numel() > 1 else {}
        stored = self.constant(value.numpy(), dtype)
        return self.node("DequantizeLinear", stored, self.constant(scale, np.float32), zero, **attributes)


def to_onnx(network: Network, layers: Sequence[IntegerLayer], path: str | Path) -> None:
    """Write a quantized network as ONNX, with QuantizeLinear and DequantizeLinear around every layer.

    Weights are stored as int8 codes and biases as int32; onnxruntime fuses the pattern into its integer kernels.

    Parameters
    ----------
    network : Network
        Quantized, as `lib.network.quantize` returns it.
    layers : sequence of IntegerLayer
        What `lib.deploy.integer_layers` made of it.
    path : str or Path
        The file to write.

    Raises
    ------
    ModuleNotFoundError
        onnx is not installed; the message says how to install it.
    """
    graph = _Graph()
    helper, kinds = graph.onnx.helper, graph.onnx.TensorProto
    x = "images"
    for layer, stored in zip(network.layers(), layers, strict=True):
        step, scales = step_of(layer.quantize_input), step_of(layer.quantize_weight)
        if stored.weight.dim() == 2:
            x = graph.node("Flatten", x)
        x = graph.on_grid(x, step.item(), layer.quantize_input.bits)
        weight = graph.codes(stored.weight, scales, np.int8)
        bias = graph.codes(stored.bias, step * scales, np.int32)
        x = _layer(graph, x, weight, bias, stored)
    graph.nodes[-1].output[0] = "logits"
    side = ["N", 1, "height", "width"]
    inputs = [helper.make_tensor_value_info("images", kinds.FLOAT, side)]
    outputs = [helper.make_tensor_value_info("logits", kinds.FLOAT, ["N", 10])]
    whole = helper.make_graph(graph.nodes, "network", inputs, outputs, graph.constants)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    graph.onnx.checker.check_model(model)
    graph.onnx.save(model, str(path))


def _layer(graph: _Graph, x: str, weight: str, bias: str, stored: IntegerLayer) -> str:
    if stored.weight.dim() == 2:
        return graph.node("Gemm", x, weight, bias, transB=1)
    pads = [*stored.padding, *stored.padding]
    x = graph.node("Relu", graph.node("Conv", x, weight, bias, strides=list(stored.stride), pads=pads))
    if stored.pool is None:
        return x
    return graph.node("MaxPool" if stored.pool == "max" else "AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])


def session(path: str | Path) -> Any:
    """Open an ONNX file in onnxruntime, on one thread.

    On processors without VNNI instructions onnxruntime's fast kernels add pairs of 8-bit products in 16 bits, which
    saturate; the option set here asks for exact ones.

    Raises
    ------
    ModuleNotFoundError
        onnxruntime is not installed; the message says how to install it.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(INSTALL) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(opened: Any, images: Tensor) -> Tensor:
    """Run an open session on images (N, 1, side, side); logits (N, 10), float32."""
    return torch.from_numpy(opened.run(None, {"images": images.numpy()})[0])
