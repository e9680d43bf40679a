// Enumerations and descriptors of Apple's API, with Apple's numbers.
#pragma once

#include <span>

#include "graph/op_schema.h"

namespace mpsg::ops {

// As C++ values, for rows.
enum class PaddingStyle : int64_t { EXPLICIT, TF_VALID, TF_SAME, EXPLICIT_OFFSET, ONNX_SAME_LOWER };
enum class TensorNamedDataLayout : int64_t {
  NCHW,
  NHWC,
  OIHW,
  HWIO,
  CHW,
  HWC,
  HW,
  NCDHW,
  NDHWC,
  OIDHW,
  DHWIO
};
enum class PaddingMode : int64_t {
  CONSTANT,
  REFLECT,
  SYMMETRIC,
  CLAMP_TO_EDGE,
  ZERO,
  PERIODIC,
  ANTI_PERIODIC
};
enum class LossReductionType : int64_t { NONE, SUM, MEAN };
enum class PoolingReturnIndicesMode : int64_t {
  NONE,
  GLOBAL_FLATTEN_1D,
  GLOBAL_FLATTEN_2D,
  GLOBAL_FLATTEN_3D,
  GLOBAL_FLATTEN_4D,
  LOCAL_FLATTEN_1D,
  LOCAL_FLATTEN_2D,
  LOCAL_FLATTEN_3D,
  LOCAL_FLATTEN_4D
};
enum class RandomDistribution : int64_t { UNIFORM, NORMAL, TRUNCATED_NORMAL };
enum class RandomNormalSamplingMethod : int64_t { INV_CDF, BOX_MULLER };
enum class RNNActivation : int64_t { NONE, RELU, TANH, SIGMOID, HARD_SIGMOID };
enum class FFTScalingMode : int64_t { NONE, SIZE, UNITARY };
enum class SparseStorageType : int64_t { COO, CSC, CSR };
enum class ScatterMode : int64_t { ADD, SUB, MUL, DIV, MIN, MAX, SET };
enum class ResizeMode : int64_t { NEAREST, BILINEAR };
enum class ResizeNearestRoundingMode : int64_t {
  ROUND_PREFER_CEIL,
  ROUND_PREFER_FLOOR,
  CEIL,
  FLOOR,
  ROUND_TO_EVEN,
  ROUND_TO_ODD
};
enum class ReductionMode : int64_t { MIN, MAX, SUM, PRODUCT, ARGUMENT_MIN, ARGUMENT_MAX };
enum class NonMaximumSuppressionCoordinateMode : int64_t {
  CORNERS_HEIGHT_FIRST,
  CORNERS_WIDTH_FIRST,
  CENTERS_HEIGHT_FIRST,
  CENTERS_WIDTH_FIRST
};

// As data, for the bindings, the generated files and the checks.
extern const EnumType padding_style;
extern const EnumType tensor_named_data_layout;
extern const EnumType padding_mode;
extern const EnumType loss_reduction_type;
extern const EnumType pooling_return_indices_mode;
extern const EnumType random_distribution;
extern const EnumType random_normal_sampling_method;
extern const EnumType scatter_mode;
extern const EnumType rnn_activation;
extern const EnumType fft_scaling_mode;
extern const EnumType sparse_storage_type;
extern const EnumType resize_mode;
extern const EnumType resize_nearest_rounding_mode;
extern const EnumType reduction_mode;
extern const EnumType non_maximum_suppression_coordinate_mode;

const DescriptorType& convolution_2d_descriptor();
const DescriptorType& convolution_3d_descriptor();
const DescriptorType& depthwise_convolution_2d_descriptor();
const DescriptorType& depthwise_convolution_3d_descriptor();
const DescriptorType& pooling_4d_descriptor();
const DescriptorType& create_sparse_descriptor();
const DescriptorType& pooling_2d_descriptor();
const DescriptorType& random_descriptor();
const DescriptorType& single_gate_rnn_descriptor();
const DescriptorType& lstm_descriptor();
const DescriptorType& gru_descriptor();
const DescriptorType& fft_descriptor();
const DescriptorType& stencil_descriptor();
const DescriptorType& im_to_col_descriptor();

std::span<const EnumType* const> all_enums();
std::span<const DescriptorType* const> all_descriptors();

}  // namespace mpsg::ops
