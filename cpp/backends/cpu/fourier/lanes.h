// The loops over lanes of Fourier transforms, for each instruction set.
#pragma once

#include "ops/fourier/lanes_call.h"

namespace mpsg::fourier {

/// nullptr where the target has no such instructions.
const ops::fourier::LaneKernels* lane_kernels_avx512();
const ops::fourier::LaneKernels* lane_kernels_avx2();

}  // namespace mpsg::fourier
