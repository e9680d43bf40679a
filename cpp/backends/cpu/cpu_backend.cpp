// Library kernels where they are good, the rows' reference loops on all threads for the rest.
#include "backends/common/all.h"
#include "backends/common/plan_runner.h"
#include "backends/cpu/library_kernels.h"
#include "backends/cpu/thread_pool.h"
#include "graph/system_memory.h"

namespace mpsg {
namespace {

/// Keeps the workers awake for the length of a run.
class CpuProgram final : public Program {
 public:
  CpuProgram(std::unique_ptr<Program> program, std::shared_ptr<ThreadPool> pool)
      : program_(std::move(program)), pool_(std::move(pool)) {}
  void run(const RunArguments& arguments) override {
    const ThreadPool::Session session(*pool_);
    program_->run(arguments);
  }
  std::vector<KernelInfo> kernels() const override { return program_->kernels(); }
  size_t scratch_bytes() const override { return program_->scratch_bytes(); }

 private:
  std::unique_ptr<Program> program_;
  std::shared_ptr<ThreadPool> pool_;
};

class CpuBackend final : public Backend {
 public:
  DeviceInfo info() const override {
    const int threads = pool()->threads();
    return {"cpu", std::to_string(threads) + " threads, " + library_name(), threads,
            usable_memory_bytes()};
  }
  std::unique_ptr<Program> compile(std::shared_ptr<const Plan> plan) override {
    auto workers = pool();
    const KernelFactory factory = [&](const Plan& whole, const PlanStep& step) {
      auto kernel = make_library_kernel(whole, step, *workers);
      return kernel ? std::move(kernel) : make_reference_kernel(whole, step, *workers);
    };
    return std::make_unique<CpuProgram>(make_host_program(std::move(plan), factory), workers);
  }

 private:
  /// Threads start with the first plan, not with the import.
  std::shared_ptr<ThreadPool> pool() const {
    static const auto shared = std::make_shared<ThreadPool>(ThreadPool::configured_threads());
    return shared;
  }
};

}  // namespace

std::shared_ptr<Backend> make_cpu_backend() { return std::make_shared<CpuBackend>(); }

}  // namespace mpsg
