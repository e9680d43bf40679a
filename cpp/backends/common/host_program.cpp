#include <mutex>

#include "backends/common/plan_runner.h"
#include "mpsg/error.h"

namespace mpsg {

Program::~Program() = default;
Backend::~Backend() = default;
bool Backend::claims(const Operation&) const { return false; }

namespace {

class HostProgram final : public Program {
 public:
  HostProgram(std::shared_ptr<const Plan> plan, const KernelFactory& factory)
      : runner_(std::move(plan), factory) {}

  void run(const RunArguments& arguments) override {
    auto memory = take_memory();
    const RunContext context{arguments.graph_seed, arguments.run_number, arguments.variables};
    runner_.run(context, arguments.feeds, arguments.results, memory->mutable_data());
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));
  }

  std::vector<KernelInfo> kernels() const override { return runner_.kernels(); }
  size_t scratch_bytes() const override { return runner_.memory_bytes(); }

 private:
  std::shared_ptr<Bytes> take_memory() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        auto memory = std::move(free_.back());
        free_.pop_back();
        return memory;
      }
    }
    return Bytes::allocate(runner_.memory_bytes());
  }

  PlanRunner runner_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Bytes>> free_;
};

}  // namespace

std::unique_ptr<Program> make_host_program(std::shared_ptr<const Plan> plan,
                                           const KernelFactory& factory) {
  return std::make_unique<HostProgram>(std::move(plan), factory);
}

}  // namespace mpsg
