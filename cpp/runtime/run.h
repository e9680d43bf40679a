// One run of an executable: its memory, where it stands, what it does to variables.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "runtime/executable_state.h"

namespace mpsg {

/// The control of a run that several work for, one after the other.
class ForwardControl final : public RunControl {
 public:
  bool should_yield() override { return current->should_yield(); }
  void check() override { current->check(); }
  RunControl* current = nullptr;
};

class Run {
 public:
  /// Checks feeds and results against the executable; results without memory get some. Feeds may be
  /// pending if their memory is known. `times`: empty, or one for each step. The memory of all of
  /// them must stay until the run is over. Throws FeedError, ExecutionError.
  Run(const Executable& executable, std::span<const TensorData> feeds,
      std::span<TensorData> results, std::span<StepTime> times = {});
  /// A run that is not over counts as failed: variables it was writing hold nothing.
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Once its turn has come. `control` must stay until the run is over.
  void begin(RunControl* control);
  /// The next steps; false: it is over. Throws what the program throws, and tells which variables
  /// were updated.
  bool advance();
  /// Nobody goes on with it: if it is not over, it failed.
  void abandon() noexcept;

 private:
  void take_feeds(std::span<const TensorData> feeds);
  void take_results(std::span<const TensorData> feeds, std::span<TensorData> results);
  void check_overlap(std::span<const TensorData> feeds, std::span<TensorData> results, size_t i);
  void succeed();
  std::string fail(const std::string& reason) noexcept;

  const Executable& executable_;
  const Executable::State& state_;
  std::shared_ptr<GraphData> graph_;
  std::unique_ptr<RunFrame> frame_;
  std::span<TensorData> results_;
  std::span<StepTime> times_;
  uint64_t number_;
  bool in_progress_ = false;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace mpsg
