"""Networks that the tests of lesson 5 share: trained once, then copied."""

import functools

import torch

from lib.data import load
from lib.network import Network, fold, quantize
from lib.qat import QuantConv2d, fold_batchnorm
from lib.training import train

digits = functools.cache(load)


@functools.cache
def trained(seed: int = 0, epochs: int = 20) -> Network:
    """The float network, trained on digits."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = Network()
    train(network, digits(), epochs, seed=seed)
    return network


@functools.cache
def folded(seed: int = 0, epochs: int = 20) -> Network:
    """The same, batch normalization folded."""
    return fold(trained(seed, epochs), fold_batchnorm)


def calibrated(bits: int, kind: str = "mended", seed: int = 0, epochs: int = 20) -> Network:
    """The same, quantized after training."""
    return quantize(folded(seed, epochs), bits, QuantConv2d, digits().train_x[:256], kind)


def learned(bits: int, kind: str = "mended", seed: int = 0, epochs: int = 10) -> Network:
    """The same, trained further as a quantized network."""
    network = calibrated(bits, kind, seed)
    train(network, digits(), epochs, seed=seed)
    return network


__all__ = ["calibrated", "digits", "folded", "learned", "trained"]
