// Strip kernels in 32-byte vectors, for x86-64 processors with AVX2 and FMA; the build
// gives this file its flags.
#include "backends/cpu/contraction/convolution_strip_sets.h"

#if defined(__AVX2__)
#include "backends/cpu/contraction/convolution_strip_loops.h"

namespace mpsg::contraction {
const StripKernels* strip_kernels_avx2() {
  static constexpr StripKernels kernels = make_strip_kernels<32, 12>("avx2");
  return &kernels;
}
}  // namespace mpsg::contraction
#else
namespace mpsg::contraction {
const StripKernels* strip_kernels_avx2() { return nullptr; }
}  // namespace mpsg::contraction
#endif
