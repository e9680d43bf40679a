// Steps of a plan that are stitched regions: a compiled kernel over the thread pool, alone or as
// the epilogue of a convolution, a matrix product or a pooling.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "backends/common/kernel.h"
#include "backends/common/plan_runner.h"
#include "backends/cpu/kernel_compiler.h"
#include "backends/cpu/thread_pool.h"
#include "compiler/plan.h"

namespace mpsg {

/// The step's kernel as its compiler wants it.
KernelToCompile kernel_to_compile(const StitchedRegion& region);

/// What is emitted for the region, for people.
std::string source_of(const StitchedRegion& region);

/// The step of a region. `code` is its kernel's; `make_root` makes the kernel of a step without a
/// region, for the root's own work.
std::unique_ptr<Kernel> make_stitched_step(const Plan& plan, const PlanStep& step,
                                           std::shared_ptr<const CompiledKernel> code,
                                           const ThreadPool& pool, const KernelFactory& make_root);

}  // namespace mpsg
