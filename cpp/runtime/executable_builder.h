// From a call of Graph::run or Graph::compile to an executable.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "compiler/passes.h"
#include "mpsg/executable.h"
#include "runtime/executable_cache.h"

namespace mpsg {

struct Stages;

/// What is to be compiled.
struct CompileRequest {
  Graph graph;
  Device device;
  std::vector<FeedType> feeds;
  std::vector<Tensor> targets;
  std::vector<Operation> operations;
  CompileOptions options;
};

/// Compiles executables; the one friend of Executable.
class ExecutableBuilder {
 public:
  /// If a feed's size is not known, it is compiled when that is fed.
  static std::shared_ptr<Executable> build(const CompileRequest& request, CallerLock& caller);
  /// The same on another thread; `done` is called there, with the error if there is one.
  static std::shared_ptr<Executable> build_later(
      CompileRequest request, CallerLock& caller,
      std::function<void(const std::shared_ptr<Executable>&, std::exception_ptr)> done);
  /// From now on it may be run with other feed types.
  static void may_be_specialized(Executable& executable);
  /// The executable, to be called. Throws GraphError if it cannot be.
  static std::shared_ptr<const Callable> callable_of(const Executable& executable);
  /// What remains after the first stage, for what that made.
  static std::shared_ptr<const Executable> next_stage(const Executable& executable,
                                                      std::span<const TensorData> made,
                                                      CallerLock& caller);

 private:
  static std::shared_ptr<Executable> describe(const CompileRequest& request);
  /// Compiles it; if a feed's size is open, notes what is known of the results.
  static void complete(Executable& executable, const CompileRequest& request, CallerLock& caller);
  static void compile(Executable& executable, const CompileRequest& request, CallerLock& caller);
  static void take_stages(Executable& executable, Stages stages);
};

/// The operations whose values decide shapes, among those that are live.
std::vector<bool> shape_deciders(const GraphData& graph, const std::vector<bool>& live);

/// Throws FeedError for anything else, and for one of another graph.
void require_placeholder(const Graph& graph, const Tensor& tensor);

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
  bool stitch = true;
};

/// The way to run it: that of the last call of this kind, or a new one, compiled if need be.
/// Throws GraphError, FeedError, ExecutionError.
std::shared_ptr<const Launch> launch_for(const RunRequest& request, CallerLock& caller);

std::shared_ptr<Executable> compile_for(const Graph& graph, const Device& device,
                                        const std::vector<std::pair<Tensor, TensorType>>& feeds,
                                        const std::vector<Tensor>& targets,
                                        const std::vector<Operation>& operations,
                                        const CompilationDescriptor& descriptor,
                                        CallerLock& caller);

}  // namespace mpsg
