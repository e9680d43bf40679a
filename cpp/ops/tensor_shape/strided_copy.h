// Copies between a packed tensor and a strided part of another one: slices, permutations,
// broadcasts and reversals are all such copies.
#pragma once

#include <vector>

#include "graph/contexts.h"
#include "graph/element_types.h"
#include "ops/elementwise.h"

namespace mpsg::ops {

/// A strided part of a packed tensor, in elements. `sizes` may have any length: rows that only
/// move whole blocks of axes give fewer than the tensor has.
struct StridedPart {
  int64_t offset = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
};

/// Elements between neighbours along each axis of a packed tensor; 0 where it has no elements.
inline std::vector<int64_t> packed_strides(const Shape& shape) {
  std::vector<int64_t> strides(static_cast<size_t>(shape.rank()));
  if (shape.element_count() == 0) return strides;
  int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<size_t>(axis)] = step;
    step *= shape[axis];
  }
  return strides;
}

/// The part as a walk with merged axes. Operand 0 is the part; the packed side is the output.
inline BroadcastWalk<1> walk_of(const StridedPart& part) {
  BroadcastWalk<1> walk;
  for (size_t i = part.sizes.size(); i-- > 0;) {  // innermost first; reversed at the end
    if (part.sizes[i] == 1) continue;
    const auto last = static_cast<size_t>(walk.rank) - 1;
    if (walk.rank > 0 && part.strides[i] == walk.strides[last][0] * walk.sizes[last]) {
      walk.sizes[last] *= part.sizes[i];
    } else {
      walk.sizes[static_cast<size_t>(walk.rank)] = part.sizes[i];
      walk.strides[static_cast<size_t>(walk.rank++)] = {part.strides[i]};
    }
  }
  if (walk.rank == 0) {
    walk.rank = 1;
    walk.sizes[0] = 1;
  }
  std::reverse(walk.sizes.begin(), walk.sizes.begin() + walk.rank);
  std::reverse(walk.strides.begin(), walk.strides.begin() + walk.rank);
  return walk;
}

/// Calls `run(count, part_offset, part_stride, packed_offset)` until the whole part is covered.
template <class Run>
void for_each_strided_run(const StridedPart& part, const Parallel& parallel, Run&& run) {
  int64_t total = 1;
  for (const auto size : part.sizes) {
    if (size == 0) return;
    total *= size;
  }
  for_each_run<1>(walk_of(part), total, parallel,
                  [&](int64_t n, const auto& offsets, const auto& strides, int64_t at) {
                    run(n, part.offset + offsets[0], strides[0], at);
                  });
}

/// packed[i] = whole[part, i].
template <class T>
void read_part(const T* whole, const StridedPart& part, T* packed, const Parallel& parallel) {
  for_each_strided_run(part, parallel, [&](int64_t n, int64_t offset, int64_t stride, int64_t at) {
    const T* from = whole + offset;
    T* to = packed + at;
    if (stride == 1) {
      std::copy_n(from, n, to);
    } else if (stride == 0) {
      std::fill_n(to, n, *from);
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = from[i * stride];
    }
  });
}

/// whole[part, i] = packed[i]. The part's elements are distinct.
template <class T>
void write_part(const T* packed, T* whole, const StridedPart& part, const Parallel& parallel) {
  for_each_strided_run(part, parallel, [&](int64_t n, int64_t offset, int64_t stride, int64_t at) {
    const T* from = packed + at;
    T* to = whole + offset;
    if (stride == 1) {
      std::copy_n(from, n, to);
    } else {
      for (int64_t i = 0; i < n; ++i) to[i * stride] = from[i];
    }
  });
}

/// Reads a part of `from` into all of `to`, whatever the element type.
inline void read_part(const TensorView& from, const StridedPart& part, const TensorView& to,
                      const Parallel& parallel) {
  with_size_of(to.data_type, [&]<class T>(TypeTag<T>) {
    read_part(from.as<const T>(), part, to.as<T>(), parallel);
  });
}

/// Writes all of `from` into a part of `to`, whatever the element type.
inline void write_part(const TensorView& from, const TensorView& to, const StridedPart& part,
                       const Parallel& parallel) {
  with_size_of(to.data_type, [&]<class T>(TypeTag<T>) {
    write_part(from.as<const T>(), to.as<T>(), part, parallel);
  });
}

/// The same bytes in another shape.
inline void copy_bytes(const EvaluateContext& c) {
  const auto bytes = static_cast<int64_t>(c.output().byte_count());
  const auto* from = c.inputs()[0].as<const std::byte>();
  auto* to = c.output().as<std::byte>();
  constexpr int64_t grain = 1 << 16;
  c.parallel().for_range(bytes, grain, [&](int64_t begin, int64_t end) {
    std::copy(from + begin, from + end, to + begin);
  });
}

}  // namespace mpsg::ops
