// Tiles of NEON, which every 64-bit ARM has.
#include "backends/cpu/contraction/instruction_sets.h"

#if defined(__aarch64__)
#include "backends/cpu/contraction/micro_kernels_source.h"

namespace mpsg::contraction {
const MicroKernels* micro_kernels_neon() {
  static constexpr MicroKernels kernels = Kernels<4, 8, 3>::set("neon 8x12");
  return &kernels;
}
}  // namespace mpsg::contraction
#else
namespace mpsg::contraction {
const MicroKernels* micro_kernels_neon() { return nullptr; }
}  // namespace mpsg::contraction
#endif
