#include "runtime/executable_cache.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "graph/buffer_pool.h"
#include "graph/fork_safety.h"
#include "graph/system_memory.h"

namespace mpsg {
namespace {

constexpr size_t default_count = 1024;
constexpr size_t most_signatures = 16;  // ways to call one executable that are remembered

size_t default_bytes() {
  return std::clamp<size_t>(usable_memory_bytes() / 8, size_t{64} << 20, size_t{2} << 30);
}

}  // namespace

ExecutableCache::ExecutableCache() {
  statistics_.count_limit = default_count;
  statistics_.byte_limit = default_bytes();
}

ExecutableCache& ExecutableCache::shared() {
  static ExecutableCache* const cache = [] {
    auto* const made = new ExecutableCache();
    at_fork({[] { shared().mutex_.lock(); }, [] { shared().mutex_.unlock(); },
             [] {
               // What other threads were compiling will never be done in the child.
               std::erase_if(shared().slots_,
                             [](const auto& entry) { return !entry.second->done; });
               shared().mutex_.unlock();
             }});
    return made;
  }();
  return *cache;
}

std::shared_ptr<const Launch> ExecutableCache::find_launch(std::string_view signature) {
  const std::lock_guard lock(mutex_);
  const auto found = launches_.find(signature);
  if (found == launches_.end()) return nullptr;
  ++statistics_.hits;
  found->second.slot->last_used = ++clock_;
  return found->second.launch;
}

void ExecutableCache::remember_launch(const std::string& signature, const std::string& key,
                                      std::shared_ptr<const Launch> launch) {
  std::shared_ptr<const Launch> garbage;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(key);
  if (slot == slots_.end() || slot->second->executable != launch->executable) return;
  if (launches_.contains(signature)) return;
  auto& launches = slot->second->launches;
  if (launches.size() >= most_signatures) {
    launches_.erase(launches.front().first);
    garbage = std::move(launches.front().second);
    launches.erase(launches.begin());
  }
  launches.emplace_back(signature, launch);
  try {
    launches_.emplace(signature, KnownLaunch{std::move(launch), slot->second.get()});
  } catch (...) {
    launches.pop_back();
    throw;
  }
}

std::shared_ptr<const Executable> ExecutableCache::get(uint64_t graph, const std::string& key,
                                                       CallerLock& caller, const Build& build) {
  Garbage garbage;
  std::unique_lock lock(mutex_);
  if (const auto found = slots_.find(key); found != slots_.end())
    return wait_for(lock, found->second, caller);
  const auto slot = std::make_shared<Slot>();
  slot->graph = graph;
  slots_.emplace(key, slot);
  ++statistics_.misses;
  lock.unlock();
  std::shared_ptr<const Executable> made;
  std::exception_ptr error;
  const auto start = std::chrono::steady_clock::now();
  try {
    made = build();
  } catch (...) {
    error = std::current_exception();
  }
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  lock.lock();
  statistics_.compile_milliseconds += spent.count();
  slot->done = true;
  slot->error = error;
  // `clear` or `forget` may have taken the slot out of the table while we were compiling.
  const auto place = slots_.find(key);
  const bool present = place != slots_.end() && place->second == slot;
  if (made) slot->executable = made;
  if (made && present) keep(*slot, made, garbage);
  if (!made && present) slots_.erase(place);
  compiled_.notify_all();
  lock.unlock();
  if (error) std::rethrow_exception(error);
  return made;
}

std::shared_ptr<const Executable> ExecutableCache::wait_for(std::unique_lock<std::mutex>& lock,
                                                            const std::shared_ptr<Slot>& slot,
                                                            CallerLock& caller) {
  const auto held = slot;  // `slot` lies in the table, which changes while we wait
  held->last_used = ++clock_;
  ++statistics_.hits;
  if (!held->done) {
    // Acquired again only after our own lock is let go: who holds the caller's may want ours.
    caller.release();
    compiled_.wait(lock, [&] { return held->done; });
    lock.unlock();
    caller.acquire();
  } else {
    lock.unlock();
  }
  if (held->error) std::rethrow_exception(held->error);
  return held->executable;
}

void ExecutableCache::keep(Slot& slot, const std::shared_ptr<const Executable>& made,
                           Garbage& garbage) {
  slot.last_used = ++clock_;
  slot.bytes = made->resident_bytes();
  statistics_.bytes += slot.bytes;
  evict(garbage);
}

/// A graph's destructor comes here: nothing may fail.
void ExecutableCache::drop(Slots::iterator at, Garbage& garbage) noexcept {
  auto& slot = *at->second;
  statistics_.bytes -= slot.bytes;
  for (const auto& launch : slot.launches) launches_.erase(launch.first);
  slot.next = std::move(garbage.first);
  garbage.first = std::move(at->second);
  slots_.erase(at);
}

void ExecutableCache::evict(Garbage& garbage) {
  while (slots_.size() > statistics_.count_limit ||
         (statistics_.bytes > statistics_.byte_limit && slots_.size() > 1)) {
    auto oldest = slots_.end();
    for (auto at = slots_.begin(); at != slots_.end(); ++at)
      if (at->second->done &&
          (oldest == slots_.end() || at->second->last_used < oldest->second->last_used))
        oldest = at;
    if (oldest == slots_.end()) return;
    drop(oldest, garbage);
    ++statistics_.evictions;
  }
}

void ExecutableCache::forget(uint64_t graph) {
  Garbage garbage;
  const std::lock_guard lock(mutex_);
  for (auto at = slots_.begin(); at != slots_.end();) {
    const auto next = std::next(at);
    if (at->second->graph == graph) drop(at, garbage);
    at = next;
  }
}

void ExecutableCache::count_feed_by_value() {
  const std::lock_guard lock(mutex_);
  ++statistics_.feeds_by_value;
}

void ExecutableCache::clear() {
  Garbage garbage;
  const std::lock_guard lock(mutex_);
  while (!slots_.empty()) drop(slots_.begin(), garbage);
}

void ExecutableCache::limit(std::optional<size_t> count, std::optional<size_t> bytes) {
  Garbage garbage;
  const std::lock_guard lock(mutex_);
  if (count) statistics_.count_limit = *count;
  if (bytes) statistics_.byte_limit = *bytes;
  evict(garbage);
}

cache::Statistics ExecutableCache::statistics() {
  const std::lock_guard lock(mutex_);
  auto result = statistics_;
  result.entries = slots_.size();
  return result;
}

namespace cache {

Statistics statistics() {
  auto result = ExecutableCache::shared().statistics();
  for (const auto& device : Device::all()) {
    const auto kernels = device.backend().kernel_statistics();
    result.kernels_compiled += kernels.compiled;
    result.kernels_reused += kernels.reused;
    result.kernel_disk_hits += kernels.disk_hits;
    result.kernel_compile_milliseconds += kernels.compile_milliseconds;
    result.code_bytes += kernels.code_bytes;
  }
  result.pooled_bytes = BufferPool::shared().statistics().free_bytes;
  return result;
}

void clear() {
  ExecutableCache::shared().clear();
  BufferPool::shared().trim();
}

void limit(std::optional<size_t> count, std::optional<size_t> bytes) {
  ExecutableCache::shared().limit(count, bytes);
}

}  // namespace cache
}  // namespace mpsg
