// Kernels of the three convolution rows, for float32.
#pragma once

#include <memory>

#include "backends/common/kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

/// nullptr where the row's reference loop is to run. The types are float32, the shapes static and
/// without a 0.
std::unique_ptr<Kernel> make_convolution(const Plan& plan, const PlanStep& step,
                                         const ThreadPool& pool);
std::unique_ptr<Kernel> make_convolution_data_gradient(const Plan& plan, const PlanStep& step,
                                                       const ThreadPool& pool);
std::unique_ptr<Kernel> make_convolution_weights_gradient(const Plan& plan, const PlanStep& step,
                                                          const ThreadPool& pool);

}  // namespace mpsg
