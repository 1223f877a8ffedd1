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
from lib.qat import QuantConv2d, fold_batchnorm  # noqa: E402
from lib.training import accuracy, train  # noqa: E402

KINDS = ("notes", "mended", "learned")
EPOCHS = {"digits": (20, 10), "mnist": (6, 4)}
SEEDS = (0, 1, 2)


def one_epoch(network: Network, data: Data, rounds: int = 10) -> float:
    """Seconds of the processor that an epoch takes; the fewest of some, since what else the machine does only adds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        train(network, data, 1)
        times.append(time.process_time() - start)
    return min(times)


def times(data: Data, weights: Path) -> dict[str, float]:
    """Seconds an epoch of every variant takes at 2 bits."""
    folded = fold(Network(side=data.train_x.shape[-1]).eval(), fold_batchnorm)
    folded.load_state_dict(torch.load(weights / "0.pt"))
    found = {"float, trained on": one_epoch(copy.deepcopy(folded), data)}
    for kind in KINDS:
        quantized = quantize(folded, 2, QuantConv2d, data.train_x[:256], kind)
        found[f"{kind} QAT 2"] = one_epoch(quantized, data)
    return found


def one_seed(data: Data, epochs: tuple[int, int], seed: int, weights: Path) -> dict[str, float]:
    """Accuracy of every variant, from one seed."""
    torch.manual_seed(seed)
    network = Network(side=data.train_x.shape[-1])
    train(network, data, epochs[0], seed=seed)
    folded = fold(network, fold_batchnorm)
    torch.save(folded.state_dict(), weights / f"{seed}.pt")
    control = copy.deepcopy(folded)
    train(control, data, epochs[1], seed=seed)
    found = {"float": accuracy(network, data), "float, trained on": accuracy(control, data)}
    for kind in KINDS:
        for bits in (8, 6, 4, 3, 2):
            quantized = quantize(folded, bits, QuantConv2d, data.train_x[:256], kind)
            found[f"{kind} PTQ {bits}"] = accuracy(quantized, data)
            if bits <= 4:
                train(quantized, data, epochs[1], seed=seed)
                found[f"{kind} QAT {bits}"] = accuracy(quantized, data)
    return found


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
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch)
        for seed in SEEDS:
            for name, value in one_seed(data, epochs, seed, weights).items():
                accuracies.setdefault(name, []).append(value)
        seconds = times(data, weights)
        if args.brevitas:
            accuracy_there, seconds_there = brevitas(args.brevitas, data, epochs[1], weights)
            accuracies |= accuracy_there
            again = times(data, weights)  # before and after: a busy machine must not favour either
            seconds = {name: min(value, again[name]) for name, value in seconds.items()} | seconds_there
    ratios = {name: value / seconds["float, trained on"] for name, value in seconds.items()}
    print(f"{args.data}: accuracy in %, mean (least … most) of {len(SEEDS)} seeds; epoch time, float = 1")
    for name, values in accuracies.items():
        spread = f"{statistics.mean(values):6.1f} ({min(values):5.1f} … {max(values):5.1f})"
        print(f"{name:32}{spread}" + (f"{ratios[name]:8.2f}" if name in ratios else ""))
    result = {"data": args.data, "seeds": SEEDS, "accuracy": accuracies, "epoch time, float = 1": ratios}
    (HERE.parent / "img" / f"qat_{args.data}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
