#include "backends/cpu/fourier/transform.h"

#include <algorithm>

#include "backends/cpu/fourier/lanes.h"
#include "ops/fourier/kernels.h"
#include "ops/fourier/row_plan.h"

namespace mpsg {
namespace {

using ops::fourier::LaneKernels;
using ops::fourier::TaskBody;
using ops::fourier::TaskRunner;
using ops::fourier::TensorPlan;

const LaneKernels& choose() {
#if defined(__x86_64__)
  // What the build lets the compiler use in these files.
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx512 && fourier::lane_kernels_avx512()) return *fourier::lane_kernels_avx512();
  if (avx2 && fourier::lane_kernels_avx2()) return *fourier::lane_kernels_avx2();
#endif
  return ops::fourier::baseline_lane_kernels();
}

const LaneKernels& best_lane_kernels() {
  static const LaneKernels& best = choose();
  return best;
}

constexpr int64_t floats_of_line = 16;
int64_t whole_lines(int64_t floats) {
  return (floats + floats_of_line - 1) / floats_of_line * floats_of_line;
}

/// Each thread of the pool has a part of the workspace.
class PoolRunner final : public TaskRunner {
 public:
  PoolRunner(const ThreadPool& pool, float* workspace, int64_t floats)
      : pool_(pool), workspace_(workspace), floats_(floats) {}
  void run(int64_t tasks, int64_t /*workspace_floats*/, const TaskBody& body) const override {
    struct Run {
      const PoolRunner& runner;
      const TaskBody& body;
    };
    const Run run{*this, body};
    pool_.run_tasks(
        tasks,
        [](const void* context, int64_t task, int worker) {
          const auto& r = *static_cast<const Run*>(context);
          r.body(task, r.runner.workspace_ + worker * r.runner.floats_);
        },
        &run);
  }

 private:
  const ThreadPool& pool_;
  float* workspace_;
  int64_t floats_;
};

class TransformKernel final : public Kernel {
 public:
  TransformKernel(TensorPlan plan, const ThreadPool& pool)
      : plan_(std::move(plan)),
        pool_(pool),
        kernels_(best_lane_kernels()),
        between_floats_(whole_lines(plan_.between_floats())),
        task_floats_(whole_lines(plan_.task_floats(kernels_))) {}

  void run(const KernelArguments& arguments) const override {
    auto* const between = static_cast<float*>(arguments.workspace);
    plan_.run(static_cast<const float*>(arguments.inputs[0]),
              static_cast<float*>(arguments.outputs[0]), between, kernels_,
              PoolRunner(pool_, between + between_floats_, task_floats_));
  }
  size_t workspace_bytes() const override {
    return static_cast<size_t>(between_floats_ + pool_.threads() * task_floats_) * sizeof(float);
  }
  std::string description() const override {
    return "transforms of " + std::to_string(kernels_.lanes) + " lines";
  }
  size_t resident_bytes() const override { return plan_.resident_bytes(); }

 private:
  const TensorPlan plan_;
  const ThreadPool& pool_;
  const LaneKernels& kernels_;
  const int64_t between_floats_;
  const int64_t task_floats_;
};

}  // namespace

std::unique_ptr<Kernel> make_fourier_transform(const Plan& plan, const PlanStep& step,
                                               const ThreadPool& pool) {
  const auto type = [&](int32_t value) { return plan.values[static_cast<size_t>(value)].type; };
  const auto view = step.view();
  // Axes that were given as a tensor are in the plan as a value; the reference loop reads them.
  if (!view.given("axes")) return nullptr;
  return std::make_unique<TransformKernel>(
      ops::fourier::plan_of(view, type(step.inputs[0]), type(step.outputs[0]),
                            view.integers("axes")),
      pool);
}

}  // namespace mpsg
