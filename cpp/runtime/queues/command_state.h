// What queues and command buffers hold. Private to the runtime.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "mpsg/command_queue.h"
#include "runtime/caller_lock.h"
#include "runtime/queues/handler_lane.h"
#include "runtime/queues/scheduler.h"

namespace mpsg {

struct QueueState {
  explicit QueueState(const Device& of) : device(of) {}
  Device device;
  QueueOrder order;  // with the scheduler's lock
  std::shared_ptr<HandlerLane> handlers = std::make_shared<HandlerLane>();
};

struct CommandBuffer::State {
  explicit State(const CommandQueue& of) : queue(of) {}
  const CommandQueue queue;
  mutable std::mutex mutex;
  std::vector<Submission> encoded;              // to be committed
  std::vector<std::shared_ptr<Task>> waits;     // that what is encoded from now on needs
  std::vector<std::shared_ptr<Task>> runs;      // since the last commit
  std::vector<std::shared_ptr<Task>> commands;  // committed, and not seen to be over
  std::exception_ptr error;                     // the first
  std::vector<Handler> scheduled_handlers, completed_handlers;
  bool closed = false;     // committed for good
  bool committed = false;  // something was
};

void wait_until_scheduled(const CommandBuffer& buffer, CallerLock& caller);
void wait_until_completed(const CommandBuffer& buffer, CallerLock& caller);
void wait_until_completed(const CommandQueue& queue, CallerLock& caller);
/// False: the time was over before. Throws the error of what was to signal the value.
bool wait_for_event(const SharedEvent& event, uint64_t value,
                    std::optional<std::chrono::nanoseconds> timeout, CallerLock& caller);

/// Calls a user's handler; what it throws is written to stderr.
void call_handler(const char* kind, const std::function<void()>& handler) noexcept;

}  // namespace mpsg
