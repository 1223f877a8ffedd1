"""Quantization-aware training with brevitas; benchmarks/qat.py runs this in an environment of its own.

The folder given holds the data, the recipe, and the folded float weights of each seed. Two settings: brevitas as it
comes (a step for each tensor, no calibration), and its best found here (a step for each output channel of the
convolutions, and calibrated on the same 256 images).
"""

import json
import sys
import time
from pathlib import Path

import brevitas.nn as qnn
import torch
import torch.nn.functional as F
from brevitas.graph.calibrate import calibration_mode
from brevitas.quant import Int8WeightPerChannelFloat, Int8WeightPerTensorFloat, Uint8ActPerTensorFloat
from torch import nn


class Network(nn.Module):
    """The lesson's network after folding, with brevitas' layers."""

    def __init__(self, bits: int, state: dict, per_channel: bool):
        super().__init__()
        weight = Int8WeightPerChannelFloat if per_channel else Int8WeightPerTensorFloat
        options = {"bias": True, "input_quant": Uint8ActPerTensorFloat, "weight_bit_width": bits}
        shapes = [state[f"convs.{i}.weight"].shape for i in range(3)]
        self.convs = nn.ModuleList(
            qnn.QuantConv2d(c, o, 3, padding=1, weight_quant=weight, input_bit_width=8 if i == 0 else bits, **options)
            for i, (o, c, _, _) in enumerate(shapes)
        )
        features = state["linear.weight"].shape[1]
        self.linear = qnn.QuantLinear(
            features, 10, weight_quant=Int8WeightPerTensorFloat, input_bit_width=bits, **options
        )
        self.load_state_dict(state, strict=False)

    def forward(self, x):
        first, second, third = self.convs
        x = F.max_pool2d(F.relu(second(F.relu(first(x)))), 2)
        return self.linear(F.avg_pool2d(F.relu(third(x)), 2).flatten(1))


def train(network: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int, seed: int) -> float:
    """The recipe of lib.training.train; seconds of the processor that an epoch took."""
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-len(x) // 64))
    network.train()
    start = time.process_time()
    for _ in range(epochs):
        for batch in torch.randperm(len(x), generator=order).split(64):
            optimizer.zero_grad()
            F.cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
    return (time.process_time() - start) / epochs


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    job = torch.load(folder / "job.pt", weights_only=False)
    train_x, train_y, test_x, test_y = job["data"]
    accuracy: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    for setting, best in (("brevitas", False), ("brevitas, per channel", True)):
        for bits in (4, 3, 2):
            name = f"{setting} QAT {bits}"
            for seed in job["seeds"]:
                network = Network(bits, torch.load(folder / f"{seed}.pt"), best)
                if best:
                    with torch.no_grad(), calibration_mode(network.eval()):
                        network(train_x[:256])
                train(network, train_x, train_y, job["epochs"], seed)
                with torch.no_grad():
                    right = (network.eval()(test_x).argmax(1) == test_y).double().mean().item()
                accuracy.setdefault(name, []).append(100 * right)
            if bits == 2:
                seconds[name] = min(train(network, train_x, train_y, 1, 0) for _ in range(10))
    (folder / "brevitas.json").write_text(json.dumps({"accuracy": accuracy, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
