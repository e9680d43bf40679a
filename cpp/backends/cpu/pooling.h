// Kernels of the pooling rows, for float32.
#pragma once

#include <memory>

#include "backends/common/kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

/// nullptr where the row's reference loop is to run. The types are float32, the shapes static and
/// without a 0.
std::unique_ptr<Kernel> make_max_pooling(const Plan& plan, const PlanStep& step,
                                         const ThreadPool& pool);
std::unique_ptr<Kernel> make_max_pooling_gradient(const Plan& plan, const PlanStep& step,
                                                  const ThreadPool& pool);
std::unique_ptr<Kernel> make_average_pooling(const Plan& plan, const PlanStep& step,
                                             const ThreadPool& pool);
std::unique_ptr<Kernel> make_average_pooling_gradient(const Plan& plan, const PlanStep& step,
                                                      const ThreadPool& pool);

}  // namespace mpsg
