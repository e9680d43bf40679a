#include "compiler/plan_costs.h"

#include <algorithm>
#include <string_view>

#include "graph/op_table.h"

namespace mpsg {
namespace {

double elements(const TensorType& type) {
  return static_cast<double>(type.shape.element_count().value_or(0));
}

int64_t integer_attribute(const OpRow& row, const PlanStep& step, std::string_view name) {
  const int at = row.attribute_index(name);
  if (at < 0 || static_cast<size_t>(at) >= step.attributes.size()) return 0;
  const auto& value = step.attributes[static_cast<size_t>(at)];
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  return 0;
}

/// Values added up for one element of a convolution's output: all weights of one output channel.
double window_length(const OpRow& row, const PlanStep& step, const TensorType& weights) {
  constexpr int64_t oihw = 2;  // TensorNamedDataLayout
  const auto& shape = weights.shape;
  if (shape.rank() == 0) return 0;
  const int axis = integer_attribute(row, step, "weights_layout") == oihw ? 0 : shape.rank() - 1;
  return elements(weights) / static_cast<double>(std::max<int64_t>(shape[axis], 1));
}

/// Of a contraction (0: the row is none). `result` is that of the contraction, before an epilogue.
double contraction_operations(const OpRow& row, const Plan& plan, const PlanStep& step,
                              double result) {
  const auto type = [&](size_t input) -> const TensorType& {
    return plan.values[static_cast<size_t>(step.inputs[input])].type;
  };
  if (step.inputs.size() < 2) return 0;
  if (row.name == "matrix_multiplication") {
    const auto& shape = type(0).shape;
    const int back = integer_attribute(row, step, "transpose_primary") != 0 ? 2 : 1;
    return shape.rank() < 2 ? 0 : 2 * result * static_cast<double>(shape[shape.rank() - back]);
  }
  if (row.name == "convolution_2d") return 2 * result * window_length(row, step, type(1));
  if (row.name == "convolution_2d_data_gradient")
    return 2 * elements(type(0)) * window_length(row, step, type(1));
  if (row.name == "convolution_2d_weights_gradient" && !step.outputs.empty())
    return 2 * elements(type(0)) *
           window_length(row, step, plan.values[static_cast<size_t>(step.outputs[0])].type);
  return 0;
}

double stitched_operations(const StitchedKernel& kernel) {
  double operations = 0;
  const auto depends = kernel.dependence();
  const auto& instructions = kernel.program;
  for (size_t i = 0; i < instructions.size(); ++i) {
    if (instructions[i].op <= ElementOp::reinterpret) continue;  // sources and conversions
    double times = 1;
    for (size_t axis = 0; axis < kernel.extents.size(); ++axis)
      if ((depends[i] >> axis & 1U) != 0) times *= static_cast<double>(kernel.extents[axis]);
    operations += times;
  }
  const auto all = static_cast<double>(kernel.elements());
  return operations + all * static_cast<double>(kernel.reductions.size());
}

}  // namespace

StepCost cost_of(const Plan& plan, const PlanStep& step) {
  StepCost cost;
  double largest_input = 0;
  std::vector<int32_t> seen;
  for (const auto* list : {&step.inputs, &step.outputs})
    for (const auto id : *list) {
      const auto& value = plan.values[static_cast<size_t>(id)];
      if (list == &step.inputs) largest_input = std::max(largest_input, elements(value.type));
      if (std::ranges::find(seen, id) != seen.end()) continue;
      seen.push_back(id);
      cost.bytes += value.bytes;
    }
  const double result = step.outputs.empty()
                            ? 0
                            : elements(plan.values[static_cast<size_t>(step.outputs.front())].type);
  if (step.stitched) {
    for (size_t i = 0; i < step.stitched->segment_count(); ++i)
      cost.operations += stitched_operations(step.stitched->segment(i));
    if (step.stitched->root)
      cost.operations += contraction_operations(
          *step.stitched->root, plan, step, static_cast<double>(step.stitched->kernel.elements()));
    return cost;
  }
  cost.operations = contraction_operations(*step.row, plan, step, result);
  if (cost.operations == 0 && step.row->traits.elementwise) cost.operations = result;
  else if (cost.operations == 0 && step.row->family == "Reduction") cost.operations = largest_input;
  return cost;
}

double estimate_seconds(const Plan& plan) {
  constexpr double bytes_per_second = 1e10, operations_per_second = 5e10;
  double seconds = 0;
  for (const auto& step : plan.steps) {
    const auto cost = cost_of(plan, step);
    seconds += std::max(static_cast<double>(cost.bytes) / bytes_per_second,
                        cost.operations / operations_per_second);
    if (!step.bodies.empty()) seconds += 1;  // a loop's length is not known here
    // A row's own loop is many times slower than a kernel made for it.
    else if (!step.stitched && !step.row->traits.elementwise && step.inputs.size() > 1)
      seconds += static_cast<double>(cost.bytes) * 10 / bytes_per_second;
  }
  return seconds;
}

}  // namespace mpsg
