// Shape inference shared by rows. Unknown dimensions and ranks pass through.
#pragma once

#include <string>
#include <vector>

#include "graph/contexts.h"

namespace mpsg {

/// NumPy's broadcasting; fails naming both shapes, and `what` they are, if they do not fit.
Shape broadcast_shapes(const InferContext& c, const Shape& a, const Shape& b,
                       const std::string& what = {});
/// The shape of all operands broadcast together.
Shape broadcast_all(const InferContext& c);
/// Turns a negative axis into one from the front; fails if it is out of range.
int normalize_axis(const InferContext& c, std::string_view name, int64_t axis, int rank);
std::vector<int> normalize_axes(const InferContext& c, std::string_view name,
                                const std::vector<int64_t>& axes, int rank);
/// Fails unless the shape's rank is `rank` (or unknown).
void require_rank(const InferContext& c, std::string_view operand, int rank);
/// True if both are known and differ.
bool differ(int64_t a, int64_t b);
/// The more exact of two shapes that must be equal; fails if they cannot be.
Shape merge_shapes(const InferContext& c, const Shape& a, const Shape& b, const std::string& what);
/// Fails unless `shape` can be reshaped or broadcast as the known parts say; -1 stays unknown.
Shape shape_from(const InferContext& c, std::string_view name);

}  // namespace mpsg
