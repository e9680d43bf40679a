#include "runtime/queues/run_task.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "mpsg/error.h"
#include "runtime/queues/command_state.h"
#include "runtime/queues/event_tasks.h"
#include "runtime/queues/executor.h"
#include "runtime/queues/pending_data.h"
#include "runtime/run.h"
#include "runtime/specializations.h"

namespace mpsg {
namespace {

/// What all runs for queues share: what they hold until they are over, whom they tell.
class OrderedRun : public Task {
 public:
  OrderedRun(Executor* executor, std::shared_ptr<QueueState> queue, RunOrder order,
             std::vector<std::shared_ptr<Task>> needs)
      : Task(executor),
        order_(std::move(order)),
        queue_(std::move(queue)),
        needs_(std::move(needs)) {}

  std::vector<TensorData>& results() { return order_.results; }

 protected:
  const RunOrder& order() const { return order_; }

  void require_needs() const {
    for (const auto& need : needs_)
      if (need->error()) fail(need->error());
  }

  void tell_scheduled() {
    if (order_.scheduled_handler) tell("scheduled", std::move(order_.scheduled_handler), nullptr);
  }

  void ended() noexcept override {
    drop_run();
    if (order_.completion_handler)
      tell("completion", std::move(order_.completion_handler), error());
    order_ = RunOrder();
    needs_.clear();
    queue_.reset();
  }
  virtual void drop_run() noexcept = 0;

 private:
  /// In the words of the run that needed it.
  [[noreturn]] static void fail(const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& original) {
      throw ExecutionError(std::string("what this run waits for or is fed has failed: ") +
                           original.what());
    }
  }

  void tell(const char* kind, ResultsHandler handler, std::exception_ptr error) noexcept {
    try {
      queue_->handlers->post([kind, handler, results = order_.results, error] {
        call_handler(kind, [&] { handler(results, error); });
      });
    } catch (const std::bad_alloc&) {
      call_handler(kind, [&] { handler({}, error); });
    }
  }

  RunOrder order_;
  std::shared_ptr<QueueState> queue_;
  std::vector<std::shared_ptr<Task>> needs_;  // what must have succeeded
};

class RunTask final : public OrderedRun {
 public:
  RunTask(Executor* executor, std::shared_ptr<QueueState> queue, RunOrder given,
          std::vector<std::shared_ptr<Task>> needs)
      : OrderedRun(executor, std::move(queue), std::move(given), std::move(needs)),
        run_(std::make_unique<Run>(*order().executable, order().feeds, results())) {}

 protected:
  bool advance(RunControl& control) override {
    control_.current = &control;
    if (!std::exchange(begun_, true)) {
      require_needs();
      tell_scheduled();
      run_->begin(&control_);
    }
    return run_->advance();
  }
  void abandon() noexcept override { run_->abandon(); }
  void drop_run() noexcept override { run_.reset(); }

 private:
  std::unique_ptr<Run> run_;
  ForwardControl control_;
  bool begun_ = false;
};

/// An executable in stages: between two of them something is compiled, which no device waits for.
class StagedRun final : public OrderedRun {
 public:
  StagedRun(std::shared_ptr<QueueState> queue, RunOrder given,
            std::vector<std::shared_ptr<Task>> needs, CallerLock& caller)
      : OrderedRun(nullptr, std::move(queue), std::move(given), std::move(needs)),
        in_background_(caller.in_background()),
        graph_(order().executable->state().require_graph()) {}

  void set_pending(std::vector<std::shared_ptr<PendingData>> pending) {
    pending_ = std::move(pending);
  }

 protected:
  bool advance(RunControl&) override {
    require_needs();
    tell_scheduled();
    // A lane of its own: the queue's may hold handlers that wait for this run.
    std::make_shared<HandlerLane>()->post([self = shared_from_this(), this] {
      std::exception_ptr error;
      try {
        in_background_([this](CallerLock& caller) { run_stages(caller); });
      } catch (const Interrupted&) {
        error = std::make_exception_ptr(ExecutionError("the run was interrupted"));
      } catch (...) {
        error = std::current_exception();
      }
      Scheduler::shared().end(self, error);
    });
    return true;
  }
  void drop_run() noexcept override { graph_.reset(); }

 private:
  void run_stages(CallerLock& caller) {
    std::vector<TensorData> feeds;
    for (const auto& feed : order().feeds) feeds.push_back(PendingData::settled(feed));
    auto& results = OrderedRun::results();
    run_in_stages(
        *order().executable, feeds, results, caller,
        [&](const Executable& stage, auto of, auto into) { run_in_turn(stage, of, into, caller); });
    for (size_t i = 0; i < results.size(); ++i) pending_[i]->set_late_value(results[i]);
  }

  /// A stage waits for the device, but for nothing else: the whole run has waited before.
  static void run_in_turn(const Executable& stage, std::span<const TensorData> feeds,
                          std::span<TensorData> results, CallerLock& caller) {
    RunOrder order;
    order.executable = {std::shared_ptr<void>(), &stage};
    order.feeds.assign(feeds.begin(), feeds.end());
    order.results.assign(results.begin(), results.end());
    const auto task =
        std::make_shared<RunTask>(&stage.device().executor(), stage.state().queue, std::move(order),
                                  std::vector<std::shared_ptr<Task>>());
    std::ranges::copy(task->results(), results.begin());
    Submission submission;
    submission.task = task;
    Scheduler::shared().submit({&submission, 1});
    Scheduler::shared().wait(*task, caller);
    if (task->error()) std::rethrow_exception(task->error());
  }

  std::function<void(const CallerLock::Work&)> in_background_;
  std::shared_ptr<GraphData> graph_;
  std::vector<std::shared_ptr<PendingData>> pending_;
};

/// What must have succeeded before the run begins, and what must only be over.
struct Before {
  std::vector<std::shared_ptr<Task>> needs, after;
};

Before what_comes_before(const RunOrder& order, const std::vector<std::shared_ptr<Task>>& waits) {
  Before before{waits, {}};
  for (const auto& feed : order.feeds)
    if (const auto& pending = PendingData::of(feed)) before.needs.push_back(pending->task());
  before.after = before.needs;
  for (const auto& result : order.results)
    if (const auto& pending = PendingData::of(result)) before.after.push_back(pending->task());
  return before;
}

/// Only the type of what is fed must be known before.
void settle_types(RunOrder& order, CallerLock& caller) {
  for (auto* const list : {&order.feeds, &order.results})
    for (auto& data : *list)
      if (!PendingData::known(data)) {
        PendingData::of(data)->wait(caller);
        data = PendingData::settled(data);
      }
}

void require_events(const CommandBuffer& buffer, RunOrder& order, Before& before) {
  auto& state = *buffer.state();
  for (const auto& [event, value] : order.waits) {
    state.encoded.push_back(event_wait(event, value));
    before.needs.push_back(state.encoded.back().task);
    before.after.push_back(state.encoded.back().task);
  }
  order.waits.clear();  // a wait holds the event's timeline, and nothing by which to signal it
}

}  // namespace

EncodedRun encode_run(const CommandBuffer& buffer, RunOrder order, CallerLock& caller) {
  auto& state = *buffer.state();
  check_queue(*order.executable, buffer.queue());
  wait_for_compilation(*order.executable, caller);
  settle_types(order, caller);
  if (auto specialized = specialization_for(*order.executable, order.feeds, caller))
    order.executable = std::move(specialized);
  const auto executable = order.executable;
  if (order.results.empty()) order.results.resize(executable->target_count());
  if (order.scheduled_handler || order.completion_handler) HandlerLane::require_threads();
  const std::lock_guard lock(state.mutex);
  if (state.closed)
    throw ExecutionError("the command buffer is committed: nothing more can be encoded in it");
  const auto encoded_before = state.encoded.size();
  try {
    auto before = what_comes_before(order, state.waits);
    require_events(buffer, order, before);
    const auto signals = std::move(order.signals);
    const auto queue = buffer.queue().state();
    Submission submission;
    submission.queue = &queue->order;
    submission.after = std::move(before.after);
    submission.variables = executable->state().variables;
    std::vector<TensorData> results;
    std::shared_ptr<OrderedRun> task;
    if (executable->state().stages) {
      HandlerLane::require_threads();
      auto staged =
          std::make_shared<StagedRun>(queue, std::move(order), std::move(before.needs), caller);
      std::vector<std::shared_ptr<PendingData>> pending;
      for (const auto& result : staged->results()) {
        pending.push_back(std::make_shared<PendingData>(staged));
        results.push_back(PendingData::pending(result, pending.back()));
      }
      staged->set_pending(std::move(pending));
      task = std::move(staged);
    } else {
      task = std::make_shared<RunTask>(&executable->device().executor(), queue, std::move(order),
                                       std::move(before.needs));
      const auto pending = std::make_shared<PendingData>(task);
      for (const auto& result : task->results())
        results.push_back(PendingData::pending(result, pending));
    }
    submission.task = task;
    state.runs.push_back(task);
    state.encoded.push_back(std::move(submission));
    for (const auto& [event, value] : signals)
      state.encoded.push_back(event_signal(event, value, {task}, &queue->order));
    return {std::move(results), std::move(task)};
  } catch (...) {
    state.encoded.resize(encoded_before);
    throw;
  }
}

EncodedRun run_async(const CommandQueue& queue, RunOrder order, CallerLock& caller) {
  CommandBuffer buffer(queue);
  auto run = encode_run(buffer, std::move(order), caller);
  buffer.commit();
  return run;
}

}  // namespace mpsg
