"""Data sets and batches for examples and tests.

- :func:`digits`: the small digits set inside scikit-learn, no download.
- :func:`mnist`: the MNIST digits, from a folder or downloaded once.
- :func:`batches`: shuffled mini-batches, the same for the same seed.
- :func:`one_hot`: labels as rows of zeros with a single one.
- :func:`read_idx`: one array from a file in MNIST's IDX format.

Every data set is a :class:`Dataset`: float32 images of shape (N, height, width, channels) with
values from 0 to 1, and int32 labels of shape (N,).

The data sets need ``pip install "mpsg[data]"``; batches, labels and IDX files need only NumPy.
"""

from __future__ import annotations

from mpsg.data._batches import batches, one_hot
from mpsg.data._dataset import Dataset
from mpsg.data._digits import digits
from mpsg.data._idx import read_idx
from mpsg.data._mnist import mnist

__all__ = ["Dataset", "batches", "digits", "mnist", "one_hot", "read_idx"]
