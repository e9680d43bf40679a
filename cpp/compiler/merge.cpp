#include <cstring>
#include <map>
#include <string>

#include "compiler/passes.h"

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
  for (const auto segment : node.segments) put(key, segment);
  for (const auto input : node.inputs) put(key, input);
  for (const auto& attribute : node.attributes) put_attribute(key, attribute);
  for (const auto dependency : node.control) put(key, dependency);
  return key;
}

}  // namespace

void merge_equal(Module& module) {
  std::map<std::string, std::vector<TensorId>> seen;
  rewrite_module(module, [&](OperationId, const Node& node, Graph into) {
    auto& data = *into.data();
    if (!node.row->traits.pure) return append_unchanged(data, node);
    auto key = key_of(node, data.build_state().regions.back());
    const auto found = seen.find(key);
    if (found != seen.end()) return found->second;
    auto outputs = append_unchanged(data, node);
    seen.emplace(std::move(key), outputs);
    return outputs;
  });
}

}  // namespace mpsg
