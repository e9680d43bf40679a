// Arithmetic with two operands: sums, products, quotients, remainders, powers, extremes.
#include <cmath>

#include "ops/arithmetic/table.h"

namespace mpsg::ops {
namespace {

using namespace build;
using namespace arithmetic;

// Integer rules, for every row: results wrap, and dividing by 0 gives 0 (a trap would end the
// process, and no exception can leave a kernel on a GPU).

constexpr auto divide = [](auto a, auto b) {
  using C = decltype(a);
  if constexpr (std::is_integral_v<C>) {
    if (b == C(0)) return C(0);
    if constexpr (std::is_signed_v<C>)
      if (b == C(-1)) return static_cast<C>(Wrapping<C>(0) - Wrapping<C>(a));
    return static_cast<C>(a / b);
  } else {
    return a / b;
  }
};

constexpr auto divide_rule = [](const Expression& a, const Expression& b) {
  return a.apply(is_integer(a.type()) ? ElementOp::integer_quotient : ElementOp::divide, b);
};

/// Remainder of the division that truncates: it has the sign of a.
constexpr auto truncated_remainder = [](auto a, auto b) {
  using C = decltype(a);
  if constexpr (std::is_integral_v<C>) {
    if (b == C(0)) return C(0);
    if constexpr (std::is_signed_v<C>)
      if (b == C(-1)) return C(0);
    return static_cast<C>(a % b);
  } else {
    return std::fmod(a, b);
  }
};

constexpr auto truncated_remainder_rule = [](const Expression& a, const Expression& b) {
  return a.apply(is_integer(a.type()) ? ElementOp::integer_remainder : ElementOp::remainder, b);
};

/// Remainder of the division that rounds down: it has the sign of b.
constexpr auto floor_remainder = [](auto a, auto b) {
  using C = decltype(a);
  if (b == C(0)) return C(0);
  const C rest = truncated_remainder(a, b);
  if constexpr (std::is_floating_point_v<C>)
    if (rest == C(0)) return std::copysign(rest, b);
  if constexpr (std::is_signed_v<C> || std::is_floating_point_v<C>)
    if (rest != C(0) && (rest < C(0)) != (b < C(0))) return static_cast<C>(rest + b);
  return rest;
};

constexpr auto floor_remainder_rule = [](const Expression& a, const Expression& b) {
  const auto zero = b.literal(0);
  auto rest = truncated_remainder_rule(a, b);
  const auto whole = equal(rest, zero);
  if (!is_unsigned(a.type())) {
    const auto other_sign = (rest < zero).apply(ElementOp::bit_xor, b < zero);
    const auto exact = is_integer(a.type()) ? rest : rest.apply(ElementOp::copy_sign, b);
    rest = select(whole, exact, select(other_sign, rest + b, rest));
  }
  return select(equal(b, zero), zero, rest);
};

template <class C>
C integer_power(C base, C exponent) {
  if constexpr (std::is_signed_v<C>)
    if (exponent < C(0)) {  // 1 / power, truncated
      if (base == C(1)) return C(1);
      if (base == C(-1)) return exponent & C(1) ? C(-1) : C(1);
      return C(0);
    }
  auto result = Wrapping<C>(1), factor = Wrapping<C>(base);
  for (auto rest = Wrapping<C>(exponent); rest != 0; rest >>= 1) {
    if (rest & 1) result *= factor;
    factor *= factor;
  }
  return static_cast<C>(result);
}

constexpr auto raise = [](auto a, auto b) {
  using C = decltype(a);
  if constexpr (std::is_integral_v<C>) {
    return integer_power(a, b);
  } else if constexpr (is_complex_type<C>) {
    if (b == C(0)) return C(1);
    if (a == C(0) && b.real() > 0) return C(0);  // exp(b * log(0)) would be NaN
    return std::pow(a, b);
  } else {
    return std::pow(a, b);
  }
};

void stitch_power(StitchContext& c) {
  // An integer power is a loop over the bits of the exponent.
  if (is_integer(c.result_type().data_type)) return c.refuse();
  stitch_binary<ElementOp::power>()(c);
}

template <class C>
bool is_nan(C x) {
  if constexpr (std::is_floating_point_v<C>) return x != x;
  return false;
}

// On ties the primary operand wins, so that 0 and -0 have one answer too.
constexpr auto larger = [](auto a, auto b) { return a < b || is_nan(a) ? b : a; };
constexpr auto smaller = [](auto a, auto b) { return b < a || is_nan(a) ? b : a; };
constexpr auto larger_or_nan = [](auto a, auto b) { return a < b || is_nan(b) ? b : a; };
constexpr auto smaller_or_nan = [](auto a, auto b) { return b < a || is_nan(b) ? b : a; };

/// The instruction takes a where one of them is NaN.
template <ElementOp op, bool propagate>
StitchFunction stitch_extreme() {
  return stitch_binary([](const Expression& a, const Expression& b) {
    const auto extreme = a.apply(op, b);
    if (is_integer(a.type())) return extreme;
    return select(ops::is_nan(propagate ? b : a), b, extreme);
  });
}

/// The gradient goes where the value came from.
GradientFunction extreme_gradient() {
  return pair([](const Tensor& g, const Tensor& a, const Tensor&,
                 const Tensor& z) { return select(binary("equal", a, z), g, Scalar(0.0)); },
              [](const Tensor& g, const Tensor& a, const Tensor&, const Tensor& z) {
                return select(binary("equal", a, z), Scalar(0.0), g);
              });
}

/// d/da of a power. The exponent b - 1 is replaced where b is 0, or 0 * infinity would be NaN at 0.
constexpr auto power_base_gradient = [](const Tensor& g, const Tensor& a, const Tensor& b,
                                        const Tensor&) {
  const auto is_zero = binary("equal", b, Scalar(0.0));
  const auto lower = select(is_zero, Scalar(1.0), b - 1.0);
  return g * conjugate(b * binary("power", a, lower));
};

/// d/db of a power: z * log(a), and 0 where the logarithm does not exist, as TensorFlow's.
constexpr auto power_exponent_gradient = [](const Tensor& g, const Tensor& a, const Tensor&,
                                            const Tensor& z) {
  const auto has_logarithm = is_complex(a.data_type()) ? binary("not_equal", a, Scalar(0.0))
                                                       : binary("greater_than", a, Scalar(0.0));
  const auto safe = select(has_logarithm, a, Scalar(1.0));
  return g * conjugate(z * unary("logarithm", safe));
};

void add_sums_and_products(Rows& rows) {
  const auto any = types::numeric_complex();
  const Entry entries[] = {
      {"addition", "additionWithPrimaryTensor:secondaryTensor:name:", "11.0", any,
       "primary_tensor + secondary_tensor, with broadcasting. Integers wrap.",
       binary_over<FloatsComplexWords>([](auto a, auto b) {
         using W = Wrapping<decltype(a)>;
         return static_cast<decltype(a)>(W(a) + W(b));
       }),
       stitch_binary<ElementOp::add>(),
       pair([](const Tensor& g, auto&&...) { return g; },
            [](const Tensor& g, auto&&...) { return g; })},
      {"subtraction", "subtractionWithPrimaryTensor:secondaryTensor:name:", "11.0", any,
       "primary_tensor - secondary_tensor, with broadcasting. Integers wrap.",
       binary_over<FloatsComplexWords>([](auto a, auto b) {
         using W = Wrapping<decltype(a)>;
         return static_cast<decltype(a)>(W(a) - W(b));
       }),
       stitch_binary<ElementOp::subtract>(),
       pair([](const Tensor& g, auto&&...) { return g; },
            [](const Tensor& g, auto&&...) { return -g; })},
      {"multiplication", "multiplicationWithPrimaryTensor:secondaryTensor:name:", "11.0", any,
       "primary_tensor * secondary_tensor, element by element with broadcasting. Integers wrap.",
       binary_over<FloatsComplexWords>([](auto a, auto b) {
         using W = Wrapping<decltype(a)>;
         return static_cast<decltype(a)>(W(a) * W(b));
       }),
       stitch_binary<ElementOp::multiply>(),
       pair([](const Tensor& g, const Tensor&, const Tensor& b,
               auto&&...) { return g * conjugate(b); },
            [](const Tensor& g, const Tensor& a, auto&&...) { return g * conjugate(a); })},
  };
  add_entries(rows, entries, {"primary_tensor", "secondary_tensor"}, infer_broadcast);
}

void add_quotients(Rows& rows) {
  const auto any = types::numeric_complex(), numbers = types::numeric();
  const Entry entries[] = {
      {"division", "divisionWithPrimaryTensor:secondaryTensor:name:", "11.0", any,
       "primary_tensor / secondary_tensor, with broadcasting. Integers truncate towards zero; "
       "dividing one by 0 gives 0, and the least integer divided by -1 wraps to itself.",
       binary_over<NumbersComplex>(divide), stitch_binary(divide_rule),
       pair([](const Tensor& g, const Tensor&, const Tensor& b,
               const Tensor&) { return g / conjugate(b); },
            [](const Tensor& g, const Tensor&, const Tensor& b, const Tensor& z) {
              return -(g * conjugate(z / b));
            })},
      {"division_no_nan", "divisionNoNaNWithPrimaryTensor:secondaryTensor:name:", "11.0", any,
       "primary_tensor / secondary_tensor, and 0 where secondary_tensor is 0, as "
       "tf.math.divide_no_nan. The gradient is 0 there too.",
       binary_over<NumbersComplex>([](auto a, auto b) {
         using C = decltype(a);
         return b == C(0) ? C(0) : divide(a, b);
       }),
       stitch_binary([](const Expression& a, const Expression& b) {
         return select(equal(b, 0.0), b.literal(0), divide_rule(a, b));
       }),
       pair([](const Tensor& g, const Tensor&, const Tensor& b,
               const Tensor&) { return binary("division_no_nan", g, conjugate(b)); },
            [](const Tensor& g, const Tensor&, const Tensor& b, const Tensor& z) {
              return -(g * conjugate(binary("division_no_nan", z, b)));
            })},
      {"modulo", "moduloWithPrimaryTensor:secondaryTensor:name:", "11.0", numbers,
       "The remainder of the division that truncates towards zero; it has the sign of "
       "primary_tensor, as C's fmod and tf.truncatemod. A zero divisor gives NaN for floats, 0 for "
       "integers.",
       binary_over<Numbers>(truncated_remainder), stitch_binary(truncated_remainder_rule),
       pair([](const Tensor& g, auto&&...) { return g; },
            [](const Tensor& g, const Tensor& a, const Tensor& b, const Tensor&) {
              return -(g * unary("truncate", a / b));
            })},
      {"floor_modulo", "floorModuloWithPrimaryTensor:secondaryTensor:name:", "11.0", numbers,
       "primary_tensor - floor(primary_tensor / secondary_tensor) * secondary_tensor; it has the "
       "sign of secondary_tensor, as Python's %. A zero divisor gives 0.",
       binary_over<Numbers>(floor_remainder), stitch_binary(floor_remainder_rule),
       pair([](const Tensor& g, const Tensor&, const Tensor& b,
               const Tensor&) { return select(binary("equal", b, Scalar(0.0)), Scalar(0.0), g); },
            [](const Tensor& g, const Tensor& a, const Tensor& b, const Tensor&) {
              return -(g * unary("floor", binary("division_no_nan", a, b)));
            })},
  };
  add_entries(rows, entries, {"primary_tensor", "secondary_tensor"}, infer_broadcast);
}

void add_powers(Rows& rows) {
  const Entry entries[] = {
      {"power", "powerWithPrimaryTensor:secondaryTensor:name:", "11.0", types::numeric_complex(),
       "primary_tensor to the power secondary_tensor, with broadcasting; 1 where the exponent is "
       "0, NaN for a negative base and a broken exponent. Integers wrap, and a negative integer "
       "exponent gives the truncated reciprocal (0, 1 or -1). The gradient with respect to the "
       "exponent is 0 where the base is not positive (complex64: where it is 0), as TensorFlow's.",
       binary_over<NumbersComplex>(raise), stitch_power,
       pair(power_base_gradient, power_exponent_gradient)},
      {"atan2", "atan2WithPrimaryTensor:secondaryTensor:name:", "11.0", types::floating(),
       "The angle of the point (x = secondary_tensor, y = primary_tensor), in [-pi, pi]. At the "
       "origin the gradient is 0.",
       binary_over<Floats>([](auto y, auto x) { return std::atan2(y, x); }),
       stitch_binary<ElementOp::arc_tangent2>(),
       pair([](const Tensor& g, const Tensor& y, const Tensor& x,
               const Tensor&) { return g * binary("division_no_nan", x, square(x) + square(y)); },
            [](const Tensor& g, const Tensor& y, const Tensor& x, const Tensor&) {
              return -(g * binary("division_no_nan", y, square(x) + square(y)));
            })},
  };
  add_entries(rows, entries, {"primary_tensor", "secondary_tensor"}, infer_broadcast);
}

void add_extremes(Rows& rows) {
  const auto numbers = types::numeric();
  const Entry entries[] = {
      {"maximum", "maximumWithPrimaryTensor:secondaryTensor:name:", "11.0", numbers,
       "The larger operand, with broadcasting; where one is NaN, the other. On ties the primary "
       "operand is taken, and gets the gradient.",
       binary_over<Numbers>(larger), stitch_extreme<ElementOp::maximum, false>(),
       extreme_gradient()},
      {"minimum", "minimumWithPrimaryTensor:secondaryTensor:name:", "11.0", numbers,
       "The smaller operand, with broadcasting; where one is NaN, the other. On ties the primary "
       "operand is taken, and gets the gradient.",
       binary_over<Numbers>(smaller), stitch_extreme<ElementOp::minimum, false>(),
       extreme_gradient()},
      {"maximum_with_nan_propagation",
       "maximumWithNaNPropagationWithPrimaryTensor:secondaryTensor:name:", "12.0", numbers,
       "The larger operand, with broadcasting; NaN where either is NaN. On ties the primary "
       "operand is taken, and gets the gradient.",
       binary_over<Numbers>(larger_or_nan), stitch_extreme<ElementOp::maximum, true>(),
       extreme_gradient()},
      {"minimum_with_nan_propagation",
       "minimumWithNaNPropagationWithPrimaryTensor:secondaryTensor:name:", "12.0", numbers,
       "The smaller operand, with broadcasting; NaN where either is NaN. On ties the primary "
       "operand is taken, and gets the gradient.",
       binary_over<Numbers>(smaller_or_nan), stitch_extreme<ElementOp::minimum, true>(),
       extreme_gradient()},
  };
  add_entries(rows, entries, {"primary_tensor", "secondary_tensor"}, infer_broadcast);
}

}  // namespace

void add_arithmetic_binary_rows(Rows& rows) {
  add_sums_and_products(rows);
  add_quotients(rows);
  add_powers(rows);
  add_extremes(rows);
}

}  // namespace mpsg::ops
