"""Wrong calls of rows: what is changed in the row's minimal call, and words that must be said."""

from __future__ import annotations

import numpy as np

import mpsg
from mistakes.items import C, I, Mistakes, T, all_of
from mistakes.windows import WINDOWS
from mpsg import PaddingMode, ScatterMode
from support.call_items import Huge, Variable

BINARY = [
    *("addition", "subtraction", "multiplication", "division", "modulo", "power", "minimum"),
    *("maximum", "equal", "less_than", "greater_than", "division_no_nan", "floor_modulo", "atan2"),
    *("not_equal", "less_than_or_equal_to", "greater_than_or_equal_to"),
    *("minimum_with_nan_propagation", "maximum_with_nan_propagation"),
]
LOGICAL = [f"logical_{what}" for what in ("and", "or", "nand", "nor", "xor", "xnor")]
BITS = [f"bitwise_{what}" for what in ("and", "or", "xor", "left_shift", "right_shift")]
AXES = [
    *(f"reduction_{what}" for what in ("sum", "product", "maximum", "minimum")),
    *("reduction_and", "reduction_or", "reduction_maximum_propagate_nan", "mean", "variance"),
    *("reduction_minimum_propagate_nan", "reverse"),
]
AXIS = [
    *("softmax", "sort", "arg_sort", "cumulative_sum", "cumulative_product", "cumulative_minimum"),
    *("cumulative_maximum", "reduction_arg_maximum", "reduction_arg_minimum"),
]
TRANSFORMS = ["fast_fourier_transform", "real_to_hermitean_fft"]

CALLS: dict[str, Mistakes] = {
    # Shapes that do not broadcast
    **{
        row: [
            ({"secondary_tensor": T(2, 4)}, "2, 3.*2, 4.*broadcast"),
            ({"secondary_tensor": T(3, 3)}, "2, 3.*3, 3.*broadcast"),
            ({"secondary_tensor": T(2, 3, of="float64")}, "float32.*float64.*cast"),
        ]
        for row in BINARY
    },
    **{
        row: [({"secondary_tensor": T(2, 2, of="bool")}, "2, 3.*2, 2.*broadcast")]
        for row in LOGICAL
    },
    **{row: [({"secondary_tensor": I(2)}, r"2, 3.*\(2.*broadcast")] for row in BITS},
    "complex": [({"imaginary": T(4)}, "2, 3.*4.*broadcast")],
    "select": [
        ({"predicate_tensor": T(2, 3)}, "predicate_tensor.*float32.*supported: bool"),
        ({"true_predicate_tensor": T(5)}, "2, 3.*5.*broadcast"),
        ({"false_predicate_tensor": T(4, 1)}, "broadcast"),
        ({"false_predicate_tensor": I(2, 3)}, "float32.*int32.*cast"),
    ],
    "clamp": [
        ({"min_value": T(2)}, "2, 3.*2.*broadcast"),
        ({"max_value": I()}, "float32.*int32.*cast"),
        ({"max_value": "1"}, "max_value.*tensor or a number.*'1'"),
    ],
    "leaky_relu": [({"alpha": T(5)}, "2, 3.*5.*broadcast"), ({"alpha": None}, "alpha.*missing")],
    "relu_gradient": [({"gradient": T(3, 2)}, "3, 2.*2, 3")],
    "sigmoid_gradient": [({"gradient": T(3, 2)}, "3, 2.*2, 3")],
    "leaky_relu_gradient": [({"gradient": T(3, 2)}, "broadcast")],
    "softmax_gradient": [
        ({"gradient": T(3, 2)}, "3, 2.*2, 3"),
        ({"axis": 2}, "axis.*2.*rank 2"),
    ],
    # Axes
    **{
        row: [
            ({"axis": 2}, "axis.*2.*rank 2.*-2 to 1"),
            ({"axis": -3}, "axis.*-3.*rank 2.*-2 to 1"),
            ({"tensor": T(of="float32")}, "axis.*scalar has no axes"),
            ({"axis": 2**40}, "axis.*1099511627776"),
        ]
        for row in AXIS
    },
    **{
        row: [
            ({"axes": 2}, "axes.*2.*rank 2.*-2 to 1"),
            ({"axes": [0, -3]}, "axes.*-3.*rank 2"),
            ({"axes": [0, 0]}, "axes.*0.*twice"),
            ({"axes": [1, -1]}, "axes.*twice"),
            ({"axes": C([5])}, "axes.*5.*rank 2"),
        ]
        for row in AXES
    },
    "top_k": [
        ({"k": 4}, "k.*4.*3"),
        ({"k": -1}, "k.*-1"),
        ({"axis": 2}, "axis.*rank 2"),
        ({"source": T()}, "rank|scalar"),
        ({"k": C([1, 2])}, "k.*one|scalar"),
    ],
    "bottom_k": [({"k": 9}, "k.*9.*3"), ({"axis": -3}, "axis.*-3")],
    "top_k_gradient": [({"gradient": T(2, 3)}, "2, 3.*2, 2"), ({"k": 4}, "k.*4")],
    "bottom_k_gradient": [({"gradient": T(2)}, r"\(2.*2, 2"), ({"k": 5}, "k.*5")],
    "fast_fourier_transform": [
        ({"axes": []}, "at least one axis"),
        ({"axes": 2}, "axes.*2.*rank 2"),
        ({"axes": [1, 1]}, "twice"),
    ],
    "real_to_hermitean_fft": [
        ({"axes": []}, "at least one axis"),
        ({"tensor": T(2, 0)}, "no elements"),
        ({"tensor": T(2, 4, of="complex64")}, "complex64.*supported"),
    ],
    "hermitean_to_real_fft": [
        ({"axes": [0, 0]}, "twice"),
        ({"tensor": T(2, 3)}, "float32.*supported: complex64"),
        ({"tensor": T(2, 0, of="complex64")}, "no frequencies"),
    ],
    # Shapes
    "reshape": [
        ({"shape": [4, 2]}, "2, 3.*6 elements.*4, 2"),
        ({"shape": [-1, -1]}, "one.*-1"),
        ({"shape": [-1, 4]}, "6|2, 3.*4"),
        ({"shape": [-2, 3]}, "-2"),
        ({"shape": [0, -1]}, "-1|0"),
        ({"shape": None}, "shape.*None"),
        ({"shape": C([2, 2])}, "2, 2"),
        ({"shape": C([[2, 3]])}, "shape.*1, 2.*vector"),
        ({"shape": [1] * 15 + [2, 3]}, "17 dimensions.*16"),
        ({"shape": [2**62, 2**62]}, "elements|large"),
    ],
    "broadcast": [
        ({"shape": [2, 4]}, "2, 3.*2, 4"),
        ({"shape": [3]}, "2, 3.*3"),
        ({"shape": [-1, 3]}, "-1"),
        ({"shape": [2**40, 2**40, 2, 3]}, "large|elements"),
        ({"shape": []}, "2, 3"),
    ],
    "transpose": [
        ({"dimension": 2}, "dimension.*2.*rank 2"),
        ({"with_dimension": -3}, "with_dimension.*-3.*rank 2"),
    ],
    "permute": [
        ({"permutation": [0]}, "permutation.*2"),
        ({"permutation": [0, 0]}, "permutation.*twice|once"),
        ({"permutation": [0, 2]}, "permutation.*2"),
        ({"permutation": [0, 1, 2]}, "permutation.*3"),
        ({"permutation": 0}, "permutation"),
    ],
    "expand_dims": [
        ({"axes": [3]}, "axes.*3.*rank 3"),
        ({"axes": [0, 0]}, "twice"),
        ({"axes": -4}, "axes.*-4"),
        ({"axes": list(range(15))}, "16 dimensions"),
    ],
    "squeeze": [
        ({"axes": [1]}, "axis 1 of .1, 3. has a size other than 1"),
        ({"axes": [2]}, "axes.*2.*rank 2"),
        ({"axes": [0, -2]}, "twice"),
    ],
    "flatten_2d": [({"axis": 4}, "axis.*4.*rank 3"), ({"axis": -4}, "axis.*-4")],
    "tile": [
        ({"multiplier": [2]}, "multiplier.*1 entries.*2, 3"),
        ({"multiplier": [2, -1]}, "multiplier.*-1"),
        ({"multiplier": [2**31, 2**31]}, "large|elements"),
    ],
    "tile_gradient": [
        ({"incoming_gradient": T(2, 3)}, "2, 3.*4, 3"),
        ({"multiplier": [1]}, "multiplier"),
    ],
    "stack": [
        ({"tensors": all_of(T(2, 3), T(3, 2))}, "2, 3.*3, 2"),
        ({"axis": 4}, "axis.*4"),
        ({"tensors": []}, "tensors.*at least one|no tensor"),
        ({"tensors": all_of(T(2, 3), I(2, 3))}, "float32.*int32"),
        ({"tensors": T(2, 3)}, "tensors.*list"),
        ({"tensors": None}, "tensors"),
    ],
    "concat": [
        ({"tensors": all_of(T(2, 3), T(2, 4))}, "2, 4.*2, 3.*apart from axis 0"),
        ({"dimension": 2}, "dimension.*2.*rank 2"),
        ({"tensors": all_of(T(2, 3), T(3))}, r"\(3,\).*2, 3.*apart from axis 0"),
        ({"tensors": []}, "at least one|no tensor"),
        ({"tensors": all_of(T(), T())}, "rank 0|scalar"),
        ({"tensors": all_of(T(2, 3), T(1, 3)), "interleave": True}, "2, 3.*1, 3"),
        ({"tensors": "ab"}, "tensors.*list"),
        ({"tensors": np.array(1.0)}, "tensors.*list"),
    ],
    "split": [
        ({"split_sizes": [1, 2]}, "split_sizes.*3.*4|4.*3"),
        ({"split_sizes": [-1, -1]}, "one.*-1"),
        ({"split_sizes": [5, -1]}, "5.*4|4.*5"),
        ({"split_sizes": None, "num_splits": 3}, "4.*3|3.*4"),
        ({"split_sizes": None}, "split_sizes.*num_splits"),
        ({"num_splits": 2}, "split_sizes.*num_splits|both"),
        ({"axis": 2}, "axis.*2.*rank 2"),
        ({"split_sizes": None, "num_splits": 0}, "num_splits.*0"),
    ],
    "slice": [
        ({"ends": [1]}, "starts.*ends|2.*1"),
        ({"strides": [1, 0]}, "stride.*0"),
        ({"starts": [0, 0, 0], "ends": [1, 1, 1]}, "3 axes.*2, 3"),
        ({"dimension": 5, "start": 0, "length": 1, "starts": None, "ends": None}, "dimension.*5"),
        ({"dimension": 0, "start": 0, "length": 9, "starts": None, "ends": None}, "9.*2|2.*9"),
        ({"dimension": 0, "starts": None, "ends": None}, "start|length"),
        ({"sizes": [1, 1]}, "sizes.*ends|ends.*sizes"),
        ({"ends": None, "sizes": [3, 1]}, "3.*2|2.*3"),
        ({"squeeze_mask": -1}, "squeeze_mask.*-1"),
        ({"starts": [5, 0], "ends": [6, 1], "squeeze_mask": 1}, "5.*2|2.*5"),
    ],
    "slice_gradient": [
        ({"input_gradient": T(2, 3)}, "2, 3.*2, 2"),
        ({"fwd_in_shape": [2]}, "rank|2"),
        ({"strides": [0, 1]}, "stride.*0"),
    ],
    "slice_update": [
        ({"update": T(1, 1)}, "1, 1.*2, 2"),
        ({"update": I(2, 2)}, "float32.*int32"),
        ({"starts": [0, 0, 0], "ends": [1, 1, 1]}, "3 axes.*2, 3"),
    ],
    "pad": [
        ({"left_padding": [1]}, "left_padding.*2"),
        ({"right_padding": [1, 2, 3]}, "right_padding.*2"),
        ({"left_padding": [-3, 0]}, "-3|negative"),
        ({"padding_mode": PaddingMode.REFLECT, "left_padding": [2, 0]}, "size 2.*REFLECT"),
        ({"padding_mode": PaddingMode.SYMMETRIC, "left_padding": [3, 0]}, "size 2.*3.*SYMMETRIC"),
        ({"padding_mode": 99}, "padding_mode.*CONSTANT.*REFLECT"),
        ({"padding_mode": "zeros"}, "padding_mode.*ZERO"),
        ({"left_padding": [2**62, 2**62]}, "large|elements"),
        (
            {"padding_mode": PaddingMode.CLAMP_TO_EDGE, "tensor": T(0, 3)},
            "empty|no elements|size 0",
        ),
        ({"tensor": T(2, 3, of="bool"), "padding_mode": PaddingMode.ANTI_PERIODIC}, "bool"),
    ],
    "pad_gradient": [
        ({"incoming_gradient": T(2, 3)}, "2, 3.*3, 4"),
        ({"left_padding": [1]}, "left_padding"),
    ],
    "space_to_depth_2d": [
        ({"block_size": 3}, "3.*2|block"),
        ({"block_size": 0}, "block_size.*0"),
        ({"width_axis": 1}, "width_axis|axes|differ"),
        ({"depth_axis": 7}, "depth_axis.*7.*rank 4"),
    ],
    "depth_to_space_2d": [
        ({"block_size": 3}, "4.*9|9.*4"),
        ({"height_axis": 3}, "axes|axis|differ"),
    ],
    "space_to_batch": [
        ({"block_dimensions": [3, 1]}, "3.*2|2.*3"),
        ({"spatial_axes": [1]}, "spatial_axes|block_dimensions"),
        ({"batch_axis": 1}, "batch_axis|axes"),
        ({"spatial_axes": [1, 9]}, "spatial_axes.*9"),
        ({"block_dimensions": [0, 1]}, "a block has the size 0; sizes are at least 1"),
    ],
    "batch_to_space": [
        ({"block_dimensions": [3, 1]}, "4.*3|3.*4"),
        ({"spatial_axes": [0, 1]}, "axes|axis"),
    ],
    "coordinate_along_axis": [
        ({"axis": 2}, "axis.*2.*rank 2"),
        ({"shape": [-5]}, "-5"),
        ({"shape": []}, "axis|rank 0|scalar"),
        ({"shape": [2**40, 2**40]}, "1099511627776.*int32"),
    ],
    "reinterpret_cast": [
        ({"tensor": T(3, of="uint8"), "type": "float32"}, "3.*4"),
        ({"tensor": T(of="float32"), "type": "uint8"}, "rank|scalar|dimension"),
        ({"tensor": T(2, of="complex64"), "type": "bool"}, "bool"),
    ],
    # Sources
    "placeholder": [
        ({"shape": [-2]}, "-2.*-1"),
        ({"shape": [1] * 17}, "17.*16 dimensions|16"),
        ({"shape": [2**62, 2**62]}, "large|elements"),
        ({"shape": [2**63 - 1]}, "large|elements"),
        ({"shape": 1.5}, "shape"),
        ({"shape": [2.5]}, "shape.*2.5"),
        ({"shape": [None]}, "shape.*None|-1"),
        ({"shape": [2**64]}, "shape.*64 bits"),
    ],
    "constant": [
        ({"value": [1, 2], "shape": [3]}, "2.*3|3.*2"),
        ({"value": 300, "data_type": "int8"}, "300.*int8"),
        ({"value": "abc"}, "abc|array"),
        ({"value": None}, "value.*None"),
        ({"value": [[1], [2, 3]]}, "array|inhomogeneous|ragged"),
        ({"value": 1.5, "data_type": "int32"}, "1.5.*int32"),
        ({"value": 1, "shape": [-1]}, "-1"),
        ({"value": object()}, "object"),
        ({"value": 1, "shape": [2**40, 2**20]}, "large|memory"),
        ({"value": {1: 2}}, "dict|1: 2"),
    ],
    "complex_constant": [
        ({"real_part": "1"}, "real_part"),
        ({"data_type": "float32"}, "complex64"),
        ({"shape": [-1]}, "-1"),
        ({"imaginary_part": 1j}, "imaginary_part"),
    ],
    "variable": [
        ({"value": [1, 2], "shape": [3]}, "2.*3|3.*2"),
        ({"value": "abc"}, "abc|array"),
        ({"value": None}, "value.*None"),
        ({"value": 1.5, "data_type": "int8"}, "1.5.*int8"),
    ],
    "variable_from_tensor": [({"tensor": T(2, 3)}, "before the graph runs|known|constant")],
    "read": [({"variable": T(2, 3)}, "variable.*placeholder"), ({"variable": 1.0}, "variable")],
    "assign": [
        ({"variable": T(2, 3)}, "variable.*placeholder"),
        ({"tensor": T(3, 2)}, "2, 3.*3, 2.*equal"),
        ({"tensor": I(2, 3)}, "float32.*int32"),
        ({"tensor": T(3)}, "2, 3.*3.*equal"),
    ],
    "apply_stochastic_gradient_descent": [
        ({"variable": T(2, 3)}, "variable"),
        ({"gradient": T(3, 2)}, "2, 3.*3, 2.*equal"),
        ({"learning_rate": T(2, 3)}, "learning_rate.*scalar|2, 3"),
    ],
    "stochastic_gradient_descent": [
        ({"gradient": T(3, 2)}, "2, 3.*3, 2.*equal"),
        ({"learning_rate": T(7)}, "learning_rate"),
    ],
    "adam": [
        ({"gradient": T(3, 2)}, "2, 3.*3, 2.*equal"),
        ({"momentum": T(2)}, "momentum"),
        ({"velocity": T(2, 2)}, "velocity"),
        ({"beta1": T(2, 3)}, "beta1.*scalar"),
        ({"beta1_power": T()}, "beta2_power"),
        ({"maximum_velocity": T(5)}, "maximum_velocity"),
    ],
    "random": [
        ({"shape": [-1]}, "-1"),
        (
            {"descriptor": mpsg.RandomOpDescriptor(data_type="bool")},
            "floating-point or integer type, not bool",
        ),
        (
            {"descriptor": mpsg.RandomOpDescriptor(standard_deviation=-1.0, distribution=1)},
            "standard_deviation must be > 0",
        ),
        ({"descriptor": mpsg.RandomOpDescriptor(min=2.0, max=1.0)}, "min.*max"),
        ({"state": I(7), "seed": 3}, "seed.*state|state.*seed"),
        ({"state": I(5)}, "state.*7"),
        (
            {"descriptor": mpsg.RandomOpDescriptor(data_type="int8", max_integer=1000)},
            "max_integer.*int8",
        ),
        (
            {"descriptor": mpsg.RandomOpDescriptor(data_type="int32", distribution=1)},
            "uniform only; use a floating-point",
        ),
        (
            {
                "descriptor": mpsg.RandomOpDescriptor(
                    data_type="int32", min_integer=5, max_integer=5
                )
            },
            "min_integer.*max_integer",
        ),
    ],
    "random_uniform": [
        ({"shape": [-3]}, "-3"),
        ({"state": T(7), "seed": None}, "state.*float32.*int32"),
    ],
    "random_philox_state": [
        ({"seed": 1, "key": 2}, "seed.*key|key.*seed"),
        ({"seed": None}, "seed|key"),
    ],
    "dropout": [
        ({"rate": 1.5}, "rate.*1.5"),
        ({"rate": -0.5}, "rate.*-0.5"),
        ({"rate": T(2, 3)}, "rate.*scalar"),
        ({"rate": float("nan")}, "rate.*nan"),
    ],
    # Indices
    "gather": [
        ({"axis": 2}, "axis.*2.*rank 2"),
        ({"indices": T(2)}, "indices.*float32.*supported: int8"),
        ({"batch_dimensions": 3}, "batch_dimensions.*3"),
        ({"batch_dimensions": -1}, "batch_dimensions.*-1"),
        ({"batch_dimensions": 1, "axis": 0}, "batch_dimensions.*1; the axis"),
    ],
    "gather_nd": [
        ({"indices": I(2, 3)}, "3 coordinates"),
        ({"indices": I()}, "at least one"),
        ({"batch_dimensions": 2}, "batch"),
        ({"updates": T(), "indices": I(2, 1)}, "coordinates|rank"),
    ],
    "gather_along_axis": [
        ({"axis": 2}, "axis.*2.*rank 2"),
        ({"indices": I(2, 4)}, "axis 0 only|2, 4"),
        ({"indices": I(2)}, "rank|2, 3"),
    ],
    "scatter": [
        ({"shape": None}, "shape.*data"),
        ({"data": T(4, 3)}, "shape.*data|data.*shape"),
        ({"axis": 5}, "axis.*5"),
        ({"shape": [4, 5]}, "5.*3|3.*5"),
        ({"updates": T(5, 3)}, "5, 3.*2, 3"),
        ({"mode": 9}, "mode.*ADD.*SET"),
        ({"updates": T(2, 3, of="bool")}, "bool; use ScatterMode.SET"),
        ({"shape": [-1, 3]}, "-1"),
    ],
    "scatter_nd": [
        ({"indices": I(2, 3)}, "3 coordinates|3.*2"),
        ({"updates": T(3, 3)}, "3, 3.*2, 3"),
        ({"shape": None, "data": T(4, 4)}, "4"),
        ({"batch_dimensions": 2}, "batch"),
    ],
    "scatter_along_axis": [
        ({"axis": 2}, "axis.*2.*rank 2"),
        ({"indices": I(3, 3)}, "3, 3"),
        ({"shape": [4, 4]}, "4"),
        ({"mode": ScatterMode.ADD, "updates": T(2, 3, of="bool")}, "bool"),
    ],
    "one_hot": [
        ({"depth": -1}, "depth.*-1"),
        ({"axis": 3}, "axis.*3"),
        ({"data_type": "int8", "on_value": 300}, "300.*int8"),
        ({"data_type": "int32", "on_value": 0.5}, "0.5.*int32"),
        ({"depth": 2.5}, "depth.*int"),
    ],
    "non_zero_indices": [({"tensor": Huge("float32", [2**31, 4])}, "large|2\\^31|2147483648")],
    "non_maximum_suppression": [
        ({"boxes": T(1, 3, 3)}, "boxes.*4"),
        ({"scores": T(1, 2, 2)}, "boxes and the scores.*1, 3.*1, 2"),
        ({"scores": T(3, 2)}, "scores.*rank|rank 3"),
        ({"iou_threshold": 2.0}, "iou_threshold.*2"),
        ({"class_indices": I(1, 4)}, "boxes and the classes.*1, 3.*1, 4"),
        ({"coordinate_mode": 8}, "coordinate_mode.*CORNERS"),
    ],
    "sparse": [
        ({"shape": [2]}, "2 dimensions"),
        ({"index_0": I(3)}, "index_0.*3|3.*2"),
        ({"values": T(2, 1)}, "values.*rank|vector"),
        ({"values": T(2, of="float16")}, "float16.*float32|float32.*float16"),
        ({"shape": [-1, 3]}, "-1"),
    ],
    # Matrices
    "matrix_multiplication": [
        ({"secondary": T(2, 3)}, "2, 3.*2, 3"),
        ({"secondary": T(3)}, "rank|two dimensions"),
        ({"primary": T()}, "rank|two dimensions"),
        ({"primary": T(2, 2, 3), "secondary": T(3, 3, 2)}, "2.*3"),
        ({"secondary": I(3, 2)}, "float32.*int32"),
    ],
    "hamming_distance": [
        ({"secondary": I(2, 4)}, "3.*4"),
        ({"primary": I()}, "2 to 15 dimensions"),
        ({"result_data_type": "float32"}, "float32.*uint32"),
        ({"primary": T(2, 3)}, "float32.*supported"),
    ],
    "scaled_dot_product_attention": [
        ({"key": T(1, 1, 2, 4)}, "4|3"),
        ({"value": T(1, 1, 5, 3)}, "5|2"),
        ({"query": T(3)}, "rank|dimensions"),
        ({"mask": T(5, 5)}, "scores and .mask.*2, 2.*5, 5"),
        ({"mask": T(2, 2, of="bool")}, "mask.*bool.*float32|float32.*bool"),
        ({"scale": "x"}, "scale"),
    ],
    "band_part": [
        ({"input": T(3)}, "last two axes must be matrices"),
        ({"num_lower": [1, 2]}, "num_lower"),
    ],
    "inverse": [({"input": T(2, 3)}, "square.*2, 3|2, 3.*square"), ({"input": T(2)}, "rank|matri")],
}
CALLS |= WINDOWS | {
    # Control flow
    "if_else": [
        ({"predicate": T()}, "predicate.*float32.*bool"),
        ({"predicate": T(2, of="bool")}, "predicate.*scalar"),
        ({"then_block": None}, "then_block.*function|missing"),
        ({"then_block": 3}, "then_block.*function.*3"),
        ({"else_block": "x"}, "else_block.*function"),
        ({"then_block": lambda: "x"}, "then_block.*tensors"),
        ({"then_block": lambda: [1.0]}, "then_block.*tensors"),
        ({"then_block": lambda: None, "else_block": lambda: 3}, "else_block.*tensors"),
    ],
    "for_loop": [
        ({"body": None}, "body.*function|missing"),
        ({"body": lambda i, a: []}, "1.*0"),
        ({"body": lambda i, a: [a[0], a[0]]}, "1.*2"),
        ({"body": lambda i, a: [a[0].graph.cast(a[0], "int32")]}, "float32.*int32"),
        ({"body": lambda i, a: [a[0].graph.reshape(a[0], [6])]}, "2, 3.*6"),
        ({"body": lambda i, a: "x"}, "body.*tensors"),
        ({"number_of_iterations": None}, "number_of_iterations|upper_bound"),
        ({"upper_bound": 3}, "number_of_iterations.*upper_bound|upper_bound.*number_of_iterations"),
        ({"number_of_iterations": T()}, "number_of_iterations.*float32"),
        ({"number_of_iterations": I(2)}, "number_of_iterations.*scalar"),
        ({"number_of_iterations": None, "upper_bound": 3, "step": 0}, "step.*0"),
        ({"initial_body_arguments": T(2)}, "initial_body_arguments.*list"),
    ],
    "while_loop": [
        ({"before": lambda a: (a[0], a)}, "predicate.*bool|bool"),
        ({"before": lambda a: []}, "before.*predicate|predicate"),
        ({"before": None}, "before.*function|missing"),
        ({"after": lambda a: []}, "after|1.*0"),
        ({"after": lambda a: [a[0].graph.cast(a[0], "int32")]}, "float32.*int32"),
        ({"after": lambda a: "x"}, "after.*tensors"),
    ],
    "call": [
        ({"output_types": 3}, "output_types"),
        ({"output_types": np.array("x")}, "output_types"),
        ({"output_types": [3]}, "output_types.*shape and a data type"),
        ({"symbol_name": 3}, "symbol_name.*text"),
        ({"output_types": [([-2], mpsg.float32)]}, "-2"),
        ({"input_tensors": T(2)}, "input_tensors.*list"),
    ],
    "cumulative_sum": [
        *CALLS["cumulative_sum"],
        ({"exclusive": "yes"}, "exclusive.*bool"),
        ({"axis": C([0, 1])}, "axis.*one|scalar"),
    ],
    "cast": [({"tensor": [1, 2]}, "tensor.*tensor or a number")],
    "reduction_arg_maximum": [
        *CALLS["reduction_arg_maximum"],
        ({"tensor": T(2, 0)}, "empty|no elements"),
    ],
    "reduction_arg_minimum": [
        *CALLS["reduction_arg_minimum"],
        ({"tensor": T(2, 0)}, "empty|no elements"),
    ],
    "exponent": [({"tensor": Variable("int32", (2,))}, "int32.*supported")],
}
