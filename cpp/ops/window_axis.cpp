#include "ops/window_axis.h"

#include "mpsg/error.h"

namespace mpsg::ops {
namespace {

std::string text(int64_t number) { return std::to_string(number); }

/// (kernel - 1) * dilation + 1, or something that no input reaches.
int64_t saturated_extent(int64_t kernel, int64_t dilation) {
  int64_t reach;
  if (__builtin_mul_overflow(kernel - 1, dilation, &reach) || reach >= 4 * largest_window_size)
    return 4 * largest_window_size;
  return reach + 1;
}

/// Output size with the paddings in `axis`; `input` and `kernel` are known.
int64_t strided_output(const WindowAxis& axis, const AxisOptions& options, int64_t extent) {
  const int64_t padded = axis.input + axis.pad_before + axis.pad_after;
  if (padded < extent) {
    if (axis.input == 0) return 0;
    throw GraphError("along " + options.name + " the window spans " + text(extent) +
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

}  // namespace

PaddingStyle padding_style_of(const OperationView& operation) {
  const auto style = operation.enumeration<PaddingStyle>("padding_style");
  if (style == PaddingStyle::EXPLICIT_OFFSET)
    throw GraphError("'padding_style' EXPLICIT_OFFSET is for stencils only");
  return style;
}

WindowAxis resolve_axis(const AxisOptions& options, int64_t input, int64_t kernel) {
  const bool is_explicit = options.style == PaddingStyle::EXPLICIT;
  WindowAxis axis{.input = input,
                  .kernel = kernel,
                  .stride = options.stride,
                  .dilation = options.dilation,
                  .pad_before = is_explicit ? options.pad_before : 0,
                  .pad_after = is_explicit ? options.pad_after : 0,
                  .output = unknown_dimension};
  if (kernel == 0) throw GraphError("the window has no elements along " + options.name);
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

}  // namespace mpsg::ops
