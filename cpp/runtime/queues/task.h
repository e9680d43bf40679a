// Work that waits for other work: the nodes of the graph that queues, variables, events and results
// of earlier runs make. The scheduler (scheduler.h) decides when a task's turn has come.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <vector>

#include "mpsg/backend.h"

namespace mpsg {

class Executor;

/// A thread that waits for the end of a task.
struct Waiter {
  std::condition_variable woken;
  std::shared_ptr<Waiter> next;  // of the same task
};

class Task : public std::enable_shared_from_this<Task> {
 public:
  /// `executor`: of the device that the work needs; nullptr: it needs none, and is done by whoever
  /// ends what it waited for.
  explicit Task(Executor* executor) : executor_(executor) {}
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  bool done() const { return done_.load(std::memory_order_acquire); }
  /// Of a task that is done; nullptr: it succeeded.
  const std::exception_ptr& error() const { return error_; }
  /// Did its turn come?
  bool started() const { return started_.load(std::memory_order_relaxed); }
  /// Its next part throws instead of working.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 protected:
  /// A part of the work, with no lock held. True: more is left (of a task without an executor:
  /// somebody calls Scheduler::end for it). What it throws is the task's error.
  virtual bool advance(RunControl& control) = 0;
  /// The process ends before the work is done: what is half done is told.
  virtual void abandon() noexcept {}
  /// Once, when it is done, with no lock held.
  virtual void ended() noexcept {}

 private:
  friend class Scheduler;
  friend class Effects;
  friend class Executor;
  Executor* const executor_;
  std::atomic<bool> done_{false};
  std::atomic<bool> started_{false};
  std::atomic<bool> cancelled_{false};
  std::exception_ptr error_;  // written before done_

  // With the scheduler's lock.
  bool submitted_ = false;
  bool running_ = false;
  int waits_for_ = 0;
  std::vector<std::shared_ptr<Task>> dependents_;
  std::shared_ptr<Waiter> waiters_;
  std::shared_ptr<Task> next_;  // in a list of ready ones
  Task* later_ = nullptr;       // among all that were submitted and are not done
  Task* earlier_ = nullptr;
};

/// Ended by its owner, with Scheduler::end.
class Milestone final : public Task {
 public:
  Milestone() : Task(nullptr) {}

 protected:
  bool advance(RunControl&) override { return true; }
};

}  // namespace mpsg
