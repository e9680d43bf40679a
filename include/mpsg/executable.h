// Executable: a graph compiled for one device and given feed types (MPSGraphExecutable).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mpsg/backend.h"
#include "mpsg/command_queue.h"
#include "mpsg/device.h"
#include "mpsg/execution_descriptor.h"
#include "mpsg/export.h"
#include "mpsg/inspection.h"
#include "mpsg/tensor_data.h"

namespace mpsg {

class Task;

class MPSG_API Executable {
 public:
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  /// Runs with feeds in the order of `feed_tensors`; results in the order of `target_tensors`.
  /// Throws FeedError, ExecutionError.
  std::vector<TensorData> run(std::span<const TensorData> feeds) const;
  /// As above. A result that has memory is written there; the others get memory. Memory of a result
  /// may be that of a feed, but not a part of it. Allocates nothing once it ran before.
  void run(std::span<const TensorData> feeds, std::span<TensorData> results) const;
  /// As above, after what was committed to the queue.
  std::vector<TensorData> run(const CommandQueue& queue, std::span<const TensorData> feeds) const;

  /// Begins a run and returns at once; see Graph::run_async. `results`: empty, or memory for them
  /// (an empty TensorData: none).
  std::vector<TensorData> run_async(const CommandQueue& queue, std::span<const TensorData> feeds,
                                    std::span<const TensorData> results = {},
                                    const ExecutableExecutionDescriptor& descriptor = {}) const;
  /// Appends a run to a command buffer; see Graph::encode.
  std::vector<TensorData> encode(const CommandBuffer& buffer, std::span<const TensorData> feeds,
                                 std::span<const TensorData> results = {},
                                 const ExecutableExecutionDescriptor& descriptor = {}) const;

  /// Compiles for other feed types, so that their first run need not. They must fit the
  /// placeholders. Throws FeedError, GraphError.
  void specialize(const std::vector<TensorType>& input_types) const;
  /// The types of the results for given feeds; compiles for them. Throws FeedError, GraphError.
  std::vector<TensorType> output_types(const std::vector<TensorType>& input_types) const;
  /// A rough guess of a run's length, from bytes and operations: is it worth waking others?
  double estimated_seconds() const;

  std::vector<Tensor> feed_tensors() const;
  const std::vector<TensorType>& feed_types() const;
  std::vector<Tensor> target_tensors() const;
  /// A size of -1 depends on what is fed, or is known only after a run.
  std::vector<TensorType> output_types() const;
  size_t target_count() const;
  const Device& device() const;

  MemoryReport memory() const;
  // Where a size is known only after a part of the graph ran (that of non_zero_indices), what
  // follows is about this part; the rest is compiled when the size is known. Of an executable with
  // open sizes it is about the last ones it was compiled for, and throws GraphError before.

  /// One entry per step, in order.
  std::vector<KernelInfo> kernels() const;
  /// Generated code of a step's kernel; empty if it has none.
  std::string source(size_t step) const;
  /// What runs together, one entry per step; tensors are those of `memory`.
  std::vector<RegionInfo> regions() const;
  /// Which step reads what which other step made.
  std::vector<EdgeInfo> edges() const;
  /// Times every kernel over some runs. They are real runs: variables change.
  Profile profile(std::span<const TensorData> feeds, int runs = 20) const;
  /// The plan as text: steps, values, offsets.
  std::string to_text() const;
  /// About how many bytes it keeps: constants, plan, code.
  size_t resident_bytes() const;

  /// What the runtime keeps with it.
  struct State;
  /// Waits for a compilation that goes on, and throws its error.
  const State& state() const;
  /// That compilation; nullptr: there was none.
  const std::shared_ptr<Task>& compilation() const;

 private:
  friend class ExecutableBuilder;
  Executable();
  const State& inspected() const;
  std::shared_ptr<State> state_;
};

}  // namespace mpsg
