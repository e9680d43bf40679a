"""The points of docs/meaning.md: where Apple's texts are silent or open, what mpsg gives. The
wanted values are written down, by the rule that the page names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import mpsg
from mpsg import (
    CreateSparseOpDescriptor,
    FFTDescriptor,
    FFTScalingMode,
    GRUDescriptor,
    PaddingMode,
    PaddingStyle,
    Pooling2DOpDescriptor,
    PoolingReturnIndicesMode,
    ResizeNearestRoundingMode,
    RNNActivation,
    ScatterMode,
    TensorNamedDataLayout,
)

NAN, INF = float("nan"), float("inf")
F32, F64, I8, I32, U8 = np.float32, np.float64, np.int8, np.int32, np.uint8
LEAST, MOST = -(2**31), 2**31 - 1


@dataclass(frozen=True)
class Point:
    row: str
    operands: list[np.ndarray]
    wanted: Any  # one array, or one for each result
    attributes: dict[str, Any] = field(default_factory=dict)
    call: Callable[[mpsg.Graph, list[mpsg.Tensor]], Any] | None = None

    def build(self, graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        if self.call:
            return self.call(graph, tensors)
        return getattr(graph, self.row)(*tensors, **self.attributes)

    @property
    def results(self) -> list[np.ndarray]:
        return self.wanted if isinstance(self.wanted, list) else [self.wanted]


def a(*numbers: Any, of: Any = F32) -> np.ndarray:
    return np.array(numbers, of)


def i(*numbers: int) -> np.ndarray:
    return a(*numbers, of=I32)


def b(*numbers: int) -> np.ndarray:
    return a(*numbers, of=bool)


def image(rows: Any, of: Any = F32) -> np.ndarray:
    return np.array(rows, of)[None, None]


def window(**options: Any) -> dict[str, Any]:
    return {
        "descriptor": Pooling2DOpDescriptor(**{"kernel_width": 2, "kernel_height": 1} | options)
    }


ARG = {"return_indices_mode": PoolingReturnIndicesMode.GLOBAL_FLATTEN_4D}
ANGLES = [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5]
BOXES = np.array([[[0, 0, 2, 2], [0, 0, 2, 1], [0, 0, 2, 2]]], F32)

# The key is the first column of the page's tables.
POINTS: dict[str, Point] = {
    # Numbers
    "the sign of modulo": Point("modulo", [i(7, -7, 7, -7), i(3, 3, -3, -3)], i(1, -1, 1, -1)),
    "the sign of floor_modulo": Point(
        "floor_modulo", [i(7, -7, 7, -7), i(3, 3, -3, -3)], i(1, 2, -2, -1)
    ),
    "modulo by 0, integers": Point("modulo", [i(7, -7, 0), i(0, 0, 0)], i(0, 0, 0)),
    "modulo by 0, floats": Point("modulo", [a(7, -7, 0), a(0, 0, 0)], a(NAN, NAN, NAN)),
    "floor_modulo by 0": Point("floor_modulo", [a(7, -7, 0), a(0, -0.0, 0)], a(0, 0, 0)),
    "division of integers": Point("division", [i(7, -7, 7, -7), i(2, 2, -2, -2)], i(3, -3, -3, 3)),
    "division of an integer by 0": Point("division", [i(7, -7, 0), i(0, 0, 0)], i(0, 0, 0)),
    "the least integer by -1": Point("division", [i(LEAST), i(-1)], i(LEAST)),
    "division of a float by 0": Point("division", [a(1, -1, 0), a(0, 0, 0)], a(INF, -INF, NAN)),
    "division_no_nan by 0": Point("division_no_nan", [a(1, INF, NAN), a(0, 0, -0.0)], a(0, 0, 0)),
    "integers that overflow": Point("addition", [i(MOST, LEAST), i(1, -1)], i(LEAST, MOST)),
    "the least integer's absolute value": Point("absolute", [i(LEAST, -1)], i(LEAST, 1)),
    "negative of unsigned": Point("negative", [a(1, 0, of=U8)], a(255, 0, of=U8)),
    "integer powers": Point("power", [i(2, -1, 2, 0), i(-1, -3, 31, 0)], i(0, -1, LEAST, 1)),
    "a power of 0 and 0": Point("power", [a(0, NAN, INF), a(0, 0, 0)], a(1, 1, 1)),
    "a negative base": Point("power", [a(-8, -2), a(1 / 3, 3)], a(NAN, -8)),
    "shifts too far": Point("bitwise_left_shift", [i(1, 1, 1), i(32, -1, 31)], i(0, 0, LEAST)),
    "shifts right too far": Point(
        "bitwise_right_shift", [i(-8, 8, -8), i(32, 99, 1)], i(-1, 0, -4)
    ),
    "rint of halves": Point("rint", [a(*ANGLES)], a(-4, -2, -2, -0.0, 0, 2, 2)),
    "round of halves": Point("round", [a(*ANGLES)], a(-4, -3, -2, -1, 1, 2, 3)),
    "truncate": Point("truncate", [a(-1.5, -0.5, 1.5, NAN)], a(-1, -0.0, 1, NAN)),
    "the sign of 0 and NaN": Point("sign", [a(-0.0, 0, NAN, -2)], a(-0.0, 0, NAN, -1)),
    "signbit of -0": Point("signbit", [a(-0.0, 0, -INF)], b(1, 0, 1)),
    "functions beyond their ends": Point("asin", [a(1.5, -1.5)], a(NAN, NAN)),
    "leaky_relu with alpha > 1": Point("leaky_relu", [a(-1, 2), a(3, 3)], a(-3, 2)),
    # Casts
    "floats to integers, out of range": Point(
        "cast", [a(300, -300, INF, -INF, NAN)], a(127, -128, 127, -128, 0, of=I8), {"type": "int8"}
    ),
    "floats to integers, fractions": Point(
        "cast", [a(-1.9, -0.5, 0.5, 1.9)], i(-1, 0, 0, 1), {"type": "int32"}
    ),
    "floats to unsigned": Point(
        "cast", [a(-1, -0.5, 256, 255.9)], a(0, 0, 255, 255, of=U8), {"type": "uint8"}
    ),
    "integers to narrower ones": Point(
        "cast", [i(300, -1, 128)], a(44, -1, -128, of=I8), {"type": "int8"}
    ),
    "floats to bool": Point("cast", [a(0, -0.0, 0.5, NAN)], b(0, 0, 1, 1), {"type": "bool"}),
    "complex to real": Point("cast", [a(3 + 4j, of=np.complex64)], a(3), {"type": "float32"}),
    "floats that are too large for float16": Point(
        "cast", [a(65519, 65520, -1e9)], a(65504, INF, -INF, of=np.float16), {"type": "float16"}
    ),
    "quantize rounds": Point(
        "quantize",
        [a(0.5, 1.5, -0.5, 1000, -1000, NAN)],
        a(0, 2, 0, 127, -128, 0, of=I8),
        call=lambda g, t: g.quantize(t[0], 1.0, 0, "int8"),
    ),
    # NaN and infinities
    "minimum with a NaN": Point("minimum", [a(NAN, 1, NAN), a(1, NAN, NAN)], a(1, 1, NAN)),
    "maximum with a NaN": Point("maximum", [a(NAN, 1, NAN), a(1, NAN, NAN)], a(1, 1, NAN)),
    "the propagating extremes": Point(
        "maximum_with_nan_propagation", [a(NAN, 1, 2), a(1, NAN, 1)], a(NAN, NAN, 2)
    ),
    "comparisons with NaN": Point("less_than", [a(NAN, 1, NAN), a(1, NAN, NAN)], b(0, 0, 0)),
    "equality with NaN": Point("equal", [a(NAN, 1), a(NAN, NAN)], b(0, 0)),
    "inequality with NaN": Point("not_equal", [a(NAN, 1), a(NAN, NAN)], b(1, 1)),
    "relu of NaN": Point("relu", [a(NAN, -INF, INF)], a(NAN, 0, INF)),
    "clamp of NaN": Point("clamp", [a(NAN, -9), a(0, 0), a(1, 1)], a(NAN, 0)),
    "clamp with bounds that cross": Point(
        "clamp", [a(-5, 0, 5), a(2, 2, 2), a(1, 1, 1)], a(1, 1, 1)
    ),
    "reduction_maximum of NaN": Point(
        "reduction_maximum", [a([NAN, 1], [NAN, NAN])], a([1], [NAN]), {"axes": 1}
    ),
    "reduction_maximum_propagate_nan of NaN": Point(
        "reduction_maximum_propagate_nan", [a([NAN, 1], [2, 1])], a([NAN], [2]), {"axes": 1}
    ),
    "reductions of nothing": Point(
        "reduction_maximum",
        [np.zeros((1, 0), F32)],
        [a([-INF]), a([INF]), a([0]), a([1]), a([NAN])],
        call=lambda g, t: [
            g.reduction_maximum(t[0], 1),
            g.reduction_minimum(t[0], 1),
            g.reduction_sum(t[0], 1),
            g.reduction_product(t[0], 1),
            g.mean(t[0], 1),
        ],
    ),
    "extremes of no integers": Point(
        "reduction_maximum", [np.zeros((1, 0), I32)], a([LEAST], of=I32), {"axes": 1}
    ),
    "reduction_arg_maximum of equals and NaN": Point(
        "reduction_arg_maximum", [a([1, 3, 3], [1, NAN, 3])], a([1], [1], of=I32), {"axis": 1}
    ),
    "sort of NaN": Point("sort", [a(NAN, 1, -INF, INF)], a(-INF, 1, INF, NAN), {"axis": 0}),
    "sort of NaN, descending": Point(
        "sort", [a(NAN, 1, INF)], a(NAN, INF, 1), {"axis": 0, "descending": True}
    ),
    "arg_sort of equals": Point("arg_sort", [a(2, 1, 2, 1)], i(1, 3, 0, 2), {"axis": 0}),
    "arg_sort of equals, descending": Point(
        "arg_sort", [a(2, 1, 2, 1)], i(0, 2, 1, 3), {"axis": 0, "descending": True}
    ),
    "top_k of equals and NaN": Point(
        "top_k", [a(2, NAN, 2, 1)], [a(NAN, 2, 2), i(1, 0, 2)], {"k": 3}
    ),
    "cumulative_maximum after a NaN": Point(
        "cumulative_maximum", [a(1, NAN, 3)], a(1, NAN, NAN), {"axis": 0}
    ),
    "exclusive cumulative extremes": Point(
        "cumulative_maximum", [i(3, 5)], i(LEAST, 3), {"axis": 0, "exclusive": True}
    ),
    "non_zero_indices of NaN": Point("non_zero_indices", [a(0, NAN, -0.0, 1)], a([1], [3], of=I32)),
    "a hidden row of attention": Point(
        "scaled_dot_product_attention",
        [np.ones((1, 1), F32)] * 3,
        a([NAN]),
        call=lambda g, t: g.scaled_dot_product_attention(*t, 1.0, mask=a([-INF])),
    ),
    "inverse of a singular matrix": Point(
        "inverse", [a([1, 2], [2, 4])], a([NAN, NAN], [NAN, NAN])
    ),
    # Indices
    "gather out of range": Point("gather", [a(1, 2), i(0, 2, -1)], a(1, 0, 0), {"axis": 0}),
    "gather_nd out of range": Point("gather_nd", [a(1, 2), a([1], [5], [-1], of=I32)], a(2, 0, 0)),
    "gather_along_axis out of range": Point(
        "gather_along_axis", [a(1, 2), i(1, 2, -1)], a(2, 0, 0), {"axis": 0}
    ),
    "scatter out of range": Point(
        "scatter", [a(1, 2, 3), i(0, 9, -1)], a(1, 0), {"shape": [2], "axis": 0}
    ),
    "scatter of one place twice": Point(
        "scatter", [a(1, 2), i(1, 1)], a(0, 2), {"shape": [2], "mode": ScatterMode.SET}
    ),
    "scatter_along_axis without data": Point(
        "scatter_along_axis",
        [a(5), i(1)],
        a(-INF, 5),
        {"axis": 0, "shape": [2], "mode": ScatterMode.MAX},
    ),
    "scatter_nd without data": Point(
        "scatter_nd", [a(-5), a([1], of=I32)], a(0, 0), {"shape": [2], "mode": ScatterMode.MAX}
    ),
    "one_hot out of range": Point(
        "one_hot", [i(1, 2, -1)], a([0, 1], [0, 0], [0, 0]), {"depth": 2}
    ),
    "sparse places outside": Point(
        "sparse",
        [a(1, 2, 4), i(0, 5, 0), i(0, 0, 0)],
        a([5, 0]),
        {"shape": [1, 2], "descriptor": CreateSparseOpDescriptor()},
    ),
    "a slice out of range": Point("slice", [a(1, 2, 3)], a(2, 3), {"starts": [1], "ends": [99]}),
    "a dynamic slice out of range": Point(
        "slice", [a(1, 2, 3)], a(2, 3), {"starts": [9], "sizes": [2]}
    ),
    "dequantize outside the table": Point(
        "dequantize",
        [a(0, 5, of=U8)],
        a(7, 0),
        call=lambda g, t: g.dequantize(t[0], lut=a(7, 8)),
    ),
    # Windows and images
    "max_pooling_2d over padding": Point(
        "max_pooling_2d",
        [image([[-1, -2]])],
        image([[-1, -1, -2]]),
        window(padding_left=1, padding_right=1),
    ),
    "max_pooling_2d of NaN": Point(
        "max_pooling_2d", [image([[1, NAN, 2]])], image([[NAN, NAN]]), window()
    ),
    "a window of padding alone": Point(
        "max_pooling_2d",
        [image([[1]])],
        image([[-INF, 1, 1]]),
        window(padding_left=2, padding_right=1),
    ),
    "avg_pooling_2d over padding": Point(
        "avg_pooling_2d",
        [image([[4, 6]])],
        image([[4, 5, 6]]),
        window(padding_left=1, padding_right=1),
    ),
    "avg_pooling_2d that counts padding": Point(
        "avg_pooling_2d",
        [image([[4, 6]])],
        image([[2, 5, 3]]),
        window(padding_left=1, padding_right=1, include_zero_pad_to_average=True),
    ),
    "the index of equal maxima": Point(
        "max_pooling_2d_return_indices",
        [image([[3, 3, 1]])],
        [image([[3, 3]]), image([[0, 1]], I32)],
        window(**ARG),
    ),
    "ceil_mode": Point(
        "max_pooling_2d",
        [image([[1, 2, 3]])],
        image([[2, 3]]),
        window(stride_in_x=2, ceil_mode=True),
    ),
    "TF_SAME pads the end": Point(
        "max_pooling_2d",
        [image([[1, 2]])],
        image([[2, 2]]),
        window(padding_style=PaddingStyle.TF_SAME),
    ),
    "ONNX_SAME_LOWER pads the beginning": Point(
        "max_pooling_2d",
        [image([[1, 2]])],
        image([[1, 2]]),
        window(padding_style=PaddingStyle.ONNX_SAME_LOWER),
    ),
    "resize between pixels": Point(
        "resize_nearest",
        [a(1, 2)],
        a(1, 1, 2, 2),
        call=lambda g, t: g.resize_nearest(
            t[0], [4], ResizeNearestRoundingMode.ROUND_PREFER_CEIL, center_result=True
        ),
    ),
    "resize without center_result": Point(
        "resize_bilinear", [a(1, 3)], a(1, 2, 3, 3), {"size": [4], "center_result": False}
    ),
    "resize with align_corners": Point(
        "resize_bilinear", [a(1, 4)], a(1, 2, 3, 4), {"size": [4], "align_corners": True}
    ),
    "sample_grid outside": Point(
        "sample_grid",
        [np.ones((1, 1, 1, 1), F32), np.array([[[[0, 0], [5, 0]]]], F32)],
        np.array([[[[1], [0]]]], F32),
        {"layout": TensorNamedDataLayout.NHWC, "padding_mode": PaddingMode.ZERO},
    ),
    # Others
    "variance divides by n": Point("variance", [a(1, 3)], a(1), {"axes": 0}),
    "the scale of an inverse transform": Point(
        "fast_fourier_transform",
        [a(1 + 1j, 2 + 4j, of=np.complex64)],
        a(3 + 5j, -1 - 3j, of=np.complex64),
        {"axes": 0, "descriptor": FFTDescriptor(inverse=True, scaling_mode=FFTScalingMode.NONE)},
    ),
    "flip_z": Point(
        "gru",
        [np.ones((1, 1, 3), F32) * a(1, 0, 2), np.zeros((3, 1), F32)],
        np.array([[[2]]], F32),
        call=lambda g, t: g.gru(
            *t,
            GRUDescriptor(
                flip_z=True,
                update_gate_activation=RNNActivation.NONE,
                output_gate_activation=RNNActivation.NONE,
            ),
            init_state=a([5]),
        )[0],
    ),
    "without flip_z": Point(
        "gru",
        [np.ones((1, 1, 3), F32) * a(1, 0, 2), np.zeros((3, 1), F32)],
        np.array([[[5]]], F32),
        call=lambda g, t: g.gru(
            *t,
            GRUDescriptor(
                update_gate_activation=RNNActivation.NONE,
                output_gate_activation=RNNActivation.NONE,
            ),
            init_state=a([5]),
        )[0],
    ),
    "boxes at the threshold": Point(
        "non_maximum_suppression",
        [BOXES[:, :2], np.array([[[2], [1]]], F32)],
        a([0, 0, 0], [0, 0, 1], of=I32),
        {"iou_threshold": 0.5, "score_threshold": 0.0},
    ),
    "a score at the threshold": Point(
        "non_maximum_suppression",
        [BOXES[:, :1], np.array([[[2]]], F32)],
        np.zeros((0, 3), I32),
        {"iou_threshold": 0.5, "score_threshold": 2.0},
    ),
    "a hamming distance in uint16": Point(
        "hamming_distance",
        [a([0b101], of=U8), a([0b010], of=U8)],
        a([3], of=np.uint16),
        {"result_data_type": "uint16"},
    ),
}

# Gradients where a function has none, or several: operands in float64, and the gradients to each.
KINKS: dict[str, tuple[str, list[Any], list[Any], dict[str, Any]]] = {
    "relu at 0": ("relu", [[-1, 0, 1]], [[0, 0, 1]], {}),
    "leaky_relu at 0": ("leaky_relu", [[0], [0.25]], [[0.25], [0]], {}),
    "absolute at 0": ("absolute", [[-2, 0, 2]], [[-1, 0, 1]], {}),
    "square_root at 0": ("square_root", [[0, 4]], [[INF, 0.25]], {}),
    "reciprocal at 0": ("reciprocal", [[0, 2]], [[-INF, -0.25]], {}),
    "logarithm at 0": ("logarithm", [[0, 2]], [[INF, 0.5]], {}),
    "maximum of equals": ("maximum", [[1, 2], [1, 3]], [[1, 0], [0, 1]], {}),
    "minimum of equals": ("minimum", [[1, 2], [1, 3]], [[1, 1], [0, 0]], {}),
    "maximum with a NaN, gradient": ("maximum", [[NAN, 1], [1, NAN]], [[0, 1], [1, 0]], {}),
    "clamp at its bounds": (
        "clamp",
        [[0, 1, 2], [0, 0, 0], [1, 1, 1]],
        [[1, 1, 0], [0, 0, 0], [0, 0, 1]],
        {},
    ),
    "division_no_nan by 0, gradient": ("division_no_nan", [[1], [0]], [[0], [0]], {}),
    "atan2 at the origin": ("atan2", [[0], [0]], [[0], [0]], {}),
    "power of 0": ("power", [[0, 0], [2, 0]], [[0, 0], [0, 0]], {}),
    "power of a negative base": ("power", [[-2], [3]], [[12], [0]], {}),
    "modulo, gradient": ("modulo", [[7, -7], [3, 3]], [[1, 1], [-2, 2]], {}),
    "floor_modulo, gradient": ("floor_modulo", [[7, -7], [3, 3]], [[1, 1], [-2, 3]], {}),
    "reduction_maximum of equals": ("reduction_maximum", [[3, 1, 3]], [[0.5, 0, 0.5]], {"axes": 0}),
    "reduction_product of zeros": ("reduction_product", [[0, 2, 3]], [[6, 0, 0]], {"axes": 0}),
    "cumulative_maximum of equals": ("cumulative_maximum", [[1, 1, 0]], [[3, 0, 0]], {"axis": 0}),
    "sort of equals, gradient": ("sort", [[2, 2, 1]], [[1, 1, 1]], {"axis": 0}),
    "max_pooling_2d of equals": (
        "max_pooling_2d",
        [[[[[3, 3]]]]],
        [[[[[1, 0]]]]],
        window(),
    ),
    "l2_norm_pooling_4d at 0": (
        "l2_norm_pooling_4d",
        [[[[[0, 0]]]]],
        [[[[[0, 0]]]]],
        {"descriptor": mpsg.Pooling4DOpDescriptor(kernel_sizes=(1, 1, 1, 2))},
    ),
    "gather of one place twice": (
        "gather",
        [[1, 2]],
        [[2, 0]],
        {"indices": np.array([0, 0, 9], I32), "axis": 0},
    ),
    "rounding passes nothing": ("rint", [[0.4, 0.5]], [[0, 0]], {}),
    "what select does not take": (
        "select",
        [[INF, 1], [2, NAN]],
        [[0, 1], [1, 0]],
        {},
    ),
    "scatter of equal extremes": (
        "scatter",
        [[2, 2]],
        [[0.5, 0.5]],
        {"indices": np.array([0, 0], I32), "shape": [1], "mode": ScatterMode.MAX},
    ),
}
