// Windows that slide over images: layouts, padding styles and output sizes of 2D convolution and
// pooling. The rows and every backend's kernels read their geometry from here.
#pragma once

#include <cstdint>

#include "graph/operation_view.h"
#include "mpsg/shape.h"
#include "ops/window_axis.h"

namespace mpsg::ops {

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

/// The same for a depthwise convolution, whose weights are (multiplier, C, kH, kW) or (kH, kW, C,
/// multiplier). Its geometry has a group for each channel; what depends on unknown sizes is -1.
Convolution2DGeometry depthwise_convolution_2d_geometry(const OperationView& operation,
                                                        const Shape& source, const Shape& weights);
Shape depthwise_convolution_2d_output_shape(const OperationView& operation, const Shape& source,
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
