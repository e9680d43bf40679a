// Who works for a device: a thread that takes the ready tasks in turn, a step of each, or, while
// nothing waits, the thread that calls run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <thread>

#include "runtime/queues/scheduler.h"

namespace mpsg {

class Executor : public std::enable_shared_from_this<Executor> {
 public:
  Executor();
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Do tasks wait for the device?
  bool others_wait() const { return ready_count_.load(std::memory_order_relaxed) > 0; }
  /// Is the process ending?
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  /// Starts the thread if there is none. Throws ExecutionError.
  void require_thread();
  /// Ends the thread; a run in progress fails at its next step.
  void stop() noexcept;

 private:
  friend class Scheduler;
  friend class Effects;
  void serve();
  void work(Scheduler::Lock& lock);
  void linger() const;

  // With the scheduler's lock.
  void push(std::shared_ptr<Task> task) noexcept;
  std::shared_ptr<Task> pop() noexcept;
  void wake(Effects& effects) noexcept;
  void forked();

  std::shared_ptr<Task> first_;
  Task* last_ = nullptr;
  bool taken_ = false;  // somebody works for the device
  bool parked_ = false;
  bool has_thread_ = false;
  std::atomic<int> ready_count_{0};
  std::atomic<bool> stopping_{false};
  std::condition_variable work_;
  std::thread thread_;
};

}  // namespace mpsg
