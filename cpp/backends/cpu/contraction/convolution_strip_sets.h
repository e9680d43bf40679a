// The sets of strip kernels of this build; nullptr where the target has no such instructions.
#pragma once

#include "backends/cpu/contraction/convolution_strips.h"

namespace mpsg::contraction {

const StripKernels* strip_kernels_avx512();
const StripKernels* strip_kernels_avx2();
const StripKernels* strip_kernels_baseline();

}  // namespace mpsg::contraction
