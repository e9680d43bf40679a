// How gradient rules and expansions write arithmetic: short names over Graph::add.
#pragma once

#include <initializer_list>
#include <vector>

#include "graph/contexts.h"
#include "mpsg/graph.h"

namespace mpsg::build {

Tensor unary(const char* op, const Tensor& x);
Tensor binary(const char* op, const Tensor& a, const TensorOrScalar& b);
Tensor binary(const char* op, double a, const Tensor& b);

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a);
Tensor operator+(const Tensor& a, double b);
Tensor operator-(const Tensor& a, double b);
Tensor operator*(const Tensor& a, double b);
Tensor operator/(const Tensor& a, double b);
Tensor operator-(double a, const Tensor& b);
Tensor operator*(double a, const Tensor& b);
Tensor operator/(double a, const Tensor& b);

Tensor square(const Tensor& x);
Tensor square_root(const Tensor& x);
Tensor select(const Tensor& predicate, const TensorOrScalar& yes, const TensorOrScalar& no);
Tensor cast(const Tensor& x, DataType type);
Tensor identity(const Tensor& x);
Tensor constant(Graph graph, double value, DataType type);
Tensor integers(Graph graph, const std::vector<int64_t>& values);  // int64 vector
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
/// Sums `x` over what was broadcast, so that it has the shape of `like`.
Tensor sum_to_like(const Tensor& x, const Tensor& like);
Tensor broadcast_like(const Tensor& x, const Tensor& like);
Tensor reshape_like(const Tensor& x, const Tensor& like);
/// Sum over axes; the reduced axes stay with size 1.
Tensor sum(const Tensor& x, const Argument& axes);
Tensor shape_of(const Tensor& x);

}  // namespace mpsg::build
