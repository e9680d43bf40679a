// Tiles of AVX-512; the build gives this file its flags.
#include "backends/cpu/contraction/instruction_sets.h"

#if defined(__AVX512F__)
#include "backends/cpu/contraction/micro_kernels_source.h"

namespace mpsg::contraction {
const MicroKernels* micro_kernels_avx512() {
  static constexpr MicroKernels kernels = Kernels<16, 14, 2>::set("avx512 14x32");
  return &kernels;
}
}  // namespace mpsg::contraction
#else
namespace mpsg::contraction {
const MicroKernels* micro_kernels_avx512() { return nullptr; }
}  // namespace mpsg::contraction
#endif
