// The sets of micro-kernels of this build; nullptr where the target has no such instructions.
#pragma once

#include "backends/cpu/contraction/micro_kernels.h"

namespace mpsg::contraction {

const MicroKernels* micro_kernels_avx512();
const MicroKernels* micro_kernels_avx2();
const MicroKernels* micro_kernels_neon();
const MicroKernels* micro_kernels_baseline();

}  // namespace mpsg::contraction
