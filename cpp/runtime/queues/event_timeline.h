// The values of a shared event over time, and who waits for which.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "runtime/queues/scheduler.h"

namespace mpsg {

class EventTimeline {
 public:
  uint64_t value() const;
  /// The event has this value, if it is larger than the present one. `error`: of the work whose end
  /// it tells; waits that this ends fail with it.
  void signal(uint64_t value, std::exception_ptr error) noexcept;
  /// Nobody is left to signal it: what still waits fails.
  void abandon() noexcept;
  /// A wait that nobody wants any more.
  void forget(const Task& task) noexcept;

 private:
  friend class Scheduler;
  struct Waiting {
    std::shared_ptr<Task> task;
    uint64_t value = 0;
  };
  /// Values after `after`, up to `until`, were reached by work that failed.
  struct Failure {
    uint64_t after = 0;
    uint64_t until = 0;
    std::exception_ptr error;
  };

  // With the scheduler's lock.
  void make_room(size_t more);
  void attach(const std::shared_ptr<Task>& task, uint64_t value, Effects& effects) noexcept;
  std::exception_ptr error_at(uint64_t value) const;

  uint64_t value_ = 0;
  bool abandoned_ = false;
  std::vector<Waiting> waiting_;
  std::vector<Failure> failures_;
};

/// Done when the event has a value. Its error is that of the work that signalled.
class EventWait final : public Task {
 public:
  explicit EventWait(std::shared_ptr<EventTimeline> event)
      : Task(nullptr), event_(std::move(event)) {}

 protected:
  bool advance(RunControl&) override { return true; }

 private:
  std::shared_ptr<EventTimeline> event_;  // its waiting list holds us, until it signals
};

}  // namespace mpsg
