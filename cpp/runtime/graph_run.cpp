// Graph::run and Graph::compile: key, executable cache, run.
#include <algorithm>

#include "graph/contexts.h"
#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "runtime/executable_builder.h"
#include "runtime/graph_runtime.h"

namespace mpsg {
namespace {

constexpr size_t largest_shape_value = 4096;  // bytes of a fed tensor that may decide a shape

class KeyWriter {
 public:
  template <class T>
  void put(const T& value) {
    key_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void put(const Shape& shape) {
    put(shape.rank());
    for (const auto dimension : shape.dimensions()) put(dimension);
  }
  void put(std::span<const std::byte> bytes) {
    put(bytes.size());
    key_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const std::string& key() const { return key_; }

 private:
  std::string key_;
};

void require_placeholder(const Tensor& tensor) {
  const std::lock_guard lock(tensor.graph_data()->mutex);
  const auto& row = *tensor.graph_data()->node(tensor.id().operation).row;
  if (row.name != "placeholder")
    throw FeedError("'" + tensor.graph_data()->display_name(tensor.id().operation) +
                    "' is made by " + row.name + "; only placeholders can be fed");
}

std::string key_of(const Device& device, const std::vector<FeedType>& feeds,
                   const std::vector<Tensor>& targets, const std::vector<Operation>& operations) {
  KeyWriter writer;
  writer.put(device.identity());
  for (const auto& feed : feeds) {
    writer.put(feed.placeholder.id());
    writer.put(feed.type.data_type);
    writer.put(feed.type.shape);
    if (feed.value) writer.put(std::span(feed.value->data(), feed.value->size()));
  }
  writer.put(-1);
  for (const auto& target : targets) writer.put(target.id());
  writer.put(-1);
  for (const auto& operation : operations) writer.put(operation.id());
  return writer.key();
}

std::shared_ptr<const Executable> executable_for(const Graph& graph, const Device& device,
                                                 const std::vector<FeedType>& feeds,
                                                 const std::vector<Tensor>& targets,
                                                 const std::vector<Operation>& operations) {
  auto& runtime = GraphRuntime::of(*graph.data());
  const auto key = key_of(device, feeds, targets, operations);
  if (auto found = runtime.find(key)) return found;
  const std::lock_guard compiling(runtime.compiling);
  if (auto found = runtime.find(key)) return found;
  std::shared_ptr<const Executable> made =
      ExecutableBuilder::build(graph, device, feeds, targets, operations);
  runtime.insert(key, made);
  return made;
}

}  // namespace

PreparedRun prepare_run(const Graph& graph, const Device& device, const TensorDataMap& feeds,
                        const std::vector<Tensor>& targets,
                        const std::vector<Operation>& operations) {
  for (const auto& [tensor, value] : feeds) {
    if (!tensor || tensor.graph_data() != graph.data())
      throw FeedError("a tensor of another graph was fed");
    require_placeholder(tensor);
  }
  std::vector<FeedType> types;
  PreparedRun prepared;
  const auto all = GraphRuntime::of(*graph.data()).needed(graph, targets, operations);
  for (const auto& needed : *all) {
    const Tensor placeholder(graph.data(), needed.placeholder);
    const auto found = feeds.find(placeholder);
    if (found == feeds.end())
      throw FeedError("the targets need placeholder " +
                      graph.data()->describe(needed.placeholder.operation) + " of type " +
                      placeholder.type().to_string() + ", which was not fed");
    const auto& value = found->second;
    check_feed(placeholder, placeholder.type(), value.type());
    FeedType feed{placeholder, value.type(), nullptr};
    if (needed.by_value && value.byte_count() <= largest_shape_value)
      feed.value = Bytes::copy({static_cast<const std::byte*>(value.data()), value.byte_count()});
    types.push_back(std::move(feed));
    prepared.feeds.push_back(value);
  }
  prepared.executable = executable_for(graph, device, types, targets, operations);
  return prepared;
}

TensorDataMap Graph::run(const TensorDataMap& feeds, const std::vector<Tensor>& target_tensors,
                         const std::vector<Operation>& target_operations) {
  return run(Device(), feeds, target_tensors, target_operations);
}

TensorDataMap Graph::run(const Device& device, const TensorDataMap& feeds,
                         const std::vector<Tensor>& target_tensors,
                         const std::vector<Operation>& target_operations) {
  const auto prepared = prepare_run(*this, device, feeds, target_tensors, target_operations);
  const auto results = prepared.executable->run(prepared.feeds);
  TensorDataMap map;
  for (size_t i = 0; i < target_tensors.size(); ++i) map[target_tensors[i]] = results[i];
  return map;
}

std::shared_ptr<Executable> Graph::compile(const Device& device,
                                           const std::vector<std::pair<Tensor, TensorType>>& feeds,
                                           const std::vector<Tensor>& target_tensors,
                                           const std::vector<Operation>& target_operations) {
  std::vector<FeedType> types;
  for (const auto& [tensor, type] : feeds) {
    if (!tensor || tensor.graph_data() != data_)
      throw FeedError("a tensor of another graph was given as a feed");
    require_placeholder(tensor);
    if (!type.shape.is_static())
      throw FeedError("placeholder '" + tensor.name() +
                      "': every size must be known to compile, got " + type.to_string());
    check_feed(tensor, tensor.type(), type);
    if (std::ranges::any_of(types, [&](const auto& other) { return other.placeholder == tensor; }))
      throw FeedError("placeholder '" + tensor.name() + "' is given twice");
    types.push_back({tensor, type, nullptr});
  }
  for (const auto& needed : needed_feeds(*this, target_tensors, target_operations))
    if (std::ranges::none_of(
            types, [&](const auto& f) { return f.placeholder.id() == needed.placeholder; }))
      throw FeedError("the targets need placeholder " +
                      data_->describe(needed.placeholder.operation) +
                      ", which is not among the feeds");
  return ExecutableBuilder::build(*this, device, types, target_tensors, target_operations);
}

}  // namespace mpsg
