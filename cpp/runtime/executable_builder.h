// Compiles executables; the one friend of Executable.
#pragma once

#include <memory>
#include <vector>

#include "compiler/passes.h"
#include "mpsg/executable.h"

namespace mpsg {

class ExecutableBuilder {
 public:
  static std::shared_ptr<Executable> build(const Graph& graph, const Device& device,
                                           const std::vector<FeedType>& feeds,
                                           const std::vector<Tensor>& targets,
                                           const std::vector<Operation>& operations);
};

/// Does data of this type fit the placeholder? Throws FeedError saying why not.
void check_feed(const Tensor& placeholder, const TensorType& expected, const TensorType& given);

/// A placeholder that targets need; `by_value` if its value decides a shape.
struct NeededFeed {
  TensorId placeholder;
  bool by_value = false;
};
/// In the order of their creation.
std::vector<NeededFeed> needed_feeds(const Graph& graph, const std::vector<Tensor>& targets,
                                     const std::vector<Operation>& operations);

/// A run before it happens: its executable, from the cache or compiled, and its feeds in order.
struct PreparedRun {
  std::shared_ptr<const Executable> executable;
  std::vector<TensorData> feeds;
};
PreparedRun prepare_run(const Graph& graph, const Device& device, const TensorDataMap& feeds,
                        const std::vector<Tensor>& targets,
                        const std::vector<Operation>& operations);

}  // namespace mpsg
