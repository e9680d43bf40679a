// Rows that take functions, variables or executables: what a case of them stands for.
#pragma once

#include "build.h"

namespace mpsg::conformance {

/// Adds the operation of a case to the graph if its row is one of these. The other parameters of
/// the row are in `arguments`; what the case's operands are called is ours to choose.
bool add_special_row(BuiltCase& built, const Case& one, std::vector<Argument>& arguments,
                     const Device& device);

}  // namespace mpsg::conformance
