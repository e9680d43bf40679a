#include "mpsg/executable.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "compiler/pipeline.h"
#include "graph/system_memory.h"
#include "mpsg/error.h"
#include "runtime/executable_builder.h"
#include "runtime/graph_runtime.h"

namespace mpsg {

struct Executable::State {
  std::weak_ptr<GraphData> graph;  // the graph's cache owns executables, not the reverse
  Device device;
  std::vector<TensorId> feeds;
  std::vector<TensorType> feed_types;
  std::vector<std::shared_ptr<const Bytes>> feed_values;  // what a shape was decided by
  std::vector<TensorId> targets;
  std::shared_ptr<const Plan> plan;
  std::unique_ptr<Program> program;
  double estimated_seconds = 0;
  MemoryReport memory;
  // Set by the first run, which holds the device's executor as every run does.
  bool memory_checked = false;

  std::shared_ptr<GraphData> require_graph() const {
    auto held = graph.lock();
    if (!held) throw ExecutionError("the graph of this executable no longer exists");
    return held;
  }
};

namespace {

double estimate_seconds(const Plan& plan) {
  constexpr double bytes_per_second = 5e9, multiplications_per_second = 2e10;
  double seconds = 0;
  for (const auto& step : plan.steps) {
    double bytes = 0, largest = 0;
    for (const auto* list : {&step.inputs, &step.outputs})
      for (const auto id : *list) {
        const auto size = static_cast<double>(plan.values[static_cast<size_t>(id)].bytes);
        bytes += size;
        largest = std::max(largest, size);
      }
    seconds += bytes / bytes_per_second;
    if (!step.bodies.empty()) seconds += 1;  // a loop's length is not known here
    // Contractions do far more than touch their operands.
    if (!step.row->traits.elementwise && step.inputs.size() > 1)
      seconds += largest * 64 / multiplications_per_second;
  }
  return seconds;
}

MemoryReport report_memory(const Plan& plan, const Program& program, const GraphData& graph) {
  MemoryReport report;
  const auto bytes_of = [&](const std::vector<int32_t>& ids) {
    size_t total = 0;
    for (const auto id : ids) total += plan.values[static_cast<size_t>(id)].bytes;
    return total;
  };
  report.arena_bytes = plan.arena_bytes;
  report.scratch_bytes = program.scratch_bytes();
  report.feed_bytes = bytes_of(plan.feeds);
  report.result_bytes = bytes_of(plan.results);
  for (const auto& constant : plan.constants) report.constant_bytes += constant->size();
  for (const auto id : plan.variables) {
    const auto& type = graph.type({id, 0});
    report.variable_bytes +=
        static_cast<size_t>(*type.shape.element_count()) * size_of(type.data_type);
  }
  return report;
}

}  // namespace

Executable::Executable() : state_(std::make_unique<State>()) {}
Executable::~Executable() = default;

std::shared_ptr<Executable> ExecutableBuilder::build(const Graph& graph, const Device& device,
                                                     const std::vector<FeedType>& feeds,
                                                     const std::vector<Tensor>& targets,
                                                     const std::vector<Operation>& operations) {
  std::shared_ptr<Executable> executable(new Executable());
  auto& state = *executable->state_;
  state.graph = graph.data();
  state.device = device;
  {
    const std::lock_guard lock(graph.data()->mutex);
    state.plan = compile_plan(graph, feeds, targets, operations, device.backend());
  }
  state.estimated_seconds = estimate_seconds(*state.plan);
  state.program = device.backend().compile(state.plan);
  state.memory = report_memory(*state.plan, *state.program, *graph.data());
  for (const auto& feed : feeds) {
    state.feeds.push_back(feed.placeholder.id());
    state.feed_types.push_back(feed.type);
    state.feed_values.push_back(feed.value);
  }
  for (const auto& target : targets) state.targets.push_back(target.id());
  return executable;
}

std::vector<TensorData> Executable::run(std::span<const TensorData> feeds) const {
  return run(feeds, std::unique_lock(state_->device.executor()));
}

std::vector<TensorData> Executable::run(std::span<const TensorData> feeds,
                                        std::unique_lock<std::mutex>) const {
  const auto graph = state_->require_graph();
  if (feeds.size() != state_->feeds.size())
    throw FeedError("the executable takes " + std::to_string(state_->feeds.size()) + " feeds; " +
                    std::to_string(feeds.size()) + " were given");
  std::vector<const void*> feed_memory;
  for (size_t i = 0; i < feeds.size(); ++i) {
    check_feed(graph->tensor(state_->feeds[i]), state_->feed_types[i], feeds[i].type());
    const auto& value = state_->feed_values[i];
    if (value && std::memcmp(value->data(), feeds[i].data(), value->size()) != 0)
      throw FeedError("'" + graph->display_name(state_->feeds[i].operation) +
                      "' decides a shape, and the executable was compiled for another value");
    feed_memory.push_back(feeds[i].data());
  }
  // Once: later runs find their scratch memory already taken from what is free.
  if (!std::exchange(state_->memory_checked, true)) check_memory();
  std::vector<TensorData> results;
  std::vector<void*> result_memory;
  for (const auto value : state_->plan->results) {
    results.emplace_back(state_->plan->values[static_cast<size_t>(value)].type);
    result_memory.push_back(results.back().data());
  }
  auto& runtime = GraphRuntime::of(*graph);
  std::vector<void*> variables;
  for (const auto id : state_->plan->variables)
    variables.push_back(runtime.variable(*graph, id).bytes->mutable_data());
  state_->program->run({feed_memory, result_memory, variables, graph->seed, runtime.next_run()});
  return results;
}

std::vector<Tensor> Executable::feed_tensors() const {
  const auto graph = state_->require_graph();
  std::vector<Tensor> tensors;
  for (const auto id : state_->feeds) tensors.push_back(graph->tensor(id));
  return tensors;
}
/// The peak is known before the run: an error that names the culprits beats a killed process.
void Executable::check_memory() const {
  constexpr size_t worth_asking = size_t{1} << 28;
  const auto report = memory();
  const auto needed = report.scratch_bytes + report.result_bytes;
  if (needed < worth_asking || needed <= free_memory_bytes()) return;
  std::vector<const PlanValue*> largest;
  for (const auto& value : state_->plan->values)
    if (value.view_of < 0) largest.push_back(&value);
  constexpr size_t named = 3;
  const auto shown = std::min(named, largest.size());
  std::ranges::partial_sort(largest, largest.begin() + static_cast<std::ptrdiff_t>(shown), {},
                            [](const PlanValue* value) { return SIZE_MAX - value->bytes; });
  std::string names;
  for (size_t i = 0; i < shown; ++i)
    names += (i > 0 ? ", '" : "'") + largest[i]->name + "' (" + largest[i]->type.to_string() + ")";
  throw ExecutionError("out of memory: the run needs " + std::to_string(needed) + " bytes, " +
                       std::to_string(free_memory_bytes()) +
                       " are free. The largest tensors: " + names);
}

const std::vector<TensorType>& Executable::feed_types() const { return state_->feed_types; }
std::vector<Tensor> Executable::target_tensors() const {
  const auto graph = state_->require_graph();
  std::vector<Tensor> tensors;
  for (const auto id : state_->targets) tensors.push_back(graph->tensor(id));
  return tensors;
}
std::vector<TensorType> Executable::output_types() const {
  return state_->plan->types_of(state_->plan->results);
}
double Executable::estimated_seconds() const { return state_->estimated_seconds; }
Device Executable::device() const { return state_->device; }
std::vector<KernelInfo> Executable::kernels() const { return state_->program->kernels(); }
std::string Executable::to_text() const { return state_->plan->to_text(); }

MemoryReport Executable::memory() const { return state_->memory; }

}  // namespace mpsg
