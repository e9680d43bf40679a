// The one thread pool of the process: sized once, spinning while a plan runs, parked at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "graph/contexts.h"

namespace mpsg {

class ThreadPool final : public Parallel {
 public:
  /// `threads` counts the calling thread.
  explicit ThreadPool(int threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  /// While one lives, the workers spin for work instead of sleeping.
  class Session {
   public:
    explicit Session(const ThreadPool& pool);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

   private:
    const ThreadPool& pool_;
  };

  /// Calls task(0) ... task(count - 1), each once, on the caller and the workers; returns when all
  /// are done. The first exception is rethrown here.
  void run_tasks(int64_t count, const std::function<void(int64_t)>& task) const;

  /// The same, allocating nothing. `worker` is in [0, threads()), and different for tasks that run
  /// at the same time.
  using Task = void (*)(const void* context, int64_t index, int worker);
  void run_tasks(int64_t count, Task task, const void* context) const;

  /// Do the workers spin, so that a job reaches them at once?
  bool awake() const;
  /// Begins to wake the workers, for a session whose parallel steps are still to come.
  void wake() const;

  void for_range(int64_t count, int64_t grain,
                 const std::function<void(int64_t, int64_t)>& body) const override;

  /// MPSG_NUM_THREADS, else the processors this process may use.
  static int configured_threads();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mpsg
