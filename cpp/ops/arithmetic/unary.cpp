// Arithmetic with one operand: exponents, logarithms, roots, trigonometry, rounding, sign.
#include <cmath>
#include <numbers>

#include "ops/arithmetic/table.h"

namespace mpsg::ops {
namespace {

using namespace build;
using namespace arithmetic;

Tensor reciprocal(const Tensor& x) { return unary("reciprocal", x); }
Tensor reciprocal_square_root(const Tensor& x) { return unary("reciprocal_square_root", x); }

constexpr auto inverse_square_root = [](auto x) { return decltype(x)(1) / std::sqrt(x); };
constexpr auto inverse_square_root_rule = [](const Expression& x) {
  return 1.0 / x.apply(ElementOp::square_root);
};
constexpr auto inverse_square_root_derivative = [](const Tensor&, const Tensor& y) {
  return y * square(y) * -0.5;
};

void add_exponents(Rows& rows) {
  const auto real = types::floating(), any = types::differentiable();
  const Entry entries[] = {
      {"exponent", "exponentWithTensor:name:", "11.0", any, "e to the power `tensor`.",
       unary_over<FloatsComplex>([](auto x) { return std::exp(x); }),
       stitch_unary<ElementOp::exponent>(),
       chain([](const Tensor&, const Tensor& y) { return y; })},
      {"exponent_base2", "exponentBase2WithTensor:name:", "11.0", real, "2 to the power `tensor`.",
       unary_over<Floats>([](auto x) { return std::exp2(x); }),
       stitch_unary<ElementOp::exponent2>(),
       chain([](const Tensor&, const Tensor& y) { return y * std::numbers::ln2; })},
      {"exponent_base10", "exponentBase10WithTensor:name:", "11.0", real,
       "10 to the power `tensor`.",
       unary_over<Floats>([](auto x) { return std::pow(decltype(x)(10), x); }),
       stitch_unary([](const Expression& x) { return x.literal(10).apply(ElementOp::power, x); }),
       chain([](const Tensor&, const Tensor& y) { return y * std::numbers::ln10; })},
      {"logarithm", "logarithmWithTensor:name:", "11.0", any,
       "The natural logarithm: -infinity at 0, NaN below; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::log(x); }),
       stitch_unary<ElementOp::logarithm>(),
       chain([](const Tensor& x, const Tensor&) { return reciprocal(x); })},
      {"logarithm_base2", "logarithmBase2WithTensor:name:", "11.0", real,
       "The logarithm to base 2: -infinity at 0, NaN below.",
       unary_over<Floats>([](auto x) { return std::log2(x); }),
       stitch_unary<ElementOp::logarithm2>(),
       chain([](const Tensor& x, const Tensor&) { return reciprocal(x) * std::numbers::log2e; })},
      {"logarithm_base10", "logarithmBase10WithTensor:name:", "11.0", real,
       "The logarithm to base 10: -infinity at 0, NaN below.",
       unary_over<Floats>([](auto x) { return std::log10(x); }),
       stitch_unary<ElementOp::logarithm10>(),
       chain([](const Tensor& x, const Tensor&) { return reciprocal(x) * std::numbers::log10e; })},
      {"square_root", "squareRootWithTensor:name:", "11.0", any,
       "The square root: NaN below 0; for complex64 the principal value. The gradient at 0 is "
       "infinite.",
       unary_over<FloatsComplex>([](auto x) { return std::sqrt(x); }),
       stitch_unary<ElementOp::square_root>(),
       chain([](const Tensor&, const Tensor& y) { return reciprocal(y) * 0.5; })},
      {"reciprocal_square_root", "reciprocalSquareRootWithTensor:name:", "15.0", any,
       "1 / square_root(tensor): infinity at 0, NaN below.",
       unary_over<FloatsComplex>(inverse_square_root), stitch_unary(inverse_square_root_rule),
       chain(inverse_square_root_derivative)},
      {"reverse_square_root", "reverseSquareRootWithTensor:name:", "11.0", any,
       "The older name of reciprocal_square_root: 1 / square_root(tensor).",
       unary_over<FloatsComplex>(inverse_square_root), stitch_unary(inverse_square_root_rule),
       chain(inverse_square_root_derivative)},
      {"erf", "erfWithTensor:name:", "11.0", real,
       "The error function: 2 / square_root(pi) times the integral of exp(-t * t) from 0 to "
       "`tensor`.",
       unary_over<Floats>([](auto x) { return std::erf(x); }),
       stitch_unary<ElementOp::error_function>(), chain([](const Tensor& x, const Tensor&) {
         return unary("exponent", -square(x)) * (2 * std::numbers::inv_sqrtpi);
       })},
  };
  add_entries(rows, entries, {"tensor"}, infer_same);
}

void add_trigonometry(Rows& rows) {
  const auto any = types::differentiable();
  const Entry entries[] = {
      {"sin", "sinWithTensor:name:", "11.0", any, "The sine of an angle in radians.",
       unary_over<FloatsComplex>([](auto x) { return std::sin(x); }),
       stitch_unary<ElementOp::sine>(),
       chain([](const Tensor& x, const Tensor&) { return unary("cos", x); })},
      {"cos", "cosWithTensor:name:", "11.0", any, "The cosine of an angle in radians.",
       unary_over<FloatsComplex>([](auto x) { return std::cos(x); }),
       stitch_unary<ElementOp::cosine>(),
       chain([](const Tensor& x, const Tensor&) { return -unary("sin", x); })},
      {"tan", "tanWithTensor:name:", "11.0", any, "The tangent of an angle in radians.",
       unary_over<FloatsComplex>([](auto x) { return std::tan(x); }),
       stitch_unary<ElementOp::tangent>(),
       chain([](const Tensor&, const Tensor& y) { return square(y) + 1.0; })},
      {"sinh", "sinhWithTensor:name:", "11.0", any, "The hyperbolic sine.",
       unary_over<FloatsComplex>([](auto x) { return std::sinh(x); }),
       stitch_unary<ElementOp::hyperbolic_sine>(),
       chain([](const Tensor& x, const Tensor&) { return unary("cosh", x); })},
      {"cosh", "coshWithTensor:name:", "11.0", any, "The hyperbolic cosine.",
       unary_over<FloatsComplex>([](auto x) { return std::cosh(x); }),
       stitch_unary<ElementOp::hyperbolic_cosine>(),
       chain([](const Tensor& x, const Tensor&) { return unary("sinh", x); })},
      {"tanh", "tanhWithTensor:name:", "11.0", any, "The hyperbolic tangent.",
       unary_over<FloatsComplex>([](auto x) { return std::tanh(x); }),
       stitch_unary<ElementOp::hyperbolic_tangent>(),
       chain([](const Tensor&, const Tensor& y) { return 1.0 - square(y); })},
      {"asin", "asinWithTensor:name:", "11.0", any,
       "The inverse of sin, in [-pi/2, pi/2]: NaN outside [-1, 1]; for complex64 the principal "
       "value.",
       unary_over<FloatsComplex>([](auto x) { return std::asin(x); }),
       stitch_unary<ElementOp::arc_sine>(), chain([](const Tensor& x, const Tensor&) {
         return reciprocal_square_root(1.0 - x) * reciprocal_square_root(x + 1.0);
       })},
      {"acos", "acosWithTensor:name:", "11.0", any,
       "The inverse of cos, in [0, pi]: NaN outside [-1, 1]; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::acos(x); }),
       stitch_unary<ElementOp::arc_cosine>(), chain([](const Tensor& x, const Tensor&) {
         return -(reciprocal_square_root(1.0 - x) * reciprocal_square_root(x + 1.0));
       })},
      {"atan", "atanWithTensor:name:", "11.0", any,
       "The inverse of tan, in [-pi/2, pi/2]; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::atan(x); }),
       stitch_unary<ElementOp::arc_tangent>(),
       chain([](const Tensor& x, const Tensor&) { return reciprocal(square(x) + 1.0); })},
      {"asinh", "asinhWithTensor:name:", "11.0", any,
       "The inverse of sinh; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::asinh(x); }),
       stitch_unary<ElementOp::area_sine>(), chain([](const Tensor& x, const Tensor&) {
         return reciprocal_square_root(square(x) + 1.0);
       })},
      {"acosh", "acoshWithTensor:name:", "11.0", any,
       "The inverse of cosh, not negative: NaN below 1; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::acosh(x); }),
       stitch_unary<ElementOp::area_cosine>(), chain([](const Tensor& x, const Tensor&) {
         return reciprocal_square_root(x - 1.0) * reciprocal_square_root(x + 1.0);
       })},
      {"atanh", "atanhWithTensor:name:", "11.0", any,
       "The inverse of tanh: infinite at -1 and 1, NaN beyond; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::atanh(x); }),
       stitch_unary<ElementOp::area_tangent>(),
       chain([](const Tensor& x, const Tensor&) { return reciprocal((1.0 - x) * (x + 1.0)); })},
  };
  add_entries(rows, entries, {"tensor"}, infer_same);
}

/// Rounds floats; integers are whole already.
template <class F>
EvaluateFunction rounding(F) {
  return [](const EvaluateContext& c) {
    if (is_integer(c.output().data_type)) return copy_bytes(c);
    with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) { unary_loop<T, T>(c, F{}); });
  };
}

template <ElementOp op>
StitchFunction rounding_rule() {
  return stitch_unary([](const Expression& x) { return is_integer(x.type()) ? x : x.apply(op); });
}

/// The part that truncation drops is exact, and so is the whole number one further on.
constexpr auto round_half_away = [](const Expression& x) {
  if (is_integer(x.type())) return x;
  const auto whole = x.apply(ElementOp::truncate);
  const auto dropped = (x - whole).apply(ElementOp::absolute);
  const auto next = whole + x.literal(1).apply(ElementOp::copy_sign, x);
  return select(dropped.apply(ElementOp::greater_equal, 0.5), next, whole);
};

constexpr auto sign_of = [](auto x) {
  using C = decltype(x);
  if (x > C(0)) return C(1);
  // Neither: a zero with its sign, or NaN.
  if constexpr (std::is_signed_v<C> || std::is_floating_point_v<C>)
    if (x < C(0)) return C(-1);
  return x;
};

constexpr auto sign_rule = [](const Expression& x) {
  const auto rest = is_unsigned(x.type()) ? x : select(x < 0.0, x.literal(-1), x);
  return select(x > 0.0, x.literal(1), rest);
};

void add_rounding(Rows& rows) {
  const auto numbers = types::numeric();
  const Entry entries[] = {
      {"ceil", "ceilWithTensor:name:", "11.0", numbers,
       "The least whole number >= tensor. Integers stay as they are. No gradient flows.",
       rounding([](auto x) { return std::ceil(x); }), rounding_rule<ElementOp::ceil>(), nullptr,
       piecewise_constant},
      {"floor", "floorWithTensor:name:", "11.0", numbers,
       "The greatest whole number <= tensor. Integers stay as they are. No gradient flows.",
       rounding([](auto x) { return std::floor(x); }), rounding_rule<ElementOp::floor>(), nullptr,
       piecewise_constant},
      {"round", "roundWithTensor:name:", "11.0", numbers,
       "The nearest whole number, a half away from zero (2.5 gives 3). Integers stay as they are. "
       "No gradient flows.",
       rounding([](auto x) { return std::round(x); }), stitch_unary(round_half_away), nullptr,
       piecewise_constant},
      {"rint", "rintWithTensor:name:", "11.0", numbers,
       "The nearest whole number, a half to the even one (2.5 gives 2). Integers stay as they are. "
       "No gradient flows.",
       rounding([](auto x) { return std::nearbyint(x); }),
       rounding_rule<ElementOp::round_half_even>(), nullptr, piecewise_constant},
      {"truncate", "truncateWithTensor:name:", "13.0", numbers,
       "The whole number next to `tensor` towards zero. Integers stay as they are. No gradient "
       "flows.",
       rounding([](auto x) { return std::trunc(x); }), rounding_rule<ElementOp::truncate>(),
       nullptr, piecewise_constant},
      {"sign", "signWithTensor:name:", "11.0", numbers,
       "-1, 0 or 1. A zero keeps its sign, NaN stays NaN. No gradient flows.",
       unary_over<Numbers>(sign_of), stitch_unary(sign_rule), nullptr, piecewise_constant},
  };
  add_entries(rows, entries, {"tensor"}, infer_same);
}

void add_simple(Rows& rows) {
  const Entry entries[] = {
      {"square", "squareWithTensor:name:", "11.0", types::numeric_complex(),
       "tensor * tensor. Integers wrap.", unary_over<FloatsComplexWords>([](auto x) {
         const auto wide = Wrapping<decltype(x)>(x);
         return static_cast<decltype(x)>(wide * wide);
       }),
       stitch_unary([](const Expression& x) { return x * x; }),
       chain([](const Tensor& x, const Tensor&) { return x * 2.0; })},
      {"reciprocal", "reciprocalWithTensor:name:", "11.0", types::differentiable(),
       "1 / tensor: infinity at 0.",
       unary_over<FloatsComplex>([](auto x) { return decltype(x)(1) / x; }),
       stitch_unary([](const Expression& x) { return 1.0 / x; }),
       chain([](const Tensor&, const Tensor& y) { return -square(y); })},
      {"negative", "negativeWithTensor:name:", "11.0", types::numeric_complex(),
       "-tensor. Integers wrap: the negative of the least integer is itself, and unsigned integers "
       "count down from 2 to the power of their width.",
       unary_over<FloatsComplexWords>([](auto x) {
         if constexpr (std::is_integral_v<decltype(x)>)
           return static_cast<decltype(x)>(Wrapping<decltype(x)>(0) - x);
         else return -x;
       }),
       stitch_unary<ElementOp::negate>(),
       [](GradientContext& g) { g.give("tensor", -g.incoming()); }},
  };
  add_entries(rows, entries, {"tensor"}, infer_same);
}

Row identity_row() {
  return Row("identity", "Arithmetic")
      .documentation("The tensor itself, under another name.")
      .selector("identityWithTensor:name:", "11.0")
      .types("T", types::stored())
      .operand("tensor", "T")
      .elementwise()
      .view()
      .infer(infer_same)
      .gradient([](GradientContext& g) { g.give("tensor", g.incoming()); })
      .stitch(stitch_same())
      .evaluate(copy_bytes);
}

}  // namespace

void add_arithmetic_unary_rows(Rows& rows) {
  rows.push_back(identity_row().done());
  add_exponents(rows);
  add_trigonometry(rows);
  add_rounding(rows);
  add_simple(rows);
}

}  // namespace mpsg::ops
