"""Wrong calls: what is wrong, the call, and what must be said about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import mpsg
from mpsg import Convolution2DOpDescriptor as Convolution
from mpsg import (
    ImToColOpDescriptor,
    PaddingMode,
    PaddingStyle,
    ResizeMode,
    StencilOpDescriptor,
    TensorNamedDataLayout,
)
from mpsg import Pooling2DOpDescriptor as Pooling

NHWC = TensorNamedDataLayout.NHWC
Action = Callable[[mpsg.Graph], Any]


def f32(graph: mpsg.Graph, *shape: int, name: str | None = None) -> mpsg.Tensor:
    return graph.placeholder(list(shape), mpsg.float32, name=name)


def i32(graph: mpsg.Graph, *shape: int) -> mpsg.Tensor:
    return graph.placeholder(list(shape), mpsg.int32)


def window(width: int = 2, height: int = 2, **options: Any) -> Pooling:
    return Pooling(kernel_width=width, kernel_height=height, **options)


# What is wrong, and words of the message.
GRAPH_ERRORS: dict[str, tuple[Action, str]] = {
    # types
    "two types": (lambda g: g.addition(f32(g, 2), i32(g, 2)), "float32.*int32.*cast"),
    "bool in arithmetic": (lambda g: g.addition(True, g.constant(True)), "bool"),
    "integers in exp": (lambda g: g.exponent(i32(g, 2)), "exponent.*int32"),
    "complex order": (
        lambda g: g.less_than(g.complex_constant(0, 1), g.complex_constant(1, 1)),
        "complex64",
    ),
    "predicate": (lambda g: g.select(i32(g), f32(g), f32(g)), "predicate.*int32"),
    "a fraction for an integer": (lambda g: i32(g, 2) * 0.5, "int32|0.5"),
    "a number too large": (lambda g: g.placeholder([2], mpsg.int8) + 300, "300|int8"),
    "negative for unsigned": (lambda g: g.placeholder([2], mpsg.uint8) + -1, "-1|uint8"),
    "gather by floats": (lambda g: g.gather(f32(g, 2), f32(g, 2), 0), "float32"),
    "gather with an axis too many": (lambda g: g.gather(f32(g, 2), i32(g, 2), 1), "axis"),
    "gather of other batches": (
        lambda g: g.gather(f32(g, 2, 3), i32(g, 4, 1), 1, batch_dimensions=1),
        "batch dimension 0.*2, 3.*4, 1",
    ),
    "too many coordinates": (lambda g: g.gather_nd(f32(g, 2, 3), i32(g, 4, 3)), "3 coordinates"),
    "no coordinates": (lambda g: g.gather_nd(f32(g, 2, 3), i32(g)), "at least one"),
    "gather along another shape": (
        lambda g: g.gather_along_axis(f32(g, 2, 3), i32(g, 3, 3), 1),
        "axis 1 only",
    ),
    "scatter into nothing": (lambda g: g.scatter(f32(g, 2), i32(g, 2), axis=0), "shape.*data"),
    "scatter of another shape": (
        lambda g: g.scatter(f32(g, 2, 5), i32(g, 2), [4, 3], axis=0),
        "2, 5.*2, 3",
    ),
    "scatter adds bools": (
        lambda g: g.scatter_nd(g.placeholder([2], mpsg.bool_), i32(g, 2, 1), [4]),
        "bool",
    ),
    "transposed convolution of another size": (
        lambda g: g.convolution_transpose_2d(
            f32(g, 1, 2, 3, 3), f32(g, 2, 1, 2, 2), [1, 1, 9, 9], Convolution()
        ),
        "9, 9",
    ),
    "one_hot of floats": (lambda g: g.one_hot(f32(g, 2), 3), "float32"),
    "shape from floats": (lambda g: g.reshape(f32(g, 4), f32(g, 2)), "shape.*float32"),
    "logical of ints": (lambda g: g.logical_and(i32(g), i32(g)), "int32"),
    # layers, windows and transforms of more kinds
    "depthwise channels": (
        lambda g: g.depthwise_convolution_2d(
            f32(g, 1, 3, 5, 5), f32(g, 1, 2, 3, 3), mpsg.DepthwiseConvolution2DOpDescriptor()
        ),
        "3 channels.*for 2",
    ),
    "a volume of rank 4": (
        lambda g: g.convolution_3d(
            f32(g, 1, 3, 5, 5), f32(g, 1, 3, 1, 1, 1), mpsg.Convolution3DOpDescriptor()
        ),
        "rank 5",
    ),
    "a volume's layout": (
        lambda g: g.convolution_3d(
            f32(g, 1, 3, 5, 5, 5),
            f32(g, 1, 3, 1, 1, 1),
            mpsg.Convolution3DOpDescriptor(data_layout=mpsg.TensorNamedDataLayout.NCHW),
        ),
        "NCDHW or NDHWC",
    ),
    "a volume's groups": (
        lambda g: g.convolution_3d(
            f32(g, 1, 3, 5, 5, 5),
            f32(g, 2, 3, 1, 1, 1),
            mpsg.Convolution3DOpDescriptor(groups=2),
        ),
        "2 groups do not divide 3",
    ),
    "a window larger than the volume": (
        lambda g: g.convolution_3d(
            f32(g, 1, 1, 2, 5, 5), f32(g, 1, 1, 3, 1, 1), mpsg.Convolution3DOpDescriptor()
        ),
        "along z.*3",
    ),
    "two strides for three dimensions": (
        lambda g: g.depthwise_convolution_3d(
            f32(g, 3, 5, 5, 5),
            f32(g, 3, 1, 1, 1),
            mpsg.DepthwiseConvolution3DOpDescriptor(strides=(1, 1)),
        ),
        "strides.*2 numbers.*3",
    ),
    "depthwise volumes of other channels": (
        lambda g: g.depthwise_convolution_3d(
            f32(g, 3, 5, 5, 5), f32(g, 2, 1, 1, 1), mpsg.DepthwiseConvolution3DOpDescriptor()
        ),
        "3 channels.*for 2",
    ),
    "a pool of three": (
        lambda g: g.max_pooling_4d(f32(g, 2, 3, 4), mpsg.Pooling4DOpDescriptor(kernel_sizes=2)),
        "rank 4|kernel_sizes",
    ),
    "pooled indices without a mode": (
        lambda g: g.max_pooling_4d_return_indices(
            f32(g, 2, 3, 4, 5), mpsg.Pooling4DOpDescriptor(kernel_sizes=(1, 1, 2, 2))
        ),
        "NONE",
    ),
    "pooled indices that do not suffice": (
        lambda g: g.max_pooling_4d_gradient(
            f32(g, 1, 3, 3, 4),
            None,
            mpsg.Pooling4DOpDescriptor(
                kernel_sizes=(2, 1, 2, 2),
                return_indices_mode=mpsg.PoolingReturnIndicesMode.GLOBAL_FLATTEN_2D,
            ),
            indices=i32(g, 1, 3, 3, 4),
            output_shape=(2, 3, 4, 5),
        ),
        "must count every dimension",
    ),
    "recurrent weights": (
        lambda g: g.lstm(f32(g, 5, 2, 3), f32(g, 12, 4), mpsg.LSTMDescriptor()),
        "12, 4.*4 \\* H",
    ),
    "a source without gates": (
        lambda g: g.gru(f32(g, 5, 2, 3), f32(g, 12, 4), mpsg.GRUDescriptor()),
        "without 'input_weight'.*5, 2, 12",
    ),
    "a state of another batch": (
        lambda g: g.single_gate_rnn(
            f32(g, 5, 2, 4),
            f32(g, 4, 4),
            mpsg.SingleGateRNNDescriptor(),
            init_state=f32(g, 3, 4),
        ),
        "init_state.*3, 4",
    ),
    "a mask that does not fit": (
        lambda g: g.lstm(f32(g, 5, 2, 16), f32(g, 16, 4), mpsg.LSTMDescriptor(), mask=f32(g, 2, 3)),
        "2, 3",
    ),
    "a second bias that is not used": (
        lambda g: g.gru(
            f32(g, 5, 2, 12), f32(g, 12, 4), mpsg.GRUDescriptor(), secondary_bias=f32(g, 4)
        ),
        "reset_after",
    ),
    "one direction's peephole": (
        lambda g: g.lstm(
            f32(g, 5, 2, 32),
            f32(g, 2, 16, 4),
            mpsg.LSTMDescriptor(bidirectional=True),
            peephole=f32(g, 16),
        ),
        "peephole",
    ),
    "saved gates of another shape": (
        lambda g: g.lstm_gradients(
            *(f32(g, 5, 2, 16), f32(g, 16, 4), f32(g, 5, 2, 4), f32(g, 5, 2, 4)),
            *(f32(g, 5, 2, 4), mpsg.LSTMDescriptor()),
        ),
        "z_state",
    ),
    "a transform along no axis": (
        lambda g: g.fast_fourier_transform(f32(g, 4), [], mpsg.FFTDescriptor()),
        "at least one axis",
    ),
    "a transform twice along an axis": (
        lambda g: g.fast_fourier_transform(f32(g, 4, 4), [1, -1], mpsg.FFTDescriptor()),
        "twice",
    ),
    "a transform along an axis too many": (
        lambda g: g.real_to_hermitean_fft(f32(g, 4), 1, mpsg.FFTDescriptor()),
        "axes.*1",
    ),
    "a transform of nothing": (
        lambda g: g.real_to_hermitean_fft(f32(g, 4, 0), 1, mpsg.FFTDescriptor()),
        "no elements",
    ),
    "a half spectrum of real numbers": (
        lambda g: g.hermitean_to_real_fft(f32(g, 4), 0, mpsg.FFTDescriptor()),
        "float32",
    ),
    "quantized floats": (lambda g: g.quantize(f32(g, 4), 0.5, 0, "float32"), "integer type"),
    "a scale for each of other rows": (
        lambda g: g.quantize(f32(g, 4, 3), f32(g, 3), 0, "int8", axis=0),
        "scale.*3.*4, 3",
    ),
    "blocks that do not divide": (
        lambda g: g.dequantize(i32(g, 4, 6), f32(g, 3, 2)),
        "3, 2.*divide",
    ),
    "neither scale nor table": (lambda g: g.dequantize(i32(g, 4)), "scale.*lut"),
    "a table and a scale": (
        lambda g: g.dequantize(i32(g, 4), f32(g), lut=f32(g, 8)),
        "lut.*without",
    ),
    "a table of other blocks": (
        lambda g: g.dequantize(i32(g, 4, 6), lut=f32(g, 3, 2, 8)),
        "3, 2, 8",
    ),
    "row starts": (
        lambda g: g.sparse(
            f32(g, 4),
            i32(g, 4),
            i32(g, 4),
            [4, 5],
            mpsg.CreateSparseOpDescriptor(sparse_storage_type=mpsg.SparseStorageType.CSR),
        ),
        "index_1.*4 rows.*5",
    ),
    "sparse values of another type": (
        lambda g: g.sparse(
            f32(g, 4),
            i32(g, 4),
            i32(g, 4),
            [4, 5],
            mpsg.CreateSparseOpDescriptor(data_type=mpsg.float16),
        ),
        "float32.*float16",
    ),
    "a sparse vector": (
        lambda g: g.sparse(f32(g, 4), i32(g, 4), i32(g, 4), [5], mpsg.CreateSparseOpDescriptor()),
        "2 dimensions",
    ),
    # shapes
    "no broadcast": (lambda g: g.addition(f32(g, 2, 3), f32(g, 4, 3)), "2, 3.*4, 3"),
    "matrix sizes": (lambda g: g.matrix_multiplication(f32(g, 2, 3), f32(g, 4, 5)), "3.*4"),
    "matrix of a vector": (
        lambda g: g.matrix_multiplication(f32(g, 3), f32(g, 3, 2)),
        "rank|dimension",
    ),
    "matrix batches": (lambda g: g.matrix_multiplication(f32(g, 2, 2, 2), f32(g, 3, 2, 2)), "2.*3"),
    "reshape count": (lambda g: g.reshape(f32(g, 6), [4, 2]), "6|elements"),
    "reshape two open": (lambda g: g.reshape(f32(g, 6), [-1, -1]), "-1"),
    "reshape negative": (lambda g: g.reshape(f32(g, 6), [-2, 3]), "-2"),
    "reshape not divisible": (lambda g: g.reshape(f32(g, 6), [4, -1]), "6|4"),
    "reshape of nothing": (lambda g: g.reshape(f32(g, 0), [0, -1]), "-1"),
    "broadcast down": (lambda g: g.broadcast(f32(g, 2, 3), [3]), "2, 3"),
    "broadcast other": (lambda g: g.broadcast(f32(g, 2), [3]), "2.*3"),
    "concat shapes": (lambda g: g.concat([f32(g, 2, 3), f32(g, 3, 3)], 1), "2.*3"),
    "concat nothing": (lambda g: g.concat([], 0), "concat"),
    "concat types": (lambda g: g.concat([f32(g, 2), i32(g, 2)], 0), "float32.*int32"),
    "stack shapes": (lambda g: g.stack([f32(g, 2), f32(g, 3)], 0), "2.*3"),
    "split sum": (lambda g: g.split(f32(g, 5), [2, 2], 0), "4.*5|5.*4"),
    "split parts": (lambda g: g.split(f32(g, 5), num_splits=2), "2.*5"),
    "split nothing": (lambda g: g.split(f32(g, 5)), "split_sizes"),
    "squeeze of 2": (lambda g: g.squeeze(f32(g, 2, 1), 0), "2"),
    "tile rank": (lambda g: g.tile(f32(g, 2, 3), [2]), "multiplier"),
    "tile negative": (lambda g: g.tile(f32(g, 2), [-1]), "-1"),
    "reinterpret": (
        lambda g: g.reinterpret_cast(g.placeholder([3], mpsg.int8), mpsg.int32),
        "int8|3",
    ),
    "softmax labels": (lambda g: g.softmax_cross_entropy(f32(g, 2, 3), f32(g, 3, 2), 1, 0), "2.*3"),
    "rate of rank 1": (lambda g: g.dropout(f32(g, 2), f32(g, 2)), "rate"),
    "statistics": (
        lambda g: g.normalization(f32(g, 2, 3), f32(g, 5), f32(g, 3), None, None, 0.1),
        "2, 3",
    ),
    "assign shape": (lambda g: g.assign(g.variable([1.0, 2.0]), f32(g, 3)), "2.*3"),
    "data of another size": (lambda g: g.constant(np.zeros(6), (4, 2)), "6|48|4, 2"),
    # ranks and axes
    "17 dimensions": (lambda g: g.placeholder([1] * 17), "16"),
    "17 by broadcast": (lambda g: g.expand_dims(f32(g, *[1] * 16), 0), "16"),
    "axis": (lambda g: g.softmax(f32(g, 2, 3), 2), "axis.*2"),
    "axis below": (lambda g: g.reduction_sum(f32(g, 2, 3), -3), "axes.*-3"),
    "axis twice": (lambda g: g.reduction_sum(f32(g, 2, 3), [1, -1]), "axes.*twice|axes"),
    "axis of a scalar": (lambda g: g.reduction_sum(f32(g), 0), "axes"),
    "empty arg": (lambda g: g.reduction_arg_maximum(f32(g, 2, 0), 1), "axis"),
    "permutation": (lambda g: g.permute(f32(g, 2, 3), [0, 0]), "permutation"),
    "permutation short": (lambda g: g.permute(f32(g, 2, 3), [0]), "permutation"),
    "transpose": (lambda g: g.transpose(f32(g, 2, 3), 0, 2), "2"),
    "expand": (lambda g: g.expand_dims(f32(g, 2), [0, 0]), "axes"),
    "flatten": (lambda g: g.flatten_2d(f32(g, 2), 2), "axis"),
    "coordinate": (lambda g: g.coordinate_along_axis(2, [2, 3]), "axis"),
    "depth": (lambda g: g.one_hot(i32(g, 2), -1), "depth"),
    # attributes
    "stride 0": (lambda g: g.slice(f32(g, 4), [0], [4], [0]), "stride"),
    "lengths": (lambda g: g.slice(f32(g, 4, 4), [0, 0], [4]), "length"),
    "too many": (lambda g: g.slice(f32(g, 4), [0, 0], [1, 1]), "axes"),
    "outside": (lambda g: g.slice(f32(g, 4), dimension=0, start=3, length=2), "inside|3"),
    "sizes and ends": (lambda g: g.slice(f32(g, 4), [0], [1], sizes=[1]), "sizes"),
    "squeeze outside": (lambda g: g.slice(f32(g, 4), [4], [5], squeeze_mask=1), "4"),
    "too large a size": (lambda g: g.slice(f32(g, 4), [0], sizes=[5]), "5"),
    "update shape": (lambda g: g.slice_update(f32(g, 4), f32(g, 3), [0], [2]), "3"),
    "pad count": (lambda g: g.pad(f32(g, 4), PaddingMode.ZERO, [1, 1], [1, 1]), "padding"),
    "reflect": (lambda g: g.pad(f32(g, 4), PaddingMode.REFLECT, [4], [0]), "4"),
    "reflect of nothing": (lambda g: g.pad(f32(g, 0), PaddingMode.REFLECT, [1], [0]), "0"),
    "crop too much": (lambda g: g.pad(f32(g, 4), PaddingMode.ZERO, [-3], [-3]), "-"),
    "enum": (lambda g: g.pad(f32(g, 4), 99, [1], [1]), "padding_mode.*REFLECT"),
    "stride": (
        lambda g: g.convolution_2d(
            f32(g, 1, 1, 3, 3), f32(g, 1, 1, 1, 1), Convolution(stride_in_x=0)
        ),
        "stride_in_x",
    ),
    "dilation": (
        lambda g: g.max_pooling_2d(f32(g, 1, 1, 3, 3), window(dilation_rate_in_y=-1)),
        "dilation",
    ),
    "channels": (
        lambda g: g.convolution_2d(f32(g, 1, 3, 5, 5), f32(g, 2, 4, 3, 3), Convolution()),
        "3.*4|4.*3",
    ),
    "groups": (
        lambda g: g.convolution_2d(f32(g, 1, 3, 5, 5), f32(g, 2, 1, 3, 3), Convolution(groups=2)),
        "groups|2",
    ),
    "kernel": (
        lambda g: g.convolution_2d(f32(g, 1, 1, 2, 2), f32(g, 1, 1, 3, 3), Convolution()),
        "3.*2|2.*3",
    ),
    "image rank": (
        lambda g: g.convolution_2d(f32(g, 3, 5, 5), f32(g, 2, 3, 3, 3), Convolution()),
        "rank|4",
    ),
    "no window": (lambda g: g.max_pooling_2d(f32(g, 1, 1, 3, 3), window(0, 1)), "kernel_width|0"),
    "stencil style": (
        lambda g: g.max_pooling_2d(
            f32(g, 1, 1, 3, 3), window(padding_style=PaddingStyle.EXPLICIT_OFFSET)
        ),
        "EXPLICIT_OFFSET",
    ),
    "output shape": (
        lambda g: g.convolution_2d_data_gradient(
            f32(g, 1, 2, 3, 3), f32(g, 2, 3, 3, 3), [1, 3, 9, 9], Convolution()
        ),
        "output_shape|9",
    ),
    "indices mode": (
        lambda g: g.max_pooling_2d_return_indices(f32(g, 1, 1, 3, 3), window()),
        "return_indices_mode",
    ),
    "seed and state": (
        lambda g: g.random_uniform([2], seed=1, state=g.random_philox_state(1)),
        "seed",
    ),
    "negative size": (lambda g: g.random_uniform([-2]), "-2"),
    "powers": (lambda g: g.adam(*[f32(g)] * 8, beta1_power=f32(g)), "beta2_power"),
    # lines, matrices, blocks
    "scan of a scalar": (lambda g: g.cumulative_sum(f32(g), 0), "axis.*scalar has no axes"),
    "scan axis": (lambda g: g.cumulative_maximum(f32(g, 2, 3), -3), "axis.*-3"),
    "scan of bools": (lambda g: g.cumulative_sum(g.placeholder([2], mpsg.bool_), 0), "bool"),
    "sort axis": (lambda g: g.sort(f32(g, 2, 3), 2), "axis.*2"),
    "sort of complex": (lambda g: g.sort(g.placeholder([2], mpsg.complex64), 0), "complex64"),
    "more than there are": (lambda g: g.top_k(f32(g, 2, 3), 4), "'k' is 4.*2, 3.*3"),
    "less than none": (lambda g: g.bottom_k(f32(g, 2, 3), -1, axis=0), "'k' is -1"),
    "top of a scalar": (lambda g: g.top_k(f32(g), 1), "scalar"),
    "gradient of other k": (
        lambda g: g.top_k_gradient(f32(g, 2, 2), f32(g, 2, 3), 1),
        "2, 2.*2, 1",
    ),
    "band of a vector": (lambda g: g.band_part(f32(g, 3), 0, 0), "matrices"),
    "inverse of a rectangle": (lambda g: g.inverse(f32(g, 2, 3)), "2, 3.*square"),
    "inverse of integers": (lambda g: g.inverse(i32(g, 2, 2)), "int32"),
    "distance of floats": (lambda g: g.hamming_distance(f32(g, 2, 2), f32(g, 2, 2)), "float32"),
    "distance of lengths": (lambda g: g.hamming_distance(i32(g, 2, 3), i32(g, 2, 4)), "3.*4"),
    "distance type": (
        lambda g: g.hamming_distance(i32(g, 2, 3), i32(g, 2, 3), mpsg.int64),
        "int64.*uint16",
    ),
    "no whole block": (
        lambda g: g.space_to_depth_2d(f32(g, 1, 5, 4, 1), 2, 1, 3, 2),
        "axis 1 of.*5.*2",
    ),
    "depth of no block": (
        lambda g: g.depth_to_space_2d(f32(g, 1, 4, 4, 3), 2, 1, 3, 2),
        "axis 3.*4",
    ),
    "block along itself": (
        lambda g: g.space_to_batch(f32(g, 4, 4), [0], 0, [2]),
        "axis 0.*batch_axis.*spatial",
    ),
    "blocks and axes": (
        lambda g: g.batch_to_space(f32(g, 4, 4), [1], 0, [2, 2]),
        "spatial_axes.*1.*block_dimensions.*2",
    ),
    "block of nothing": (lambda g: g.batch_to_space(f32(g, 4, 4), [1], 0, [0]), "size 0"),
    # images
    "sizes of an image": (
        lambda g: g.resize_bilinear(f32(g, 1, 2, 3, 4), [5], layout=NHWC),
        "'size' has 1.*height and width",
    ),
    "size of every axis": (lambda g: g.resize_bilinear(f32(g, 2, 3), [5]), "'size' has 1.*2, 3"),
    "image of nothing": (lambda g: g.resize_bilinear(f32(g, 0), [5]), "axis 0.*empty"),
    "layout of weights": (
        lambda g: g.resize_bilinear(f32(g, 2, 3), [5, 5], layout=TensorNamedDataLayout.OIHW),
        "layout",
    ),
    "layout rank": (lambda g: g.resize_bilinear(f32(g, 2, 3), [5, 5], layout=NHWC), "rank 4"),
    "mixed integers": (
        lambda g: g.resize(i32(g, 2, 3), [5, 5], ResizeMode.BILINEAR),
        "BILINEAR.*int32",
    ),
    "scale alone": (
        lambda g: g.resize_bilinear(f32(g, 2, 3), [5, 5], scale=f32(g, 2)),
        "scale.*offset",
    ),
    "scale of the layout": (
        lambda g: g.resize_bilinear(f32(g, 2, 3), [5, 5], scale_offset=f32(g, 4)),
        "scale_offset.*layout",
    ),
    "scales too few": (
        lambda g: g.resize_bilinear(f32(g, 2, 3), [5, 5], scale=f32(g, 3), offset=f32(g, 3)),
        "'scale' has 3.*2",
    ),
    "gradient of another batch": (
        lambda g: g.resize_bilinear_gradient(f32(g, 2, 4, 4, 3), f32(g, 1, 2, 2, 3), layout=NHWC),
        "2, 4, 4, 3.*1, 2, 2, 3",
    ),
    "three coordinates": (
        lambda g: g.sample_grid(f32(g, 1, 3, 3, 1), f32(g, 1, 2, 2, 3), NHWC),
        "x and y",
    ),
    "grid of another batch": (
        lambda g: g.sample_grid(f32(g, 1, 3, 3, 1), f32(g, 2, 2, 2, 2), NHWC),
        "numbers of images",
    ),
    "grid of no image": (
        lambda g: g.sample_grid(
            f32(g, 1, 0, 3, 1), f32(g, 1, 2, 2, 2), NHWC, padding_mode=PaddingMode.REFLECT
        ),
        "no pixel",
    ),
    "anti-periodic image": (
        lambda g: g.sample_grid(
            f32(g, 1, 3, 3, 1), f32(g, 1, 2, 2, 2), NHWC, padding_mode=PaddingMode.ANTI_PERIODIC
        ),
        "ANTI_PERIODIC",
    ),
    "column of a small image": (
        lambda g: g.im_to_col(
            f32(g, 1, 1, 2, 2), ImToColOpDescriptor(kernel_width=3, kernel_height=1)
        ),
        "window of 3.*axis 3",
    ),
    "columns of another image": (
        lambda g: g.col_to_im(
            f32(g, 1, 4, 5), [1, 1, 3, 3], ImToColOpDescriptor(kernel_width=2, kernel_height=2)
        ),
        "1, 4, 5.*1, 4, 4",
    ),
    "stencil of rank 3": (
        lambda g: g.stencil(f32(g, 2, 2, 2), f32(g, 1, 1, 1, 1), StencilOpDescriptor()),
        "ranks of 4 to 12",
    ),
    "stencil weights": (
        lambda g: g.stencil(f32(g, 1, 2, 2, 2), f32(g, 1, 1), StencilOpDescriptor()),
        "rank 4",
    ),
    "stencil too large": (
        lambda g: g.stencil(f32(g, 1, 2, 2, 2), f32(g, 1, 1, 1, 3), StencilOpDescriptor()),
        "does not fit into axis 3",
    ),
    "stencil strides": (
        lambda g: g.stencil(
            f32(g, 1, 2, 2, 2), f32(g, 1, 1, 1, 1), StencilOpDescriptor(strides=(1, 1))
        ),
        "strides.*2.*4",
    ),
    "stencil stride 0": (
        lambda g: g.stencil(
            f32(g, 1, 2, 2, 2), f32(g, 1, 1, 1, 1), StencilOpDescriptor(strides=(1, 1, 0, 1))
        ),
        "strides.*0",
    ),
    # sizes that follow from data
    "suppression of triples": (
        lambda g: g.non_maximum_suppression(f32(g, 1, 5, 3), f32(g, 1, 5, 2), 0.5, 0.1),
        "4 numbers",
    ),
    "scores of other boxes": (
        lambda g: g.non_maximum_suppression(f32(g, 1, 5, 4), f32(g, 1, 6, 2), 0.5, 0.1),
        "boxes and the scores.*5.*6",
    ),
    "more than all of it": (
        lambda g: g.non_maximum_suppression(f32(g, 1, 5, 4), f32(g, 1, 5, 2), 1.5, 0.1),
        "iou_threshold",
    ),
    # sizes
    "huge": (lambda g: g.placeholder([2**40, 2**40]), "elements|large|size"),
    "huge broadcast": (lambda g: g.broadcast(f32(g), [2**31, 2**31, 2**31]), "elements|large|size"),
    "huge tile": (lambda g: g.tile(f32(g, 2**30), 2**40), "large|elements|size"),
    "huge pad": (lambda g: g.pad(f32(g, 2), PaddingMode.ZERO, 2**62, 2**62), "large|elements|size"),
    "beyond 64 bits": (lambda g: g.placeholder([2**64]), "64 bits"),
    "negative placeholder": (lambda g: g.placeholder([-2]), "-2"),
    # control flow
    "branches": (
        lambda g: g.if_else(g.constant(True), lambda: f32(g, 2), lambda: [f32(g, 2)] * 2),
        "1.*2",
    ),
    "branch types": (
        lambda g: g.if_else(g.constant(True), lambda: f32(g, 2) + 1.0, lambda: i32(g, 2) + 1),
        "float32.*int32|type",
    ),
    "vector predicate": (
        lambda g: g.if_else(g.constant([True, False]), lambda: f32(g), lambda: f32(g)),
        "scalar|predicate",
    ),
    "one branch": (lambda g: g.if_else(g.constant(True), lambda: f32(g) + 1.0), "else_block"),
    "carried type": (
        lambda g: g.for_loop(
            [f32(g)], lambda i, a: [g.cast(a[0], mpsg.int32)], number_of_iterations=2
        ),
        "float32.*int32|type",
    ),
    "carried shape": (
        lambda g: g.for_loop(
            [f32(g, 2)], lambda i, a: [g.concat([a[0], a[0]], 0)], number_of_iterations=2
        ),
        "shape|2.*4",
    ),
    "carried number": (
        lambda g: g.for_loop([f32(g)], lambda i, a: [], number_of_iterations=2),
        "1|0",
    ),
    "no bounds": (lambda g: g.for_loop([f32(g)], lambda i, a: a), "number_of_iterations"),
    "both bounds": (
        lambda g: g.for_loop([f32(g)], lambda i, a: a, number_of_iterations=2, upper_bound=3),
        "number_of_iterations",
    ),
    "predicate first": (
        lambda g: g.while_loop([f32(g)], lambda a: (a[0], a), lambda a: a),
        "bool|predicate",
    ),
    "not a variable": (lambda g: g.assign(f32(g), f32(g)), "variable"),
    "read of no variable": (lambda g: g.read(f32(g)), "variable"),
}


PYTHON_ERRORS: dict[str, tuple[Action, type[Exception] | tuple[type[Exception], ...]]] = {
    "no argument": (lambda g: g.exponent(), TypeError),
    "too many": (lambda g: g.exponent(f32(g), "name", 3), TypeError),
    "unknown keyword": (lambda g: g.exponent(f32(g), axis=1), TypeError),
    "given twice": (lambda g: g.softmax(f32(g, 2), 0, axis=0), TypeError),
    "None": (lambda g: g.exponent(None), (TypeError, mpsg.GraphError)),
    "a string": (lambda g: g.exponent("x"), mpsg.GraphError),
    "an object": (lambda g: g.addition(f32(g), object()), mpsg.GraphError),
    "array of objects": (lambda g: g.constant(np.array([object()])), mpsg.GraphError),
    "ragged": (lambda g: g.constant([[1], [2, 3]]), mpsg.GraphError),
    "axis a string": (lambda g: g.softmax(f32(g, 2), "0"), mpsg.GraphError),
    "axis a float": (lambda g: g.softmax(f32(g, 2), 0.5), mpsg.GraphError),
    "axis a bool": (lambda g: g.softmax(f32(g, 2), True), mpsg.GraphError),
    "axis a list": (lambda g: g.softmax(f32(g, 2), [0]), mpsg.GraphError),
    "axis None": (lambda g: g.softmax(f32(g, 2), None), mpsg.GraphError),
    "axes of floats": (lambda g: g.reduction_sum(f32(g, 2), [0.0]), mpsg.GraphError),
    "axes a dict": (lambda g: g.reduction_sum(f32(g, 2), {0: 1}), mpsg.GraphError),
    "not a dtype": (lambda g: g.cast(f32(g), "float31"), TypeError),
    "dtype None": (lambda g: g.cast(f32(g), None), (TypeError, mpsg.GraphError)),
    "a dtype that is not there": (lambda g: g.cast(f32(g), np.complex128), TypeError),
    "no descriptor": (lambda g: g.max_pooling_2d(f32(g, 1, 1, 2, 2), None), mpsg.GraphError),
    "another descriptor": (
        lambda g: g.max_pooling_2d(f32(g, 1, 1, 2, 2), Convolution()),
        mpsg.GraphError,
    ),
    "a field of another type": (
        lambda g: g.max_pooling_2d(f32(g, 1, 1, 2, 2), window("2")),
        mpsg.GraphError,
    ),
    "block": (lambda g: g.if_else(g.constant(True), 3, 4), mpsg.GraphError),
    "block returns text": (
        lambda g: g.if_else(g.constant(True), lambda: "x", lambda: "y"),
        mpsg.GraphError,
    ),
    "block returns numbers": (
        lambda g: g.for_loop([f32(g)], lambda i, a: [1.0], number_of_iterations=1),
        mpsg.GraphError,
    ),
    "block takes nothing": (
        lambda g: g.for_loop([f32(g)], lambda: [], number_of_iterations=1),
        TypeError,
    ),
    "block raises": (
        lambda g: g.for_loop([f32(g)], lambda i, a: 1 / 0, number_of_iterations=1),
        ZeroDivisionError,
    ),
    "one tensor for a list": (lambda g: g.concat(f32(g, 2), 0), mpsg.GraphError),
    "a list with None": (lambda g: g.concat([f32(g, 2), None], 0), mpsg.GraphError),
    "name a number": (lambda g: g.exponent(f32(g), name=3), TypeError),
    "shape a string": (lambda g: g.placeholder("23"), mpsg.GraphError),
    "shape of floats": (lambda g: g.placeholder([2.0]), mpsg.GraphError),
    "bool(t)": (lambda g: bool(f32(g) < 1.0), TypeError),
    "iter(t)": (lambda g: list(f32(g, 3)), TypeError),
    "index a float": (lambda g: f32(g, 3)[1.0], TypeError),
    "index an array": (lambda g: f32(g, 3)[[1]], TypeError),
    "index outside": (lambda g: f32(g, 3)[3], IndexError),
    "too many indices": (lambda g: f32(g, 3)[0, 0], IndexError),
    "two ellipses": (lambda g: f32(g, 3)[..., ...], IndexError),
    "step 0": (lambda g: f32(g, 3)[::0], ValueError),
    "setting shape": (lambda g: setattr(f32(g), "shape", [1]), AttributeError),
    "no graph": (lambda g: mpsg.Graph.exponent(None, f32(g)), TypeError),
    "gradients of a list": (lambda g: g.gradients([f32(g)], [f32(g)]), TypeError),
    "gradients of integers": (lambda g: g.gradients(i32(g), [f32(g)]), mpsg.GraphError),
    "gradients to integers": (lambda g: g.gradients(f32(g), [i32(g)]), mpsg.GraphError),
    "unconnected": (lambda g: g.gradients(f32(g), [f32(g)]), mpsg.GraphError),
    "unconnected what": (
        lambda g: g.gradients(f32(g), [f32(g)], unconnected="one"),
        mpsg.GraphError,
    ),
    "from_json": (lambda g: mpsg.Graph.from_json("{"), mpsg.PackageError),
    "from_json number": (lambda g: mpsg.Graph.from_json(3), TypeError),
    "device": (lambda g: g.run({}, [g.constant(1)], device="abacus"), mpsg.Error),
    "device a number": (lambda g: g.run({}, [g.constant(1)], device=3), (TypeError, mpsg.Error)),
}
