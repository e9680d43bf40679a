#include <algorithm>

#include "backends/cpu/recurrent/steps.h"
#include "backends/cpu/recurrent/steps_kernel.h"

namespace mpsg {
namespace recurrent {
namespace {

GruOptions options_of(const ops::rnn::GruOptions& o) {
  return {o.update, o.reset, o.output, o.reset_after, o.flip_z};
}

/// The thirds of 3 * units floats in the order z, r, o.
template <class T>
struct Thirds {
  T *update, *reset, *output;
  Thirds(T* values, int64_t units, const ops::rnn::GruOptions& o)
      : update(values + o.update_gate * units),
        reset(values + o.reset_gate * units),
        output(values + 2 * units) {}
};

class GruSteps final : public StepsKernel {
 public:
  GruSteps(const Plan& plan, const PlanStep& step, const ThreadPool& pool)
      : StepsKernel(plan, step, pool, "projected"),
        order_(ops::rnn::gru_options(step.view())),
        options_(options_of(order_)) {
    const int64_t units = g_.units;
    add_matrix(PackedMatrix(units, 2 * units, units, 1), 0);
    add_matrix(PackedMatrix(units, units, units, 1), 2 * units);
    add_scratch(2);
  }

 private:
  void run_share(const Share& share) const override {
    const int64_t units = g_.units, rows = share.rows();
    const float *const projected = input(share, "projected"), *const initial =
                                                                  input(share, "init_state");
    float *const masked = vector(share, 0), *const product = vector(share, 1);
    const float* before = initial ? initial + share.begin * units : nullptr;
    for (int64_t i = 0; i < g_.steps; ++i) {
      const int64_t t = g_.at(i), at = (t * g_.batch + share.begin) * units;
      float *const state = output(share, 0) + at, *const gates = output(share, 1) + 3 * at;
      std::copy_n(projected + 3 * at, rows * 3 * units, gates);
      const float* seen = before;
      if (before && has_mask()) {
        apply_mask(share, t, before, masked, false);
        seen = masked;
      }
      if (!seen) {
        std::fill_n(masked, rows * units, 0.0f);
        seen = masked;
      }
      run_step(share, seen, before, gates, product, state);
      before = state;
    }
  }

  void run_step(const Share& share, const float* seen, const float* before, float* gates,
                float* product, float* state) const {
    const int64_t units = g_.units, rows = share.rows();
    multiply(share, 0, seen, units, gates, 3 * units, true);
    if (options_.reset_after) multiply(share, 1, seen, units, product, units, false);
    for (int64_t n = 0; n < rows; ++n) {
      const Thirds<float> q(gates + 3 * n * units, units, order_);
      gates_.gru_gates({units, options_, q.update, q.reset, seen + n * units, product + n * units});
    }
    if (!options_.reset_after)
      multiply(share, 1, product, units, gates + 2 * units, 3 * units, true);
    const float* const bias = input(share, "secondary_bias");
    for (int64_t n = 0; n < rows; ++n) {
      const Thirds<float> q(gates + 3 * n * units, units, order_);
      gates_.gru_state({units, options_, q.update, q.reset, q.output, product + n * units, bias,
                        before ? before + n * units : nullptr, state + n * units});
    }
  }

  const ops::rnn::GruOptions order_;
  const GruOptions options_;
};

class GruStepsGradient final : public StepsKernel {
 public:
  GruStepsGradient(const Plan& plan, const PlanStep& step, const ThreadPool& pool)
      : StepsKernel(plan, step, pool, "z_state"),
        order_(ops::rnn::gru_options(step.view())),
        options_(options_of(order_)) {
    const int64_t units = g_.units;
    add_matrix(PackedMatrix(2 * units, units, 1, units), 0);
    add_matrix(PackedMatrix(units, units, 1, units), 2 * units);
    if (options_.reset_after) add_matrix(PackedMatrix(units, units, units, 1), 2 * units);
    add_scratch(3);
  }

 private:
  void run_share(const Share& share) const override {
    const int64_t units = g_.units, rows = share.rows();
    const float *const states = input(share, "state"), *const initial = input(share, "init_state");
    float *const masked = vector(share, 0), *const product = vector(share, 1),
                 *const of_seen = vector(share, 2),
                 *const carried = output(share, 1) + share.begin * units;
    std::fill_n(carried, rows * units, 0.0f);
    for (int64_t i = g_.steps - 1; i >= 0; --i) {
      const int64_t t = g_.at(i);
      const float* before = initial ? initial + share.begin * units : nullptr;
      if (i > 0) before = states + (g_.at(i - 1) * g_.batch + share.begin) * units;
      const float* seen = before;
      if (!before) std::fill_n(masked, rows * units, 0.0f);
      else if (has_mask()) apply_mask(share, t, before, masked, false);
      if (!before || has_mask()) seen = masked;
      if (options_.reset_after) multiply(share, 2, seen, units, product, units, false);
      for (int64_t n = 0; n < rows; ++n) run_row(share, t, n, before, product);
      finish_step(share, t, seen, product, of_seen);
      if (has_mask()) {
        apply_mask(share, t, of_seen, carried, true);
        continue;
      }
      for (int64_t j = 0; j < rows * units; ++j) carried[j] += of_seen[j];
    }
  }

  /// The gradients of the gates, as far as they follow from that of the state.
  void run_row(const Share& share, int64_t t, int64_t n, const float* before,
               float* product) const {
    const int64_t units = g_.units, row = share.begin + n;
    const int64_t at = (t * g_.batch + row) * units;
    const Thirds<const float> gates(input(share, "z_state") + 3 * at, units, order_);
    const Thirds<float> to(output(share, 0) + 3 * at, units, order_);
    gates_.gru_backward({units, options_, gates.update, gates.reset, gates.output,
                         before ? before + n * units : nullptr, input(share, "gradient") + at,
                         output(share, 1) + row * units, input(share, "secondary_bias"),
                         product + n * units, to.update, to.reset, to.output});
  }

  /// of_seen = the gradient of what the gates saw, from those of all gates.
  void finish_step(const Share& share, int64_t t, const float* seen, const float* product,
                   float* of_seen) const {
    const int64_t units = g_.units;
    const int64_t at = (t * g_.batch + share.begin) * units;
    float* const result = output(share, 0) + 3 * at;
    if (options_.reset_after) {
      multiply(share, 1, product, units, of_seen, units, false);
    } else {
      multiply(share, 1, result + 2 * units, 3 * units, of_seen, units, false);
      for (int64_t n = 0; n < share.rows(); ++n) {
        const Thirds<const float> gates(input(share, "z_state") + 3 * (at + n * units), units,
                                        order_);
        const Thirds<float> to(result + 3 * n * units, units, order_);
        gates_.gru_reset(
            {units, options_, gates.reset, seen + n * units, of_seen + n * units, to.reset});
      }
    }
    multiply(share, 0, result, 3 * units, of_seen, units, true);
  }

  const ops::rnn::GruOptions order_;
  const GruOptions options_;
};

}  // namespace
}  // namespace recurrent

std::unique_ptr<Kernel> make_gru_steps(const Plan& plan, const PlanStep& step,
                                       const ThreadPool& pool) {
  return std::make_unique<recurrent::GruSteps>(plan, step, pool);
}
std::unique_ptr<Kernel> make_gru_steps_gradient(const Plan& plan, const PlanStep& step,
                                                const ThreadPool& pool) {
  return std::make_unique<recurrent::GruStepsGradient>(plan, step, pool);
}

}  // namespace mpsg
