"""The table of operations and data types, all of it: each pair works, with the same result on every
device, or is refused with an error that names the types that work.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import mpsg
from mpsg import PoolingReturnIndicesMode, ScatterMode
from support.call_items import Constant
from support.compare import assert_same_bits
from support.graph_generator import is_exact
from support.minimal_calls import MINIMAL_CALLS, BuiltCall, descriptor_of, groups_of
from support.numbers import ALL, numpy_type
from support.random_graphs import check_close
from support.table import ROWS

FLOATING = {"float16", "bfloat16", "float32", "float64", "complex64"}
INDEXED = {"return_indices_mode": PoolingReturnIndicesMode.GLOBAL_FLATTEN_4D}


def of(name: str, numbers: Any) -> np.ndarray:
    return np.array(numbers).astype(numpy_type(name))


# Groups of operands that no minimal call has: what is changed in it. {} stands for the type.
OPTIONAL: dict[tuple[str, str], Any] = {
    ("random", "state"): lambda n: {"state": of(n, [0] * 7)},
    ("random_uniform", "state"): lambda n: {"state": of(n, [0] * 7)},
    ("dropout", "state"): lambda n: {"state": of(n, [0] * 7)},
    ("max_pooling_2d_gradient", "I"): lambda n: {
        "indices": of(n, np.zeros((1, 2, 3, 3))),
        "output_shape": [1, 2, 4, 4],
        "source": None,
        "descriptor": mpsg.Pooling2DOpDescriptor(kernel_width=2, kernel_height=2, **INDEXED),
    },
    ("max_pooling_4d_gradient", "I"): lambda n: {
        "indices": of(n, np.zeros((1, 2, 3, 3))),
        "output_shape": [1, 2, 4, 4],
        "source": None,
        "descriptor": mpsg.Pooling4DOpDescriptor(kernel_sizes=(1, 1, 2, 2), **INDEXED),
    },
    ("dequantize", "L"): lambda n: {
        **{"lut": of(n, range(3)), "scale": None, "zero_point": None},
        "tensor": np.array([0, 2, 1], np.uint8),
    },
    ("non_maximum_suppression", "I"): lambda n: {"class_indices": of(n, np.zeros((1, 3)))},
    **{
        (row, "S"): lambda n: {"scale_offset": of(n, [1, 1, 0, 0])}
        for row in ROWS
        if row.startswith("resize")
    },
    ("slice", "I"): lambda n: (
        {"starts": None, "ends": None, "sizes": [1, 2]} | {"start_tensor": of(n, [0, 1])}
    ),
    ("slice_gradient", "I"): lambda n: (
        {"starts": None, "ends": None, "sizes": [2, 2]} | {"start_tensor": of(n, [0, 1])}
    ),
    ("slice_update", "I"): lambda n: (
        {"starts": None, "ends": None, "sizes": [2, 2]} | {"start_tensor": of(n, [0, 1])}
    ),
}
# What must go with a type in a group of a minimal call.
WITH: dict[tuple[str, str], Any] = {
    **{
        (row, "T"): lambda n: {"mode": ScatterMode.SET} if n == "bool" else {}
        for row in ("scatter", "scatter_nd", "scatter_along_axis")
    },
    ("sparse", "T"): lambda n: {"descriptor": mpsg.CreateSparseOpDescriptor(data_type=n)},
}
# What a block takes from outside has a type of its own.
CAPTURES = {(row, "any") for row in ("if_else", "for_loop", "while_loop")}
# Types that fit a group each but not together, or a row only with more: who says so, and the words.
ALSO_REFUSED: dict[tuple[str, str, str], str] = {}


def other_groups(row: str) -> list[str]:
    return [g for g in ROWS[row]["types"] if g not in groups_of(row) and (row, g) not in CAPTURES]


def check(row: str, group: str, name: str, changes: dict[str, Any]) -> None:
    supported = ROWS[row]["types"][group]
    types = {group: name} if group in groups_of(row) else {}
    if name not in supported:
        with pytest.raises(mpsg.GraphError) as caught:
            BuiltCall(row, types, changes)
        text = str(caught.value)
        assert row in text and name in text, text
        assert f"supported: {', '.join(supported)}." in text, text
        return
    if (row, group, name) in ALSO_REFUSED:
        with pytest.raises(mpsg.GraphError, match=ALSO_REFUSED[row, group, name]):
            BuiltCall(row, types, changes)
        return
    results = []
    for device in ("reference", "cpu"):
        call = BuiltCall(row, types, changes)
        call.graph.verify()
        if row == "call":  # what it calls is not there: test_call.py
            return
        results.append(call.run(device))
        for target, array in zip(call.results, results[-1], strict=True):
            assert target.data_type == array.dtype
    used = {array.dtype.name for array in call.feeds.values()} | {name}
    exact = is_exact(row, "float32") or not used & FLOATING
    for got, wanted in zip(results[1], results[0], strict=True):
        (assert_same_bits if exact else check_close)(got, wanted, f"{row}, {group}: {name}")


@pytest.mark.parametrize("row", ROWS)
def test_operands(row: str) -> None:
    for group in groups_of(row):
        for name in ALL:
            check(row, group, name, WITH[row, group](name) if (row, group) in WITH else {})
    for group in other_groups(row):
        for name in ALL:
            if group.startswith("integer:"):
                check_integers(row, group.removeprefix("integer:"), name)
            else:
                check(row, group, name, OPTIONAL[row, group](name))


def check_integers(row: str, attribute: str, name: str) -> None:
    """An axis, a shape or a size as a tensor."""
    value = MINIMAL_CALLS[row].attributes.get(attribute)
    group = f"integer:{attribute}"
    if value is None and name in ROWS[row]["types"][group]:
        return  # it is optional, and what it must be depends on others: the row's cases have it
    check(row, group, name, {attribute: Constant(name, 1 if value is None else value)})


TYPED = [
    (row, attribute["name"], attribute["descriptor"])
    for row in ROWS
    for attribute in ROWS[row]["attributes"]
    if attribute["kind"] == "data_type"
]
# What fits every type.
FIELDS = {"random": {"max_integer": 100}}
# A type of the result that others must have, too.
MATCHING = {("sparse", "data_type"): "values"}


@pytest.mark.parametrize(("row", "attribute", "descriptor"), TYPED)
def test_attributes(row: str, attribute: str, descriptor: str) -> None:
    """The data type that is asked for: it is the result's, or the error names those that work."""
    taken = []
    for name in ALL:
        changes: dict[str, Any] = {attribute: name}
        if descriptor:
            fields = {**MINIMAL_CALLS[row].fields, **FIELDS.get(row, {}), attribute: name}
            changes = descriptor_of(row, fields)
        types = {"T": name} if (row, attribute) in MATCHING else {}
        try:
            calls = [BuiltCall(row, types, changes) for _ in range(2)]
        except mpsg.GraphError as error:
            words = f"must be .*, not {name}|{name}.*(supported|bytes|does not fit)|no multiple"
            named = re.search(f"{words}|fit into {name}|bools", str(error))
            assert named, error
            continue
        taken.append(name)
        reference, cpu = (call.run(d) for call, d in zip(calls, ("reference", "cpu"), strict=True))
        for got, wanted in zip(cpu, reference, strict=True):
            (check_close if name in FLOATING else assert_same_bits)(got, wanted, f"{row}: {name}")
        if attribute != "return_indices_data_type":
            assert reference[0].dtype == numpy_type(name)
    assert taken, "no type works"
