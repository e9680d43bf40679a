// Arithmetic of shapes and strides in bytes, with every overflow refused.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "mpsg/shape.h"

namespace mpsg::layout {

inline constexpr int64_t largest = std::numeric_limits<int64_t>::max();

/// a * b. Throws FeedError: `type` is larger than the address space.
int64_t product(int64_t a, int64_t b, const TensorType& type);

/// Row-major, without gaps. Throws FeedError where the sizes (those of 0 left out) overflow.
std::vector<int64_t> packed_strides(const TensorType& type);

/// The bytes that the elements take, from the first element on; empty if there are none.
struct ByteRange {
  int64_t begin = 0;  // <= 0
  int64_t end = 0;
};
/// Throws FeedError where it overflows.
ByteRange byte_range(const TensorType& type, std::span<const int64_t> strides);

/// Do elements share bytes? Says yes also where strides interleave without that.
bool elements_overlap(const TensorType& type, std::span<const int64_t> strides);

/// Strides of `shape` over the same elements in the same order; empty where there are none such.
/// Both shapes have the same count of elements.
struct Reshaped {
  bool possible = false;
  std::vector<int64_t> strides;
};
Reshaped reshape(const TensorType& type, std::span<const int64_t> strides, const Shape& shape);

/// "(12, 4)".
std::string tuple_text(std::span<const int64_t> numbers);

}  // namespace mpsg::layout
