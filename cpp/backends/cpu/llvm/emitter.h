// From a stitched kernel to a function of LLVM's intermediate representation, in explicit vectors.
#pragma once

#include <llvm/IR/Module.h>

#include <string>

#include "backends/cpu/llvm/target.h"
#include "graph/stitched_kernel.h"

namespace mpsg {

/// Adds `void function_name(const KernelCall*)`. The code depends on nothing but the kernel's
/// canonical text and the target.
void emit_kernel(llvm::Module& module, const StitchedKernel& kernel,
                 const std::string& function_name, const TargetFacts& target);

}  // namespace mpsg
