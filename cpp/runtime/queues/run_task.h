// Runs of executables, as work of a queue.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "mpsg/command_queue.h"
#include "mpsg/executable.h"
#include "mpsg/execution_descriptor.h"
#include "runtime/caller_lock.h"

namespace mpsg {

class Task;

/// Told of a run's results; `error` is empty if they are there.
using ResultsHandler =
    std::function<void(std::vector<TensorData> results, std::exception_ptr error)>;

/// A run for a queue.
struct RunOrder {
  std::shared_ptr<const Executable> executable;
  std::vector<TensorData> feeds;
  std::vector<TensorData> results;  // those with memory are written there
  ResultsHandler scheduled_handler, completion_handler;
  std::vector<EventValue> waits, signals;
};

/// A run that was handed over.
struct EncodedRun {
  std::vector<TensorData> results;  // pending
  std::shared_ptr<Task> task;
};
/// Appends the run to what the buffer will commit. Throws FeedError, ExecutionError.
EncodedRun encode_run(const CommandBuffer& buffer, RunOrder order, CallerLock& caller);
/// Commits the run alone.
EncodedRun run_async(const CommandQueue& queue, RunOrder order, CallerLock& caller);

/// Runs now: on this thread if the device is idle, else in its turn. With a queue: after what was
/// committed to it; without, to the graph's own. The caller's lock is let go if that takes long.
/// `times`: empty, or one for each step.
void run_now(const Executable& executable, std::span<const TensorData> feeds,
             std::span<TensorData> results, CallerLock& caller, const CommandQueue* queue = nullptr,
             std::span<StepTime> times = {});

/// Throws FeedError if the queue is another device's.
void check_queue(const Executable& executable, const CommandQueue& queue);

}  // namespace mpsg
