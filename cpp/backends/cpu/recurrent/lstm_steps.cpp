#include <algorithm>

#include "backends/cpu/recurrent/steps.h"
#include "backends/cpu/recurrent/steps_kernel.h"

namespace mpsg {
namespace recurrent {
namespace {

LstmActivations activations_of(const ops::rnn::LstmOptions& o) {
  return {o.input, o.forget, o.cell, o.output, o.state};
}

/// The quarters of 4 * units floats in the order i, f, z, o.
template <class T>
struct Quarters {
  T *input, *forget, *candidate, *output;
  Quarters(T* values, int64_t units, const ops::rnn::LstmOptions& o)
      : input(values),
        forget(values + o.forget_gate * units),
        candidate(values + o.cell_gate * units),
        output(values + 3 * units) {}
};

class LstmSteps final : public StepsKernel {
 public:
  LstmSteps(const Plan& plan, const PlanStep& step, const ThreadPool& pool)
      : StepsKernel(plan, step, pool, "projected"), options_(ops::rnn::lstm_options(step.view())) {
    add_matrix(PackedMatrix(g_.units, 4 * g_.units, g_.units, 1), 0);
    add_scratch(1);
  }

 private:
  void run_share(const Share& share) const override {
    const int64_t units = g_.units, rows = share.rows();
    const auto rows_of = [&](const char* name) {
      const float* const given = input(share, name);
      return given ? given + share.begin * units : nullptr;
    };
    const float* seen = rows_of("init_state");
    const float* cell_before = rows_of("init_cell");
    const float* const projected = input(share, "projected");
    for (int64_t i = 0; i < g_.steps; ++i) {
      const int64_t t = g_.at(i), at = (t * g_.batch + share.begin) * units;
      float *const state = output(share, 0) + at, *const cell = output(share, 1) + at,
                   *const gates = output(share, 2) + 4 * at;
      std::copy_n(projected + 4 * at, rows * 4 * units, gates);
      if (seen && has_mask()) {
        apply_mask(share, t, seen, vector(share, 0), false);
        seen = vector(share, 0);
      }
      if (seen) multiply(share, 0, seen, units, gates, 4 * units, true);
      for (int64_t n = 0; n < rows; ++n)
        run_row(share, gates + 4 * n * units, cell_before ? cell_before + n * units : nullptr,
                cell + n * units, state + n * units);
      seen = state;
      cell_before = cell;
    }
  }

  void run_row(const Share& share, float* gates, const float* cell_before, float* cell,
               float* state) const {
    const Quarters<float> q(gates, g_.units, options_);
    LstmForward call{g_.units,    activations_of(options_),
                     q.input,     q.forget,
                     q.candidate, q.output,
                     {},          cell_before,
                     cell,        state};
    if (const float* const peephole = input(share, "peephole")) {
      const Quarters<const float> p(peephole, g_.units, options_);
      const float* const all[] = {p.input, p.forget, p.candidate, p.output};
      std::copy_n(all, 4, call.peephole);
    }
    gates_.lstm_forward(call);
  }

  const ops::rnn::LstmOptions options_;
};

class LstmStepsGradient final : public StepsKernel {
 public:
  LstmStepsGradient(const Plan& plan, const PlanStep& step, const ThreadPool& pool)
      : StepsKernel(plan, step, pool, "z_state"), options_(ops::rnn::lstm_options(step.view())) {
    add_matrix(PackedMatrix(4 * g_.units, g_.units, 1, g_.units), 0);
    add_scratch(1);
  }

 private:
  void run_share(const Share& share) const override {
    const int64_t units = g_.units, rows = share.rows();
    float *const carried = output(share, 1) + share.begin * units, *const of_cell =
                                                                       output(share, 2) +
                                                                       share.begin * units;
    float* const of_seen = has_mask() ? vector(share, 0) : carried;
    std::fill_n(carried, rows * units, 0.0f);
    std::fill_n(of_cell, rows * units, 0.0f);
    for (int64_t i = g_.steps - 1; i >= 0; --i) {
      const int64_t t = g_.at(i), at = (t * g_.batch + share.begin) * units;
      float* const result = output(share, 0) + 4 * at;
      for (int64_t n = 0; n < rows; ++n) run_row(share, i, n);
      multiply(share, 0, result, 4 * units, of_seen, units, false);
      if (has_mask()) apply_mask(share, t, of_seen, carried, false);
    }
  }

  void run_row(const Share& share, int64_t i, int64_t n) const {
    const int64_t units = g_.units, row = share.begin + n;
    const int64_t at = (g_.at(i) * g_.batch + row) * units;
    const float *const cells = input(share, "cell"), *const initial = input(share, "init_cell"),
                       *const incoming_cell = input(share, "cell_gradient"),
                       *const peephole = input(share, "peephole");
    const float* before = initial ? initial + row * units : nullptr;
    if (i > 0) before = cells + (g_.at(i - 1) * g_.batch + row) * units;
    const Quarters<const float> gates(input(share, "z_state") + 4 * at, units, options_);
    const Quarters<float> to(output(share, 0) + 4 * at, units, options_);
    LstmBackward call{};
    call.units = units;
    call.activations = activations_of(options_);
    call.input = gates.input;
    call.forget = gates.forget;
    call.candidate = gates.candidate;
    call.output = gates.output;
    if (peephole) {
      const Quarters<const float> p(peephole, units, options_);
      const float* const all[] = {p.input, p.forget, p.candidate, p.output};
      std::copy_n(all, 4, call.peephole);
    }
    call.cell_before = before;
    call.cell = cells + at;
    call.incoming = input(share, "gradient") + at;
    call.carried = output(share, 1) + row * units;
    call.incoming_cell = incoming_cell ? incoming_cell + at : nullptr;
    call.of_cell = output(share, 2) + row * units;
    call.of_input = to.input;
    call.of_forget = to.forget;
    call.of_candidate = to.candidate;
    call.of_output = to.output;
    gates_.lstm_backward(call);
  }

  const ops::rnn::LstmOptions options_;
};

}  // namespace
}  // namespace recurrent

std::unique_ptr<Kernel> make_lstm_steps(const Plan& plan, const PlanStep& step,
                                        const ThreadPool& pool) {
  return std::make_unique<recurrent::LstmSteps>(plan, step, pool);
}
std::unique_ptr<Kernel> make_lstm_steps_gradient(const Plan& plan, const PlanStep& step,
                                                 const ThreadPool& pool) {
  return std::make_unique<recurrent::LstmStepsGradient>(plan, step, pool);
}

}  // namespace mpsg
