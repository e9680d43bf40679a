// Windows that slide over images: layouts, padding styles and output sizes of 2D convolution and
// pooling. The rows and every backend's kernels read their geometry from here.
#pragma once

#include <algorithm>
#include <cstdint>

#include "graph/operation_view.h"
#include "mpsg/shape.h"

namespace mpsg::ops {

/// One spatial axis. Output element i reads the input elements
/// i * stride - pad_before + k * dilation, 0 <= k < kernel; those outside [0, input) are padding.
struct WindowAxis {
  int64_t input = 0;
  int64_t kernel = 0;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_before = 0;
  int64_t pad_after = 0;  // as the padding style says; a window need not reach it, or may pass it
  int64_t output = 0;

  /// Input elements from a window's first tap to its last.
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  /// Where the window of output element i begins.
  int64_t begin(int64_t i) const { return i * stride - pad_before; }
  /// Elements that the last window reaches past the input's end; negative if it ends earlier. With
  /// ceil_mode this may be more than pad_after.
  int64_t reach_after() const { return begin(output - 1) + extent() - input; }
  /// The taps [first, last) of the window at `begin` that lie in [low, high).
  struct Taps {
    int64_t first;
    int64_t last;
    int64_t count() const { return last - first; }
  };
  Taps taps_within(int64_t begin, int64_t low, int64_t high) const {
    const auto ceil_divide = [this](int64_t a) { return a <= 0 ? 0 : (a - 1) / dilation + 1; };
    const int64_t first = std::min(kernel, ceil_divide(low - begin));
    const int64_t last = std::min(kernel, ceil_divide(high - begin));
    return {first, std::max(first, last)};
  }
  /// The taps of output element i that read the input itself.
  Taps taps(int64_t i) const { return taps_within(begin(i), 0, input); }
  /// The output element whose tap number `tap` reads input element `at`; -1 if there is none.
  int64_t reader(int64_t at, int64_t tap) const {
    const int64_t start = at + pad_before - tap * dilation;
    if (start < 0 || start % stride != 0 || start / stride >= output) return -1;
    return start / stride;
  }
  /// Does output element i read input element `at`?
  bool reads(int64_t i, int64_t at) const {
    const int64_t distance = at - begin(i);
    return distance >= 0 && distance % dilation == 0 && distance / dilation < kernel;
  }
  /// Output elements [first, last) whose windows may read input element `at`.
  Taps readers(int64_t at) const {
    const int64_t reach = at + pad_before;
    const int64_t last = std::min(output, reach / stride + 1);
    const int64_t before = reach - (extent() - 1);  // the first window must begin here or later
    const int64_t first = before <= 0 ? 0 : (before - 1) / stride + 1;
    return {std::min(first, last), last};
  }
};

struct Convolution2DGeometry {
  int64_t batch = 0;
  int64_t in_channels = 0;   // of the source, all groups together
  int64_t out_channels = 0;  // of the output, all groups together
  int64_t groups = 1;
  WindowAxis y;
  WindowAxis x;
  bool nhwc = false;  // source and output: (N, H, W, C); otherwise (N, C, H, W)
  bool hwio = false;  // weights: (kH, kW, C / groups, O); otherwise (O, C / groups, kH, kW)

  int64_t group_in_channels() const { return in_channels / groups; }
  int64_t group_out_channels() const { return out_channels / groups; }
};

/// The geometry of a convolution_2d, or of the forward convolution of one of its gradient rows
/// (`operation` is any of them; the three shapes are static and those of the forward convolution).
/// Throws GraphError if they do not fit together.
Convolution2DGeometry resolve_convolution_2d(const OperationView& operation, const Shape& source,
                                             const Shape& weights, const Shape& output);

/// The output shape of the forward convolution; what depends on unknown sizes stays unknown.
/// Throws GraphError.
Shape convolution_2d_output_shape(const OperationView& operation, const Shape& source,
                                  const Shape& weights);

struct Pooling2DGeometry {
  int64_t batch = 0;
  int64_t channels = 0;
  WindowAxis y;
  WindowAxis x;
  bool nhwc = false;
  bool count_padding = false;  // include_zero_pad_to_average

  /// What an average divides by along one axis: padding counts if the descriptor says so, but
  /// what ceil_mode adds beyond the padding never does.
  int64_t divisor(const WindowAxis& axis, int64_t i) const {
    if (!count_padding) return axis.taps(i).count();
    return axis.taps_within(axis.begin(i), -axis.pad_before, axis.input + axis.pad_after).count();
  }
};

/// The geometry of a pooling row from its (static) source shape. Throws GraphError.
Pooling2DGeometry resolve_pooling_2d(const OperationView& operation, const Shape& source);

/// The pooled shape; what depends on unknown sizes stays unknown. Throws GraphError.
Shape pooling_2d_output_shape(const OperationView& operation, const Shape& source);

}  // namespace mpsg::ops
