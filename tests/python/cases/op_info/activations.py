"""Activations and losses of torch.nn.functional."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import mpsg
from cases.op_info.elementwise import softplus_of
from cases.op_info.mapping import Bound, Call, CannotExpress, Mapping, Mappings, rank_of, shape_of

Tensor = mpsg.Tensor


def in_place(write: Callable[..., Any]) -> Callable[..., Any]:
    """Its result is the same as that of the operation that writes into its operand."""

    def build(c: Call, x: Tensor, *args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        return write(c, x, *args, **kwargs)

    return build


def elu(c: Call, x: Tensor, alpha: float = 1.0, scale: float = 1.0) -> Any:
    g = c.graph
    negative = (g.exponent(g.minimum(x, c.constant(0, x))) - 1.0) * alpha
    return g.select(g.greater_than(x, c.constant(0, x)), x, negative) * scale


def celu(c: Call, x: Tensor, alpha: float = 1.0) -> Any:
    g = c.graph
    return g.maximum(x, 0.0) + g.minimum((g.exponent(x / alpha) - 1.0) * alpha, 0.0)


def gelu(c: Call, x: Tensor, *, approximate: str = "none") -> Any:
    g = c.graph
    if approximate == "tanh":
        inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
        return x * 0.5 * (1.0 + g.tanh(inner))
    return x * 0.5 * (1.0 + g.erf(x * math.sqrt(0.5)))


def softplus(c: Call, x: Tensor, beta: float = 1, threshold: float = 20) -> Any:
    g = c.graph
    scaled = x * float(beta)
    return g.select(
        g.greater_than(scaled, float(threshold)), x, softplus_of(g, scaled) / float(beta)
    )


def shrink(c: Call, x: Tensor, lambd: float = 0.5, *, hard: bool = False) -> Any:
    g = c.graph
    kept = x if hard else x - g.sign(x) * float(lambd)
    # NaN is neither inside nor outside: PyTorch keeps it.
    inside = g.less_than_or_equal_to(g.absolute(x), c.constant(lambd, x))
    return g.select(inside, c.constant(0, x) * x, kept)


def threshold(c: Call, x: Tensor, threshold: Any, value: Any) -> Any:
    above = c.graph.greater_than(x, c.constant(threshold, x))
    return c.graph.select(above, x, c.constant(value, x))


def hardtanh(c: Call, x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return c.graph.clamp(x, c.constant(min_val, x), c.constant(max_val, x))


def prelu(c: Call, x: Tensor, weight: Tensor) -> Any:
    count = math.prod(shape_of(weight))
    shape = [count if axis == 1 else 1 for axis in range(rank_of(x))] if rank_of(x) > 1 else [count]
    if rank_of(x) == 0:
        shape = []
    return c.graph.leaky_relu(x, c.graph.reshape(weight, shape))


def softmax(
    c: Call,
    x: Tensor,
    dim: Any = None,
    *,
    dtype: Any = None,
    sign: float = 1.0,
    log: bool = False,
    **_: Any,
) -> Any:
    g = c.graph
    if dtype is not None:
        x = c.cast(x, str(dtype).removeprefix("torch."))
    x = c.floating(x)
    if dim is None:
        dim = 0 if rank_of(x) in (0, 1, 3) else 1
    scalar = rank_of(x) == 0
    if scalar:
        x = g.reshape(x, [1])
    if sign != 1:
        x = -x
    if log:
        top = g.reduction_maximum_propagate_nan(x, dim)
        shifted = x - top
        result = shifted - g.logarithm(g.reduction_sum(g.exponent(shifted), dim))
    else:
        result = g.softmax(x, dim)
    return g.reshape(result, []) if scalar else result


def glu(c: Call, x: Tensor, dim: int = -1) -> Any:
    first, second = c.graph.split(x, num_splits=2, axis=dim)
    return first * c.graph.sigmoid(second)


# ---------------------------------------------------------------- losses


def reduced(c: Call, loss: Tensor, reduction: str, weight: Tensor | None = None) -> Tensor:
    g = c.graph
    if weight is not None:
        loss = loss * weight
    if reduction == "none":
        return loss
    axes = list(range(rank_of(loss)))
    total = g.mean(loss, axes) if reduction == "mean" else g.reduction_sum(loss, axes)
    return g.reshape(total, [])


def pair_loss(write: Callable[..., Any]) -> Callable[..., Any]:
    def build(
        c: Call,
        x: Tensor,
        y: Tensor,
        *args: Any,
        reduction: str = "mean",
        weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        if "size_average" in kwargs or "reduce" in kwargs:
            raise CannotExpress("an argument that PyTorch has deprecated")
        x, y = c.promoted(x, y)
        return reduced(c, write(c, x, y, *args, **kwargs), reduction, weight)

    return build


def huber(c: Call, x: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    size = c.graph.absolute(x - y)
    small = size * size * 0.5
    large = (size - 0.5 * delta) * delta
    return c.graph.select(c.graph.less_than_or_equal_to(size, float(delta)), small, large)


def smooth_l1(c: Call, x: Tensor, y: Tensor, beta: float = 1.0) -> Tensor:
    size = c.graph.absolute(x - y)
    if beta == 0:
        return size
    return c.graph.select(
        c.graph.less_than(size, float(beta)), size * size * (0.5 / beta), size - 0.5 * beta
    )


def kl_div(
    c: Call, x: Tensor, y: Tensor, *, reduction: str = "mean", log_target: bool = False
) -> Any:
    g = c.graph
    x, y = c.promoted(x, y)
    if log_target:
        loss = g.exponent(y) * (y - x)
    else:
        product = y * g.logarithm(y)
        entropy = g.select(g.equal(y, c.constant(0, y)), c.constant(0, y), product)
        loss = entropy - y * x
    if reduction == "batchmean":
        return reduced(c, loss, "sum") / float(shape_of(x)[0])
    return reduced(c, loss, reduction)


def binary_cross_entropy(c: Call, x: Tensor, y: Tensor) -> Tensor:
    g = c.graph
    low = c.constant(-100, x)
    yes, no = g.maximum(g.logarithm(x), low), g.maximum(g.logarithm(1.0 - x), low)
    return -(y * yes + (1.0 - y) * no)


def with_logits(c: Call, x: Tensor, y: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    g = c.graph
    tail = g.logarithm(1.0 + g.exponent(-g.absolute(x))) + g.maximum(-x, 0.0)
    if pos_weight is not None:
        tail = tail * (1.0 + (pos_weight - 1.0) * y)
    return (1.0 - y) * x + tail


def poisson(
    c: Call, x: Tensor, y: Tensor, log_input: bool = True, full: bool = False, eps: float = 1e-8
) -> Tensor:
    g = c.graph
    if full:
        raise CannotExpress("Stirling's approximation")
    x, y = c.floating(x), c.floating(y)
    return g.exponent(x) - y * x if log_input else x - y * g.logarithm(x + eps)


def margin_ranking(
    c: Call, x: Tensor, y: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    g = c.graph
    x, y, target = c.promoted(x, y, target)
    if isinstance(margin, float):
        x, y, target = (c.floating(each) for each in (x, y, target))
    loss = g.maximum((x - y) * -target + c.constant(margin, x), c.constant(0, x))
    return reduced(c, loss, reduction)


def hinge_embedding(c: Call, x: Tensor, y: Tensor, margin: float = 1.0) -> Tensor:
    g = c.graph
    far, none = g.maximum(float(margin) - x, 0.0), c.constant(0, x)
    return g.select(g.equal(y, 1.0), none, far) + g.select(g.equal(y, -1.0), none, x)


def soft_margin(c: Call, x: Tensor, y: Tensor) -> Tensor:
    return softplus_of(c.graph, -(x * y))


ACTIVATIONS: Mappings = {
    "nn.functional.relu": Mapping(in_place(lambda c, x: c.graph.maximum(x, c.constant(0, x)))),
    "nn.functional.relu6": Mapping(in_place(partial(hardtanh, min_val=0.0, max_val=6.0))),
    "nn.functional.elu": Mapping(in_place(elu), 8, Bound.LARGEST),
    "nn.functional.celu": Mapping(in_place(celu), 8, Bound.LARGEST),
    "nn.functional.selu": Mapping(
        in_place(partial(elu, alpha=1.6732632423543772, scale=1.0507009873554805)), 8, Bound.LARGEST
    ),
    "nn.functional.gelu": Mapping(gelu, 16, Bound.LARGEST),
    "nn.functional.softplus": Mapping(softplus, 12, Bound.LARGEST),
    "nn.functional.softshrink": Mapping(shrink, 1),
    "nn.functional.hardshrink": Mapping(partial(shrink, hard=True)),
    "nn.functional.threshold": Mapping(in_place(threshold)),
    "nn.functional.hardtanh": Mapping(in_place(hardtanh)),
    "nn.functional.leaky_relu": Mapping(
        in_place(lambda c, x, negative_slope=0.01: c.graph.leaky_relu(x, float(negative_slope))), 2
    ),
    "nn.functional.prelu": Mapping(prelu, 1),
    "nn.functional.glu": Mapping(glu, 8),
    "softmax": Mapping(softmax, 8, Bound.LARGEST),
    "softmax/with_dtype": Mapping(softmax, 8, Bound.LARGEST),
    "log_softmax": Mapping(partial(softmax, log=True), 16, Bound.LARGEST),
    "log_softmax/with_dtype": Mapping(partial(softmax, log=True), 16, Bound.LARGEST),
    "nn.functional.softmin": Mapping(partial(softmax, sign=-1.0), 8, Bound.LARGEST),
    "nn.functional.softmin/with_dtype": Mapping(partial(softmax, sign=-1.0), 8, Bound.LARGEST),
}
LOSSES: Mappings = {
    "nn.functional.mse_loss": Mapping(
        pair_loss(lambda c, x, y: c.graph.square(x - y)), 16, Bound.LARGEST
    ),
    "nn.functional.l1_loss": Mapping(
        pair_loss(lambda c, x, y: c.graph.absolute(x - y)), 16, Bound.LARGEST
    ),
    "nn.functional.huber_loss": Mapping(pair_loss(huber), 16, Bound.LARGEST),
    "nn.functional.smooth_l1_loss": Mapping(pair_loss(smooth_l1), 16, Bound.LARGEST),
    "nn.functional.kl_div": Mapping(kl_div, 32, Bound.LARGEST),
    "nn.functional.binary_cross_entropy": Mapping(
        pair_loss(binary_cross_entropy), 32, Bound.LARGEST
    ),
    "nn.functional.binary_cross_entropy_with_logits": Mapping(
        pair_loss(with_logits), 32, Bound.LARGEST
    ),
    "nn.functional.poisson_nll_loss": Mapping(pair_loss(poisson), 32, Bound.LARGEST),
    "nn.functional.margin_ranking_loss": Mapping(margin_ranking, 16, Bound.LARGEST),
    "nn.functional.hinge_embedding_loss": Mapping(pair_loss(hinge_embedding), 16, Bound.LARGEST),
    "nn.functional.soft_margin_loss": Mapping(pair_loss(soft_margin), 32, Bound.LARGEST),
}
MAPPINGS: Mappings = {**ACTIVATIONS, **LOSSES}
