#include "mpsg/executable.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <iostream>
#include <utility>

#include "compiler/pipeline.h"
#include "compiler/plan_costs.h"
#include "graph/buffer_pool.h"
#include "graph/environment.h"
#include "graph/fork_safety.h"
#include "graph/system_memory.h"
#include "mpsg/error.h"
#include "runtime/debug_output.h"
#include "runtime/executable_builder.h"
#include "runtime/executable_state.h"
#include "runtime/queues/scheduler.h"

namespace mpsg {
namespace {

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

/// How the plan uses its variables. What bodies do counts for the step that owns them.
void note_uses(const Plan& plan, size_t owner, bool inside, std::vector<VariableUse>& uses) {
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const auto& step = plan.steps[i];
    const size_t at = inside ? owner : i;
    const auto use_of = [&](int32_t id) -> VariableUse* {
      const auto* value = &plan.values[static_cast<size_t>(id)];
      while (value->view_of >= 0) value = &plan.values[static_cast<size_t>(value->view_of)];
      return value->place == Place::variable ? &uses[static_cast<size_t>(value->index)] : nullptr;
    };
    for (const auto input : step.inputs)
      // After the run's own writes it is the new value.
      if (auto* const use = use_of(input); use && (!use->writes || inside)) use->reads = true;
    for (const auto output : step.outputs)
      if (auto* const use = use_of(output)) {
        if (!use->writes) use->first_write = at;
        use->writes = true;
        use->last_write = at;
      }
    for (const auto& body : step.bodies)
      if (body) note_uses(*body, at, true, uses);
  }
}

/// Results that are a variable's memory read it, too.
std::vector<VariableUse> variable_uses(const Plan& plan, const GraphData& graph,
                                       GraphRuntime& runtime) {
  std::vector<VariableUse> uses;
  for (const auto id : plan.variables) uses.push_back({&runtime.variable(graph, id)});
  note_uses(plan, 0, false, uses);
  for (auto& use : uses) use.reads = use.reads || !use.writes;
  return uses;
}

/// Before the sizes are known: whatever the targets need may be read and written.
std::vector<VariableUse> possible_uses(const Graph& graph, const std::vector<Tensor>& targets,
                                       const std::vector<Operation>& operations,
                                       GraphRuntime& runtime) {
  const auto& data = *graph.data();
  std::vector<TensorId> target_ids;
  for (const auto& target : targets) target_ids.push_back(target.id());
  std::vector<OperationId> operation_ids;
  for (const auto& operation : operations) operation_ids.push_back(operation.id());
  std::vector<VariableUse> uses;
  const auto live = [&] {
    const std::lock_guard lock(data.mutex);
    return live_operations(data, target_ids, operation_ids);
  }();
  for (OperationId id = 0; id < static_cast<OperationId>(live.size()); ++id)
    if (live[static_cast<size_t>(id)] && data.node(id).row->name == "variable")
      uses.push_back({&runtime.variable(data, id), true, true, 0, SIZE_MAX});
  return uses;
}

}  // namespace

Executable::Executable() : state_(std::make_shared<State>()) {}
Executable::~Executable() = default;

std::shared_ptr<Executable> ExecutableBuilder::describe(const CompileRequest& request) {
  std::shared_ptr<Executable> executable(new Executable());
  auto& state = *executable->state_;
  state.self = executable;
  const auto& data = request.graph.data();
  state.graph = data;
  state.runtime = &GraphRuntime::of(*data);
  state.device = request.device;
  state.queue = state.runtime->queue(request.device);
  for (const auto& feed : request.feeds) {
    state.feeds.push_back(feed.placeholder.id());
    state.feed_types.push_back(feed.type);
    state.feed_values.push_back(feed.value);
  }
  for (const auto& target : request.targets) state.targets.push_back(target.id());
  for (const auto& operation : request.operations) state.operations.push_back(operation.id());
  state.callables = request.options.callables;
  state.stitch = request.options.stitch;
  return executable;
}

std::shared_ptr<Executable> ExecutableBuilder::build(const CompileRequest& request,
                                                     CallerLock& caller) {
  auto executable = describe(request);
  complete(*executable, request, caller);
  return executable;
}

void ExecutableBuilder::complete(Executable& executable, const CompileRequest& request,
                                 CallerLock& caller) {
  const auto is_known = [](const FeedType& feed) { return feed.type.shape.is_static(); };
  if (std::ranges::all_of(request.feeds, is_known)) return compile(executable, request, caller);
  for (const auto& target : request.targets)
    executable.state_->target_types.push_back(target.type());
}

void ExecutableBuilder::compile(Executable& executable, const CompileRequest& request,
                                CallerLock& caller) {
  auto& state = *executable.state_;
  const auto& graph = request.graph;
  const auto start = std::chrono::steady_clock::now();
  if (auto cut = find_cut(graph, request.targets, request.operations, request.options.done)) {
    auto first = request;
    first.targets.clear();
    first.operations.clear();
    for (const auto id : cut->made) first.targets.push_back(graph.data()->tensor(id));
    Stages stages{std::move(*cut), build(first, caller)};
    for (const auto& target : request.targets) state.target_types.push_back(target.type());
    state.variables = possible_uses(graph, request.targets, request.operations, *state.runtime);
    take_stages(executable, std::move(stages));
    return;
  }
  {
    // The caller's lock is kept: messages about the graph may need it.
    const std::lock_guard lock(graph.data()->mutex);
    state.plan = compile_plan(graph, request.feeds, request.targets, request.operations,
                              state.device.backend(), request.options);
  }
  const auto planned = std::chrono::steady_clock::now();
  {
    const CallerUnlocked unlocked(caller);
    // A child must not find something half made (a static object, say) that its maker left there.
    const UnforkedWork whole;
    state.program = state.device.backend().compile(state.plan);
  }
  state.estimated_seconds = estimate_seconds(*state.plan);
  state.memory = report_memory(*state.plan, *state.program, *graph.data());
  state.target_types = state.plan->types_of(state.plan->results);
  state.variables = variable_uses(*state.plan, *graph.data(), *state.runtime);
  if (debugging(DebugLevel::times)) {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    const auto end = std::chrono::steady_clock::now();
    debug_compiled(executable, Milliseconds(planned - start).count(),
                   Milliseconds(end - planned).count());
  }
}

/// What can be told before the sizes are known is what the first stage tells.
void ExecutableBuilder::take_stages(Executable& executable, Stages stages) {
  auto& state = *executable.state_;
  const auto& first = stages.first->state();
  state.plan = first.plan;
  state.program = first.program;
  state.memory = first.memory;
  state.estimated_seconds = first.estimated_seconds;
  state.stages = std::make_unique<const Stages>(std::move(stages));
}

std::shared_ptr<const Callable> ExecutableBuilder::callable_of(const Executable& executable) {
  static std::atomic<uint64_t> last_id{0};
  const auto& state = executable.state();
  if (!state.operations.empty())
    throw GraphError("an executable with target operations cannot be called: only its results are");
  const Graph graph(state.require_graph());
  const auto& data = graph.data();
  std::vector<FeedType> feeds;
  for (size_t i = 0; i < state.feeds.size(); ++i)
    feeds.push_back({data->tensor(state.feeds[i]), state.feed_types[i], state.feed_values[i]});
  std::vector<Tensor> targets;
  for (const auto id : state.targets) targets.push_back(data->tensor(id));
  const std::lock_guard lock(data->mutex);
  return std::make_shared<const Callable>(
      Callable{++last_id, specialize(graph, feeds, targets, {}, {{}, state.callables, true})});
}

std::shared_ptr<GraphData> Executable::State::require_graph() const {
  auto held = graph.lock();
  if (!held) throw ExecutionError("the graph of this executable no longer exists");
  return held;
}

void Executable::State::check_memory() const {
  constexpr size_t worth_asking = size_t{1} << 28;
  const auto needed = memory.scratch_bytes + memory.result_bytes;
  const auto enough = [&] { return needed < worth_asking || needed <= free_memory_bytes(); };
  if (!enough()) BufferPool::shared().trim();
  if (enough()) return memory_checked.store(true, std::memory_order_relaxed);
  std::vector<const PlanValue*> largest;
  for (const auto& value : plan->values)
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

const Executable::State& Executable::state() const {
  if (const auto& compilation = state_->compilation) {
    CallerLock none;
    Scheduler::shared().wait(*compilation, none);
    if (compilation->error()) std::rethrow_exception(compilation->error());
  }
  return *state_;
}

const std::shared_ptr<Task>& Executable::compilation() const { return state_->compilation; }

double Executable::estimated_seconds() const { return state().estimated_seconds; }
const Device& Executable::device() const { return state_->device; }
const std::vector<TensorType>& Executable::feed_types() const { return state_->feed_types; }
std::vector<TensorType> Executable::output_types() const { return state().target_types; }
size_t Executable::target_count() const { return state_->targets.size(); }

std::vector<Tensor> Executable::feed_tensors() const {
  const auto graph = state_->require_graph();
  std::vector<Tensor> tensors;
  for (const auto id : state_->feeds) tensors.push_back(graph->tensor(id));
  return tensors;
}

std::vector<Tensor> Executable::target_tensors() const {
  const auto graph = state_->require_graph();
  std::vector<Tensor> tensors;
  for (const auto id : state_->targets) tensors.push_back(graph->tensor(id));
  return tensors;
}

}  // namespace mpsg
