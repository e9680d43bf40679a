// One axis of a window that slides over a tensor: padding styles and output sizes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "graph/operation_view.h"
#include "ops/enums.h"

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

/// What a descriptor says about one axis; `name` is for messages ("x").
struct AxisOptions {
  std::string name;
  PaddingStyle style = PaddingStyle::EXPLICIT;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_before = 0;  // counts with PaddingStyle::EXPLICIT only
  int64_t pad_after = 0;
  bool ceil_mode = false;
};

/// Sizes beyond this exist only in zero-sized tensors; refusing them keeps sums exact.
constexpr int64_t largest_window_size = int64_t{1} << 60;

/// Pads and output size of one axis; an unknown input or kernel leaves an unknown output. Throws
/// GraphError.
WindowAxis resolve_axis(const AxisOptions& options, int64_t input, int64_t kernel);

/// The operation's `padding_style`; EXPLICIT_OFFSET is refused with a GraphError.
PaddingStyle padding_style_of(const OperationView& operation);

}  // namespace mpsg::ops
