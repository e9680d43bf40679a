// The loops in 64-byte vectors; the build gives this file its flags.
#include "backends/cpu/recurrent/gates.h"

#if defined(__AVX512F__)
#include "backends/cpu/recurrent/gates_loops.h"

namespace mpsg::recurrent {
const GateKernels* gate_kernels_avx512() {
  static constexpr GateKernels kernels = Gates<16>::set("avx512");
  return &kernels;
}
}  // namespace mpsg::recurrent
#else
namespace mpsg::recurrent {
const GateKernels* gate_kernels_avx512() { return nullptr; }
}  // namespace mpsg::recurrent
#endif
