#include "runtime/queues/event_timeline.h"

#include <algorithm>
#include <utility>

#include "mpsg/error.h"

namespace mpsg {
namespace {
constexpr size_t most_failures = 64;  // that an event remembers
}

uint64_t EventTimeline::value() const {
  const auto held = Scheduler::shared().lock();
  return value_;
}

void EventTimeline::signal(uint64_t value, std::exception_ptr error) noexcept {
  auto& scheduler = Scheduler::shared();
  Effects effects;
  std::vector<std::shared_ptr<Task>> reached;  // destroyed without the lock
  {
    const auto held = scheduler.lock();
    if (value <= value_) return;
    if (error && failures_.size() < failures_.capacity())
      failures_.push_back({value_, value, error});
    value_ = value;
    const auto rest = std::ranges::partition(
        waiting_, [&](const Waiting& waiting) { return waiting.value > value; });
    for (auto& waiting : rest)
      if (!waiting.task->done()) scheduler.finish_locked(*waiting.task, error, effects);
    // Not moved out of the list before: this may need memory.
    try {
      for (auto& waiting : rest) reached.push_back(std::move(waiting.task));
    } catch (const std::bad_alloc&) {
      // Those left are destroyed here, under the lock; an EventWait does nothing then.
    }
    waiting_.erase(rest.begin(), rest.end());
  }
  effects.apply();
}

void EventTimeline::abandon() noexcept {
  auto& scheduler = Scheduler::shared();
  Effects effects;
  std::vector<Waiting> waiting;
  {
    const auto held = scheduler.lock();
    abandoned_ = true;
    waiting.swap(waiting_);
    for (const auto& wait : waiting)
      if (!wait.task->done())
        scheduler.finish_locked(
            *wait.task,
            std::make_exception_ptr(ExecutionError(
                "the event is gone, and had the value " + std::to_string(value_) + " where " +
                std::to_string(wait.value) + " was waited for: nobody can signal it")),
            effects);
  }
  effects.apply();
}

void EventTimeline::forget(const Task& task) noexcept {
  std::shared_ptr<Task> garbage;
  auto& scheduler = Scheduler::shared();
  Effects effects;
  {
    const auto held = scheduler.lock();
    const auto found =
        std::ranges::find(waiting_, &task, [](const Waiting& w) { return w.task.get(); });
    if (found == waiting_.end()) return;
    garbage = std::move(found->task);
    waiting_.erase(found);
    if (!garbage->done()) scheduler.finish_locked(*garbage, nullptr, effects);
  }
  effects.apply();
}

void EventTimeline::make_room(size_t more) {
  if (waiting_.capacity() - waiting_.size() < more)
    waiting_.reserve(waiting_.size() * 2 + std::max<size_t>(more, 4));
  failures_.reserve(most_failures);
}

void EventTimeline::attach(const std::shared_ptr<Task>& task, uint64_t value,
                           Effects& effects) noexcept {
  if (value <= value_) {
    Scheduler::shared().finish_locked(*task, error_at(value), effects);
  } else if (abandoned_) {
    Scheduler::shared().finish_locked(
        *task, std::make_exception_ptr(ExecutionError("the event is gone: nobody can signal it")),
        effects);
  } else {
    waiting_.push_back({task, value});
  }
}

std::exception_ptr EventTimeline::error_at(uint64_t value) const {
  for (const auto& failure : failures_)
    if (value > failure.after && value <= failure.until) return failure.error;
  return nullptr;
}

}  // namespace mpsg
