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
constexpr auto inverse_square_root_derivative = [](const Tensor&, const Tensor& y) {
  return y * square(y) * -0.5;
};

void add_exponents(Rows& rows) {
  const auto real = types::floating(), any = types::differentiable();
  const Entry entries[] = {
      {"exponent", "exponentWithTensor:name:", "11.0", any, "e to the power `tensor`.",
       unary_over<FloatsComplex>([](auto x) { return std::exp(x); }),
       chain([](const Tensor&, const Tensor& y) { return y; })},
      {"exponent_base2", "exponentBase2WithTensor:name:", "11.0", real, "2 to the power `tensor`.",
       unary_over<Floats>([](auto x) { return std::exp2(x); }),
       chain([](const Tensor&, const Tensor& y) { return y * std::numbers::ln2; })},
      {"exponent_base10", "exponentBase10WithTensor:name:", "11.0", real,
       "10 to the power `tensor`.",
       unary_over<Floats>([](auto x) { return std::pow(decltype(x)(10), x); }),
       chain([](const Tensor&, const Tensor& y) { return y * std::numbers::ln10; })},
      {"logarithm", "logarithmWithTensor:name:", "11.0", any,
       "The natural logarithm: -infinity at 0, NaN below; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::log(x); }),
       chain([](const Tensor& x, const Tensor&) { return reciprocal(x); })},
      {"logarithm_base2", "logarithmBase2WithTensor:name:", "11.0", real,
       "The logarithm to base 2: -infinity at 0, NaN below.",
       unary_over<Floats>([](auto x) { return std::log2(x); }),
       chain([](const Tensor& x, const Tensor&) { return reciprocal(x) * std::numbers::log2e; })},
      {"logarithm_base10", "logarithmBase10WithTensor:name:", "11.0", real,
       "The logarithm to base 10: -infinity at 0, NaN below.",
       unary_over<Floats>([](auto x) { return std::log10(x); }),
       chain([](const Tensor& x, const Tensor&) { return reciprocal(x) * std::numbers::log10e; })},
      {"square_root", "squareRootWithTensor:name:", "11.0", any,
       "The square root: NaN below 0; for complex64 the principal value. The gradient at 0 is "
       "infinite.",
       unary_over<FloatsComplex>([](auto x) { return std::sqrt(x); }),
       chain([](const Tensor&, const Tensor& y) { return reciprocal(y) * 0.5; })},
      {"reciprocal_square_root", "reciprocalSquareRootWithTensor:name:", "15.0", any,
       "1 / square_root(tensor): infinity at 0, NaN below.",
       unary_over<FloatsComplex>(inverse_square_root), chain(inverse_square_root_derivative)},
      {"reverse_square_root", "reverseSquareRootWithTensor:name:", "11.0", any,
       "The older name of reciprocal_square_root: 1 / square_root(tensor).",
       unary_over<FloatsComplex>(inverse_square_root), chain(inverse_square_root_derivative)},
      {"erf", "erfWithTensor:name:", "11.0", real,
       "The error function: 2 / square_root(pi) times the integral of exp(-t * t) from 0 to "
       "`tensor`.",
       unary_over<Floats>([](auto x) { return std::erf(x); }),
       chain([](const Tensor& x, const Tensor&) {
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
       chain([](const Tensor& x, const Tensor&) { return unary("cos", x); })},
      {"cos", "cosWithTensor:name:", "11.0", any, "The cosine of an angle in radians.",
       unary_over<FloatsComplex>([](auto x) { return std::cos(x); }),
       chain([](const Tensor& x, const Tensor&) { return -unary("sin", x); })},
      {"tan", "tanWithTensor:name:", "11.0", any, "The tangent of an angle in radians.",
       unary_over<FloatsComplex>([](auto x) { return std::tan(x); }),
       chain([](const Tensor&, const Tensor& y) { return square(y) + 1.0; })},
      {"sinh", "sinhWithTensor:name:", "11.0", any, "The hyperbolic sine.",
       unary_over<FloatsComplex>([](auto x) { return std::sinh(x); }),
       chain([](const Tensor& x, const Tensor&) { return unary("cosh", x); })},
      {"cosh", "coshWithTensor:name:", "11.0", any, "The hyperbolic cosine.",
       unary_over<FloatsComplex>([](auto x) { return std::cosh(x); }),
       chain([](const Tensor& x, const Tensor&) { return unary("sinh", x); })},
      {"tanh", "tanhWithTensor:name:", "11.0", any, "The hyperbolic tangent.",
       unary_over<FloatsComplex>([](auto x) { return std::tanh(x); }),
       chain([](const Tensor&, const Tensor& y) { return 1.0 - square(y); })},
      {"asin", "asinWithTensor:name:", "11.0", any,
       "The inverse of sin, in [-pi/2, pi/2]: NaN outside [-1, 1]; for complex64 the principal "
       "value.",
       unary_over<FloatsComplex>([](auto x) { return std::asin(x); }),
       chain([](const Tensor& x, const Tensor&) {
         return reciprocal_square_root(1.0 - x) * reciprocal_square_root(x + 1.0);
       })},
      {"acos", "acosWithTensor:name:", "11.0", any,
       "The inverse of cos, in [0, pi]: NaN outside [-1, 1]; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::acos(x); }),
       chain([](const Tensor& x, const Tensor&) {
         return -(reciprocal_square_root(1.0 - x) * reciprocal_square_root(x + 1.0));
       })},
      {"atan", "atanWithTensor:name:", "11.0", any,
       "The inverse of tan, in [-pi/2, pi/2]; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::atan(x); }),
       chain([](const Tensor& x, const Tensor&) { return reciprocal(square(x) + 1.0); })},
      {"asinh", "asinhWithTensor:name:", "11.0", any,
       "The inverse of sinh; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::asinh(x); }),
       chain(
           [](const Tensor& x, const Tensor&) { return reciprocal_square_root(square(x) + 1.0); })},
      {"acosh", "acoshWithTensor:name:", "11.0", any,
       "The inverse of cosh, not negative: NaN below 1; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::acosh(x); }),
       chain([](const Tensor& x, const Tensor&) {
         return reciprocal_square_root(x - 1.0) * reciprocal_square_root(x + 1.0);
       })},
      {"atanh", "atanhWithTensor:name:", "11.0", any,
       "The inverse of tanh: infinite at -1 and 1, NaN beyond; for complex64 the principal value.",
       unary_over<FloatsComplex>([](auto x) { return std::atanh(x); }),
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

constexpr auto sign_of = [](auto x) {
  using C = decltype(x);
  if (x > C(0)) return C(1);
  // Neither: a zero with its sign, or NaN.
  if constexpr (std::is_signed_v<C> || std::is_floating_point_v<C>)
    if (x < C(0)) return C(-1);
  return x;
};

void add_rounding(Rows& rows) {
  const auto numbers = types::numeric();
  const Entry entries[] = {
      {"ceil", "ceilWithTensor:name:", "11.0", numbers,
       "The least whole number >= tensor. Integers stay as they are. No gradient flows.",
       rounding([](auto x) { return std::ceil(x); }), nullptr, piecewise_constant},
      {"floor", "floorWithTensor:name:", "11.0", numbers,
       "The greatest whole number <= tensor. Integers stay as they are. No gradient flows.",
       rounding([](auto x) { return std::floor(x); }), nullptr, piecewise_constant},
      {"round", "roundWithTensor:name:", "11.0", numbers,
       "The nearest whole number, a half away from zero (2.5 gives 3). Integers stay as they are. "
       "No gradient flows.",
       rounding([](auto x) { return std::round(x); }), nullptr, piecewise_constant},
      {"rint", "rintWithTensor:name:", "11.0", numbers,
       "The nearest whole number, a half to the even one (2.5 gives 2). Integers stay as they are. "
       "No gradient flows.",
       rounding([](auto x) { return std::nearbyint(x); }), nullptr, piecewise_constant},
      {"truncate", "truncateWithTensor:name:", "13.0", numbers,
       "The whole number next to `tensor` towards zero. Integers stay as they are. No gradient "
       "flows.",
       rounding([](auto x) { return std::trunc(x); }), nullptr, piecewise_constant},
      {"sign", "signWithTensor:name:", "11.0", numbers,
       "-1, 0 or 1. A zero keeps its sign, NaN stays NaN. No gradient flows.",
       unary_over<Numbers>(sign_of), nullptr, piecewise_constant},
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
       chain([](const Tensor& x, const Tensor&) { return x * 2.0; })},
      {"reciprocal", "reciprocalWithTensor:name:", "11.0", types::differentiable(),
       "1 / tensor: infinity at 0.",
       unary_over<FloatsComplex>([](auto x) { return decltype(x)(1) / x; }),
       chain([](const Tensor&, const Tensor& y) { return -square(y); })},
      {"negative", "negativeWithTensor:name:", "11.0", types::numeric_complex(),
       "-tensor. Integers wrap: the negative of the least integer is itself, and unsigned integers "
       "count down from 2 to the power of their width.",
       unary_over<FloatsComplexWords>([](auto x) {
         if constexpr (std::is_integral_v<decltype(x)>)
           return static_cast<decltype(x)>(Wrapping<decltype(x)>(0) - x);
         else return -x;
       }),
       [](GradientContext& g) { g.give("tensor", -g.incoming()); }},
  };
  add_entries(rows, entries, {"tensor"}, infer_same);
}

Row identity_row() {
  return Row("identity", "Arithmetic")
      .documentation("The tensor itself, under another name.")
      .selector("identityWithTensor:name:", "11.0")
      .types("T", types::all())
      .operand("tensor", "T")
      .elementwise()
      .view()
      .infer(infer_same)
      .gradient([](GradientContext& g) { g.give("tensor", g.incoming()); })
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
