#include "runtime/data/nd_array_layout.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "mpsg/error.h"

namespace mpsg::layout {
namespace {

[[noreturn]] void too_large(const TensorType& type) {
  throw FeedError(type.to_string() + " is larger than the address space");
}

}  // namespace

int64_t product(int64_t a, int64_t b, const TensorType& type) {
  int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) too_large(type);
  return result;
}

std::vector<int64_t> packed_strides(const TensorType& type) {
  std::vector<int64_t> strides(static_cast<size_t>(type.shape.rank()));
  auto step = static_cast<int64_t>(size_of(type.data_type));
  for (size_t axis = strides.size(); axis-- > 0;) {
    strides[axis] = step;
    step = product(step, std::max<int64_t>(type.shape.dimensions()[axis], 1), type);
  }
  return strides;
}

ByteRange byte_range(const TensorType& type, std::span<const int64_t> strides) {
  if (type.shape.element_count() == 0) return {};
  ByteRange range{0, static_cast<int64_t>(size_of(type.data_type))};
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    const auto reach = product(strides[axis], type.shape.dimensions()[axis] - 1, type);
    auto& end = reach < 0 ? range.begin : range.end;
    if (__builtin_add_overflow(end, reach, &end)) too_large(type);
  }
  // Far from the largest number, so that strides may be multiplied by sizes.
  if (range.begin < -(largest / 8) || range.end > largest / 8) too_large(type);
  return range;
}

bool elements_overlap(const TensorType& type, std::span<const int64_t> strides) {
  if (type.shape.element_count() == 0) return false;
  std::array<std::pair<int64_t, int64_t>, max_rank> steps;  // stride, size
  size_t count = 0;
  for (size_t axis = 0; axis < strides.size(); ++axis)
    if (const auto size = type.shape.dimensions()[axis]; size != 1)
      steps[count++] = {std::abs(strides[axis]), size};
  std::sort(steps.begin(), steps.begin() + count);
  auto extent = static_cast<int64_t>(size_of(type.data_type));  // of what the steps before reach
  for (size_t i = 0; i < count; ++i) {
    if (steps[i].first < extent) return true;
    extent += steps[i].first * (steps[i].second - 1);  // at most byte_range's, which was checked
  }
  return false;
}

Reshaped reshape(const TensorType& type, std::span<const int64_t> strides, const Shape& shape) {
  if (type.shape.element_count() == 0) return {true, packed_strides({type.data_type, shape})};
  // The old axes that count, then both lists are cut into groups of equal products; within a group
  // the old axes must follow each other without gaps.
  std::vector<int64_t> sizes, steps;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    if (type.shape.dimensions()[axis] == 1) continue;
    sizes.push_back(type.shape.dimensions()[axis]);
    steps.push_back(strides[axis]);
  }
  const auto wanted = shape.dimensions();
  std::vector<int64_t> result(wanted.size(), static_cast<int64_t>(size_of(type.data_type)));
  size_t old_axis = 0, new_axis = 0;
  while (old_axis < sizes.size() && new_axis < wanted.size()) {
    const auto old_begin = old_axis, new_begin = new_axis;
    int64_t old_count = sizes[old_axis++], new_count = wanted[new_axis++];
    while (old_count != new_count) {
      if (new_count < old_count) new_count *= wanted[new_axis++];
      else old_count *= sizes[old_axis++];
    }
    for (auto axis = old_begin; axis + 1 < old_axis; ++axis)
      if (steps[axis] != steps[axis + 1] * sizes[axis + 1]) return {};
    auto step = steps[old_axis - 1];
    for (auto axis = new_axis; axis-- > new_begin; step *= wanted[axis]) result[axis] = step;
  }
  return {true, std::move(result)};
}

std::string tuple_text(std::span<const int64_t> numbers) {
  std::string text = "(";
  for (const auto number : numbers) text += (text.size() > 1 ? ", " : "") + std::to_string(number);
  return text + (numbers.size() == 1 ? ",)" : ")");
}

}  // namespace mpsg::layout
