// CommandQueue and CommandBuffer: work for a device, in order (MTLCommandQueue, MPSCommandBuffer).
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string_view>

#include "mpsg/device.h"
#include "mpsg/export.h"
#include "mpsg/shared_event.h"
#include "mpsg/tensor_data.h"

namespace mpsg {

struct QueueState;
class CommandBuffer;

/// What is committed to a queue runs in that order; several queues take turns, step by step. Runs
/// of different queues that touch one variable, of which one writes it, come in the order in which
/// they were committed. A handle: copies name the same queue.
class MPSG_API CommandQueue {
 public:
  explicit CommandQueue(const Device& device = Device());
  explicit CommandQueue(std::shared_ptr<QueueState> state) : state_(std::move(state)) {}
  bool operator==(const CommandQueue& other) const = default;

  const Device& device() const;
  CommandBuffer command_buffer() const;
  /// Until everything committed so far is over, well or not.
  void wait_until_completed() const;

  const std::shared_ptr<QueueState>& state() const { return state_; }

 private:
  std::shared_ptr<QueueState> state_;
};

enum class CommandBufferStatus {
  not_enqueued,  // being encoded
  committed,
  scheduled,  // its first command has begun
  completed,
  error,
};

/// Commands that are handed to a queue together: runs (Graph::encode, Executable::encode), copies,
/// waits for events and signals. Nothing begins before `commit`. A handle: copies name the same
/// buffer. For one thread at a time.
class MPSG_API CommandBuffer {
 public:
  explicit CommandBuffer(const CommandQueue& queue);

  const CommandQueue& queue() const;
  /// Copies the values; types must be equal. Throws FeedError.
  void encode_copy(const TensorData& source, const TensorData& destination);
  /// What is encoded after it waits until the event has this value, and fails if the run that was
  /// to signal it failed.
  void encode_wait_for_event(const SharedEvent& event, uint64_t value);
  /// The event gets this value when what was encoded before is over.
  void encode_signal_event(const SharedEvent& event, uint64_t value);

  /// Called on a thread of the runtime when the first command begins, or all are over.
  using Handler = std::function<void(const CommandBuffer&)>;
  void add_scheduled_handler(Handler handler);
  void add_completed_handler(Handler handler);

  /// Hands everything to the queue; nothing more can be encoded. Throws ExecutionError if it was
  /// committed before.
  void commit();
  /// Hands over what was encoded so far, and goes on.
  void commit_and_continue();
  /// Until what was committed has begun, or is over. Throws ExecutionError if nothing was.
  void wait_until_scheduled() const;
  void wait_until_completed() const;

  CommandBufferStatus status() const;
  /// Of the first command that failed; nullptr: none did so far.
  std::exception_ptr error() const;

  struct State;
  const std::shared_ptr<State>& state() const { return state_; }

 private:
  std::shared_ptr<State> state_;
};

MPSG_API std::string_view command_buffer_status_name(CommandBufferStatus status);

}  // namespace mpsg
