#include "ops/shape_rules.h"

#include <algorithm>

namespace mpsg {

bool differ(int64_t a, int64_t b) { return a >= 0 && b >= 0 && a != b; }

Shape broadcast_shapes(const InferContext& c, const Shape& a, const Shape& b,
                       const std::string& what) {
  if (!a.has_rank() || !b.has_rank()) return Shape::unranked();
  const int rank = std::max(a.rank(), b.rank());
  Shape result = Shape::unknown(rank);
  for (int axis = 0; axis < rank; ++axis) {
    const int in_a = axis - (rank - a.rank()), in_b = axis - (rank - b.rank());
    const int64_t size_a = in_a < 0 ? 1 : a[in_a], size_b = in_b < 0 ? 1 : b[in_b];
    if (size_a == size_b || size_b == 1) {
      result[axis] = size_a;
    } else if (size_a == 1) {
      result[axis] = size_b;
    } else if (size_a < 0 || size_b < 0) {
      result[axis] = std::max(size_a, size_b);  // an unknown size must turn out equal, or 1
    } else {
      c.fail((what.empty() ? "" : what + ": ") + "shapes " + a.to_string() + " and " +
             b.to_string() + " do not broadcast: sizes " + std::to_string(size_a) + " and " +
             std::to_string(size_b) + " differ and neither is 1");
    }
  }
  return result;
}

Shape broadcast_all(const InferContext& c) {
  Shape shape = c.inputs()[0].shape;
  for (size_t i = 1; i < c.inputs().size(); ++i)
    shape = broadcast_shapes(c, shape, c.inputs()[i].shape);
  return shape;
}

int normalize_axis(const InferContext& c, std::string_view name, int64_t axis, int rank) {
  if (rank == 0)
    c.fail("'" + std::string(name) + "' is " + std::to_string(axis) +
           "; a scalar has no axes. Use reshape, or expand_dims, to give it one");
  if (axis < -rank || axis >= rank)
    c.fail("'" + std::string(name) + "' is " + std::to_string(axis) + "; a tensor of rank " +
           std::to_string(rank) + " has axes " + std::to_string(-rank) + " to " +
           std::to_string(rank - 1));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> normalize_axes(const InferContext& c, std::string_view name,
                                const std::vector<int64_t>& axes, int rank) {
  std::vector<int> result;
  for (const auto axis : axes) {
    const int normal = normalize_axis(c, name, axis, rank);
    if (std::ranges::find(result, normal) != result.end())
      c.fail("'" + std::string(name) + "' names axis " + std::to_string(axis) + " twice");
    result.push_back(normal);
  }
  return result;
}

void require_rank(const InferContext& c, std::string_view operand, int rank) {
  const auto& shape = c.shape(operand);
  if (shape.has_rank() && shape.rank() != rank)
    c.fail("'" + std::string(operand) + "' has shape " + shape.to_string() + "; " +
           (rank == 0 ? "a scalar" : "rank " + std::to_string(rank)) + " is needed");
}

Shape merge_shapes(const InferContext& c, const Shape& a, const Shape& b, const std::string& what) {
  if (!a.has_rank()) return b;
  if (!b.has_rank()) return a;
  bool fits = a.rank() == b.rank();
  Shape result = a;
  for (int axis = 0; fits && axis < a.rank(); ++axis) {
    fits = !differ(a[axis], b[axis]);
    result[axis] = std::max(a[axis], b[axis]);
  }
  if (!fits)
    c.fail(what + ": " + a.to_string() + " and " + b.to_string() + " differ; they must be equal");
  return result;
}

Shape shape_from(const InferContext& c, std::string_view name) {
  const auto values = c.partial_integers(name);
  if (!values) return Shape::unranked();
  if (values->size() > max_rank)
    c.fail("'" + std::string(name) + "' has " + std::to_string(values->size()) +
           " dimensions; at most 16 are supported");
  Shape shape;
  for (const auto& value : *values) {
    if (value && *value < 0)
      c.fail("'" + std::string(name) + "' has a size of " + std::to_string(*value) +
             "; sizes are >= 0");
    shape.append(value ? *value : unknown_dimension);
  }
  return shape;
}

}  // namespace mpsg
