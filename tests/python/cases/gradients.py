"""Operands, away from kinks, at which every differentiable row is differentiated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

import mpsg
from cases import recurrent as recurrent_cases
from cases.arithmetic_unary import FUNCTIONS
from cases.gradient_case import GradientCase, apart, complexes, plain, real
from cases.line_gradients import lines
from cases.windows import to_layout
from mpsg import Convolution2DOpDescriptor as Convolution
from mpsg import (
    LossReductionType,
    PaddingMode,
    PaddingStyle,
    ScatterMode,
    TensorNamedDataLayout,
)
from mpsg import Pooling2DOpDescriptor as Pooling
from mpsg import PoolingReturnIndicesMode as IndicesMode
from mpsg import RNNActivation as Activation
from mpsg import TensorNamedDataLayout as Layout
from support.numbers import random_generator
from support.running import DECLARED

BROADCAST = [
    ((), ()),
    ((2, 3), (2, 3)),
    ((3, 1), (1, 2)),
    ((3,), (2, 1, 1)),
    ((), (2,)),
    ((0, 2), (1, 2)),
]


def unary(row: str, low: float, high: float) -> Iterator[GradientCase]:
    for shape in [(), (3,), (2, 1, 2), (0,)]:
        yield plain(row, real(shape, row, low, high))


def binary(
    row: str, first: tuple[float, float] = (-2, 2), second: tuple[float, float] = (-2, 2)
) -> Iterator[GradientCase]:
    for a, b in BROADCAST:
        yield plain(row, real(a, row, *first), real(b, (row, 2), *second))


def extremes(row: str) -> Iterator[GradientCase]:
    for a, b in BROADCAST:
        # Never closer than 1/16.
        yield plain(row, apart(a, row), apart(b, (row, 2)) + 0.0625)


def reductions(row: str, array: Any) -> Iterator[GradientCase]:
    for shape, axes in [
        ((), None),
        ((3,), 0),
        ((2, 3), None),
        ((2, 3), -1),
        ((2, 3, 2), (0, 2)),
        ((2, 0), 1),
    ]:
        yield plain(row, array(shape, row), axes=axes)


COMPLEX_UNARY = [
    *("exponent", "logarithm", "square_root", "reciprocal_square_root", "reverse_square_root"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh"),
    *("atanh", "square", "reciprocal", "negative", "absolute", "absolute_square", "conjugate"),
    *("real_part", "imaginary_part", "identity"),
]
COMPLEX_BINARY = ["addition", "subtraction", "multiplication", "division", "division_no_nan"]
COMPLEX_BINARY += ["power"]


def arithmetic(row: str) -> Iterator[GradientCase]:
    domains = {name: domain for name, (_, domain) in FUNCTIONS.items()} | {
        **dict.fromkeys(["exponent", "exponent_base2", "exponent_base10", "tan"], (-1.2, 1.2)),
        **dict.fromkeys(["sinh", "cosh", "tanh", "sin", "cos", "erf", "sigmoid"], (-2, 2)),
        **dict.fromkeys(["logarithm", "square_root", "reciprocal"], (0.5, 3)),
        **dict.fromkeys(["logarithm_base2", "logarithm_base10"], (0.5, 3)),
        **dict.fromkeys(["reciprocal_square_root", "reverse_square_root"], (0.5, 3)),
        **dict.fromkeys(["asin", "acos", "atanh"], (-0.8, 0.8)),
        **dict.fromkeys(["identity", "square", "negative", "absolute_square"], (-2, 2)),
        **dict.fromkeys(["real_part", "imaginary_part", "conjugate"], (-2, 2)),
        "acosh": (1.3, 3),
    }
    if row in domains:
        yield from unary(row, *domains[row])
    if row in {"absolute", "relu"}:
        for shape in [(), (5,), (2, 1, 2), (0,)]:
            yield plain(row, apart(shape, row))
    if row in COMPLEX_UNARY:
        yield plain(row, complexes((3,), row))
    if row in COMPLEX_BINARY:
        yield plain(row, complexes((2, 1), row), complexes((1, 2), (row, 2)))
    if row == "planar":
        yield plain(row, complexes((2, 2), row))
    if row == "complex":
        for a, b in BROADCAST[:-1]:
            yield plain(row, real(a).astype(np.float32), real(b, 1).astype(np.float32))
    if row in {"addition", "subtraction", "multiplication"}:
        yield from binary(row)
    if row in {"division", "division_no_nan"}:
        yield from binary(row, second=(0.5, 2))
    if row in {"modulo", "floor_modulo"}:
        # a / b stays between 2.1 and 2.9: no quotient changes.
        for a, b in BROADCAST:
            yield plain(row, real(a, row, 2.2, 2.3), real(b, row, 0.85, 1.0))
            yield plain(row, real(a, row, -2.3, -2.2), real(b, row, 0.85, 1.0))
    if row == "power":
        yield from binary(row, (0.5, 2), (-2, 2))
        whole = np.array([3.0, 2.0, 0.0, -1.0, 1.0])

        def constant_power(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
            return graph.power(tensors[0], graph.constant(whole))

        yield GradientCase("of negative numbers", constant_power, [real((5,), row, -2, -0.5)])
    if row == "atan2":
        for a, b in BROADCAST:
            yield plain(row, apart(a, row), apart(b, (row, 2)))
    if row.startswith(("maximum", "minimum")):
        yield from extremes(row)
    if row == "select":
        for p, a, b in [
            ((), (), ()),
            ((2, 3), (2, 3), (2, 3)),
            ((2, 1), (3,), ()),
            ((3,), (2, 1), (1, 3)),
        ]:
            mask = random_generator(p, a).integers(0, 2, p).astype(bool)
            yield plain(row, np.asarray(mask), real(a, 1), real(b, 2))
        yield plain(row, np.array([True, False]), complexes((2,)), complexes((1,)))
    if row == "clamp":
        for x, low, high in [((6,), (), ()), ((2, 3), (3,), (2, 1)), ((), (), ())]:
            yield plain(row, apart(x, row), apart(low, 1) - 0.4, apart(high, 2) + 0.45)


def activations(row: str) -> Iterator[GradientCase]:
    if row in {"relu_gradient", "sigmoid_gradient"}:
        for shape in [(), (5,), (2, 2)]:
            yield plain(row, real(shape, 1), apart(shape, row))
    if row == "leaky_relu":
        for x, alpha in [((5,), ()), ((2, 3), (3,)), ((2, 1), (1, 2))]:
            yield plain(row, apart(x, row), real(alpha, row, 0.1, 0.4))
    if row == "leaky_relu_gradient":
        for x, alpha in [((5,), ()), ((2, 3), (3,))]:
            yield plain(row, real(x, 1), apart(x, row), real(alpha, row, 0.1, 0.4))
    if row == "softmax":
        for shape, axis in [((4,), 0), ((2, 3), 1), ((2, 3, 2), -2), ((0, 2), 1)]:
            yield plain(row, real(shape, row), axis=axis)
    if row == "softmax_gradient":
        for shape, axis in [((4,), 0), ((2, 3), 1)]:
            yield plain(row, real(shape, 1), real(shape, row), axis=axis)


SHAPES: dict[str, list[tuple[tuple[int, ...], dict[str, Any]]]] = {
    "reshape": [((2, 3), {"shape": (3, -1)}), ((2,), {"shape": (1, 2, 1)}), ((), {"shape": 1})],
    "transpose": [((2, 3), {"dimension": 0, "with_dimension": -1})],
    "permute": [((2, 3, 2), {"permutation": (2, 0, 1)}), ((), {"permutation": ()})],
    "broadcast": [((3, 1), {"shape": (2, 3, 2)}), ((), {"shape": 4}), ((2, 1), {"shape": (2, 0)})],
    "expand_dims": [((2, 3), {"axes": (0, -1)}), ((), {"axes": 0})],
    "squeeze": [((1, 3, 1), {}), ((1, 3, 1), {"axes": -1})],
    "flatten_2d": [((2, 3, 2), {"axis": 1}), ((2,), {"axis": -1})],
    "reverse": [((2, 3), {}), ((2, 3), {"axes": 1})],
    "slice": [
        ((5,), {"starts": 1, "ends": 4}),
        ((4, 3), {"starts": (3, 0), "ends": (0, 3), "strides": (-2, 2)}),
        ((4, 3), {"starts": (-1, 1), "ends": (0, 3), "squeeze_mask": 1}),
        ((4, 3), {"starts": (1, 2), "sizes": (2, 1)}),
        ((4, 3), {"dimension": 1, "start": 1, "length": 2}),
    ],
    "split": [((5, 2), {"split_sizes": (2, -1, 1)}), ((2, 4), {"num_splits": 2, "axis": -1})],
    "tile": [
        ((2, 3), {"multiplier": (2, 3)}),
        ((2,), {"multiplier": 1}),
        ((2,), {"multiplier": 0}),
    ],
    "mean": [((2, 3), {}), ((2, 3), {"axes": 0}), ((2, 3, 2), {"axes": (-1, 0)})],
    "variance": [((2, 3), {}), ((2, 3), {"axes": 0}), ((2, 3, 2), {"axes": (-1, 0)})],
    "reduction_sum": [],
}
PADS = [
    ((3, 2), (1, 0), (2, 1), [PaddingMode.CONSTANT, PaddingMode.ZERO, PaddingMode.PERIODIC]),
    ((3, 2), (1, 0), (2, 1), [PaddingMode.REFLECT, PaddingMode.SYMMETRIC]),
    ((3, 2), (2, 1), (4, 3), [PaddingMode.CLAMP_TO_EDGE, PaddingMode.ANTI_PERIODIC]),
    ((4, 2), (-1, 0), (1, -1), [PaddingMode.CONSTANT]),
]


def shapes(row: str) -> Iterator[GradientCase]:
    for shape, attributes in SHAPES.get(row, []):
        yield plain(row, real(shape, row), **attributes)
        if row not in {"variance"}:
            yield plain(row, complexes(shape, row), **attributes)
    if row == "variance":
        yield GradientCase(
            "mean given", lambda g, t: g.variance(t[0], 1, mean=t[1]), [real((2, 3)), real((2, 1))]
        )
    if row == "cast":
        yield plain(row, real((3,)).astype(np.float32), type="float64")
        yield plain(row, complexes((3,)), type="float32")
        yield plain(row, real((3,)).astype(np.float32), type="complex64")
    if row == "slice":
        starts = np.array([2, 9])

        def at_run_time(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
            return graph.slice(tensors[0], start_tensor=tensors[1], sizes=(2, 1))

        yield GradientCase("start_tensor", at_run_time, [real((4, 3)), starts])
    if row == "slice_gradient":
        yield plain(
            row, real((2, 2)), fwd_in_shape=(4, 3), starts=(3, 0), ends=(0, 3), strides=(-2, 2)
        )
        yield plain(row, real((2, 1)), fwd_in_shape=(4, 3), starts=(1, 2), sizes=(2, 1))
    if row == "slice_update":
        yield plain(row, real((4, 3)), real((2, 2), 1), starts=(3, 0), ends=(0, 3), strides=(-2, 2))
        yield plain(row, real((4, 3)), real((2, 1), 1), starts=(1, 2))
        yield GradientCase(
            "start_tensor",
            lambda g, t: g.slice_update(t[0], t[1], start_tensor=t[2], sizes=(2, 1)),
            [real((4, 3)), real((2, 1), 1), np.array([2, 9])],
        )
    if row == "concat":
        yield GradientCase(
            "", lambda g, t: g.concat(t, -1), [real((2, 3)), real((2, 1)), real((2, 0))]
        )
        yield GradientCase(
            "interleaved",
            lambda g, t: g.concat(t, 1, interleave=True),
            [real((2, 3)), real((2, 3), 1)],
            declared=("static", "sizes unknown"),  # the gradient says that it needs the rank
        )
        yield GradientCase("twice", lambda g, t: g.concat([t[0], t[0]], 0), [real((2, 3))])
    if row == "stack":
        yield GradientCase("", lambda g, t: g.stack(t, -1), [real((2, 3)), real((2, 3), 1)])
    if row == "tile_gradient":
        yield plain(row, real((4, 3)), real((2, 3), 1), multiplier=(2, 1))
    for shape, left, right, modes in PADS if row in {"pad", "pad_gradient"} else []:
        for mode in modes:
            padding = {"padding_mode": mode, "left_padding": left, "right_padding": right}
            if row == "pad":
                yield plain(row, real(shape, 3), **padding)
            else:
                grown = tuple(n + a + b for n, a, b in zip(shape, left, right, strict=True))
                yield plain(row, real(grown), real(shape, 1), **padding)


def windows(row: str) -> Iterator[GradientCase]:
    if row == "matrix_multiplication":
        for a, b in [
            ((2, 3), (3, 2)),
            ((2, 1, 2), (2, 3)),
            ((2, 2), (3, 2, 1)),
            ((2, 1, 2, 2), (2, 2, 1)),
        ]:
            yield plain(row, real(a), real(b, 1))
        yield plain(row, complexes((2, 2)), complexes((2, 1)))
        yield GradientCase(
            "squared", lambda g, t: g.matrix_multiplication(t[0], t[0]), [real((2, 2))]
        )
    if row == "scaled_dot_product_attention":
        q, k, v = real((2, 2, 3)), real((3, 3), 1), real((2, 3, 1), 2)
        yield plain(row, q, k, v, scale=0.5)
        yield GradientCase(
            "masked",
            lambda g, t: g.scaled_dot_product_attention(*t[:3], 0.5, mask=t[3]),
            [q, k, v, real((2, 3), 3)],
        )
        yield GradientCase(
            "causal with sinks",
            lambda g, t: g.scaled_dot_product_attention(*t[:3], 0.5, is_causal=True, sinks=t[3]),
            [q, real((2, 3, 3), 1), v, real((2,), 3)],
        )
    if row.startswith("convolution") and "_3d" not in row:
        yield from convolutions(row)
    if "pooling_2d" in row:
        yield from poolings(row)
    if row.startswith(("gather", "scatter")):
        yield from indexed(row)


def convolutions(row: str) -> Iterator[GradientCase]:
    nhwc = {"data_layout": TensorNamedDataLayout.NHWC, "weights_layout": TensorNamedDataLayout.HWIO}
    # source, weights, output, options
    for source, weights, output, options in [
        ((1, 2, 4, 3), (2, 2, 2, 2), (1, 2, 3, 2), {}),
        ((2, 2, 4, 3), (2, 1, 2, 1), (2, 2, 2, 3), {"groups": 2, "stride_in_y": 2}),
        (
            (1, 3, 4, 1),
            (2, 2, 1, 2),
            (1, 3, 2, 2),
            {"stride_in_x": 2, "padding_style": PaddingStyle.TF_SAME, **nhwc},
        ),
        (
            (1, 1, 4, 3),
            (1, 1, 2, 2),
            (1, 1, 3, 4),
            {"dilation_rate_in_y": 2, "padding_left": 1, "padding_right": 1, "padding_top": 1},
        ),
    ]:
        descriptor = Convolution(**options)
        if row == "convolution_2d":
            yield plain(row, real(source), real(weights, 1), descriptor=descriptor)
            continue
        a, b, result = {
            "convolution_2d_data_gradient": (output, weights, source),
            "convolution_2d_weights_gradient": (output, source, weights),
            "convolution_transpose_2d": (output, weights, source),
            "convolution_transpose_2d_data_gradient": (source, weights, output),
            "convolution_transpose_2d_weights_gradient": (source, output, weights),
        }[row]
        name = "forward_convolution_descriptor" if row.endswith("gradient") else "descriptor"
        options = {"output_shape": result, name: descriptor}
        yield plain(row, real(a), real(b, 1), **options)


def indexed(row: str) -> Iterator[GradientCase]:
    """gather and scatter; where an index repeats, the mode allows it."""
    settings: dict[str, list[tuple[tuple[int, ...], Any, dict[str, Any], tuple[int, ...]]]] = {
        "": [
            ((4, 3), [2, 0, 2, 9], {"axis": 0}, (4, 3)),
            ((2, 4), [[3], [1]], {"axis": -1}, (2, 2, 1)),
        ],
        "_nd": [
            ((4, 3), [[2], [0], [2], [-1]], {}, (4, 3)),
            ((2, 4), [[[3], [1]], [[3], [0]]], {"batch_dimensions": 1}, (2, 2)),
        ],
        "_along_axis": [((3, 4), [[2, 0, 2], [3, 9, 1], [0, 0, 0]], {"axis": 1}, (3, 3))],
    }
    kind = row.removeprefix("gather").removeprefix("scatter")
    for data, numbers, options, picked in settings[kind]:
        indices = np.array(numbers, np.int32)
        if row.startswith("gather"):
            yield plain(row, real(data), indices, **options)
            continue
        for mode in ScatterMode:
            yield from scattered(row, data, indices, picked, mode, options)
    if row == "gather":
        batched = np.array([[1, 1, 3], [0, 7, 2]])
        yield plain(row, real((2, 4, 2)), batched, axis=1, batch_dimensions=1)


def scattered(
    row: str,
    data: tuple[int, ...],
    indices: np.ndarray,
    picked: tuple[int, ...],
    mode: ScatterMode,
    options: dict[str, Any],
) -> Iterator[GradientCase]:
    if mode == ScatterMode.SET:  # distinct indices only
        indices = np.unique(indices).reshape(-1)[:1].reshape([1] * indices.ndim)
        shape = list(indices.shape)
        if row == "scatter_along_axis":
            data, picked = (1, 4), (1, 1)
        elif row == "scatter_nd":
            data, picked, options = (4, 3), (*shape[:-1], 3), {}
        else:
            data, options = (4, 3), {"axis": 0}
            picked = (*shape, 3)
    updates = apart(picked, 1) + (0.06 if mode in (ScatterMode.MIN, ScatterMode.MAX) else 3)
    start = apart(data, 2)

    def into_data(graph: mpsg.Graph, t: list[mpsg.Tensor]) -> Any:
        return getattr(graph, row)(t[0], t[1], data=t[2], mode=mode, **options)

    yield GradientCase(f"{mode.name} into data", into_data, [updates, indices, start])
    # Without data places may be infinite, and so are their differences.
    if mode not in (ScatterMode.MIN, ScatterMode.MAX):
        yield plain(row, updates, indices, shape=data, mode=mode, **options)


def poolings(row: str) -> Iterator[GradientCase]:
    for source, output, options in [
        ((1, 2, 4, 3), (1, 2, 3, 2), {}),
        ((1, 1, 4, 4), (1, 1, 2, 2), {"stride_in_x": 2, "stride_in_y": 2}),
        ((1, 1, 4, 3), (1, 1, 3, 3), {"padding_left": 1, "include_zero_pad_to_average": True}),
        (
            (1, 3, 4, 2),
            (1, 2, 2, 2),
            {"stride_in_x": 2, "ceil_mode": True, "data_layout": TensorNamedDataLayout.NHWC},
        ),
    ]:
        indices = IndicesMode.GLOBAL_FLATTEN_4D if "indices" in row else IndicesMode.NONE
        descriptor = Pooling(
            kernel_width=2, kernel_height=2, return_indices_mode=indices, **options
        )
        arrays = [apart(source, row)]
        if row.endswith("gradient"):
            arrays.insert(0, real(output))
        yield plain(row, *arrays, descriptor=descriptor)
    if row == "max_pooling_2d_gradient":
        descriptor = Pooling(
            kernel_width=2,
            kernel_height=2,
            return_indices_mode=IndicesMode.GLOBAL_FLATTEN_2D,
        )

        def by_indices(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
            _, places = graph.max_pooling_2d_return_indices(tensors[1], descriptor)
            return graph.max_pooling_2d_gradient(
                tensors[0], None, descriptor, indices=places, output_shape=(1, 2, 4, 3)
            )

        yield GradientCase("by indices", by_indices, [real((1, 2, 3, 2)), apart((1, 2, 4, 3))])


def composites(row: str) -> Iterator[GradientCase]:
    x, g = real((2, 3, 2)), real((2, 3, 2), 1)
    mean, variance = real((1, 3, 1), 2), real((1, 3, 1), 3, 0.5, 2)
    gamma, beta = real((1, 3, 1), 4), real((1, 3, 1), 5)
    first, second = real((1, 3, 1), 6), real((1, 3, 1), 7)
    axes, epsilon = (0, 2), 0.1
    if row == "normalization":
        yield GradientCase(
            "",
            lambda g, t: g.normalization(*t, epsilon),
            [x, mean, variance, gamma, beta],
            same_bits=False,  # where the shapes are known, one product less is rounded
        )
        yield GradientCase(
            "no gamma",
            lambda g, t: g.normalization(*t[:3], None, None, epsilon),
            [x, mean, variance],
        )
        yield GradientCase(
            "gamma per element",
            lambda g, t: g.normalization(*t, None, epsilon),
            [x, mean, variance, real((3, 2))],
        )
    if row == "normalization_gamma_gradient":
        yield plain(row, g, x, mean, variance, axes=axes, epsilon=epsilon)
    if row == "normalization_beta_gradient":
        yield plain(row, g, x, axes=axes)
    if row == "normalization_gradient":
        yield GradientCase(
            "without sums",
            lambda graph, t: graph.normalization_gradient(*t, None, None, axes, epsilon),
            [g, x, mean, variance, gamma],
        )
        yield GradientCase(
            "with sums",
            lambda graph, t: graph.normalization_gradient(*t, axes, epsilon),
            [g, x, mean, variance, gamma, first, second],
            # With unknown shapes it does not know that the sums fit, and computes them.
            declared=("static",),
        )
    if row.startswith("softmax_cross_entropy"):
        labels = real((2, 3), 1, 0.1, 0.9)
        for reduction in LossReductionType:
            attributes = {"axis": 1, "reduction_type": reduction}
            incoming = [real((2, 1) if reduction == LossReductionType.NONE else (), 2)]
            arrays = incoming if row.endswith("gradient") else []
            yield plain(row, *arrays, real((2, 3)), labels, **attributes)
    rate = np.array(0.3)
    if row == "stochastic_gradient_descent":
        yield plain(row, rate, real((2, 3)), real((2, 3), 1))
    if row == "adam":
        numbers = [rate, np.array(0.7), np.array(0.6), np.array(0.1)]
        state = [real((3,), 1), real((3,), 2), real((3,), 3, 0.5, 2), real((3,), 4)]
        yield plain(row, *numbers, *state)
        yield GradientCase(
            "all",
            lambda g, t: g.adam(*t[:8], maximum_velocity=t[8], beta1_power=t[9], beta2_power=t[10]),
            [*numbers, *state, np.array([0.1, 9, 9]), np.array(0.5), np.array(0.3)],
        )


def depthwise(row: str) -> Iterator[GradientCase]:
    if not row.startswith("depthwise_convolution_2d"):
        return
    for source, weights, options in [
        ((1, 2, 3, 4), (1, 2, 2, 2), {}),
        ((1, 2, 4, 3), (2, 2, 2, 3), {"stride_in_y": 2, "padding_left": 1}),
    ]:
        for layouts in [(Layout.NCHW, Layout.OIHW), (Layout.NHWC, Layout.HWIO)]:
            descriptor = mpsg.DepthwiseConvolution2DOpDescriptor(
                data_layout=layouts[0], weights_layout=layouts[1], **options
            )
            x = to_layout(real(source, row), layouts[0])
            w = to_layout(real(weights, row), layouts[1])
            graph = mpsg.Graph()
            found = graph.depthwise_convolution_2d(
                graph.constant(x), graph.constant(w), descriptor=descriptor
            )
            assert found.shape is not None
            g = real(tuple(found.shape), (row, "gradient"))
            if row.endswith("data_gradient"):
                yield plain(row, g, w, output_shape=x.shape, descriptor=descriptor)
            elif row.endswith("weights_gradient"):
                yield plain(row, g, x, output_shape=w.shape, descriptor=descriptor)
            else:
                yield plain(row, x, w, descriptor=descriptor)


def volumes(row: str) -> Iterator[GradientCase]:
    if not row.startswith(("convolution_3d", "depthwise_convolution_3d")):
        return
    for depthwise, source, weights, options in [
        (False, (1, 2, 3, 2, 3), (2, 2, 2, 2, 2), {}),
        (False, (1, 2, 2, 3, 2), (2, 1, 2, 2, 1), {"groups": 2, "padding_front": 1}),
        (True, (1, 2, 3, 2, 3), (2, 2, 1, 2), {}),
        (True, (3, 2, 3, 2), (2, 1, 2, 2), {"channel_dimension_index": -1, "strides": (2, 1, 1)}),
    ]:
        if depthwise != row.startswith("depthwise"):
            continue
        kind = "depthwise_convolution_3d" if depthwise else "convolution_3d"
        name = "DepthwiseConvolution3DOpDescriptor" if depthwise else "Convolution3DOpDescriptor"
        descriptor = getattr(mpsg, name)(**options)
        x, w = real(source, row), real(weights, row)
        graph = mpsg.Graph()
        forward = getattr(graph, kind)
        found = forward(graph.constant(x), graph.constant(w), descriptor=descriptor)
        g = real(tuple(found.shape), (row, "gradient"))
        key = "descriptor" if depthwise or row == kind else "forward_convolution_descriptor"
        if row.endswith("data_gradient"):
            yield plain(row, g, w, output_shape=x.shape, **{key: descriptor})
        elif row.endswith("weights_gradient"):
            yield plain(row, g, x, output_shape=w.shape, **{key: descriptor})
        else:
            yield plain(row, x, w, **{key: descriptor})


def pools(row: str) -> Iterator[GradientCase]:
    if "pooling_4d" not in row:
        return
    for shape, options in [
        ((2, 3, 2, 3), {"kernel_sizes": (2, 2, 1, 2)}),
        (
            (1, 2, 2, 3, 2),
            {"kernel_sizes": (1, 2, 2, 2), "padding_values": (0, 0, 1, 0, 0, 1, 0, 0)},
        ),
    ]:
        descriptor = mpsg.Pooling4DOpDescriptor(**options)
        x = apart(shape, row)
        graph = mpsg.Graph()
        found = graph.max_pooling_4d(graph.constant(x), descriptor=descriptor)
        assert found.shape is not None
        g = real(tuple(found.shape), (row, "gradient"))
        if row == "max_pooling_4d_return_indices":
            mode = IndicesMode.GLOBAL_FLATTEN_4D
            descriptor = dataclasses.replace(descriptor, return_indices_mode=mode)
        if not row.endswith("gradient"):
            yield plain(row, x, descriptor=descriptor)
        elif row.startswith("max"):

            def call(
                graph: mpsg.Graph, t: list[mpsg.Tensor], x: Any = x, d: Any = descriptor
            ) -> Any:
                return graph.max_pooling_4d_gradient(t[0], graph.constant(x), descriptor=d)

            yield GradientCase("by source", call, [g])
        else:
            yield plain(row, g, x, descriptor=descriptor)


def packed(row: str) -> Iterator[GradientCase]:
    if row == "dequantize":
        q = random_generator(row).integers(-3, 3, (2, 4)).astype(np.int8)
        for shape, keywords, declared in [
            ((), {}, tuple(DECLARED)),
            ((4,), {"axis": 1}, ("static", "sizes unknown")),
            ((2, 2), {}, ("static",)),
        ]:
            yield GradientCase(
                f"{shape}",
                lambda g, t, k=keywords: g.dequantize(*t, data_type="float64", **k),
                [q, real(shape, row, 0.5, 2), real(shape, (row, "zero"))],
                declared,
            )
        places = np.abs(q).astype(np.uint8)
        yield GradientCase(
            "table",
            lambda g, t: g.dequantize(t[0], lut=t[1]),
            [places, real((4,), row)],
            ("static", "sizes unknown"),
        )
    if row == "sparse":
        for storage, second in [
            (mpsg.SparseStorageType.COO, [0, 2, 1, 2]),
            (mpsg.SparseStorageType.CSR, [0, 1, 3, 4]),
        ]:
            d = mpsg.CreateSparseOpDescriptor(sparse_storage_type=storage, data_type="float64")
            yield GradientCase(
                storage.name,
                lambda g, t, d=d: g.sparse(*t, [3, 2], d),
                [real((4,), row), np.array([1, 0, 1, 1], np.int32), np.array(second, np.int32)],
            )


def recurrent(row: str) -> Iterator[GradientCase]:
    """Two steps, all operands: also the gradients of the gradient rows, through what they need of
    the forward layer.
    """
    kind = row.removesuffix("_gradients")
    if kind not in recurrent_cases.KINDS:
        return
    for sizes, optional, options in recurrent_cases.LAYERS[kind]:
        if 0 in sizes or sizes[3] > 2:
            continue
        if "activation" in options and options["activation"] in {Activation.HARD_SIGMOID}:
            options = options | {"activation": Activation.TANH}
        one = ((2, *sizes[1:]), optional, options)
        operands = recurrent_cases.operands_of(kind, "float64", one)
        descriptor = recurrent_cases.DESCRIPTORS[kind](**options)

        def call(
            graph: mpsg.Graph,
            t: list[mpsg.Tensor],
            names: list[str] = list(operands)[2:],
            descriptor: Any = descriptor,
        ) -> Any:
            named = dict(zip(names, t[2:], strict=False))
            if row == kind:
                return getattr(graph, kind)(*t[:2], descriptor, **named)
            complete = {"training": True} | ({"produce_cell": True} if kind == "lstm" else {})
            forward = dataclasses.replace(descriptor, **complete)
            h, *saved = getattr(graph, kind)(*t[:2], forward, **named)
            if kind == "lstm":
                saved.reverse()
            elif kind == "gru":
                saved.append(h)
            return getattr(graph, row)(*t[:2], t[-1], *saved, descriptor, **named)

        arrays = list(operands.values())
        if row != kind:
            units = sizes[3] * (2 if options.get("bidirectional") else 1)
            arrays.append(real((2, sizes[1], units), repr(one), -1, 1))
        # A loop of a loop's gradient needs ranks, and sums in another order if sizes are known.
        declared = tuple(DECLARED) if row == kind else ("static", "sizes unknown")
        yield GradientCase(f"{options} {list(operands)}", call, arrays, declared, same_bits=False)


def transforms(row: str) -> Iterator[GradientCase]:
    if not row.endswith(("fourier_transform", "hermitean_fft", "to_real_fft")):
        return
    for shape, axes in [((3,), 0), ((4,), 0), ((2, 5), [1]), ((2, 3, 2), [0, 1]), ((3, 4), [1, 0])]:
        for inverse in (False, True):
            descriptor = mpsg.FFTDescriptor(
                inverse=inverse,
                round_to_odd_hermitean=inverse,
                scaling_mode=mpsg.FFTScalingMode.UNITARY,
            )
            if row != "real_to_hermitean_fft":
                yield plain(row, complexes(shape, row), axes=axes, descriptor=descriptor)
            if row != "hermitean_to_real_fft":
                array = real(shape, row).astype(np.float32)
                yield plain(row, array, axes=axes, descriptor=descriptor)


def gradient_cases(row: str) -> list[GradientCase]:
    if row in {"reduction_sum", "reduction_product"}:
        found = [*reductions(row, real), *reductions(row, complexes)]
    elif row.startswith("reduction"):
        found = list(reductions(row, apart))
    else:
        families = (arithmetic, activations, shapes, windows, composites, lines)
        families += (recurrent, transforms, depthwise, volumes, pools, packed)
        found = [case for family in families for case in family(row)]
    return found
