#include "backends/common/plan_runner.h"

#include <algorithm>
#include <chrono>
#include <new>

#include "compiler/plan_costs.h"
#include "graph/faults.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr size_t alignment = 64;
constexpr size_t rounded(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }
constexpr size_t arguments_offset = rounded(sizeof(RunContext));

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

PlanRunner::PlanRunner(std::shared_ptr<const Plan> plan, const KernelFactory& factory)
    : plan_(std::move(plan)) {
  size_t workspace = 0;
  int32_t slot = 0;
  for (const auto& step : plan_->steps) {
    auto kernel = make_control_flow_kernel(*plan_, step, factory);
    if (!kernel) kernel = factory(*plan_, step);
    workspace = std::max(workspace, rounded(kernel->workspace_bytes()));
    kernels_.push_back(std::move(kernel));
    for (const auto* list : {&step.inputs, &step.outputs})
      for (const auto id : *list) {
        const auto& value = plan_->values[static_cast<size_t>(id)];
        if (value.place == Place::feed) feed_patches_.push_back({slot, value.index});
        else if (value.place == Place::result) result_patches_.push_back({slot, value.index});
        else if (value.place == Place::variable) variable_patches_.push_back({slot, value.index});
        ++slot;
      }
  }
  slots_offset_ = arguments_offset + rounded(kernels_.size() * sizeof(KernelArguments));
  frame_bytes_ = slots_offset_ + rounded(static_cast<size_t>(slot) * sizeof(void*));
  scratch_bytes_ = rounded(plan_->arena_bytes) + workspace;
}

KernelArguments* PlanRunner::arguments(std::byte* frame) const {
  return reinterpret_cast<KernelArguments*>(frame + arguments_offset);
}

void** PlanRunner::slots(std::byte* frame) const {
  return reinterpret_cast<void**>(frame + slots_offset_);
}

void PlanRunner::bind(std::byte* frame, std::byte* scratch) const {
  auto* const run = new (frame) RunContext;
  auto* argument = arguments(frame);
  auto** slot = slots(frame);
  std::byte* const workspace = scratch + rounded(plan_->arena_bytes);
  for (const auto& step : plan_->steps) {
    new (argument) KernelArguments{{slot, step.inputs.size()},
                                   {slot + step.inputs.size(), step.outputs.size()},
                                   workspace,
                                   run,
                                   nullptr};
    ++argument;
    for (const auto* list : {&step.inputs, &step.outputs})
      for (const auto id : *list) {
        const auto& value = plan_->values[static_cast<size_t>(id)];
        if (value.place == Place::arena) *slot = scratch + value.offset;
        else if (value.place == Place::constant)
          *slot =
              const_cast<std::byte*>(plan_->constants[static_cast<size_t>(value.index)]->data());
        ++slot;
      }
  }
}

void PlanRunner::enter(std::byte* frame, const RunContext& run) const {
  *reinterpret_cast<RunContext*>(frame) = run;
  auto** const slot = slots(frame);
  for (const auto& patch : variable_patches_)
    slot[patch.slot] = run.variables[static_cast<size_t>(patch.index)];
}

void PlanRunner::connect(std::byte* frame, std::span<const void* const> feeds,
                         std::span<void* const> results) const {
  auto** const slot = slots(frame);
  for (const auto& patch : feed_patches_)
    slot[patch.slot] = const_cast<void*>(feeds[static_cast<size_t>(patch.index)]);
  for (const auto& patch : result_patches_)
    slot[patch.slot] = results[static_cast<size_t>(patch.index)];
}

bool PlanRunner::advance(std::byte* frame, const Progress& progress) const {
  const auto* const argument = arguments(frame);
  RunControl* const control = reinterpret_cast<const RunContext*>(frame)->control;
  auto& step = progress.step;
  if (!progress.times.empty() && step == 0) progress.begin = now();
  try {
    while (step < kernels_.size()) {
      fault_here(FaultPoint::step);
      if (control) control->check();
      if (progress.times.empty()) {
        kernels_[step]->run(argument[step]);
      } else {
        auto& time = progress.times[step];
        time.begin = now() - progress.begin;
        kernels_[step]->run(argument[step]);
        time.end = now() - progress.begin;
      }
      ++step;
      if (control && progress.may_yield && step < kernels_.size() && control->should_yield())
        return true;
    }
  } catch (const std::exception& error) {
    throw ExecutionError(plan_->steps[step].describe() + ": " + error.what());
  }
  return false;
}

void PlanRunner::run(std::byte* frame, std::span<const void* const> feeds,
                     std::span<void* const> results) const {
  connect(frame, feeds, results);
  size_t step = 0;
  int64_t begin = 0;
  advance(frame, {step, {}, begin});
}

std::vector<KernelInfo> PlanRunner::kernels() const {
  std::vector<KernelInfo> infos;
  for (size_t i = 0; i < kernels_.size(); ++i) {
    const auto& step = plan_->steps[i];
    KernelInfo info;
    info.name = step.name;
    info.operation = step.row->name;
    info.description = kernels_[i]->description();
    if (!step.outputs.empty())
      info.output = plan_->values[static_cast<size_t>(step.outputs[0])].type.to_string();
    if (step.stitched) {
      if (step.stitched->root) info.computes = step.stitched->root->name;
      for (const auto& member : step.stitched->members)
        info.computes += (info.computes.empty() ? "" : ", ") + member.row->name;
      info.ended = step.stitched->ended;
      info.segments = static_cast<int>(step.stitched->segment_count());
    } else {
      info.computes = step.row->name;
    }
    const auto cost = cost_of(*plan_, step);
    info.bytes = cost.bytes;
    info.operations = cost.operations;
    info.bodies = kernels_[i]->bodies();
    infos.push_back(std::move(info));
  }
  return infos;
}

size_t PlanRunner::resident_bytes() const {
  size_t bytes = frame_bytes_;
  for (const auto& kernel : kernels_) bytes += kernel->resident_bytes();
  return bytes;
}

}  // namespace mpsg
