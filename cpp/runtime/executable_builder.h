// From a call of Graph::run or Graph::compile to an executable.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <vector>

#include "compiler/passes.h"
#include "mpsg/executable.h"
#include "runtime/executable_cache.h"

namespace mpsg {

struct Stages;

/// Compiles executables; the one friend of Executable.
class ExecutableBuilder {
 public:
  static std::shared_ptr<Executable> build(const Graph& graph, const Device& device,
                                           const std::vector<FeedType>& feeds,
                                           const std::vector<Tensor>& targets,
                                           const std::vector<Operation>& operations,
                                           CallerLock& caller, const CompileOptions& options = {});
  /// The executable, to be called. Throws GraphError if it cannot be.
  static std::shared_ptr<const Callable> callable_of(const Executable& executable);
  /// nullptr: the executable runs in one stage.
  static const Stages* stages_of(const Executable& executable);
  /// What remains after the first stage, for what that made.
  static std::shared_ptr<const Executable> next_stage(const Executable& executable,
                                                      std::span<const TensorData> made,
                                                      CallerLock& caller);

 private:
  static void take_stages(Executable& executable, Stages stages);
};

/// The operations whose values decide shapes, among those that are live.
std::vector<bool> shape_deciders(const GraphData& graph, const std::vector<bool>& live);

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

/// What a call of Graph::run asks for. Feeds as the caller gave them: any order, some not needed.
struct RunRequest {
  const Graph& graph;
  const Device& device;
  std::span<const Tensor> placeholders;
  std::span<const TensorData> feeds;  // as many
  std::span<const Tensor> targets;
  std::span<const Operation> operations;
};

/// The way to run it: that of the last call of this kind, or a new one, compiled if need be.
/// Throws GraphError, FeedError, ExecutionError.
std::shared_ptr<const Launch> launch_for(const RunRequest& request, CallerLock& caller);

std::shared_ptr<Executable> compile_for(const Graph& graph, const Device& device,
                                        const std::vector<std::pair<Tensor, TensorType>>& feeds,
                                        const std::vector<Tensor>& targets,
                                        const std::vector<Operation>& operations,
                                        const CallableExecutables& callables, CallerLock& caller);

}  // namespace mpsg
