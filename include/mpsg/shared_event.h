// SharedEvent: a number that only grows, for order between queues and with the host
// (MTLSharedEvent).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "mpsg/export.h"

namespace mpsg {

/// The point of an execution at which an event is signalled (MPSGraphExecutionStage).
enum class ExecutionStage : uint64_t { completed = 0 };

class EventTimeline;

/// A handle: copies name the same event. When the last one is gone, what still waits fails.
class MPSG_API SharedEvent {
 public:
  /// Its value is 0.
  SharedEvent();
  bool operator==(const SharedEvent& other) const = default;

  uint64_t signaled_value() const;
  /// From the host. A value below the present one changes nothing.
  void signal(uint64_t value) const;
  /// Blocks the host until the event has this value or a larger one. False: the time was over
  /// before. Throws the error of the run that was to signal the value, if it failed.
  bool wait(uint64_t value, std::optional<std::chrono::nanoseconds> timeout = {}) const;

  const std::shared_ptr<EventTimeline>& timeline() const;

 private:
  struct Handle;
  std::shared_ptr<Handle> handle_;
};

}  // namespace mpsg
