// Copies of whole tensors over the thread pool.
#pragma once

#include <memory>

#include "backends/common/kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

/// The kernel of a step that copies its operand (`identity`); nullptr for other steps.
std::unique_ptr<Kernel> make_copy(const Plan& plan, const PlanStep& step, const ThreadPool& pool);

}  // namespace mpsg
