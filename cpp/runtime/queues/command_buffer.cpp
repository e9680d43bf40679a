#include <algorithm>
#include <cstring>
#include <iostream>
#include <utility>

#include "mpsg/error.h"
#include "runtime/queues/command_state.h"
#include "runtime/queues/event_tasks.h"
#include "runtime/queues/executor.h"
#include "runtime/queues/pending_data.h"

namespace mpsg {
namespace {

/// Copies the values of one tensor to another.
class CopyTask final : public Task {
 public:
  CopyTask(Executor* executor, TensorData source, TensorData destination,
           std::vector<std::shared_ptr<Task>> needs)
      : Task(executor),
        source_(std::move(source)),
        destination_(std::move(destination)),
        needs_(std::move(needs)) {}

 protected:
  bool advance(RunControl&) override {
    for (const auto& need : needs_)
      if (need->error()) std::rethrow_exception(need->error());
    if (source_.byte_count() > 0)
      std::memmove(PendingData::address_of(destination_), source_.data(), source_.byte_count());
    return false;
  }
  void ended() noexcept override {
    source_ = destination_ = TensorData();
    needs_.clear();
  }

 private:
  TensorData source_, destination_;
  std::vector<std::shared_ptr<Task>> needs_;
};

/// Has a queue's handlers called when its turn comes.
class HandlersTask final : public Task {
 public:
  HandlersTask(CommandBuffer buffer, std::vector<CommandBuffer::Handler> handlers, const char* kind)
      : Task(nullptr), buffer_(std::move(buffer)), handlers_(std::move(handlers)), kind_(kind) {}

 protected:
  bool advance(RunControl&) override { return false; }
  /// Not before this is over: the buffer's status, which handlers ask for, counts it.
  void ended() noexcept override {
    const auto lane = buffer_->queue().state()->handlers;
    for (auto& handler : handlers_) {
      try {
        lane->post([buffer = *buffer_, handler, kind = kind_] {
          call_handler(kind, [&] { handler(buffer); });
        });
      } catch (const std::bad_alloc&) {
        call_handler(kind_, [&] { handler(*buffer_); });
      }
    }
    handlers_.clear();
    buffer_.reset();
  }

 private:
  std::optional<CommandBuffer> buffer_;
  std::vector<CommandBuffer::Handler> handlers_;
  const char* kind_;
};

/// With the buffer's lock.
void require_open(const CommandBuffer::State& state) {
  if (state.closed)
    throw ExecutionError("the command buffer is committed: nothing more can be encoded in it");
}

/// Forgets what is over, but for the first error.
void look(CommandBuffer::State& state) {
  std::erase_if(state.commands, [&](const std::shared_ptr<Task>& task) {
    if (!task->done()) return false;
    if (task->error() && !state.error) state.error = task->error();
    return true;
  });
}

Submission handlers_task(const CommandBuffer& buffer, const CommandBuffer::State& state,
                         const std::vector<CommandBuffer::Handler>& handlers, const char* kind) {
  HandlerLane::require_threads();
  Submission submission;
  submission.task = std::make_shared<HandlersTask>(buffer, handlers, kind);
  submission.queue = &state.queue.state()->order;
  return submission;
}

/// If it fails, everything is still there to be committed again.
void submit(const CommandBuffer& buffer, CommandBuffer::State& state) {
  std::vector<Submission> batch;
  batch.reserve(state.encoded.size() + 2);
  if (!state.scheduled_handlers.empty())
    batch.push_back(handlers_task(buffer, state, state.scheduled_handlers, "scheduled"));
  batch.insert(batch.end(), state.encoded.begin(), state.encoded.end());
  if (!state.completed_handlers.empty())
    batch.push_back(handlers_task(buffer, state, state.completed_handlers, "completed"));
  look(state);
  state.commands.reserve(state.commands.size() + batch.size());
  Scheduler::shared().submit(batch);
  for (const auto& submission : batch) state.commands.push_back(submission.task);
  state.committed = true;
  state.encoded.clear();
  state.runs.clear();
  state.scheduled_handlers.clear();
  state.completed_handlers.clear();
}

}  // namespace

CommandBuffer::CommandBuffer(const CommandQueue& queue) : state_(std::make_shared<State>(queue)) {}

const CommandQueue& CommandBuffer::queue() const { return state_->queue; }

void CommandBuffer::encode_copy(const TensorData& source, const TensorData& destination) {
  const auto& from = source.type();
  const auto& to = destination.type();
  if (from != to)
    throw FeedError("a copy of " + from.to_string() + " into " + to.to_string() +
                    ": the types must be equal");
  const std::lock_guard lock(state_->mutex);
  require_open(*state_);
  Submission submission;
  submission.queue = &queue().state()->order;
  auto needs = state_->waits;
  if (const auto& pending = PendingData::of(source)) needs.push_back(pending->task());
  submission.after = needs;
  if (const auto& pending = PendingData::of(destination))
    submission.after.push_back(pending->task());
  submission.task = std::make_shared<CopyTask>(&queue().device().executor(), source, destination,
                                               std::move(needs));
  state_->runs.push_back(submission.task);
  state_->encoded.push_back(std::move(submission));
}

void CommandBuffer::encode_wait_for_event(const SharedEvent& event, uint64_t value) {
  const std::lock_guard lock(state_->mutex);
  require_open(*state_);
  state_->encoded.push_back(event_wait(event, value));
  state_->waits.push_back(state_->encoded.back().task);
}

void CommandBuffer::encode_signal_event(const SharedEvent& event, uint64_t value) {
  const std::lock_guard lock(state_->mutex);
  require_open(*state_);
  state_->encoded.push_back(event_signal(event, value, state_->runs, &queue().state()->order));
}

void CommandBuffer::add_scheduled_handler(Handler handler) {
  const std::lock_guard lock(state_->mutex);
  require_open(*state_);
  state_->scheduled_handlers.push_back(std::move(handler));
}

void CommandBuffer::add_completed_handler(Handler handler) {
  const std::lock_guard lock(state_->mutex);
  require_open(*state_);
  state_->completed_handlers.push_back(std::move(handler));
}

void CommandBuffer::commit() {
  const std::lock_guard lock(state_->mutex);
  require_open(*state_);
  submit(*this, *state_);
  state_->closed = true;
}

void CommandBuffer::commit_and_continue() {
  const std::lock_guard lock(state_->mutex);
  require_open(*state_);
  submit(*this, *state_);
}

void CommandBuffer::wait_until_scheduled() const {
  CallerLock none;
  mpsg::wait_until_scheduled(*this, none);
}

void CommandBuffer::wait_until_completed() const {
  CallerLock none;
  mpsg::wait_until_completed(*this, none);
}

CommandBufferStatus CommandBuffer::status() const {
  const std::lock_guard lock(state_->mutex);
  if (!state_->committed) return CommandBufferStatus::not_enqueued;
  look(*state_);
  if (state_->error) return CommandBufferStatus::error;
  if (state_->commands.empty()) return CommandBufferStatus::completed;
  const bool begun = std::ranges::any_of(
      state_->commands, [](const auto& task) { return task->started() || task->done(); });
  return begun ? CommandBufferStatus::scheduled : CommandBufferStatus::committed;
}

std::exception_ptr CommandBuffer::error() const {
  const std::lock_guard lock(state_->mutex);
  look(*state_);
  return state_->error;
}

namespace {

std::vector<std::shared_ptr<Task>> committed_commands(const CommandBuffer& buffer) {
  const auto& state = *buffer.state();
  const std::lock_guard lock(state.mutex);
  if (!state.committed)
    throw ExecutionError("the command buffer has not been committed: nothing will come");
  return state.commands;
}

}  // namespace

void wait_until_completed(const CommandBuffer& buffer, CallerLock& caller) {
  for (const auto& task : committed_commands(buffer)) Scheduler::shared().wait(*task, caller);
}

/// Begun: what its first command waits for is over. There is no rush: nothing depends on it.
void wait_until_scheduled(const CommandBuffer& buffer, CallerLock& caller) {
  const auto commands = committed_commands(buffer);
  const auto begun = [&] {
    return commands.empty() || std::ranges::any_of(commands, [](const auto& task) {
             return task->started() || task->done();
           });
  };
  while (!begun())
    Scheduler::shared().wait_for(*commands.front(), caller,
                                 std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
}

void call_handler(const char* kind, const std::function<void()>& handler) noexcept {
  try {
    handler();
  } catch (const std::exception& error) {
    std::cerr << "mpsg: a " << kind << " handler threw: " << error.what() << "\n";
  } catch (...) {
    std::cerr << "mpsg: a " << kind << " handler threw\n";
  }
}

std::string_view command_buffer_status_name(CommandBufferStatus status) {
  constexpr std::string_view names[] = {"not_enqueued", "committed", "scheduled", "completed",
                                        "error"};
  return names[static_cast<size_t>(status)];
}

}  // namespace mpsg
