#include "ops/fourier/kernels.h"

#include "ops/fourier/lanes.h"

namespace mpsg::ops::fourier {

const LaneKernels& baseline_lane_kernels() {
  static constexpr LaneKernels kernels = lane_kernels<4>();
  return kernels;
}

}  // namespace mpsg::ops::fourier
