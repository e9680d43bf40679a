"""4-bit integers as files and devices hold them: two in a byte, the first one in the low bits.

In memory each has a byte of its own, as NumPy's arrays of ml_dtypes' types have.

    weights = packed.unpack(data, (64, 128), mpsg.int4)     # 4096 bytes
    graph.dequantize(graph.constant(weights), scale, ...)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpsg._mpsg import DataType, int4, uint4


def unpack(data: bytes | ArrayLike, shape: Sequence[int], data_type: DataType = int4) -> Any:
    """The elements of `shape` that `data` (bytes or uint8) holds, two in a byte, row by row.

    `data_type`: mpsg.int4 (two's complement) or mpsg.uint4. Returns a NumPy array of that type.
    ValueError: `data` has another number of bytes than half the elements, rounded up.
    """
    if data_type not in (int4, uint4):
        raise ValueError(f"{data_type!r} is not packed; give mpsg.int4 or mpsg.uint4")
    raw = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else np.asarray(data)
    if raw.dtype != np.uint8:
        raise ValueError(f"packed elements are bytes (uint8), not {raw.dtype}")
    count = prod(shape)
    if raw.size != (count + 1) // 2:
        raise ValueError(
            f"{raw.size} bytes are not the {(count + 1) // 2} that {tuple(shape)} needs"
        )
    pairs = np.stack([raw.ravel() & 15, raw.ravel() >> 4], axis=-1)
    numbers = pairs.ravel()[:count].reshape(tuple(shape)).astype(np.int8)
    if data_type == int4:
        numbers = (numbers ^ 8) - 8
    return numbers.astype(data_type.numpy())


def pack(array: ArrayLike) -> NDArray[np.uint8]:
    """The bytes of an int4 or uint4 array: the inverse of unpack.

    An odd number of elements leaves the last four bits 0. ValueError: another data type.
    """
    numbers = np.asarray(array)
    if numbers.dtype not in (int4.numpy(), uint4.numpy()):
        raise ValueError(f"only int4 and uint4 are packed, not {numbers.dtype}")
    bits = (numbers.ravel().astype(np.int8) & 15).astype(np.uint8)
    bits = np.append(bits, np.zeros(bits.size % 2, np.uint8))
    packed: NDArray[np.uint8] = np.bitwise_or(bits[0::2], np.left_shift(bits[1::2], 4))
    return packed
