// Random stitched kernels with operands to run them on.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/stitched_kernel.h"
#include "kernel_operands.h"

namespace mpsg::testing {

struct RandomKernel {
  StitchedKernel kernel;
  std::vector<GuardedBytes> memory;  // of each operand
  std::vector<void*> operands() const;
};

/// Everything it computes is exact, so that all orders of reductions agree in every bit (but for
/// which NaN a NaN is).
RandomKernel random_kernel(uint64_t seed);

}  // namespace mpsg::testing
