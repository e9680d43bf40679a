// Stitched kernels, library kernels where they are good, and the rows' reference loops on all
// threads for the rest.
#include <unordered_map>

#include "backends/common/all.h"
#include "backends/common/plan_runner.h"
#include "backends/cpu/kernel_library.h"
#include "backends/cpu/library_kernels.h"
#include "backends/cpu/stitched_step.h"
#include "backends/cpu/thread_pool.h"
#include "compiler/plan_costs.h"
#include "graph/system_memory.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

/// A run that takes longer wakes the workers as it begins; a shorter one is over before they come.
constexpr double worth_waking_seconds = 100e-6;

/// Keeps the workers awake for the length of a run.
class CpuProgram final : public Program {
 public:
  CpuProgram(std::unique_ptr<Program> program, bool wakes, std::shared_ptr<ThreadPool> pool)
      : program_(std::move(program)), wakes_(wakes), pool_(std::move(pool)) {}
  std::unique_ptr<Context> make_context() const override { return program_->make_context(); }
  void begin(Context& context, const RunArguments& arguments) const override {
    program_->begin(context, arguments);
  }
  bool advance(Context& context) const override {
    const ThreadPool::Session session(*pool_);
    if (wakes_) pool_->wake();
    return program_->advance(context);
  }
  std::vector<KernelInfo> kernels() const override { return program_->kernels(); }
  size_t scratch_bytes() const override { return program_->scratch_bytes(); }
  size_t resident_bytes() const override { return program_->resident_bytes(); }
  std::string source(size_t step) const override { return program_->source(step); }

 private:
  std::unique_ptr<Program> program_;
  bool wakes_;
  std::shared_ptr<ThreadPool> pool_;
};

using RegionKernels =
    std::unordered_map<const StitchedRegion*, std::shared_ptr<const CompiledKernel>>;

void collect_regions(const Plan& plan, RegionKernels& regions) {
  for (const auto& step : plan.steps) {
    if (step.stitched) regions[step.stitched.get()] = nullptr;
    for (const auto& body : step.bodies)
      if (body) collect_regions(*body, regions);
  }
}

/// Code of all regions of the plan and of its bodies; what is missing is compiled as one batch.
RegionKernels compile_regions(const Plan& plan, const ThreadPool& pool) {
  RegionKernels regions;
  collect_regions(plan, regions);
  if (regions.empty()) return regions;
  std::vector<KernelToCompile> kernels;
  for (const auto& pair : regions) kernels.push_back(kernel_to_compile(*pair.first));
  auto* const library = KernelLibrary::shared();
  if (!library) throw InternalError("a plan with stitched regions, and no kernel compiler");
  const auto compiled = library->require(kernels, pool);
  size_t next = 0;
  for (auto& pair : regions) pair.second = compiled[next++];
  return regions;
}

class CpuBackend final : public Backend {
 public:
  DeviceInfo info() const override {
    const int threads = pool()->threads();
    const auto* const compiler = kernel_compiler();
    return {"cpu",
            std::to_string(threads) + " threads, " +
                (compiler ? compiler->description() : "no LLVM: nothing is stitched") + ", " +
                library_name(),
            threads, usable_memory_bytes()};
  }
  StitchingLimits stitching() const override {
    const auto* const compiler = kernel_compiler();
    return compiler ? compiler->limits() : StitchingLimits{};
  }
  KernelStatistics kernel_statistics() const override {
    const auto* const library = KernelLibrary::shared();
    return library ? library->statistics() : KernelStatistics{};
  }
  std::unique_ptr<Program> compile(std::shared_ptr<const Plan> plan) override {
    const auto workers = pool();
    const auto regions = compile_regions(*plan, *workers);
    const KernelFactory make_row = [&](const Plan& whole, const PlanStep& step) {
      auto kernel = make_library_kernel(whole, step, *workers);
      return kernel ? std::move(kernel) : make_reference_kernel(whole, step, *workers);
    };
    const KernelFactory factory = [&](const Plan& whole, const PlanStep& step) {
      return step.stitched ? make_stitched_step(whole, step, regions.at(step.stitched.get()),
                                                *workers, make_row)
                           : make_row(whole, step);
    };
    const bool wakes = estimate_seconds(*plan) > worth_waking_seconds;
    return std::make_unique<CpuProgram>(make_host_program(std::move(plan), factory), wakes,
                                        workers);
  }

 private:
  /// Threads start with the first plan, not with the import.
  std::shared_ptr<ThreadPool> pool() const {
    // Never destroyed: a run may be in flight when the process ends.
    static const auto* const shared = new std::shared_ptr<ThreadPool>(
        std::make_shared<ThreadPool>(ThreadPool::configured_threads()));
    return *shared;
  }
};

}  // namespace

std::shared_ptr<Backend> make_cpu_backend() { return std::make_shared<CpuBackend>(); }

}  // namespace mpsg
