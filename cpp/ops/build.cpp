#include "ops/build.h"

namespace mpsg::build {

Tensor unary(const char* op, const Tensor& x) { return x.graph().add_one(op, {{"tensor", x}}); }

Tensor binary(const char* op, const Tensor& a, const TensorOrScalar& b) {
  return a.graph().add_one(op, {{"primary_tensor", a}, {"secondary_tensor", b}});
}

Tensor binary(const char* op, double a, const Tensor& b) {
  return b.graph().add_one(
      op, {{"primary_tensor", TensorOrScalar(Scalar(a))}, {"secondary_tensor", b}});
}

Tensor operator+(const Tensor& a, const Tensor& b) { return binary("addition", a, b); }
Tensor operator-(const Tensor& a, const Tensor& b) { return binary("subtraction", a, b); }
Tensor operator*(const Tensor& a, const Tensor& b) { return binary("multiplication", a, b); }
Tensor operator/(const Tensor& a, const Tensor& b) { return binary("division", a, b); }
Tensor operator-(const Tensor& a) { return unary("negative", a); }
Tensor operator+(const Tensor& a, double b) { return binary("addition", a, Scalar(b)); }
Tensor operator-(const Tensor& a, double b) { return binary("subtraction", a, Scalar(b)); }
Tensor operator*(const Tensor& a, double b) { return binary("multiplication", a, Scalar(b)); }
Tensor operator/(const Tensor& a, double b) { return binary("division", a, Scalar(b)); }
Tensor operator-(double a, const Tensor& b) { return binary("subtraction", a, b); }
Tensor operator*(double a, const Tensor& b) { return binary("multiplication", a, b); }
Tensor operator/(double a, const Tensor& b) { return binary("division", a, b); }

Tensor square(const Tensor& x) { return unary("square", x); }
Tensor square_root(const Tensor& x) { return unary("square_root", x); }

Tensor select(const Tensor& predicate, const TensorOrScalar& yes, const TensorOrScalar& no) {
  return predicate.graph().add_one("select", {{"predicate_tensor", predicate},
                                              {"true_predicate_tensor", yes},
                                              {"false_predicate_tensor", no}});
}

Tensor cast(const Tensor& x, DataType type) {
  if (x.data_type() == type) return x;
  return x.graph().add_one("cast", {{"tensor", x}, {"type", type}});
}

Tensor identity(const Tensor& x) { return unary("identity", x); }

Tensor constant(Graph graph, double value, DataType type) {
  AttributeValue number = value;
  if (!is_floating(type) && !is_complex(type)) number = static_cast<int64_t>(value);
  return graph.add_one("constant", {{"value", number}, {"data_type", type}});
}

Tensor integers(Graph graph, const std::vector<int64_t>& values) {
  return graph.add_one("constant", {{"value", Bytes::copy(std::as_bytes(std::span(values)))},
                                    {"shape", std::vector<int64_t>{std::ssize(values)}},
                                    {"data_type", DataType::int64}});
}

namespace {
Tensor with_like(const char* op, const Tensor& x, const Tensor& like) {
  if (x.shape().is_static() && x.shape() == like.shape()) return x;
  return x.graph().add_one(op, {{"tensor", x}, {"like", like}});
}
}  // namespace

Tensor zeros_like(const Tensor& x) { return unary("zeros_like", x); }
Tensor ones_like(const Tensor& x) { return unary("ones_like", x); }
Tensor sum_to_like(const Tensor& x, const Tensor& like) {
  return with_like("sum_to_like", x, like);
}
Tensor broadcast_like(const Tensor& x, const Tensor& like) {
  return with_like("broadcast_like", x, like);
}
Tensor reshape_like(const Tensor& x, const Tensor& like) {
  return with_like("reshape_like", x, like);
}
Tensor sum(const Tensor& x, const Argument& axes) {
  return x.graph().add_one("reduction_sum", {{"tensor", x}, axes});
}
Tensor shape_of(const Tensor& x) { return unary("shape_of", x); }

}  // namespace mpsg::build
