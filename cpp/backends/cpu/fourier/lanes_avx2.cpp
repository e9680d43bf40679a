// The loops over lanes in 32-byte vectors; the build gives this file its flags.
#include "backends/cpu/fourier/lanes.h"

#if defined(__AVX2__)
#include "ops/fourier/lanes.h"

namespace mpsg::fourier {
const ops::fourier::LaneKernels* lane_kernels_avx2() {
  static constexpr ops::fourier::LaneKernels kernels = ops::fourier::lane_kernels<8>();
  return &kernels;
}
}  // namespace mpsg::fourier
#else
namespace mpsg::fourier {
const ops::fourier::LaneKernels* lane_kernels_avx2() { return nullptr; }
}  // namespace mpsg::fourier
#endif
