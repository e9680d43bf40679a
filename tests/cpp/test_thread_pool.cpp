// The thread pool: every task once, whatever happens around it.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "backends/cpu/thread_pool.h"
#include "mpsg/error.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using mpsg::ThreadPool;

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool thread_sanitizer = true;  // it cannot follow threads that a forked child starts
#else
constexpr bool thread_sanitizer = false;
#endif

/// Sum of 0 ... count - 1, each index in its own task.
int64_t sum_of_tasks(const ThreadPool& pool, int64_t count) {
  std::atomic<int64_t> sum{0};
  pool.run_tasks(count, [&](int64_t i) { sum += i; });
  return sum;
}

std::vector<std::pair<int64_t, int64_t>> ranges_of(const ThreadPool& pool, int64_t count,
                                                   int64_t grain) {
  std::mutex mutex;
  std::vector<std::pair<int64_t, int64_t>> ranges;
  pool.for_range(count, grain, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    ranges.emplace_back(begin, end);
  });
  std::sort(ranges.begin(), ranges.end());
  return ranges;
}

class Environment {
 public:
  explicit Environment(const char* threads) { setenv("MPSG_NUM_THREADS", threads, 1); }
  ~Environment() { unsetenv("MPSG_NUM_THREADS"); }
};

}  // namespace

TEST_CASE("thread pool: every task runs once") {
  for (int threads : {1, 2, 3, 8}) {
    const ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<size_t>(count));
      const ThreadPool::Session session(pool);
      pool.run_tasks(count, [&](int64_t i) { ++calls[static_cast<size_t>(i)]; });
      for (auto& call : calls) CHECK(call == 1);
    }
  }
}

TEST_CASE("thread pool: what tasks wrote is visible afterwards, without atomics") {
  const ThreadPool pool(4);
  std::vector<int64_t> squares(5000);
  for (int round = 0; round < 20; ++round) {
    pool.run_tasks(5000, [&](int64_t i) { squares[static_cast<size_t>(i)] = i * i + round; });
    for (int64_t i = 0; i < 5000; ++i) REQUIRE(squares[static_cast<size_t>(i)] == i * i + round);
  }
}

TEST_CASE("thread pool: ranges cover everything and depend on nothing but the arguments") {
  const ThreadPool pool(3);
  for (int64_t count : {1, 2, 11, 12, 13, 1000, 12345}) {
    for (int64_t grain : {0, 1, 5, 100, 100000}) {
      const auto ranges = ranges_of(pool, count, grain);
      CHECK(static_cast<int64_t>(ranges.size()) <= 12);
      CHECK(ranges.front().first == 0);
      CHECK(ranges.back().second == count);
      for (size_t i = 1; i < ranges.size(); ++i) CHECK(ranges[i - 1].second == ranges[i].first);
      CHECK(ranges_of(pool, count, grain) == ranges);
    }
  }
  CHECK(ranges_of(pool, 0, 1).empty());
  CHECK(ranges_of(ThreadPool(1), 100, 1).size() == 1);
}

TEST_CASE("thread pool: an exception of a task reaches the caller, and the pool goes on") {
  for (int threads : {1, 2, 4}) {
    const ThreadPool pool(threads);
    const ThreadPool::Session session(pool);
    for (int64_t bad : {0, 13, 99}) {
      CHECK_THROWS_WITH_AS(pool.run_tasks(100,
                                          [&](int64_t i) {
                                            if (i == bad) throw std::runtime_error("task");
                                          }),
                           "task", std::runtime_error);
      CHECK(sum_of_tasks(pool, 100) == 4950);
    }
    CHECK_THROWS_AS(pool.run_tasks(100, [](int64_t) { throw 7; }), int);
    CHECK(sum_of_tasks(pool, 100) == 4950);
  }
}

TEST_CASE("thread pool: nested calls run inline") {
  const ThreadPool pool(4);
  std::atomic<int64_t> sum{0};
  std::atomic<int> elsewhere{0};
  pool.run_tasks(10, [&](int64_t i) {
    const auto me = std::this_thread::get_id();
    pool.run_tasks(10, [&](int64_t j) {
      if (std::this_thread::get_id() != me) ++elsewhere;
      sum += 10 * i + j;
    });
    pool.for_range(10, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  });
  CHECK(sum == 4950 + 100);
  CHECK(elsewhere == 0);
}

TEST_CASE("thread pool: many small sessions, nested and empty ones") {
  const ThreadPool pool(3);
  for (int i = 0; i < 2000; ++i) {
    const ThreadPool::Session session(pool);
    if (i % 3 == 0) continue;
    const ThreadPool::Session inner(pool);
    REQUIRE(sum_of_tasks(pool, 5) == 10);
  }
}

TEST_CASE("thread pool: pools come and go") {
  for (int i = 0; i < 100; ++i) {
    const ThreadPool pool(1 + i % 4);
    if (i % 2) REQUIRE(sum_of_tasks(pool, 10) == 45);
  }
}

TEST_CASE("thread pool: several callers at once") {
  const ThreadPool pool(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        const ThreadPool::Session session(pool);
        if (sum_of_tasks(pool, 50) != 1225) ++wrong;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("thread pool: the environment decides the number of threads") {
  CHECK(ThreadPool::configured_threads() >= 1);
  const auto configured = [](const char* text) {
    const Environment environment(text);
    return ThreadPool::configured_threads();
  };
  CHECK(configured("3") == 3);
  CHECK(configured("0") == 1);
  CHECK(configured("-5") == 1);
  CHECK(configured("5000") == 1024);
  CHECK(configured("99999999999999999999") == 1024);
  for (const char* bad : {"two", "2x", " 2", "1.5", "-"}) {
    const Environment environment(bad);
    CHECK_THROWS_AS(ThreadPool::configured_threads(), mpsg::ExecutionError);
  }
  CHECK(configured("") >= 1);
}

#if defined(__unix__) || defined(__APPLE__)
TEST_CASE("thread pool: a forked child gets its own workers") {
  if (thread_sanitizer) return;
  const ThreadPool pool(3);
  const ThreadPool::Session session(pool);
  CHECK(sum_of_tasks(pool, 100) == 4950);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);  // a hang ends the child, and the test fails
    bool good = true;
    for (int i = 0; i < 50; ++i) {
      const ThreadPool::Session inner(pool);
      good = good && sum_of_tasks(pool, 100) == 4950;
    }
    _exit(good ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(sum_of_tasks(pool, 100) == 4950);
}
#endif

TEST_CASE(
    "thread pool: tasks without a std::function know their worker, one task a worker at a time") {
  struct Counts {
    std::array<std::atomic<int>, 500> calls{};
    std::array<std::atomic<int>, 4> running{};
    std::atomic<bool> strange{false};
  };
  const ThreadPool pool(4);
  const ThreadPool::Session session(pool);
  Counts counts;
  const auto task = [](const void* context, int64_t index, int worker) {
    auto& all = *static_cast<Counts*>(const_cast<void*>(context));
    if (worker < 0 || worker >= 4) {
      all.strange = true;
      return;
    }
    auto& running = all.running[static_cast<size_t>(worker)];
    if (running.fetch_add(1) != 0) all.strange = true;
    ++all.calls[static_cast<size_t>(index)];
    running.fetch_sub(1);
  };
  for (int repeat = 1; repeat <= 20; ++repeat) {
    pool.run_tasks(500, task, &counts);
    for (const auto& calls : counts.calls) CHECK(calls == repeat);
  }
  CHECK_FALSE(counts.strange);
}

TEST_CASE("thread pool: workers can be woken before there is work, while a session lives") {
  const ThreadPool pool(3);
  const ThreadPool alone(1);
  alone.wake();
  CHECK_FALSE(alone.awake());
  const ThreadPool::Session session(pool);
  pool.run_tasks(8, [](const void*, int64_t, int) {}, nullptr);
  pool.wake();
  for (int i = 0; i < 10000 && !pool.awake(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(pool.awake());
}
