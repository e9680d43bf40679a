// Exponentials, and the two odd functions that saturate (tanh, erf) by table.
#include <cmath>

#include "backends/cpu/llvm/math_coefficients.h"
#include "backends/cpu/llvm/math_functions.h"

namespace mpsg::math_functions {
namespace {

namespace k = math_coefficients;

// Adding it to a float rounds that to an integer, which then is in the low bits of the sum.
constexpr double kRounder = 0x1.8p23;
constexpr double kWideRounder = 0x1.8p52;

/// e^x for x in [-105, 89] or NaN.
Value* bounded_exponent(VectorMath& math, Value* x) {
  Value* sum = math.multiply_add(x, math.constant(0x1.715476p+0), math.constant(kRounder));
  Value* n = math.subtract(sum, math.constant(kRounder));
  Value* r = math.multiply_add(n, math.constant(-0x1.62e4p-1), x);
  r = math.multiply_add(n, math.constant(-0x1.7f7d1cp-20), r);
  return math.scale(math.polynomial(r, k::kExponent), n, math.to_bits(sum));
}

/// function(x) = x * g(|x|) that rounds to 1 from `limit` on. The table gives, for each interval
/// of |x|, a centre, g at the centre and the polynomial of g's difference from there.
template <size_t rows, size_t size>
Value* odd_by_table(VectorMath& math, Value* x, const float (&table)[rows][size], double inverse,
                    double limit) {
  Value* a = math.at_most(math.absolute(x), limit);
  // Rounds a / width to an integer; a power of two needs no multiplication.
  const bool is_power = std::exp2(std::round(std::log2(inverse))) == inverse;
  Value* sum = is_power ? math.add(a, math.constant(kRounder / inverse))
                        : math.multiply_add(a, math.constant(inverse), math.constant(kRounder));
  Value* index = math.to_bits(sum);
  Value* t = math.subtract(a, math.lookup(index, table[0]));
  Value* series = math.lookup(index, table[rows - 1]);
  for (size_t row = rows - 1; row-- > 2;)
    series = math.multiply_add(series, t, math.lookup(index, table[row]));
  // a * g is the last to be rounded: g at the centre is exact, the rest is small.
  Value* rest = math.multiply(math.multiply(a, t), series);
  return math.copy_sign(math.multiply_add(a, math.lookup(index, table[1]), rest), x);
}

}  // namespace

Value* exponent(VectorMath& math, Value* x) {
  return bounded_exponent(math, math.at_least(math.at_most(x, 89), -105));
}

Value* exponent2(VectorMath& math, Value* x) {
  x = math.at_least(math.at_most(x, 129), -151);
  Value* sum = math.add(x, math.constant(kRounder));
  Value* n = math.subtract(sum, math.constant(kRounder));
  return math.scale(math.polynomial(math.subtract(x, n), k::kExponent2), n, math.to_bits(sum));
}

// The exponential of a negative number on both sides, so that no tail loses its relative accuracy.
Value* sigmoid(VectorMath& math, Value* x) {
  Value* e = bounded_exponent(math, math.at_least(math.negate(math.absolute(x)), -105));
  Value* one = math.constant(1);
  Value* is_negative = math.builder().CreateFCmpOLT(x, math.constant(0));
  Value* sum = math.add(one, e);
  Value* quotient = math.divide(math.select(is_negative, e, one), sum);
  // What the sum lost, divided by it: a rough reciprocal is good enough for that.
  Value* lost = math.subtract(e, math.subtract(sum, one));
  Value* reciprocal = math.multiply_add(sum, math.constant(-0.5), math.constant(1.457));
  return math.multiply_add(math.multiply(lost, reciprocal), math.negate(quotient), quotient);
}

Value* hyperbolic_tangent(VectorMath& math, Value* x) {
  return !math.prefers_short_tables()
             ? odd_by_table(math, x, k::kHyperbolicTangent16, k::kHyperbolicTangent16Scale,
                            k::kHyperbolicTangent16Limit)
             : odd_by_table(math, x, k::kHyperbolicTangent8, k::kHyperbolicTangent8Scale,
                            k::kHyperbolicTangent8Limit);
}

Value* error_function(VectorMath& math, Value* x) {
  return !math.prefers_short_tables()
             ? odd_by_table(math, x, k::kErrorFunction16, k::kErrorFunction16Scale,
                            k::kErrorFunction16Limit)
             : odd_by_table(math, x, k::kErrorFunction8, k::kErrorFunction8Scale,
                            k::kErrorFunction8Limit);
}

// --- By way of double precision

WideExponent wide_exponent(VectorMath& wide, Value* x) {
  llvm::IRBuilder<>& builder = wide.builder();
  Value* sum =
      wide.multiply_add(x, wide.constant(0x1.71547652b82fep+0), wide.constant(kWideRounder));
  Value* n = wide.subtract(sum, wide.constant(kWideRounder));
  Value* r = wide.multiply_add(n, wide.constant(-0x1.62e42fefa39efp-1), x);
  Value* power =
      builder.CreateShl(builder.CreateAdd(wide.to_bits(sum), wide.integer(1023)), wide.integer(52));
  return {wide.from_bits(power), wide.multiply(r, wide.polynomial(r, k::kWideExponentMinus1))};
}

Value* exponent_minus1(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  const auto e = wide_exponent(wide, wide.widen(math.at_least(math.at_most(x, 100), -100)));
  Value* result = wide.multiply_add(e.scale, e.rest, wide.subtract(e.scale, wide.constant(1)));
  return math.copy_sign(wide.narrow(result), x);  // for -0
}

// (d + d / (d + 1)) / 2, d = e^|x| - 1
Value* hyperbolic_sine(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  const auto e = wide_exponent(wide, wide.widen(math.at_most(math.absolute(x), 100)));
  Value* d = wide.multiply_add(e.scale, e.rest, wide.subtract(e.scale, wide.constant(1)));
  Value* sum = wide.add(d, wide.divide(d, wide.add(d, wide.constant(1))));
  return math.copy_sign(wide.narrow(wide.multiply(sum, wide.constant(0.5))), x);
}

Value* hyperbolic_cosine(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  const auto e = wide_exponent(wide, wide.widen(math.at_most(math.absolute(x), 100)));
  Value* half = wide.multiply(wide.multiply_add(e.scale, e.rest, e.scale), wide.constant(0.5));
  return wide.narrow(wide.add(half, wide.divide(wide.constant(0.25), half)));
}

}  // namespace mpsg::math_functions
