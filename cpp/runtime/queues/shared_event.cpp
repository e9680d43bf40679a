#include "mpsg/shared_event.h"

#include <utility>

#include "runtime/queues/command_state.h"
#include "runtime/queues/event_tasks.h"
#include "runtime/queues/event_timeline.h"

namespace mpsg {

/// Held by whoever may signal; waits hold the timeline alone.
struct SharedEvent::Handle {
  std::shared_ptr<EventTimeline> timeline = std::make_shared<EventTimeline>();
  ~Handle() { timeline->abandon(); }
};

namespace {

class SignalTask final : public Task {
 public:
  SignalTask(SharedEvent event, uint64_t value, std::vector<std::shared_ptr<Task>> of)
      : Task(nullptr), event_(std::move(event)), value_(value), of_(std::move(of)) {}

 protected:
  bool advance(RunControl&) override {
    std::exception_ptr error;
    for (const auto& task : of_)
      if (!error) error = task->error();
    event_->timeline()->signal(value_, error);
    return false;
  }
  void ended() noexcept override {
    of_.clear();
    event_.reset();
  }

 private:
  std::optional<SharedEvent> event_;
  uint64_t value_;
  std::vector<std::shared_ptr<Task>> of_;
};

}  // namespace

SharedEvent::SharedEvent() : handle_(std::make_shared<Handle>()) {}
uint64_t SharedEvent::signaled_value() const { return handle_->timeline->value(); }
void SharedEvent::signal(uint64_t value) const { handle_->timeline->signal(value, nullptr); }
const std::shared_ptr<EventTimeline>& SharedEvent::timeline() const { return handle_->timeline; }

bool SharedEvent::wait(uint64_t value, std::optional<std::chrono::nanoseconds> timeout) const {
  CallerLock none;
  return wait_for_event(*this, value, timeout, none);
}

bool wait_for_event(const SharedEvent& event, uint64_t value,
                    std::optional<std::chrono::nanoseconds> timeout, CallerLock& caller) {
  const auto end = std::chrono::steady_clock::now() + timeout.value_or(std::chrono::nanoseconds(0));
  auto wait = event_wait(event, value);
  auto& scheduler = Scheduler::shared();
  scheduler.submit({&wait, 1});
  const auto forget = [&] { event.timeline()->forget(*wait.task); };
  try {
    if (!scheduler.wait_for(*wait.task, caller, timeout ? std::optional(end) : std::nullopt)) {
      forget();
      return false;
    }
  } catch (...) {
    forget();
    throw;
  }
  if (wait.task->error()) std::rethrow_exception(wait.task->error());
  return true;
}

Submission event_wait(const SharedEvent& event, uint64_t value) {
  Submission submission;
  submission.task = std::make_shared<EventWait>(event.timeline());
  submission.event = event.timeline().get();
  submission.event_value = value;
  return submission;
}

Submission event_signal(const SharedEvent& event, uint64_t value,
                        std::vector<std::shared_ptr<Task>> of, QueueOrder* queue) {
  Submission submission;
  submission.after = of;
  submission.task = std::make_shared<SignalTask>(event, value, std::move(of));
  submission.queue = queue;
  return submission;
}

}  // namespace mpsg
