// Walks plans with the rows' own reference loops on one thread: the oracle of the tests.
#include "backends/common/all.h"
#include "backends/common/plan_runner.h"
#include "graph/contexts.h"
#include "graph/system_memory.h"

namespace mpsg {
namespace {

class ReferenceBackend final : public Backend {
 public:
  DeviceInfo info() const override {
    return {"reference", "the rows' reference loops, one thread", 1, usable_memory_bytes()};
  }
  std::unique_ptr<Program> compile(std::shared_ptr<const Plan> plan) override {
    return make_host_program(std::move(plan), [](const Plan& whole, const PlanStep& step) {
      return make_reference_kernel(whole, step, Parallel::serial());
    });
  }
};

}  // namespace

std::shared_ptr<Backend> make_reference_backend() { return std::make_shared<ReferenceBackend>(); }

}  // namespace mpsg
