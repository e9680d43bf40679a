"""Reductions along axes, places of extremes, running sums, sorting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import (
    FLOATS,
    cast,
    constant,
    coordinates,
    like,
    multiply_sizes,
    normalized,
    shape_of,
    size_of,
    sizes_of,
    wide,
)
from mpsg.onnx._node import Converter, Node

Axes: TypeAlias = list[int] | Tensor | None
Reduce: TypeAlias = Callable[[Tensor, Axes], Tensor]


def axes_of(node: Node, index: int = 1) -> tuple[Axes, bool]:
    """The axes of a reduction, an attribute or an input (None: all); and whether there are none."""
    given = node.attribute("axes")
    if given is not None:
        return normalized(given, node.rank()), False
    tensor = node.optional(index)
    no_axes = bool(node.attribute("noop_with_empty_axes", 0))
    if tensor is None:
        return None, no_axes
    known = node.integers(index)
    if known is not None:
        return (normalized(known, node.rank()), False) if known else (None, no_axes)
    if tensor.shape == (0,):
        return None, no_axes
    return tensor, False


def drop_axes(node: Node, tensor: Tensor, axes: Axes) -> Tensor:
    """Without the reduced axes, if the node does not keep them."""
    if node.attribute("keepdims", 1):
        return tensor
    if axes is None:
        return node.graph.reshape(tensor, [])
    return node.graph.squeeze(tensor, axes) if not isinstance(axes, list) or axes else tensor


def reduction(reduce: Reduce, before: Callable[[Tensor], Tensor] | None = None) -> Converter:
    """A converter; `before` is what happens to every element, also where no axis is reduced."""

    def convert(node: Node) -> Tensor:
        x = node[0]
        axes, nothing = axes_of(node)
        if nothing:
            return node.graph.identity(x) if before is None else cast(before(x), x.data_type)
        return cast(drop_axes(node, reduce(x, axes), axes), x.data_type)

    return convert


def count_of(x: Tensor, axes: Axes) -> Tensor:
    """How many elements become one, in the tensor's type."""
    graph = x.graph
    if isinstance(axes, Tensor):
        kept = graph.gather(shape_of(x), graph.select(axes < 0, axes + len(x.shape or ()), axes), 0)
        return cast(graph.reduction_product(kept), x.data_type)
    chosen = range(len(x.shape or ())) if axes is None else axes
    count = multiply_sizes(graph, sizes_of(x, list(chosen)))
    return like(x, count) if isinstance(count, int) else cast(count, x.data_type)


def _sum(x: Tensor, axes: Axes) -> Tensor:
    return x.graph.reduction_sum(x, axes)


def _mean(x: Tensor, axes: Axes) -> Tensor:
    if x.data_type in FLOATS:
        return x.graph.mean(x, axes)
    return x.graph.reduction_sum(x, axes) / count_of(x, axes)


def _l2(x: Tensor, axes: Axes) -> Tensor:
    inner = wide(x) if x.data_type in FLOATS else x.graph.cast(x, mpsg.float64)
    return x.graph.square_root(_sum(x.graph.square(inner), axes))


def _log(x: Tensor) -> Tensor:
    return x.graph.logarithm(wide(x) if x.data_type in FLOATS else x.graph.cast(x, mpsg.float64))


def _log_sum_exp(x: Tensor, axes: Axes) -> Tensor:
    graph = x.graph
    inner = wide(x) if x.data_type in FLOATS else graph.cast(x, mpsg.float64)
    largest = graph.reduction_maximum(inner, axes)
    finite = graph.select(graph.is_finite(largest), largest, like(inner, 0))
    return graph.logarithm(_sum(graph.exponent(inner - finite), axes)) + finite


def extreme(row: str, of_bool: str) -> Reduce:
    """The largest or least element, also of bool."""

    def reduce(x: Tensor, axes: Axes) -> Tensor:
        name = of_bool if x.data_type == mpsg.bool_ else row
        return getattr(x.graph, name)(x, axes)  # type: ignore[no-any-return]

    return reduce


def place_of_extreme(row: str) -> Converter:
    """ArgMax and ArgMin."""

    def convert(node: Node) -> Tensor:
        graph, x, axis = node.graph, node[0], node.axis()
        last = bool(node.attribute("select_last_index", 0))
        place = getattr(graph, row)(graph.reverse(x, axis) if last else x, axis)
        place = graph.cast(place, mpsg.int64)
        if last:
            size = size_of(x, axis)
            end = constant(graph, size, mpsg.int64) if isinstance(size, int) else size
            place = end - like(place, 1) - place
        return place if node.attribute("keepdims", 1) else graph.squeeze(place, axis)

    return convert


def cumulative(row: str) -> Converter:
    """CumSum and CumProd."""

    def convert(node: Node) -> Tensor:
        known = node.integers(1)
        axis = known[0] if known else node.graph.reshape(node[1], [])
        return getattr(node.graph, row)(  # type: ignore[no-any-return]
            node[0],
            axis,
            exclusive=bool(node.attribute("exclusive", 0)),
            reverse=bool(node.attribute("reverse", 0)),
        )

    return convert


def top_k(node: Node) -> list[Tensor]:
    graph, x, axis = node.graph, node[0], node.axis(default=-1)
    row = graph.top_k if node.attribute("largest", 1) else graph.bottom_k
    known = [node.attribute("k")] if node.opset < 10 else node.integers(1)
    k = known[0] if known else graph.reshape(node[1], [])
    values, places = row(x, k, axis=axis)
    return [values, graph.cast(places, mpsg.int64)]


def hardmax(node: Node) -> Tensor:
    return along_last_axes(node, one_at_largest)


def one_at_largest(x: Tensor, axis: int) -> Tensor:
    graph = x.graph
    place = graph.reduction_arg_maximum(x, axis)
    sizes = static if (static := _static(x)) is not None else shape_of(x)
    return cast(graph.equal(coordinates(graph, axis, sizes, mpsg.int32), place), x.data_type)


def _static(x: Tensor) -> list[int] | None:
    return None if x.shape is None or -1 in x.shape else list(x.shape)


def along_last_axes(node: Node, along: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Softmax and its like: before opset 13 all axes from `axis` on count as one."""
    x = node[0]
    if node.opset >= 13:
        return along(x, node.axis(default=-1))
    axis = node.axis(default=1)
    if axis == node.rank() - 1:
        return along(x, axis)
    matrix = node.graph.flatten_2d(x, axis)
    static = _static(x)
    return node.graph.reshape(along(matrix, 1), shape_of(x) if static is None else static)


def softmax(node: Node) -> Tensor:
    return along_last_axes(node, lambda x, axis: x.graph.softmax(x, axis))


def log_softmax(node: Node) -> Tensor:
    def along(x: Tensor, axis: int) -> Tensor:
        inner = wide(x)
        shifted = inner - x.graph.reduction_maximum(inner, axis)
        total = x.graph.logarithm(x.graph.reduction_sum(x.graph.exponent(shifted), axis))
        return cast(shifted - total, x.data_type)

    return along_last_axes(node, along)


def unique(node: Node) -> list[Tensor | None]:
    """How many are distinct is known only when the graph runs: places of the first of each."""
    graph = node.graph
    if not node.has("axis"):
        matrix = graph.reshape(node[0], [-1, 1])
        axis = 0
    else:
        axis = node.axis()
        rank = node.rank()
        front = graph.permute(node[0], [axis, *(i for i in range(rank) if i != axis)])
        matrix = graph.flatten_2d(front, 1)
    ids = _row_ids(matrix, sort=bool(node.attribute("sorted", 1)))
    return _distinct(node, ids, axis)


def _row_ids(matrix: Tensor, sort: bool) -> Tensor:
    """For each row a number that orders the rows: how many rows are less (or came earlier)."""
    graph = matrix.graph
    left, right = graph.expand_dims(matrix, 1), graph.expand_dims(matrix, 0)
    same = graph.reduction_and(graph.equal(left, right), 2)
    if not sort:  # the first equal row's place
        return cast(graph.reduction_arg_maximum(cast(same, mpsg.int32), 1), mpsg.int64)
    differs = graph.not_equal(left, right)
    column = graph.reduction_arg_maximum(cast(differs, mpsg.int32), 2)
    sizes = static if (static := _static(differs)) is not None else shape_of(differs)
    deciding = graph.equal(coordinates(graph, 2, sizes, mpsg.int32), column)
    less = graph.reduction_or(
        graph.logical_and(deciding, graph.less_than(right, left)), 2
    )  # row j is before row i
    return graph.reduction_sum(cast(graph.squeeze(less, 2), mpsg.int64), 1)


def _distinct(node: Node, ids: Tensor, axis: int) -> list[Tensor | None]:
    """From the rows' numbers, (n, 1), to ONNX's four results."""
    graph = node.graph
    column = graph.reshape(ids, [-1, 1])
    row = graph.reshape(ids, [1, -1])
    same = cast(graph.equal(column, row), mpsg.int32)
    first = graph.reduction_arg_maximum(same, 1)
    sizes = static if (static := _static(first)) is not None else shape_of(first)
    is_first = graph.equal(first, coordinates(graph, 0, sizes, mpsg.int32))
    # Rows that are the first of their kind, in the order of their numbers.
    order = graph.arg_sort(graph.reshape(ids, [-1]), 0)
    firsts_in_order = graph.gather(graph.reshape(is_first, [-1]), order, 0)
    chosen = graph.gather(order, graph.reshape(graph.non_zero_indices(firsts_in_order), [-1]), 0)
    x = graph.reshape(node[0], [-1]) if not node.has("axis") else node[0]
    values = graph.gather(x, chosen, axis)
    # The place of each row's kind: how many firsts have a smaller number.
    before = graph.logical_and(graph.less_than(row, column), graph.reshape(is_first, [1, -1]))
    inverse = graph.reduction_sum(cast(before, mpsg.int64), 1)
    counts = graph.gather(graph.reduction_sum(cast(same, mpsg.int64), 1), chosen, 0)
    return [
        values,
        graph.cast(chosen, mpsg.int64),
        graph.reshape(inverse, [-1]),
        graph.reshape(counts, [-1]),
    ]


def lp_normalization(node: Node) -> Tensor:
    graph, x, axis = node.graph, node[0], node.axis(default=-1)
    if node.attribute("p", 2) == 1:
        norm = graph.reduction_sum(graph.absolute(x), axis)
    else:
        norm = cast(_l2(x, [axis]), x.data_type)
    return graph.division_no_nan(x, norm)


CONVERTERS: dict[str, Converter] = {
    "ArgMax": place_of_extreme("reduction_arg_maximum"),
    "ArgMin": place_of_extreme("reduction_arg_minimum"),
    "CumProd": cumulative("cumulative_product"),
    "CumSum": cumulative("cumulative_sum"),
    "Hardmax": hardmax,
    "LogSoftmax": log_softmax,
    "LpNormalization": lp_normalization,
    "ReduceL1": reduction(
        lambda x, axes: _sum(x.graph.absolute(x), axes), lambda x: x.graph.absolute(x)
    ),
    "ReduceL2": reduction(_l2, lambda x: x.graph.absolute(x)),
    "ReduceLogSum": reduction(lambda x, axes: _log(_sum(x, axes)), _log),
    "ReduceLogSumExp": reduction(_log_sum_exp),
    "ReduceMax": reduction(extreme("reduction_maximum_propagate_nan", "reduction_or")),
    "ReduceMean": reduction(_mean),
    "ReduceMin": reduction(extreme("reduction_minimum_propagate_nan", "reduction_and")),
    "ReduceProd": reduction(lambda x, axes: x.graph.reduction_product(x, axes)),
    "ReduceSum": reduction(_sum),
    "ReduceSumSquare": reduction(
        lambda x, axes: _sum(x.graph.square(x), axes), lambda x: x.graph.square(x)
    ),
    "Softmax": softmax,
    "TopK": top_k,
    "Unique": unique,
}
