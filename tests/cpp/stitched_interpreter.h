// Runs a stitched kernel element by element with the functions of C++'s library: slow, and plain
// enough to be believed. What emitters and the compiler's regions are compared with.
#pragma once

#include <span>
#include <vector>

#include "graph/stitched_kernel.h"
#include "mpsg/data_type.h"

namespace mpsg::testing {

/// `operands` are the memories of the kernel's operands. Sums and products of floats grow in
/// double and are rounded once.
void interpret(const StitchedKernel& kernel, std::span<void* const> operands);

/// The data types that can be computed with: not those of 4 bits.
std::vector<DataType> computed_types();

}  // namespace mpsg::testing
