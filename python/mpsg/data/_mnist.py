"""MNIST: 70,000 handwritten digits, from a folder or downloaded once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsg._extras import require
from mpsg.data._dataset import Dataset
from mpsg.data._idx import read_idx

_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"

# Name of each file, without .gz, and the SHA256 of the compressed one.
_FILES = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def mnist(folder: str | os.PathLike[str] | None = None, download: bool = True) -> Dataset:
    """The MNIST digits: 60,000 images to train on and 10,000 to test on, 28x28 pixels.

    Args:
        folder: Where the four IDX files are (compressed or not), for example
            ``train-images-idx3-ubyte.gz``. Files that you put there are not compared with
            MNIST's checksums, so a set in the same form (Fashion-MNIST, KMNIST, or a part of
            one) can be read too. ``None`` is the user's cache folder.
        download: Whether to download what is missing (11 MB in all) into the folder. Downloads
            are checked by SHA256, and so are earlier ones in the cache.

    Returns:
        A :class:`Dataset` with images of shape (N, 28, 28, 1).

    Raises:
        FileNotFoundError: A file is missing and ``download`` is false.
        ImportError: pooch is missing: ``pip install "mpsg[data]"``. It is needed only for the
            cache folder and to download.
        OSError: The download failed.
        ValueError: A file is not sound, is not what MNIST's form says, or a download has
            another checksum.

    Example:
        >>> dataset = mnist("data/mnist", download=False)  # doctest: +SKIP
        >>> dataset.train_images.shape  # doctest: +SKIP
        (60000, 28, 28, 1)
    """
    if folder is None:
        place = Path(require("pooch", "data").os_cache("mpsg")) / "mnist"
    else:
        place = Path(folder)
    # The cache is ours: there pooch looks itself, and compares checksums.
    ask_pooch = folder is None and download
    found = {} if ask_pooch else {name: _find(place, name) for name in _FILES}
    missing = [name for name in _FILES if found.get(name) is None]
    if missing and not download:
        raise FileNotFoundError(
            f"{place} has no file {' and no file '.join(missing)}, with or without .gz. "
            "Give the folder that has them, or download=True"
        )
    paths = [found.get(name) or _download(place, name) for name in _FILES]
    train_images, train_labels = _read_part(paths[0], paths[1])
    test_images, test_labels = _read_part(paths[2], paths[3])
    return Dataset(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        name="MNIST",
        class_names=tuple("0123456789"),
    )


def _find(folder: Path, name: str) -> Path | None:
    """The file called ``name`` in any of the ways in which it is passed around."""
    dotted = name.replace("-idx", ".idx")
    for candidate in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        if (folder / candidate).is_file():
            return folder / candidate
    return None


def _download(folder: Path, name: str) -> Path:
    """The path of a file that pooch downloads, or finds downloaded with the right checksum."""
    pooch: Any = require("pooch", "data")
    try:
        require("tqdm", "data")
        progress = True
    except ImportError:
        progress = False  # a bar is no reason to refuse the download
    url = f"{_MIRROR}{name}.gz"
    try:
        path = pooch.retrieve(
            url,
            known_hash=f"sha256:{_FILES[name]}",
            fname=f"{name}.gz",
            path=folder,
            progressbar=progress,
        )
    except OSError as error:
        raise OSError(
            f"could not get {url} into {folder}: {error}. "
            "Put the four files in a folder yourself and pass folder=..."
        ) from error
    return Path(path)


def _read_part(
    images_path: Path, labels_path: Path
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """One pair of files, as float32 images (N, 28, 28, 1) from 0 to 1 and int32 labels (N,)."""
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(
            f"{images_path}: expected uint8 images of shape (N, 28, 28), "
            f"but it has {images.dtype} of shape {images.shape}"
        )
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{labels_path}: expected {len(images)} uint8 labels, one for each image in "
            f"{images_path.name}, but it has {labels.dtype} of shape {labels.shape}"
        )
    if labels.size and labels.max() > 9:
        raise ValueError(f"{labels_path}: expected labels 0 to 9, but it has {labels.max()}")
    # In place, so that the set is not held twice at 4 bytes a value.
    scaled = images[..., None].astype(np.float32)
    scaled /= 255
    return scaled, labels.astype(np.int32)
