#include "ops/enums.h"

namespace mpsg::ops {

const EnumType padding_style{
    "PaddingStyle",
    {{"EXPLICIT", 0},
     {"TF_VALID", 1},
     {"TF_SAME", 2},
     {"EXPLICIT_OFFSET", 3},
     {"ONNX_SAME_LOWER", 4}},
    "How a window is padded: by the descriptor's numbers, not at all, or so that the output has "
    "ceil(input / stride) elements, the odd one at the end (TF_SAME) or the beginning "
    "(ONNX_SAME_LOWER)."};

const EnumType tensor_named_data_layout{"TensorNamedDataLayout",
                                        {{"NCHW", 0},
                                         {"NHWC", 1},
                                         {"OIHW", 2},
                                         {"HWIO", 3},
                                         {"CHW", 4},
                                         {"HWC", 5},
                                         {"HW", 6},
                                         {"NCDHW", 7},
                                         {"NDHWC", 8},
                                         {"OIDHW", 9},
                                         {"DHWIO", 10}},
                                        "The order of a tensor's dimensions, outermost first."};

const EnumType padding_mode{
    "PaddingMode",
    {{"CONSTANT", 0},
     {"REFLECT", 1},
     {"SYMMETRIC", 2},
     {"CLAMP_TO_EDGE", 3},
     {"ZERO", 4},
     {"PERIODIC", 5},
     {"ANTI_PERIODIC", 6}},
    "What stands outside a tensor: a constant; the mirror image without (REFLECT) or with "
    "(SYMMETRIC) the edge; the edge; zero; the tensor repeated, or repeated with alternating "
    "sign."};

const EnumType loss_reduction_type{"LossReductionType",
                                   {{"NONE", 0}, {"SUM", 1}, {"MEAN", 2}},
                                   "How the losses of a batch become one number, if they do."};

const EnumType pooling_return_indices_mode{
    "PoolingReturnIndicesMode",
    {{"NONE", 0},
     {"GLOBAL_FLATTEN_1D", 1},
     {"GLOBAL_FLATTEN_2D", 2},
     {"GLOBAL_FLATTEN_3D", 3},
     {"GLOBAL_FLATTEN_4D", 4},
     {"LOCAL_FLATTEN_1D", 5},
     {"LOCAL_FLATTEN_2D", 6},
     {"LOCAL_FLATTEN_3D", 7},
     {"LOCAL_FLATTEN_4D", 8}},
    "What an index of a maximum counts: elements of the last 1 to 4 dimensions of the source "
    "(GLOBAL) or of the window (LOCAL)."};

const EnumType random_distribution{
    "RandomDistribution",
    {{"UNIFORM", 0}, {"NORMAL", 1}, {"TRUNCATED_NORMAL", 2}},
    "Uniform over [min, max); normal; normal restricted to [min, max]."};

const EnumType random_normal_sampling_method{
    "RandomNormalSamplingMethod",
    {{"INV_CDF", 0}, {"BOX_MULLER", 1}},
    "How uniform bits become normal numbers: by the inverse error function, or Box and Muller's."};

const EnumType scatter_mode{
    "ScatterMode",
    {{"ADD", 0}, {"SUB", 1}, {"MUL", 2}, {"DIV", 3}, {"MIN", 4}, {"MAX", 5}, {"SET", 6}},
    "How an update and what is at its place become one: sum, difference, product, quotient, the "
    "smaller, the larger, the update."};

const EnumType rnn_activation{
    "RNNActivation",
    {{"NONE", 0}, {"RELU", 1}, {"TANH", 2}, {"SIGMOID", 3}, {"HARD_SIGMOID", 4}},
    "An activation of a recurrent layer: x; max(x, 0); tanh(x); 1 / (1 + exp(-x)); or 0.2 * x + "
    "0.5 between 0 and 1."};

const EnumType fft_scaling_mode{
    "FFTScalingMode",
    {{"NONE", 0}, {"SIZE", 1}, {"UNITARY", 2}},
    "What a Fourier transform of n elements is multiplied by: 1, 1 / n, or 1 / sqrt(n)."};

const EnumType sparse_storage_type{
    "SparseStorageType",
    {{"COO", 0}, {"CSC", 1}, {"CSR", 2}},
    "How a sparse matrix is stored: the row and the column of every value (COO), or the values "
    "column by column (CSC) or row by row (CSR) with where each column or row begins."};

const EnumType resize_mode{
    "ResizeMode",
    {{"NEAREST", 0}, {"BILINEAR", 1}},
    "What stands between pixels: the nearest one, or a mixture by the distances."};

const EnumType resize_nearest_rounding_mode{
    "ResizeNearestRoundingMode",
    {{"ROUND_PREFER_CEIL", 0},
     {"ROUND_PREFER_FLOOR", 1},
     {"CEIL", 2},
     {"FLOOR", 3},
     {"ROUND_TO_EVEN", 4},
     {"ROUND_TO_ODD", 5}},
    "Which pixel is the nearest: the next one, and of two that are equally near the later, the "
    "earlier, the even or the odd one; or always the later (CEIL) or the earlier (FLOOR)."};

const EnumType reduction_mode{
    "ReductionMode",
    {{"MIN", 0}, {"MAX", 1}, {"SUM", 2}, {"PRODUCT", 3}, {"ARGUMENT_MIN", 4}, {"ARGUMENT_MAX", 5}},
    "What a window becomes: its least or largest element, the sum or product of all, or the place "
    "of the least or largest in the window."};

const EnumType non_maximum_suppression_coordinate_mode{
    "NonMaximumSuppressionCoordinateMode",
    {{"CORNERS_HEIGHT_FIRST", 0},
     {"CORNERS_WIDTH_FIRST", 1},
     {"CENTERS_HEIGHT_FIRST", 2},
     {"CENTERS_WIDTH_FIRST", 3}},
    "The four numbers of a box: two opposite corners, [y, x, y, x] or [x, y, x, y]; or the center "
    "and the size, [y, x, height, width] or [x, y, width, height]."};

namespace {

constexpr double largest_size = 1 << 30;

AttributeSpec size(std::string name, int64_t default_value, double least) {
  return in_range(integer_attribute(std::move(name), default_value), least, largest_size);
}

/// `count` numbers, all `default_value` unless given; the rows check them.
AttributeSpec sizes(std::string name, size_t count, int64_t default_value) {
  auto spec = integers_attribute(std::move(name));
  spec.default_value = AttributeValue(std::vector<int64_t>(count, default_value));
  return spec;
}

AttributeSpec required_size(std::string name) {
  return in_range(integer_attribute(std::move(name)), 1, largest_size);
}

}  // namespace

const DescriptorType& convolution_2d_descriptor() {
  static const DescriptorType type{
      "Convolution2DOpDescriptor",
      {size("stride_in_x", 1, 1), size("stride_in_y", 1, 1), size("dilation_rate_in_x", 1, 1),
       size("dilation_rate_in_y", 1, 1), size("groups", 1, 1), size("padding_left", 0, 0),
       size("padding_right", 0, 0), size("padding_top", 0, 0), size("padding_bottom", 0, 0),
       enum_attribute("padding_style", padding_style, 0),
       enum_attribute("data_layout", tensor_named_data_layout, 0),
       enum_attribute("weights_layout", tensor_named_data_layout, 2)},
      "Strides, dilation, groups, padding and layouts of a 2D convolution "
      "(MPSGraphConvolution2DOpDescriptor). The paddings count with PaddingStyle.EXPLICIT only."};
  return type;
}

const DescriptorType& depthwise_convolution_2d_descriptor() {
  static const DescriptorType type{
      "DepthwiseConvolution2DOpDescriptor",
      {size("stride_in_x", 1, 1), size("stride_in_y", 1, 1), size("dilation_rate_in_x", 1, 1),
       size("dilation_rate_in_y", 1, 1), size("padding_left", 0, 0), size("padding_right", 0, 0),
       size("padding_top", 0, 0), size("padding_bottom", 0, 0),
       enum_attribute("padding_style", padding_style, 0),
       enum_attribute("data_layout", tensor_named_data_layout, 0),
       enum_attribute("weights_layout", tensor_named_data_layout, 2)},
      "Strides, dilation, padding and layouts of a depthwise 2D convolution "
      "(MPSGraphDepthwiseConvolution2DOpDescriptor). The paddings count with "
      "PaddingStyle.EXPLICIT only."};
  return type;
}

const DescriptorType& convolution_3d_descriptor() {
  static const DescriptorType type{
      "Convolution3DOpDescriptor",
      {size("stride_in_x", 1, 1), size("stride_in_y", 1, 1), size("stride_in_z", 1, 1),
       size("dilation_rate_in_x", 1, 1), size("dilation_rate_in_y", 1, 1),
       size("dilation_rate_in_z", 1, 1), size("groups", 1, 1), size("padding_left", 0, 0),
       size("padding_right", 0, 0), size("padding_top", 0, 0), size("padding_bottom", 0, 0),
       size("padding_front", 0, 0), size("padding_back", 0, 0),
       enum_attribute("padding_style", padding_style, 0),
       enum_attribute("data_layout", tensor_named_data_layout,
                      static_cast<int64_t>(TensorNamedDataLayout::NCDHW)),
       enum_attribute("weights_layout", tensor_named_data_layout,
                      static_cast<int64_t>(TensorNamedDataLayout::OIDHW))},
      "Strides, dilation, groups, padding and layouts of a 3D convolution "
      "(MPSGraphConvolution3DOpDescriptor). The paddings count with PaddingStyle.EXPLICIT only."};
  return type;
}

const DescriptorType& depthwise_convolution_3d_descriptor() {
  static const DescriptorType type{
      "DepthwiseConvolution3DOpDescriptor",
      {sizes("strides", 3, 1), sizes("dilation_rates", 3, 1), sizes("padding_values", 6, 0),
       enum_attribute("padding_style", padding_style, 0),
       in_range(integer_attribute("channel_dimension_index", -4), -4, -1)},
      "Strides, dilation and padding (before and after each) along the three dimensions of a "
      "depthwise 3D convolution, and which of the last four dimensions has the channels "
      "(MPSGraphDepthwiseConvolution3DOpDescriptor). The paddings count with "
      "PaddingStyle.EXPLICIT only."};
  return type;
}

const DescriptorType& pooling_4d_descriptor() {
  static const DescriptorType type{
      "Pooling4DOpDescriptor",
      {integers_attribute("kernel_sizes"), sizes("strides", 4, 1), sizes("dilation_rates", 4, 1),
       sizes("padding_values", 8, 0), enum_attribute("padding_style", padding_style, 0),
       boolean_attribute("ceil_mode", false),
       boolean_attribute("include_zero_pad_to_average", false),
       enum_attribute("return_indices_mode", pooling_return_indices_mode, 0),
       // int32 only, as Apple's.
       data_type_attribute("return_indices_data_type", DataType::int32)},
      "Window, strides, dilation and padding (before and after each) along the last four "
      "dimensions (MPSGraphPooling4DOpDescriptor). The paddings count with PaddingStyle.EXPLICIT "
      "only."};
  return type;
}

const DescriptorType& create_sparse_descriptor() {
  static const DescriptorType type{"CreateSparseOpDescriptor",
                                   {enum_attribute("sparse_storage_type", sparse_storage_type, 0),
                                    data_type_attribute("data_type", DataType::float32)},
                                   "How a sparse matrix is stored, and the type of its values "
                                   "(MPSGraphCreateSparseOpDescriptor)."};
  return type;
}

const DescriptorType& pooling_2d_descriptor() {
  static const DescriptorType type{
      "Pooling2DOpDescriptor",
      {required_size("kernel_width"), required_size("kernel_height"), size("stride_in_x", 1, 1),
       size("stride_in_y", 1, 1), size("dilation_rate_in_x", 1, 1),
       size("dilation_rate_in_y", 1, 1), size("padding_left", 0, 0), size("padding_right", 0, 0),
       size("padding_top", 0, 0), size("padding_bottom", 0, 0),
       enum_attribute("padding_style", padding_style, 0),
       enum_attribute("data_layout", tensor_named_data_layout, 0),
       enum_attribute("return_indices_mode", pooling_return_indices_mode, 0),
       // int32 only, as Apple's.
       data_type_attribute("return_indices_data_type", DataType::int32),
       boolean_attribute("ceil_mode", false),
       boolean_attribute("include_zero_pad_to_average", false)},
      "Window, strides, dilation, padding and layout of a 2D pooling "
      "(MPSGraphPooling2DOpDescriptor)."};
  return type;
}

const DescriptorType& random_descriptor() {
  static const DescriptorType type{
      "RandomOpDescriptor",
      {enum_attribute("distribution", random_distribution, 0),
       data_type_attribute("data_type", DataType::float32), real_attribute("min", 0.0),
       real_attribute("max", 1.0), integer_attribute("min_integer", 0),
       integer_attribute("max_integer", INT32_MAX), real_attribute("mean", 0.0),
       real_attribute("standard_deviation", 1.0),
       enum_attribute("sampling_method", random_normal_sampling_method, 0)},
      "Distribution, type and parameters of random numbers (MPSGraphRandomOpDescriptor). "
      "min_integer <= value < max_integer for integer types."};
  return type;
}

namespace {
AttributeSpec activation(std::string name, RNNActivation default_value) {
  return enum_attribute(std::move(name), rnn_activation, static_cast<int64_t>(default_value));
}
}  // namespace

const DescriptorType& single_gate_rnn_descriptor() {
  static const DescriptorType type{
      "SingleGateRNNDescriptor",
      {boolean_attribute("reverse", false), boolean_attribute("bidirectional", false),
       boolean_attribute("training", false), activation("activation", RNNActivation::RELU)},
      "Options of a recurrent layer with one gate (MPSGraphSingleGateRNNDescriptor): whether it "
      "goes through the sequence from its end (`reverse`) or in both directions, whether it also "
      "returns what its gradient needs (`training`), and its activation."};
  return type;
}

const DescriptorType& lstm_descriptor() {
  static const DescriptorType type{
      "LSTMDescriptor",
      {boolean_attribute("reverse", false), boolean_attribute("bidirectional", false),
       boolean_attribute("produce_cell", false), boolean_attribute("training", false),
       boolean_attribute("forget_gate_last", false),
       activation("input_gate_activation", RNNActivation::SIGMOID),
       activation("forget_gate_activation", RNNActivation::SIGMOID),
       activation("cell_gate_activation", RNNActivation::TANH),
       activation("output_gate_activation", RNNActivation::SIGMOID),
       activation("activation", RNNActivation::TANH)},
      "Options of a long short-term memory layer (MPSGraphLSTMDescriptor): its direction, whether "
      "it also returns the cells (`produce_cell`) and what its gradient needs (`training`), the "
      "order of its gates (input, forget, cell, output; with `forget_gate_last` input, cell, "
      "forget, output) and their activations; `activation` is that of the cell."};
  return type;
}

const DescriptorType& gru_descriptor() {
  static const DescriptorType type{
      "GRUDescriptor",
      {boolean_attribute("reverse", false), boolean_attribute("bidirectional", false),
       boolean_attribute("training", false), boolean_attribute("reset_gate_first", false),
       boolean_attribute("reset_after", false), boolean_attribute("flip_z", false),
       activation("update_gate_activation", RNNActivation::SIGMOID),
       activation("reset_gate_activation", RNNActivation::SIGMOID),
       activation("output_gate_activation", RNNActivation::TANH)},
      "Options of a gated recurrent unit (MPSGraphGRUDescriptor): its direction, whether it also "
      "returns what its gradient needs (`training`), the order of its gates (update, reset, "
      "output; with `reset_gate_first` reset, update, output), whether the reset gate is applied "
      "after the product with the recurrent weights (`reset_after`), which part the update gate "
      "keeps (`flip_z`), and the activations."};
  return type;
}

const DescriptorType& fft_descriptor() {
  static const DescriptorType type{
      "FFTDescriptor",
      {boolean_attribute("inverse", false), enum_attribute("scaling_mode", fft_scaling_mode, 0),
       boolean_attribute("round_to_odd_hermitean", false)},
      "Options of a Fourier transform (MPSGraphFFTDescriptor): the sign of the exponent "
      "(`inverse`: +, else -), the scale, which does not depend on it, and whether "
      "hermitean_to_real_fft makes an odd number of elements."};
  return type;
}

namespace {
/// Several numbers of a descriptor, one for each of the last four dimensions.
AttributeSpec four(std::string name, std::vector<int64_t> values) {
  auto spec = integers_attribute(std::move(name));
  spec.default_value = AttributeValue(std::move(values));
  return spec;
}

}  // namespace

const DescriptorType& stencil_descriptor() {
  static const DescriptorType type{
      "StencilOpDescriptor",
      {enum_attribute("reduction_mode", reduction_mode, 2), four("offsets", {0, 0, 0, 0}),
       four("strides", {1, 1, 1, 1}), four("dilation_rates", {1, 1, 1, 1}),
       four("explicit_padding", {0, 0, 0, 0, 0, 0, 0, 0}),
       enum_attribute("boundary_mode", padding_mode, 4),
       enum_attribute("padding_style", padding_style, 0), real_attribute("padding_constant", 0.0)},
      "Reduction, strides, dilation and boundary of a stencil (MPSGraphStencilOpDescriptor): four "
      "numbers for the last four dimensions, and eight paddings, before and after each. The "
      "paddings count with PaddingStyle.EXPLICIT only, the offsets of the first window with "
      "PaddingStyle.EXPLICIT_OFFSET."};
  return type;
}

const DescriptorType& im_to_col_descriptor() {
  static const DescriptorType type{
      "ImToColOpDescriptor",
      {required_size("kernel_width"), required_size("kernel_height"), size("stride_in_x", 1, 1),
       size("stride_in_y", 1, 1), size("dilation_rate_in_x", 1, 1),
       size("dilation_rate_in_y", 1, 1), size("padding_left", 0, 0), size("padding_right", 0, 0),
       size("padding_top", 0, 0), size("padding_bottom", 0, 0),
       enum_attribute("data_layout", tensor_named_data_layout, 0)},
      "Window, strides, dilation, padding with zeros, and layout of im_to_col and col_to_im "
      "(MPSGraphImToColOpDescriptor)."};
  return type;
}

std::span<const EnumType* const> all_enums() {
  static const EnumType* const all[] = {&padding_style,
                                        &tensor_named_data_layout,
                                        &padding_mode,
                                        &loss_reduction_type,
                                        &pooling_return_indices_mode,
                                        &random_distribution,
                                        &random_normal_sampling_method,
                                        &scatter_mode,
                                        &rnn_activation,
                                        &fft_scaling_mode,
                                        &sparse_storage_type,
                                        &resize_mode,
                                        &resize_nearest_rounding_mode,
                                        &reduction_mode,
                                        &non_maximum_suppression_coordinate_mode};
  return all;
}

std::span<const DescriptorType* const> all_descriptors() {
  static const DescriptorType* const all[] = {&convolution_2d_descriptor(),
                                              &convolution_3d_descriptor(),
                                              &depthwise_convolution_2d_descriptor(),
                                              &depthwise_convolution_3d_descriptor(),
                                              &pooling_2d_descriptor(),
                                              &pooling_4d_descriptor(),
                                              &random_descriptor(),
                                              &single_gate_rnn_descriptor(),
                                              &lstm_descriptor(),
                                              &gru_descriptor(),
                                              &fft_descriptor(),
                                              &create_sparse_descriptor(),
                                              &stencil_descriptor(),
                                              &im_to_col_descriptor()};
  return all;
}

}  // namespace mpsg::ops
