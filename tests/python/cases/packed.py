"""Quantized and sparse tensors, against NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

import mpsg
from cases.case import Case, Cases
from mpsg import CreateSparseOpDescriptor, SparseStorageType
from support.numbers import FLOATS, INTEGERS, numpy_type, random_generator, values, wide

STORAGES = {"coo": SparseStorageType.COO, "csr": SparseStorageType.CSR}
STORAGES["csc"] = SparseStorageType.CSC


def along(array: np.ndarray, axis: int, rank: int) -> np.ndarray:
    return array.reshape([-1 if k == axis % rank else 1 for k in range(rank)])


def quantize_cases(name: str) -> Iterator[Case]:
    dtype = numpy_type(name)
    single = np.float64 if name == "float64" else np.float32
    for to in ("int8", "uint8", "int16", "int32"):
        limits = np.iinfo(to)
        for shape, axis in [((), None), ((7,), None), ((3, 4), 1), ((2, 3, 5), -2), ((0, 3), 1)]:
            rng = random_generator("quantize", name, shape, to)
            x = values(name, shape, rng, -90, 90)
            count = () if axis is None else (shape[axis],)
            # Powers of two: the quotient is exact.
            scale = np.exp2(rng.integers(-3, 2, count)).astype(dtype)
            zero = rng.integers(0, 9, count).astype(to)
            s, z = (along(a, axis, len(shape)) if count else a for a in (scale, zero))
            steps = np.rint(x.astype(single) / s.astype(single)) + z
            wanted = np.clip(steps, limits.min, limits.max).astype(to)
            keywords = {} if axis is None else {"axis": axis}

            def call(g: mpsg.Graph, t: list[Any], to: str = to, k: Any = keywords) -> Any:
                return g.quantize(*t, to, **k)

            yield Case("quantize", [x, scale, zero], wanted, call=call, label=f"{to} {axis}")
    x = values(name, (5,), random_generator("numbers", name))
    wanted = np.clip(np.rint(x.astype(single) / single(0.25)) + 3, -128, 127).astype(np.int8)
    yield Case("quantize", [x], wanted, call=lambda g, t: g.quantize(t[0], 0.25, 3, "int8"))


def blocks_of(numbers: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    for i, size in enumerate(shape):
        numbers = np.repeat(numbers, size // numbers.shape[i], i)
    return numbers


def dequantize_cases(name: str) -> Iterator[Case]:
    small = 9 if name.startswith("u") else 5
    for to in FLOATS:
        for shape, axis, blocks in [
            ((), None, None),
            ((3, 4), None, None),
            ((3, 4), -1, None),
            ((2, 3, 5), 1, None),
            ((4, 6), None, (2, 3)),
            ((4, 6), None, (1, 6)),
            ((0, 3), 1, None),
        ]:
            rng = random_generator("dequantize", name, to, shape, blocks)
            q = values(name, shape, rng, small - 9, small)
            count = blocks or (() if axis is None else (shape[axis],))
            scale = values(to, count, rng, 0.25, 2)
            zero = rng.integers(0, 4, count).astype(numpy_type(name))
            for with_zero in (False, True):
                if blocks:
                    s, z = blocks_of(scale, shape), blocks_of(zero, shape)
                else:
                    s, z = (along(a, axis, len(shape)) if count else a for a in (scale, zero))
                wanted = wide(s) * (q.astype(np.int64) - (z.astype(np.int64) if with_zero else 0))
                keywords = {} if axis is None else {"axis": axis}

                def call(g: mpsg.Graph, t: list[Any], to: str = to, k: Any = keywords) -> Any:
                    return g.dequantize(*t, data_type=to, **k)

                yield Case(
                    "dequantize",
                    [q, scale, zero][: 2 + with_zero],
                    wanted,
                    call=call,
                    label=f"{to} {axis}",
                    operations=1,
                    signed_zeros=False,
                )
    yield from table_cases(name)


def table_cases(name: str) -> Iterator[Case]:
    rng = random_generator("tables", name)
    q = values(name, (4, 6), rng, 0, 7)
    places = q.astype(np.int64)
    flat = values("float32", (8,), rng)
    wanted = flat[places]
    yield Case("dequantize", [q, flat], wanted, call=lambda g, t: g.dequantize(t[0], lut=t[1]))
    grouped = values("float16", (2, 3, 8), rng)
    wanted = np.empty((4, 6), np.float16)
    for i, j in np.ndindex(4, 6):
        wanted[i, j] = grouped[i // 2, j // 2, places[i, j]]
    yield Case("dequantize", [q, grouped], wanted, call=lambda g, t: g.dequantize(t[0], lut=t[1]))
    vectors = values("float32", (1, 2, 8, 3), rng)
    for axis in (0, 1, -1):
        spread = np.empty((4, 6, 3), np.float32)
        for i, j in np.ndindex(4, 6):
            spread[i, j] = vectors[0, j // 3, places[i, j]]
        shape = [4, 6]
        shape[axis] *= 3
        laid = spread.transpose(0, 2, 1) if axis == 0 else spread
        yield Case(
            "dequantize",
            [q, vectors],
            laid.reshape(shape),
            call=lambda g, t, axis=axis: g.dequantize(t[0], lut=t[1], axis=axis),
            label=f"vectors along {axis}",
        )


def sparse_cases(name: str) -> Iterator[Case]:
    for shape, count in [((3, 4), 5), ((1, 1), 1), ((5, 2), 0), ((7, 9), 20)]:
        rng = random_generator("sparse", name, shape)
        rows, columns = rng.integers(0, shape[0], count), rng.integers(0, shape[1], count)
        numbers = values(name, (count,), rng, 1, 5)
        wanted = np.zeros(shape, wide(numbers).dtype)
        np.add.at(wanted, (rows, columns), wide(numbers))
        order = {"coo": np.arange(count), "csr": np.argsort(rows, kind="stable")}
        order["csc"] = np.argsort(columns, kind="stable")
        for kind, storage in STORAGES.items():
            by = order[kind]
            if kind == "coo":
                first, second = columns, rows
            else:
                make = sparse.csr_matrix if kind == "csr" else sparse.csc_matrix
                inner, outer = (columns, rows) if kind == "csr" else (rows, columns)
                first = inner[by]
                second = np.searchsorted(outer[by], np.arange(shape[kind == "csc"] + 1))
                if name in {"float32", "float64"}:
                    theirs = make((numbers[by], first, second), shape).toarray()
                    assert np.allclose(theirs, wanted.astype(theirs.dtype), rtol=1e-6)
            d = CreateSparseOpDescriptor(sparse_storage_type=storage, data_type=name)
            for index in ("int32", "int64"):
                yield Case(
                    "sparse",
                    [numbers[by], first.astype(index), second.astype(index)],
                    wanted,
                    call=lambda g, t, shape=shape, d=d: g.sparse(*t, shape, d),
                    label=kind,
                    operations=0 if name in INTEGERS else 4,
                    signed_zeros=False,
                )


PACKED_CASES: Cases = {
    "quantize": quantize_cases,
    "dequantize": dequantize_cases,
    "sparse": sparse_cases,
}
