#include "backends/common/plan_runner.h"

#include <algorithm>

#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr size_t alignment = 64;
size_t rounded(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

}  // namespace

PlanRunner::PlanRunner(std::shared_ptr<const Plan> plan, const KernelFactory& factory)
    : plan_(std::move(plan)) {
  size_t most_operands = 0;
  for (const auto& step : plan_->steps) {
    Bound bound;
    bound.kernel = make_control_flow_kernel(*plan_, step, factory);
    if (!bound.kernel) bound.kernel = factory(*plan_, step);
    bound.inputs = step.inputs;
    bound.outputs = step.outputs;
    most_operands = std::max(most_operands, step.inputs.size() + step.outputs.size());
    workspace_bytes_ = std::max(workspace_bytes_, rounded(bound.kernel->workspace_bytes()));
    steps_.push_back(std::move(bound));
  }
  table_bytes_ = rounded((plan_->values.size() + most_operands) * sizeof(void*));
  memory_bytes_ = rounded(plan_->arena_bytes) + table_bytes_ + workspace_bytes_;
}

void PlanRunner::run(const RunContext& run, std::span<const void* const> feeds,
                     std::span<void* const> results, std::byte* memory) const {
  std::byte* const arena = memory;
  auto** const table = reinterpret_cast<void**>(memory + rounded(plan_->arena_bytes));
  void** const operands = table + plan_->values.size();
  std::byte* const workspace = memory + rounded(plan_->arena_bytes) + table_bytes_;
  for (size_t i = 0; i < plan_->values.size(); ++i) {
    const auto& value = plan_->values[i];
    const auto index = static_cast<size_t>(value.index);
    switch (value.place) {
      case Place::feed: table[i] = const_cast<void*>(feeds[index]); break;
      case Place::result: table[i] = results[index]; break;
      case Place::constant:
        table[i] = const_cast<std::byte*>(plan_->constants[index]->data());
        break;
      case Place::variable: table[i] = run.variables[index]; break;
      case Place::arena: table[i] = arena + value.offset; break;
    }
  }
  for (size_t i = 0; i < steps_.size(); ++i) {
    const auto& step = steps_[i];
    auto** at = operands;
    for (const auto input : step.inputs) *at++ = table[input];
    for (const auto output : step.outputs) *at++ = table[output];
    const KernelArguments arguments{
        {operands, step.inputs.size()},
        {operands + step.inputs.size(), step.outputs.size()},
        workspace,
        &run,
    };
    try {
      step.kernel->run(arguments);
    } catch (const Error& error) {
      throw ExecutionError(plan_->steps[i].describe() + ": " + error.what());
    } catch (const std::exception& error) {
      throw ExecutionError(plan_->steps[i].describe() + ": " + error.what());
    }
  }
}

std::vector<KernelInfo> PlanRunner::kernels() const {
  std::vector<KernelInfo> infos;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const auto& step = plan_->steps[i];
    KernelInfo info;
    info.name = step.name;
    info.operation = step.row->name;
    info.description = steps_[i].kernel->description();
    if (!step.outputs.empty())
      info.output = plan_->values[static_cast<size_t>(step.outputs[0])].type.to_string();
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace mpsg
