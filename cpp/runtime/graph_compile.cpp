// Graph::compile, and executables for other feed types.
#include <algorithm>
#include <atomic>
#include <utility>

#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "runtime/executable_builder.h"
#include "runtime/executable_state.h"
#include "runtime/key_writer.h"
#include "runtime/queues/command_state.h"
#include "runtime/specializations.h"

namespace mpsg {

std::shared_ptr<Executable> compile_for(const Graph& graph, const Device& device,
                                        const std::vector<std::pair<Tensor, TensorType>>& feeds,
                                        const std::vector<Tensor>& targets,
                                        const std::vector<Operation>& operations,
                                        const CompilationDescriptor& descriptor,
                                        CallerLock& caller) {
  CompileOptions options;
  options.stitch = descriptor.optimization_level != Optimization::level0;
  for (const auto& [symbol, callable] : descriptor.callables) {
    if (!callable) throw GraphError("the callable '" + symbol + "' is no executable");
    options.callables[symbol] = ExecutableBuilder::callable_of(*callable);
  }
  std::vector<FeedType> types;
  for (const auto& [tensor, type] : feeds) {
    if (!tensor || tensor.graph_data() != graph.data())
      throw FeedError("a tensor of another graph was given as a feed");
    require_placeholder(graph, tensor);
    if (!type.shape.has_rank())
      throw FeedError("placeholder '" + tensor.name() +
                      "': its rank must be known to compile; give a shape, with -1 for sizes that "
                      "are open");
    check_feed(tensor, tensor.type(), type);
    if (std::ranges::any_of(types, [&](const auto& other) { return other.placeholder == tensor; }))
      throw FeedError("placeholder '" + tensor.name() + "' is given twice");
    types.push_back({tensor, type, nullptr});
  }
  for (const auto& needed : needed_feeds(graph, targets, operations))
    if (std::ranges::none_of(
            types, [&](const auto& f) { return f.placeholder.id() == needed.placeholder; }))
      throw FeedError("the targets need placeholder " +
                      graph.data()->describe(needed.placeholder.operation) +
                      ", which is not among the feeds");
  // Whoever holds the executable holds its graph; those in the cache belong to theirs.
  struct Held {
    std::shared_ptr<GraphData> graph;
    std::shared_ptr<Executable> executable;
  };
  const auto hold = [data = graph.data()](std::shared_ptr<Executable> executable) {
    const auto held = std::make_shared<Held>(Held{data, std::move(executable)});
    return std::shared_ptr<Executable>(held, held->executable.get());
  };
  const auto& handler = descriptor.compilation_completion_handler;
  if (handler) HandlerLane::require_threads();
  const auto tell = [hold, handler](const std::shared_ptr<Executable>& made,
                                    std::exception_ptr error) {
    if (!handler) return;
    std::make_shared<HandlerLane>()->post([hold, handler, made, error] {
      call_handler("compilation", [&] { handler(error ? nullptr : hold(made), error); });
    });
  };
  const CompileRequest request{graph, device, types, targets, operations, options};
  if (!descriptor.wait_for_compilation_completion)
    return hold(ExecutableBuilder::build_later(request, caller, tell));
  std::shared_ptr<Executable> made;
  try {
    made = ExecutableBuilder::build(request, caller);
  } catch (...) {
    tell(nullptr, std::current_exception());
    throw;
  }
  ExecutableBuilder::may_be_specialized(*made);
  tell(made, nullptr);
  return hold(std::move(made));
}

std::shared_ptr<Executable> Graph::compile(const Device& device,
                                           const std::vector<std::pair<Tensor, TensorType>>& feeds,
                                           const std::vector<Tensor>& target_tensors,
                                           const std::vector<Operation>& target_operations,
                                           const CompilationDescriptor& descriptor) {
  CallerLock caller;
  return compile_for(*this, device, feeds, target_tensors, target_operations, descriptor, caller);
}

std::shared_ptr<Executable> ExecutableBuilder::build_later(
    CompileRequest request, CallerLock& caller,
    std::function<void(const std::shared_ptr<Executable>&, std::exception_ptr)> done) {
  HandlerLane::require_threads();
  auto executable = describe(request);
  for (const auto& target : request.targets)
    if (!target) throw GraphError("a target tensor is none");
  may_be_specialized(*executable);
  const auto task = std::make_shared<Milestone>();
  executable->state_->compilation = task;
  Submission submission;
  submission.task = task;
  Scheduler::shared().submit({&submission, 1});
  std::make_shared<HandlerLane>()->post([executable, task, request = std::move(request),
                                         in_background = caller.in_background(),
                                         done = std::move(done)] {
    std::exception_ptr error;
    try {
      in_background([&](CallerLock& lock) { complete(*executable, request, lock); });
    } catch (...) {
      error = std::current_exception();
    }
    Scheduler::shared().end(task, error);
    done(executable, error);
  });
  return executable;
}

void ExecutableBuilder::may_be_specialized(Executable& executable) {
  executable.state_->specializations = std::make_shared<Specializations>();
}

}  // namespace mpsg
