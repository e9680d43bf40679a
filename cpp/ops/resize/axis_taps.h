// Resampling along one axis: which elements of the input an element of the output is made of.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/enums.h"

namespace mpsg::ops {

/// A sparse matrix, row by row: output element i is the sum of weight * input element over the
/// entries first[i] .. first[i + 1]. Its transpose carries gradients back.
struct AxisTaps {
  int64_t inputs = 0;
  std::vector<int64_t> first{0};
  std::vector<int64_t> index;
  std::vector<double> weight;

  int64_t outputs() const { return static_cast<int64_t>(first.size()) - 1; }
  void add(int64_t at, double with) {
    index.push_back(at);
    weight.push_back(with);
  }
  void end_output() { first.push_back(static_cast<int64_t>(index.size())); }
  bool is_identity() const;
  /// Every output is one input as it is.
  bool only_copies() const;
  AxisTaps transposed() const;
};

/// Where output elements lie in the input, in its elements: (i - offset) / scale, or by the sizes.
struct AxisPlacement {
  int64_t input = 0, output = 0;
  bool center = false, align_corners = false;
  bool scaled = false;
  double scale = 1, offset = 0;

  double position(int64_t i) const;
};

double round_by(ResizeNearestRoundingMode mode, double x);

/// Positions outside the input are moved to its edge.
AxisTaps nearest_taps(const AxisPlacement& placement, ResizeNearestRoundingMode mode);
AxisTaps linear_taps(const AxisPlacement& placement);

}  // namespace mpsg::ops
