// The value of a tensor that a run in flight makes.
#pragma once

#include <memory>
#include <optional>

#include "mpsg/tensor_data.h"
#include "runtime/caller_lock.h"
#include "runtime/queues/task.h"

namespace mpsg {

class PendingData {
 public:
  explicit PendingData(std::shared_ptr<Task> task) : task_(std::move(task)) {}

  /// `data`, whose values are there when the task is done.
  static TensorData pending(const TensorData& data, std::shared_ptr<const PendingData> by) {
    TensorData made = data;
    made.pending_ = std::move(by);
    return made;
  }
  /// The same memory, for whose values nobody waits.
  static TensorData settled(const TensorData& data) {
    TensorData made = data.known() ? data : data.settled();
    made.pending_ = nullptr;
    return made;
  }
  /// Of what `data` waits for; nullptr: nothing.
  static const std::shared_ptr<const PendingData>& of(const TensorData& data) {
    return data.pending_;
  }
  /// Its memory, whether or not the values are there; nullptr if not even the size is known.
  static void* address_of(const TensorData& data) { return data.known() ? data.data_ : nullptr; }
  static bool known(const TensorData& data) { return data.known(); }

  const std::shared_ptr<Task>& task() const { return task_; }
  /// Waits; throws the task's error, and Interrupted.
  void wait(CallerLock& caller) const;

  /// A value whose type only the run tells, given before the task is done.
  void set_late_value(TensorData value) { late_value_ = std::move(value); }
  const std::optional<TensorData>& late_value() const { return late_value_; }

 private:
  std::shared_ptr<Task> task_;
  std::optional<TensorData> late_value_;
};

}  // namespace mpsg
