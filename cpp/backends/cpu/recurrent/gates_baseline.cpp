// The loops in 16-byte vectors: NEON, or what every x86-64 processor has.
#include "backends/cpu/recurrent/gates_loops.h"

namespace mpsg::recurrent {
const GateKernels* gate_kernels_baseline() {
  static constexpr GateKernels kernels = Gates<4>::set("baseline");
  return &kernels;
}
}  // namespace mpsg::recurrent
