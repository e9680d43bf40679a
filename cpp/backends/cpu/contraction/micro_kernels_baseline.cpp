// Tiles that every processor of the build's target can run (SSE2 on x86-64).
#include "backends/cpu/contraction/instruction_sets.h"

#if 1
#include "backends/cpu/contraction/micro_kernels_source.h"

namespace mpsg::contraction {
const MicroKernels* micro_kernels_baseline() {
  static constexpr MicroKernels kernels = Kernels<4, 6, 2>::set("baseline 6x8");
  return &kernels;
}
}  // namespace mpsg::contraction
#else
namespace mpsg::contraction {
const MicroKernels* micro_kernels_baseline() { return nullptr; }
}  // namespace mpsg::contraction
#endif
