#include "backends/common/plan_runner.h"
#include "backends/common/scratch_pool.h"
#include "mpsg/error.h"

namespace mpsg {

Program::~Program() = default;
std::string Program::source(size_t) const { return {}; }
Backend::~Backend() = default;
bool Backend::claims(const Operation&) const { return false; }

namespace {

class HostProgram final : public Program {
 public:
  HostProgram(std::shared_ptr<const Plan> plan, const KernelFactory& factory)
      : runner_(std::move(plan), factory),
        frame_(runner_.frame_bytes()),
        need_(runner_.scratch_bytes()) {}

  // The runtime serialises the runs of a device, so one frame is enough.
  void run(const RunArguments& arguments) override {
    const ScratchPool::Lease scratch(runner_.scratch_bytes());
    if (bound_to_ != scratch.data()) {
      runner_.bind(frame_.data(), scratch.data());
      bound_to_ = scratch.data();
    }
    runner_.enter(frame_.data(), {arguments.graph_seed, arguments.run_number, arguments.variables});
    runner_.run(frame_.data(), arguments.feeds, arguments.results, arguments.times);
  }

  std::vector<KernelInfo> kernels() const override { return runner_.kernels(); }
  size_t scratch_bytes() const override { return runner_.scratch_bytes() + runner_.frame_bytes(); }
  size_t resident_bytes() const override { return runner_.resident_bytes(); }
  std::string source(size_t step) const override { return runner_.source(step); }

 private:
  PlanRunner runner_;
  PageMemory frame_;
  ScratchPool::Need need_;
  const std::byte* bound_to_ = nullptr;
};

}  // namespace

std::unique_ptr<Program> make_host_program(std::shared_ptr<const Plan> plan,
                                           const KernelFactory& factory) {
  return std::make_unique<HostProgram>(std::move(plan), factory);
}

}  // namespace mpsg
