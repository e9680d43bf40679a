#include "runtime/stages.h"

#include <algorithm>

#include "compiler/module.h"
#include "graph/host_values.h"
#include "runtime/executable_builder.h"
#include "runtime/executable_state.h"
#include "runtime/key_writer.h"

namespace mpsg {
namespace {

constexpr size_t largest_shape_value = 4096;  // bytes of a tensor that may decide a shape

/// What costs nothing to have again, and keeps what is known of it.
bool is_source(const Node& node) {
  const auto& name = node.row->name;
  return name == "placeholder" || name == "constant" || name == "variable" || name == "shape_of";
}

/// The live operations of the graph itself, which of them count for others, and which wait for
/// these.
struct Waiting {
  std::vector<bool> live, counts, waits;

  Waiting(GraphData& graph, std::vector<bool> live_operations)
      : live(std::move(live_operations)), counts(live.size()), waits(live.size()) {
    std::set<OperationId> asked;
    for (OperationId id = 0; id < graph.node_count(); ++id)
      if (live[static_cast<size_t>(id)])
        for (const auto input : graph.node(id).inputs)
          if (graph.node(input.operation).row->traits.counted) asked.insert(input.operation);
    for (OperationId id = 0; id < graph.node_count(); ++id) {
      const auto at = static_cast<size_t>(id);
      if (!live[at]) continue;
      const auto& node = graph.node(id);
      const auto waits_for = [&](OperationId of) {
        const auto other = static_cast<size_t>(of);
        return live[other] && (waits[other] || counts[other]);
      };
      counts[at] = node.row->traits.counted && node.region == 0 && asked.contains(id) &&
                   !graph.host_values().value({id, 1});
      waits[at] = std::ranges::any_of(node.inputs, waits_for, &TensorId::operation) ||
                  std::ranges::any_of(node.control, waits_for);
    }
  }
};

/// Reads that see what was before the run, if the first stage assigns.
std::vector<TensorId> early_reads(const GraphData& graph, const Waiting& waiting,
                                  const std::vector<bool>& first) {
  std::vector<TensorId> reads;
  bool assigns = false;
  for (OperationId id = 0; id < graph.node_count(); ++id) {
    const auto at = static_cast<size_t>(id);
    const auto& node = graph.node(id);
    assigns = assigns || (first[at] && node.row->name == "assign");
    if (waiting.live[at] && !waiting.waits[at] && node.row->name == "read" && node.region == 0)
      reads.push_back({id, 0});
  }
  if (!assigns) reads.clear();
  return reads;
}

std::vector<TensorId> ids_of(const std::vector<Tensor>& tensors) {
  std::vector<TensorId> ids;
  for (const auto& tensor : tensors) ids.push_back(tensor.id());
  return ids;
}

/// Results of `first` that the other live operations, or the caller, need.
std::vector<TensorId> crossing(const GraphData& graph, const std::vector<bool>& live,
                               const std::vector<bool>& first,
                               const std::vector<TensorId>& targets) {
  std::set<TensorId> found;
  const auto add = [&](TensorId id) {
    if (first[static_cast<size_t>(id.operation)]) found.insert(id);
  };
  for (const auto target : targets) add(target);
  for (OperationId id = 0; id < graph.node_count(); ++id) {
    if (!live[static_cast<size_t>(id)] || first[static_cast<size_t>(id)]) continue;
    for (const auto input : graph.node(id).inputs) add(input);
  }
  return {found.begin(), found.end()};
}

}  // namespace

std::optional<Cut> find_cut(const Graph& graph, const std::vector<Tensor>& targets,
                            const std::vector<Operation>& operations,
                            const std::set<OperationId>& done) {
  auto& data = *graph.data();
  const std::lock_guard lock(data.mutex);
  const auto target_ids = ids_of(targets);
  std::vector<OperationId> operation_ids;
  for (const auto& operation : operations) operation_ids.push_back(operation.id());
  const Waiting waiting(data, live_operations(data, target_ids, operation_ids, done));
  std::vector<TensorId> counted;
  for (OperationId id = 0; id < data.node_count(); ++id)
    if (waiting.counts[static_cast<size_t>(id)] && !waiting.waits[static_cast<size_t>(id)])
      counted.push_back({id, 1});
  if (counted.empty()) return std::nullopt;

  auto first = live_operations(data, counted, {}, done);
  const auto reads = early_reads(data, waiting, first);
  if (!reads.empty()) {
    auto wanted = counted;
    wanted.insert(wanted.end(), reads.begin(), reads.end());
    first = live_operations(data, wanted, {}, done);
  }
  for (OperationId id = 0; id < data.node_count(); ++id)
    if (is_source(data.node(id))) first[static_cast<size_t>(id)] = false;
  const auto decides = shape_deciders(data, waiting.live);
  Cut cut{{}, {}, done};
  for (const auto id : crossing(data, waiting.live, first, target_ids)) {
    cut.made.push_back(id);
    const bool counted_rows = data.node(id.operation).row->traits.counted && id.index == 0;
    cut.by_value.push_back(decides[static_cast<size_t>(id.operation)] && !counted_rows &&
                           is_integer(data.type(id).data_type));
  }
  for (OperationId id = 0; id < data.node_count(); ++id)
    if (first[static_cast<size_t>(id)]) cut.done.insert(id);
  return cut;
}

namespace {

std::string key_of(const GraphData& graph, const Device& device, const std::vector<FeedType>& feeds,
                   const std::vector<TensorId>& targets, const std::vector<Operation>& operations,
                   const Callables& callables, bool stitch) {
  KeyWriter writer;
  if (!stitch) writer.put(false);
  for (const auto& [symbol, callable] : callables) writer.put(callable->id);
  writer.put(graph.id());
  writer.put(device.identity());
  const auto put = [&](TensorId id) {
    writer.put(id.operation);
    writer.put(id.index);
  };
  for (const auto& feed : feeds) {
    put(feed.placeholder.id());
    writer.put(feed.type);
    if (feed.value) writer.put(std::span(feed.value->data(), feed.value->size()));
  }
  writer.put(-1);
  for (const auto& target : targets) put(target);
  writer.put(-1);
  for (const auto& operation : operations) writer.put(operation.id());
  return std::string(writer.text());
}

}  // namespace

std::shared_ptr<const Executable> ExecutableBuilder::next_stage(const Executable& executable,
                                                                std::span<const TensorData> made,
                                                                CallerLock& caller) {
  const auto& state = executable.state();
  const auto& stages = *state.stages;
  const Graph graph(state.require_graph());
  const auto& data = graph.data();
  std::vector<FeedType> feeds;
  for (size_t i = 0; i < state.feeds.size(); ++i)
    feeds.push_back({data->tensor(state.feeds[i]), state.feed_types[i], state.feed_values[i]});
  for (size_t i = 0; i < made.size(); ++i) {
    feeds.push_back({data->tensor(stages.cut.made[i]), made[i].type(), nullptr});
    if (stages.cut.by_value[i] && made[i].byte_count() <= largest_shape_value)
      feeds.back().value =
          Bytes::copy({static_cast<const std::byte*>(made[i].data()), made[i].byte_count()});
  }
  std::vector<Tensor> targets;
  for (const auto id : state.targets) targets.push_back(data->tensor(id));
  std::vector<Operation> operations;
  for (const auto id : state.operations)
    if (!stages.cut.done.contains(id)) operations.emplace_back(data, id);
  const auto key =
      key_of(*data, state.device, feeds, state.targets, operations, state.callables, state.stitch);
  return ExecutableCache::shared().get(data->id(), key, caller, [&] {
    return build({graph,
                  state.device,
                  feeds,
                  targets,
                  operations,
                  {stages.cut.done, state.callables, state.stitch}},
                 caller);
  });
}

void run_in_stages(const Executable& executable, std::span<const TensorData> feeds,
                   std::span<TensorData> results, CallerLock& caller, const RunStage& run) {
  std::vector<TensorData> given(feeds.begin(), feeds.end());
  std::shared_ptr<const Executable> held;
  const Executable* current = &executable;
  while (const auto* const stages = current->state().stages.get()) {
    std::vector<TensorData> made(stages->cut.made.size());
    run(*stages->first, given, made);
    auto next = ExecutableBuilder::next_stage(*current, made, caller);
    given.insert(given.end(), made.begin(), made.end());
    held = std::move(next);
    current = held.get();
  }
  run(*current, given, results);
}

}  // namespace mpsg
