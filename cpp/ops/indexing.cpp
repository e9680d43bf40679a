#include "ops/indexing.h"

#include <algorithm>

#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"
#include "ops/tensor_shape/strided_copy.h"

namespace mpsg::ops {
namespace {

std::string text(int64_t number) { return std::to_string(number); }

int batch_of(const OperationView& operation) {
  if (operation.row().attribute_index("batch_dimensions") < 0) return 0;
  return static_cast<int>(operation.integer("batch_dimensions"));
}

int axis_of(const OperationView& operation, int rank) {
  const int64_t axis = one_integer(operation, "axis");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

/// The first `count` sizes of both, which must be equal, and are written into `picked`.
void merge_leading(const InferContext& c, const Shape& data, const Shape& indices, int count,
                   Shape& picked) {
  for (int i = 0; i < count; ++i) {
    if (differ(data[i], indices[i]))
      c.fail("batch dimension " + text(i) + " of the data " + data.to_string() +
             " and of the indices " + indices.to_string() + " differ");
    picked.append(std::max(data[i], indices[i]));
  }
}

void require_batch(const InferContext& c, int batch, int most, const std::string& what) {
  if (batch > most)
    c.fail("'batch_dimensions' is " + text(batch) + "; " + what + " allow at most " + text(most));
}

Shape picked_on_axis(const InferContext& c, const Shape& data, const Shape& indices) {
  const int axis = normalize_axis(c, "axis", c.integer("axis"), data.rank());
  const int batch = batch_of(c);
  require_batch(c, batch, std::min(axis, indices.rank()), "the axis and the indices");
  if (data.rank() + indices.rank() - 1 - batch > max_rank)
    c.fail("the result has more than 16 dimensions");
  Shape picked;
  merge_leading(c, data, indices, batch, picked);
  for (int i = batch; i < axis; ++i) picked.append(data[i]);
  for (int i = batch; i < indices.rank(); ++i) picked.append(indices[i]);
  for (int i = axis + 1; i < data.rank(); ++i) picked.append(data[i]);
  return picked;
}

Shape picked_by_coordinates(const InferContext& c, const Shape& data, const Shape& indices) {
  const int batch = batch_of(c);
  if (indices.rank() == 0) c.fail("'indices' must have at least one dimension: the coordinates");
  require_batch(c, batch, std::min(indices.rank() - 1, data.rank()), "data and indices");
  const int64_t components = indices[indices.rank() - 1];
  if (components < 0) return Shape::unranked();
  if (batch + components > data.rank())
    c.fail(text(components) + " coordinates and " + text(batch) +
           " batch dimensions are more than the data " + data.to_string() + " has");
  const int first = batch + static_cast<int>(components);
  if (indices.rank() - 1 + data.rank() - first > max_rank)
    c.fail("the result has more than 16 dimensions");
  Shape picked;
  merge_leading(c, data, indices, batch, picked);
  for (int i = batch; i < indices.rank() - 1; ++i) picked.append(indices[i]);
  for (int i = first; i < data.rank(); ++i) picked.append(data[i]);
  return picked;
}

Shape picked_along_axis(const InferContext& c, const Shape& data, const Shape& indices) {
  const auto given = c.known_integer("axis");
  if (data.rank() != indices.rank())
    c.fail("the indices " + indices.to_string() + " must have the rank of the data " +
           data.to_string());
  if (!given) return indices;
  const int axis = normalize_axis(c, "axis", *given, data.rank());
  auto picked = indices;
  for (int i = 0; i < data.rank(); ++i) {
    if (i == axis) continue;
    if (differ(data[i], indices[i]))
      c.fail("the data " + data.to_string() + " and the indices " + indices.to_string() +
             " may differ along axis " + text(axis) + " only");
    picked[i] = std::max(data[i], indices[i]);
  }
  return picked;
}

}  // namespace

Shape picked_shape(const InferContext& c, IndexingKind kind, const Shape& data,
                   const Shape& indices) {
  if (!data.has_rank() || !indices.has_rank()) return Shape::unranked();
  switch (kind) {
    case IndexingKind::one_axis: return picked_on_axis(c, data, indices);
    case IndexingKind::coordinates: return picked_by_coordinates(c, data, indices);
    case IndexingKind::along_axis: break;
  }
  return picked_along_axis(c, data, indices);
}

Indexing resolve_indexing(IndexingKind kind, const OperationView& operation, const Shape& data,
                          const Shape& indices) {
  Indexing indexing;
  const int data_rank = data.rank(), indices_rank = indices.rank();
  if (kind == IndexingKind::coordinates) {
    const int batch = batch_of(operation);
    const int first = batch + static_cast<int>(indices[indices_rank - 1]);
    for (int i = 0; i < data_rank; ++i)
      indexing.data.push_back(i < batch   ? i
                              : i < first ? -1 - (i - batch)
                                          : indices_rank - 1 + i - first);
    for (int i = 0; i < indices_rank; ++i) indexing.indices.push_back(i);
    indexing.indices.back() = -1;
    indexing.picked_rank = indices_rank - 1 + data_rank - first;
    return indexing;
  }
  const int axis = axis_of(operation, data_rank);
  const bool along = kind == IndexingKind::along_axis;
  const int batch = batch_of(operation);
  const int added = along ? 0 : indices_rank - batch - 1;
  for (int i = 0; i < data_rank; ++i)
    indexing.data.push_back(i == axis ? -1 : i < axis ? i : i + added);
  for (int i = 0; i < indices_rank; ++i)
    indexing.indices.push_back(along || i < batch ? i : axis + i - batch);
  indexing.picked_rank = data_rank + added;
  return indexing;
}

namespace {

PickedStrides strides_of(const Indexing& indexing, const Shape& data, const Shape& indices) {
  const auto rank = static_cast<size_t>(indexing.picked_rank);
  PickedStrides strides{std::vector<int64_t>(rank), std::vector<int64_t>(rank), {}};
  const auto data_steps = packed_strides(data), index_steps = packed_strides(indices);
  for (size_t i = 0; i < indexing.data.size(); ++i) {
    const int axis = indexing.data[i];
    if (axis >= 0) strides.data[static_cast<size_t>(axis)] = data_steps[i];
    else strides.components.push_back({data[static_cast<int>(i)], data_steps[i], -1 - axis});
  }
  for (size_t i = 0; i < indexing.indices.size(); ++i)
    if (indexing.indices[i] >= 0)
      strides.indices[static_cast<size_t>(indexing.indices[i])] = index_steps[i];
  return strides;
}

/// How many of the last picked axes lie in the data as they lie in what is picked.
int shared_tail(const Indexing& indexing) {
  int tail = 0;
  const int data_rank = static_cast<int>(indexing.data.size());
  while (tail < std::min(data_rank, indexing.picked_rank)) {
    const int axis = indexing.picked_rank - 1 - tail;
    if (indexing.data[static_cast<size_t>(data_rank - 1 - tail)] != axis) break;
    if (std::ranges::find(indexing.indices, axis) != indexing.indices.end()) break;
    ++tail;
  }
  return tail;
}

/// The first picked axes that data and what is picked have in common: what is picked at one place
/// along them lies at the same place of the data.
int64_t groups_of(const Indexing& indexing, const Shape& picked, int outer_rank) {
  int64_t groups = 1;
  for (int i = 0; i < outer_rank && i < static_cast<int>(indexing.data.size()); ++i) {
    if (indexing.data[static_cast<size_t>(i)] != i) break;
    groups *= picked[i];
  }
  return groups;
}

}  // namespace

PickedRuns::PickedRuns(const Indexing& indexing, const Shape& data, const TensorView& indices,
                       const Shape& picked)
    : strides_(strides_of(indexing, data, indices.shape)),
      picked_(picked),
      outer_rank_(indexing.picked_rank - shared_tail(indexing)),
      groups_(groups_of(indexing, picked, outer_rank_)) {
  for (int i = 0; i < picked.rank(); ++i) (i < outer_rank_ ? count_ : length_) *= picked[i];
  if (length_ == 0) count_ = 0;
  narrow_ = indices.data_type == DataType::int32;
  // A uint64 that is too large for int64 reads as negative: out of range as well.
  const bool as_they_are =
      narrow_ || indices.data_type == DataType::int64 || indices.data_type == DataType::uint64;
  if (!as_they_are) converted_ = read_integers(indices);
  indices_ = as_they_are ? indices.data : converted_.data();
}

/// These runs differ in their place on the last outer axis only.
template <class Index>
void PickedRuns::find_on_line(int64_t first, std::span<int64_t> offsets) const {
  const auto* all = static_cast<const Index*>(indices_);
  int64_t rest = first, offset = 0, place = 0;
  for (int axis = outer_rank_ - 1; axis >= 0; --axis) {
    const int64_t at = rest % picked_[axis];
    rest /= picked_[axis];
    offset += at * strides_.data[static_cast<size_t>(axis)];
    place += at * strides_.indices[static_cast<size_t>(axis)];
  }
  const auto last = static_cast<size_t>(std::max(0, outer_rank_ - 1));
  const int64_t data_step = outer_rank_ > 0 ? strides_.data[last] : 0;
  const int64_t place_step = outer_rank_ > 0 ? strides_.indices[last] : 0;
  if (strides_.components.size() == 1) {
    const auto [extent, stride, further] = strides_.components[0];
    const Index* indices = all + place + further;
    for (auto& found : offsets) {
      const int64_t index = *indices;
      found = index >= 0 && index < extent ? offset + index * stride : -1;
      offset += data_step;
      indices += place_step;
    }
    return;
  }
  for (auto& found : offsets) {
    found = offset;
    for (const auto& component : strides_.components) {
      const int64_t index = all[place + component.place];
      if (index < 0 || index >= component.extent) {
        found = -1;
        break;
      }
      found += index * component.data_stride;
    }
    offset += data_step;
    place += place_step;
  }
}

void PickedRuns::find(int64_t first, std::span<int64_t> offsets) const {
  const int64_t line = outer_rank_ > 0 ? picked_[outer_rank_ - 1] : 1;
  while (!offsets.empty()) {
    const auto some = std::min(offsets.size(), static_cast<size_t>(line - first % line));
    if (narrow_) find_on_line<int32_t>(first, offsets.first(some));
    else find_on_line<int64_t>(first, offsets.first(some));
    offsets = offsets.subspan(some);
    first += static_cast<int64_t>(some);
  }
}

void stitch_gather(StitchContext& c, IndexingKind kind) {
  if (refuse_complex(c)) return;
  const auto& data = c.input_type(0).shape;
  const auto& indices = c.input_type(1).shape;
  const auto indexing = resolve_indexing(kind, c, data, indices);
  std::vector<StitchIndex> at;
  Element guard;
  for (size_t i = 0; i < indexing.data.size(); ++i) {
    if (indexing.data[i] >= 0) {
      at.push_back(c.index(indexing.data[i]));
      continue;
    }
    std::vector<StitchIndex> place;
    for (const int axis : indexing.indices)
      place.push_back(axis >= 0 ? c.index(axis) : StitchIndex::constant(-1 - indexing.data[i]));
    at.push_back(dynamic_index(c.input_at(1, place).convert(DataType::int64)));
    guard = both_guards(c, guard, c.inside(at.back(), 0, c.input_size(0, static_cast<int>(i))));
  }
  c.give(c.input_at(0, at, guard));
}

}  // namespace mpsg::ops
