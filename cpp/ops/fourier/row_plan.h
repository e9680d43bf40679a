// What a kernel must know of a row of Fourier transforms.
#pragma once

#include "graph/operation_view.h"
#include "mpsg/shape.h"
#include "ops/fourier/plan.h"

namespace mpsg::ops::fourier {

/// The transform of one of the rows: fast_fourier_transform, real_to_hermitean_fft,
/// hermitean_to_real_fft and the gradient rows of the last two. The shapes are static.
TensorPlan plan_of(const OperationView& operation, const TensorType& source,
                   const TensorType& result, const std::vector<int64_t>& axes);

}  // namespace mpsg::ops::fourier
