// A plan's step made ready to run: everything that does not depend on the run's memory is done.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "compiler/plan.h"

namespace mpsg {

/// What is the same for every step of one run.
struct RunContext {
  uint64_t graph_seed = 0;
  uint64_t run_number = 0;
  std::span<void* const> variables;
};

/// Memory of one step, as its kernel sees it.
struct KernelArguments {
  std::span<void* const> inputs;
  std::span<void* const> outputs;
  void* workspace = nullptr;  // `workspace_bytes()` of the kernel, 64-byte aligned
  const RunContext* run = nullptr;
};

/// Immutable after it is made; `run` may be called from any thread, one run at a time per device.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(const KernelArguments& arguments) const = 0;
  virtual size_t workspace_bytes() const { return 0; }
  /// What executes, for people: "onednn brgconv:avx2, 5 slices", "reference loop".
  virtual std::string description() const = 0;
};

}  // namespace mpsg
