"""4-bit integers: stored, moved, converted, quantized to and from; packed and unpacked."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import mpsg
from mpsg import packed
from support.running import DEVICES, run

TYPES = [(mpsg.int4, ml_dtypes.int4, -8, 7), (mpsg.uint4, ml_dtypes.uint4, 0, 15)]
every_type = pytest.mark.parametrize(("type_", "dtype", "low", "high"), TYPES)


@every_type
def test_type(type_: mpsg.DataType, dtype: Any, low: int, high: int) -> None:
    assert type_.numpy() == dtype
    assert mpsg.data_type(dtype) == type_ == dtype
    assert type_.size == np.dtype(dtype).itemsize == 1
    graph = mpsg.Graph()
    assert graph.constant(high, data_type=type_).data_type == type_
    with pytest.raises(mpsg.Error, match="fit"):
        graph.constant(high + 1, data_type=type_)
    with pytest.raises(mpsg.Error, match="fit"):
        graph.constant(low - 1, data_type=type_)


@pytest.mark.parametrize("device", DEVICES)
@every_type
def test_casts(type_: mpsg.DataType, dtype: Any, low: int, high: int, device: str) -> None:
    # To 4 bits: floats saturate and NaN is 0, integers keep the low bits.
    numbers = np.array([-100, -8.9, -1.5, -0.5, 0, 0.9, 7.9, 8, 15.99, 16, 1e9, np.nan], np.float32)
    (got,) = run(lambda g, t: [g.cast(t[0], type_)], [numbers], device)
    wanted = np.trunc(np.clip(np.nan_to_num(numbers, nan=0), low, high)).astype(int)
    assert np.array_equal(got.astype(int), wanted)
    integers = np.arange(-40, 40, dtype=np.int32)
    (got,) = run(lambda g, t: [g.cast(t[0], type_)], [integers], device)
    assert np.array_equal(got.astype(int), (integers - low) % 16 + low)
    # And back, to every type.
    every = np.arange(low, high + 1).astype(dtype)
    for other in (mpsg.float32, mpsg.bfloat16, mpsg.int8, mpsg.int64, mpsg.uint16, mpsg.bool_):
        (got,) = run(lambda g, t, to=other: [g.cast(t[0], to)], [every], device)
        plain = np.arange(low, high + 1)
        assert np.array_equal(got.astype(float), plain.astype(other.numpy()).astype(float)), other


@pytest.mark.parametrize("device", DEVICES)
@every_type
def test_moves(type_: mpsg.DataType, dtype: Any, low: int, high: int, device: str) -> None:
    array = np.arange(low, high + 1).astype(dtype).reshape(4, 4)

    def build(g: mpsg.Graph, t: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        x = g.identity(t[0])
        return [
            g.permute(x, [1, 0]),
            g.concat([x, x], 1),
            x[1:3, ::2],
            g.reshape(x, [16]),
            g.gather(x, g.constant(np.array([3, 0], np.int32)), axis=0),
        ]

    got = run(build, [array], device)
    wanted = [array.T, np.concatenate([array, array], 1), array[1:3, ::2], array.ravel()]
    for mine, theirs in zip(got, [*wanted, array[[3, 0]]], strict=True):
        assert mine.dtype == theirs.dtype and np.array_equal(mine, theirs)


def test_no_arithmetic() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([3], mpsg.int4)
    with pytest.raises(mpsg.GraphError, match=r"int4.*supported|int4.*takes|int4"):
        graph.addition(x, x)
    with pytest.raises(mpsg.GraphError, match="int4"):
        graph.reinterpret_cast(x, mpsg.uint8)
    with pytest.raises(mpsg.GraphError, match="4-bit"):
        graph.reinterpret_cast(graph.placeholder([3], mpsg.int8), mpsg.int4)


@pytest.mark.parametrize("device", DEVICES)
@every_type
def test_quantization(type_: mpsg.DataType, dtype: Any, low: int, high: int, device: str) -> None:
    rng = np.random.default_rng(5)
    numbers = rng.standard_normal((4, 6)).astype(np.float32) * 5
    scale = np.array([0.5, 1, 2, 0.25], np.float32)
    zero = np.array([0, 1, 2, 3]).astype(dtype)

    def build(g: mpsg.Graph, t: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        x, s, z = t
        q = g.quantize(x, s, z, type_, axis=0)
        return [q, g.dequantize(q, s, z, axis=0)]

    q, back = run(build, [numbers, scale, zero], device)
    whole = np.rint(numbers / scale[:, None]) + zero.astype(np.float32)[:, None]
    wanted = np.clip(whole, low, high)
    assert q.dtype == dtype and np.array_equal(q.astype(np.float32), wanted)
    assert np.array_equal(back, (wanted - zero.astype(np.float32)[:, None]) * scale[:, None])


@pytest.mark.parametrize("device", DEVICES)
def test_blocks_and_tables(device: str) -> None:
    rng = np.random.default_rng(6)
    q = rng.integers(-8, 8, (4, 8)).astype(ml_dtypes.int4)
    scales = rng.standard_normal((4, 2)).astype(np.float32)
    (got,) = run(lambda g, t: [g.dequantize(t[0], t[1])], [q, scales], device)
    assert np.array_equal(got, q.astype(np.float32) * np.repeat(scales, 4, 1))
    places = rng.integers(0, 16, (4, 8)).astype(ml_dtypes.uint4)
    table = rng.standard_normal(16).astype(np.float32)
    (got,) = run(lambda g, t: [g.dequantize(t[0], lut=t[1])], [places, table], device)
    assert np.array_equal(got, table[places.astype(int)])


@every_type
@pytest.mark.parametrize("count", [0, 1, 7, 8])
def test_packing(type_: mpsg.DataType, dtype: Any, low: int, high: int, count: int) -> None:
    array = np.random.default_rng(count).integers(low, high + 1, count).astype(dtype)
    data = packed.pack(array)
    assert data.dtype == np.uint8 and data.size == (count + 1) // 2
    for form in (data, data.tobytes()):
        again = packed.unpack(form, (count,), type_)
        assert again.dtype == dtype and np.array_equal(again, array)
    if count > 1:  # the first element is in the low bits
        assert data[0] & 15 == int(array[0]) & 15


def test_packing_refuses() -> None:
    with pytest.raises(ValueError, match="3 bytes are not the 2"):
        packed.unpack(bytes(3), (2, 2))
    with pytest.raises(ValueError, match=r"mpsg\.int8"):
        packed.unpack(bytes(2), (2,), mpsg.int8)
    with pytest.raises(ValueError, match="uint8"):
        packed.unpack(np.zeros(2, np.int16), (4,))
    with pytest.raises(ValueError, match="int8"):
        packed.pack(np.zeros(2, np.int8))
