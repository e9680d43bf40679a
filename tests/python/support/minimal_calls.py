"""One small call that is right for every row of the op table: what the tests of types, the list of
mistakes and the fuzzer start from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import mpsg
from mpsg import (
    LossReductionType,
    PaddingMode,
    PoolingReturnIndicesMode,
    ResizeMode,
    ResizeNearestRoundingMode,
    TensorNamedDataLayout,
)
from support.call_items import Where, made
from support.numbers import FLOATS, numpy_type, random_generator, values
from support.table import ROWS

Shape = tuple[int, ...]
Blocks = dict[str, Callable[..., Any]]


@dataclass(frozen=True)
class MinimalCall:
    # Of the operands that are given; a list of shapes for one that takes several tensors.
    shapes: dict[str, Shape | list[Shape]]
    attributes: dict[str, Any] = field(default_factory=dict)
    # Fields of the descriptor that are not its defaults.
    fields: dict[str, Any] = field(default_factory=dict)
    blocks: Blocks = field(default_factory=dict)
    # Between which numbers the elements of operands lie; the others get numbers from -2 to 2.
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)


IMAGE, KERNEL = (1, 2, 4, 4), (3, 2, 2, 2)
VOLUME, CUBE = (1, 2, 3, 3, 3), (2, 2, 2, 2, 2)
CELLS, BOX = (2, 3, 3, 3), (2, 2, 2, 2)
POOL_4D = {"kernel_sizes": (1, 1, 2, 2)}
POOL_2D = {"kernel_width": 2, "kernel_height": 2}
INDEXED = {"return_indices_mode": PoolingReturnIndicesMode.GLOBAL_FLATTEN_4D}
STATISTICS: dict[str, Any] = {"mean": (1, 3), "variance": (1, 3)}
SMALL = (2, 3)
ONE: tuple[float, float] = (0, 1)
BLOCKED = {"spatial_axes": [1, 2], "batch_axis": 0, "block_dimensions": [2, 2]}
DEPTHS = {"width_axis": 2, "height_axis": 1, "depth_axis": 3, "block_size": 2}
NUMBERS: dict[str, Any] = {
    **dict.fromkeys(["learning_rate", "beta1", "beta2", "epsilon"], ()),
    **dict.fromkeys(["values", "momentum", "velocity", "gradient"], SMALL),
}
WINDOW = {"output_shape": list(IMAGE)}
NHWC = {"layout": TensorNamedDataLayout.NHWC}
NEAREST = {"nearest_rounding_mode": ResizeNearestRoundingMode.FLOOR, **NHWC}
MODE = {"mode": ResizeMode.NEAREST, **NHWC}


def _gradient(row: str) -> MinimalCall:
    """Of softmax-like rows: gradient and source."""
    return MinimalCall({"gradient": SMALL, "source": SMALL}, {"axis": 1})


def _axis(operand: str = "tensor") -> MinimalCall:
    return MinimalCall({operand: SMALL}, {"axis": 1})


SPECIAL: dict[str, MinimalCall] = {
    "softmax": _axis(),
    "softmax_gradient": _gradient("softmax_gradient"),
    "sort": _axis(),
    "arg_sort": _axis(),
    **{f"cumulative_{what}": _axis() for what in ("sum", "product", "minimum", "maximum")},
    **{f"reduction_arg_{what}": _axis() for what in ("minimum", "maximum")},
    **{
        row: MinimalCall({"tensor": SMALL}, {"axes": [1]})
        for row in ROWS
        if (row.startswith("reduction_") and "arg" not in row)
        or row in ("mean", "variance", "reverse")
    },
    **{row: MinimalCall({"source": SMALL}, {"k": 2}) for row in ("top_k", "bottom_k")},
    **{
        row: MinimalCall({"gradient": (2, 2), "source": SMALL}, {"k": 2})
        for row in ("top_k_gradient", "bottom_k_gradient")
    },
    # Sources
    "placeholder": MinimalCall({}, {"shape": [2, 3]}),
    "constant": MinimalCall({}, {"value": [1, 2]}),
    "complex_constant": MinimalCall({}, {"real_part": 1.0, "imaginary_part": 2.0}),
    "variable": MinimalCall({}, {"value": [1, 2]}),
    "coordinate_along_axis": MinimalCall({}, {"axis": 0, "shape": [2, 3]}),
    "random_philox_state": MinimalCall({}, {"seed": 3}),
    **{row: MinimalCall({}, {"shape": [2, 3]}) for row in ("random", "random_uniform")},
    "dropout": MinimalCall({"tensor": SMALL, "rate": ()}, ranges={"rate": (0.25, 0.5)}),
    # Variables: the operand is made by graph.variable
    "read": MinimalCall({"variable": SMALL}),
    "assign": MinimalCall({"variable": SMALL, "tensor": SMALL}),
    "variable_from_tensor": MinimalCall({"tensor": SMALL}),
    "apply_stochastic_gradient_descent": MinimalCall(
        {"learning_rate": (), "variable": SMALL, "gradient": SMALL}
    ),
    "stochastic_gradient_descent": MinimalCall(
        {"learning_rate": (), "values": SMALL, "gradient": SMALL}
    ),
    "adam": MinimalCall(NUMBERS, ranges=dict.fromkeys(NUMBERS, (0.25, 0.75))),
    # Shapes
    "cast": MinimalCall({"tensor": SMALL}, {"type": "float32"}),
    "reinterpret_cast": MinimalCall({"tensor": SMALL}, {"type": "uint8"}),
    "reshape": MinimalCall({"tensor": SMALL}, {"shape": [3, 2]}),
    "broadcast": MinimalCall({"tensor": SMALL}, {"shape": [2, 2, 3]}),
    "transpose": MinimalCall({"tensor": SMALL}, {"dimension": 0, "with_dimension": 1}),
    "permute": MinimalCall({"tensor": SMALL}, {"permutation": [1, 0]}),
    "expand_dims": MinimalCall({"tensor": SMALL}, {"axes": [0]}),
    "squeeze": MinimalCall({"tensor": (1, 3)}, {"axes": [0]}),
    "flatten_2d": MinimalCall({"tensor": (2, 3, 2)}, {"axis": 1}),
    "tile": MinimalCall({"tensor": SMALL}, {"multiplier": [2, 1]}),
    "tile_gradient": MinimalCall(
        {"incoming_gradient": (4, 3), "source": SMALL}, {"multiplier": [2, 1]}
    ),
    "stack": MinimalCall({"tensors": [SMALL, SMALL]}, {"axis": 0}),
    "concat": MinimalCall({"tensors": [SMALL, SMALL]}, {"dimension": 0}),
    "split": MinimalCall({"tensor": (2, 4)}, {"split_sizes": [1, 3], "axis": 1}),
    "slice": MinimalCall({"tensor": SMALL}, {"starts": [0, 1], "ends": [2, 3]}),
    "slice_gradient": MinimalCall(
        {"input_gradient": (2, 2)}, {"fwd_in_shape": [2, 3], "starts": [0, 1], "ends": [2, 3]}
    ),
    "slice_update": MinimalCall(
        {"data": SMALL, "update": (2, 2)}, {"starts": [0, 1], "ends": [2, 3]}
    ),
    "pad": MinimalCall(
        {"tensor": SMALL},
        {"padding_mode": PaddingMode.ZERO, "left_padding": [1, 0], "right_padding": [0, 1]},
    ),
    "pad_gradient": MinimalCall(
        {"incoming_gradient": (3, 4), "source": SMALL},
        {"padding_mode": PaddingMode.ZERO, "left_padding": [1, 0], "right_padding": [0, 1]},
    ),
    "space_to_depth_2d": MinimalCall({"tensor": (1, 2, 2, 1)}, DEPTHS),
    "depth_to_space_2d": MinimalCall({"tensor": (1, 1, 1, 4)}, DEPTHS),
    "space_to_batch": MinimalCall({"tensor": (1, 2, 2, 1)}, BLOCKED),
    "batch_to_space": MinimalCall({"tensor": (4, 1, 1, 1)}, BLOCKED),
    # Indices
    "gather": MinimalCall(
        {"updates": SMALL, "indices": (2,)}, {"axis": 0}, ranges={"indices": ONE}
    ),
    "gather_nd": MinimalCall({"updates": SMALL, "indices": (2, 1)}, ranges={"indices": ONE}),
    "gather_along_axis": MinimalCall(
        {"updates": SMALL, "indices": SMALL}, {"axis": 0}, ranges={"indices": ONE}
    ),
    "scatter": MinimalCall(
        {"updates": SMALL, "indices": (2,)}, {"shape": [4, 3], "axis": 0}, ranges={"indices": ONE}
    ),
    "scatter_nd": MinimalCall(
        {"updates": SMALL, "indices": (2, 1)}, {"shape": [4, 3]}, ranges={"indices": ONE}
    ),
    "scatter_along_axis": MinimalCall(
        {"updates": SMALL, "indices": SMALL}, {"axis": 0, "shape": [4, 3]}, ranges={"indices": ONE}
    ),
    "one_hot": MinimalCall({"indices": (2,)}, {"depth": 3}, ranges={"indices": ONE}),
    "non_zero_indices": MinimalCall({"tensor": SMALL}),
    "non_maximum_suppression": MinimalCall(
        {"boxes": (1, 3, 4), "scores": (1, 3, 2)}, {"iou_threshold": 0.5, "score_threshold": 0.0}
    ),
    "sparse": MinimalCall(
        {"values": (2,), "index_0": (2,), "index_1": (2,)},
        {"shape": [2, 3]},
        ranges={"index_0": ONE, "index_1": ONE},
    ),
    # Matrices
    "matrix_multiplication": MinimalCall({"primary": SMALL, "secondary": (3, 2)}),
    "hamming_distance": MinimalCall({"primary": SMALL, "secondary": SMALL}),
    "scaled_dot_product_attention": MinimalCall(
        dict.fromkeys(["query", "key", "value"], (1, 1, 2, 3)), {"scale": 0.5}
    ),
    "band_part": MinimalCall({"input": (3, 3)}, {"num_lower": 1, "num_upper": 0}),
    "inverse": MinimalCall({"input": (2, 2)}),
    # Windows
    "convolution_2d": MinimalCall({"source": IMAGE, "weights": KERNEL}),
    "convolution_2d_data_gradient": MinimalCall(
        {"incoming_gradient": (1, 3, 3, 3), "weights": KERNEL}, WINDOW
    ),
    "convolution_2d_weights_gradient": MinimalCall(
        {"incoming_gradient": (1, 3, 3, 3), "source": IMAGE}, {"output_shape": list(KERNEL)}
    ),
    "convolution_transpose_2d": MinimalCall({"source": (1, 3, 3, 3), "weights": KERNEL}, WINDOW),
    "convolution_transpose_2d_data_gradient": MinimalCall(
        {"incoming_gradient": IMAGE, "weights": KERNEL}, {"output_shape": [1, 3, 3, 3]}
    ),
    "convolution_transpose_2d_weights_gradient": MinimalCall(
        {"incoming_gradient": IMAGE, "source": (1, 3, 3, 3)}, {"output_shape": list(KERNEL)}
    ),
    "convolution_3d": MinimalCall({"source": VOLUME, "weights": CUBE}),
    "convolution_3d_data_gradient": MinimalCall(
        {"incoming_gradient": (1, 2, 2, 2, 2), "weights": CUBE}, {"output_shape": list(VOLUME)}
    ),
    "convolution_3d_weights_gradient": MinimalCall(
        {"incoming_gradient": (1, 2, 2, 2, 2), "source": VOLUME}, {"output_shape": list(CUBE)}
    ),
    "depthwise_convolution_2d": MinimalCall({"source": IMAGE, "weights": (1, 2, 2, 2)}),
    "depthwise_convolution_2d_data_gradient": MinimalCall(
        {"incoming_gradient": (1, 2, 3, 3), "weights": (1, 2, 2, 2)}, WINDOW
    ),
    "depthwise_convolution_2d_weights_gradient": MinimalCall(
        {"incoming_gradient": (1, 2, 3, 3), "source": IMAGE}, {"output_shape": [1, 2, 2, 2]}
    ),
    "depthwise_convolution_3d": MinimalCall({"source": CELLS, "weights": BOX}),
    "depthwise_convolution_3d_data_gradient": MinimalCall(
        {"incoming_gradient": (2, 2, 2, 2), "weights": BOX}, {"output_shape": list(CELLS)}
    ),
    "depthwise_convolution_3d_weights_gradient": MinimalCall(
        {"incoming_gradient": (2, 2, 2, 2), "source": CELLS}, {"output_shape": list(BOX)}
    ),
    **{
        f"{kind}_pooling_2d": MinimalCall({"source": IMAGE}, fields=POOL_2D)
        for kind in ("max", "avg")
    },
    **{
        f"{kind}_pooling_2d_gradient": MinimalCall(
            {"gradient": (1, 2, 3, 3), "source": IMAGE}, fields=POOL_2D
        )
        for kind in ("max", "avg")
    },
    "max_pooling_2d_return_indices": MinimalCall({"source": IMAGE}, fields={**POOL_2D, **INDEXED}),
    **{
        f"{kind}_pooling_4d": MinimalCall({"source": IMAGE}, fields=POOL_4D)
        for kind in ("max", "avg", "l2_norm")
    },
    **{
        f"{kind}_pooling_4d_gradient": MinimalCall(
            {"gradient": (1, 2, 3, 3), "source": IMAGE}, fields=POOL_4D
        )
        for kind in ("max", "avg", "l2_norm")
    },
    "max_pooling_4d_return_indices": MinimalCall({"source": IMAGE}, fields={**POOL_4D, **INDEXED}),
    "im_to_col": MinimalCall({"source": IMAGE}, fields=POOL_2D),
    "col_to_im": MinimalCall({"source": (1, 8, 9)}, WINDOW, fields=POOL_2D),
    "stencil": MinimalCall({"source": IMAGE, "weights": (1, 1, 2, 2)}),
    "resize": MinimalCall({"images": (1, 2, 2, 1)}, {"size": [3, 3], **MODE}),
    "resize_bilinear": MinimalCall({"images": (1, 2, 2, 1)}, {"size": [3, 3], **NHWC}),
    "resize_nearest": MinimalCall({"images": (1, 2, 2, 1)}, {"size": [3, 3], **NEAREST}),
    "resize_gradient": MinimalCall({"gradient": (1, 3, 3, 1), "input": (1, 2, 2, 1)}, MODE),
    "resize_bilinear_gradient": MinimalCall(
        {"gradient": (1, 3, 3, 1), "input": (1, 2, 2, 1)}, NHWC
    ),
    "resize_nearest_gradient": MinimalCall(
        {"gradient": (1, 3, 3, 1), "input": (1, 2, 2, 1)}, NEAREST
    ),
    "sample_grid": MinimalCall(
        {"source": (1, 2, 2, 1), "coordinates": (1, 3, 3, 2)},
        {"layout": TensorNamedDataLayout.NHWC, "sampling_mode": ResizeMode.NEAREST},
    ),
    # Layers
    "normalization": MinimalCall(
        {"tensor": SMALL, **STATISTICS}, {"epsilon": 0.5}, ranges={"variance": (1, 2)}
    ),
    "normalization_gamma_gradient": MinimalCall(
        {"incoming_gradient": SMALL, "source": SMALL, **STATISTICS},
        {"axes": [0], "epsilon": 0.5},
        ranges={"variance": (1, 2)},
    ),
    "normalization_beta_gradient": MinimalCall(
        {"incoming_gradient": SMALL, "source": SMALL}, {"axes": [0]}
    ),
    "normalization_gradient": MinimalCall(
        {"incoming_gradient": SMALL, "source": SMALL, **STATISTICS},
        {"axes": [0], "epsilon": 0.5, "gamma": None, "gamma_gradient": None, "beta_gradient": None},
        ranges={"variance": (1, 2)},
    ),
    "softmax_cross_entropy": MinimalCall(
        {"source": SMALL, "labels": SMALL}, {"axis": 1, "reduction_type": LossReductionType.SUM}
    ),
    "softmax_cross_entropy_gradient": MinimalCall(
        {"gradient": (), "source": SMALL, "labels": SMALL},
        {"axis": 1, "reduction_type": LossReductionType.SUM},
    ),
    "single_gate_rnn": MinimalCall({"source": (2, 1, 2), "recurrent_weight": (2, 2)}),
    "single_gate_rnn_gradients": MinimalCall(
        {"source": (2, 1, 2), "recurrent_weight": (2, 2)}
        | dict.fromkeys(["source_gradient", "z_state"], (2, 1, 2))
    ),
    "lstm": MinimalCall({"source": (2, 1, 8), "recurrent_weight": (8, 2)}),
    "lstm_gradients": MinimalCall(
        {"source": (2, 1, 8), "recurrent_weight": (8, 2), "source_gradient": (2, 1, 2)}
        | {"z_state": (2, 1, 8), "cell_output_fwd": (2, 1, 2)}
    ),
    "gru": MinimalCall({"source": (2, 1, 6), "recurrent_weight": (6, 2)}),
    "gru_gradients": MinimalCall(
        {"source": (2, 1, 6), "recurrent_weight": (6, 2), "source_gradient": (2, 1, 2)}
        | {"z_state": (2, 1, 6), "output_fwd": (2, 1, 2)}
    ),
    "fast_fourier_transform": MinimalCall({"tensor": (2, 4)}, {"axes": [1]}),
    "real_to_hermitean_fft": MinimalCall({"tensor": (2, 4)}, {"axes": [1]}),
    "hermitean_to_real_fft": MinimalCall({"tensor": (2, 3)}, {"axes": [1]}),
    "quantize": MinimalCall(
        {"tensor": SMALL, "scale": (), "zero_point": ()},
        {"data_type": "int8"},
        ranges={"scale": (1, 2)},
    ),
    "dequantize": MinimalCall(
        {"tensor": SMALL, "scale": (), "zero_point": ()}, ranges={"scale": (1, 2)}
    ),
    # Control flow
    "if_else": MinimalCall(
        {"predicate": ()},
        blocks={"then_block": lambda: [], "else_block": lambda: []},
    ),
    "for_loop": MinimalCall(
        {"initial_body_arguments": [SMALL], "number_of_iterations": ()},
        blocks={"body": lambda index, arguments: arguments},
        ranges={"number_of_iterations": (2, 2)},
    ),
    "while_loop": MinimalCall(
        {"initial_inputs": [SMALL]},
        blocks={
            "before": lambda a: (a[0].graph.constant(False), a),
            "after": lambda a: a,
        },
    ),
    "call": MinimalCall(
        {"input_tensors": [SMALL]}, {"symbol_name": "f", "output_types": [([2], mpsg.float32)]}
    ),
    "clamp": MinimalCall(
        {"tensor": SMALL, "min_value": (), "max_value": ()},
        ranges={"min_value": (0, 0), "max_value": (1, 1)},
    ),
}


def _elementwise(row: str) -> MinimalCall:
    operands = [o for o in ROWS[row]["operands"] if o["role"] == "data" and not o["optional"]]
    return MinimalCall({o["name"]: SMALL for o in operands})


MINIMAL_CALLS: dict[str, MinimalCall] = {row: SPECIAL.get(row) or _elementwise(row) for row in ROWS}


def groups_of(row: str) -> dict[str, list[str]]:
    """The groups of a row's operands that its minimal call gives, and the types each takes."""
    given = MINIMAL_CALLS[row].shapes
    names = [o["group"] for o in ROWS[row]["operands"] if o["name"] in given]
    return {name: list(ROWS[row]["types"][name]) for name in dict.fromkeys(names)}


def usual_type(names: list[str]) -> str:
    return next((n for n in ("float32", "int32", "bool") if n in names), names[0])


def array_of(
    row: str, operand: str, name: str, shape: Shape, seed: object = 0, spread: float = 2
) -> np.ndarray:
    low, high = MINIMAL_CALLS[row].ranges.get(operand, (-spread, spread))
    array = values(name, shape, random_generator(row, operand, name, shape, seed), low, high)
    if row == "inverse" and name in [*FLOATS, "complex64"] and shape[-1:] == shape[-2:-1]:
        array = (array + 8 * np.eye(shape[-1])).astype(numpy_type(name))
    return array


def descriptor_of(row: str, fields: dict[str, Any]) -> dict[str, Any]:
    if not ROWS[row]["descriptor"]:
        return {}
    return {ROWS[row]["descriptor_parameter"]: getattr(mpsg, ROWS[row]["descriptor"])(**fields)}


class BuiltCall:
    """A minimal call in a graph: its placeholders with arrays for them, and what it made."""

    def __init__(
        self,
        row: str,
        types: dict[str, str] | None = None,
        changes: dict[str, Any] | None = None,
        graph: mpsg.Graph | None = None,
    ) -> None:
        """`types`: of groups; `changes`: of arguments."""
        call = MINIMAL_CALLS[row]
        self.graph = graph or mpsg.Graph()
        self.feeds: dict[mpsg.Tensor, np.ndarray] = {}
        self.arguments: dict[str, Any] = {}
        groups = {o["name"]: o["group"] for o in ROWS[row]["operands"]}
        roles = {o["name"]: o["role"] for o in ROWS[row]["operands"]}
        for operand, shape in call.shapes.items():
            group = groups[operand]
            name = (types or {}).get(group) or usual_type(ROWS[row]["types"][group])
            shapes = shape if isinstance(shape, list) else [shape]
            tensors = [self.tensor(row, operand, roles[operand], name, s) for s in shapes]
            self.arguments[operand] = tensors if isinstance(shape, list) else tensors[0]
        self.arguments |= call.attributes | descriptor_of(row, call.fields) | call.blocks
        # Operands that may be None have no default where others follow them.
        for parameter in ROWS[row]["parameters"]:
            if not parameter["optional"] and parameter["name"] not in self.arguments:
                self.arguments[parameter["name"]] = None
        where = Where(self.graph, self.feeds)
        self.arguments |= {name: made(item, where) for name, item in (changes or {}).items()}
        self.made = getattr(self.graph, row)(**self.arguments)
        if row == "placeholder":
            self.feeds[self.made] = array_of(row, "", self.made.data_type.name, self.made.shape)

    def tensor(self, row: str, operand: str, role: str, name: str, shape: Shape) -> mpsg.Tensor:
        array = array_of(row, operand, name, shape)
        if role == "variable":
            return self.graph.variable(array)
        if role == "shape":
            return self.graph.constant(array)
        tensor = self.graph.placeholder(list(shape), name, name=operand)
        self.feeds[tensor] = array
        return tensor

    @property
    def results(self) -> list[mpsg.Tensor]:
        if isinstance(self.made, mpsg.Operation):
            return []
        return list(self.made) if isinstance(self.made, list) else [self.made]

    def run(self, device: str) -> list[np.ndarray]:
        operations = [self.made] if isinstance(self.made, mpsg.Operation) else []
        found = self.graph.run(self.feeds, self.results, operations, device=device)
        return [found[result].numpy() for result in self.results]
