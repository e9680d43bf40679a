// The innermost loops of matrix products, one set for each instruction set, chosen at run time.
#pragma once

#include <cstdint>
#include <span>

namespace mpsg::contraction {

/// Memory that is needed soon: lines at data + i * step, after `run` of them a jump.
struct PrefetchPath {
  const float* data;
  int64_t step;
  int64_t run;
  int64_t jump;  // beside the step
};

/// One call of a tile kernel: c (rows x columns) = or += a (rows x depth) * b (depth x columns).
struct TileCall {
  const float* a;  // element (row, k) at a[k * a_step + row]: a packed panel
  int64_t a_step;
  const float* b;  // element (k, column) at b[k * b_step + column]: packed or the matrix itself
  int64_t b_step;
  float* b_copy;  // if not null: b is also written here as a panel of `tile_columns`
  int64_t depth;
  float* c;  // element (row, column) at c[row * c_step + column]
  int64_t c_step;
  int64_t columns;    // of c that are written, 1 ... tile_columns; b is read up to the next
                      // multiple of `vector`
  bool accumulate;    // += instead of =
  bool in_place;      // b is no packed panel: its rows are far apart
  PrefetchPath soon;  // fetched on the way, one line for each step of the depth
};

/// y = or += x * b for a few rows x; element (row, k) of x at x[row * x_row_step + k * x_step],
/// (k, column) of b at b[k * b_step + column], (row, column) of y at y[row * y_step + column].
struct RowsCall {
  const float* x;
  int64_t x_row_step;
  int64_t x_step;
  const float* b;
  int64_t b_step;
  int64_t depth;
  int64_t columns;
  float* y;
  int64_t y_step;
  bool accumulate;
};

/// y[column * y_step] = sum over k of matrix[column * matrix_step + k] * x[k].
struct DotsCall {
  const float* matrix;
  int64_t matrix_step;
  int64_t columns;
  const float* x;
  int64_t depth;
  float* y;
  int64_t y_step;
};

/// A panel is a strip of an operand with its lanes (rows of the primary, columns of the secondary
/// operand) side by side: destination[k * width + lane] = source[lane * lane_step + k * depth_step]
/// for lane < lanes, 0 for the lanes up to `width`.
struct PanelCall {
  const float* source;
  int64_t lane_step;
  int64_t depth_step;
  int64_t lanes;
  int64_t width;
  int64_t depth;
  float* destination;  // width * depth floats, nothing beyond is written
};

struct MicroKernels {
  static constexpr int64_t most_rows = 4;  // of rows_times_matrix

  const char* name;      // "avx512 14x32"
  int64_t tile_rows;     // the most rows a tile kernel computes
  int64_t tile_columns;  // columns of a packed panel of the secondary operand
  int64_t vector;        // floats of a vector register
  /// Any number of rows from 1 to tile_rows.
  void (*tile)(int64_t rows, const TileCall& call);
  /// 1 to most_rows rows; streams b once.
  void (*rows_times_matrix)(int64_t rows, const RowsCall& call);
  void (*dots)(const DotsCall& call);
  void (*pack_panel)(const PanelCall& call);
  /// sums[i] += parts[i]; for partial sums of a split depth.
  void (*add)(float* sums, const float* parts, int64_t count);
};

/// Those that this processor can execute, the fastest first; never empty.
std::span<const MicroKernels* const> available_micro_kernels();
inline const MicroKernels& best_micro_kernels() { return *available_micro_kernels().front(); }

}  // namespace mpsg::contraction
