// An executable compiled for other feed types than its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "mpsg/executable.h"
#include "runtime/caller_lock.h"

namespace mpsg {

/// The compiled ones are in the process's cache; this is how they are found, and whether they are
/// looked for.
struct Specializations {
  Specializations();
  const uint64_t id;                // no other has it
  std::atomic<bool> wanted{false};  // specialize was called
  std::mutex mutex;
  std::shared_ptr<const Executable> last;
};

/// For feeds of these types; nullptr: the executable itself. Compiles if need be. Throws FeedError,
/// GraphError.
std::shared_ptr<const Executable> specialization_for(const Executable& executable,
                                                     std::span<const TensorType> types,
                                                     CallerLock& caller);
/// The same for feeds.
std::shared_ptr<const Executable> specialization_for(const Executable& executable,
                                                     std::span<const TensorData> feeds,
                                                     CallerLock& caller);
/// See Executable::specialize, Executable::output_types.
void specialize_executable(const Executable& executable, std::span<const TensorType> types,
                           CallerLock& caller);
std::vector<TensorType> output_types_for(const Executable& executable,
                                         std::span<const TensorType> types, CallerLock& caller);
/// Waits for a compilation that goes on, without the caller's lock.
void wait_for_compilation(const Executable& executable, CallerLock& caller);

}  // namespace mpsg
