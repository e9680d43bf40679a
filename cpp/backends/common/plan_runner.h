// Runs a plan step by step with one kernel each: what host backends share.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "backends/common/kernel.h"
#include "graph/contexts.h"
#include "mpsg/backend.h"

namespace mpsg {

/// Makes the kernel of a step.
using KernelFactory =
    std::function<std::unique_ptr<Kernel>(const Plan& plan, const PlanStep& step)>;

class PlanRunner {
 public:
  PlanRunner(std::shared_ptr<const Plan> plan, const KernelFactory& factory);

  /// Arena, pointer table and the largest workspace of a step.
  size_t memory_bytes() const { return memory_bytes_; }
  void run(const RunContext& run, std::span<const void* const> feeds,
           std::span<void* const> results, std::byte* memory) const;
  std::vector<KernelInfo> kernels() const;

 private:
  struct Bound {
    std::unique_ptr<Kernel> kernel;
    std::vector<int32_t> inputs;
    std::vector<int32_t> outputs;
  };

  std::shared_ptr<const Plan> plan_;
  std::vector<Bound> steps_;
  size_t table_bytes_ = 0;
  size_t workspace_bytes_ = 0;
  size_t memory_bytes_ = 0;
};

/// The kernel that runs the row's own reference loop, over `parallel`.
std::unique_ptr<Kernel> make_reference_kernel(const Plan& plan, const PlanStep& step,
                                              const Parallel& parallel);

/// Kernels of if_else, for_loop and while_loop, whose bodies run with kernels from `factory`;
/// nullptr for other steps.
std::unique_ptr<Kernel> make_control_flow_kernel(const Plan& plan, const PlanStep& step,
                                                 const KernelFactory& factory);

/// A program that runs a plan on the calling thread (and whatever its kernels use).
std::unique_ptr<Program> make_host_program(std::shared_ptr<const Plan> plan,
                                           const KernelFactory& factory);

}  // namespace mpsg
