"""How fast NDArray exports and imports, beside a plain copy of as many bytes.

    python benchmarks/nd_array.py [--megabytes 256] [--repeats 15]

Each line: what is copied, its GB/s (bytes of the result, each once), and that divided by the speed
of numpy's copyto of two packed arrays of as many bytes. The two take turns; each one's best time
counts. Where types change, the bytes are the mean of both sides'.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import mpsg


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Comparison:
    def __init__(self, megabytes: int, repeats: int) -> None:
        self.bytes = megabytes << 20
        self.repeats = repeats
        # Written once, so that no page is touched for the first time while the clock runs.
        self.source = np.ones(self.bytes, np.uint8)
        self.target = np.zeros(self.bytes, np.uint8)

    def __call__(self, name: str, size: int, work: Callable[[], None]) -> float:
        def plain() -> None:
            np.copyto(self.target[:size], self.source[:size])

        times = [(seconds(plain), seconds(work)) for _ in range(self.repeats)]
        reference, ours = (min(column) for column in zip(*times, strict=True))
        ratio = reference / ours
        print(f"{name:<52} {size / ours / 1e9:7.2f} GB/s   {ratio:5.2f} of a copy", flush=True)
        return ratio


def padded(shape: tuple[int, ...], data_type: mpsg.DataType, row_bytes: int) -> mpsg.NDArray:
    array = mpsg.NDArray.empty(shape, data_type, row_bytes)
    array.import_data(mpsg.NDArray(np.float32(1)).broadcast_to(shape))
    return array


def rows(compare: Comparison) -> None:
    elements = compare.bytes // 4
    packed = padded((elements,), mpsg.float32, 0)
    other = np.ones(elements, np.float32)
    compare("export, packed", compare.bytes, partial(packed.export_data, other))
    compare("import, packed", compare.bytes, partial(packed.import_data, other))
    for columns in (100, 1000, 4000, 16000, 1 << 18):
        shape = (elements // columns, columns)
        row_bytes = (columns * 4 // 64 + 1) * 64
        array = padded(shape, mpsg.float32, row_bytes)
        size = array.byte_count
        into = np.ones(shape, np.float32)
        what = f"rows of {columns} float32, padded to {row_bytes} bytes"
        compare(f"export, {what}", size, partial(array.export_data, into))
        compare(f"import, {what}", size, partial(array.import_data, into))


def transposes(compare: Comparison) -> None:
    for name in ("uint8", "float16", "float32", "float64"):
        size = np.dtype(name).itemsize
        for columns in (4096, 999):
            given = np.ones((compare.bytes // size // columns, columns), name)
            view, into = mpsg.NDArray(given).T, np.ones(given.shape[::-1], name)
            compare(
                f"transpose {given.shape} {name}", given.nbytes, partial(view.export_data, into)
            )
    for channels in (3, 64):
        images = compare.bytes // (4 * channels * 56 * 56)
        given = np.ones((images, channels, 56, 56), np.float32)
        view = mpsg.NDArray(given).transpose(0, 2, 3, 1)
        into = np.ones(view.shape, np.float32)
        compare(
            f"NCHW to NHWC, {channels} channels, float32",
            given.nbytes,
            partial(view.export_data, into),
        )
        back = mpsg.NDArray(into).transpose(0, 3, 1, 2)
        compare(
            f"NHWC to NCHW, {channels} channels, float32",
            given.nbytes,
            partial(back.export_data, given),
        )


def conversions(compare: Comparison) -> None:
    pairs = "float32 float64, float64 float32, int32 float32, float32 int32, uint8 float32, "
    pairs += "float32 uint8, int64 int32, float16 float32, float32 float16, bool float32, "
    pairs += "bfloat16 float32, float32 bfloat16"
    for pair in pairs.split(", "):
        source, target = (mpsg.data_type(name) for name in pair.split())
        elements = compare.bytes // max(source.size, target.size)
        given = padded((elements,), source, 0)
        into = padded((elements,), target, 0)
        size = (given.byte_count + into.byte_count) // 2
        compare(f"convert {source.name} to {target.name}", size, partial(given.export_data, into))
    elements = compare.bytes // 4
    images = np.ones((elements // (224 * 224 * 3), 224, 224, 3), np.uint8)
    size = images.size * 5 // 2
    batch = mpsg.NDArray.from_image_batch(images)
    compare("images, uint8 to float32", size, partial(mpsg.NDArray.from_image_batch, images))
    compare("images, float32 to uint8", size, batch.to_image_batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    compare = Comparison(arguments.megabytes, arguments.repeats)
    for part in (rows, transposes, conversions):
        part(compare)


if __name__ == "__main__":
    main()
