#include "ops/window.h"

#include <string>

#include "mpsg/error.h"
#include "ops/enums.h"

namespace mpsg::ops {
namespace {

// Sizes beyond this exist only in zero-sized tensors; refusing them keeps the sums below exact.
constexpr int64_t largest_size = int64_t{1} << 60;

std::string text(int64_t number) { return std::to_string(number); }

/// Positions of the four dimensions of an image or of weights in its shape.
struct Layout {
  int batch_or_out;
  int channels;
  int height;
  int width;
};
constexpr Layout nchw{0, 1, 2, 3}, nhwc{0, 3, 1, 2}, oihw{0, 1, 2, 3}, hwio{3, 2, 0, 1};

bool is_nhwc(const OperationView& operation) {
  const auto layout = operation.enumeration<TensorNamedDataLayout>("data_layout");
  if (layout == TensorNamedDataLayout::NHWC) return true;
  if (layout == TensorNamedDataLayout::NCHW) return false;
  throw GraphError("'data_layout' must be NCHW or NHWC");
}

bool is_hwio(const OperationView& operation) {
  const auto layout = operation.enumeration<TensorNamedDataLayout>("weights_layout");
  if (layout == TensorNamedDataLayout::HWIO) return true;
  if (layout == TensorNamedDataLayout::OIHW) return false;
  throw GraphError("'weights_layout' must be OIHW or HWIO");
}

Shape require_rank_4(const Shape& shape, const char* what) {
  if (!shape.has_rank()) return Shape::unknown(4);
  if (shape.rank() != 4)
    throw GraphError(std::string(what) + " has shape " + shape.to_string() + "; rank 4 is needed");
  for (const auto size : shape.dimensions())
    if (size > largest_size)
      throw GraphError(std::string(what) + " has a size of " + text(size) + ", which is too large");
  return shape;
}

/// What a descriptor says about one axis ("x": width, "y": height).
struct AxisOptions {
  const char* name;
  PaddingStyle style;
  int64_t stride;
  int64_t dilation;
  int64_t pad_before;
  int64_t pad_after;
  bool ceil_mode = false;
};

AxisOptions axis_options(const OperationView& operation, bool horizontal) {
  const auto style = operation.enumeration<PaddingStyle>("padding_style");
  if (style == PaddingStyle::EXPLICIT_OFFSET)
    throw GraphError("'padding_style' EXPLICIT_OFFSET is for stencils only");
  const bool is_explicit = style == PaddingStyle::EXPLICIT;
  const auto padding = [&](const char* name) {
    return is_explicit ? operation.integer(name) : int64_t{0};
  };
  if (horizontal)
    return {"x",
            style,
            operation.integer("stride_in_x"),
            operation.integer("dilation_rate_in_x"),
            padding("padding_left"),
            padding("padding_right")};
  return {"y",
          style,
          operation.integer("stride_in_y"),
          operation.integer("dilation_rate_in_y"),
          padding("padding_top"),
          padding("padding_bottom")};
}

/// (kernel - 1) * dilation + 1, or something that no input reaches.
int64_t saturated_extent(int64_t kernel, int64_t dilation) {
  int64_t reach;
  if (__builtin_mul_overflow(kernel - 1, dilation, &reach) || reach >= 4 * largest_size)
    return 4 * largest_size;
  return reach + 1;
}

/// Output size with the paddings in `axis`; `input` and `kernel` are known.
int64_t strided_output(const WindowAxis& axis, const AxisOptions& options, int64_t extent) {
  const int64_t padded = axis.input + axis.pad_before + axis.pad_after;
  if (padded < extent) {
    if (axis.input == 0) return 0;
    throw GraphError("along " + std::string(options.name) + " the window spans " + text(extent) +
                     " elements (kernel " + text(axis.kernel) + ", dilation " +
                     text(axis.dilation) + "), more than the padded input's " + text(padded) +
                     " (input " + text(axis.input) + ", padding " + text(axis.pad_before) + " + " +
                     text(axis.pad_after) + ")");
  }
  const int64_t free = padded - extent;
  int64_t output = free / axis.stride + 1;
  // The last window, which sticks out, must still begin inside the input or the padding before it.
  if (options.ceil_mode && free % axis.stride != 0 &&
      output * axis.stride < axis.input + axis.pad_before)
    ++output;
  return output;
}

/// Pads and output size of one axis; an unknown input or kernel leaves an unknown output.
WindowAxis resolve_axis(const AxisOptions& options, int64_t input, int64_t kernel) {
  WindowAxis axis{.input = input,
                  .kernel = kernel,
                  .stride = options.stride,
                  .dilation = options.dilation,
                  .pad_before = options.pad_before,
                  .pad_after = options.pad_after,
                  .output = unknown_dimension};
  if (kernel == 0)
    throw GraphError("the window has no elements along " + std::string(options.name));
  const bool same =
      options.style == PaddingStyle::TF_SAME || options.style == PaddingStyle::ONNX_SAME_LOWER;
  if (input < 0) return axis;
  if (same) axis.output = input == 0 ? 0 : (input - 1) / axis.stride + 1;
  if (kernel < 0) return axis;
  const int64_t extent = saturated_extent(kernel, axis.dilation);
  if (!same) {
    axis.output = strided_output(axis, options, extent);
    return axis;
  }
  const int64_t reach = (axis.output - 1) * axis.stride + extent;
  const int64_t total = axis.output == 0 ? 0 : std::max<int64_t>(0, reach - input);
  axis.pad_before = options.style == PaddingStyle::TF_SAME ? total / 2 : total - total / 2;
  axis.pad_after = total - axis.pad_before;
  return axis;
}

/// The geometry as far as it is known; -1 for what is not.
Convolution2DGeometry partial_convolution(const OperationView& operation, const Shape& source,
                                          const Shape& weights) {
  Convolution2DGeometry g;
  g.nhwc = is_nhwc(operation);
  g.hwio = is_hwio(operation);
  const auto image = g.nhwc ? nhwc : nchw;
  const auto filter = g.hwio ? hwio : oihw;
  const auto s = require_rank_4(source, "the source");
  const auto w = require_rank_4(weights, "the weights");
  g.batch = s[image.batch_or_out];
  g.in_channels = s[image.channels];
  g.out_channels = w[filter.batch_or_out];
  g.groups = operation.integer("groups");
  const int64_t group_channels = w[filter.channels];
  if (g.out_channels >= 0 && g.out_channels % g.groups != 0)
    throw GraphError("the weights " + w.to_string() + " have " + text(g.out_channels) +
                     " output channels, which " + text(g.groups) + " groups do not divide");
  if (g.in_channels >= 0 && g.in_channels % g.groups != 0)
    throw GraphError("the source " + s.to_string() + " has " + text(g.in_channels) +
                     " channels, which " + text(g.groups) + " groups do not divide");
  if (g.in_channels >= 0 && group_channels >= 0 && g.in_channels / g.groups != group_channels)
    throw GraphError("the source " + s.to_string() + (g.nhwc ? " (NHWC)" : " (NCHW)") + " has " +
                     text(g.in_channels) + " channels in " + text(g.groups) +
                     " group(s); the weights " + w.to_string() + (g.hwio ? " (HWIO)" : " (OIHW)") +
                     " take " + text(group_channels) + " channels per group");
  g.y = resolve_axis(axis_options(operation, false), s[image.height], w[filter.height]);
  g.x = resolve_axis(axis_options(operation, true), s[image.width], w[filter.width]);
  return g;
}

Pooling2DGeometry partial_pooling(const OperationView& operation, const Shape& source) {
  Pooling2DGeometry g;
  g.nhwc = is_nhwc(operation);
  g.count_padding = operation.flag("include_zero_pad_to_average");
  const auto image = g.nhwc ? nhwc : nchw;
  const auto s = require_rank_4(source, "the source");
  g.batch = s[image.batch_or_out];
  g.channels = s[image.channels];
  auto y = axis_options(operation, false), x = axis_options(operation, true);
  y.ceil_mode = x.ceil_mode = operation.flag("ceil_mode");
  g.y = resolve_axis(y, s[image.height], operation.integer("kernel_height"));
  g.x = resolve_axis(x, s[image.width], operation.integer("kernel_width"));
  return g;
}

Shape image_shape(bool is_nhwc, int64_t batch, int64_t channels, int64_t height, int64_t width) {
  if (is_nhwc) return {batch, height, width, channels};
  return {batch, channels, height, width};
}

}  // namespace

Shape convolution_2d_output_shape(const OperationView& operation, const Shape& source,
                                  const Shape& weights) {
  const auto g = partial_convolution(operation, source, weights);
  return image_shape(g.nhwc, g.batch, g.out_channels, g.y.output, g.x.output);
}

Convolution2DGeometry resolve_convolution_2d(const OperationView& operation, const Shape& source,
                                             const Shape& weights, const Shape& output) {
  const auto g = partial_convolution(operation, source, weights);
  const auto expected = image_shape(g.nhwc, g.batch, g.out_channels, g.y.output, g.x.output);
  if (!expected.is_static() || !(expected == output))
    throw GraphError("a convolution of " + source.to_string() + " with weights " +
                     weights.to_string() + " gives " + expected.to_string() + ", not " +
                     output.to_string());
  return g;
}

Pooling2DGeometry resolve_pooling_2d(const OperationView& operation, const Shape& source) {
  if (!source.is_static())
    throw InternalError("the geometry of a pooling needs the sizes of " + source.to_string());
  return partial_pooling(operation, source);
}

Shape pooling_2d_output_shape(const OperationView& operation, const Shape& source) {
  const auto g = partial_pooling(operation, source);
  return image_shape(g.nhwc, g.batch, g.channels, g.y.output, g.x.output);
}

}  // namespace mpsg::ops
