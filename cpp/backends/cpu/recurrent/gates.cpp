// Which loops this processor can execute.
#include "backends/cpu/recurrent/gates.h"

namespace mpsg::recurrent {
namespace {

const GateKernels& choose() {
#if defined(__x86_64__)
  // What the build lets the compiler use in these files.
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx512 && gate_kernels_avx512()) return *gate_kernels_avx512();
  if (avx2 && gate_kernels_avx2()) return *gate_kernels_avx2();
#endif
  return *gate_kernels_baseline();
}

}  // namespace

const GateKernels& best_gate_kernels() {
  static const GateKernels& best = choose();
  return best;
}

}  // namespace mpsg::recurrent
