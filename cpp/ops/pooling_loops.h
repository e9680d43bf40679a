// Reference loops of 2D pooling, and how the index of a maximum is counted.
#pragma once

#include "graph/contexts.h"
#include "ops/enums.h"
#include "ops/window.h"

namespace mpsg::ops {

/// How the place (n, c, y, x) of a maximum becomes one number: the sum of its coordinates times
/// these strides. For a local mode y and x are the tap's.
struct IndexCoding {
  bool local = false;
  int64_t image = 0, channel = 0, y = 0, x = 0;
  int64_t count = 1;  // indices are less than this
};

/// The coding for a source and window of these sizes; those of -1 are unknown, and so is the count.
IndexCoding index_coding(PoolingReturnIndicesMode mode, const Pooling2DGeometry& geometry);

/// Where maxima go; `indices` may be null.
struct MaximumResults {
  const TensorView& values;
  const TensorView* indices = nullptr;
};

/// Maxima of all windows: the first one of equals; NaN is above all.
void pool_maximum(const Pooling2DGeometry& geometry, const IndexCoding& coding,
                  const TensorView& source, const MaximumResults& results,
                  const Parallel& parallel);

/// Which source element each window chose: found again from the source, or told by indices, which
/// must then say y and x. The other one is null.
struct Choice {
  const TensorView* source = nullptr;
  const TensorView* indices = nullptr;
  IndexCoding coding;
};

/// Adds each element of `gradient` (pooled shape) to the source element that its window chose.
void scatter_to_maximum(const Pooling2DGeometry& geometry, const Choice& choice,
                        const TensorView& gradient, const TensorView& result,
                        const Parallel& parallel);
/// Takes from `tensor` (source shape) what each window chose; 0 where it chose nothing.
void gather_from_maximum(const Pooling2DGeometry& geometry, const Choice& choice,
                         const TensorView& tensor, const TensorView& result,
                         const Parallel& parallel);

void pool_average(const Pooling2DGeometry& geometry, const TensorView& source,
                  const TensorView& result, const Parallel& parallel);
void pool_average_gradient(const Pooling2DGeometry& geometry, const TensorView& gradient,
                           const TensorView& result, const Parallel& parallel);

}  // namespace mpsg::ops
