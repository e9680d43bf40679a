#include "backends/cpu/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "graph/environment.h"
#include "graph/fork_safety.h"
#include "graph/pause_processor.h"
#include "mpsg/error.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <sched.h>
#endif

namespace mpsg {
namespace {

constexpr int most_threads = 1024;
// About 5 us of polling before a thread offers its processor to others.
constexpr int spins_before_yield = 200;

/// Polls politely: a tight loop first, then the processor is yielded between polls, because the
/// thread we wait for may be waiting for this very processor.
class Spinner {
 public:
  void wait() {
    if (spins_ < spins_before_yield) {
      ++spins_;
      pause_processor();
    } else {
      std::this_thread::yield();
    }
  }
  void reset() { spins_ = 0; }

 private:
  int spins_ = 0;
};

// True while this thread executes a task: nested calls then run inline.
thread_local bool inside_task = false;

/// Sets the flag for a scope and puts the old value back.
class InsideTask {
 public:
  InsideTask() : before_(inside_task) { inside_task = true; }
  ~InsideTask() { inside_task = before_; }

 private:
  bool before_;
};

/// The worker threads and the job they share. A forked child abandons the crew it inherited,
/// whose threads do not exist there, and makes a new one.
class Crew {
 public:
  explicit Crew(int workers) {
    try {
      threads_.reserve(static_cast<size_t>(workers));
      for (int i = 0; i < workers; ++i) threads_.emplace_back([this, i] { work(i + 1); });
    } catch (const std::exception&) {
      // The system gives no more threads: the ones we have (perhaps none) do everything.
    }
  }

  ~Crew() {
    stop_.store(true);
    wake();
    for (auto& thread : threads_) thread.join();
  }

  /// False if another thread's job is running.
  bool try_run(int64_t count, ThreadPool::Task task, const void* context) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    count_ = count;
    task_ = task;
    context_ = context;
    failed_.store(false, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    remaining_.store(count);  // from here on workers may claim
    wake_the_parked();
    while (claim_and_run(0)) {
    }
    Spinner spinner;
    while (done_.load(std::memory_order_acquire) < count) spinner.wait();
    const std::exception_ptr error = std::exchange(error_, nullptr);
    busy_.store(false, std::memory_order_release);
    if (error) std::rethrow_exception(error);
    return true;
  }

  bool awake() const { return !threads_.empty() && parked_.load(std::memory_order_relaxed) == 0; }

  void wake_the_parked() {
    if (parked_.load() == 0) return;
    keep_off_this_processor();
    wake();
  }

  void enter_session() { sessions_.fetch_add(1); }
  void leave_session() {
    // Never below zero: a Session that was open during a fork ends in a crew that never saw it.
    int sessions = sessions_.load();
    while (sessions > 0 && !sessions_.compare_exchange_weak(sessions, sessions - 1)) {
    }
  }

 private:
  // Whoever lowers `remaining_` from r > 0 to r - 1 owns task count_ - r. The job cannot end before
  // its owner reports it done, so count_ and task_ are read only while they are stable.
  bool claim_and_run(int worker) {
    int64_t remaining = remaining_.load(std::memory_order_relaxed);
    do {
      if (remaining <= 0) return false;
    } while (!remaining_.compare_exchange_weak(remaining, remaining - 1, std::memory_order_acq_rel,
                                               std::memory_order_relaxed));
    if (!failed_.load(std::memory_order_relaxed)) run_task(count_ - remaining, worker);
    done_.fetch_add(1, std::memory_order_acq_rel);
    return true;
  }

  void run_task(int64_t index, int worker) {
    const InsideTask inside;
    try {
      task_(context_, index, worker);
    } catch (...) {
      // Only the first to fail writes error_; the caller reads it after the last task is done.
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
  }

  void work(int worker) {
    while (!stop_.load()) {
      const uint32_t epoch = epoch_.load();
      spin_while_in_session(worker);
      parked_.fetch_add(1);
      if (remaining_.load() <= 0 && !stop_.load()) epoch_.wait(epoch);
      parked_.fetch_sub(1);
    }
  }

  // A little longer than the session: the next run often follows at once, and waking a thread
  // costs tens of microseconds.
  void spin_while_in_session(int worker) {
    using Clock = std::chrono::steady_clock;
    constexpr auto linger = std::chrono::microseconds(100);
    Spinner spinner;
    Clock::time_point left{};  // when the last session was left; the epoch: not yet
    while (!stop_.load()) {
      if (claim_and_run(worker)) {
        spinner.reset();
        left = {};
      } else if (sessions_.load(std::memory_order_relaxed) > 0) {
        spinner.wait();
        left = {};
      } else if (const auto now = Clock::now(); left == Clock::time_point{}) {
        left = now;
      } else if (now - left > linger) {
        return;
      }
    }
  }

  // A sleeping worker is often woken on the very processor that its waker occupies, and then waits
  // for a scheduler tick (milliseconds) although another processor idles. So the workers may use
  // every processor of the caller but the one it is on. With many processors collisions are rare.
  void keep_off_this_processor() {
#if defined(__linux__)
    const int processor = sched_getcpu();
    if (processor < 0 || processor == avoided_processor_ || threads_.size() > 8) return;
    avoided_processor_ = processor;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 2) return;
    CPU_CLR(static_cast<size_t>(processor), &set);
    for (auto& thread : threads_) pthread_setaffinity_np(thread.native_handle(), sizeof(set), &set);
#endif
  }

  void wake() {
    epoch_.fetch_add(1);
    epoch_.notify_all();
  }

  alignas(64) std::atomic<int64_t> remaining_{0};
  alignas(64) std::atomic<int64_t> done_{0};
  alignas(64) std::atomic<int> sessions_{0};
  std::atomic<int> parked_{0};
  std::atomic<uint32_t> epoch_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> busy_{false};
  std::atomic<bool> failed_{false};
  int64_t count_ = 0;
  ThreadPool::Task task_ = nullptr;
  const void* context_ = nullptr;
  std::exception_ptr error_;
  int avoided_processor_ = -1;
  std::vector<std::thread> threads_;
};

/// "max 100000" or "200000 100000" -> whole processors, rounded up; 0 = no limit.
int processors_of_quota(double quota, double period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::min(std::max((quota + period - 1) / period, 1.0), 1e6));
}

int cgroup_processors() {
  if (std::ifstream file("/sys/fs/cgroup/cpu.max"); file) {
    std::string quota;
    double period = 0;
    file >> quota >> period;
    return quota == "max" ? 0 : processors_of_quota(std::atof(quota.c_str()), period);
  }
  double quota = 0;
  double period = 0;
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota;
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  return processors_of_quota(quota, period);
}

int available_processors() {
  int processors = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) processors = CPU_COUNT(&set);
#endif
  const int quota = cgroup_processors();
  if (quota > 0) processors = std::min(processors, quota);
  return processors;
}

}  // namespace

struct ThreadPool::State {
  explicit State(int threads) : threads(threads) { Registry::add(*this); }
  ~State() {
    Registry::remove(*this);
    delete crew.load();
  }

  /// The crew of this process, made when it is first needed.
  Crew& require_crew() {
    Crew* found = crew.load(std::memory_order_acquire);
    if (found) return *found;
    auto fresh = std::make_unique<Crew>(threads - 1);
    if (crew.compare_exchange_strong(found, fresh.get(), std::memory_order_acq_rel))
      return *fresh.release();
    return *found;  // another thread was quicker
  }

  /// Every pool of the process, for the child of a fork.
  class Registry {
   public:
    static void add(State& state) {
      static const bool once = [] {
        at_fork({[] { get().mutex_.lock(); }, [] { get().mutex_.unlock(); },
                 [] { get().after_fork_in_child(); }});
        return true;
      }();
      (void)once;
      const std::lock_guard lock(get().mutex_);
      get().states_.push_back(&state);
    }
    static void remove(State& state) {
      const std::lock_guard lock(get().mutex_);
      std::erase(get().states_, &state);
    }

   private:
    static Registry& get() {
      static auto* const registry = new Registry;  // outlives every static pool
      return *registry;
    }
    // No allocation here. The old crew stays where it is: its threads exist in the parent only.
    void after_fork_in_child() {
      for (State* state : states_) {
        if (Crew* old = state->crew.exchange(nullptr)) state->abandoned = old;
      }
      inside_task = false;
      mutex_.unlock();
    }

    std::mutex mutex_;
    std::vector<State*> states_;
  };

  const int threads;
  std::atomic<Crew*> crew{nullptr};
  Crew* abandoned = nullptr;  // of the parent process; never touched
};

ThreadPool::ThreadPool(int threads)
    : state_(std::make_unique<State>(std::clamp(threads, 1, most_threads))) {}

ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const { return state_->threads; }

// The workers are woken by the first parallel step, not here: a plan of serial steps pays nothing.
ThreadPool::Session::Session(const ThreadPool& pool) : pool_(pool) {
  if (pool_.threads() > 1) pool_.state_->require_crew().enter_session();
}

ThreadPool::Session::~Session() {
  if (pool_.threads() > 1) pool_.state_->require_crew().leave_session();
}

bool ThreadPool::awake() const {
  return threads() > 1 && !inside_task && state_->require_crew().awake();
}

void ThreadPool::wake() const {
  if (threads() > 1 && !inside_task) state_->require_crew().wake_the_parked();
}

void ThreadPool::run_tasks(int64_t count, Task task, const void* context) const {
  const bool parallel = count > 1 && threads() > 1 && !inside_task;
  if (parallel && state_->require_crew().try_run(count, task, context)) return;
  for (int64_t i = 0; i < count; ++i) task(context, i, 0);
}

void ThreadPool::run_tasks(int64_t count, const std::function<void(int64_t)>& task) const {
  const auto call = [](const void* context, int64_t index, int) {
    (*static_cast<const std::function<void(int64_t)>*>(context))(index);
  };
  run_tasks(count, call, &task);
}

void ThreadPool::for_range(int64_t count, int64_t grain,
                           const std::function<void(int64_t, int64_t)>& body) const {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  // Four chunks a thread: a thread that was held up costs a quarter of its share, not all of it.
  const int64_t most = threads() > 1 ? int64_t{threads()} * 4 : 1;
  const int64_t chunks = std::min(most, (count - 1) / grain + 1);
  if (chunks == 1) return body(0, count);
  const int64_t size = count / chunks;
  const int64_t larger = count % chunks;  // the first ones have one element more
  run_tasks(chunks, [&](int64_t i) {
    const int64_t begin = i * size + std::min(i, larger);
    body(begin, begin + size + (i < larger ? 1 : 0));
  });
}

int ThreadPool::configured_threads() {
  const char* const text = environment_value("MPSG_NUM_THREADS");
  if (!text) return std::clamp(available_processors(), 1, most_threads);
  int64_t threads = 0;
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, threads);
  if (stop != end || error == std::errc::invalid_argument)
    throw ExecutionError("MPSG_NUM_THREADS is '" + std::string(text) +
                         "'; it must be a whole number from 1 to " + std::to_string(most_threads));
  if (error == std::errc::result_out_of_range) threads = *text == '-' ? 1 : most_threads;
  return static_cast<int>(std::clamp<int64_t>(threads, 1, most_threads));
}

}  // namespace mpsg
