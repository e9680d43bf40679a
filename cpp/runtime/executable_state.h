// What an Executable holds. Private to the runtime.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "compiler/plan.h"
#include "mpsg/executable.h"
#include "runtime/graph_runtime.h"
#include "runtime/stages.h"

namespace mpsg {

/// What one run works with. Kept for the next one, so that nothing is allocated.
struct RunFrame {
  std::unique_ptr<Program::Context> context;
  std::vector<const void*> feeds;
  std::vector<void*> results;
  std::vector<void*> variables;
  std::vector<TensorData> copies;  // of results whose memory is that of a feed
  std::vector<StepTime> times;     // for MPSG_DEBUG
};

/// Frames that no run uses now. Without a lock, which a fork might find taken.
class RunFrames {
 public:
  RunFrames() = default;
  ~RunFrames();
  RunFrames(const RunFrames&) = delete;
  RunFrames& operator=(const RunFrames&) = delete;
  /// nullptr: there is none.
  std::unique_ptr<RunFrame> take() noexcept;
  void give(std::unique_ptr<RunFrame> frame) noexcept;

 private:
  std::array<std::atomic<RunFrame*>, 4> slots_{};
};

struct Specializations;

struct Executable::State {
  std::weak_ptr<const Executable> self;
  std::weak_ptr<GraphData> graph;   // the graph's cache owns executables, not the reverse
  GraphRuntime* runtime = nullptr;  // lives as long as the graph
  Device device;
  std::shared_ptr<QueueState> queue;  // the graph's own for the device
  std::vector<TensorId> feeds;
  std::vector<TensorType> feed_types;
  std::vector<std::shared_ptr<const Bytes>> feed_values;  // what a shape was decided by
  std::vector<TensorId> targets;
  std::vector<OperationId> operations;
  Callables callables;
  bool stitch = true;
  std::vector<TensorType> target_types;
  std::vector<VariableUse> variables;  // as the plan lists them
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<Program> program;
  std::unique_ptr<const Stages> stages;  // if so, plan and program are those of the first one
  double estimated_seconds = 0;
  MemoryReport memory;
  mutable std::atomic<bool> memory_checked{false};
  mutable RunFrames frames;
  std::shared_ptr<Task> compilation;  // goes on, or went on, on another thread; nullptr: none did
  std::shared_ptr<Specializations> specializations;

  std::shared_ptr<GraphData> require_graph() const;
  /// Are there sizes for which it is compiled when they are fed?
  bool open() const { return !plan && !stages; }
  /// The peak is known before the run: an error that names the culprits beats a killed process.
  void check_memory() const;
};

}  // namespace mpsg
