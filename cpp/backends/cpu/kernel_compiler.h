// From stitched kernels to native code: what a build's code generator offers. Nothing of LLVM shows
// here, so that a build without it looks the same.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/contexts.h"
#include "graph/stitched_kernel.h"
#include "mpsg/backend.h"

namespace mpsg {

/// Native code of one kernel; unloaded with its last owner.
class CompiledKernel {
 public:
  virtual ~CompiledKernel() = default;
  virtual KernelFunction function() const = 0;
  virtual const std::string& name() const = 0;  // as debuggers show it
  virtual size_t code_bytes() const = 0;
  virtual bool from_disk() const = 0;
};

struct KernelToCompile {
  const StitchedKernel* kernel = nullptr;
  std::string text;  // canonical_text()
  std::string name;  // what it computes, for people: "softmax_exponent"
};

enum class KernelSource { intermediate_representation, assembly };

/// Any thread may call it. What goes wrong is an InternalError.
class KernelCompiler {
 public:
  virtual ~KernelCompiler() = default;
  virtual std::string description() const = 0;  // "LLVM 19.1.7 for znver4, 64-byte vectors"
  virtual StitchingLimits limits() const = 0;
  /// One after the other or side by side over `parallel`; results in the order of `kernels`.
  virtual std::vector<std::shared_ptr<const CompiledKernel>> compile(
      std::span<const KernelToCompile> kernels, const Parallel& parallel) = 0;
  virtual std::string source(const KernelToCompile& kernel, KernelSource form) = 0;
  /// Where native code is kept between processes; empty: nowhere. At first what the environment
  /// variable MPSG_CACHE_DIR names.
  virtual void keep_code_in(const std::string& folder) = 0;
};

/// nullptr in a build without LLVM. Lives as long as the process.
KernelCompiler* kernel_compiler();

}  // namespace mpsg
