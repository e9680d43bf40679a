// Logarithms, the area functions made of them, and power.
#include <limits>

#include "backends/cpu/llvm/math_coefficients.h"
#include "backends/cpu/llvm/math_functions.h"

namespace mpsg::math_functions {
namespace {

namespace k = math_coefficients;

struct LogarithmTable {
  std::span<const float> two;  // log(2) in two parts: multiples of the upper one are exact
  double first;                // log(e), the series' first coefficient
  std::span<const float> inverse;
  std::span<const float> value;
  std::span<const float> series;
};

/// What VectorMath::split does, without its special cases.
void split_by_bits(VectorMath& math, Value* x, Value*& mantissa, Value*& exponent) {
  llvm::IRBuilder<>& builder = math.builder();
  Value* is_denormal = builder.CreateFCmpOLT(x, math.constant(0x1p-126));
  Value* normal = math.select(is_denormal, math.multiply(x, math.constant(0x1p24)), x);
  Value* bits = math.to_bits(normal);
  Value* biased = builder.CreateLShr(bits, math.integer(23));
  Value* bias = math.select(is_denormal, math.integer(127 + 24), math.integer(127));
  Value* fraction = builder.CreateAnd(bits, math.integer(0x7fffff));
  Value* upper_half = builder.CreateAnd(bits, math.integer(0x400000));
  mantissa = math.from_bits(builder.CreateSub(builder.CreateOr(fraction, math.integer(0x3f800000)),
                                              builder.CreateShl(upper_half, math.integer(1))));
  Value* carry = builder.CreateLShr(upper_half, math.integer(22));
  exponent =
      builder.CreateSIToFP(builder.CreateAdd(builder.CreateSub(biased, bias), carry), x->getType());
}

/// The logarithm of NaN, negative numbers, zero and infinity; `result` for other numbers.
Value* with_special_cases(VectorMath& math, Value* x, Value* result) {
  llvm::IRBuilder<>& builder = math.builder();
  Value* zero = math.constant(0);
  Value* at_most_zero = math.select(builder.CreateFCmpOEQ(x, zero), math.negate(math.infinity()),
                                    math.not_a_number());
  result = math.select(builder.CreateFCmpOLT(x, math.infinity()), result, x);
  return math.select(builder.CreateFCmpOLE(x, zero), at_most_zero, result);
}

Value* logarithm_by_table(VectorMath& math, Value* x, const LogarithmTable& table) {
  llvm::IRBuilder<>& builder = math.builder();
  Value* mantissa = nullptr;
  Value* exponent = nullptr;
  const bool has_special_cases = math.split(x, mantissa, exponent);
  if (!has_special_cases) split_by_bits(math, x, mantissa, exponent);
  const int bits = table.inverse.size() == 16 ? 4 : 3;
  Value* index = builder.CreateLShr(math.to_bits(mantissa), math.integer(23 - bits));
  Value* r = math.multiply_add(mantissa, math.lookup(index, table.inverse), math.constant(-1));
  Value* large =
      math.multiply_add(exponent, math.constant(table.two[0]), math.lookup(index, table.value));
  Value* series = math.polynomial(r, table.series);
  Value* small = nullptr;  // log(1 + r), the largest term added last
  if (table.first == 1) {
    small = math.multiply_add(math.multiply(r, r), series, r);
  } else {
    small = math.multiply_add(r, math.constant(table.first), math.multiply(r, series));
  }
  if (table.two[1] != 0) small = math.multiply_add(exponent, math.constant(table.two[1]), small);
  Value* result = math.add(large, small);
  return has_special_cases ? result : with_special_cases(math, x, result);
}

/// The exponent of a normal positive double, as a double, and log(mantissa) for a mantissa in
/// [sqrt(1/2), sqrt(2)): `w` = 1 + u, where u may be known better than w - 1.
struct WideLogarithm {
  Value* exponent;
  Value* of_mantissa;
};

WideLogarithm wide_logarithm(VectorMath& wide, Value* w, Value* u) {
  llvm::IRBuilder<>& builder = wide.builder();
  constexpr uint64_t kOne = 0x3ff0000000000000;
  constexpr uint64_t kRootOfHalf = 0x3fe6a09e667f3bcd;
  Value* bits = wide.to_bits(w);
  Value* biased = builder.CreateLShr(builder.CreateAdd(bits, wide.integer(kOne - kRootOfHalf)),
                                     wide.integer(52));
  // An integer below 2^52 becomes a double by way of the mantissa of 2^52.
  Value* exponent =
      wide.subtract(wide.from_bits(builder.CreateOr(biased, wide.integer(0x4330000000000000))),
                    wide.constant(0x1p52 + 1023));
  Value* mantissa = wide.from_bits(builder.CreateAdd(
      builder.CreateSub(bits, builder.CreateShl(biased, wide.integer(52))), wide.integer(kOne)));
  Value* is_near_one = builder.CreateFCmpOEQ(exponent, wide.constant(0));
  Value* f = wide.select(is_near_one, u, wide.subtract(mantissa, wide.constant(1)));
  Value* series = wide.polynomial(f, k::kWideLogarithm);
  return {exponent, wide.multiply_add(wide.multiply(f, f), series, f)};
}

/// log(1 + u) of a double.
Value* wide_logarithm_1plus(VectorMath& wide, Value* u) {
  llvm::IRBuilder<>& builder = wide.builder();
  const auto parts = wide_logarithm(wide, wide.add(u, wide.constant(1)), u);
  Value* result =
      wide.multiply_add(parts.exponent, wide.constant(0x1.62e42fefa39efp-1), parts.of_mantissa);
  Value* minus_one = wide.constant(-1);
  Value* outside = wide.select(builder.CreateFCmpOEQ(u, minus_one), wide.negate(wide.infinity()),
                               wide.not_a_number());
  result = wide.select(builder.CreateFCmpOLT(u, wide.infinity()), result, u);
  return wide.select(builder.CreateFCmpOLE(u, minus_one), outside, result);
}

}  // namespace

Value* logarithm(VectorMath& math, Value* x) {
  const LogarithmTable table{k::kNatural16Two, k::kNatural16First, k::kNatural16Inverse,
                             k::kNatural16Value, k::kNatural16Series};
  const LogarithmTable short_table{k::kNatural8Two, k::kNatural8First, k::kNatural8Inverse,
                                   k::kNatural8Value, k::kNatural8Series};
  return logarithm_by_table(math, x, math.prefers_short_tables() ? short_table : table);
}

Value* logarithm2(VectorMath& math, Value* x) {
  const LogarithmTable table{k::kBinary16Two, k::kBinary16First, k::kBinary16Inverse,
                             k::kBinary16Value, k::kBinary16Series};
  const LogarithmTable short_table{k::kBinary8Two, k::kBinary8First, k::kBinary8Inverse,
                                   k::kBinary8Value, k::kBinary8Series};
  return logarithm_by_table(math, x, math.prefers_short_tables() ? short_table : table);
}

Value* logarithm10(VectorMath& math, Value* x) {
  const LogarithmTable table{k::kDecimal16Two, k::kDecimal16First, k::kDecimal16Inverse,
                             k::kDecimal16Value, k::kDecimal16Series};
  const LogarithmTable short_table{k::kDecimal8Two, k::kDecimal8First, k::kDecimal8Inverse,
                                   k::kDecimal8Value, k::kDecimal8Series};
  return logarithm_by_table(math, x, math.prefers_short_tables() ? short_table : table);
}

Value* logarithm_1plus(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  return math.copy_sign(wide.narrow(wide_logarithm_1plus(wide, wide.widen(x))), x);
}

// log(1 + u), u = a + a^2 / (1 + sqrt(a^2 + 1))
Value* area_sine(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  Value* a = wide.widen(math.absolute(x));
  Value* square = wide.multiply(a, a);
  Value* one = wide.constant(1);
  Value* root = wide.square_root(wide.add(square, one));
  Value* u = wide.add(a, wide.divide(square, wide.add(root, one)));
  Value* result = wide_logarithm_1plus(wide, u);
  Value* is_finite = math.builder().CreateFCmpOLT(a, wide.infinity());
  return math.copy_sign(wide.narrow(wide.select(is_finite, result, a)), x);
}

// log(1 + u), u = t + sqrt(t (t + 2)), t = x - 1
Value* area_cosine(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  Value* t = wide.subtract(wide.widen(x), wide.constant(1));
  Value* root = wide.square_root(wide.multiply(t, wide.add(t, wide.constant(2))));
  Value* result = wide_logarithm_1plus(wide, wide.add(t, root));
  Value* is_below = math.builder().CreateFCmpOLT(t, wide.constant(0));
  return wide.narrow(wide.select(is_below, wide.not_a_number(), result));
}

// log(1 + 2 a / (1 - a)) / 2
Value* area_tangent(VectorMath& math, Value* x) {
  VectorMath wide = math.widened();
  Value* a = wide.widen(math.absolute(x));
  Value* u = wide.divide(wide.add(a, a), wide.subtract(wide.constant(1), a));
  Value* result = wide.multiply(wide_logarithm_1plus(wide, u), wide.constant(0.5));
  return math.copy_sign(wide.narrow(result), x);
}

/// 2^(y log2 |x|) with C's special cases.
Value* power(VectorMath& math, Value* x, Value* y) {
  llvm::IRBuilder<>& builder = math.builder();
  VectorMath wide = math.widened();
  Value* base = wide.widen(x);
  Value* exponent = wide.widen(y);
  Value* a = wide.absolute(base);
  Value* zero = wide.constant(0);
  Value* one = wide.constant(1);

  const auto parts = wide_logarithm(wide, a, wide.subtract(a, one));
  Value* logarithm =
      wide.multiply_add(parts.of_mantissa, wide.constant(0x1.71547652b82fep+0), parts.exponent);
  logarithm = wide.select(builder.CreateFCmpOLT(a, wide.infinity()), logarithm, a);
  logarithm = wide.select(builder.CreateFCmpOEQ(a, zero), wide.negate(wide.infinity()), logarithm);
  Value* product = wide.at_least(wide.at_most(wide.multiply(exponent, logarithm), 200), -200);

  constexpr double rounder = 0x1.8p52;
  Value* sum = wide.add(product, wide.constant(rounder));
  Value* r = wide.subtract(product, wide.subtract(sum, wide.constant(rounder)));
  Value* scale = wide.from_bits(builder.CreateShl(
      builder.CreateAdd(wide.to_bits(sum), wide.integer(1023)), wide.integer(52)));
  Value* rest = wide.multiply(r, wide.polynomial(r, k::kWideExponent2Minus1));
  Value* result = wide.multiply_add(scale, rest, scale);

  // Negative bases: an odd exponent gives the sign, one that is no integer NaN.
  Value* half = wide.multiply(exponent, wide.constant(0.5));
  Value* is_integer = builder.CreateFCmpOEQ(wide.truncate(exponent), exponent);
  Value* is_odd = builder.CreateAnd(is_integer, builder.CreateFCmpUNE(wide.truncate(half), half));
  result = wide.select(is_odd, wide.copy_sign(result, base), result);
  Value* is_negative = builder.CreateAnd(builder.CreateFCmpOLT(base, zero),
                                         builder.CreateFCmpOGT(base, wide.negate(wide.infinity())));
  result = wide.select(builder.CreateAnd(is_negative, builder.CreateNot(is_integer)),
                       wide.not_a_number(), result);
  // 1 where C says so even for NaN; -1 to an infinite power.
  Value* is_one =
      builder.CreateOr(builder.CreateFCmpOEQ(base, one), builder.CreateFCmpOEQ(exponent, zero));
  Value* is_unit_to_infinity =
      builder.CreateAnd(builder.CreateFCmpOEQ(a, one),
                        builder.CreateFCmpOEQ(wide.absolute(exponent), wide.infinity()));
  result = wide.select(builder.CreateOr(is_one, is_unit_to_infinity), one, result);
  return wide.narrow(result);
}

}  // namespace mpsg::math_functions
