// A tensor as lines along one axis: what scans, sorts and selections have in common. Lines are
// independent of one another, so threads share them out.
#pragma once

#include <algorithm>

#include "graph/contexts.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {

struct Lines {
  int64_t outer = 1, size = 1, inner = 1;  // sizes before, along and behind the axis

  int64_t count() const { return outer * inner; }
  /// First element of a line of `size` elements; they are `inner` elements apart.
  int64_t begin(int64_t line) const { return line / inner * size * inner + line % inner; }
};

inline Lines lines_along(const Shape& shape, int axis) {
  Lines lines;
  for (int i = 0; i < axis; ++i) lines.outer *= shape[i];
  lines.size = shape[axis];
  for (int i = axis + 1; i < shape.rank(); ++i) lines.inner *= shape[i];
  return lines;
}

/// The attribute `axis`: an int, or a tensor whose value is known before the run.
inline AttributeSpec axis_or_tensor() {
  auto spec = integer_attribute("axis");
  spec.or_tensor = true;
  return spec;
}

inline Lines lines_of(const EvaluateContext& c, const Shape& shape) {
  const int64_t axis = c.integers_of("axis")[0];
  return lines_along(shape, static_cast<int>(axis < 0 ? axis + shape.rank() : axis));
}

/// The axis if it and the rank are known; fails if it is out of range.
inline std::optional<int> known_axis(const InferContext& c, const Shape& shape) {
  const auto axis = c.known_integer("axis");
  if (!axis || !shape.has_rank()) return std::nullopt;
  return normalize_axis(c, "axis", *axis, shape.rank());
}

/// Fails if indices along the axis are no int32.
inline void require_short_axis(const InferContext& c, const Shape& shape, int axis) {
  if (shape[axis] > INT32_MAX)
    c.fail("indices along an axis of " + std::to_string(shape[axis]) + " do not fit into int32");
}

/// Lines that are worth a thread.
inline int64_t line_grain(const Lines& lines, int64_t elements = 8192) {
  return std::max<int64_t>(1, elements / std::max<int64_t>(1, lines.size));
}

/// Calls `bundle(first, count)` for lines that lie side by side, up to `most` of them, or one after
/// the other if the axis is the last one.
template <class Bundle>
void for_each_bundle(const Lines& lines, int64_t most, const Parallel& parallel, int64_t grain,
                     Bundle&& bundle) {
  if (lines.count() == 0 || lines.size == 0) return;
  parallel.for_range(lines.count(), grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t together = lines.inner == 1 ? end - begin : lines.inner - begin % lines.inner;
      const int64_t count = std::min({most, together, end - begin});
      bundle(begin, count);
      begin += count;
    }
  });
}

}  // namespace mpsg::ops
