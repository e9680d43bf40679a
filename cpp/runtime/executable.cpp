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
#include "graph/system_memory.h"
#include "mpsg/error.h"
#include "runtime/debug_output.h"
#include "runtime/executable_builder.h"
#include "runtime/executable_state.h"

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

bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const auto* const first = static_cast<const std::byte*>(a);
  const auto* const second = static_cast<const std::byte*>(b);
  return std::less<>()(first, second + b_bytes) && std::less<>()(second, first + a_bytes);
}

}  // namespace

Executable::Executable() : state_(std::make_unique<State>()) {}
Executable::~Executable() = default;

std::shared_ptr<Executable> ExecutableBuilder::build(const Graph& graph, const Device& device,
                                                     const std::vector<FeedType>& feeds,
                                                     const std::vector<Tensor>& targets,
                                                     const std::vector<Operation>& operations,
                                                     CallerLock& caller,
                                                     const CompileOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::shared_ptr<Executable> executable(new Executable());
  auto& state = *executable->state_;
  state.graph = graph.data();
  state.runtime = &GraphRuntime::of(*graph.data());
  state.device = device;
  for (const auto& feed : feeds) {
    state.feeds.push_back(feed.placeholder.id());
    state.feed_types.push_back(feed.type);
    state.feed_values.push_back(feed.value);
  }
  for (const auto& target : targets) state.targets.push_back(target.id());
  for (const auto& operation : operations) state.operations.push_back(operation.id());
  state.callables = options.callables;
  if (auto cut = find_cut(graph, targets, operations, options.done)) {
    std::vector<Tensor> made;
    for (const auto id : cut->made) made.push_back(graph.data()->tensor(id));
    Stages stages{std::move(*cut), build(graph, device, feeds, made, {}, caller, options)};
    for (const auto& target : targets) state.target_types.push_back(target.type());
    take_stages(*executable, std::move(stages));
    return executable;
  }
  {
    // The caller's lock is kept: messages about the graph may need it.
    const std::lock_guard lock(graph.data()->mutex);
    state.plan = compile_plan(graph, feeds, targets, operations, device.backend(), options);
  }
  const auto planned = std::chrono::steady_clock::now();
  {
    const CallerUnlocked unlocked(caller);
    state.program = device.backend().compile(state.plan);
  }
  state.estimated_seconds = estimate_seconds(*state.plan);
  state.memory = report_memory(*state.plan, *state.program, *graph.data());
  state.target_types = state.plan->types_of(state.plan->results);
  state.frame.feeds.resize(state.feeds.size());
  state.frame.results.resize(state.target_types.size());
  state.frame.copies.resize(state.target_types.size());
  if (debugging(DebugLevel::times)) {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    const auto end = std::chrono::steady_clock::now();
    debug_compiled(*executable, Milliseconds(planned - start).count(),
                   Milliseconds(end - planned).count());
  }
  return executable;
}

/// What can be told before the sizes are known is what the first stage tells.
void ExecutableBuilder::take_stages(Executable& executable, Stages stages) {
  auto& state = *executable.state_;
  const auto& first = *stages.first->state_;
  state.plan = first.plan;
  state.program = first.program;
  state.memory = first.memory;
  state.estimated_seconds = first.estimated_seconds;
  state.stages = std::make_unique<const Stages>(std::move(stages));
}

const Stages* ExecutableBuilder::stages_of(const Executable& executable) {
  return executable.state_->stages.get();
}

std::shared_ptr<const Callable> ExecutableBuilder::callable_of(const Executable& executable) {
  static std::atomic<uint64_t> last_id{0};
  const auto& state = *executable.state_;
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
      Callable{++last_id, specialize(graph, feeds, targets, {}, {{}, state.callables})});
}

std::shared_ptr<GraphData> Executable::State::require_graph() const {
  auto held = graph.lock();
  if (!held) throw ExecutionError("the graph of this executable no longer exists");
  return held;
}

void Executable::State::take_feeds(GraphData& of, std::span<const TensorData> given) {
  if (given.size() != feeds.size())
    throw FeedError("the executable takes " + std::to_string(feeds.size()) + " feeds; " +
                    std::to_string(given.size()) + " were given");
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i].type() != feed_types[i])
      check_feed(of.tensor(feeds[i]), feed_types[i], given[i].type());
    const auto& value = feed_values[i];
    if (value && std::memcmp(value->data(), given[i].data(), value->size()) != 0)
      throw FeedError("'" + of.display_name(feeds[i].operation) +
                      "' decides a shape, and the executable was compiled for another value");
    frame.feeds[i] = given[i].data();
  }
}

/// Results without memory get some; the others' is checked.
void Executable::State::take_results(std::span<TensorData> results) {
  if (results.size() != target_types.size())
    throw FeedError("the executable has " + std::to_string(target_types.size()) + " results; " +
                    std::to_string(results.size()) + " were given");
  for (size_t i = 0; i < results.size(); ++i) {
    auto& result = results[i];
    if (!result.data()) {
      result = TensorData(target_types[i]);
      frame.results[i] = result.data();
      continue;
    }
    if (result.type() != target_types[i])
      throw FeedError("result " + std::to_string(i) + " is " + target_types[i].to_string() +
                      "; the memory given for it is " + result.type().to_string());
    frame.results[i] = result.data();
    const size_t bytes = result.byte_count();
    for (size_t other = 0; other < i; ++other)
      if (overlap(result.data(), bytes, results[other].data(), results[other].byte_count()))
        throw FeedError("the memory of results " + std::to_string(other) + " and " +
                        std::to_string(i) + " overlaps");
    for (size_t feed = 0; feed < feeds.size(); ++feed) {
      const auto& type = feed_types[feed];
      const size_t feed_bytes =
          static_cast<size_t>(*type.shape.element_count()) * size_of(type.data_type);
      if (!overlap(result.data(), bytes, frame.feeds[feed], feed_bytes)) continue;
      if (result.data() != frame.feeds[feed] || bytes != feed_bytes)
        throw FeedError("the memory of result " + std::to_string(i) +
                        " overlaps a part of the memory of feed " + std::to_string(feed));
      // Steps may read the feed after the result is begun.
      if (!frame.copies[i].data()) frame.copies[i] = TensorData(target_types[i]);
      frame.results[i] = frame.copies[i].data();
    }
  }
}

void Executable::State::give_copies(std::span<TensorData> results) {
  for (size_t i = 0; i < results.size(); ++i)
    if (frame.copies[i].data()) {
      if (results[i].byte_count() > 0)
        std::memcpy(results[i].data(), frame.copies[i].data(), results[i].byte_count());
      frame.copies[i] = TensorData();
    }
}

void Executable::State::take_variables(GraphData& of) {
  if (frame.variable_memory.size() != plan->variables.size()) {
    frame.variable_memory.clear();
    for (const auto id : plan->variables)
      frame.variable_memory.push_back(&runtime->variable(of, id));
    frame.variables.resize(frame.variable_memory.size());
  }
  for (size_t i = 0; i < frame.variables.size(); ++i)
    frame.variables[i] = frame.variable_memory[i]->bytes->mutable_data();
}

std::vector<TensorData> Executable::run(std::span<const TensorData> feeds) const {
  std::vector<TensorData> results(state_->target_types.size());
  run(feeds, results);
  return results;
}

void Executable::run(std::span<const TensorData> feeds, std::span<TensorData> results) const {
  if (!state_->stages) return run(feeds, results, std::unique_lock(state_->device.executor()));
  CallerLock caller;
  run_in_stages(*this, feeds, results, caller,
                [](const Executable& stage, auto of, auto into) { stage.run(of, into); });
}

void Executable::run(std::span<const TensorData> feeds, std::span<TensorData> results,
                     std::unique_lock<std::mutex> executor) const {
  if (!state_->stages) return execute(feeds, results);
  executor.unlock();  // between two stages an executable may have to be compiled
  run(feeds, results);
}

/// With the device's executor held.
void Executable::execute(std::span<const TensorData> feeds, std::span<TensorData> results) const {
  auto& state = *state_;
  auto& frame = state.frame;
  const auto graph = state.require_graph();
  for (auto& copy : frame.copies)
    if (copy.data()) copy = TensorData();  // of a run that failed
  state.take_feeds(*graph, feeds);
  state.take_results(results);
  // Once: later runs find their scratch memory already taken from what is free.
  if (!std::exchange(frame.memory_checked, true)) check_memory();
  state.take_variables(*graph);
  RunArguments arguments{
      frame.feeds, frame.results, frame.variables, graph->seed, state.runtime->next_run(),
      frame.times};
  if (!debugging(DebugLevel::times)) {
    state.program->run(arguments);
  } else {
    std::vector<StepTime> times(debugging(DebugLevel::kernels) ? state.plan->steps.size() : 0);
    if (arguments.times.empty()) arguments.times = times;
    const auto start = std::chrono::steady_clock::now();
    state.program->run(arguments);
    debug_ran(*this, arguments.times, std::chrono::steady_clock::now() - start);
  }
  state.give_copies(results);
}

/// The peak is known before the run: an error that names the culprits beats a killed process.
void Executable::check_memory() const {
  constexpr size_t worth_asking = size_t{1} << 28;
  const auto needed = state_->memory.scratch_bytes + state_->memory.result_bytes;
  if (needed < worth_asking || needed <= free_memory_bytes()) return;
  BufferPool::shared().trim();
  if (needed <= free_memory_bytes()) return;
  state_->frame.memory_checked = false;
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

double Executable::estimated_seconds() const { return state_->estimated_seconds; }
const Device& Executable::device() const { return state_->device; }
const std::vector<TensorType>& Executable::feed_types() const { return state_->feed_types; }
std::vector<TensorType> Executable::output_types() const { return state_->target_types; }
size_t Executable::target_count() const { return state_->target_types.size(); }

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
