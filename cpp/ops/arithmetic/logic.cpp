// Comparisons, logic, bits, questions about a number; select and clamp, which choose by them.
#include <bit>
#include <cmath>
#include <limits>

#include "ops/arithmetic/table.h"

namespace mpsg::ops {
namespace {

using namespace build;
using namespace arithmetic;

/// Numbers, and bool as 0 and 1.
struct NumbersBool {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    if (type == DataType::boolean) return f(TypeTag<uint8_t>{});
    with_numeric(type, f);
  }
};

template <ElementOp op>
StitchFunction stitch_comparison() {
  return stitch_binary([](const Expression& a, const Expression& b) {
    if (a.type() != DataType::boolean) return a.apply(op, b);
    return a.convert(DataType::uint8).apply(op, b.convert(DataType::uint8));
  });
}

void add_comparisons(Rows& rows) {
  const auto all = types::all(), ordered = types::numeric() | types::boolean();
  const auto because = "a comparison is true or false";
  const Entry entries[] = {
      {"equal", "equalWithPrimaryTensor:secondaryTensor:name:", "11.0", all,
       "primary_tensor == secondary_tensor, element by element with broadcasting: bool. NaN equals "
       "nothing.",
       binary_predicate<FloatsComplexWords>([](auto a, auto b) { return a == b; }),
       stitch_comparison<ElementOp::equal>(), nullptr, because},
      {"not_equal", "notEqualWithPrimaryTensor:secondaryTensor:name:", "11.0", all,
       "primary_tensor != secondary_tensor, element by element with broadcasting: bool. True where "
       "one is NaN.",
       binary_predicate<FloatsComplexWords>([](auto a, auto b) { return a != b; }),
       stitch_comparison<ElementOp::not_equal>(), nullptr, because},
      {"less_than", "lessThanWithPrimaryTensor:secondaryTensor:name:", "11.0", ordered,
       "primary_tensor < secondary_tensor, with broadcasting: bool. False where one is NaN.",
       binary_predicate<NumbersBool>([](auto a, auto b) { return a < b; }),
       stitch_comparison<ElementOp::less>(), nullptr, because},
      {"less_than_or_equal_to", "lessThanOrEqualToWithPrimaryTensor:secondaryTensor:name:", "11.0",
       ordered,
       "primary_tensor <= secondary_tensor, with broadcasting: bool. False where one is NaN.",
       binary_predicate<NumbersBool>([](auto a, auto b) { return a <= b; }),
       stitch_comparison<ElementOp::less_equal>(), nullptr, because},
      {"greater_than", "greaterThanWithPrimaryTensor:secondaryTensor:name:", "11.0", ordered,
       "primary_tensor > secondary_tensor, with broadcasting: bool. False where one is NaN.",
       binary_predicate<NumbersBool>([](auto a, auto b) { return a > b; }),
       stitch_comparison<ElementOp::greater>(), nullptr, because},
      {"greater_than_or_equal_to",
       "greaterThanOrEqualToWithPrimaryTensor:secondaryTensor:name:", "11.0", ordered,
       "primary_tensor >= secondary_tensor, with broadcasting: bool. False where one is NaN.",
       binary_predicate<NumbersBool>([](auto a, auto b) { return a >= b; }),
       stitch_comparison<ElementOp::greater_equal>(), nullptr, because},
  };
  add_entries(rows, entries, {"primary_tensor", "secondary_tensor"}, infer_predicate);
}

/// A loop over bools; any byte but 0 is true.
template <class F>
EvaluateFunction over_bools(F) {
  static_assert(std::is_empty_v<F>);
  return [](const EvaluateContext& c) {
    binary_loop<uint8_t, uint8_t>(c, [](uint8_t a, uint8_t b) { return F{}(a != 0, b != 0); });
  };
}

template <ElementOp op>
StitchFunction stitch_negated() {
  return stitch_binary([](const Expression& a, const Expression& b) {
    return a.apply(op, b).apply(ElementOp::bit_not);
  });
}

void add_logic(Rows& rows) {
  const auto boolean = types::boolean();
  const Entry entries[] = {
      {"logical_and", "logicalANDWithPrimaryTensor:secondaryTensor:name:", "11.0", boolean,
       "True where both operands are, with broadcasting.",
       over_bools([](bool a, bool b) { return a && b; }), stitch_binary<ElementOp::bit_and>(),
       nullptr, not_a_number},
      {"logical_or", "logicalORWithPrimaryTensor:secondaryTensor:name:", "11.0", boolean,
       "True where one of the operands is, or both are, with broadcasting.",
       over_bools([](bool a, bool b) { return a || b; }), stitch_binary<ElementOp::bit_or>(),
       nullptr, not_a_number},
      {"logical_nand", "logicalNANDWithPrimaryTensor:secondaryTensor:name:", "11.0", boolean,
       "False where both operands are true, with broadcasting.",
       over_bools([](bool a, bool b) { return !(a && b); }), stitch_negated<ElementOp::bit_and>(),
       nullptr, not_a_number},
      {"logical_nor", "logicalNORWithPrimaryTensor:secondaryTensor:name:", "11.0", boolean,
       "True where both operands are false, with broadcasting.",
       over_bools([](bool a, bool b) { return !(a || b); }), stitch_negated<ElementOp::bit_or>(),
       nullptr, not_a_number},
      {"logical_xor", "logicalXORWithPrimaryTensor:secondaryTensor:name:", "11.0", boolean,
       "True where the operands differ, with broadcasting.",
       over_bools([](bool a, bool b) { return a != b; }), stitch_binary<ElementOp::bit_xor>(),
       nullptr, not_a_number},
      {"logical_xnor", "logicalXNORWithPrimaryTensor:secondaryTensor:name:", "11.0", boolean,
       "True where the operands are the same, with broadcasting.",
       over_bools([](bool a, bool b) { return a == b; }), stitch_negated<ElementOp::bit_xor>(),
       nullptr, not_a_number},
  };
  add_entries(rows, entries, {"primary_tensor", "secondary_tensor"}, infer_broadcast);

  const Entry negation[] = {
      {"logical_not", "notWithTensor:name:", "11.0", boolean, "True where `tensor` is false.",
       unary_over<Words>([](auto x) { return x == 0; }), stitch_unary<ElementOp::bit_not>(),
       nullptr, not_a_number},
  };
  add_entries(rows, negation, {"tensor"}, infer_same);
}

/// Is `count` within [0, width of T)? Everything else shifts all bits out.
template <class T>
bool shifts_some(T count) {
  if constexpr (std::is_signed_v<T>)
    if (count < T(0)) return false;
  return static_cast<uint64_t>(count) < sizeof(T) * 8;
}

constexpr auto shift_left = [](auto a, auto b) {
  using C = decltype(a);
  return shifts_some(b) ? static_cast<C>(Wrapping<C>(a) << b) : C(0);
};
constexpr auto shift_right = [](auto a, auto b) {
  using C = decltype(a);
  if (shifts_some(b)) return static_cast<C>(a >> b);  // C++20: the sign moves in
  if constexpr (std::is_signed_v<C>)
    if (a < C(0)) return C(-1);
  return C(0);
};

/// `count` where it shifts some bits only, else `otherwise`, whatever the instruction would do.
Expression allowed_shift(const Expression& count, double otherwise) {
  const double width = 8.0 * static_cast<double>(size_of(count.type()));
  auto some = count < width;
  if (!is_unsigned(count.type())) some = both(some, count.apply(ElementOp::greater_equal, 0.0));
  return select(some, count, count.literal(otherwise));
}

constexpr auto shift_left_rule = [](const Expression& a, const Expression& b) {
  const auto count = allowed_shift(b, 0);
  return select(equal(count, b), a.apply(ElementOp::shift_left, count), a.literal(0));
};
/// Shifting a signed number by all bits but the sign leaves the sign everywhere.
constexpr auto shift_right_rule = [](const Expression& a, const Expression& b) {
  const auto last = 8.0 * static_cast<double>(size_of(a.type())) - 1;
  const auto count = allowed_shift(b, last);
  const auto shifted = a.apply(ElementOp::shift_right, count);
  if (!is_unsigned(a.type())) return shifted;
  return select(equal(count, b), shifted, a.literal(0));
};

void add_bits(Rows& rows) {
  const auto integers = types::integers(), words = types::integers() | types::boolean();
  const Entry entries[] = {
      {"bitwise_and", "bitwiseANDWithPrimaryTensor:secondaryTensor:name:", "13.0", words,
       "The bits set in both operands, with broadcasting. On bool: logical_and.",
       binary_over<Words>([](auto a, auto b) { return a & b; }),
       stitch_binary<ElementOp::bit_and>(), nullptr, not_a_number},
      {"bitwise_or", "bitwiseORWithPrimaryTensor:secondaryTensor:name:", "13.0", words,
       "The bits set in one of the operands or in both, with broadcasting. On bool: logical_or.",
       binary_over<Words>([](auto a, auto b) { return a | b; }), stitch_binary<ElementOp::bit_or>(),
       nullptr, not_a_number},
      {"bitwise_xor", "bitwiseXORWithPrimaryTensor:secondaryTensor:name:", "13.0", words,
       "The bits in which the operands differ, with broadcasting. On bool: logical_xor.",
       binary_over<Words>([](auto a, auto b) { return a ^ b; }),
       stitch_binary<ElementOp::bit_xor>(), nullptr, not_a_number},
      {"bitwise_left_shift", "bitwiseLeftShiftWithPrimaryTensor:secondaryTensor:name:", "13.0",
       integers,
       "The bits of primary_tensor moved up by secondary_tensor places, with broadcasting. A count "
       "that is negative, or not less than the width of the type, gives 0.",
       binary_over<Integers>(shift_left), stitch_binary(shift_left_rule), nullptr, not_a_number},
      {"bitwise_right_shift", "bitwiseRightShiftWithPrimaryTensor:secondaryTensor:name:", "13.0",
       integers,
       "The bits of primary_tensor moved down by secondary_tensor places, with broadcasting; the "
       "sign of signed integers moves in. A count that is negative, or not less than the width of "
       "the type, gives 0, or -1 for a negative number.",
       binary_over<Integers>(shift_right), stitch_binary(shift_right_rule), nullptr, not_a_number},
  };
  add_entries(rows, entries, {"primary_tensor", "secondary_tensor"}, infer_broadcast);

  const Entry unary_entries[] = {
      {"bitwise_not", "bitwiseNOTWithTensor:name:", "13.0", words,
       "Every bit of `tensor` turned over. On bool: logical_not.",
       [](const EvaluateContext& c) {
         if (c.output().data_type == DataType::boolean)
           return unary_loop<uint8_t, uint8_t>(c, [](uint8_t x) { return x == 0; });
         with_size_of(c.output().data_type,
                      [&]<class T>(TypeTag<T>) { unary_loop<T, T>(c, [](T x) { return ~x; }); });
       },
       stitch_unary<ElementOp::bit_not>(), nullptr, not_a_number},
      {"bitwise_population_count", "bitwisePopulationCountWithTensor:name:", "13.0", integers,
       "The number of bits that are set, in the type of `tensor`; negative numbers count as two's "
       "complement.",
       unary_over<Words>([](auto x) { return std::popcount(x); }),
       stitch_unary<ElementOp::population_count>(), nullptr, not_a_number},
  };
  add_entries(rows, unary_entries, {"tensor"}, infer_same);
}

// Questions about a number; a complex one is asked for both parts.
template <class C>
bool is_nan(C x) {
  if constexpr (is_complex_type<C>) return std::isnan(x.real()) || std::isnan(x.imag());
  else return std::isnan(x);
}
template <class C>
bool is_infinite(C x) {
  if constexpr (is_complex_type<C>) return std::isinf(x.real()) || std::isinf(x.imag());
  else return std::isinf(x);
}
template <class C>
bool is_finite(C x) {
  if constexpr (is_complex_type<C>) return std::isfinite(x.real()) && std::isfinite(x.imag());
  else return std::isfinite(x);
}

/// Asks floats and complex numbers; for an integer the answer is always `integers`.
template <bool integers, class F>
EvaluateFunction ask(F) {
  static_assert(std::is_empty_v<F>);
  return [](const EvaluateContext& c) {
    if (is_integer(c.inputs()[0].data_type)) return fill_bytes(c, integers);
    unary_predicate<FloatsComplex>(F{})(c);
  };
}

constexpr double infinity = std::numeric_limits<double>::infinity();

template <bool integers, class F>
StitchFunction stitch_question(F) {
  static_assert(std::is_empty_v<F>);
  return [](StitchContext& c) {
    if (refuse_complex(c)) return;
    if (is_integer(c.input_type(0).data_type))
      return c.give(c.literal(integers, DataType::boolean));
    c.give(F{}(c.input(0)));
  };
}

constexpr auto sign_bit_rule = [](const Expression& x) {
  if (is_integer(x.type())) return x < 0.0;
  const auto word = x.type() == DataType::float64 ? DataType::int64 : DataType::int32;
  return Expression(x.builder(), x.builder().reinterpret(x.element(), word)) < 0.0;
};

void add_questions(Rows& rows) {
  const auto any = types::numeric_complex();
  const Entry entries[] = {
      {"is_nan", "isNaNWithTensor:name:", "11.0", any,
       "True where `tensor` is NaN (complex64: where a part is). Integers never are.",
       ask<false>([](auto x) { return is_nan(x); }),
       stitch_question<false>([](const Expression& x) { return ops::is_nan(x); }), nullptr,
       piecewise_constant},
      {"is_infinite", "isInfiniteWithTensor:name:", "11.0", any,
       "True where `tensor` is infinite (complex64: where a part is). Integers never are.",
       ask<false>([](auto x) { return is_infinite(x); }),
       stitch_question<false>(
           [](const Expression& x) { return equal(x.apply(ElementOp::absolute), infinity); }),
       nullptr, piecewise_constant},
      {"is_finite", "isFiniteWithTensor:name:", "11.0", any,
       "True where `tensor` is neither infinite nor NaN (complex64: where no part is). Integers "
       "always are.",
       ask<true>([](auto x) { return is_finite(x); }),
       stitch_question<true>(
           [](const Expression& x) { return x.apply(ElementOp::absolute) < infinity; }),
       nullptr, piecewise_constant},
      {"signbit", "signbitWithTensor:name:", "11.0", types::numeric(),
       "True where the sign is minus: for floats also -0 and NaN with the sign set.",
       unary_predicate<Numbers>([](auto x) {
         if constexpr (std::is_integral_v<decltype(x)>)
           return std::is_signed_v<decltype(x)> && x < decltype(x)(0);
         else return std::signbit(x);
       }),
       stitch_unary(sign_bit_rule), nullptr, piecewise_constant},
  };
  add_entries(rows, entries, {"tensor"}, infer_predicate);
}

Row select_row() {
  return Row("select", "Arithmetic")
      .documentation("true_predicate_tensor where predicate_tensor (bool) is true, else "
                     "false_predicate_tensor, with broadcasting of all three. What is not selected "
                     "gets the gradient 0, whatever its value.")
      .selector("selectWithPredicateTensor:truePredicateTensor:falsePredicateTensor:name:", "11.0")
      .types("predicate", types::boolean())
      .types("T", types::all())
      .operand("predicate_tensor", "predicate")
      .operand("true_predicate_tensor", "T")
      .operand("false_predicate_tensor", "T")
      .elementwise()
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("true_predicate_tensor"), broadcast_all(c));
      })
      .gradient([](GradientContext& g) {
        const auto predicate = g.input("predicate_tensor");
        if (g.wanted("true_predicate_tensor"))
          g.give("true_predicate_tensor", sum_to_like(select(predicate, g.incoming(), Scalar(0.0)),
                                                      g.input("true_predicate_tensor")));
        if (g.wanted("false_predicate_tensor"))
          g.give("false_predicate_tensor", sum_to_like(select(predicate, Scalar(0.0), g.incoming()),
                                                       g.input("false_predicate_tensor")));
      })
      .stitch(stitch_ternary([](const Expression& p, const Expression& yes, const Expression& no) {
        return select(p, yes, no);
      }))
      .evaluate([](const EvaluateContext& c) {
        with_size_of(c.output().data_type, [&]<class T>(TypeTag<T>) {
          ternary_loop<uint8_t, T>(c, [](uint8_t p, T yes, T no) { return p ? yes : no; });
        });
      });
}

void clamp_gradient(GradientContext& g) {
  const auto x = g.input("tensor"), low = g.input("min_value"), high = g.input("max_value");
  const auto is_low = binary("less_than", x, low);
  const auto is_high = binary("greater_than", select(is_low, low, x), high);
  const auto give = [&](const char* operand, const Tensor& where, bool inside) {
    if (!g.wanted(operand)) return;
    const TensorOrScalar zero = Scalar(0.0), incoming = g.incoming();
    const auto part = inside ? select(where, incoming, zero) : select(where, zero, incoming);
    g.give(operand, sum_to_like(part, g.input(operand)));
  };
  give("tensor", binary("logical_or", is_low, is_high), false);
  give("min_value", binary("logical_and", is_low, unary("logical_not", is_high)), true);
  give("max_value", is_high, true);
}

Row clamp_row() {
  return Row("clamp", "Arithmetic")
      .documentation("tensor, but not less than min_value and not more than max_value, with "
                     "broadcasting: minimum(maximum(tensor, min_value), max_value). NaN stays NaN. "
                     "The gradient goes to whichever operand the value came from; to `tensor` at "
                     "the bounds.")
      .selector("clampWithTensor:minValueTensor:maxValueTensor:name:", "11.0")
      .types("T", types::numeric())
      .operand("tensor", "T")
      .operand("min_value", "T")
      .operand("max_value", "T")
      .elementwise()
      .infer(infer_broadcast)
      .gradient(clamp_gradient)
      .stitch(
          stitch_ternary([](const Expression& x, const Expression& low, const Expression& high) {
            return x.apply(ElementOp::maximum, low).apply(ElementOp::minimum, high);
          }))
      .evaluate([](const EvaluateContext& c) {
        with_numeric(c.output().data_type, [&]<class T>(TypeTag<T>) {
          using C = ComputeType<T>;
          ternary_loop<T, T>(c, [](T x, T low, T high) {
            const T raised = C(x) < C(low) ? low : x;
            return C(raised) > C(high) ? high : raised;
          });
        });
      });
}

}  // namespace

void add_arithmetic_logic_rows(Rows& rows) {
  add_comparisons(rows);
  add_logic(rows);
  add_bits(rows);
  add_questions(rows);
  rows.push_back(select_row().done());
  rows.push_back(clamp_row().done());
}

}  // namespace mpsg::ops
