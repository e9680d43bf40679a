// Strip kernels in 16-byte vectors: NEON, or what every x86-64 processor has.
#include "backends/cpu/contraction/convolution_strip_loops.h"
#include "backends/cpu/contraction/convolution_strip_sets.h"

namespace mpsg::contraction {
const StripKernels* strip_kernels_baseline() {
#if defined(__aarch64__)
  static constexpr StripKernels kernels = make_strip_kernels<16, 28>("neon");
#else
  static constexpr StripKernels kernels = make_strip_kernels<16, 12>("baseline");
#endif
  return &kernels;
}
}  // namespace mpsg::contraction
