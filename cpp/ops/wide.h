// What composites of reductions share. They compute 16-bit floats in float32 and round once.
#pragma once

#include "ops/build.h"

namespace mpsg::build {

inline Tensor widen(const Tensor& x) {
  const bool narrow = x.data_type() == DataType::float16 || x.data_type() == DataType::bfloat16;
  return narrow ? cast(x, DataType::float32) : x;
}

inline Tensor mean(const Tensor& x, const Argument& axes) {
  return x.graph().add_one("mean", {{"tensor", x}, axes});
}

/// How many elements a reduction of `x` along `axes` takes together, as a scalar that divides x.
inline Tensor elements_along(const Tensor& x, const Argument& axes) {
  return x.graph().add_one("elements_along", {{"tensor", x}, axes});
}

}  // namespace mpsg::build

namespace mpsg::ops {

/// `shape` with size 1 along the attribute or operand `axes` (None: along all).
Shape reduced_shape(const InferContext& c, const Shape& shape);

}  // namespace mpsg::ops
