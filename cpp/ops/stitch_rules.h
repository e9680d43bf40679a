// How rows write their stitch rules: from one function of expressions, beside the reference loop's
// function of scalars; and arithmetic of indices.
#pragma once

#include <span>
#include <type_traits>
#include <vector>

#include "graph/stitch_context.h"

namespace mpsg::ops {

/// Complex numbers do not stitch: refuses, and returns true, if there are any.
bool refuse_complex(StitchContext& c);

/// Rules of rows with one, two, three operands, from a captureless function of their elements.
template <class F>
StitchFunction stitch_unary(F) {
  static_assert(std::is_empty_v<F>);  // made anew where it is called
  return [](StitchContext& c) {
    if (!refuse_complex(c)) c.give(F{}(c.input(0)));
  };
}
template <class F>
StitchFunction stitch_binary(F) {
  static_assert(std::is_empty_v<F>);
  return [](StitchContext& c) {
    if (!refuse_complex(c)) c.give(F{}(c.input(0), c.input(1)));
  };
}
template <class F>
StitchFunction stitch_ternary(F) {
  static_assert(std::is_empty_v<F>);
  return [](StitchContext& c) {
    if (!refuse_complex(c)) c.give(F{}(c.input(0), c.input(1), c.input(2)));
  };
}

/// Rules that are one instruction.
template <ElementOp op>
StitchFunction stitch_unary() {
  return stitch_unary([](const Expression& x) { return x.apply(op); });
}
template <ElementOp op>
StitchFunction stitch_binary() {
  return stitch_binary([](const Expression& a, const Expression& b) { return a.apply(op, b); });
}

/// The operand's element as it is.
StitchFunction stitch_same();

/// One element, given by its bytes, as an expression.
Expression literal_of_bytes(StitchContext& c, DataType type, const void* bytes);

inline bool is_unsigned(DataType type) { return is_integer(type) && !is_signed_integer(type); }

inline Expression equal(const Expression& a, const Expression& b) {
  return a.apply(ElementOp::equal, b);
}
inline Expression equal(const Expression& a, double b) { return equal(a, a.literal(b)); }
inline Expression is_nan(const Expression& x) { return x.apply(ElementOp::not_equal, x); }
inline Expression both(const Expression& a, const Expression& b) {
  return a.apply(ElementOp::bit_and, b);
}

/// The indices of the result's element, one for each axis.
std::vector<StitchIndex> result_indices(StitchContext& c);
/// An index that is computed at run time, of type int64.
StitchIndex dynamic_index(const Expression& at);
/// An index times a number, whether it is computed at run time or not.
StitchIndex scaled(StitchContext& c, const StitchIndex& index, int64_t by);
/// The sum of two indices.
StitchIndex sum_of(StitchContext& c, const StitchIndex& a, const StitchIndex& b);
Expression integer(StitchContext& c, const StitchSize& value);
/// An attribute that is one number: as it was given, or as a tensor said it before the run.
int64_t one_integer(const OperationView& operation, std::string_view name);
/// The conjunction of two guards; none is true.
Element both_guards(StitchContext& c, Element a, Element b);

}  // namespace mpsg::ops
