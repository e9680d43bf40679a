// A build without oneDNN.
#include "backends/cpu/library_kernels.h"

namespace mpsg {

std::unique_ptr<Kernel> make_onednn_kernel(const Plan&, const PlanStep&, const ThreadPool&) {
  return nullptr;
}

std::string onednn_name() { return ""; }

}  // namespace mpsg
