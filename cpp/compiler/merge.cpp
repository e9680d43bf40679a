#include <string>
#include <utility>

#include "compiler/module.h"
#include "compiler/rewrites.h"

namespace mpsg {
namespace {

void put(std::string& key, const void* data, size_t size) {
  key.append(static_cast<const char*>(data), size);
}

template <class T>
void put(std::string& key, const T& value) {
  put(key, &value, sizeof(value));
}

void put_attribute(std::string& key, const AttributeValue& value) {
  put(key, value.index());
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::string>) {
          put(key, held.size());
          key += held;
        } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
          put(key, held.size());
          put(key, held.data(), held.size() * sizeof(int64_t));
        } else if constexpr (std::is_same_v<T, std::vector<TensorType>>) {
          put(key, held.size());
          for (const auto& type : held) key += type.to_string();
        } else if constexpr (std::is_same_v<T, std::shared_ptr<const Bytes>>) {
          // Large constants are equal only if they are the same object.
          constexpr size_t compared = 4096;
          if (held->size() <= compared) put(key, held->data(), held->size());
          else put(key, held.get());
        } else if constexpr (!std::is_same_v<T, std::monostate>) {
          put(key, held);
        }
      },
      value);
}

std::string key_of(const Node& node, int32_t region) {
  std::string key;
  put(key, node.row);
  put(key, region);
  put(key, node.from_sizes);  // what is equal for this batch only stays apart
  for (const auto segment : node.segments) put(key, segment);
  for (const auto input : node.inputs) put(key, input);
  for (const auto& attribute : node.attributes) put_attribute(key, attribute);
  for (const auto dependency : node.control) put(key, dependency);
  return key;
}

}  // namespace

std::vector<TensorId> EqualOperations::append(GraphData& graph, Node node) {
  if (!node.row->traits.pure) return append_unchanged(graph, std::move(node));
  const auto [entry, added] = seen_.try_emplace(key_of(node, graph.build_state().regions.back()));
  if (added) entry->second = append_unchanged(graph, std::move(node));
  return entry->second;
}

}  // namespace mpsg
