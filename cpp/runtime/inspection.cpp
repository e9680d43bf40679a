// What an executable tells about itself.
#include "mpsg/inspection.h"

#include <map>

#include "compiler/plan_costs.h"
#include "runtime/executable_state.h"

namespace mpsg {
namespace {

const char* place_name(Place place) {
  switch (place) {
    case Place::feed: return "feed";
    case Place::result: return "result";
    case Place::constant: return "constant";
    case Place::variable: return "variable";
    case Place::arena: return "arena";
  }
  return "";
}

std::string format(const std::shared_ptr<const SourceLocation>& source) {
  return source ? source->format() : std::string();
}

std::vector<ValueInfo> describe_values(const Plan& plan) {
  std::vector<ValueInfo> infos;
  for (const auto& value : plan.values) {
    ValueInfo info;
    info.id = static_cast<int>(infos.size());
    info.name = value.name;
    info.type = value.type;
    info.bytes = value.bytes;
    info.place = place_name(value.place);
    info.offset = value.place == Place::arena ? value.offset : 0;
    info.shares = value.view_of;
    infos.push_back(std::move(info));
  }
  // Counted here, for all places; the memory planner needs those of the arena only.
  for (size_t step = 0; step < plan.steps.size(); ++step) {
    const auto now = static_cast<int>(step);
    for (const auto id : plan.steps[step].outputs) {
      auto& info = infos[static_cast<size_t>(id)];
      if (info.first_step < 0) info.first_step = now;
    }
    for (const auto id : plan.steps[step].inputs) infos[static_cast<size_t>(id)].last_step = now;
  }
  return infos;
}

RegionInfo describe_step(const PlanStep& step, int index) {
  RegionInfo info;
  info.step = index;
  info.name = step.name;
  info.operation = step.row->name;
  info.inputs.assign(step.inputs.begin(), step.inputs.end());
  info.outputs.assign(step.outputs.begin(), step.outputs.end());
  if (!step.stitched) {
    info.members.push_back({step.name, step.row->name, format(step.source)});
    return info;
  }
  info.ended = step.stitched->ended;
  info.text = step.stitched->kernel.to_text();
  info.segments = static_cast<int>(step.stitched->segment_count());
  if (step.stitched->root) info.operation = step.stitched->root->name;
  for (const auto& member : step.stitched->members)
    info.members.push_back({member.name, member.row->name, format(member.source)});
  return info;
}

}  // namespace

MemoryReport Executable::memory() const {
  auto report = inspected().memory;
  report.tensors = describe_values(*inspected().plan);
  return report;
}

std::vector<KernelInfo> Executable::kernels() const { return inspected().program->kernels(); }

std::string Executable::source(size_t step) const {
  return step < inspected().plan->steps.size() ? inspected().program->source(step) : std::string();
}

std::vector<RegionInfo> Executable::regions() const {
  std::vector<RegionInfo> infos;
  for (const auto& step : inspected().plan->steps)
    infos.push_back(describe_step(step, static_cast<int>(infos.size())));
  return infos;
}

std::vector<EdgeInfo> Executable::edges() const {
  std::vector<EdgeInfo> edges;
  std::map<int32_t, int> makers;  // of each value's memory
  const auto root = [&](int32_t id) {
    while (inspected().plan->values[static_cast<size_t>(id)].view_of >= 0)
      id = inspected().plan->values[static_cast<size_t>(id)].view_of;
    return id;
  };
  int now = 0;
  for (const auto& step : inspected().plan->steps) {
    for (const auto input : step.inputs)
      if (const auto maker = makers.find(root(input)); maker != makers.end())
        edges.push_back({maker->second, now, input});
    for (const auto output : step.outputs) makers[root(output)] = now;
    ++now;
  }
  return edges;
}

std::string Executable::to_text() const { return inspected().plan->to_text(); }

size_t Executable::resident_bytes() const {
  // Names, types and attributes of a step and of a value, roughly.
  constexpr size_t step_bytes = 1024, value_bytes = sizeof(PlanValue) + 64;
  return sizeof(State) + inspected().memory.constant_bytes + inspected().program->resident_bytes() +
         inspected().plan->steps.size() * step_bytes +
         inspected().plan->values.size() * value_bytes;
}

}  // namespace mpsg
