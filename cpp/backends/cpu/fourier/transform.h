// The kernel of Fourier transforms.
#pragma once

#include <memory>

#include "backends/common/kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

/// Of the rows of ops/fourier; nullptr where the row's reference loop is to run.
std::unique_ptr<Kernel> make_fourier_transform(const Plan& plan, const PlanStep& step,
                                               const ThreadPool& pool);

}  // namespace mpsg
