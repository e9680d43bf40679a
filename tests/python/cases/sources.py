"""Rows without operands: placeholders and constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from support.numbers import ALL, numpy_type, random_generator, special_values, values

STATIC = ("static",)


def placeholder_cases(name: str) -> Iterator[Case]:
    for each in ALL:
        for shape in [(), (0,), (7,), (2, 1) * 8]:
            array = values(each, shape, random_generator(each, shape), -99, 99)
            yield Case("placeholder", [array], array, call=lambda graph, tensors: tensors)
        array = special_values(each)
        yield Case("placeholder", [array], array, call=lambda graph, tensors: tensors)


def constant_case(wanted: np.ndarray, *arguments: Any, **keywords: Any) -> Case:
    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return graph.constant(*arguments, **keywords)

    return Case("constant", [], wanted, call=call, declared=STATIC, label=f"{arguments}{keywords}")


def constant_cases(name: str) -> Iterator[Case]:
    for each in ALL:
        dtype = numpy_type(each)
        for shape in [(), (0, 3), (7,), (2, 1) * 8]:
            array = values(each, shape, random_generator(each, shape), -99, 99)
            yield constant_case(array, array)
            yield constant_case(np.ones(shape, dtype), 1, shape, each)
        yield constant_case(special_values(each), special_values(each))
        numbers = [False, True, True] if each == "bool" else [0, 1, 1]
        yield constant_case(np.array([0, 1, 1], dtype), numbers, data_type=each)
    yield constant_case(np.array(1.5, np.float32), 1.5)
    yield constant_case(np.array(3, np.int32), 3)
    yield constant_case(np.array(True), True)
    yield constant_case(np.full((2, 3), 0.1, np.float32), 0.1, (2, 3))
    yield constant_case(np.full(3, -7, np.int32), -7, 3)
    yield constant_case(np.array([[1, 2], [3, 4.5]], np.float32), [[1, 2], [3, 4.5]])
    yield constant_case(np.array([[1, 2, 3]], np.float64), np.array([1.0, 2, 3]), (1, 3))
    yield constant_case(np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2), (2, 3))
    transposed = np.arange(6.0).reshape(2, 3).T
    yield constant_case(np.ascontiguousarray(transposed), transposed)


def complex_cases(name: str) -> Iterator[Case]:
    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return [graph.complex_constant(1.5, -2), graph.complex_constant(0, 1, shape=(2, 3))]

    wanted = [np.array(1.5 - 2j, np.complex64), np.full((2, 3), 1j, np.complex64)]
    yield Case("complex_constant", [], wanted, call=call, declared=STATIC)


SOURCE_CASES: Cases = {
    "placeholder": placeholder_cases,
    "constant": constant_cases,
    "complex_constant": complex_cases,
}
