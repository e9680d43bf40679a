// Rough costs of element programs, to decide whether a kernel is worth more than one thread.
#pragma once

#include <cstdint>

#include "graph/stitched_kernel.h"

namespace mpsg {

/// Of one element of the domain; 1 is an addition of float32.
int64_t element_cost(const StitchedKernel& kernel);

}  // namespace mpsg
