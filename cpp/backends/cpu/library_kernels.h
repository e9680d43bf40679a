// Kernels from a library (oneDNN) for the steps it does well. A build without the library has a
// stub that makes none.
#pragma once

#include <memory>
#include <string>

#include "backends/common/kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

/// A library kernel for the step, or nullptr: then the row's reference loop runs.
std::unique_ptr<Kernel> make_library_kernel(const Plan& plan, const PlanStep& step,
                                            const ThreadPool& pool);
/// "oneDNN 3.2.0", "none".
std::string library_name();

}  // namespace mpsg
