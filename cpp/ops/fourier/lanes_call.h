// What the loops over lanes are handed: plain data, made ready by a Plan.
#pragma once

#include <cstdint>

namespace mpsg::ops::fourier {

struct StageView {
  int64_t radix;
  int64_t twiddles;  // offset of its twiddles
  int64_t roots;     // of w(radix)^k, for a radix that has no butterfly of its own
};

struct StagesView {
  int64_t length;
  int count;
  const StageView* stages;
  const float* twiddles;
};

/// The transform of one line.
struct TransformView {
  int64_t length;         // of the line
  int64_t buffer_length;  // complex numbers of each line that a buffer holds
  StagesView stages;      // of the line, or of the convolution
  const float* chirp;     // null: the stages are the transform
  const float* filter;
};

/// Some lines: element i of line k at data[(k * line_step + i * element_step) * (1 or 2)].
struct LinesView {
  float* data;
  int64_t line_step;
  int64_t element_step;
  int64_t count;
};

struct LanesCall {
  const TransformView* transform;
  LinesView source;
  LinesView target;
  bool inverse;
  float scale;
  float inner;            // what else a half spectrum is multiplied with, but for the elements
                          // that are their own mirror images
  const float* twiddles;  // null, or what element i of line k is multiplied with, at
  int64_t twiddle_step;   // twiddles[2 * (i * twiddle_step + k)]
  float* workspace;
};

/// The loops for one vector length.
struct LaneKernels {
  int64_t lanes;
  void (*complex_lines)(const LanesCall& call);    // up to `lanes` lines
  void (*real_lines)(const LanesCall& call);       // up to 2 * lanes
  void (*hermitean_lines)(const LanesCall& call);  // up to 2 * lanes

  /// Floats of workspace for one call.
  int64_t workspace_floats(const TransformView& transform) const {
    return lanes * (4 * transform.buffer_length + 4 * (transform.length / 2 + 1));
  }
};

}  // namespace mpsg::ops::fourier
