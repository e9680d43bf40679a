// From what a call of Graph::run looks like to its executable: key, cache, compilation.
#include <algorithm>

#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "runtime/executable_builder.h"
#include "runtime/graph_runtime.h"
#include "runtime/key_writer.h"

namespace mpsg {
namespace {

constexpr size_t largest_shape_value = 4096;  // bytes of a fed tensor that may decide a shape

void put_id(KeyWriter& writer, TensorId id) {
  writer.put(id.operation);
  writer.put(id.index);
}

void put_targets(KeyWriter& writer, std::span<const Tensor> targets,
                 std::span<const Operation> operations) {
  writer.put(-1);
  for (const auto& target : targets) put_id(writer, target.id());
  writer.put(-1);
  for (const auto& operation : operations) writer.put(operation.id());
}

/// What a call looks like. Nothing is checked: an unknown signature leads to `new_launch`, which
/// does.
void put_signature(KeyWriter& writer, const RunRequest& request) {
  const auto& graph = request.graph.data();
  writer.put(graph->id());
  writer.put(request.device.identity());
  if (!request.stitch) writer.put(false);
  bool foreign = false;
  for (size_t i = 0; i < request.placeholders.size(); ++i) {
    foreign |= request.placeholders[i].graph_data() != graph;
    put_id(writer, request.placeholders[i].id());
    writer.put(request.feeds[i].type());
  }
  put_targets(writer, request.targets, request.operations);
  for (const auto& target : request.targets) foreign |= target.graph_data() != graph;
  for (const auto& operation : request.operations) foreign |= operation.graph_data() != graph;
  if (foreign) writer.put(true);  // ids of another graph mean nothing here
}

std::string key_of(const RunRequest& request, const std::vector<FeedType>& feeds) {
  KeyWriter writer;
  writer.put(request.graph.data()->id());
  writer.put(request.device.identity());
  if (!request.stitch) writer.put(false);
  for (const auto& feed : feeds) {
    put_id(writer, feed.placeholder.id());
    writer.put(feed.type);
    if (feed.value) writer.put(std::span(feed.value->data(), feed.value->size()));
  }
  put_targets(writer, request.targets, request.operations);
  return std::string(writer.text());
}

/// Checks everything and finds or compiles the executable.
std::shared_ptr<const Launch> new_launch(const RunRequest& request, std::string_view signature,
                                         CallerLock& caller) {
  const auto& graph = request.graph;
  for (const auto& tensor : request.placeholders) require_placeholder(graph, tensor);
  const std::vector<Tensor> targets(request.targets.begin(), request.targets.end());
  const std::vector<Operation> operations(request.operations.begin(), request.operations.end());
  auto& cache = ExecutableCache::shared();
  auto launch = std::make_shared<Launch>();
  std::vector<FeedType> types;
  bool by_value = false;
  // Held: another thread may put its own list in the place of this one.
  const auto all_needed = GraphRuntime::of(*graph.data()).needed(graph, targets, operations);
  for (const auto& needed : *all_needed) {
    const Tensor placeholder(graph.data(), needed.placeholder);
    const auto found = std::ranges::find(request.placeholders, placeholder);
    if (found == request.placeholders.end())
      throw FeedError("the targets need placeholder " +
                      graph.data()->describe(needed.placeholder.operation) + " of type " +
                      placeholder.type().to_string() + ", which was not fed");
    const auto at = found - request.placeholders.begin();
    const auto& value = request.feeds[static_cast<size_t>(at)];
    check_feed(placeholder, placeholder.type(), value.type());
    FeedType feed{placeholder, value.type(), nullptr};
    if (needed.by_value && value.byte_count() <= largest_shape_value) {
      feed.value = Bytes::copy({static_cast<const std::byte*>(value.data()), value.byte_count()});
      by_value = true;
      cache.count_feed_by_value();
    }
    types.push_back(std::move(feed));
    launch->order.push_back(static_cast<int32_t>(at));
  }
  const auto key = key_of(request, types);
  launch->executable = cache.get(graph.data()->id(), key, caller, [&] {
    return ExecutableBuilder::build(
        {graph, request.device, types, targets, operations, {{}, {}, request.stitch}}, caller);
  });
  // A call that looks the same may feed another value.
  if (!by_value) cache.remember_launch(std::string(signature), key, launch);
  return launch;
}

}  // namespace

void require_placeholder(const Graph& graph, const Tensor& tensor) {
  if (!tensor || tensor.graph_data() != graph.data())
    throw FeedError("a tensor of another graph was fed");
  const std::lock_guard lock(graph.data()->mutex);
  const auto& row = *graph.data()->node(tensor.id().operation).row;
  if (row.name != "placeholder")
    throw FeedError("'" + graph.data()->display_name(tensor.id().operation) + "' is made by " +
                    row.name + "; only placeholders can be fed");
}

std::shared_ptr<const Launch> launch_for(const RunRequest& request, CallerLock& caller) {
  KeyWriter writer;
  put_signature(writer, request);
  if (auto known = ExecutableCache::shared().find_launch(writer.text())) return known;
  return new_launch(request, writer.text(), caller);
}

}  // namespace mpsg
