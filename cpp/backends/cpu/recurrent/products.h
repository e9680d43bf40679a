// Products of a few rows with weights that are packed once and used at every step.
#pragma once

#include <cstdint>

#include "backends/cpu/contraction/micro_kernels.h"

namespace mpsg::recurrent {

/// A matrix (depth, columns): element (k, column) at source[column * column_step + k * depth_step].
class PackedMatrix {
 public:
  PackedMatrix() = default;
  PackedMatrix(int64_t depth, int64_t columns, int64_t column_step, int64_t depth_step)
      : depth_(depth), columns_(columns), column_step_(column_step), depth_step_(depth_step) {}

  int64_t panels() const;
  int64_t floats() const;  // of packed memory
  int64_t depth() const { return depth_; }
  void pack_panel(int64_t panel, const float* source, float* packed) const;

  /// Floats of scratch for a product of so many rows.
  int64_t scratch_floats(int64_t rows) const { return rows * depth_; }
  /// result (rows, columns) = or += x (rows, depth) * the matrix.
  void multiply(const float* packed, const float* x, int64_t x_step, int64_t rows, float* result,
                int64_t result_step, bool accumulate, float* scratch) const;

 private:
  int64_t depth_ = 0, columns_ = 0, column_step_ = 0, depth_step_ = 0;
};

}  // namespace mpsg::recurrent
