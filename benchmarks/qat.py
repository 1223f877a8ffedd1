"""Accuracy against bits over three seeds, and brevitas on the same network, data, bits and epochs.

    python benchmarks/qat.py                          this course's quantizers
    python benchmarks/qat.py --brevitas FOLDER        and brevitas, in an environment of its own made in FOLDER
    python benchmarks/qat.py --data mnist             the same on MNIST

Run from the top of the repository. Writes img/qat_digits.json (or _mnist), from which img/qat.py draws the lesson's
figure. One thread throughout; of times only ratios are kept.
"""

import argparse
import copy
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from lib.data import Data, load  # noqa: E402
from lib.network import Network, fold, quantize  # noqa: E402
from lib.qat import QuantConv2d, QuantLinear, fold_batchnorm  # noqa: E402
from lib.training import accuracy, train  # noqa: E402

KINDS = ("notes", "mended", "learned")
EPOCHS = {"digits": (20, 10), "mnist": (6, 4)}
SEEDS = (0, 1, 2)


def timed(network: Network, data: Data, epochs: int, seed: int) -> float:
    """Train, and give the seconds an epoch took."""
    start = time.perf_counter()
    train(network, data, epochs, seed=seed)
    return (time.perf_counter() - start) / epochs


def one_seed(data: Data, epochs: tuple[int, int], seed: int, weights: Path) -> tuple[dict, dict]:
    """Accuracies and seconds an epoch of every variant, from one seed."""
    torch.manual_seed(seed)
    network = Network(side=data.train_x.shape[-1])
    train(network, data, epochs[0], seed=seed)
    folded = fold(network, fold_batchnorm)
    torch.save(folded.state_dict(), weights / f"{seed}.pt")
    control = copy.deepcopy(folded)
    seconds = {"float, folded": timed(control, data, epochs[1], seed)}
    found = {"float": accuracy(network, data), "float, trained on": accuracy(control, data)}
    for kind in KINDS:
        for bits in (8, 6, 4, 3, 2):
            quantized = quantize(folded, bits, QuantConv2d, QuantLinear, data.train_x[:256], kind)
            found[f"{kind} PTQ {bits}"] = accuracy(quantized, data)
            if bits <= 4:
                seconds[f"{kind} QAT {bits}"] = timed(quantized, data, epochs[1], seed)
                found[f"{kind} QAT {bits}"] = accuracy(quantized, data)
    return found, seconds


def brevitas(folder: Path, data: Data, epochs: int, weights: Path) -> tuple[dict, dict]:
    """Run the other script in an environment that has brevitas, making it where it is not there yet."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "brevitas", f"torch=={torch.__version__.split('+')[0]}"],
            check=True,
        )
    torch.save({"data": tuple(data), "epochs": epochs, "seeds": SEEDS}, weights / "job.pt")
    subprocess.run([str(python), str(HERE / "qat_brevitas.py"), str(weights)], check=True)
    result = json.loads((weights / "brevitas.json").read_text())
    return result["accuracy"], result["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=EPOCHS, default="digits")
    parser.add_argument("--brevitas", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data, epochs = load(args.data), EPOCHS[args.data]
    accuracies: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in SEEDS:
            for total, new in zip((accuracies, seconds), one_seed(data, epochs, seed, Path(scratch)), strict=True):
                for name, value in new.items():
                    total.setdefault(name, []).append(value)
        if args.brevitas:
            found = brevitas(args.brevitas, data, epochs[1], Path(scratch))
            accuracies |= found[0]
            seconds |= found[1]
    fastest = {name: min(values) for name, values in seconds.items()}
    ratios = {name: value / fastest["float, folded"] for name, value in fastest.items()}
    print(f"{args.data}: accuracy in %, mean (least … most) of {len(SEEDS)} seeds; epoch time, float = 1")
    for name, values in accuracies.items():
        spread = f"{statistics.mean(values):6.1f} ({min(values):5.1f} … {max(values):5.1f})"
        print(f"{name:32}{spread}" + (f"{ratios[name]:8.2f}" if name in ratios else ""))
    result = {"data": args.data, "seeds": SEEDS, "accuracy": accuracies, "epoch time, float = 1": ratios}
    (HERE.parent / "img" / f"qat_{args.data}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
