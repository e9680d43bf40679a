#include "backends/cpu/copy.h"

#include <algorithm>
#include <cstring>

namespace mpsg {
namespace {

/// Of one task: large enough that starting it costs nothing beside it.
constexpr size_t task_bytes = size_t{256} << 10;

class Copy final : public Kernel {
 public:
  Copy(size_t bytes, const ThreadPool& pool) : bytes_(bytes), pool_(pool) {}

  void run(const KernelArguments& arguments) const override {
    const Job job{static_cast<const std::byte*>(arguments.inputs[0]),
                  static_cast<std::byte*>(arguments.outputs[0]), bytes_};
    if (bytes_ == 0 || job.from == job.to) return;
    const auto tasks = (bytes_ + task_bytes - 1) / task_bytes;
    if (tasks == 1) std::memcpy(job.to, job.from, bytes_);
    else pool_.run_tasks(static_cast<int64_t>(tasks), run_task, &job);
  }
  std::string description() const override { return "copy"; }

 private:
  struct Job {
    const std::byte* from;
    std::byte* to;
    size_t bytes;
  };

  static void run_task(const void* context, int64_t index, int) {
    const auto& job = *static_cast<const Job*>(context);
    const auto begin = static_cast<size_t>(index) * task_bytes;
    std::memcpy(job.to + begin, job.from + begin, std::min(task_bytes, job.bytes - begin));
  }

  size_t bytes_;
  const ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<Kernel> make_copy(const Plan& plan, const PlanStep& step, const ThreadPool& pool) {
  if (step.row->name != "identity" || step.inputs.size() != 1 || step.outputs.size() != 1)
    return nullptr;
  const auto& from = plan.values[static_cast<size_t>(step.inputs[0])];
  const auto& to = plan.values[static_cast<size_t>(step.outputs[0])];
  if (from.bytes != to.bytes) return nullptr;
  return std::make_unique<Copy>(to.bytes, pool);
}

}  // namespace mpsg
