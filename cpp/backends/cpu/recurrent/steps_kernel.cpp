#include "backends/cpu/recurrent/steps_kernel.h"

#include <algorithm>

#include "backends/cpu/contraction/blocking.h"

namespace mpsg::recurrent {
namespace {

using contraction::Range;

constexpr int64_t floats_of_line = 16;
int64_t whole_lines(int64_t floats) {
  return contraction::divide_up(floats, floats_of_line) * floats_of_line;
}

const Shape& shape_of(const Plan& plan, int32_t value) {
  return plan.values[static_cast<size_t>(value)].type.shape;
}

int position(const PlanStep& step, const char* operand) {
  const auto view = step.view();
  if (view.row().operand_index(operand) < 0 || !view.has(operand)) return -1;
  return view.first_input(operand);
}

ops::rnn::StepsGeometry geometry(const Plan& plan, const PlanStep& step, const char* values) {
  const auto input = [&](const char* name) -> const Shape& {
    return shape_of(plan, step.inputs[static_cast<size_t>(position(step, name))]);
  };
  return {input(values)[0], input(values)[1], input("recurrent_weight")[1],
          step.view().flag("reverse")};
}

}  // namespace

StepsKernel::StepsKernel(const Plan& plan, const PlanStep& step, const ThreadPool& pool,
                         const char* values)
    : g_(geometry(plan, step, values)),
      gates_(best_gate_kernels()),
      pool_(pool),
      weights_input_(position(step, "recurrent_weight")),
      mask_input_(position(step, "mask")) {
  for (const auto& operand : step.row->operands)
    if (const int at = position(step, operand.name.c_str()); at >= 0)
      operands_.emplace_back(operand.name, at);
  if (has_mask())
    mask_steps_ =
        ops::rnn::mask_steps(shape_of(plan, step.inputs[static_cast<size_t>(mask_input_)]));
  // Below some work a second thread costs more than it gives.
  constexpr int64_t least_operations = 1 << 18;
  const int64_t operations = g_.steps * g_.batch * g_.units * (g_.units + 16);
  shares_ = std::clamp<int64_t>(operations / least_operations, 1,
                                std::min<int64_t>(pool.threads(), g_.batch));
}

void StepsKernel::add_matrix(const PackedMatrix& matrix, int64_t row) {
  matrices_.push_back({matrix, row, packed_floats_});
  packed_floats_ += whole_lines(matrix.floats());
  panels_ += matrix.panels();
}

int64_t StepsKernel::share_floats() const {
  const int64_t rows = contraction::divide_up(g_.batch, shares_);
  int64_t scratch = 0;
  for (const auto& m : matrices_) scratch = std::max(scratch, m.matrix.scratch_floats(rows));
  return whole_lines(scratch) + whole_lines(vectors_ * rows * g_.units);
}

size_t StepsKernel::workspace_bytes() const {
  return static_cast<size_t>(packed_floats_ + shares_ * share_floats()) * sizeof(float);
}

std::string StepsKernel::description() const {
  std::string text = std::string(gates_.name) + " steps";
  if (shares_ > 1) text += ", " + std::to_string(shares_) + " shares of the batch";
  return text;
}

const float* StepsKernel::input(const Share& share, const char* operand) const {
  for (const auto& [name, at] : operands_)
    if (name == operand)
      return static_cast<const float*>(share.arguments->inputs[static_cast<size_t>(at)]);
  return nullptr;
}

void StepsKernel::multiply(const Share& share, size_t matrix, const float* x, int64_t x_step,
                           float* result, int64_t result_step, bool accumulate) const {
  const Matrix& m = matrices_[matrix];
  m.matrix.multiply(share.packed + m.offset, x, x_step, share.rows(), result, result_step,
                    accumulate, share.scratch);
}

void StepsKernel::apply_mask(const Share& share, int64_t t, const float* x, float* to,
                             bool accumulate) const {
  const float* const mask =
      static_cast<const float*>(share.arguments->inputs[static_cast<size_t>(mask_input_)]) +
      t * mask_steps_.step;
  for (int64_t n = 0; n < share.rows(); ++n) {
    const float* const row = mask + (share.begin + n) * mask_steps_.row;
    const float* const from = x + n * g_.units;
    float* const into = to + n * g_.units;
    for (int64_t j = 0; j < g_.units; ++j) {
      const float value = from[j] * row[j * mask_steps_.unit];
      into[j] = accumulate ? into[j] + value : value;
    }
  }
}

void StepsKernel::run(const KernelArguments& arguments) const {
  struct Run {
    const StepsKernel& kernel;
    const KernelArguments& arguments;
    float* packed;
    const float* weights;
  };
  const Run run{*this, arguments, static_cast<float*>(arguments.workspace),
                static_cast<const float*>(arguments.inputs[static_cast<size_t>(weights_input_)])};
  pool_.run_tasks(
      panels_,
      [](const void* context, int64_t task, int) {
        const auto& r = *static_cast<const Run*>(context);
        for (const auto& m : r.kernel.matrices_) {
          if (task < m.matrix.panels())
            return m.matrix.pack_panel(task, r.weights + m.row * r.kernel.g_.units,
                                       r.packed + m.offset);
          task -= m.matrix.panels();
        }
      },
      &run);
  pool_.run_tasks(
      shares_,
      [](const void* context, int64_t task, int) {
        const auto& r = *static_cast<const Run*>(context);
        const StepsKernel& kernel = r.kernel;
        const Range range = Range::part(kernel.g_.batch, kernel.shares_, task);
        float* const memory = r.packed + kernel.packed_floats_ + task * kernel.share_floats();
        const int64_t vectors = kernel.vectors_ * range.size() * kernel.g_.units;
        kernel.run_share({&r.arguments, range.begin, range.end, r.packed,
                          memory + whole_lines(vectors), memory});
      },
      &run);
}

}  // namespace mpsg::recurrent
