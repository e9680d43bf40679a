// Runs that their caller waits for.
#include <chrono>
#include <utility>

#include "mpsg/error.h"
#include "runtime/executable_builder.h"
#include "runtime/queues/command_state.h"
#include "runtime/queues/executor.h"
#include "runtime/queues/pending_data.h"
#include "runtime/queues/run_task.h"
#include "runtime/run.h"
#include "runtime/specializations.h"

namespace mpsg {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double worth_releasing = 1e-3;  // seconds; for less, giving a lock away costs more

/// The device that this thread works for just now: a nested run would wait for itself.
thread_local const Executor* entered = nullptr;

/// Asks the caller now and then whether to go on.
class CallerControl final : public RunControl {
 public:
  CallerControl(Executor& executor, CallerLock& caller, bool brief)
      : executor_(executor), caller_(caller), brief_(brief) {}
  // A brief run is over before others would notice, and its thread may hold the caller's lock.
  bool should_yield() override { return !brief_ && executor_.others_wait(); }
  void check() override {
    const auto now = Clock::now();
    if (looked_ == Clock::time_point{}) looked_ = now;
    if (now - looked_ < between_looks) return;
    looked_ = now;
    if (caller_.interrupted()) throw Interrupted();
  }

 private:
  Executor& executor_;
  CallerLock& caller_;
  bool brief_;
  Clock::time_point looked_{};
};

/// The caller's run, or what is left of it, when others come first. The caller waits for it.
class CallerTask final : public Task {
 public:
  CallerTask(Executor* executor, Run& run, ForwardControl& control, bool begun)
      : Task(executor), run_(run), control_(control), begun_(begun) {}

 protected:
  bool advance(RunControl& control) override {
    control_.current = &control;
    if (!std::exchange(begun_, true)) run_.begin(&control_);
    return run_.advance();
  }
  void abandon() noexcept override { run_.abandon(); }

 private:
  Run& run_;
  ForwardControl& control_;
  bool begun_;
};

/// Until it is over, or is not going to touch the caller's memory any more.
void wait_or_cancel(Task& task, Run& run, CallerLock& caller) {
  auto& scheduler = Scheduler::shared();
  try {
    scheduler.wait(task, caller);
  } catch (const Interrupted&) {
    const CallerUnlocked unlocked(caller);
    while (!task.done() && !scheduler.cancel(task, [&] { run.abandon(); }))
      std::this_thread::yield();
    throw;
  }
  if (task.error()) std::rethrow_exception(task.error());
}

/// Of a scope.
class Entered {
 public:
  explicit Entered(const Executor& executor) : before_(std::exchange(entered, &executor)) {}
  ~Entered() { entered = before_; }

 private:
  const Executor* before_;
};

/// Lets the caller's lock go for a scope, if that is worth it.
class MaybeUnlocked {
 public:
  MaybeUnlocked(CallerLock& caller, bool worth) : caller_(worth ? &caller : nullptr) {
    if (caller_) caller_->release();
  }
  ~MaybeUnlocked() {
    if (caller_) caller_->acquire();
  }

 private:
  CallerLock* caller_;
};

/// The rest of the run as a task; nullptr: there is no memory or no thread for that, and the run
/// goes on.
std::shared_ptr<Task> give_way(Run& run, Executor& executor, DirectRun& direct,
                               ForwardControl& control) {
  try {
    auto rest = std::make_shared<CallerTask>(&executor, run, control, true);
    Scheduler::shared().give_way(executor, direct, rest);
    return rest;
  } catch (const std::exception&) {
    return nullptr;
  }
}

/// With the device taken.
void run_directly(Run& run, Executor& executor, DirectRun& direct, CallerLock& caller,
                  ForwardControl& control, bool brief) {
  const MaybeUnlocked unlocked(caller, !brief);
  CallerControl asks_caller(executor, caller, brief);
  control.current = &asks_caller;
  std::shared_ptr<Task> rest;
  try {
    const Entered here(executor);
    run.begin(&control);
    while (!rest && run.advance()) rest = give_way(run, executor, direct, control);
  } catch (...) {
    Scheduler::shared().leave(executor, direct);
    throw;
  }
  if (!rest) return Scheduler::shared().leave(executor, direct);
  wait_or_cancel(*rest, run, caller);
}

}  // namespace

void check_queue(const Executable& executable, const CommandQueue& queue) {
  if (queue.device().identity() == executable.device().identity()) return;
  throw FeedError("the command queue belongs to the device '" + queue.device().info().name +
                  "', the executable to '" + executable.device().info().name + "'");
}

namespace {

void run_one(const Executable& executable, std::span<const TensorData> feeds,
             std::span<TensorData> results, CallerLock& caller, QueueOrder* queue,
             std::span<StepTime> times) {
  const auto& state = executable.state();
  for (const auto& feed : feeds)
    if (const auto& pending = PendingData::of(feed)) pending->wait(caller);
  for (const auto& result : results)
    if (const auto& pending = PendingData::of(result))
      Scheduler::shared().wait(*pending->task(), caller);
  auto& executor = state.device.executor();
  if (entered == &executor)
    throw ExecutionError("this thread is in the middle of a run (does a signal handler run a "
                         "graph?): a second one cannot begin in it");
  Run run(executable, feeds, results, times);
  ForwardControl control;
  auto& scheduler = Scheduler::shared();
  DirectRun direct{queue, state.variables, {}, nullptr};
  if (scheduler.try_enter(executor, direct))
    return run_directly(run, executor, direct, caller, control,
                        state.estimated_seconds < worth_releasing);
  Submission submission;
  submission.task = std::make_shared<CallerTask>(&executor, run, control, false);
  submission.queue = queue;
  submission.variables = state.variables;
  scheduler.submit({&submission, 1});
  wait_or_cancel(*submission.task, run, caller);
}

}  // namespace

void run_now(const Executable& executable, std::span<const TensorData> feeds,
             std::span<TensorData> results, CallerLock& caller, const CommandQueue* queue,
             std::span<StepTime> times) {
  wait_for_compilation(executable, caller);
  if (const auto specialized = specialization_for(executable, feeds, caller))
    return run_now(*specialized, feeds, results, caller, queue, times);
  if (queue) check_queue(executable, *queue);
  auto* const order = queue ? &queue->state()->order : &executable.state().queue->order;
  if (!executable.state().stages) return run_one(executable, feeds, results, caller, order, times);
  run_in_stages(executable, feeds, results, caller,
                [&](const Executable& stage, auto of, auto into) {
                  run_one(stage, of, into, caller, order, {});
                });
}

}  // namespace mpsg
