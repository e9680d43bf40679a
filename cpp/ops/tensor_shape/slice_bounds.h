// Which elements a slice names: the parameters of slice, slice_gradient and slice_update, made
// into a start, stride and size for every axis.
#pragma once

#include <vector>

#include "graph/contexts.h"
#include "graph/stitch_context.h"

namespace mpsg::ops {

/// One axis of a slice: elements start, start + stride, ...; `size` of them.
struct SliceAxis {
  int64_t start = 0;
  int64_t stride = 1;
  int64_t size = unknown_dimension;  // unknown only while the graph is built
  bool squeezed = false;             // the result lacks this axis
};

/// What the parameters say, as far as it is known. A list that was not given is empty.
struct SliceBounds {
  bool sized = false;     // starts and sizes; otherwise starts, ends and strides
  bool exact = false;     // out of range is an error; otherwise it is clamped
  bool run_time = false;  // the starts come from `start_tensor`
  PartialIntegers starts{std::in_place}, ends{std::in_place}, strides{std::in_place},
      sizes{std::in_place};
  uint64_t start_mask = 0, end_mask = 0, squeeze_mask = 0;
};

/// Parameters of a row for data of rank `rank`. For slice_update, `update` is the shape that says
/// how much is replaced if nothing else does; otherwise null. Throws GraphError.
SliceBounds slice_bounds(const InferContext& c, int rank, const Shape* update);
/// The same at run time, with every value known.
SliceBounds slice_bounds(const EvaluateContext& c, int rank, const Shape* update);
/// The same while a kernel is written: starts that the run will say are not known.
SliceBounds slice_bounds(const StitchContext& c, int rank, const Shape* update);

/// TensorFlow's strided_slice rules, axis by axis; nullopt if it is not yet known how many axes
/// the parameters name. Throws GraphError.
std::optional<std::vector<SliceAxis>> resolve_slice(const SliceBounds& bounds, const Shape& data);

/// The shape of what a slice takes out of `data`.
Shape sliced_shape(const SliceBounds& bounds, const Shape& data);

}  // namespace mpsg::ops
