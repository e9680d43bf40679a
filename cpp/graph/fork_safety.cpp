#include "graph/fork_safety.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

#include <chrono>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace mpsg {
namespace {

constexpr std::chrono::seconds longest_wait{2};

struct Forks {
  std::shared_timed_mutex work;  // shared: work in progress; alone: a fork
  std::mutex mutex;
  std::vector<ForkHandlers> handlers;
  bool waited = false;  // the fork under way holds `work`
};

thread_local int depth = 0;

void before_fork();
void after_fork_in_parent();
void after_fork_in_child();

Forks& forks() {
  static Forks* const made = [] {
    auto* const all = new Forks;  // outlives every static object
#if defined(__unix__) || defined(__APPLE__)
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
#endif
    return all;
  }();
  return *made;
}

void before_fork() {
  auto& all = forks();
  const bool waited = depth == 0 && all.work.try_lock_for(longest_wait);
  all.mutex.lock();
  all.waited = waited;
  for (const auto& each : all.handlers)
    if (each.before) each.before();
}

void after_fork_in_parent() {
  auto& all = forks();
  for (const auto& each : all.handlers)
    if (each.in_parent) each.in_parent();
  const bool waited = all.waited;
  all.mutex.unlock();
  if (waited) all.work.unlock();
}

void after_fork_in_child() {
  auto& all = forks();
  for (const auto& each : all.handlers)
    if (each.in_child) each.in_child();
  all.mutex.unlock();
  // Not unlocked: it knows of threads that wait for it, and these do not exist here.
  std::construct_at(&all.work);
}

}  // namespace

UnforkedWork::UnforkedWork() {
  if (depth == 0) forks().work.lock_shared();
  ++depth;
}

UnforkedWork::~UnforkedWork() {
  --depth;
  if (depth == 0) forks().work.unlock_shared();
}

void at_fork(const ForkHandlers& handlers) {
  auto& all = forks();
  const std::lock_guard lock(all.mutex);
  all.handlers.push_back(handlers);
}

}  // namespace mpsg
