#include <algorithm>

#include "backends/cpu/recurrent/steps.h"
#include "backends/cpu/recurrent/steps_kernel.h"

namespace mpsg {
namespace recurrent {
namespace {

class SingleGateSteps final : public StepsKernel {
 public:
  SingleGateSteps(const Plan& plan, const PlanStep& step, const ThreadPool& pool)
      : StepsKernel(plan, step, pool, "projected"),
        activation_(step.view().enumeration<Activation>("activation")) {
    add_matrix(PackedMatrix(g_.units, g_.units, g_.units, 1), 0);
    add_scratch(1);
  }

 private:
  void run_share(const Share& share) const override {
    const int64_t units = g_.units, rows = share.rows();
    const float *const projected = input(share, "projected"), *const initial =
                                                                  input(share, "init_state");
    const float* seen = initial ? initial + share.begin * units : nullptr;
    for (int64_t i = 0; i < g_.steps; ++i) {
      const int64_t t = g_.at(i), at = (t * g_.batch + share.begin) * units;
      float *const state = output(share, 0) + at, *const z = output(share, 1) + at;
      std::copy_n(projected + at, rows * units, z);
      if (seen && has_mask()) {
        apply_mask(share, t, seen, vector(share, 0), false);
        seen = vector(share, 0);
      }
      if (seen) multiply(share, 0, seen, units, z, units, true);
      gates_.single_gate_forward({rows * units, activation_, z, state});
      seen = state;
    }
  }

  const Activation activation_;
};

class SingleGateStepsGradient final : public StepsKernel {
 public:
  SingleGateStepsGradient(const Plan& plan, const PlanStep& step, const ThreadPool& pool)
      : StepsKernel(plan, step, pool, "z_state"),
        activation_(step.view().enumeration<Activation>("activation")) {
    add_matrix(PackedMatrix(g_.units, g_.units, 1, g_.units), 0);
    add_scratch(1);
  }

 private:
  void run_share(const Share& share) const override {
    const int64_t units = g_.units, rows = share.rows();
    float* const carried = output(share, 1) + share.begin * units;
    float* const of_seen = has_mask() ? vector(share, 0) : carried;
    std::fill_n(carried, rows * units, 0.0f);
    for (int64_t i = g_.steps - 1; i >= 0; --i) {
      const int64_t t = g_.at(i), at = (t * g_.batch + share.begin) * units;
      float* const result = output(share, 0) + at;
      gates_.single_gate_backward({rows * units, activation_, input(share, "z_state") + at,
                                   input(share, "gradient") + at, carried, result});
      multiply(share, 0, result, units, of_seen, units, false);
      if (has_mask()) apply_mask(share, t, of_seen, carried, false);
    }
  }

  const Activation activation_;
};

}  // namespace
}  // namespace recurrent

std::unique_ptr<Kernel> make_rnn_steps(const Plan& plan, const PlanStep& step,
                                       const ThreadPool& pool) {
  return std::make_unique<recurrent::SingleGateSteps>(plan, step, pool);
}
std::unique_ptr<Kernel> make_rnn_steps_gradient(const Plan& plan, const PlanStep& step,
                                                const ThreadPool& pool) {
  return std::make_unique<recurrent::SingleGateStepsGradient>(plan, step, pool);
}

}  // namespace mpsg
