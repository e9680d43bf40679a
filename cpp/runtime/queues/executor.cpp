#include "runtime/queues/executor.h"

#include <chrono>
#include <system_error>

#include "graph/fork_safety.h"
#include "graph/pause_processor.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

/// After its last task the thread looks for more before it sleeps: to wake it takes who submits
/// tens of microseconds. At first it does nothing else; then whoever wants the processor gets it.
constexpr std::chrono::microseconds eager_time{50};
constexpr std::chrono::microseconds linger_time{1000};

}  // namespace

Executor::Executor() {
  auto& scheduler = Scheduler::shared();
  const auto lock = scheduler.lock();
  scheduler.executors_.push_back(this);
}

Executor::~Executor() {
  stop();
  auto& scheduler = Scheduler::shared();
  const auto lock = scheduler.lock();
  std::erase(scheduler.executors_, this);
}

void Executor::require_thread() {
  const auto lock = Scheduler::shared().lock();
  if (has_thread_) return;
  if (stopping()) throw ExecutionError("the process is ending: the device takes no more work");
  try {
    // It keeps the executor: the last task may hold the last handle on the device.
    thread_ = std::thread([self = shared_from_this()] { self->serve(); });
  } catch (const std::system_error& error) {
    throw ExecutionError(std::string("no thread for asynchronous runs: ") + error.what());
  }
  has_thread_ = true;
}

void Executor::stop() noexcept {
  std::thread thread;
  {
    const auto lock = Scheduler::shared().lock();
    stopping_ = true;
    work_.notify_all();
    thread = std::move(thread_);
    has_thread_ = false;
  }
  if (!thread.joinable()) return;
  if (thread.get_id() == std::this_thread::get_id()) thread.detach();
  else thread.join();
}

void Executor::serve() {
  auto lock = Scheduler::shared().lock();
  while (!stopping()) {
    if (first_ && !taken_) {
      work(lock);
      lock.unlock();
      linger();
      lock.lock();
      continue;
    }
    parked_ = true;
    work_.wait(lock);
    parked_ = false;
  }
}

/// Every ready task gets a step in its turn.
void Executor::work(Scheduler::Lock& lock) {
  /// What a task that runs here asks.
  class Control final : public RunControl {
   public:
    Control(Executor& executor, const Task& task) : executor_(executor), task_(task) {}
    bool should_yield() override { return executor_.others_wait() || task_.cancelled(); }
    void check() override {
      if (task_.cancelled()) throw ExecutionError("the run was cancelled");
      if (executor_.stopping())
        throw ExecutionError("the process ended before the run did; wait for its results");
    }

   private:
    Executor& executor_;
    const Task& task_;
  };
  taken_ = true;
  while (first_ && !stopping()) {
    auto task = pop();
    task->running_ = true;
    lock.unlock();
    task->started_.store(true, std::memory_order_relaxed);
    std::exception_ptr error;
    bool more = false;
    try {
      const UnforkedWork whole;
      Control control(*this, *task);
      if (stopping() && !task->cancelled()) task->abandon();
      control.check();
      more = task->advance(control);
    } catch (...) {
      error = std::current_exception();
    }
    if (!more) {
      Scheduler::shared().end(task, error);
      error = nullptr;
      task.reset();
      lock.lock();
      continue;
    }
    lock.lock();
    task->running_ = false;
    push(std::move(task));
  }
  taken_ = false;
}

void Executor::linger() const {
  const auto begin = std::chrono::steady_clock::now();
  while (!others_wait() && !stopping()) {
    const auto spent = std::chrono::steady_clock::now() - begin;
    if (spent > linger_time) return;
    if (spent > eager_time) std::this_thread::yield();
    else
      for (int i = 0; i < 8; ++i) pause_processor();
  }
}

void Executor::push(std::shared_ptr<Task> task) noexcept {
  Task* const added = task.get();
  if (last_) last_->next_ = std::move(task);
  else first_ = std::move(task);
  last_ = added;
  ready_count_.fetch_add(1, std::memory_order_relaxed);
}

std::shared_ptr<Task> Executor::pop() noexcept {
  auto task = std::move(first_);
  first_ = std::move(task->next_);
  if (!first_) last_ = nullptr;
  ready_count_.fetch_sub(1, std::memory_order_relaxed);
  return task;
}

void Executor::wake(Effects& effects) noexcept {
  if (!parked_ || !first_ || taken_) return;
  if (!effects.executor_) effects.executor_ = shared_from_this();
  else if (effects.executor_.get() != this) work_.notify_one();
}

/// The thread is the parent's, and so is what it was at work on.
void Executor::forked() {
  while (first_) new std::shared_ptr<Task>(pop());  // never ended here: it may lie half done
  taken_ = parked_ = has_thread_ = false;
  std::construct_at(&thread_);
  std::construct_at(&work_);
}

}  // namespace mpsg
