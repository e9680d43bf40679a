// The innermost loops of pooling: one line of windows, vectors of channels. One set for each
// instruction set, chosen at run time.
#pragma once

#include <cstdint>

namespace mpsg::pooling {

/// The taps of one window along one axis that lie inside the image.
struct Taps {
  int64_t offset;  // floats from the image's beginning to the first of them
  int64_t count;
};

/// Windows of one output line: those at columns[0 ... windows) in the lines that `row` says.
/// Steps are in floats; `channels` of the pixels lie side by side.
struct WindowLine {
  Taps row;
  const Taps* columns;
  int64_t windows;
  int64_t row_step;     // from tap to tap along y
  int64_t column_step;  // from tap to tap along x
  int64_t channels;
  int64_t result_step;  // from window to window in the result or its gradient
};

/// Windows [begin, end) of a list that read one input row or column.
struct Readers {
  int64_t begin, end;
};

/// One line of the gradient of averages: the sum of what each reading window gives.
struct ReaderLine {
  Readers rows;
  const Readers* columns;
  int64_t pixels;
  const int64_t* row_list;  // numbers of windows along y and x
  const int64_t* column_list;
  const float* row_divisors;  // by number of window
  const float* column_divisors;
  int64_t gradient_line;  // floats from line to line of windows
  int64_t channels;
};

struct LineKernels {
  const char* name;
  /// The first NaN, else the first of the largest; -infinity for a window without taps.
  void (*maxima)(const WindowLine& line, const float* image, float* result);
  /// Sums divided by row_divisor * column_divisors[window].
  void (*averages)(const WindowLine& line, const float* image, float row_divisor,
                   const float* column_divisors, float* result);
  /// Adds each window's gradient where `maxima` found its value.
  void (*add_to_maxima)(const WindowLine& line, const float* image, const float* gradient,
                        float* result);
  /// The same if no windows overlap and every element of these lines is in one: overwrites.
  void (*write_to_maxima)(const WindowLine& line, const float* image, const float* gradient,
                          float* result);
  void (*average_gradients)(const ReaderLine& line, const float* gradient, float* result);
};

/// The fastest that this processor can execute.
const LineKernels& best_line_kernels();

/// The sets of this build; nullptr where the target has no such instructions.
const LineKernels* line_kernels_avx512();
const LineKernels* line_kernels_avx2();
const LineKernels* line_kernels_baseline();

}  // namespace mpsg::pooling
