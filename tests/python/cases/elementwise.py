"""Cases of elementwise rows: over shapes, and over the special values of the type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cases.case import Case
from support.numbers import random_generator, special_values, values, wide

Function = Callable[..., np.ndarray]

# 16411 * 2 elements are more than one thread takes.
SHAPES = [(), (1,), (7,), (0,), (3, 0, 2), (2, 3), (2, 1, 3, 1, 2), (2, 1) * 7 + (1, 3)]
LARGE = (2, 16411)
PAIRS = [
    ((), ()),
    ((7,), ()),
    ((), (2, 3)),
    ((3, 1), (1, 4)),
    ((5,), (2, 1)),
    ((2, 3), (2, 3)),
    ((0, 3), (1, 3)),
    ((2, 1, 0), (1,)),
    ((1,), (0,)),
    ((2, 1, 3, 1, 2), (3, 4, 1)),
    ((2, 1) * 8, (1, 2) * 8),
]
TRIPLES = [
    ((), (), ()),
    ((2, 3), (), ()),
    ((2, 1), (1, 3), (4, 1, 1)),
    ((), (3,), (2, 1)),
    ((3,), (0, 1), (1,)),
    ((2, 1) * 8, (1,) * 16, (1, 2) * 8),
]
DYNAMIC = ("sizes unknown", "rank unknown")


def over_shapes(
    row: str,
    name: str,
    reference: Function,
    domain: tuple[float, float] = (-2, 2),
    special: bool = True,
    **options: Any,
) -> Iterator[Case]:
    """`reference` takes and gives arrays of the wide type."""
    operations = options.pop("operations", 0)
    shapes = options.pop("shapes", SHAPES)
    arrays = [values(name, s, random_generator(row, name, s), *domain) for s in shapes]
    if name == "float32":
        arrays.append(values(name, LARGE, random_generator(row), *domain))
    if special:
        arrays.append(special_values(name))
    for array in arrays:
        with np.errstate(all="ignore"):
            wanted = np.asarray(reference(wide(array)))
            count = operations(wide(array)) if callable(operations) else operations
        yield Case(row, [array], wanted, operations=count, **options)


def over_pairs(
    row: str,
    names: list[str],
    reference: Function,
    domains: list[tuple[float, float]] | None = None,
    special: bool = True,
    widen: bool = True,
    shapes: list[tuple[tuple[int, ...], ...]] | None = None,
    operations: float | Callable[..., np.ndarray] = 0,
    **options: Any,
) -> Iterator[Case]:
    """As `over_shapes`, for several operands; names: the type of each."""
    domains = domains or [(-2, 2)] * len(names)
    shapes = shapes or [*(PAIRS if len(names) == 2 else TRIPLES)]
    operands = []
    for group in shapes:
        rng = random_generator(row, names, group)
        operands.append(
            [values(n, s, rng, *d) for n, s, d in zip(names, group, domains, strict=True)]
        )
    if names[-1] == "float32" and len(names) == 2:
        rng = random_generator(row)
        operands.append(
            [values(n, s, rng, *d) for n, s, d in zip(names, (LARGE, LARGE), domains, strict=True)]
        )
        operands.append(
            [values(n, s, rng, *d) for n, s, d in zip(names, (LARGE, ()), domains, strict=True)]
        )
    if special:
        axes = range(len(names))
        operands.append(
            [
                special_values(n).reshape([-1 if a == k else 1 for a in axes])
                for k, n in enumerate(names)
            ]
        )
    for arrays in operands:
        given = [wide(a) for a in arrays] if widen else arrays
        with np.errstate(all="ignore"):
            wanted = np.asarray(reference(*given))
            count = operations(*given) if callable(operations) else operations
        yield Case(row, arrays, wanted, operations=count, **options)
