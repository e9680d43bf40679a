// The innermost loops of convolutions: a strip of pixels times a matrix of weights, summed over the
// taps of the window, read from the image itself: no patches are copied. One set for each
// instruction set, chosen at run time.
#pragma once

#include <cstdint>
#include <span>

namespace mpsg::contraction {

/// c (rows x columns) = or += the sum over outer, inner and depth of a times b. Steps are in
/// floats; columns lie side by side in b and c.
struct StripCall {
  const float* a;
  int64_t a_row, a_depth, a_inner, a_outer;  // steps of the element that a row and a depth share
  const float* b;
  int64_t b_depth, b_inner, b_outer;
  int64_t depth, inner, outer;
  float* c;
  int64_t c_row;
  bool accumulate;  // += instead of =
};

/// c[row * c_row + column] = or += the sum over outer, inner and depth of a times b, both with
/// depth side by side: for results of very few columns.
struct StripDotsCall {
  const float* a;
  int64_t a_row, a_inner, a_outer;
  const float* b;
  int64_t b_column, b_inner, b_outer;
  int64_t depth, inner, outer;
  float* c;
  int64_t c_row;
  bool accumulate;
};

struct StripKernels {
  static constexpr int most_rows = 14;
  static constexpr int most_vectors = 4;
  static constexpr int most_dot_columns = 4;
  static constexpr int most_lane_rows = 8;
  using Strip = void (*)(const StripCall&);
  using Dots = void (*)(const StripDotsCall&);

  const char* name;  // "avx512"
  int vector;        // floats of a vector register
  int accumulators;  // vector registers that hold sums: rows * vectors is at most that
  /// For images: a_depth is 1, rows are a_row apart. Null where registers do not suffice.
  Strip across[most_rows + 1][most_vectors + 1];
  /// For weights: rows lie side by side (a_row is 1), a_depth apart.
  Strip along[most_rows + 1][most_vectors + 1];
  int dot_rows;  // a Dots computes any number of rows up to this one
  Dots dots[most_rows + 1][most_dot_columns + 1];
  /// For channels of their own: c[row * c_row + lane] sums a times b of the same lane, for a vector
  /// of lanes or for one.
  Strip lanes[most_lane_rows + 1];
  Strip lane[most_lane_rows + 1];

  int rows_of(int vectors) const {
    const int fit = accumulators / vectors;
    return fit < most_rows ? fit : most_rows;
  }
};

/// Those that this processor can execute, the fastest first; never empty.
std::span<const StripKernels* const> available_strip_kernels();
inline const StripKernels& best_strip_kernels() { return *available_strip_kernels().front(); }

}  // namespace mpsg::contraction
