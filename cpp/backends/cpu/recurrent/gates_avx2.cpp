// The loops in 32-byte vectors; the build gives this file its flags.
#include "backends/cpu/recurrent/gates.h"

#if defined(__AVX2__)
#include "backends/cpu/recurrent/gates_loops.h"

namespace mpsg::recurrent {
const GateKernels* gate_kernels_avx2() {
  static constexpr GateKernels kernels = Gates<8>::set("avx2");
  return &kernels;
}
}  // namespace mpsg::recurrent
#else
namespace mpsg::recurrent {
const GateKernels* gate_kernels_avx2() { return nullptr; }
}  // namespace mpsg::recurrent
#endif
