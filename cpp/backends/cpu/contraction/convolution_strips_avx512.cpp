// Strip kernels in 64-byte vectors, for x86-64 processors with AVX-512; the build
// gives this file its flags.
#include "backends/cpu/contraction/convolution_strip_sets.h"

#if defined(__AVX512F__)
#include "backends/cpu/contraction/convolution_strip_loops.h"

namespace mpsg::contraction {
const StripKernels* strip_kernels_avx512() {
  static constexpr StripKernels kernels = make_strip_kernels<64, 28>("avx512");
  return &kernels;
}
}  // namespace mpsg::contraction
#else
namespace mpsg::contraction {
const StripKernels* strip_kernels_avx512() { return nullptr; }
}  // namespace mpsg::contraction
#endif
