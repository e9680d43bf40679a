// Views of an NDArray: other shapes and strides over the same memory.
#include <algorithm>
#include <bitset>

#include "mpsg/error.h"
#include "mpsg/nd_array.h"
#include "runtime/data/nd_array_layout.h"

namespace mpsg {

NDArray NDArray::view(std::byte* first, const Shape& shape,
                      std::span<const int64_t> strides) const {
  NDArray result = *this;
  result.type_.shape = shape;
  result.set_strides(strides);
  // An empty view may begin behind the end.
  if (result.element_count() != 0) result.first_ = first;
  return result;
}

int NDArray::axis_index(int axis, int rank, const char* what) const {
  const int index = axis < 0 ? axis + rank : axis;
  if (index < 0 || index >= rank)
    fail(std::string(what) + ": there is no axis " + std::to_string(axis));
  return index;
}

NDArray NDArray::slice(int axis, int64_t start, int64_t length, int64_t stride) const {
  const int at = axis_index(axis, shape().rank(), "slice");
  const auto size = shape()[at];
  const auto complain = [&](const std::string& why) {
    fail("slice of axis " + std::to_string(axis) + ", from " + std::to_string(start) + ", " +
         std::to_string(length) + " elements in steps of " + std::to_string(stride) + ": " + why);
  };
  if (length < 0) complain("a length is not negative");
  if (length > 1 && stride == 0) complain("a step of 0 goes nowhere (broadcast_to repeats)");
  int64_t last = 0;
  const bool overflow = __builtin_mul_overflow(std::max<int64_t>(length - 1, 0), stride, &last) ||
                        __builtin_add_overflow(start, last, &last);
  const bool fits = length == 0
                        ? start >= 0 && start <= size
                        : !overflow && start >= 0 && start < size && last >= 0 && last < size;
  if (!fits) complain("the axis has " + std::to_string(size) + " elements");
  auto sizes = shape();
  sizes[at] = length;
  std::vector<int64_t> steps(strides().begin(), strides().end());
  auto* const first = length == 0 || element_count() == 0 ? first_ : first_ + start * strides_[at];
  if (length > 1) steps[static_cast<size_t>(at)] *= stride;
  return view(first, sizes, steps);
}

NDArray NDArray::at(int axis, int64_t index) const {
  const int place = axis_index(axis, shape().rank(), "at");
  const auto size = shape()[place];
  const auto wanted = index < 0 ? index + size : index;
  if (wanted < 0 || wanted >= size)
    fail("index " + std::to_string(index) + " of axis " + std::to_string(axis) + ", which has " +
         std::to_string(size) + " elements");
  const int axes[] = {place};
  return slice(place, wanted, 1).squeeze(axes);
}

NDArray NDArray::permute(std::span<const int> axes) const {
  if (std::ssize(axes) != shape().rank())
    fail("permute: " + std::to_string(axes.size()) + " axes given; it takes each axis once");
  Shape sizes;
  std::vector<int64_t> steps;
  std::bitset<max_rank> seen;
  for (const int axis : axes) {
    const int from = axis_index(axis, shape().rank(), "permute");
    if (seen[static_cast<size_t>(from)]) fail("permute: axis " + std::to_string(axis) + " twice");
    seen.set(static_cast<size_t>(from));
    sizes.append(shape()[from]);
    steps.push_back(strides_[from]);
  }
  return view(first_, sizes, steps);
}

NDArray NDArray::transpose(int axis, int other) const {
  std::vector<int> axes(static_cast<size_t>(shape().rank()));
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int>(i);
  std::swap(axes[static_cast<size_t>(axis_index(axis, shape().rank(), "transpose"))],
            axes[static_cast<size_t>(axis_index(other, shape().rank(), "transpose"))]);
  return permute(axes);
}

NDArray NDArray::reshape(const Shape& wanted) const {
  auto sizes = wanted;
  const auto refuse = [&] {
    fail("cannot take the shape " + wanted.to_string() + ": the counts of elements differ");
  };
  if (!wanted.has_rank()) refuse();
  int open = -1;
  int64_t known = 1;
  for (int axis = 0; axis < sizes.rank(); ++axis) {
    if (sizes[axis] >= 0) {
      if (__builtin_mul_overflow(known, sizes[axis], &known)) refuse();
    } else if (open >= 0) {
      fail("reshape: only one size may be -1");
    } else {
      open = axis;
    }
  }
  if (open >= 0) {
    if (known == 0 || element_count() % known != 0) refuse();
    sizes[open] = element_count() / known;
  } else if (sizes.element_count() != element_count()) {
    refuse();
  }
  const auto found = layout::reshape(type_, strides(), sizes);
  if (!found.possible)
    fail("no strides give it the shape " + sizes.to_string() +
         ": its elements do not follow each other. copy() makes a packed array");
  return view(first_, sizes, found.strides);
}

NDArray NDArray::squeeze(std::span<const int> axes) const {
  std::bitset<max_rank> gone;
  for (const int axis : axes) {
    const int at = axis_index(axis, shape().rank(), "squeeze");
    if (shape()[at] != 1)
      fail("squeeze: axis " + std::to_string(axis) + " has " + std::to_string(shape()[at]) +
           " elements, not 1");
    gone.set(static_cast<size_t>(at));
  }
  Shape sizes;
  std::vector<int64_t> steps;
  for (int axis = 0; axis < shape().rank(); ++axis) {
    if (axes.empty() ? shape()[axis] == 1 : gone[static_cast<size_t>(axis)]) continue;
    sizes.append(shape()[axis]);
    steps.push_back(strides_[axis]);
  }
  return view(first_, sizes, steps);
}

NDArray NDArray::expand_dims(int axis) const {
  if (shape().rank() == max_rank) fail("expand_dims: at most 16 dimensions are supported");
  const auto at = static_cast<size_t>(axis_index(axis, shape().rank() + 1, "expand_dims"));
  auto sizes = shape().to_vector();
  std::vector<int64_t> steps(strides().begin(), strides().end());
  const auto step =
      at < steps.size() ? steps[at] * sizes[at] : static_cast<int64_t>(size_of(data_type()));
  sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(at), 1);
  steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(at), step);
  return view(first_, Shape(sizes), steps);
}

NDArray NDArray::broadcast_to(const Shape& wanted) const {
  const int more = wanted.rank() - shape().rank();
  bool fits = wanted.is_static() && more >= 0;
  std::vector<int64_t> steps(static_cast<size_t>(std::max(wanted.rank(), 0)));
  for (int axis = 0; fits && axis < shape().rank(); ++axis) {
    const auto size = wanted[axis + more];
    if (size == shape()[axis]) steps[static_cast<size_t>(axis + more)] = strides_[axis];
    else fits = shape()[axis] == 1;
  }
  if (!fits) fail("cannot be broadcast to " + wanted.to_string());
  layout::packed_strides({data_type(), wanted});  // its size must be a number
  return view(first_, wanted, steps).read_only();
}

NDArray NDArray::with_rank(int rank) const {
  if (rank < 1 || rank > max_rank)
    fail("a rank of " + std::to_string(rank) + "; it must be 1 to 16");
  auto sizes = shape().to_vector();
  while (std::ssize(sizes) < rank) sizes.insert(sizes.begin(), 1);
  while (std::ssize(sizes) > rank) {
    sizes[1] *= sizes[0];
    sizes.erase(sizes.begin());
  }
  return reshape(Shape(sizes));
}

NDArray NDArray::array_view(const Shape& shape, std::span<const int64_t> strides,
                            int64_t offset) const {
  const auto from_start = first_ - memory_.data();
  int64_t at = 0;
  if (__builtin_add_overflow(from_start, offset, &at) || at < 0)
    fail("array_view: byte " + std::to_string(offset) + " lies before its memory");
  NDArray result(memory_, static_cast<size_t>(at), {data_type(), shape}, strides, owner_,
                 is_writeable_);
  return result;
}

NDArray NDArray::read_only() const {
  NDArray result = *this;
  result.is_writeable_ = false;
  return result;
}

}  // namespace mpsg
