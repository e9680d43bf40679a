// Tiles of AVX2 and FMA; the build gives this file its flags.
#include "backends/cpu/contraction/instruction_sets.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "backends/cpu/contraction/micro_kernels_source.h"

namespace mpsg::contraction {
const MicroKernels* micro_kernels_avx2() {
  static constexpr MicroKernels kernels = Kernels<8, 6, 2>::set("avx2 6x16");
  return &kernels;
}
}  // namespace mpsg::contraction
#else
namespace mpsg::contraction {
const MicroKernels* micro_kernels_avx2() { return nullptr; }
}  // namespace mpsg::contraction
#endif
