#include <optional>

#include "backends/common/plan_runner.h"
#include "backends/common/scratch_pool.h"
#include "mpsg/error.h"

namespace mpsg {

RunControl::~RunControl() = default;
Program::Context::~Context() = default;
Program::~Program() = default;
std::string Program::source(size_t) const { return {}; }
Backend::~Backend() = default;
bool Backend::claims(const Operation&) const { return false; }

namespace {

/// The frame is bound to a scratch block; the pool mostly gives the same one again.
class HostContext final : public Program::Context {
 public:
  explicit HostContext(size_t frame_bytes) : frame(frame_bytes) {}
  PageMemory frame;
  const std::byte* bound_to = nullptr;
  std::optional<ScratchPool::Lease> scratch;  // while a run is in progress
  std::span<StepTime> times;
  int64_t begin = 0;
};

class HostProgram final : public Program {
 public:
  HostProgram(std::shared_ptr<const Plan> plan, const KernelFactory& factory)
      : runner_(std::move(plan), factory), need_(runner_.scratch_bytes()) {}

  std::unique_ptr<Context> make_context() const override {
    return std::make_unique<HostContext>(runner_.frame_bytes());
  }

  void begin(Context& context, const RunArguments& arguments) const override {
    auto& run = static_cast<HostContext&>(context);
    run.step = 0;
    run.times = arguments.times;
    run.scratch.emplace(runner_.scratch_bytes());
    if (run.bound_to != run.scratch->data()) {
      runner_.bind(run.frame.data(), run.scratch->data());
      run.bound_to = run.scratch->data();
    }
    runner_.enter(run.frame.data(), {arguments.graph_seed, arguments.run_number,
                                     arguments.variables, arguments.control});
    runner_.connect(run.frame.data(), arguments.feeds, arguments.results);
  }

  bool advance(Context& context) const override {
    auto& run = static_cast<HostContext&>(context);
    try {
      if (runner_.advance(run.frame.data(), {run.step, run.times, run.begin, true})) return true;
    } catch (...) {
      run.scratch.reset();
      throw;
    }
    run.scratch.reset();
    return false;
  }

  std::vector<KernelInfo> kernels() const override { return runner_.kernels(); }
  size_t scratch_bytes() const override { return runner_.scratch_bytes() + runner_.frame_bytes(); }
  size_t resident_bytes() const override { return runner_.resident_bytes(); }
  std::string source(size_t step) const override { return runner_.source(step); }

 private:
  PlanRunner runner_;
  ScratchPool::Need need_;
};

}  // namespace

std::unique_ptr<Program> make_host_program(std::shared_ptr<const Plan> plan,
                                           const KernelFactory& factory) {
  return std::make_unique<HostProgram>(std::move(plan), factory);
}

}  // namespace mpsg
