// Trigonometric functions and their inverses; the remainder of a division.
#include "backends/cpu/llvm/math_coefficients.h"
#include "backends/cpu/llvm/math_functions.h"

namespace mpsg::math_functions {
namespace {

namespace k = math_coefficients;

constexpr double kRounder = 0x1.8p23;
constexpr double kWideRounder = 0x1.8p52;
constexpr double kHalfPi = 0x1.921fb54442d18p+0;
// Up to here three parts of pi / 2 are enough for reducing the argument.
constexpr double kHugeAngle = 0x1p17;

Value* is_huge(VectorMath& math, Value* x) {
  return math.builder().CreateFCmpOGT(math.absolute(x), math.constant(kHugeAngle));
}

/// sin(x + quarter_turns * pi / 2)
Value* turned_sine(VectorMath& math, Value* x, int quarter_turns) {
  llvm::IRBuilder<>& builder = math.builder();
  Value* sum = math.multiply_add(x, math.constant(0x1.45f306p-1), math.constant(kRounder));
  Value* n = math.subtract(sum, math.constant(kRounder));
  // All parts positive, so that -0 stays.
  Value* r = math.multiply_add(n, math.constant(-0x1.921fb4p+0), x);
  r = math.multiply_add(n, math.constant(-0x1.4442dp-24), r);
  r = math.multiply_add(n, math.constant(-0x1.84698ap-48), r);
  Value* square = math.multiply(r, r);
  Value* sine = math.multiply_add(math.multiply(r, square), math.polynomial(square, k::kSine), r);
  sine = math.copy_sign(sine, r);  // the series subtracts: of -0 it would be 0
  Value* cosine = math.multiply_add(
      square, math.multiply_add(square, math.polynomial(square, k::kCosine), math.constant(-0.5)),
      math.constant(1));
  Value* quadrant = math.to_bits(sum);
  if (quarter_turns) quadrant = builder.CreateAdd(quadrant, math.integer(quarter_turns));
  Value* is_odd =
      builder.CreateICmpNE(builder.CreateAnd(quadrant, math.integer(1)), math.integer(0));
  Value* sign = builder.CreateShl(builder.CreateAnd(quadrant, math.integer(2)), math.integer(30));
  return math.from_bits(builder.CreateXor(math.to_bits(math.select(is_odd, cosine, sine)), sign));
}

/// atan(minimum / maximum) or, where `swapped`, its complement; 0 <= minimum <= maximum.
Value* wide_arc_tangent(VectorMath& wide, Value* quotient, Value* swapped) {
  Value* square = wide.multiply(quotient, quotient);
  Value* series = wide.polynomial(square, k::kWideArcTangent);
  Value* angle = wide.multiply_add(wide.multiply(quotient, square), series, quotient);
  return wide.select(swapped, wide.subtract(wide.constant(kHalfPi), angle), angle);
}

struct ArcSineParts {
  Value* is_large;  // |x| > 1/2
  Value* angle;     // asin(|x|), or for large |x| acos(|x|)
};

ArcSineParts arc_sine_parts(VectorMath& wide, Value* a) {
  Value* one = wide.constant(1);
  Value* is_large = wide.builder().CreateFCmpOGT(a, wide.constant(0.5));
  Value* complement = wide.multiply(wide.subtract(one, a), wide.constant(0.5));
  Value* square = wide.select(is_large, complement, wide.multiply(a, a));
  Value* root = wide.select(is_large, wide.square_root(complement), a);
  Value* angle = wide.multiply_add(wide.multiply(root, square),
                                   wide.polynomial(square, k::kWideArcSine), root);
  return {is_large, wide.select(is_large, wide.add(angle, angle), angle)};
}

}  // namespace

Value* sine(VectorMath& math, Value* x) {
  return math.library_where(is_huge(math, x), turned_sine(math, x, 0), ElementOp::sine, x);
}

Value* cosine(VectorMath& math, Value* x) {
  return math.library_where(is_huge(math, x), turned_sine(math, x, 1), ElementOp::cosine, x);
}

Value* tangent(VectorMath& math, Value* x) {
  llvm::IRBuilder<>& builder = math.builder();
  VectorMath wide = math.widened();
  Value* angle = wide.widen(x);
  Value* sum =
      wide.multiply_add(angle, wide.constant(0x1.45f306dc9c883p-1), wide.constant(kWideRounder));
  Value* n = wide.subtract(sum, wide.constant(kWideRounder));
  Value* r = wide.multiply_add(n, wide.constant(-0x1.921fb544p+0), angle);
  r = wide.multiply_add(n, wide.constant(-0x1.0b4611a626331p-34), r);
  Value* square = wide.multiply(r, r);
  Value* sine = wide.multiply(r, wide.polynomial(square, k::kWideSine));
  Value* cosine = wide.polynomial(square, k::kWideCosine);
  Value* odd = builder.CreateAnd(wide.to_bits(sum), wide.integer(1));
  Value* is_odd = builder.CreateICmpNE(odd, wide.integer(0));
  Value* quotient =
      wide.divide(wide.select(is_odd, cosine, sine), wide.select(is_odd, sine, cosine));
  Value* sign = builder.CreateShl(odd, wide.integer(63));
  Value* fast = wide.narrow(wide.from_bits(builder.CreateXor(wide.to_bits(quotient), sign)));
  return math.library_where(is_huge(math, x), fast, ElementOp::tangent, x);
}

Value* arc_sine(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  const auto parts = arc_sine_parts(wide, wide.widen(math.absolute(x)));
  Value* complement = wide.subtract(wide.constant(kHalfPi), parts.angle);
  return math.copy_sign(wide.narrow(wide.select(parts.is_large, complement, parts.angle)), x);
}

Value* arc_cosine(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  Value* wide_x = wide.widen(x);
  const auto parts = arc_sine_parts(wide, wide.absolute(wide_x));
  Value* is_negative = math.builder().CreateFCmpOLT(wide_x, wide.constant(0));
  Value* large =
      wide.select(is_negative, wide.subtract(wide.constant(2 * kHalfPi), parts.angle), parts.angle);
  Value* small = wide.subtract(wide.constant(kHalfPi), wide.copy_sign(parts.angle, wide_x));
  return wide.narrow(wide.select(parts.is_large, large, small));
}

Value* arc_tangent(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  Value* a = wide.widen(math.absolute(x));
  Value* one = wide.constant(1);
  Value* swapped = math.builder().CreateFCmpOGT(a, one);
  Value* quotient = wide.select(swapped, wide.divide(one, a), a);
  return math.copy_sign(wide.narrow(wide_arc_tangent(wide, quotient, swapped)), x);
}

Value* arc_tangent2(VectorMath& math, Value* y, Value* x) {
  llvm::IRBuilder<>& builder = math.builder();
  VectorMath wide = math.widened();
  Value* wide_x = wide.widen(x);
  Value* across = wide.absolute(wide_x);
  Value* up = wide.widen(math.absolute(y));
  Value* swapped = builder.CreateFCmpOGT(up, across);
  Value* minimum = wide.select(swapped, across, up);
  Value* maximum = wide.select(swapped, up, across);
  Value* quotient = wide.divide(minimum, maximum);
  // Both infinite: 45 degrees; both zero: none.
  quotient = wide.select(builder.CreateFCmpOEQ(minimum, maximum), wide.constant(1), quotient);
  quotient = wide.select(builder.CreateFCmpOEQ(maximum, wide.constant(0)), minimum, quotient);
  Value* angle = wide_arc_tangent(wide, quotient, swapped);
  Value* is_left = builder.CreateICmpSLT(wide.to_bits(wide_x), wide.integer(0));
  angle = wide.select(is_left, wide.subtract(wide.constant(2 * kHalfPi), angle), angle);
  return math.copy_sign(wide.narrow(angle), y);
}

// With a quotient below 2^29 its product with the divisor is exact as a double.
Value* remainder(VectorMath& math, Value* x, Value* y) {
  llvm::IRBuilder<>& builder = math.builder();
  VectorMath wide = math.widened();
  Value* dividend = wide.widen(math.absolute(x));
  Value* divisor = wide.widen(math.absolute(y));
  Value* infinity = wide.infinity();
  Value* quotient = wide.truncate(wide.divide(dividend, divisor));
  Value* rest = wide.subtract(dividend, wide.multiply(quotient, divisor));
  // The quotient may have been rounded up to an integer.
  rest = wide.select(builder.CreateFCmpOLT(rest, wide.constant(0)), wide.add(rest, divisor), rest);
  Value* is_whole = builder.CreateAnd(builder.CreateFCmpOEQ(divisor, infinity),
                                      builder.CreateFCmpOLT(dividend, infinity));
  Value* fast = math.copy_sign(wide.narrow(wide.select(is_whole, dividend, rest)), x);
  Value* is_rare = builder.CreateAnd(builder.CreateFCmpOGE(quotient, wide.constant(0x1p29)),
                                     builder.CreateFCmpOLT(quotient, infinity));
  return math.library_where(is_rare, fast, ElementOp::remainder, {x, y});
}

}  // namespace mpsg::math_functions
