// Where the user's handlers are called: on threads of their own, so that no device waits for them.
// Those of one queue are called one after the other, in the order of what they tell.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace mpsg {

class HandlerLane : public std::enable_shared_from_this<HandlerLane> {
 public:
  /// Must not throw. (What a user's handler throws is reported by who wraps it.)
  using Job = std::function<void()>;

  /// Makes sure that there is a thread to call handlers. Throws ExecutionError.
  static void require_threads();
  /// Calls `job` after those posted before.
  void post(Job job) noexcept;

  /// Is a handler being called, or waiting to be?
  static bool any_busy();
  /// For the end of the process: calls what was posted, ends the threads (or leaves those to
  /// themselves that are at a handler); later posts are called where they are made.
  static void finish(bool wait);

 private:
  friend class HandlerThreads;
  std::deque<Job> jobs_;
  bool active_ = false;  // in the list of lanes with work, or at work
  uint64_t epoch_ = 0;
};

}  // namespace mpsg
