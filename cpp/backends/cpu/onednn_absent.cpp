// A build without oneDNN: every step runs its reference loop.
#include "backends/cpu/library_kernels.h"

namespace mpsg {

std::unique_ptr<Kernel> make_library_kernel(const Plan&, const PlanStep&, const ThreadPool&) {
  return nullptr;
}

std::string library_name() { return "none"; }

}  // namespace mpsg
