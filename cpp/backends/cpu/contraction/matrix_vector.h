// Products with one or a few rows: the matrix is read once, from end to end, and nothing is packed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "backends/common/kernel.h"
#include "backends/cpu/contraction/micro_kernels.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg::contraction {

/// y (rows x columns) = x (rows x depth) * matrix (depth x columns), with a few rows.
class MatrixVector {
 public:
  struct Sizes {
    int64_t rows;
    int64_t columns;
    int64_t depth;
  };
  /// Where elements are: steps between rows (or lines of the depth) and columns.
  struct Steps {
    int64_t x_row, x_depth;
    int64_t matrix_depth, matrix_column;
    int64_t y_row, y_column;
  };

  MatrixVector(const Sizes& sizes, const Steps& steps, const ThreadPool& pool,
               const MicroKernels& kernels);

  static bool fits(const Sizes& sizes, const Steps& steps);

  size_t workspace_bytes() const;
  void run(const float* x, const float* matrix, float* y, void* workspace) const;
  std::string description() const;

 private:
  struct Memory;
  void sweep(const Memory& memory, int64_t part) const;
  void add_up(const Memory& memory, int64_t part) const;
  void take_dots(const Memory& memory, int64_t part) const;
  bool lines_are_columns() const;
  int64_t partial_floats() const;

  const Sizes sizes_;
  const Steps steps_;
  const ThreadPool& pool_;
  const MicroKernels& kernels_;
  int64_t depth_parts_ = 1;  // each sums into its own memory; then they are added up
  int64_t column_parts_ = 1;
};

}  // namespace mpsg::contraction
