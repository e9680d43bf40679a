// The caller's language, as far as the runtime must know it: its lock, and its wish to stop.
#pragma once

#include <chrono>
#include <functional>

namespace mpsg {

/// A lock of the caller's language (Python's) that must be let go while a thread waits or works
/// for long without it.
class CallerLock {
 public:
  virtual ~CallerLock() = default;
  virtual void release() {}
  virtual void acquire() {}
  /// Asked now and then while a thread waits or runs for long: is it to stop (Ctrl-C)? The lock may
  /// be held or not.
  virtual bool interrupted() { return false; }
  /// For work that another thread does in the caller's name: calls it with a lock of that thread.
  using Work = std::function<void(CallerLock&)>;
  virtual std::function<void(const Work&)> in_background() const {
    return [](const Work& work) {
      CallerLock none;
      work(none);
    };
  }
};

/// How long a thread that waits or runs goes on before it asks `interrupted` again.
inline constexpr std::chrono::milliseconds between_looks{50};

/// Lets a CallerLock go for a scope.
class CallerUnlocked {
 public:
  explicit CallerUnlocked(CallerLock& lock) : lock_(lock) { lock_.release(); }
  ~CallerUnlocked() { lock_.acquire(); }
  CallerUnlocked(const CallerUnlocked&) = delete;
  CallerUnlocked& operator=(const CallerUnlocked&) = delete;

 private:
  CallerLock& lock_;
};

/// Thrown where a run or a wait ends because `CallerLock::interrupted` said so. No std::exception:
/// nobody on the way is to take it for an error.
struct Interrupted {};

}  // namespace mpsg
