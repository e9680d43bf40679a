#include "ops/window.h"

#include <string>

#include "mpsg/error.h"
#include "ops/enums.h"

namespace mpsg::ops {
namespace {

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
    if (size > largest_window_size)
      throw GraphError(std::string(what) + " has a size of " + text(size) + ", which is too large");
  return shape;
}

AxisOptions axis_options(const OperationView& operation, bool horizontal) {
  const auto number = [&](const char* name) { return operation.integer(name); };
  const auto style = padding_style_of(operation);
  if (horizontal)
    return {"x",
            style,
            number("stride_in_x"),
            number("dilation_rate_in_x"),
            number("padding_left"),
            number("padding_right")};
  return {"y",
          style,
          number("stride_in_y"),
          number("dilation_rate_in_y"),
          number("padding_top"),
          number("padding_bottom")};
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

Convolution2DGeometry depthwise_convolution_2d_geometry(const OperationView& operation,
                                                        const Shape& source, const Shape& weights) {
  Convolution2DGeometry g;
  g.nhwc = is_nhwc(operation);
  g.hwio = is_hwio(operation);
  const auto image = g.nhwc ? nhwc : nchw;
  const auto filter = g.hwio ? hwio : oihw;
  const auto s = require_rank_4(source, "the source");
  const auto w = require_rank_4(weights, "the weights");
  g.batch = s[image.batch_or_out];
  g.in_channels = g.groups = std::max(s[image.channels], w[filter.channels]);
  if (s[image.channels] >= 0 && w[filter.channels] >= 0 && s[image.channels] != w[filter.channels])
    throw GraphError("the source " + s.to_string() + (g.nhwc ? " (NHWC)" : " (NCHW)") + " has " +
                     text(s[image.channels]) + " channels; the weights " + w.to_string() +
                     (g.hwio ? " (HWIO)" : " (OIHW)") + " are for " + text(w[filter.channels]) +
                     " ('I'; 'O' is how many results each channel has)");
  const int64_t multiplier = w[filter.batch_or_out];
  g.out_channels = unknown_dimension;
  if (g.in_channels >= 0 && multiplier >= 0 &&
      __builtin_mul_overflow(g.in_channels, multiplier, &g.out_channels))
    throw GraphError("the weights " + w.to_string() + " have too many channels");
  g.y = resolve_axis(axis_options(operation, false), s[image.height], w[filter.height]);
  g.x = resolve_axis(axis_options(operation, true), s[image.width], w[filter.width]);
  return g;
}

Shape depthwise_convolution_2d_output_shape(const OperationView& operation, const Shape& source,
                                            const Shape& weights) {
  const auto g = depthwise_convolution_2d_geometry(operation, source, weights);
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
