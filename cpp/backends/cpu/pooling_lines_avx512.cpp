// Line kernels in 64-byte vectors; the build gives this file its flags.
#include "backends/cpu/pooling_lines.h"

#if defined(__AVX512F__)
#include "backends/cpu/pooling_line_loops.h"

namespace mpsg::pooling {
const LineKernels* line_kernels_avx512() {
  static constexpr LineKernels kernels = make_line_kernels<64>("avx512");
  return &kernels;
}
}  // namespace mpsg::pooling
#else
namespace mpsg::pooling {
const LineKernels* line_kernels_avx512() { return nullptr; }
}  // namespace mpsg::pooling
#endif
