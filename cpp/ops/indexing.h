// How indices pick elements of a tensor: what gather and scatter rows, their loops and their stitch
// rules have in common. Gather reads the picked elements; scatter writes there.
#pragma once

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

/// Where runs of picked elements lie in the data, in order: first element, or -1 if out of range.
struct PickedRuns {
  int64_t length = 1;  // neighbours of a run, in the data and in what is picked
  std::vector<int64_t> offsets;
};
PickedRuns picked_runs(const Indexing& indexing, const Shape& data, const TensorView& indices,
                       const Shape& picked, const Parallel& parallel);

/// The stitch rule of gather rows: an element of operand 0 at what operand 1 says, or 0.
void stitch_gather(StitchContext& c, IndexingKind kind);

}  // namespace mpsg::ops
