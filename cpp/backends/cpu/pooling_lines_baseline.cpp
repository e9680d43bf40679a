// Line kernels in 16-byte vectors: NEON, or what every x86-64 processor has.
#include "backends/cpu/pooling_line_loops.h"

namespace mpsg::pooling {
const LineKernels* line_kernels_baseline() {
  static constexpr LineKernels kernels = make_line_kernels<16>("baseline");
  return &kernels;
}
}  // namespace mpsg::pooling
