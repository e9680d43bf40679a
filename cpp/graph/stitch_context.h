// What a row's stitch rule is handed: it writes how one element of the result follows from elements
// of the operands. Rules pull: they ask for operand elements at indices, and whether these are
// loaded or computed in the same kernel is not their business.
#pragma once

#include <string_view>
#include <vector>

#include "graph/element_program.h"
#include "graph/operation_view.h"
#include "mpsg/shape.h"

namespace mpsg {

/// An element with the operators of arithmetic, for readable rules. A number takes the type of the
/// other operand.
class Expression {
 public:
  Expression() = default;
  Expression(ElementBuilder& builder, Element element) : builder_(&builder), element_(element) {}

  Element element() const { return element_; }
  DataType type() const { return element_.type; }
  ElementBuilder& builder() const { return *builder_; }
  explicit operator bool() const { return bool(element_); }

  Expression literal(double value) const { return {*builder_, builder_->literal(value, type())}; }
  Expression apply(ElementOp op) const { return {*builder_, builder_->apply(op, element_)}; }
  Expression apply(ElementOp op, const Expression& other) const {
    return {*builder_, builder_->apply(op, element_, other.element_)};
  }
  Expression apply(ElementOp op, double other) const { return apply(op, literal(other)); }
  Expression convert(DataType type) const { return {*builder_, builder_->convert(element_, type)}; }

 private:
  ElementBuilder* builder_ = nullptr;
  Element element_;
};

inline Expression operator+(const Expression& a, const Expression& b) {
  return a.apply(ElementOp::add, b);
}
inline Expression operator-(const Expression& a, const Expression& b) {
  return a.apply(ElementOp::subtract, b);
}
inline Expression operator*(const Expression& a, const Expression& b) {
  return a.apply(ElementOp::multiply, b);
}
inline Expression operator/(const Expression& a, const Expression& b) {
  return a.apply(ElementOp::divide, b);
}
inline Expression operator-(const Expression& a) { return a.apply(ElementOp::negate); }
inline Expression operator+(const Expression& a, double b) { return a + a.literal(b); }
inline Expression operator-(const Expression& a, double b) { return a - a.literal(b); }
inline Expression operator*(const Expression& a, double b) { return a * a.literal(b); }
inline Expression operator-(double a, const Expression& b) { return b.literal(a) - b; }
inline Expression operator/(double a, const Expression& b) { return b.literal(a) / b; }
inline Expression operator<(const Expression& a, const Expression& b) {
  return a.apply(ElementOp::less, b);
}
inline Expression operator>(const Expression& a, const Expression& b) {
  return a.apply(ElementOp::greater, b);
}
inline Expression operator<(const Expression& a, double b) { return a < a.literal(b); }
inline Expression operator>(const Expression& a, double b) { return a > a.literal(b); }
inline Expression select(const Expression& condition, const Expression& a, const Expression& b) {
  return {a.builder(), a.builder().select(condition.element(), a.element(), b.element())};
}

/// A number that follows from sizes: as it is in this run, and as the compiler decides on it (see
/// GraphData::symbolic_shape). Equal numbers are known to be so only if their symbols are equal.
struct StitchSize {
  int64_t symbol = 0;
  int64_t value = 0;

  StitchSize() = default;
  StitchSize(int64_t known) : symbol(known), value(known) {}  // NOLINT: as good as a size
  StitchSize(int64_t symbol_of_it, int64_t value_of_it)
      : symbol(symbol_of_it), value(value_of_it) {}
  bool is_open() const { return symbol != value; }
  friend bool operator==(const StitchSize& a, const StitchSize& b) { return a.symbol == b.symbol; }
  friend StitchSize operator+(const StitchSize& a, const StitchSize& b) {
    return {a.symbol + b.symbol, a.value + b.value};
  }
  friend StitchSize operator-(const StitchSize& a, const StitchSize& b) {
    return {a.symbol - b.symbol, a.value - b.value};
  }
  friend StitchSize operator*(const StitchSize& a, int64_t b) {
    // May not fit: then it is compared, never used.
    const auto product = static_cast<uint64_t>(a.symbol) * static_cast<uint64_t>(b);
    return {static_cast<int64_t>(product), a.value * b};
  }
};

/// An index along one axis of a tensor: offset + sum of scale * position along a dimension of the
/// kernel's domain, plus an integer computed at run time, if any.
struct StitchIndex {
  struct Term {
    int32_t dimension = 0;
    int64_t scale = 1;
    bool operator==(const Term&) const = default;
  };
  std::vector<Term> terms;
  StitchSize offset = 0;
  Element dynamic;  // int64, or none

  static StitchIndex constant(const StitchSize& value) { return {{}, value, {}}; }
  StitchIndex shifted(const StitchSize& by) const;
  StitchIndex scaled(int64_t by) const;  // no dynamic part allowed
};

class StitchContext : public OperationView {
 public:
  StitchContext(const OperationView& view, ElementBuilder& builder)
      : OperationView(view), builder_(builder) {}
  virtual ~StitchContext() = default;

  ElementBuilder& builder() const { return builder_; }
  virtual const TensorType& input_type(int operand) const = 0;
  virtual const TensorType& result_type() const = 0;
  /// The shapes of both in symbols. Without any, every size is known.
  virtual const Shape& input_symbols(int operand) const { return input_type(operand).shape; }
  virtual const Shape& result_symbols() const { return result_type().shape; }
  StitchSize input_size(int operand, int axis) const {
    return {input_symbols(operand)[axis], input_type(operand).shape[axis]};
  }
  StitchSize result_size(int axis) const {
    return {result_symbols()[axis], result_type().shape[axis]};
  }

  /// The operand's element that broadcasting pairs with the result's, in its compute type.
  virtual Expression input(int operand) = 0;
  /// The element at one index per axis of the operand. Where `guard` (bool) is false nothing is
  /// read and the element is 0.
  virtual Expression input_at(int operand, const std::vector<StitchIndex>& at,
                              Element guard = {}) = 0;
  /// Index of the result's element along one of its axes.
  virtual const StitchIndex& index(int axis) const = 0;
  /// An index as an int64 element.
  virtual Expression value_of(const StitchIndex& index) = 0;
  /// A number as an int64 element: if it is open, one that the kernel is called with.
  virtual Expression value_of(const StitchSize& size) {
    return {builder_, builder_.literal_integer(size.value, DataType::int64)};
  }
  /// begin <= index < end, as a bool element.
  Element inside(const StitchIndex& index, const StitchSize& begin, const StitchSize& end);
  Expression literal(double value, DataType type) {
    return {builder_, builder_.literal(value, type)};
  }
  /// This operation does not stitch for these types or attributes after all.
  void refuse() { refused_ = true; }
  bool refused() const { return refused_; }

  /// The result's element; converted (rounded) to the result's type.
  void give(const Expression& result) { result_ = result; }
  const Expression& result() const { return result_; }

 private:
  ElementBuilder& builder_;
  Expression result_;
  bool refused_ = false;
};

}  // namespace mpsg
