"""Wrong calls of convolutions, poolings, images, normalization and recurrent layers."""

from __future__ import annotations

import mpsg
from mistakes.items import I, Mistakes, T
from mpsg import PaddingMode, PaddingStyle, PoolingReturnIndicesMode
from mpsg import TensorNamedDataLayout as Layout

CONVOLUTION = mpsg.Convolution2DOpDescriptor
WINDOWS: dict[str, Mistakes] = {
    "convolution_2d": [
        ({"source": T(2, 4, 4)}, "source.*rank 4"),
        ({"weights": T(3, 5, 2, 2)}, "5|2 channels"),
        ({"weights": T(3, 2, 9, 9)}, "9"),
        ({"weights": T(2, 2)}, "weights.*rank 4"),
        ({"descriptor": CONVOLUTION(stride_in_x=0)}, "stride_in_x.*0"),
        ({"descriptor": CONVOLUTION(groups=3)}, "groups.*3|3 groups"),
        ({"descriptor": CONVOLUTION(dilation_rate_in_y=-1)}, "dilation_rate_in_y.*-1"),
        ({"descriptor": CONVOLUTION(padding_left=-1)}, "padding_left.*-1"),
        ({"descriptor": CONVOLUTION(data_layout=Layout.HW)}, "data_layout.*NCHW"),
        ({"descriptor": CONVOLUTION(weights_layout=Layout.NCHW)}, "weights_layout.*OIHW"),
        (
            {"descriptor": CONVOLUTION(padding_style=PaddingStyle.EXPLICIT_OFFSET)},
            "EXPLICIT_OFFSET|padding_style",
        ),
        ({"descriptor": CONVOLUTION(padding_left=2**31)}, "padding_left"),
        ({"descriptor": mpsg.Convolution3DOpDescriptor()}, "descriptor.*Convolution2DOpDescriptor"),
        ({"weights": T(3, 2, 0, 2)}, "no elements along y"),
    ],
    "convolution_2d_data_gradient": [
        ({"output_shape": [1, 2, 9, 9]}, "9"),
        ({"output_shape": [4, 4]}, "4, 4.*rank 4"),
        ({"output_shape": [1, 5, 4, 4]}, "5"),
        ({"incoming_gradient": T(1, 4, 3, 3)}, "4|3"),
    ],
    "convolution_2d_weights_gradient": [
        ({"output_shape": [3, 2, 9, 9]}, "9"),
        ({"output_shape": [3, 5, 2, 2]}, "5"),
        ({"incoming_gradient": T(2, 3, 3, 3)}, "2|1"),
    ],
    "convolution_transpose_2d": [
        ({"output_shape": [1, 2, 9, 9]}, "9"),
        ({"source": T(1, 2, 3, 3)}, "channels|3.*2|2.*3"),
        ({"output_shape": [1, 2, 4]}, "output_shape|rank"),
    ],
    "convolution_transpose_2d_data_gradient": [({"output_shape": [1, 3, 7, 7]}, "7")],
    "convolution_transpose_2d_weights_gradient": [({"output_shape": [3, 2, 7, 7]}, "7")],
    "convolution_3d": [
        ({"source": T(1, 2, 3, 3)}, "source.*rank 5"),
        ({"weights": T(2, 3, 2, 2, 2)}, "channels|3|2"),
        ({"weights": T(2, 2, 5, 2, 2)}, "5"),
        ({"descriptor": mpsg.Convolution3DOpDescriptor(groups=5)}, "5 groups"),
        ({"descriptor": mpsg.Convolution3DOpDescriptor(stride_in_z=0)}, "stride_in_z.*0"),
        ({"descriptor": mpsg.Convolution3DOpDescriptor(data_layout=Layout.NCHW)}, "NCDHW"),
    ],
    "convolution_3d_data_gradient": [({"output_shape": [1, 2, 9, 3, 3]}, "9")],
    "convolution_3d_weights_gradient": [({"output_shape": [2, 2, 9, 2, 2]}, "9")],
    "depthwise_convolution_2d": [
        ({"weights": T(1, 3, 2, 2)}, "2 channels.*for 3"),
        ({"source": T(2, 4, 4)}, "rank 4"),
        ({"weights": T(1, 2, 9, 2)}, "9"),
    ],
    "depthwise_convolution_2d_data_gradient": [({"output_shape": [1, 2, 9, 4]}, "9")],
    "depthwise_convolution_2d_weights_gradient": [({"output_shape": [1, 2, 9, 2]}, "9")],
    "depthwise_convolution_3d": [
        ({"weights": T(3, 2, 2, 2)}, "channels"),
        ({"source": T(3, 3, 3)}, "rank|four|4"),
        (
            {"descriptor": mpsg.DepthwiseConvolution3DOpDescriptor(strides=(1, 1))},
            "strides.*2 numbers.*3",
        ),
        (
            {"descriptor": mpsg.DepthwiseConvolution3DOpDescriptor(channel_dimension_index=0)},
            "channel_dimension_index.*0",
        ),
    ],
    "depthwise_convolution_3d_data_gradient": [({"output_shape": [2, 9, 3, 3]}, "9")],
    "depthwise_convolution_3d_weights_gradient": [({"output_shape": [2, 9, 2, 2]}, "9")],
}
POOL = mpsg.Pooling2DOpDescriptor
for _row in ("max_pooling_2d", "avg_pooling_2d"):
    WINDOWS[_row] = [
        ({"source": T(4, 4)}, "source.*rank 4"),
        ({"descriptor": POOL(kernel_width=9, kernel_height=1)}, "9.*4|4.*9"),
        ({"descriptor": POOL(kernel_width=0, kernel_height=1)}, "kernel_width.*0"),
        ({"descriptor": POOL(kernel_width=2, kernel_height=2, stride_in_y=0)}, "stride_in_y.*0"),
        ({"descriptor": POOL(kernel_width=2, kernel_height=2, data_layout=Layout.OIHW)}, "NCHW"),
        ({"descriptor": POOL(kernel_width="2", kernel_height=2)}, "kernel_width.*int"),
        ({"descriptor": POOL(kernel_width=2, kernel_height=2, ceil_mode="yes")}, "ceil_mode.*bool"),
    ]
    WINDOWS[f"{_row}_gradient"] = [({"gradient": T(1, 2, 4, 4)}, "1, 2, 4, 4.*1, 2, 3, 3")]
POOL_4D = mpsg.Pooling4DOpDescriptor
for _row in ("max_pooling_4d", "avg_pooling_4d", "l2_norm_pooling_4d"):
    WINDOWS[_row] = [
        ({"source": T(2, 4, 4)}, "rank 4|four|last 4"),
        ({"descriptor": POOL_4D(kernel_sizes=(1, 1, 9, 1))}, "9"),
        ({"descriptor": POOL_4D(kernel_sizes=(1, 1, 1))}, "kernel_sizes.*4"),
        ({"descriptor": POOL_4D(kernel_sizes=(1, 1, 1, 1), strides=(1, 1, 0, 1))}, "strides.*0"),
        (
            {"descriptor": POOL_4D(kernel_sizes=(1, 1, 1, 1), padding_values=(1, 2))},
            "padding_values",
        ),
    ]
    WINDOWS[f"{_row}_gradient"] = [({"gradient": T(1, 2, 4, 4)}, "1, 2, 4, 4.*1, 2, 3, 3")]
WINDOWS["max_pooling_2d_gradient"] += [
    ({"source": None}, "source.*indices"),
    ({"source": None, "indices": I(1, 2, 3, 3)}, "output_shape"),
]
WINDOWS["max_pooling_4d_gradient"] += [({"source": None}, "source.*indices")]
WINDOWS |= {
    "max_pooling_2d_return_indices": [
        ({"descriptor": POOL(kernel_width=2, kernel_height=2)}, "return_indices_mode.*NONE|NONE"),
        (
            {
                "descriptor": POOL(
                    kernel_width=2,
                    kernel_height=2,
                    return_indices_mode=PoolingReturnIndicesMode.LOCAL_FLATTEN_2D,
                    return_indices_data_type="int64",
                )
            },
            "int32, not int64",
        ),
    ],
    "max_pooling_4d_return_indices": [
        ({"descriptor": POOL_4D(kernel_sizes=(1, 1, 2, 2))}, "NONE"),
    ],
    "im_to_col": [
        ({"source": T(4, 4)}, "rank 4"),
        ({"descriptor": mpsg.ImToColOpDescriptor(kernel_width=9, kernel_height=1)}, "9"),
        (
            {
                "descriptor": mpsg.ImToColOpDescriptor(
                    kernel_width=1, kernel_height=1, data_layout=Layout.CHW
                )
            },
            "NCHW",
        ),
    ],
    "col_to_im": [
        ({"source": T(1, 8, 4)}, "1, 8, 4.*1, 8, 9"),
        ({"output_shape": [4, 4]}, "output_shape"),
    ],
    "stencil": [
        ({"weights": T(2, 2)}, "weights.*rank 4"),
        ({"source": T(4, 4)}, "source.*rank|four"),
        ({"weights": T(1, 1, 9, 9)}, "9"),
        ({"descriptor": mpsg.StencilOpDescriptor(strides=(1, 1))}, "strides.*4"),
        ({"descriptor": mpsg.StencilOpDescriptor(offsets=(1, 1, 1))}, "offsets"),
    ],
    "resize": [
        ({"size": [3, 3, 3]}, "size.*3"),
        ({"size": [-1, 3]}, "size.*-1"),
        ({"mode": 7}, "mode.*NEAREST.*BILINEAR"),
        ({"images": T(3, 3), "layout": Layout.NHWC}, "rank"),
        ({"layout": Layout.OIHW, "size": [3, 3]}, "layout.*NHWC"),
        ({"scale": T(2)}, "scale.*offset"),
        ({"images": I(1, 2, 2, 1), "mode": 1}, "int32"),
    ],
    "resize_bilinear": [({"images": I(1, 2, 2, 1)}, "int32.*supported"), ({"size": 3}, "size")],
    "resize_nearest": [({"nearest_rounding_mode": 9}, "nearest_rounding_mode.*CEIL")],
    "resize_gradient": [({"gradient": T(1, 3, 3)}, "rank")],
    "resize_bilinear_gradient": [({"gradient": T(3, 3)}, "rank")],
    "resize_nearest_gradient": [({"gradient": T(3, 3)}, "rank")],
    "sample_grid": [
        ({"coordinates": T(1, 3, 3, 3)}, "coordinates.*two numbers"),
        ({"coordinates": T(2, 3, 3, 2)}, "2.*1|1.*2"),
        ({"source": T(2, 2)}, "source.*rank 4"),
        ({"layout": Layout.HWC}, "layout.*NHWC"),
        ({"padding_mode": PaddingMode.ANTI_PERIODIC}, "ANTI_PERIODIC"),
        ({"source": I(1, 2, 2, 1), "sampling_mode": 1}, "int32"),
    ],
    # Layers
    "normalization": [
        ({"mean": T(2, 2)}, "mean|2, 2"),
        ({"variance": T(5)}, "variance|5"),
        ({"gamma": T(4)}, "gamma|4"),
        ({"beta": I(3)}, "beta.*int32|float32.*int32"),
        ({"epsilon": None}, "epsilon"),
        ({"epsilon": "small"}, "epsilon.*number"),
    ],
    "normalization_gamma_gradient": [
        ({"incoming_gradient": T(3, 3)}, "3, 3"),
        ({"axes": [5]}, "axes.*5"),
    ],
    "normalization_beta_gradient": [
        ({"incoming_gradient": T(3, 3)}, "3, 3"),
        ({"axes": [5]}, "axes.*5"),
    ],
    "normalization_gradient": [
        ({"incoming_gradient": T(3, 3)}, "3, 3"),
        ({"axes": [5]}, "axes.*5"),
    ],
    "softmax_cross_entropy": [
        ({"labels": T(3, 2)}, "3, 2.*2, 3|2, 3.*3, 2"),
        ({"labels": I(2, 3)}, "labels.*int32; supported: float16"),
        ({"axis": 2}, "axis.*2.*rank 2"),
        ({"reduction_type": "AVERAGE"}, "reduction_type.*MEAN"),
    ],
    "softmax_cross_entropy_gradient": [
        ({"gradient": T(2, 3)}, "2, 3"),
        ({"labels": T(3, 2)}, "3, 2"),
    ],
    "single_gate_rnn": [
        ({"source": T(2, 2)}, "source.*rank 3|rank 3"),
        ({"recurrent_weight": T(3, 2)}, "3, 2"),
        ({"init_state": T(3, 2)}, "init_state.*3, 2"),
        ({"input_weight": T(2, 5)}, "input_weight.*2, 5"),
        ({"bias": T(3)}, "bias.*3"),
        ({"mask": T(7, 7)}, "7, 7"),
    ],
    "single_gate_rnn_gradients": [({"z_state": T(2, 1, 3)}, "z_state.*2, 1, 3")],
    "lstm": [
        ({"recurrent_weight": T(6, 2)}, "6, 2.*4"),
        ({"init_cell": T(1, 3)}, "init_cell"),
        ({"peephole": T(5)}, "peephole"),
        ({"descriptor": mpsg.LSTMDescriptor(activation=9)}, "activation.*SIGMOID"),
        ({"descriptor": mpsg.GRUDescriptor()}, "LSTMDescriptor"),
    ],
    "lstm_gradients": [({"cell_output_fwd": T(2, 1, 3)}, "cell_output_fwd.*2, 1, 3")],
    "gru": [
        ({"recurrent_weight": T(4, 2)}, "4, 2.*3"),
        ({"secondary_bias": T(2)}, "reset_after"),
        ({"init_state": T(2)}, "init_state"),
    ],
    "gru_gradients": [({"output_fwd": T(2, 1, 3)}, "output_fwd.*2, 1, 3")],
    "quantize": [
        ({"data_type": "float32"}, "integer type"),
        ({"scale": T(3)}, "scale.*axis|3"),
        ({"axis": 5, "scale": T(3)}, "axis.*5"),
        ({"tensor": I(2, 3)}, "int32.*supported"),
    ],
    "dequantize": [
        ({"scale": None}, "scale.*lut"),
        ({"lut": T(8)}, "lut.*without|scale"),
        ({"tensor": T(2, 3)}, "float32.*supported"),
        ({"data_type": "int32"}, "floating-point type, not int32"),
        ({"scale": T(5)}, "5"),
    ],
}
