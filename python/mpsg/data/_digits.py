"""The digits set that comes inside scikit-learn, in the size and form of MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mpsg._extras import require
from mpsg.data._dataset import Dataset
from mpsg.data._integers import integer
from mpsg.data._order import permutation

_SOURCE_SIZE = 8  # pixels a side in scikit-learn's images
_SOURCE_MAX = 16  # their values go from 0 to 16
_MNIST_SIZE = 28
_MAX_SIZE = 1024  # all of them then take 7 GiB
_MNIST_DIGIT = 20  # MNIST draws its digit in a 20x20 box, centred in 28x28


def digits(*, test_fraction: float = 0.2, image_size: int = 28, seed: int = 0) -> Dataset:
    """The 1,797 handwritten digits inside scikit-learn, without a download.

    The 8x8 images (values 0 to 16) are enlarged smoothly, placed in the middle of the frame as
    MNIST does it, and scaled to values from 0 to 1.

    Args:
        test_fraction: The part of each class that is kept for testing, above 0 and below 1.
            The split is stratified: every class is divided alike.
        image_size: Height and width of the images in pixels, 8 to 1024; 8 gives the images as
            they are in scikit-learn.
        seed: Which split and order, a non-negative integer: the same one gives the same arrays
            everywhere.

    Returns:
        A :class:`Dataset` with images of shape (N, image_size, image_size, 1).

    Raises:
        ImportError: scikit-learn is missing: ``pip install "mpsg[data]"``.
        TypeError: ``image_size`` or ``seed`` is not an integer.
        ValueError: An argument is out of range.

    Example:
        >>> digits()  # doctest: +SKIP
        Dataset('digits': 1438 training and 359 test images, 28x28x1 float32, 10 classes)
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must be above 0 and below 1, not {test_fraction}")
    image_size = integer("image_size", image_size, least=_SOURCE_SIZE, most=_MAX_SIZE)
    seed = integer("seed", seed, least=0)

    source: Any = require("sklearn.datasets", "data").load_digits()
    labels = np.asarray(source.target, np.int32)
    images = _enlarge(np.asarray(source.images / _SOURCE_MAX, np.float32), image_size)
    train, test = _stratified_split(labels, test_fraction, seed)
    return Dataset(
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        name="digits",
        class_names=tuple("0123456789"),
    )


def _enlarge(images: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Bilinear enlargement, centred, (N, 8, 8) -> (N, size, size, 1).

    Rows and columns are separate, so one (size, 8) matrix of weights, used on both sides, is
    the whole of it. A pixel that looks past the edge of the source finds no weight there: the
    digit fades into the black frame.
    """
    scale = max(1.0, size * _MNIST_DIGIT / _MNIST_SIZE / _SOURCE_SIZE)
    # Where the centre of each target pixel lies, in source pixels counted from the first centre.
    position = (np.arange(size) - (size - 1) / 2) / scale + (_SOURCE_SIZE - 1) / 2
    distance = np.abs(position[:, None] - np.arange(_SOURCE_SIZE))
    weights = np.maximum(0, 1 - distance).astype(np.float32)
    enlarged = np.clip(weights @ images @ weights.T, 0, 1)
    return np.ascontiguousarray(enlarged[..., None], np.float32)


def _stratified_split(
    labels: npt.NDArray[np.int32], test_fraction: float, seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Indices to train on and to test on, each shuffled, every class divided alike."""
    train, test = [], []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[permutation(len(members), seed, int(label))]
        # Both parts keep at least one of each class, however small the fraction.
        count = min(max(1, round(len(members) * test_fraction)), len(members) - 1)
        test.append(members[:count])
        train.append(members[count:])
    train_indices, test_indices = np.concatenate(train), np.concatenate(test)
    # Class by class is no order to train in. The keys are longer than those of the classes.
    return (
        train_indices[permutation(len(train_indices), seed, 0, 1)],
        test_indices[permutation(len(test_indices), seed, 0, 2)],
    )
