// Line kernels in 32-byte vectors; the build gives this file its flags.
#include "backends/cpu/pooling_lines.h"

#if defined(__AVX2__)
#include "backends/cpu/pooling_line_loops.h"

namespace mpsg::pooling {
const LineKernels* line_kernels_avx2() {
  static constexpr LineKernels kernels = make_line_kernels<32>("avx2");
  return &kernels;
}
}  // namespace mpsg::pooling
#else
namespace mpsg::pooling {
const LineKernels* line_kernels_avx2() { return nullptr; }
}  // namespace mpsg::pooling
#endif
