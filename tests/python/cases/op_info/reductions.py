"""Reductions of PyTorch's, and what goes along a dimension: cumulative ones, sort, top k."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import mpsg
from cases.op_info.elementwise import truth
from cases.op_info.mapping import (
    Bound,
    Call,
    CannotExpress,
    Mapping,
    Mappings,
    is_floating,
    rank_of,
    shape_of,
    type_name,
)

Tensor = mpsg.Tensor


def finished(c: Call, y: Tensor, axes: list[int], keepdim: bool) -> Tensor:
    """mpsg keeps the dimensions; PyTorch drops them unless told otherwise."""
    if keepdim or not axes:
        return y
    return c.graph.squeeze(y, axes)


def reduction(row: str, summed: bool = False, floats: bool = False) -> Callable[..., Any]:
    def build(
        c: Call, x: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
    ) -> Any:
        if dtype is not None:
            x = c.cast(x, str(dtype).removeprefix("torch."))
        elif summed and not is_floating(x) and type_name(x) != "complex64":
            x = c.cast(x, "int64")
        if rank_of(x) == 0:
            return c.graph.identity(x)
        axes = c.axes(x, dim)
        return finished(c, getattr(c.graph, row)(x, axes), axes, keepdim)

    return build


def truth_reduction(row: str) -> Callable[..., Any]:
    def build(c: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
        x = truth(c, x)
        if rank_of(x) == 0:
            return x
        axes = c.axes(x, dim)
        return finished(c, getattr(c.graph, row)(x, axes), axes, keepdim)

    return build


def argument(row: str) -> Callable[..., Any]:
    def build(c: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
        g = c.graph
        rank = rank_of(x)
        if dim is None or rank == 0:
            found = getattr(g, row)(g.reshape(x, [-1]), 0)
            return g.cast(g.reshape(found, [1] * rank if keepdim else []), "int64")
        found = g.cast(getattr(g, row)(x, dim), "int64")
        return finished(c, found, c.axes(x, dim), keepdim)

    return build


def extreme_with_dim(kind: str) -> Callable[..., Any]:
    """Values and where they are."""

    def build(c: Call, x: Tensor, dim: int, keepdim: bool = False) -> Any:
        if rank_of(x) == 0:
            return [c.graph.identity(x), c.graph.constant(0, [], "int64")]
        value = reduction(f"reduction_{kind}_propagate_nan")(c, x, dim, keepdim)
        return [value, argument(f"reduction_arg_{kind}")(c, x, dim, keepdim)]

    return build


def aminmax(c: Call, x: Tensor, *, dim: Any = None, keepdim: bool = False) -> Any:
    rows = ("reduction_minimum_propagate_nan", "reduction_maximum_propagate_nan")
    if dim is None and keepdim:
        raise CannotExpress("a rank that PyTorch says nothing about")
    return [reduction(row)(c, x, dim, keepdim) for row in rows]


def count_of(x: Tensor, axes: list[int]) -> int:
    return math.prod(shape_of(x)[axis] for axis in axes)


def variance(
    c: Call,
    x: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
    root: bool = False,
    with_mean: bool = False,
) -> Any:
    g = c.graph
    if isinstance(dim, bool):  # var(x, unbiased)
        dim, unbiased = None, dim
    if type_name(x) == "complex64":
        raise CannotExpress("a variance of complex numbers")
    if correction is None:
        correction = 0 if unbiased is False else 1
    axes = c.axes(x, dim)
    if rank_of(x) == 0:
        x, axes = g.reshape(x, [1]), [0]
        keepdim = False
    count = count_of(x, axes)
    mean = g.mean(x, axes)
    squares = g.reduction_sum(g.square(x - mean), axes)
    result = squares / c.constant(max(count - correction, 0), x)
    if root:
        result = g.square_root(result)
    result = finished(c, result, axes, keepdim)
    return [result, finished(c, mean, axes, keepdim)] if with_mean else result


def logsumexp(c: Call, x: Tensor, dim: Any, keepdim: bool = False) -> Any:
    g = c.graph
    x = c.floating(x)
    if rank_of(x) == 0:
        return g.identity(x)
    axes = c.axes(x, dim)
    top = g.reduction_maximum_propagate_nan(x, axes)
    top = g.select(g.is_infinite(top), c.constant(0, x), top)
    total = g.logarithm(g.reduction_sum(g.exponent(x - top), axes)) + top
    return finished(c, total, axes, keepdim)


def count_nonzero(c: Call, x: Tensor, dim: Any = None) -> Any:
    return reduction("reduction_sum")(c, c.cast(truth(c, x), "int64"), dim)


def nansum(
    c: Call,
    x: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    mean: bool = False,
) -> Any:
    g = c.graph
    missing = g.is_nan(x)
    filled = g.select(missing, c.constant(0, x), x)
    total = reduction("reduction_sum", summed=True)(c, filled, dim, keepdim, dtype=dtype)
    if not mean:
        return total
    present = g.cast(g.logical_not(missing), x.data_type)
    return total / reduction("reduction_sum")(c, present, dim, keepdim)


def vector_norm(
    c: Call, x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    g = c.graph
    if dtype is not None:
        x = c.cast(x, str(dtype).removeprefix("torch."))
    if type_name(x) == "complex64":
        raise CannotExpress("a norm of complex numbers")
    if dim == []:
        dim = None
    axes = c.axes(x, dim)
    size = g.absolute(x)
    if rank_of(x) == 0:
        return g.cast(g.not_equal(x, c.constant(0, x)), x.data_type) if ord == 0 else size
    if ord == math.inf:
        result = g.reduction_maximum_propagate_nan(size, axes)
    elif ord == -math.inf:
        result = g.reduction_minimum_propagate_nan(size, axes)
    elif ord == 0:
        result = g.reduction_sum(g.cast(g.not_equal(x, c.constant(0, x)), x.data_type), axes)
    elif ord == 1:
        result = g.reduction_sum(size, axes)
    elif ord == 2:
        result = g.square_root(g.reduction_sum(g.square(x), axes))
    else:
        raised = g.power(size, c.constant(ord, x))
        result = g.power(g.reduction_sum(raised, axes), c.constant(1 / ord, x))
    return finished(c, result, axes, keepdim)


def cumulative(row: str, summed: bool = False) -> Callable[..., Any]:
    def build(c: Call, x: Tensor, dim: int, *, dtype: Any = None) -> Any:
        if dtype is not None:
            x = c.cast(x, str(dtype).removeprefix("torch."))
        elif summed and not is_floating(x) and type_name(x) != "complex64":
            x = c.cast(x, "int64")
        if rank_of(x) == 0:
            return c.graph.identity(x)
        return getattr(c.graph, row)(x, dim)

    return build


def logcumsumexp(c: Call, x: Tensor, dim: int) -> Any:
    g = c.graph
    if type_name(x) == "complex64":
        raise CannotExpress("a maximum of complex numbers")
    if rank_of(x) == 0:
        return g.identity(x)
    top = g.reduction_maximum_propagate_nan(x, dim)
    return g.logarithm(g.cumulative_sum(g.exponent(x - top), dim)) + top


def sort(c: Call, x: Tensor, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    g = c.graph
    if rank_of(x) == 0:
        return [g.identity(x), g.constant(0, [], "int64")]
    return [
        g.sort(x, dim, descending=descending),
        g.cast(g.arg_sort(x, dim, descending=descending), "int64"),
    ]


def argsort(c: Call, x: Tensor, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    return sort(c, x, dim, descending)[1]


def msort(c: Call, x: Tensor) -> Any:
    return sort(c, x, 0)[0]


def topk(
    c: Call, x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> Any:
    g = c.graph
    if not sorted:
        raise CannotExpress("an order that PyTorch leaves open")
    if rank_of(x) == 0:
        return [g.identity(x), g.constant(0, [], "int64")]
    row = g.top_k if largest else g.bottom_k
    values, places = row(x, k, axis=dim)
    return [values, g.cast(places, "int64")]


def kthvalue(c: Call, x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    g = c.graph
    if rank_of(x) == 0:
        return [g.identity(x), g.constant(0, [], "int64")]
    found = [g.slice(each, dimension=dim, start=k - 1, length=1) for each in sort(c, x, dim)]
    return [finished(c, each, c.axes(x, dim), keepdim) for each in found]


def median(c: Call, x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    if dim is None:
        flat = c.graph.reshape(x, [-1])
        return kthvalue(c, flat, (shape_of(flat)[0] + 1) // 2, 0)[0]
    length = 1 if rank_of(x) == 0 else shape_of(x)[dim]
    return kthvalue(c, x, (length + 1) // 2, dim, keepdim)


MAXIMUM, MINIMUM = "reduction_maximum_propagate_nan", "reduction_minimum_propagate_nan"
MAPPINGS: Mappings = {
    "sum": Mapping(reduction("reduction_sum", True), 0, Bound.TERMS),
    "mean": Mapping(reduction("mean"), 2, Bound.TERMS),
    "prod": Mapping(reduction("reduction_product", True), 256),
    "amax": Mapping(reduction(MAXIMUM)),
    "amin": Mapping(reduction(MINIMUM)),
    "max/reduction_no_dim": Mapping(reduction(MAXIMUM)),
    "min/reduction_no_dim": Mapping(reduction(MINIMUM)),
    "max/reduction_with_dim": Mapping(extreme_with_dim("maximum"), integer_results=1),
    "min/reduction_with_dim": Mapping(extreme_with_dim("minimum"), integer_results=1),
    "aminmax": Mapping(aminmax),
    "any": Mapping(truth_reduction("reduction_or")),
    "all": Mapping(truth_reduction("reduction_and")),
    "argmax": Mapping(argument("reduction_arg_maximum")),
    "argmin": Mapping(argument("reduction_arg_minimum")),
    "var": Mapping(variance, 64, Bound.LARGEST),
    "var/unbiased": Mapping(variance, 64, Bound.LARGEST),
    "std": Mapping(partial(variance, root=True), 64, Bound.LARGEST),
    "std/unbiased": Mapping(partial(variance, root=True), 64, Bound.LARGEST),
    "var_mean": Mapping(partial(variance, with_mean=True), 64, Bound.LARGEST),
    "var_mean/unbiased": Mapping(partial(variance, with_mean=True), 64, Bound.LARGEST),
    "std_mean": Mapping(partial(variance, root=True, with_mean=True), 64, Bound.LARGEST),
    "std_mean/unbiased": Mapping(partial(variance, root=True, with_mean=True), 64, Bound.LARGEST),
    "logsumexp": Mapping(logsumexp, 64, Bound.LARGEST),
    "count_nonzero": Mapping(count_nonzero),
    "nansum": Mapping(nansum, 64, Bound.LARGEST),
    "nanmean": Mapping(partial(nansum, mean=True), 64, Bound.LARGEST),
    "linalg.vector_norm": Mapping(vector_norm, 256),
    "cumsum": Mapping(cumulative("cumulative_sum", True), 0, Bound.TERMS),
    "cumprod": Mapping(cumulative("cumulative_product", True), 64),
    # Which of equal elements is meant is another's choice.
    "cummax": Mapping(cumulative("cumulative_maximum"), results=1),
    "cummin": Mapping(cumulative("cumulative_minimum"), results=1),
    "logcumsumexp": Mapping(logcumsumexp, 64, Bound.LARGEST),
    "sort": Mapping(sort, integer_results=1),
    "argsort": Mapping(argsort),
    "msort": Mapping(msort),
    "topk": Mapping(topk, integer_results=1),
    "kthvalue": Mapping(kthvalue, integer_results=1),
    "median": Mapping(median, results=1),
}
