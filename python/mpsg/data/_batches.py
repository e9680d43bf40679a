"""Mini-batches and one-hot labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mpsg.data._integers import integer
from mpsg.data._order import permutation

ImageType = TypeVar("ImageType", bound=np.generic)
LabelType = TypeVar("LabelType", bound=np.generic)


def batches(
    images: npt.NDArray[ImageType],
    labels: npt.NDArray[LabelType],
    batch_size: int,
    *,
    seed: int,
    shuffle: bool = True,
    drop_last: bool = True,
    epochs: int | None = None,
) -> Iterator[tuple[npt.NDArray[ImageType], npt.NDArray[LabelType]]]:
    """Walk through a data set in mini-batches, in a new order each epoch.

    The order depends only on ``seed`` and the epoch's number: it is the same on every machine,
    and the second epoch's does not depend on the batch size.

    Args:
        images: The examples, shape (N, ...). Not copied; each batch is.
        labels: One label (or row) for each example, shape (N, ...).
        batch_size: Examples in a batch, at least 1.
        seed: A non-negative integer.
        shuffle: Whether to shuffle; otherwise every epoch runs from first to last.
        drop_last: Whether to leave out the rest of an epoch that does not fill a batch, so that
            all batches have one size. The examples left out differ from epoch to epoch.
        epochs: How often to walk through; ``None`` never ends.

    Returns:
        An iterator of ``(images, labels)``, each of shape (batch_size, ...).

    Raises:
        TypeError: A number is not an integer.
        ValueError: The lengths differ, there is no example, or no batch would ever come.
            Raised by this call, not later by the iterator.

    Example:
        >>> images = np.arange(6, dtype=np.float32).reshape(6, 1)
        >>> labels = np.arange(6, dtype=np.int32)
        >>> [len(y) for x, y in batches(images, labels, 4, seed=0, drop_last=False, epochs=1)]
        [4, 2]
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim == 0 or labels.ndim == 0 or len(images) != len(labels):
        raise ValueError(
            "images and labels must have the same first dimension, "
            f"but their shapes are {images.shape} and {labels.shape}"
        )
    count = len(images)
    size = integer("batch_size", batch_size, least=1)
    first_seed = integer("seed", seed, least=0)
    rounds = None if epochs is None else integer("epochs", epochs, least=0)
    if count == 0:
        raise ValueError("there are no examples to make batches of")
    if drop_last and size > count:
        raise ValueError(
            f"batch_size is {size} but there are only {count} examples: with drop_last=True "
            "no batch would ever come. Use a smaller batch_size or drop_last=False"
        )

    # A generator checks nothing until it is first asked; so the checks stay out of it.
    def walk() -> Iterator[tuple[npt.NDArray[ImageType], npt.NDArray[LabelType]]]:
        stop = count - count % size if drop_last else count
        for epoch in itertools.count() if rounds is None else range(rounds):
            order = permutation(count, first_seed, epoch) if shuffle else np.arange(count)
            for start in range(0, stop, size):
                chosen = order[start : min(start + size, stop)]
                yield images[chosen], labels[chosen]

    return walk()


def one_hot(labels: npt.ArrayLike, depth: int) -> npt.NDArray[np.float32]:
    """Turn class numbers into rows of zeros with a single one.

    Args:
        labels: Integers from 0 to ``depth - 1``, of any shape.
        depth: The number of classes, at least 1.

    Returns:
        float32, shape ``labels.shape + (depth,)``.

    Raises:
        TypeError: The labels are not integers.
        ValueError: A label is negative or not below ``depth``.

    Example:
        >>> one_hot([2, 0], depth=3)
        array([[0., 0., 1.],
               [1., 0., 0.]], dtype=float32)
    """
    classes = integer("depth", depth, least=1)
    array: npt.NDArray[Any] = np.asarray(labels)
    if array.size == 0:
        return np.zeros((*array.shape, classes), np.float32)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"labels must be integers, not {array.dtype}")
    lowest, highest = array.min(), array.max()
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"labels go from {lowest} to {highest}, outside 0 to {classes - 1} (depth {classes})"
        )
    result = np.zeros((array.size, classes), np.float32)
    result[np.arange(array.size), array.reshape(-1)] = 1
    return result.reshape(*array.shape, classes)
