// The executables of the process by key, least recently used first to go. Two threads that need one
// key compile it once; different keys compile side by side.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mpsg/cache.h"
#include "mpsg/executable.h"
#include "runtime/caller_lock.h"

namespace mpsg {

/// How a call of Graph::run runs: its executable, and which of the given feeds are its feeds.
struct Launch {
  std::shared_ptr<const Executable> executable;
  std::vector<int32_t> order;
};

class ExecutableCache {
 public:
  /// The one of this process. It outlives everything.
  static ExecutableCache& shared();

  /// The launch for a call that looks like an earlier one; nullptr: none, or it was evicted.
  std::shared_ptr<const Launch> find_launch(std::string_view signature);
  /// `key`: that of the launch's executable.
  void remember_launch(const std::string& signature, const std::string& key,
                       std::shared_ptr<const Launch> launch);

  using Build = std::function<std::shared_ptr<const Executable>()>;
  /// From the cache, or built. What `build` throws reaches every thread that waits for it.
  std::shared_ptr<const Executable> get(uint64_t graph, const std::string& key, CallerLock& caller,
                                        const Build& build);
  /// The graph is gone.
  void forget(uint64_t graph);
  void count_feed_by_value();
  void clear();
  void limit(std::optional<size_t> count, std::optional<size_t> bytes);
  cache::Statistics statistics();

 private:
  struct Slot {
    uint64_t graph = 0;
    std::shared_ptr<const Executable> executable;  // nullptr: being compiled, or `error`
    std::exception_ptr error;
    bool done = false;
    size_t bytes = 0;
    uint64_t last_used = 0;
    std::vector<std::pair<std::string, std::shared_ptr<const Launch>>> launches;  // that use it
    std::shared_ptr<Slot> next;  // among those that were dropped
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct KnownLaunch {
    std::shared_ptr<const Launch> launch;
    Slot* slot = nullptr;
  };
  template <class T>
  using ByKey = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  using Slots = ByKey<std::shared_ptr<Slot>>;
  /// Destroyed by the caller after the lock is let go: destructors may need other locks.
  struct Garbage {
    Garbage() = default;
    Garbage(const Garbage&) = delete;
    Garbage& operator=(const Garbage&) = delete;
    ~Garbage() {
      while (first) first = std::move(first->next);
    }
    std::shared_ptr<Slot> first;
  };

  ExecutableCache();
  std::shared_ptr<const Executable> wait_for(std::unique_lock<std::mutex>& lock,
                                             const std::shared_ptr<Slot>& slot, CallerLock& caller);
  void keep(Slot& slot, const std::shared_ptr<const Executable>& made, Garbage& garbage);
  void drop(Slots::iterator slot, Garbage& garbage) noexcept;
  void evict(Garbage& garbage);

  std::mutex mutex_;
  std::condition_variable compiled_;
  Slots slots_;
  ByKey<KnownLaunch> launches_;
  uint64_t clock_ = 0;
  cache::Statistics statistics_;
};

}  // namespace mpsg
