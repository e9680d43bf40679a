// Runs a plan step by step with one kernel each: what host backends share.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/common/kernel.h"
#include "graph/contexts.h"
#include "mpsg/backend.h"

namespace mpsg {

/// Makes the kernel of a step.
using KernelFactory =
    std::function<std::unique_ptr<Kernel>(const Plan& plan, const PlanStep& step)>;

/// The plan with its kernels. A run needs two blocks of memory: scratch (arena and workspaces), and
/// a frame, which holds the arguments of every step. `bind` computes them once for a scratch block;
/// a run then only puts in the addresses of its feeds and results.
class PlanRunner {
 public:
  PlanRunner(std::shared_ptr<const Plan> plan, const KernelFactory& factory);

  size_t frame_bytes() const { return frame_bytes_; }
  size_t scratch_bytes() const { return scratch_bytes_; }

  /// Both blocks are 64-byte aligned.
  void bind(std::byte* frame, std::byte* scratch) const;
  /// Before the runs of one RunContext.
  void enter(std::byte* frame, const RunContext& run) const;
  /// Before each run.
  void connect(std::byte* frame, std::span<const void* const> feeds,
               std::span<void* const> results) const;
  /// Where a run stands.
  struct Progress {
    size_t& step;
    std::span<StepTime> times = {};  // empty, or one for each step
    int64_t& begin;                  // of the run, for the times
    bool may_yield = false;
  };
  /// Goes on, to the end or to where the run yields. True: steps are left. Throws ExecutionError
  /// naming the step, and what the run's control throws.
  bool advance(std::byte* frame, const Progress& progress) const;
  /// All steps.
  void run(std::byte* frame, std::span<const void* const> feeds,
           std::span<void* const> results) const;

  std::vector<KernelInfo> kernels() const;
  std::string source(size_t step) const { return kernels_[step]->source(); }
  size_t resident_bytes() const;

 private:
  /// A slot of the frame that takes the address of feed, result or variable `index`.
  struct Patch {
    int32_t slot;
    int32_t index;
  };

  KernelArguments* arguments(std::byte* frame) const;
  void** slots(std::byte* frame) const;

  std::shared_ptr<const Plan> plan_;
  std::vector<std::unique_ptr<Kernel>> kernels_;
  std::vector<Patch> feed_patches_, result_patches_, variable_patches_;
  size_t slots_offset_ = 0;
  size_t frame_bytes_ = 0;
  size_t scratch_bytes_ = 0;
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
