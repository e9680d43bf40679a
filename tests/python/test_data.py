"""mpsg.data: data sets, IDX files, batches, labels."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import itertools
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpsg.data
from mpsg._extras import require

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """What an IDX file of this array holds."""
    code = CODES[array.dtype.str[1:]]
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return (
        bytes([0, 0, code, array.ndim])
        + sizes
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


def write_mnist(folder: Path, *, pack: bool = False, train: int = 6, test: int = 4) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
        for name, array in (
            (f"{part}-images-idx3-ubyte", rng.integers(0, 256, (count, 28, 28), np.uint8)),
            (f"{part}-labels-idx1-ubyte", rng.integers(0, 10, count, np.uint8)),
        ):
            content = idx(array)
            if pack:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)


# Digits


@pytest.fixture(scope="module")
def digits() -> mpsg.data.Dataset:
    pytest.importorskip("sklearn")
    return mpsg.data.digits()


def test_digits_have_the_documented_form(digits: mpsg.data.Dataset) -> None:
    assert digits.train_images.shape == (1438, 28, 28, 1)
    assert digits.test_images.shape == (359, 28, 28, 1)
    for images in (digits.train_images, digits.test_images):
        assert images.dtype == np.float32
        assert images.flags.c_contiguous
        assert images.min() == 0
        assert 0.9 < images.max() <= 1
    for labels in (digits.train_labels, digits.test_labels):
        assert labels.dtype == np.int32
        assert set(labels.tolist()) == set(range(10))
    assert digits.class_names == tuple("0123456789")
    assert repr(digits) == (
        "Dataset('digits': 1438 training and 359 test images, 28x28x1 float32, 10 classes)"
    )


def test_digits_repeat_and_the_seed_matters(digits: mpsg.data.Dataset) -> None:
    again = mpsg.data.digits()
    np.testing.assert_array_equal(digits.train_images, again.train_images)
    np.testing.assert_array_equal(digits.test_labels, again.test_labels)
    assert not np.array_equal(digits.train_labels, mpsg.data.digits(seed=1).train_labels)
    # The order is the same on every machine and with every version of NumPy.
    assert digits.train_labels[:12].tolist() == FIRST_LABELS


FIRST_LABELS = [5, 9, 8, 1, 5, 2, 4, 7, 1, 6, 3, 7]


def test_digits_are_split_without_overlap_and_evenly(digits: mpsg.data.Dataset) -> None:
    sklearn = pytest.importorskip("sklearn.datasets")
    source = sklearn.load_digits()
    native = mpsg.data.digits(image_size=8)
    together = np.concatenate([native.train_images, native.test_images])[..., 0] * 16
    as_rows = sorted(map(tuple, together.reshape(-1, 64).tolist()))
    assert as_rows == sorted(map(tuple, source.images.reshape(-1, 64).tolist()))
    parts = np.bincount(digits.test_labels) / np.bincount(source.target)
    np.testing.assert_allclose(parts, 0.2, atol=0.004)


def test_digits_are_centred_like_mnist(digits: mpsg.data.Dataset) -> None:
    mean = digits.train_images.mean(axis=0)[..., 0]
    assert mean[:3].max() == 0
    assert mean[-3:].max() == 0
    assert mean[:, :3].max() == 0
    assert mean[:, -3:].max() == 0
    assert abs(mean.sum(axis=1) @ np.arange(28) / mean.sum() - 13.5) < 0.5
    assert abs(mean.sum(axis=0) @ np.arange(28) / mean.sum() - 13.5) < 0.5


@pytest.mark.parametrize("fraction", [0.001, 0.5, 0.999])
def test_every_class_is_in_both_parts(fraction: float) -> None:
    pytest.importorskip("sklearn")
    dataset = mpsg.data.digits(test_fraction=fraction, image_size=8)
    assert len(set(dataset.train_labels.tolist())) == 10
    assert len(set(dataset.test_labels.tolist())) == 10
    assert len(dataset.train_labels) + len(dataset.test_labels) == 1797


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"test_fraction": 0}, ValueError),
        ({"test_fraction": 1.0}, ValueError),
        ({"test_fraction": float("nan")}, ValueError),
        ({"image_size": 7}, ValueError),
        ({"image_size": 5000}, ValueError),
        ({"image_size": 28.5}, TypeError),
        ({"seed": -1}, ValueError),
        ({"seed": 0.5}, TypeError),
    ],
)
def test_digits_refuse_bad_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(arguments))):
        mpsg.data.digits(**arguments)


# Dataset


def small(**changes: Any) -> mpsg.data.Dataset:
    images, labels = np.zeros((2, 3, 4, 1), np.float32), np.array([0, 1], np.int32)
    values: dict[str, Any] = {"train_images": images, "train_labels": labels, "test_images": images}
    return mpsg.data.Dataset(
        **(values | {"test_labels": labels, "name": "n", "class_names": ("a", "b")} | changes)
    )


def test_dataset_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        small().name = "other"  # type: ignore[misc]
    hash(small())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"train_images": np.zeros((2, 3, 4, 1))}, TypeError),
        ({"test_labels": np.array([0, 1])}, TypeError),
        ({"train_images": np.zeros((2, 3, 4), np.float32)}, ValueError),
        ({"train_labels": np.zeros(3, np.int32)}, ValueError),
        ({"test_images": np.zeros((2, 3, 5, 1), np.float32)}, ValueError),
        ({"class_names": ("a",)}, ValueError),
        ({"train_labels": np.array([-1, 0], np.int32)}, ValueError),
    ],
)
def test_dataset_refuses_what_does_not_fit(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        small(**changes)


# IDX


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("data_type", list(CODES))
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 1, 3, 2), (0,), (3, 0, 2), (1,) * 16])
def test_idx_gives_back_what_was_written(
    tmp_path: Path, pack: bool, data_type: str, shape: tuple[int, ...]
) -> None:
    array = np.random.default_rng(1).uniform(0, 100, shape).astype(data_type)
    file = tmp_path / "values"
    file.write_bytes(gzip.compress(idx(array)) if pack else idx(array))
    result = mpsg.data.read_idx(file)
    assert result.dtype == array.dtype
    assert result.dtype.isnative
    assert result.flags.writeable
    np.testing.assert_array_equal(result, array)


GOOD = idx(np.arange(6, dtype=np.uint8).reshape(2, 3))


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "header"),
        (GOOD[:3], "header"),
        (b"\x89PNG" + GOOD[4:], "starts with 89 50"),
        (b"\0\0\x0a\x02" + GOOD[4:], "starts with 00 00 0a"),
        (b"\0\0\x08\x00", "1 to 16 dimensions"),
        (b"\0\0\x08\x11" + bytes(200), "1 to 16 dimensions"),
        (GOOD[:9], "2 dimensions in 8 bytes"),
        (GOOD[:-1], r"uint8 values of shape \(2, 3\)"),
        (GOOD + b"\0", r"uint8 values of shape \(2, 3\)"),
        (b"\0\0\x0e\x03" + b"\xff" * 12, "float64 values of shape"),
        (b"\0\0\x08\x10" + b"\xff" * 64, "uint8 values of shape"),
    ],
)
def test_idx_refuses_unsound_files(
    tmp_path: Path, pack: bool, content: bytes, message: str
) -> None:
    file = tmp_path / "bad-file"
    file.write_bytes(gzip.compress(content) if pack else content)
    with pytest.raises(ValueError, match=f"bad-file: expected .*{message}"):
        mpsg.data.read_idx(file)


def test_idx_refuses_every_truncation_of_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD)
    file = tmp_path / "bad-file.gz"
    for length in range(len(packed)):
        file.write_bytes(packed[:length])
        with pytest.raises(ValueError, match=r"bad-file\.gz: expected"):
            mpsg.data.read_idx(file)
    # A wrong checksum.
    file.write_bytes(packed[:-8] + bytes(4) + packed[-4:])
    with pytest.raises(ValueError, match="sound gzip"):
        mpsg.data.read_idx(file)


def test_idx_never_fails_in_another_way(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    file = tmp_path / "fuzz"
    for pack in (False, True):
        for _ in range(300):
            content = bytearray(gzip.compress(GOOD) if pack else GOOD)
            for _ in range(rng.integers(1, 4)):
                content[rng.integers(len(content))] = rng.integers(256)
            file.write_bytes(content)
            with contextlib.suppress(ValueError):
                assert mpsg.data.read_idx(file).nbytes <= 1 << 16


def test_idx_huge_empty_shape(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_bytes(b"\0\0\x08\x10" + bytes(4) + b"\xff" * 60)
    with pytest.raises(ValueError, match="empty: expected"):
        mpsg.data.read_idx(file)


def test_idx_of_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mpsg.data.read_idx(tmp_path / "none")
    with pytest.raises(ValueError, match="regular file"):
        mpsg.data.read_idx(tmp_path)


# MNIST


@pytest.mark.parametrize("pack", [False, True])
def test_mnist_from_a_folder(tmp_path: Path, pack: bool) -> None:
    write_mnist(tmp_path, pack=pack)
    dataset = mpsg.data.mnist(tmp_path, download=False)
    assert dataset.name == "MNIST"
    assert dataset.train_images.shape == (6, 28, 28, 1)
    assert dataset.test_labels.shape == (4,)
    assert dataset.train_images.dtype == np.float32
    assert 0 <= dataset.train_images.min() < dataset.train_images.max() <= 1
    # Nothing is missing, so nothing is downloaded, and pooch is not needed.
    assert mpsg.data.mnist(str(tmp_path)).train_labels.dtype == np.int32


def test_mnist_names_with_a_dot(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    for file in list(tmp_path.iterdir()):
        file.rename(tmp_path / file.name.replace("-idx", ".idx"))
    assert len(mpsg.data.mnist(tmp_path, download=False).test_images) == 4


def test_mnist_says_what_is_missing(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="no file t10k-labels-idx1-ubyte"):
        mpsg.data.mnist(tmp_path, download=False)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("train-images-idx3-ubyte", np.zeros((6, 28, 27), np.uint8)),
        ("train-images-idx3-ubyte", np.zeros((6, 28, 28), np.int16)),
        ("train-labels-idx1-ubyte", np.zeros(5, np.uint8)),
        ("t10k-labels-idx1-ubyte", np.full(4, 10, np.uint8)),
    ],
)
def test_mnist_refuses_files_of_another_form(
    tmp_path: Path, name: str, array: np.ndarray[Any, Any]
) -> None:
    write_mnist(tmp_path)
    (tmp_path / name).write_bytes(idx(array))
    with pytest.raises(ValueError, match=f"{name}: expected"):
        mpsg.data.mnist(tmp_path, download=False)


def test_mnist_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is asked of pooch, with the address and the checksum."""
    pooch = pytest.importorskip("pooch")
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    write_mnist(source, pack=True)
    asked = []

    def retrieve(url: str, known_hash: str, fname: str, path: Path, progressbar: bool) -> str:
        asked.append((url, known_hash))
        assert path == target
        (target / fname).write_bytes((source / fname).read_bytes())
        return str(target / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    (target / "t10k-labels-idx1-ubyte").write_bytes(
        gzip.decompress((source / "t10k-labels-idx1-ubyte.gz").read_bytes())
    )
    assert len(mpsg.data.mnist(target).train_images) == 6
    assert [url.rpartition("/")[2] for url, _ in asked] == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
    ]
    assert all(len(checksum) == len("sha256:") + 64 for _, checksum in asked)


def test_mnist_failed_download_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pooch = pytest.importorskip("pooch")

    def retrieve(*_: object, **__: object) -> str:
        raise OSError("no route")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(OSError, match=r"no route.*pass folder"):
        mpsg.data.mnist(tmp_path)


# Batches


def pairs(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    labels = np.arange(count, dtype=np.int32)
    return labels[:, None].astype(np.float32) * 10, labels


def test_batches_keep_pairs_together_and_meet_each_example_once() -> None:
    images, labels = pairs(10)
    seen = []
    for x, y in mpsg.data.batches(images, labels, 3, seed=4, drop_last=False, epochs=1):
        np.testing.assert_array_equal(x[:, 0], y * 10)
        assert x.dtype == np.float32
        assert y.dtype == np.int32
        seen.append(y.tolist())
    assert [len(batch) for batch in seen] == [3, 3, 3, 1]
    flat = list(itertools.chain(*seen))
    assert sorted(flat) == list(range(10))
    assert flat != list(range(10))


def test_batches_repeat_for_a_seed() -> None:
    images, labels = pairs(50)

    def order(seed: int, size: int = 5) -> list[int]:
        walk = mpsg.data.batches(images, labels, size, seed=seed, epochs=3)
        return [int(label) for _, y in walk for label in y]

    assert order(1) == order(1) == order(1, size=10)
    assert order(1) != order(2)
    assert order(1)[:50] != order(1)[50:100]


def test_batches_order_is_fixed() -> None:
    images, labels = pairs(8)
    _, first = next(mpsg.data.batches(images, labels, 8, seed=0))
    assert first.tolist() == FIRST_ORDER


FIRST_ORDER = [3, 2, 1, 6, 0, 7, 4, 5]


def test_batches_without_shuffling_and_without_end() -> None:
    images, labels = pairs(5)
    walk = mpsg.data.batches(images, labels, 2, seed=0, shuffle=False)
    taken = [y.tolist() for _, y in itertools.islice(walk, 5)]
    assert taken == [[0, 1], [2, 3], [0, 1], [2, 3], [0, 1]]
    assert list(mpsg.data.batches(images, labels, 2, seed=0, epochs=0)) == []


def test_batches_are_copies() -> None:
    images, labels = pairs(4)
    x, _ = next(mpsg.data.batches(images, labels, 4, seed=0, shuffle=False))
    x[:] = -1
    assert images.min() == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"batch_size": 0}, ValueError),
        ({"batch_size": 2.0}, TypeError),
        ({"batch_size": True}, TypeError),
        ({"batch_size": 6}, ValueError),
        ({"seed": -1}, ValueError),
        ({"seed": None}, TypeError),
        ({"epochs": -1}, ValueError),
        ({"epochs": 1.5}, TypeError),
        ({"labels": np.zeros(4)}, ValueError),
        ({"labels": np.zeros(())}, ValueError),
        ({"images": np.zeros((0, 1)), "labels": np.zeros(0)}, ValueError),
    ],
)
def test_batches_refuse_at_once(arguments: dict[str, Any], error: type[Exception]) -> None:
    images, labels = pairs(5)
    good: dict[str, Any] = {"images": images, "labels": labels, "batch_size": 2, "seed": 0}
    with pytest.raises(error):
        mpsg.data.batches(**(good | arguments))  # not even asked for a first batch


# Labels


@pytest.mark.parametrize("shape", [(), (7,), (2, 3), (0,), (0, 4)])
def test_one_hot(shape: tuple[int, ...]) -> None:
    labels = np.random.default_rng(0).integers(0, 5, shape)
    result = mpsg.data.one_hot(labels, 5)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.eye(5, dtype=np.float32)[labels])


@pytest.mark.parametrize(
    ("labels", "depth", "error"),
    [
        ([3], 3, ValueError),
        ([-1], 3, ValueError),
        ([1.0], 3, TypeError),
        ([True], 3, TypeError),
        (["1"], 3, TypeError),
        ([0], 0, ValueError),
        ([0], 1.0, TypeError),
    ],
)
def test_one_hot_refuses(labels: Any, depth: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        mpsg.data.one_hot(labels, depth)


# Missing packages


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImportError, match=r'pip install "mpsg\[data\]"'):
        require("no_such_package_for_mpsg.part", "data")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    with pytest.raises(ImportError, match=r'scikit-learn.*pip install "mpsg\[data\]"'):
        mpsg.data.digits()


def test_a_broken_package_raises_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_for_mpsg.py").write_text("import no_such_package_for_mpsg\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_package_for_mpsg"):
        require("broken_for_mpsg", "data")
