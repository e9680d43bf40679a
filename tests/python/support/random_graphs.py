"""Campaigns over random graphs: how many, and how their results are compared."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, settings

from support.compare import assert_same_bits
from support.graph_generator import Recipe
from support.numbers import bound

# Roundings of one row, in the type of its result; its operands are exact.
ROUNDINGS = {"float64": 4096, "float32": 4096, "complex64": 4096, "float16": 40, "bfloat16": 20}


def ordinary(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=False,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def rows_of_results(recipe: Recipe) -> list[str]:
    _, _, targets = recipe.build("static")
    return [target.operation.op for target in targets]


def check_close(got: np.ndarray, wanted: np.ndarray, what: str) -> None:
    assert got.dtype == wanted.dtype and got.shape == wanted.shape, what
    name = got.dtype.name
    if name not in ROUNDINGS:
        assert_same_bits(got, wanted, what)
        return
    kind = np.complex128 if name == "complex64" else np.float64
    a, b = got.astype(kind), wanted.astype(kind)
    same_kind = np.isfinite(a) == np.isfinite(b)
    assert np.all(same_kind), f"{what}: {got} and {wanted}"
    finite = np.isfinite(b)
    scale = 1 + np.max(np.abs(b[finite]), initial=0)
    allowed = bound(name, ROUNDINGS[name], name) * scale
    assert np.all(np.abs(a[finite] - b[finite]) <= allowed), f"{what}: {got} and {wanted}"
