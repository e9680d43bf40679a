#include "ops/tensor_shape/slice_bounds.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <string>

#include "mpsg/error.h"

namespace mpsg::ops {
namespace {

std::string text(int64_t number) { return std::to_string(number); }

[[noreturn]] void fail(const std::string& message) { throw GraphError(message); }

bool given(const PartialIntegers& values) { return !values || !values->empty(); }

/// Parameters by name, wherever they come from.
struct Source {
  const OperationView& operation;
  std::function<bool(std::string_view)> has;
  std::function<PartialIntegers(std::string_view)> read;  // of one that was given

  bool knows(std::string_view name) const {
    return operation.row().attribute_index(name) >= 0 && has(name);
  }
  PartialIntegers list(std::string_view name) const {
    return knows(name) ? read(name) : PartialIntegers(std::in_place);
  }
};

/// slice(tensor, dimension=, start=, length=).
SliceBounds one_dimension(const Source& source, int rank) {
  const auto& operation = source.operation;
  for (const char* other : {"starts", "ends", "strides", "sizes"})
    if (source.knows(other))
      fail("'dimension' goes with 'start' and 'length', not with '" + std::string(other) + "'");
  if (!operation.given("start") || !operation.given("length"))
    fail("'dimension' needs 'start' and 'length'");
  int64_t dimension = operation.integer("dimension");
  if (dimension < -rank || dimension >= rank)
    fail("'dimension' is " + text(dimension) + "; the tensor has rank " + text(rank));
  if (operation.integer("length") < 0)
    fail("'length' is " + text(operation.integer("length")) + "; it must be >= 0");
  if (dimension < 0) dimension += rank;
  SliceBounds bounds;
  bounds.sized = bounds.exact = true;
  const auto count = static_cast<size_t>(dimension) + 1;
  bounds.starts.emplace(count, int64_t{0});
  bounds.sizes.emplace(count, int64_t{-1});
  bounds.starts->back() = operation.integer("start");
  bounds.sizes->back() = operation.integer("length");
  bounds.squeeze_mask = static_cast<uint64_t>(operation.integer("squeeze_mask"));
  return bounds;
}

/// As many starts as `update` has axes, which say the sizes.
void size_by_update(SliceBounds& bounds, int rank, const Shape& update) {
  if (bounds.squeeze_mask != 0) fail("'squeeze_mask' without 'ends' needs 'sizes'");
  if (update.has_rank() && update.rank() != rank)
    fail("the update " + update.to_string() + " must have the rank of the data, " + text(rank));
  bounds.sizes.emplace(static_cast<size_t>(rank));
  if (!update.has_rank()) return;
  for (int axis = 0; axis < rank; ++axis)
    if (update[axis] >= 0) (*bounds.sizes)[static_cast<size_t>(axis)] = update[axis];
}

SliceBounds read_bounds(const Source& source, int rank, const Shape* update) {
  const auto& operation = source.operation;
  if (operation.row().attribute_index("dimension") >= 0) {
    if (operation.given("dimension")) return one_dimension(source, rank);
    if (operation.given("start") || operation.given("length"))
      fail("'start' and 'length' need 'dimension'; see also 'starts' and 'sizes'");
  }
  SliceBounds bounds;
  bounds.start_mask = static_cast<uint64_t>(operation.integer("start_mask"));
  bounds.end_mask = static_cast<uint64_t>(operation.integer("end_mask"));
  bounds.squeeze_mask = static_cast<uint64_t>(operation.integer("squeeze_mask"));
  bounds.starts = source.list("starts");
  bounds.ends = source.list("ends");
  bounds.strides = source.list("strides");
  bounds.sizes = source.list("sizes");
  bounds.sized = source.knows("sizes");
  bounds.run_time = operation.has("start_tensor");
  if (bounds.run_time) {
    if (source.knows("starts")) fail("'starts' and 'start_tensor' are both given");
    bounds.starts = source.read("start_tensor");
  }
  if (update && !bounds.sized && !given(bounds.ends) && !given(bounds.strides)) {
    bounds.sized = true;
    size_by_update(bounds, rank, *update);
  }
  if (bounds.sized && (given(bounds.ends) || given(bounds.strides)))
    fail("'sizes' replaces 'ends' and 'strides'; give one or the other");
  if (bounds.run_time && !bounds.sized)
    fail("starts that are known at run time only need 'sizes' instead of 'ends'");
  if (bounds.sized && (bounds.start_mask != 0 || bounds.end_mask != 0))
    fail("'start_mask' and 'end_mask' go with 'ends', not with 'sizes'");
  return bounds;
}

/// Entry `i` of a list: nullopt if not known yet, `otherwise` if the list is shorter.
std::optional<int64_t> entry(const PartialIntegers& list, size_t i, int64_t otherwise) {
  return i < list->size() ? (*list)[i] : otherwise;
}

/// How many axes the parameters name; nullopt if not known yet.
std::optional<size_t> named_axes(const SliceBounds& bounds, const Shape& data) {
  size_t count = 0;
  bool unknown = false;
  for (const auto* list : {&bounds.starts, &bounds.ends, &bounds.strides, &bounds.sizes}) {
    if (!*list) {
      unknown = true;
      continue;
    }
    if ((*list)->empty()) continue;
    if (!bounds.sized && count > 0 && (*list)->size() != count)
      fail("'starts', 'ends' and 'strides' have different lengths");
    count = std::max(count, (*list)->size());
  }
  if (count > static_cast<size_t>(data.rank()))
    fail("the slice names " + std::to_string(count) + " axes; the tensor's shape is " +
         data.to_string());
  if (unknown) return std::nullopt;
  if (count < 64 && bounds.squeeze_mask >> count != 0)
    fail("'squeeze_mask' names an axis that has no start");
  return count;
}

/// One axis of the form starts and sizes; a negative start counts from the end.
SliceAxis sized_axis(const SliceBounds& bounds, size_t i, int64_t extent) {
  SliceAxis axis;
  const auto start = entry(bounds.starts, i, 0);
  const auto size = entry(bounds.sizes, i, -1);
  if (size && *size < -1) fail("'sizes' has a size of " + text(*size));
  const bool rest = size == -1;
  if (rest && bounds.run_time && i < bounds.starts->size())
    fail("'sizes' must be >= 0 where the start is known at run time only");
  if (size && !rest) axis.size = *size;
  if (extent < 0) return axis;
  if (axis.size > extent)
    fail("the slice takes " + text(axis.size) + " elements along axis " + std::to_string(i) +
         ", which has " + text(extent));
  if (!start || !size) return axis;
  const int64_t least = rest ? 0 : axis.size;
  const int64_t from_front = *start < 0 ? *start + extent : *start;
  axis.start = std::clamp<int64_t>(from_front, 0, extent - least);
  if (bounds.exact && axis.start != from_front)
    fail(text(axis.size) + " elements from " + text(*start) + " on are not all inside axis " +
         std::to_string(i) + " of size " + text(extent));
  if (rest) axis.size = extent - axis.start;
  return axis;
}

/// The one element that a squeezed axis takes.
SliceAxis single_element(std::optional<int64_t> start, std::optional<int64_t> stride, size_t i,
                         int64_t extent) {
  if (stride && *stride < 0) fail("a squeezed axis cannot have a negative stride");
  SliceAxis axis{.size = 1};
  if (!start || extent < 0) return axis;
  axis.start = *start < 0 ? *start + extent : *start;
  if (axis.start < 0 || axis.start >= extent)
    fail("index " + text(*start) + " is outside axis " + std::to_string(i) + " of size " +
         text(extent));
  return axis;
}

/// One axis of the form starts, ends, strides.
SliceAxis strided_axis(const SliceBounds& bounds, size_t i, int64_t extent) {
  const auto bit = uint64_t{1} << i;
  const auto start = entry(bounds.starts, i, 0), end = entry(bounds.ends, i, 0);
  const auto stride = entry(bounds.strides, i, 1);
  if (stride == 0) fail("the stride along axis " + std::to_string(i) + " is 0");
  if (bounds.squeeze_mask & bit) return single_element(start, stride, i, extent);
  const bool no_start = (bounds.start_mask & bit) || bounds.starts->empty();
  const bool no_end = (bounds.end_mask & bit) || bounds.ends->empty();
  SliceAxis axis;
  if (extent < 0 || !stride || (!start && !no_start) || (!end && !no_end)) return axis;
  const bool forward = *stride > 0;
  const int64_t low = forward ? 0 : -1, high = forward ? extent : extent - 1;
  const auto canonical = [&](int64_t at) {
    return std::clamp(at < 0 ? at + extent : at, low, high);
  };
  const int64_t first = no_start ? (forward ? low : high) : canonical(*start);
  const int64_t stop = no_end ? (forward ? high : low) : canonical(*end);
  const int64_t interval = stop - first;
  axis.size = interval == 0 || (interval > 0) != forward
                  ? 0
                  : interval / *stride + (interval % *stride != 0);
  // Neither start nor stride matters for an empty slice; a huge stride must not overflow later.
  axis.start = axis.size == 0 ? 0 : first;
  axis.stride = axis.size <= 1 ? 1 : *stride;
  return axis;
}

}  // namespace

SliceBounds slice_bounds(const InferContext& c, int rank, const Shape* update) {
  return read_bounds({c, [&](std::string_view name) { return c.given_either_way(name); },
                      [&](std::string_view name) { return c.partial_integers(name); }},
                     rank, update);
}

SliceBounds slice_bounds(const EvaluateContext& c, int rank, const Shape* update) {
  return read_bounds({c, [&](std::string_view name) { return c.given_either_way(name); },
                      [&](std::string_view name) -> PartialIntegers {
                        const auto values = c.integers_of(name);
                        return std::vector<std::optional<int64_t>>(values.begin(), values.end());
                      }},
                     rank, update);
}

SliceBounds slice_bounds(const StitchContext& c, int rank, const Shape* update) {
  const auto read = [&](std::string_view name) -> PartialIntegers {
    if (name == "start_tensor") {
      const auto& shape = c.input_type(c.first_input(name)).shape;
      return std::vector<std::optional<int64_t>>(static_cast<size_t>(*shape.element_count()));
    }
    const auto& values = c.integers(name);
    return std::vector<std::optional<int64_t>>(values.begin(), values.end());
  };
  return read_bounds({c, [&](std::string_view name) { return c.given(name); }, read}, rank, update);
}

std::optional<std::vector<SliceAxis>> resolve_slice(const SliceBounds& bounds, const Shape& data) {
  const auto named = named_axes(bounds, data);
  if (!named) return std::nullopt;
  std::vector<SliceAxis> axes;
  for (int i = 0; i < data.rank(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (at >= *named) {
      axes.push_back({.size = data[i]});
      continue;
    }
    axes.push_back(bounds.sized ? sized_axis(bounds, at, data[i])
                                : strided_axis(bounds, at, data[i]));
    axes.back().squeezed = (bounds.squeeze_mask >> at & 1) != 0;
    if (axes.back().squeezed && axes.back().size >= 0 && axes.back().size != 1)
      fail("axis " + std::to_string(i) + " is squeezed; its size must be 1, not " +
           text(axes.back().size));
  }
  return axes;
}

Shape sliced_shape(const SliceBounds& bounds, const Shape& data) {
  const auto axes = resolve_slice(bounds, data);
  if (!axes) {
    const int rank = data.rank() - std::popcount(bounds.squeeze_mask);
    if (rank < 0) fail("'squeeze_mask' names more axes than the tensor has");
    return Shape::unknown(rank);
  }
  Shape shape;
  for (const auto& axis : *axes)
    if (!axis.squeezed) shape.append(axis.size);
  return shape;
}

}  // namespace mpsg::ops
