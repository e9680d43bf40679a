// Which line kernels this processor can execute.
#include "backends/cpu/pooling_lines.h"

namespace mpsg::pooling {
namespace {

const LineKernels& choose() {
#if defined(__x86_64__)
  // What the build lets the compiler use in these files.
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx512 && line_kernels_avx512()) return *line_kernels_avx512();
  if (avx2 && line_kernels_avx2()) return *line_kernels_avx2();
#endif
  return *line_kernels_baseline();
}

}  // namespace

const LineKernels& best_line_kernels() {
  static const LineKernels& best = choose();
  return best;
}

}  // namespace mpsg::pooling
