// When each task's turn comes: after the queue's last one, the writers of its variables, the events
// and the results it needs. One lock for all devices; what is done under it is a few list
// operations.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "runtime/caller_lock.h"
#include "runtime/queues/task.h"
#include "runtime/variable_memory.h"

namespace mpsg {

class Executor;
class EventTimeline;

/// The order of a queue: its last task.
struct QueueOrder {
  std::shared_ptr<Task> last;
};

/// A task and what it comes after.
struct Submission {
  std::shared_ptr<Task> task;
  QueueOrder* queue = nullptr;
  std::span<const VariableUse> variables;
  std::vector<std::shared_ptr<Task>> after;
  EventTimeline* event = nullptr;  // the task is a wait for this event
  uint64_t event_value = 0;
};

/// A run on its caller's thread, on an idle device: it is a task only if it gives way to others.
struct DirectRun {
  QueueOrder* queue = nullptr;
  std::span<const VariableUse> variables;
  std::vector<std::shared_ptr<Task>> dependents;
  DirectRun* next = nullptr;
};

/// What is to be done when the lock is let go: waking a thread takes tens of microseconds.
class Effects {
 public:
  Effects() = default;
  Effects(const Effects&) = delete;
  Effects& operator=(const Effects&) = delete;
  /// Wakes threads, runs tasks that need no device. Without the lock.
  void apply() noexcept;

 private:
  friend class Scheduler;
  friend class EventTimeline;
  friend class Executor;
  void add_immediate(std::shared_ptr<Task> task) noexcept;
  void add_waiters(std::shared_ptr<Waiter> waiters) noexcept;

  std::shared_ptr<Task> immediate_;
  Task* last_immediate_ = nullptr;
  std::shared_ptr<Waiter> waiters_;
  std::shared_ptr<Executor> executor_;
};

class Scheduler {
 public:
  /// The one of this process. It outlives everything.
  static Scheduler& shared();
  using Lock = std::unique_lock<std::mutex>;
  Lock lock() { return Lock(mutex_); }

  /// In this order, at once. Throws std::bad_alloc, ExecutionError; then nothing was submitted.
  void submit(std::span<Submission> submissions);
  /// The task is over. For tasks that end themselves; the scheduler does it for the others.
  void end(std::shared_ptr<Task> task, std::exception_ptr error) noexcept;
  /// Until it is done; throws Interrupted, and ExecutionError for a task that was never submitted.
  /// The task's own error is left to the caller.
  void wait(Task& task, CallerLock& caller);
  /// The same, not longer than a time; false: it is not done.
  bool wait_for(Task& task, CallerLock& caller,
                std::optional<std::chrono::steady_clock::time_point> until);
  /// The task will do no more: true, after `stopped` was called, which must be short. False: it is
  /// at work just now.
  bool cancel(Task& task, const std::function<void()>& stopped);

  /// Takes the device for a run on this thread, if it is idle and nothing in flight must come
  /// before. `run` stays linked until `leave`.
  bool try_enter(Executor& executor, DirectRun& run);
  void leave(Executor& executor, DirectRun& run) noexcept;
  /// The run becomes a task, first in line; the device is free.
  void give_way(Executor& executor, DirectRun& run, std::shared_ptr<Task> as);

  /// Ends whatever can still run; what waits for an event that nobody signals fails. For the end
  /// of the process. Later submissions are refused.
  void finish(CallerLock& caller);

 private:
  friend class EventTimeline;
  friend class Executor;
  friend class Effects;
  Scheduler();

  void link(const Submission& submission) noexcept;
  void depend(const std::shared_ptr<Task>& task, const std::shared_ptr<Task>& on) noexcept;
  void reserve(const Submission& submission, size_t more);
  void make_ready(std::shared_ptr<Task> task, Effects& effects) noexcept;
  void release(std::vector<std::shared_ptr<Task>>& dependents, Effects& effects) noexcept;
  void finish_locked(Task& task, std::exception_ptr error, Effects& effects) noexcept;
  bool conflicts(const DirectRun& run) const;
  void forked();

  std::mutex mutex_;
  Task* first_in_flight_ = nullptr;
  Task* last_in_flight_ = nullptr;
  DirectRun* direct_ = nullptr;
  std::vector<Executor*> executors_;
  bool finished_ = false;
};

}  // namespace mpsg
