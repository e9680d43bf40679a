#include "runtime/queues/scheduler.h"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "graph/fork_safety.h"
#include "mpsg/error.h"
#include "runtime/queues/event_timeline.h"
#include "runtime/queues/executor.h"
#include "runtime/queues/handler_lane.h"

namespace mpsg {
namespace {

using Clock = std::chrono::steady_clock;

/// Before a thread sleeps it looks again for a while: many runs are shorter than a wake-up.
constexpr std::chrono::microseconds patience{30};

/// What tasks without a device ask: nothing stops them.
class NoControl final : public RunControl {
 public:
  bool should_yield() override { return false; }
  void check() override {}
};

/// Room for `more`, growing by halves and not by one.
template <class T>
void make_room(std::vector<T>& list, size_t more) {
  if (list.capacity() - list.size() >= more) return;
  list.reserve(std::max(list.size() + more, list.capacity() * 2));
}

bool both_and_one_writes(std::span<const VariableUse> some, std::span<const VariableUse> others) {
  for (const auto& one : some)
    for (const auto& other : others)
      if (one.variable == other.variable && (one.writes || other.writes)) return true;
  return false;
}

/// This thread's own, kept for its next wait. A second one where it waits while it waits (in a
/// signal handler).
std::shared_ptr<Waiter> own_waiter() {
  thread_local const auto own = std::make_shared<Waiter>();
  return own.use_count() == 1 ? own : std::make_shared<Waiter>();
}

bool pending(const std::shared_ptr<Task>& task) { return task && !task->done(); }

}  // namespace

Scheduler::Scheduler() {
  at_fork({[] { shared().mutex_.lock(); }, [] { shared().mutex_.unlock(); },
           [] {
             shared().forked();
             shared().mutex_.unlock();
           }});
}

Scheduler& Scheduler::shared() {
  static auto* const scheduler = new Scheduler();
  return *scheduler;
}

/// Everything that may fail, before anything is changed. `more`: how many are submitted together;
/// all may follow one task.
void Scheduler::reserve(const Submission& submission, size_t more) {
  const auto followed = [more](const std::shared_ptr<Task>& task) {
    if (pending(task)) make_room(task->dependents_, more);
  };
  if (submission.queue) followed(submission.queue->last);
  for (const auto& task : submission.after) followed(task);
  for (const auto& use : submission.variables) {
    followed(use.variable->writer);
    for (const auto& reader : use.variable->readers) followed(reader);
    make_room(use.variable->readers, more);
  }
  for (auto* run = direct_; run; run = run->next) make_room(run->dependents, more);
  if (submission.event) submission.event->make_room(more);
}

/// All edges of one task are added in a row, so a double one is the last of its list.
void Scheduler::depend(const std::shared_ptr<Task>& task,
                       const std::shared_ptr<Task>& on) noexcept {
  if (!pending(on) || on == task) return;
  if (!on->dependents_.empty() && on->dependents_.back() == task) return;
  on->dependents_.push_back(task);
  ++task->waits_for_;
}

void Scheduler::link(const Submission& submission) noexcept {
  const auto& task = submission.task;
  task->submitted_ = true;
  task->earlier_ = last_in_flight_;
  (last_in_flight_ ? last_in_flight_->later_ : first_in_flight_) = task.get();
  last_in_flight_ = task.get();
  for (const auto& other : submission.after) depend(task, other);
  if (submission.queue) {
    depend(task, submission.queue->last);
    submission.queue->last = task;
  }
  for (auto* run = direct_; run; run = run->next)
    if ((submission.queue && run->queue == submission.queue) ||
        both_and_one_writes(submission.variables, run->variables)) {
      run->dependents.push_back(task);
      ++task->waits_for_;
    }
  for (const auto& use : submission.variables) {
    auto& variable = *use.variable;
    depend(task, variable.writer);
    if (use.writes) {
      for (const auto& reader : variable.readers) depend(task, reader);
      variable.readers.clear();
      variable.writer = task;
    } else {
      std::erase_if(variable.readers, [](const auto& reader) { return reader->done(); });
      variable.readers.push_back(task);
    }
  }
}

void Scheduler::submit(std::span<Submission> submissions) {
  for (const auto& submission : submissions)
    if (submission.task->executor_) submission.task->executor_->require_thread();
  Effects effects;
  {
    const auto held = lock();
    if (finished_) throw ExecutionError("the process is ending: nothing can be submitted any more");
    for (const auto& submission : submissions) {
      reserve(submission, submissions.size());
      // Those of one batch wait for each other.
      make_room(submission.task->dependents_, submissions.size());
    }
    for (const auto& submission : submissions) {
      link(submission);
      auto& task = *submission.task;
      if (submission.event) {
        submission.event->attach(submission.task, submission.event_value, effects);
      } else if (task.waits_for_ == 0) {
        make_ready(submission.task, effects);
      }
    }
  }
  effects.apply();
}

void Scheduler::make_ready(std::shared_ptr<Task> task, Effects& effects) noexcept {
  if (auto* const executor = task->executor_) {
    executor->push(std::move(task));
    executor->wake(effects);
    return;
  }
  effects.add_immediate(std::move(task));
}

void Scheduler::release(std::vector<std::shared_ptr<Task>>& dependents, Effects& effects) noexcept {
  for (auto& task : dependents)
    if (--task->waits_for_ == 0 && !task->done()) make_ready(std::move(task), effects);
  dependents.clear();
}

void Scheduler::finish_locked(Task& task, std::exception_ptr error, Effects& effects) noexcept {
  (task.earlier_ ? task.earlier_->later_ : first_in_flight_) = task.later_;
  (task.later_ ? task.later_->earlier_ : last_in_flight_) = task.earlier_;
  task.earlier_ = task.later_ = nullptr;
  task.running_ = false;
  task.error_ = std::move(error);
  task.done_.store(true, std::memory_order_release);
  if (task.waiters_) effects.add_waiters(std::move(task.waiters_));
  release(task.dependents_, effects);
}

void Scheduler::end(std::shared_ptr<Task> task, std::exception_ptr error) noexcept {
  Effects effects;
  {
    const auto held = lock();
    if (task->done()) return;  // failed by `finish` or a fork
    finish_locked(*task, std::move(error), effects);
  }
  task->ended();
  effects.apply();
}

void Effects::add_immediate(std::shared_ptr<Task> task) noexcept {
  Task* const added = task.get();
  if (last_immediate_) last_immediate_->next_ = std::move(task);
  else immediate_ = std::move(task);
  last_immediate_ = added;
}

void Effects::add_waiters(std::shared_ptr<Waiter> waiters) noexcept {
  auto* end = &waiters_;
  while (*end) end = &(*end)->next;
  *end = std::move(waiters);
}

/// Not by recursion: a chain of tasks that need no device may be long.
void Effects::apply() noexcept {
  auto& scheduler = Scheduler::shared();
  while (waiters_ || executor_ || immediate_) {
    // A list of one, almost always. `next` belongs to the waiting thread as soon as it is woken.
    while (waiters_) {
      const auto waiter = std::exchange(waiters_, std::move(waiters_->next));
      waiter->woken.notify_one();
    }
    if (const auto executor = std::move(executor_)) executor->work_.notify_one();
    if (!immediate_) continue;
    const auto task = std::move(immediate_);
    immediate_ = std::move(task->next_);
    if (!immediate_) last_immediate_ = nullptr;
    std::exception_ptr error;
    bool ends_itself = false;
    try {
      NoControl control;
      task->started_.store(true, std::memory_order_relaxed);
      ends_itself = task->advance(control);
    } catch (...) {
      error = std::current_exception();
    }
    if (ends_itself) continue;
    {
      const auto held = scheduler.lock();
      if (task->done()) continue;
      scheduler.finish_locked(*task, std::move(error), *this);
    }
    task->ended();
  }
}

void Scheduler::wait(Task& task, CallerLock& caller) { wait_for(task, caller, std::nullopt); }

bool Scheduler::wait_for(Task& task, CallerLock& caller, std::optional<Clock::time_point> until) {
  if (task.done()) return true;
  const CallerUnlocked unlocked(caller);
  if (!until || *until > Clock::now() + patience) {
    const auto end = Clock::now() + patience;
    while (!task.done() && Clock::now() < end) std::this_thread::yield();
    if (task.done()) return true;
  }
  const auto waiter = own_waiter();
  auto held = lock();
  if (task.done()) return true;
  if (!task.submitted_)
    throw ExecutionError(
        "the command buffer in which this was encoded has not been committed: nothing will come");
  waiter->next = std::exchange(task.waiters_, waiter);
  bool interrupted = false;
  while (!interrupted) {
    auto look = Clock::now() + between_looks;
    if (until) {
      if (Clock::now() >= *until) break;
      look = std::min(look, *until);
    }
    waiter->woken.wait_until(held, look);
    if (task.done()) return true;
    held.unlock();
    interrupted = caller.interrupted();
    held.lock();
    if (task.done()) return true;
  }
  auto* link = &task.waiters_;
  while (*link != waiter) link = &(*link)->next;
  *link = std::move(waiter->next);
  if (interrupted) throw Interrupted();
  return false;
}

bool Scheduler::cancel(Task& task, const std::function<void()>& stopped) {
  const auto held = lock();
  task.cancel();
  if (task.running_) return false;
  stopped();  // with the lock: what comes after the task must find it so
  return true;
}

bool Scheduler::conflicts(const DirectRun& run) const {
  if (run.queue && pending(run.queue->last)) return true;
  for (const auto& use : run.variables) {
    if (pending(use.variable->writer)) return true;
    if (use.writes && std::ranges::any_of(use.variable->readers, pending)) return true;
  }
  // Another device may use a variable of the graph right now.
  for (const auto* other = direct_; other; other = other->next)
    if (both_and_one_writes(run.variables, other->variables)) return true;
  return false;
}

bool Scheduler::try_enter(Executor& executor, DirectRun& run) {
  const auto held = lock();
  if (executor.taken_ || executor.first_) return false;
  if ((first_in_flight_ || direct_) && conflicts(run)) return false;
  executor.taken_ = true;
  run.next = std::exchange(direct_, &run);
  return true;
}

void Scheduler::leave(Executor& executor, DirectRun& run) noexcept {
  Effects effects;
  {
    const auto held = lock();
    auto** link = &direct_;
    while (*link != &run) link = &(*link)->next;
    *link = run.next;
    executor.taken_ = false;
    release(run.dependents, effects);
    executor.wake(effects);
  }
  effects.apply();
}

void Scheduler::give_way(Executor& executor, DirectRun& run, std::shared_ptr<Task> as) {
  executor.require_thread();
  Effects effects;
  auto held = lock();
  for (const auto& use : run.variables) make_room(use.variable->readers, 1);
  auto** place = &direct_;
  while (*place != &run) place = &(*place)->next;
  *place = run.next;
  as->submitted_ = true;
  as->earlier_ = last_in_flight_;
  (last_in_flight_ ? last_in_flight_->later_ : first_in_flight_) = as.get();
  last_in_flight_ = as.get();
  as->dependents_ = std::move(run.dependents);
  // What was submitted since comes after it already; what will be finds it here.
  if (run.queue && !pending(run.queue->last)) run.queue->last = as;
  for (const auto& use : run.variables) {
    if (!use.writes) use.variable->readers.push_back(as);
    else if (!pending(use.variable->writer)) use.variable->writer = as;
  }
  executor.push(std::move(as));
  executor.taken_ = false;
  executor.wake(effects);
  held.unlock();
  effects.apply();
}

void Scheduler::finish(CallerLock& caller) {
  const CallerUnlocked unlocked(caller);
  const auto busy = [&] {
    if (HandlerLane::any_busy()) return true;
    const auto held = lock();
    if (std::ranges::any_of(executors_, [](const auto* e) { return e->taken_ || e->first_; }))
      return true;
    for (const auto* task = first_in_flight_; task; task = task->later_)
      if (!task->executor_ && task->started()) return true;
    return false;
  };
  bool interrupted = false;
  while (busy() && !(interrupted = caller.interrupted()))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  Effects effects;
  std::vector<std::shared_ptr<Executor>> executors;
  {
    const auto held = lock();
    finished_ = true;
    for (auto* executor : executors_) executors.push_back(executor->shared_from_this());
  }
  for (const auto& executor : executors) executor->stop();
  std::vector<std::shared_ptr<Task>> left, unreachable;
  {
    const auto held = lock();
    const auto error = std::make_exception_ptr(
        ExecutionError("the process ended before this run, which waited for an event or a run"));
    for (auto* executor : executors_)
      while (executor->first_) unreachable.push_back(executor->pop());
    while (auto* const task = first_in_flight_) {
      left.push_back(task->shared_from_this());
      std::ranges::move(task->dependents_, std::back_inserter(unreachable));
      task->dependents_.clear();
      Effects none;  // nothing depends on it any more, but somebody may wait
      finish_locked(*task, error, none);
      for (auto waiter = none.waiters_; waiter; waiter = waiter->next) waiter->woken.notify_one();
    }
  }
  for (const auto& task : left) task->ended();
  HandlerLane::finish(!interrupted);
}

/// In the child of a fork: what the parent had in flight will not come to an end here.
void Scheduler::forked() {
  for (auto* executor : executors_) executor->forked();
  direct_ = nullptr;
  const auto error = std::make_exception_ptr(
      ExecutionError("the run was in flight when the process forked; it goes on in the parent"));
  while (auto* const task = first_in_flight_) {
    // Never destroyed: its thread left it as it was.
    new std::shared_ptr<Task>(task->shared_from_this());
    for (auto& dependent : task->dependents_) new std::shared_ptr<Task>(std::move(dependent));
    task->dependents_.clear();
    new std::shared_ptr<Waiter>(std::move(task->waiters_));
    Effects none;
    finish_locked(*task, error, none);
  }
}

}  // namespace mpsg
