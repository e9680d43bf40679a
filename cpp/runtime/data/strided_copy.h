// Copies between two strided arrays in memory, with strides in bytes on both sides: what NDArray's
// export, import and packed copies are made of. (ops/tensor_shape/strided_copy.h has the loops of
// rows, where one side is packed and nothing converts.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "mpsg/shape.h"

namespace mpsg {

/// A walk over two arrays of one shape, in the order of the target: axes of size 1 are gone,
/// neighbours are merged where both sides allow it, and the target's steps are positive. The last
/// axis is that of the target's shortest step.
struct CopyWalk {
  int rank = 0;
  std::array<int64_t, max_rank> sizes{};
  std::array<int64_t, max_rank> from_strides{};
  std::array<int64_t, max_rank> to_strides{};
  const std::byte* from = nullptr;
  std::byte* to = nullptr;

  int64_t element_count() const;
};

/// No size is 0.
CopyWalk make_copy_walk(std::span<const int64_t> sizes, const void* from,
                        std::span<const int64_t> from_strides, void* to,
                        std::span<const int64_t> to_strides);

/// Elements of 1, 2, 4 or 8 bytes, aligned or not. The arrays do not overlap.
void copy_elements(const CopyWalk& walk, size_t element_bytes);

/// Makes `count` elements of others; both lie packed, aligned or not.
using RowConversion = void (*)(const std::byte* from, std::byte* to, int64_t count);

/// The same with elements that change on the way.
void convert_elements(const CopyWalk& walk, size_t from_bytes, size_t to_bytes,
                      RowConversion convert);

}  // namespace mpsg
