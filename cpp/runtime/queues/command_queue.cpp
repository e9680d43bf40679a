#include "mpsg/command_queue.h"

#include "runtime/queues/command_state.h"

namespace mpsg {

CommandQueue::CommandQueue(const Device& device) : state_(std::make_shared<QueueState>(device)) {}

const Device& CommandQueue::device() const { return state_->device; }
CommandBuffer CommandQueue::command_buffer() const { return CommandBuffer(*this); }

void CommandQueue::wait_until_completed() const {
  CallerLock none;
  mpsg::wait_until_completed(*this, none);
}

void wait_until_completed(const CommandQueue& queue, CallerLock& caller) {
  auto& scheduler = Scheduler::shared();
  std::shared_ptr<Task> last;
  {
    const auto held = scheduler.lock();
    last = queue.state()->order.last;
  }
  if (last) scheduler.wait(*last, caller);
}

}  // namespace mpsg
