// Graph::run, Graph::run_async, Graph::encode, and those of Executable.
#include <utility>

#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "runtime/executable_builder.h"
#include "runtime/executable_state.h"
#include "runtime/queues/pending_data.h"
#include "runtime/queues/run_task.h"

namespace mpsg {
namespace {

struct SplitMap {
  std::vector<Tensor> tensors;
  std::vector<TensorData> values;
  explicit SplitMap(const TensorDataMap& map) {
    for (const auto& [tensor, value] : map) {
      tensors.push_back(tensor);
      values.push_back(value);
    }
  }
};

/// Targets, and memory for some of them.
struct Targets {
  explicit Targets(const std::vector<Tensor>& of) : tensors(of), results(of.size()) {}
  explicit Targets(const TensorDataMap& map) {
    SplitMap split(map);
    tensors = std::move(split.tensors);
    results = std::move(split.values);
  }
  TensorDataMap map() const { return map_of(tensors, results); }
  static TensorDataMap map_of(const std::vector<Tensor>& tensors,
                              const std::vector<TensorData>& results) {
    TensorDataMap map;
    for (size_t i = 0; i < tensors.size(); ++i) map[tensors[i]] = results[i];
    return map;
  }
  std::vector<Tensor> tensors;
  std::vector<TensorData> results;
};

void run(const Graph& graph, const Device& device, const CommandQueue* queue,
         const TensorDataMap& feeds, Targets& targets, const std::vector<Operation>& operations) {
  CallerLock caller;
  const SplitMap given(feeds);
  const auto launch =
      launch_for({graph, device, given.tensors, given.values, targets.tensors, operations}, caller);
  std::vector<TensorData> ordered;
  for (const auto at : launch->order) ordered.push_back(given.values[static_cast<size_t>(at)]);
  run_now(*launch->executable, ordered, targets.results, caller, queue);
}

/// A descriptor's handlers, for results in a vector.
template <class Results, class Convert>
ResultsHandler converted(const std::function<void(const Results&, std::exception_ptr)>& handler,
                         Convert convert) {
  if (!handler) return nullptr;
  return [handler, convert](const std::vector<TensorData>& results,
                            const std::exception_ptr& error) { handler(convert(results), error); };
}

template <class Results, class Convert>
RunOrder order_for(std::shared_ptr<const Executable> executable,
                   const BasicExecutionDescriptor<Results>& descriptor, Convert convert) {
  RunOrder order;
  order.executable = std::move(executable);
  order.scheduled_handler = converted<Results>(descriptor.scheduled_handler, convert);
  order.completion_handler = converted<Results>(descriptor.completion_handler, convert);
  order.waits = descriptor.waits;
  order.signals = descriptor.signals;
  return order;
}

/// In a buffer, or at once.
template <class Results>
std::vector<TensorData> hand_over(const CommandBuffer* buffer, const CommandQueue& queue,
                                  RunOrder order,
                                  const BasicExecutionDescriptor<Results>& descriptor) {
  CallerLock caller;
  auto run = buffer ? encode_run(*buffer, std::move(order), caller)
                    : run_async(queue, std::move(order), caller);
  if (descriptor.wait_until_completed) {
    if (buffer) CommandBuffer(*buffer).commit_and_continue();
    PendingData(run.task).wait(caller);
  }
  return std::move(run.results);
}

void hand_over(const Graph& graph, const CommandBuffer* buffer, const CommandQueue* queue,
               const Device& device, const TensorDataMap& feeds, Targets& targets,
               const std::vector<Operation>& operations, const ExecutionDescriptor& descriptor) {
  CallerLock caller;
  const SplitMap given(feeds);
  const auto& compilation = descriptor.compilation_descriptor;
  const auto launch =
      launch_for({graph, device, given.tensors, given.values, targets.tensors, operations,
                  compilation.optimization_level != Optimization::level0},
                 caller);
  auto order = order_for(launch->executable, descriptor,
                         [tensors = targets.tensors](const std::vector<TensorData>& results) {
                           return Targets::map_of(tensors, results);
                         });
  for (const auto at : launch->order) order.feeds.push_back(given.values[static_cast<size_t>(at)]);
  order.results = targets.results;
  const CommandQueue own(launch->executable->state().queue);
  targets.results = hand_over(buffer, queue ? *queue : own, std::move(order), descriptor);
}

/// An executable's run, in its order.
std::vector<TensorData> hand_over(const Executable& executable, const CommandBuffer* buffer,
                                  const CommandQueue& queue, std::span<const TensorData> feeds,
                                  std::span<const TensorData> results,
                                  const ExecutableExecutionDescriptor& descriptor) {
  auto order = order_for(executable.state().self.lock(), descriptor,
                         [](const std::vector<TensorData>& made) { return made; });
  order.feeds.assign(feeds.begin(), feeds.end());
  order.results.assign(results.begin(), results.end());
  return hand_over(buffer, queue, std::move(order), descriptor);
}

}  // namespace

TensorDataMap Graph::run(const TensorDataMap& feeds, const std::vector<Tensor>& target_tensors,
                         const std::vector<Operation>& target_operations) {
  return run(Device(), feeds, target_tensors, target_operations);
}

TensorDataMap Graph::run(const Device& device, const TensorDataMap& feeds,
                         const std::vector<Tensor>& target_tensors,
                         const std::vector<Operation>& target_operations) {
  Targets targets(target_tensors);
  mpsg::run(*this, device, nullptr, feeds, targets, target_operations);
  return targets.map();
}

void Graph::run(const Device& device, const TensorDataMap& feeds, TensorDataMap& results,
                const std::vector<Operation>& target_operations) {
  Targets targets(results);
  mpsg::run(*this, device, nullptr, feeds, targets, target_operations);
  results = targets.map();
}

TensorDataMap Graph::run(const CommandQueue& queue, const TensorDataMap& feeds,
                         const std::vector<Tensor>& target_tensors,
                         const std::vector<Operation>& target_operations) {
  Targets targets(target_tensors);
  mpsg::run(*this, queue.device(), &queue, feeds, targets, target_operations);
  return targets.map();
}

void Graph::run(const CommandQueue& queue, const TensorDataMap& feeds, TensorDataMap& results,
                const std::vector<Operation>& target_operations) {
  Targets targets(results);
  mpsg::run(*this, queue.device(), &queue, feeds, targets, target_operations);
  results = targets.map();
}

TensorDataMap Graph::run_async(const TensorDataMap& feeds,
                               const std::vector<Tensor>& target_tensors,
                               const std::vector<Operation>& target_operations,
                               const ExecutionDescriptor& descriptor) {
  Targets targets(target_tensors);
  hand_over(*this, nullptr, nullptr, Device(), feeds, targets, target_operations, descriptor);
  return targets.map();
}

TensorDataMap Graph::run_async(const CommandQueue& queue, const TensorDataMap& feeds,
                               const std::vector<Tensor>& target_tensors,
                               const std::vector<Operation>& target_operations,
                               const ExecutionDescriptor& descriptor) {
  Targets targets(target_tensors);
  hand_over(*this, nullptr, &queue, queue.device(), feeds, targets, target_operations, descriptor);
  return targets.map();
}

void Graph::run_async(const CommandQueue& queue, const TensorDataMap& feeds, TensorDataMap& results,
                      const std::vector<Operation>& target_operations,
                      const ExecutionDescriptor& descriptor) {
  Targets targets(results);
  hand_over(*this, nullptr, &queue, queue.device(), feeds, targets, target_operations, descriptor);
  results = targets.map();
}

TensorDataMap Graph::encode(const CommandBuffer& buffer, const TensorDataMap& feeds,
                            const std::vector<Tensor>& target_tensors,
                            const std::vector<Operation>& target_operations,
                            const ExecutionDescriptor& descriptor) {
  Targets targets(target_tensors);
  hand_over(*this, &buffer, &buffer.queue(), buffer.queue().device(), feeds, targets,
            target_operations, descriptor);
  return targets.map();
}

void Graph::encode(const CommandBuffer& buffer, const TensorDataMap& feeds, TensorDataMap& results,
                   const std::vector<Operation>& target_operations,
                   const ExecutionDescriptor& descriptor) {
  Targets targets(results);
  hand_over(*this, &buffer, &buffer.queue(), buffer.queue().device(), feeds, targets,
            target_operations, descriptor);
  results = targets.map();
}

std::vector<TensorData> Executable::run(std::span<const TensorData> feeds) const {
  std::vector<TensorData> results(target_count());
  run(feeds, results);
  return results;
}

void Executable::run(std::span<const TensorData> feeds, std::span<TensorData> results) const {
  CallerLock none;
  run_now(*this, feeds, results, none);
}

std::vector<TensorData> Executable::run(const CommandQueue& queue,
                                        std::span<const TensorData> feeds) const {
  CallerLock none;
  std::vector<TensorData> results(target_count());
  run_now(*this, feeds, results, none, &queue);
  return results;
}

std::vector<TensorData> Executable::run_async(
    const CommandQueue& queue, std::span<const TensorData> feeds,
    std::span<const TensorData> results, const ExecutableExecutionDescriptor& descriptor) const {
  return hand_over(*this, nullptr, queue, feeds, results, descriptor);
}

std::vector<TensorData> Executable::encode(const CommandBuffer& buffer,
                                           std::span<const TensorData> feeds,
                                           std::span<const TensorData> results,
                                           const ExecutableExecutionDescriptor& descriptor) const {
  return hand_over(*this, &buffer, buffer.queue(), feeds, results, descriptor);
}

}  // namespace mpsg
