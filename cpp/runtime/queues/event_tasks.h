// Waits for events and signals, as work of a queue.
#pragma once

#include <memory>
#include <vector>

#include "mpsg/shared_event.h"
#include "runtime/queues/scheduler.h"

namespace mpsg {

/// Done when the event has the value.
Submission event_wait(const SharedEvent& event, uint64_t value);
/// Gives the event the value when the queue comes to it, with the error of the first of `of` that
/// failed.
Submission event_signal(const SharedEvent& event, uint64_t value,
                        std::vector<std::shared_ptr<Task>> of, QueueOrder* queue);

}  // namespace mpsg
