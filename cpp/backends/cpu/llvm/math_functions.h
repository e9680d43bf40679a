// The formulas of the vector math, each for float operands of any shape.
#pragma once

#include "backends/cpu/llvm/math_vector.h"

namespace mpsg::math_functions {

using llvm::Value;

Value* exponent(VectorMath& math, Value* x);
Value* exponent2(VectorMath& math, Value* x);
Value* exponent_minus1(VectorMath& math, Value* x);
Value* sigmoid(VectorMath& math, Value* x);
Value* hyperbolic_sine(VectorMath& math, Value* x);
Value* hyperbolic_cosine(VectorMath& math, Value* x);
Value* hyperbolic_tangent(VectorMath& math, Value* x);
Value* error_function(VectorMath& math, Value* x);

Value* logarithm(VectorMath& math, Value* x);
Value* logarithm2(VectorMath& math, Value* x);
Value* logarithm10(VectorMath& math, Value* x);
Value* logarithm_1plus(VectorMath& math, Value* x);
Value* area_sine(VectorMath& math, Value* x);
Value* area_cosine(VectorMath& math, Value* x);
Value* area_tangent(VectorMath& math, Value* x);
Value* power(VectorMath& math, Value* x, Value* y);

Value* sine(VectorMath& math, Value* x);
Value* cosine(VectorMath& math, Value* x);
Value* tangent(VectorMath& math, Value* x);
Value* arc_sine(VectorMath& math, Value* x);
Value* arc_cosine(VectorMath& math, Value* x);
Value* arc_tangent(VectorMath& math, Value* x);
Value* arc_tangent2(VectorMath& math, Value* y, Value* x);
Value* remainder(VectorMath& math, Value* x, Value* y);

/// e^x as scale + scale * rest, in double precision; |x| <= 600.
struct WideExponent {
  Value* scale;
  Value* rest;
};
WideExponent wide_exponent(VectorMath& wide, Value* x);

}  // namespace mpsg::math_functions
