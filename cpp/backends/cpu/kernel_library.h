// The compiled kernels of the process, found by canonical text: what any program uses exists once,
// and what was used lately stays for the next.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backends/cpu/kernel_compiler.h"
#include "mpsg/backend.h"

namespace mpsg {

class KernelLibrary {
 public:
  explicit KernelLibrary(KernelCompiler& compiler) : compiler_(compiler) {}
  KernelLibrary(const KernelLibrary&) = delete;
  KernelLibrary& operator=(const KernelLibrary&) = delete;

  /// Of the process; nullptr in a build without a kernel compiler.
  static KernelLibrary* shared();

  using Kernels = std::vector<std::shared_ptr<const CompiledKernel>>;
  /// The kernels' code, in their order; all that is missing is compiled as one batch. What another
  /// thread compiles already is waited for.
  Kernels require(std::span<const KernelToCompile> kernels, const Parallel& parallel);

  KernelStatistics statistics() const;
  /// How many kernels, and bytes of code, are kept beyond those in use.
  void limit(size_t kernels, size_t bytes);
  /// Keeps nothing beyond what is in use.
  void clear();

 private:
  using Kept = std::list<std::pair<std::string, std::shared_ptr<const CompiledKernel>>>;
  struct Entry {
    std::weak_ptr<const CompiledKernel> kernel;
    bool compiling = false;
    Kept::iterator kept;
    bool is_kept = false;
  };

  std::shared_ptr<const CompiledKernel> find(const std::string& text);
  std::vector<size_t> claim(std::span<const KernelToCompile> kernels, Kernels& found);
  void compile(std::span<const KernelToCompile> kernels, const std::vector<size_t>& claimed,
               const Parallel& parallel, Kernels& found);
  void keep(const std::string& text, Entry& entry, std::shared_ptr<const CompiledKernel> kernel);
  Kept drop_surplus();
  void forget_unloaded();

  KernelCompiler& compiler_;
  mutable std::mutex mutex_;
  std::condition_variable published_;
  std::unordered_map<std::string, Entry> entries_;
  Kept kept_;  // most recently used first
  size_t most_kernels_ = 2048;
  size_t kept_bytes_ = 0;
  size_t most_bytes_ = size_t{64} << 20;
  KernelStatistics statistics_;
};

}  // namespace mpsg
