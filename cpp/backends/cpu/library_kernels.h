// Kernels written by hand, or from a library (oneDNN), for the steps they do well.
#pragma once

#include <memory>
#include <string>

#include "backends/common/kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

/// Our own kernel for the step, else oneDNN's, or nullptr: then the row's reference loop runs.
std::unique_ptr<Kernel> make_library_kernel(const Plan& plan, const PlanStep& step,
                                            const ThreadPool& pool);
std::unique_ptr<Kernel> make_own_kernel(const Plan& plan, const PlanStep& step,
                                        const ThreadPool& pool);
/// A build without oneDNN has a stub that makes none.
std::unique_ptr<Kernel> make_onednn_kernel(const Plan& plan, const PlanStep& step,
                                           const ThreadPool& pool);

/// "avx512 kernels", "avx2 kernels, oneDNN 3.2.0".
std::string library_name();
/// "oneDNN 3.2.0"; "" in a build without it.
std::string onednn_name();

}  // namespace mpsg
