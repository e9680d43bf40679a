// A build without LLVM: nothing is stitched, every step runs a library kernel or a reference loop.
#include "backends/cpu/kernel_compiler.h"

namespace mpsg {

KernelCompiler* kernel_compiler() { return nullptr; }

}  // namespace mpsg
