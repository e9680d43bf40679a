// How indices pick elements of a tensor: what gather and scatter rows, their loops and their stitch
// rules have in common. Gather reads the picked elements; scatter writes there.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "graph/contexts.h"
#include "graph/stitch_context.h"

namespace mpsg::ops {

enum class IndexingKind {
  one_axis,     // an index replaces one axis of the data by the axes of the indices
  coordinates,  // the last axis of the indices holds the first coordinates of a slice
  along_axis,   // every element has its own index along one axis
};

/// The axes of data and indices in terms of the axes of what is picked.
struct Indexing {
  std::vector<int> data;     // the picked axis that each data axis follows, or -1 - its component
  std::vector<int> indices;  // the picked axis that each axis of the indices follows, or -1
  int picked_rank = 0;
};

/// `operation` has the attributes `axis` and `batch_dimensions`, as far as the kind needs them; all
/// shapes are known.
Indexing resolve_indexing(IndexingKind kind, const OperationView& operation, const Shape& data,
                          const Shape& indices);

/// The shape of what is picked; checks that data and indices fit. Unknown sizes pass through.
Shape picked_shape(const InferContext& c, IndexingKind kind, const Shape& data,
                   const Shape& indices);

/// Strides of data and indices along the picked axes, and of each component.
struct PickedStrides {
  std::vector<int64_t> data, indices;
  struct Component {
    int64_t extent, data_stride, place;  // place: further on in the indices
  };
  std::vector<Component> components;
};

/// Runs of picked elements that are neighbours in the data, too, in the order of what is picked.
class PickedRuns {
 public:
  PickedRuns(const Indexing& indexing, const Shape& data, const TensorView& indices,
             const Shape& picked);

  int64_t length() const { return length_; }  // of a run
  int64_t count() const { return count_; }
  /// Equal parts of the runs, each of which lies in its own part of the data.
  int64_t groups() const { return groups_; }

  /// body(run, offset) for these runs, in order; offset: of the first element in the data, or -1 if
  /// an index is out of range.
  template <class Body>
  void for_each(int64_t begin, int64_t end, Body&& body) const {
    std::array<int64_t, 512> offsets;
    while (begin < end) {
      const int64_t some = std::min(end - begin, int64_t{std::size(offsets)});
      find(begin, std::span(offsets).first(static_cast<size_t>(some)));
      for (int64_t i = 0; i < some; ++i) body(begin + i, offsets[static_cast<size_t>(i)]);
      begin += some;
    }
  }

 private:
  void find(int64_t first, std::span<int64_t> offsets) const;
  template <class Index>
  void find_on_line(int64_t first, std::span<int64_t> offsets) const;

  PickedStrides strides_;
  Shape picked_;
  int outer_rank_;
  int64_t length_ = 1, count_ = 1, groups_ = 1;
  std::vector<int64_t> converted_;  // the indices, if they are neither int32 nor of 64 bits
  bool narrow_ = false;             // int32
  const void* indices_ = nullptr;
};

/// The stitch rule of gather rows: an element of operand 0 at what operand 1 says, or 0.
void stitch_gather(StitchContext& c, IndexingKind kind);

}  // namespace mpsg::ops
