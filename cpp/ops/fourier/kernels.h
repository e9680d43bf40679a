// The loops over lanes that every processor has, for the rows.
#pragma once

#include "ops/fourier/lanes_call.h"

namespace mpsg::ops::fourier {

const LaneKernels& baseline_lane_kernels();

}  // namespace mpsg::ops::fourier
