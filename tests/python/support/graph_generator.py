"""Random graphs from the op table: rows by the types and the roles of their operands, attributes by
their names. A graph is drawn as a recipe, so that it can be built again with other placeholders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

import mpsg
from mpsg import (
    Convolution2DOpDescriptor,
    LossReductionType,
    PaddingMode,
    PaddingStyle,
    Pooling2DOpDescriptor,
    PoolingReturnIndicesMode,
    ScatterMode,
)
from support.line_makers import EXACT_LINES, LINE_MAKERS
from support.numbers import ALL, FLOATS, random_generator, values
from support.running import DECLARED
from support.table import ROWS

Draw = Callable[[st.SearchStrategy[Any]], Any]

# Rows that no recipe has, and why.
NOT_DRAWN = {
    **dict.fromkeys(["placeholder", "constant", "complex_constant"], "they are the leaves"),
    **dict.fromkeys(
        ["variable", "variable_from_tensor", "read", "assign", "apply_stochastic_gradient_descent"],
        "their results depend on the runs before: test_control_flow.py",
    ),
    **dict.fromkeys(["if_else", "for_loop", "while_loop"], "blocks: test_control_flow.py"),
    **dict.fromkeys(
        ["non_zero_indices", "non_maximum_suppression"],
        "their sizes depend on the data: test_stages.py",
    ),
    "call": "it needs an executable: test_call.py",
    **dict.fromkeys(
        ["random", "random_uniform", "random_philox_state", "dropout"],
        "their results depend on the run: test_random_ops.py",
    ),
    **{
        row: "composites and loops with cases of their own, for every layout and option"
        for row in ROWS
        if row.startswith(("convolution_3d", "depthwise", "single_gate_rnn", "lstm", "gru"))
        or row.endswith(("fourier_transform", "hermitean_fft", "to_real_fft"))
        or "_pooling_4d" in row
        or row in {"quantize", "dequantize", "sparse"}
    },
}
# The same bits on every device: IEEE 754 says what they give, or they only move elements. What the
# others give is not used by further rows, so that their errors stay those of one row.
EXACT_FLOATS = {
    *("identity", "ceil", "floor", "round", "rint", "truncate", "sign", "square", "negative"),
    *("addition", "subtraction", "multiplication", "division", "division_no_nan", "maximum"),
    *("minimum", "maximum_with_nan_propagation", "minimum_with_nan_propagation", "equal"),
    *("not_equal", "less_than", "less_than_or_equal_to", "greater_than", "signbit", "is_nan"),
    *("greater_than_or_equal_to", "is_infinite", "is_finite", "select", "clamp", "complex"),
    *("real_part", "imaginary_part", "conjugate", "planar", "relu", "relu_gradient", "reshape"),
    *("transpose", "permute", "broadcast", "shape_of", "cast", "reinterpret_cast", "expand_dims"),
    *("squeeze", "flatten_2d", "coordinate_along_axis", "reverse", "slice", "slice_gradient"),
    *("slice_update", "concat", "stack", "split", "tile", "pad", "reduction_maximum"),
    *("reduction_minimum", "reduction_maximum_propagate_nan", "reduction_minimum_propagate_nan"),
    *("reduction_and", "reduction_or", "reduction_arg_maximum", "reduction_arg_minimum"),
    *("max_pooling_2d", "max_pooling_2d_return_indices", "one_hot", "absolute", "leaky_relu"),
    *("gather", "gather_nd", "gather_along_axis", "scatter", "scatter_nd", "scatter_along_axis"),
    *EXACT_LINES,
}


def is_exact(row: str, name: str) -> bool:
    return row in EXACT_FLOATS if name in [*FLOATS, "complex64"] else True


@dataclass
class Step:
    row: str
    operands: list[Any]  # numbers of tensors, lists of them, arrays (constants), None
    attributes: dict[str, Any]


@dataclass
class Recipe:
    feeds: list[np.ndarray]
    steps: list[Step] = field(default_factory=list)

    def build(self, declared: str) -> tuple[mpsg.Graph, list[mpsg.Tensor], list[mpsg.Tensor]]:
        """The graph, its placeholders, and every tensor that a step makes."""
        graph = mpsg.Graph()
        shapes = [DECLARED[declared](feed.shape) for feed in self.feeds]
        placeholders = [
            graph.placeholder(shape, feed.dtype)
            for shape, feed in zip(shapes, self.feeds, strict=True)
        ]
        tensors = list(placeholders)
        for step in self.steps:
            tensors += append(graph, tensors, step)
        return graph, placeholders, tensors[len(placeholders) :]

    def __repr__(self) -> str:
        feeds = [f"{feed.dtype}{list(feed.shape)}" for feed in self.feeds]
        lines = [f"{s.row}({s.operands}, {s.attributes})" for s in self.steps]
        return "\n".join([f"Recipe of {feeds}", *lines])


def append(graph: mpsg.Graph, tensors: list[mpsg.Tensor], step: Step) -> list[mpsg.Tensor]:
    def operand(each: Any) -> Any:
        if isinstance(each, int):
            return tensors[each]
        if isinstance(each, list):
            return [operand(item) for item in each]
        return None if each is None else graph.constant(each)

    made = getattr(graph, step.row)(*map(operand, step.operands), **step.attributes)
    return list(made) if isinstance(made, list) else [made]


class Drawing:
    """Draws one step after the other, with the graph at hand to know shapes and types."""

    def __init__(self, draw: Draw, exact_only: bool) -> None:
        self.draw = draw
        self.exact_only = exact_only
        self.recipe = Recipe([self.array() for _ in range(draw(st.integers(1, 3)))])
        self.graph, placeholders, _ = self.recipe.build("static")
        self.tensors = list(placeholders)
        self.usable = list(range(len(placeholders)))

    def pick(self, options: Any) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def array(self, name: str | None = None, shape: tuple[int, ...] | None = None) -> np.ndarray:
        name = name or self.pick(["float32", "float32", "float64", "int32", *ALL])
        if shape is None:
            shape = tuple(self.draw(st.lists(st.sampled_from([1, 2, 3, 2, 3, 0, 5]), max_size=4)))
        return values(name, shape, random_generator(self.integer(0, 999)), -9, 9)

    # Operands

    def main(self, row: str, group: str, rank: tuple[int, int] = (0, 14)) -> Any:
        """A tensor for the first operand: one that is there, or a new constant."""
        names = ROWS[row]["types"][group]
        fitting = [
            at
            for at in self.usable
            if self.tensors[at].data_type.name in names
            and rank[0] <= len(self.tensors[at].shape) <= rank[1]
            and np.prod(self.tensors[at].shape) <= 4000
        ]
        if fitting and self.integer(0, 5):
            return self.pick(fitting)
        shape = tuple(
            self.integer(0 if rank[0] < 4 else 1, 4)
            for _ in range(max(rank[0], self.integer(0, 3)))
        )
        if len(shape) > rank[1]:
            shape = shape[: rank[1]]
        return self.array(self.pick(names), shape)

    def shape(self, operand: Any) -> tuple[int, ...]:
        return operand.shape if isinstance(operand, np.ndarray) else self.tensors[operand].shape

    def name(self, operand: Any) -> str:
        if isinstance(operand, np.ndarray):
            return operand.dtype.name
        return self.tensors[operand].data_type.name

    def positive(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(np.abs(self.array(name, shape)))

    def with_shape(self, name: str, shape: tuple[int, ...]) -> Any:
        """One of exactly this type and shape."""
        fitting = [
            at
            for at in self.usable
            if self.tensors[at].data_type.name == name and self.tensors[at].shape == shape
        ]
        return self.pick(fitting) if fitting and self.integer(0, 3) else self.array(name, shape)

    def indices(self, shape: tuple[int, ...]) -> np.ndarray:
        """A few in range of most axes, some in range of none."""
        rng = random_generator(self.integer(0, 999))
        return np.asarray(rng.integers(-1, 4, shape)).astype(self.pick(["int32", "int64"]))

    def broadcastable(self, name: str, shape: tuple[int, ...]) -> Any:
        """One that broadcasts with a shape."""
        fitting = []
        for at in self.usable:
            if self.tensors[at].data_type.name != name:
                continue
            try:
                np.broadcast_shapes(self.tensors[at].shape, shape)
            except ValueError:
                continue
            fitting.append(at)
        if fitting and self.integer(0, 3):
            return self.pick(fitting)
        kept = shape[self.integer(0, len(shape)) :]
        return self.array(name, tuple(self.pick([n, 1]) for n in kept))

    # Steps

    def step(self) -> None:
        row = self.pick(DRAWN)
        made = MAKERS[row](self, row) if row in MAKERS else self.elementwise(row)
        if made is None:
            return
        operands, attributes = made
        first = operands[0] if operands else None
        first = first[0] if isinstance(first, list) else first
        name = self.name(first) if first is not None else "int32"
        if attributes.get("type") in {"float16", "bfloat16", "float32", "float64", "complex64"}:
            name = attributes["type"] if name not in [*FLOATS, "complex64"] else name
        exact = is_exact(row, name)
        if self.exact_only and not exact:
            return
        step = Step(row, operands, attributes)
        tensors = append(self.graph, self.tensors, step)
        self.recipe.steps.append(step)
        for tensor in tensors:
            self.tensors.append(tensor)
            if exact:
                self.usable.append(len(self.tensors) - 1)

    def elementwise(self, row: str) -> tuple[list[Any], dict[str, Any]]:
        specs = [o for o in ROWS[row]["operands"] if o["role"] == "data"]
        operands: list[Any] = []
        groups: dict[str, str] = {}
        shape: tuple[int, ...] = ()
        same = row in {"relu_gradient", "sigmoid_gradient"}
        for spec in specs:
            group = spec["group"]
            if group not in groups:
                operand = self.main(row, group) if not operands else None
                groups[group] = (
                    self.name(operand)
                    if operand is not None
                    else self.pick(ROWS[row]["types"][group])
                )
            else:
                operand = None
            if operand is None:
                make = self.with_shape if same else self.broadcastable
                operand = make(groups[group], shape)
            operands.append(operand)
            shape = np.broadcast_shapes(shape, self.shape(operand))
        return operands, {}


Made = tuple[list[Any], dict[str, Any]] | None


def axis_of(d: Drawing, rank: int) -> int:
    return d.integer(-rank, rank - 1)


def axes_of(d: Drawing, rank: int) -> Any:
    chosen = d.draw(st.sets(st.integers(0, rank - 1), max_size=rank)) if rank else set()
    return d.pick([None, [a - rank if d.integer(0, 1) else a for a in sorted(chosen)]])


def one_axis(parameter: str) -> Callable[[Drawing, str], Made]:
    def make(d: Drawing, row: str) -> Made:
        x = d.main(row, "T", (1, 14))
        axis = axis_of(d, len(d.shape(x)))
        if row.startswith("reduction_arg") and d.shape(x)[axis] == 0:
            return None
        return [x], {parameter: axis}

    return make


def some_axes(d: Drawing, row: str) -> Made:
    x = d.main(row, "T")
    return [x], {"axes": axes_of(d, len(d.shape(x)))}


def softmax_gradient(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 14))
    return [d.with_shape(d.name(x), d.shape(x)), x], {"axis": axis_of(d, len(d.shape(x)))}


def reshape(d: Drawing, row: str) -> Made:
    x = d.main(row, "T")
    shape = list(d.shape(x))
    order = d.draw(st.permutations(shape + [1] * d.integer(0, 1)))
    if order and 0 not in order and d.integer(0, 1):
        order[d.integer(0, len(order) - 1)] = -1
    return [x], {"shape": order}


def transpose(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 14))
    rank = len(d.shape(x))
    return [x], {"dimension": axis_of(d, rank), "with_dimension": axis_of(d, rank)}


def permute(d: Drawing, row: str) -> Made:
    x = d.main(row, "T")
    return [x], {"permutation": d.draw(st.permutations(range(len(d.shape(x)))))}


def broadcast(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (0, 6))
    inner = [d.integer(0, 3) if n == 1 else n for n in d.shape(x)]
    return [x], {"shape": [*(d.integer(1, 3) for _ in range(d.integer(0, 2))), *inner]}


def only(d: Drawing, row: str) -> Made:
    return [d.main(row, "T")], {}


def cast(d: Drawing, row: str) -> Made:
    return [d.main(row, "T")], {"type": d.pick(ALL)}


def reinterpret(d: Drawing, row: str) -> Made:
    x = d.main(row, "T")
    if d.name(x) == "bool":
        return [x], {"type": d.pick(["bool", "uint8"])}
    size = mpsg.data_type(d.name(x)).size
    # Bits of a float made of integers may be any NaN, whose payload no device promises.
    same = [
        n for n in ALL if mpsg.data_type(n).size == size and n not in [*FLOATS, "bool", "complex64"]
    ]
    return [x], {"type": d.pick(same)}


def expand_dims(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (0, 6))
    rank = len(d.shape(x))
    count = d.integer(0, 2)
    places = d.draw(st.permutations(range(rank + count)))
    return [x], {"axes": places[:count]}


def squeeze(d: Drawing, row: str) -> Made:
    x = d.main(row, "T")
    ones = [axis for axis, n in enumerate(d.shape(x)) if n == 1]
    return [x], {
        "axes": d.pick([None, d.draw(st.lists(st.sampled_from(ones), unique=True)) if ones else []])
    }


def flatten(d: Drawing, row: str) -> Made:
    x = d.main(row, "T")
    return [x], {"axis": d.integer(0, len(d.shape(x)))}


def coordinate(d: Drawing, row: str) -> Made:
    shape = [d.integer(0, 3) for _ in range(d.integer(1, 3))]
    return [], {"axis": axis_of(d, len(shape)), "shape": shape}


def bounds(d: Drawing, shape: tuple[int, ...]) -> dict[str, Any]:
    rank = d.integer(0, len(shape))
    starts = [d.integer(-n - 1, n + 1) for n in shape[:rank]]
    if d.integer(0, 1):
        return {"starts": starts, "sizes": [d.integer(0, n) for n in shape[:rank]]}
    return {
        "starts": starts,
        "ends": [d.integer(-n - 1, n + 1) for n in shape[:rank]],
        "strides": [d.pick([1, 1, 2, -1, -2]) for _ in range(rank)],
        "start_mask": d.integer(0, 2**rank - 1),
        "end_mask": d.integer(0, 2**rank - 1),
    }


def sliced_shape(shape: tuple[int, ...], attributes: dict[str, Any]) -> tuple[int, ...]:
    graph = mpsg.Graph()
    found = graph.slice(graph.placeholder(list(shape), mpsg.int8), **attributes).shape
    assert found is not None
    return found


def slices(d: Drawing, row: str) -> Made:
    x = d.main(row, "T")
    attributes = bounds(d, d.shape(x))
    part = sliced_shape(d.shape(x), attributes)
    if row == "slice":
        return [x], attributes
    if row == "slice_update":
        return [x, d.with_shape(d.name(x), part)], attributes
    shape = d.shape(x)
    return [d.with_shape(d.name(x), part)], {"fwd_in_shape": list(shape), **attributes}


def joined(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1 if row == "concat" else 0, 10))
    shape, name = d.shape(x), d.name(x)
    others = [x, *(d.with_shape(name, shape) for _ in range(d.integer(0, 2)))]
    if row == "stack":
        return [others], {"axis": d.integer(-len(shape) - 1, len(shape))}
    return [others], {"dimension": axis_of(d, len(shape)), "interleave": d.pick([False, True])}


def split(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 14))
    axis = axis_of(d, len(d.shape(x)))
    size = d.shape(x)[axis]
    first = d.integer(0, size)
    return [x], {"split_sizes": [first, d.pick([-1, size - first])], "axis": axis}


def tile(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (0, 4))
    multiplier = [d.integer(0, 2) for _ in d.shape(x)]
    if row == "tile":
        return [x], {"multiplier": multiplier}
    big = tuple(n * m for n, m in zip(d.shape(x), multiplier, strict=True))
    return [d.with_shape(d.name(x), big), x], {"multiplier": multiplier}


def pad(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (0, 4))
    shape = d.shape(x)
    modes = [PaddingMode.CONSTANT, PaddingMode.ZERO]
    if 0 not in shape:
        modes += [PaddingMode.SYMMETRIC, PaddingMode.CLAMP_TO_EDGE, PaddingMode.PERIODIC]
    mode = d.pick(modes)
    sides = [[d.integer(0, min(n, 2) if n else 2) for n in shape] for _ in range(2)]
    padding = {"padding_mode": mode, "left_padding": sides[0], "right_padding": sides[1]}
    if row == "pad":
        return [x], padding
    big = tuple(n + a + b for n, a, b in zip(shape, *sides, strict=True))
    return [d.with_shape(d.name(x), big), x], padding


def matrix_multiplication(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (2, 6))
    inner = d.shape(x)[-1]
    batch = d.shape(x)[:-2] if d.integer(0, 1) else ()
    return [x, d.with_shape(d.name(x), (*batch, inner, d.integer(0, 4)))], {}


def attention(d: Drawing, row: str) -> Made:
    query = d.main(row, "T", (2, 5))
    name, (*batch, count, inner) = d.name(query), d.shape(query)
    keys = d.integer(1, 3)
    kept = batch if d.integer(0, 1) else []
    key = d.with_shape(name, (*kept, keys, inner))
    value = d.with_shape(name, (*kept, keys, d.integer(0, 3)))
    mask = d.pick([None, d.array(name, (count, keys))])
    return [query, key, value], {"scale": 0.25, **({} if mask is None else {"mask": mask})}


def convolution(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (4, 4))
    n, c, h, w = d.shape(x)
    if 0 in (c, h, w):
        return None
    descriptor = Convolution2DOpDescriptor(
        stride_in_x=d.integer(1, 2), padding_style=PaddingStyle.TF_SAME
    )
    weights = (d.integer(1, 3), c, d.integer(1, 3), d.integer(1, 2))
    output = (n, weights[0], h, -(-w // descriptor.stride_in_x))
    name = d.name(x)
    if row == "convolution_2d":
        return [x, d.with_shape(name, weights)], {"descriptor": descriptor}
    # As a convolution of x calls them; a transposed one goes the other way.
    small, large = d.with_shape(name, output), x
    transposed = "transpose" in row
    shapes = {"small": output, "large": (n, c, h, w), "weights": weights}
    made = {"": "large", "_data_gradient": "small", "_weights_gradient": "weights"}
    if not transposed:
        made["_data_gradient"] = "large"
    result = made[row.removeprefix("convolution_transpose_2d").removeprefix("convolution_2d")]
    field = "forward_convolution_descriptor" if row.endswith("gradient") else "descriptor"
    attributes: dict[str, Any] = {"output_shape": list(shapes[result]), field: descriptor}
    if result == "weights":
        return [large, small] if transposed else [small, large], attributes
    return [small if result == "large" else large, d.with_shape(name, weights)], attributes


def pooling(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (4, 4))
    n, c, h, w = d.shape(x)
    if 0 in (c, h, w):
        return None
    descriptor = Pooling2DOpDescriptor(
        kernel_width=d.integer(1, 2),
        kernel_height=d.integer(1, 3),
        stride_in_y=d.integer(1, 2),
        padding_style=PaddingStyle.TF_SAME,
        return_indices_mode=PoolingReturnIndicesMode.GLOBAL_FLATTEN_2D,
    )
    output = (n, c, -(-h // descriptor.stride_in_y), w)
    if row.endswith("gradient"):
        return [d.with_shape(d.name(x), output), x], {"descriptor": descriptor}
    return [x], {"descriptor": descriptor}


def statistics(d: Drawing, row: str) -> Made:
    """Of the normalizations: along all axes but one."""
    x = d.main(row, "T", (1, 4))
    shape, name = d.shape(x), d.name(x)
    axis = d.integer(0, len(shape) - 1)
    axes = [a for a in range(len(shape)) if a != axis]
    small = tuple(n if a == axis else 1 for a, n in enumerate(shape))
    mean, variance = d.array(name, small), d.positive(name, small)
    gamma, beta = (d.pick([None, d.array(name, small)]) for _ in range(2))
    if row == "normalization":
        return [x, mean, variance, gamma, beta], {"epsilon": 0.5}
    g = d.with_shape(name, shape)
    if row == "normalization_beta_gradient":
        return [g, x], {"axes": axes}
    if row == "normalization_gamma_gradient":
        return [g, x, mean, variance], {"axes": axes, "epsilon": 0.5}
    return [g, x, mean, variance, gamma, None, None], {"axes": axes, "epsilon": 0.5}


def loss(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 4))
    shape, name = d.shape(x), d.name(x)
    axis = axis_of(d, len(shape))
    reduction = d.pick(LossReductionType)
    labels = d.positive(name, shape)
    attributes = {"axis": axis, "reduction_type": reduction}
    if row == "softmax_cross_entropy":
        return [x, labels], attributes
    losses = list(shape)
    losses[axis] = 1
    whole = reduction != LossReductionType.NONE
    return [d.array(name, () if whole else tuple(losses)), x, labels], attributes


def optimizer(d: Drawing, row: str) -> Made:
    x = d.main(row, "T")
    name, shape = d.name(x), d.shape(x)
    rate = d.array(name, ())
    if row == "stochastic_gradient_descent":
        return [rate, x, d.with_shape(name, shape)], {}
    tenth = mpsg.data_type(name).numpy().type(0.1)
    numbers = [np.asarray(d.positive(name, ()) * tenth) for _ in range(4)]
    velocity = d.positive(name, shape)
    return [*numbers, x, d.with_shape(name, shape), velocity, d.with_shape(name, shape)], {}


def one_hot(d: Drawing, row: str) -> Made:
    x = d.main(row, "indices", (0, 6))
    return [x], {"depth": d.integer(0, 4), "axis": d.integer(-1, len(d.shape(x)))}


def gathered(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 6))
    shape = d.shape(x)
    if row == "gather_nd":
        count = d.integer(1, len(shape))
        return [x, d.indices((d.integer(0, 3), count))], {}
    axis = axis_of(d, len(shape))
    if row == "gather":
        return [x, d.indices((d.integer(0, 3), d.integer(1, 2)))], {"axis": axis}
    picked = list(shape)
    picked[axis] = d.integer(0, 4)
    return [x, d.indices(tuple(picked))], {"axis": axis}


def scattered(d: Drawing, row: str) -> Made:
    """Into given data. Only what does not depend on the order of sums."""
    x = d.main(row, "T", (1, 6))
    name, shape = d.name(x), d.shape(x)
    modes = [ScatterMode.SET]
    if name not in ("bool", "complex64"):
        modes += [ScatterMode.MIN, ScatterMode.MAX]
    mode = d.pick(modes)
    if row == "scatter_nd":
        count = d.integer(1, len(shape))
        updates = d.with_shape(name, (2, *shape[count:]))
        indices = d.indices((2, count))
        return [updates, indices], {"shape": list(shape), "mode": mode}
    axis = d.integer(0, len(shape) - 1)
    if row == "scatter":
        updates = d.with_shape(name, (*shape[:axis], 3, *shape[axis + 1 :]))
        return [updates, d.indices((3,))], {"shape": list(shape), "axis": axis, "mode": mode}
    size = d.integer(0, 5)
    return [x, d.indices(shape)], {
        "shape": [*shape[:axis], size, *shape[axis + 1 :]],
        "axis": axis,
        "mode": mode,
    }


MAKERS: dict[str, Callable[[Drawing, str], Made]] = {
    **LINE_MAKERS,
    **dict.fromkeys(
        ["softmax", "reduction_arg_maximum", "reduction_arg_minimum"], one_axis("axis")
    ),
    **{row: some_axes for row in ROWS if row.startswith("reduction_") and "arg" not in row},
    **dict.fromkeys(["mean", "variance", "reverse"], some_axes),
    "softmax_gradient": softmax_gradient,
    "reshape": reshape,
    "transpose": transpose,
    "permute": permute,
    "broadcast": broadcast,
    "shape_of": only,
    "planar": only,
    "cast": cast,
    "reinterpret_cast": reinterpret,
    "expand_dims": expand_dims,
    "squeeze": squeeze,
    "flatten_2d": flatten,
    "coordinate_along_axis": coordinate,
    **dict.fromkeys(["slice", "slice_gradient", "slice_update"], slices),
    **dict.fromkeys(["concat", "stack"], joined),
    "split": split,
    **dict.fromkeys(["tile", "tile_gradient"], tile),
    **dict.fromkeys(["pad", "pad_gradient"], pad),
    "matrix_multiplication": matrix_multiplication,
    "scaled_dot_product_attention": attention,
    **{row: convolution for row in ROWS if row.startswith("convolution_") and "_3d" not in row},
    **{row: pooling for row in ROWS if "_pooling_2d" in row},
    **{row: statistics for row in ROWS if row.startswith("normalization")},
    **dict.fromkeys(["softmax_cross_entropy", "softmax_cross_entropy_gradient"], loss),
    **dict.fromkeys(["stochastic_gradient_descent", "adam"], optimizer),
    "one_hot": one_hot,
    **dict.fromkeys(["gather", "gather_nd", "gather_along_axis"], gathered),
    **dict.fromkeys(["scatter", "scatter_nd", "scatter_along_axis"], scattered),
}
DRAWN = [
    row
    for row in ROWS
    if row in MAKERS or (ROWS[row]["elementwise"] and not ROWS[row]["attributes"])
]


@st.composite
def recipes(draw: Draw, exact_only: bool = False, most_steps: int = 12) -> Recipe:
    drawing = Drawing(draw, exact_only)
    for _ in range(draw(st.integers(1, most_steps))):
        drawing.step()
    return drawing.recipe
