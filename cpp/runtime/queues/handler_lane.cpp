#include "runtime/queues/handler_lane.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "graph/fork_safety.h"
#include "mpsg/error.h"

namespace mpsg {

/// The threads: as many as handlers run at the same time. One of them may wait for another's work.
class HandlerThreads {
 public:
  static HandlerThreads& shared() {
    static auto* const threads = [] {
      auto* const made = new HandlerThreads();  // never destroyed
      at_fork({[] { shared().mutex_.lock(); }, [] { shared().mutex_.unlock(); },
               [] { shared().forked(); }});
      return made;
    }();
    return *threads;
  }

  void require() {
    const std::lock_guard lock(mutex_);
    if (finished_ || !threads_.empty()) return;
    try {
      add_thread();
    } catch (const std::system_error& error) {
      throw ExecutionError(std::string("no thread for handlers: ") + error.what());
    }
  }

  void post(const std::shared_ptr<HandlerLane>& lane, HandlerLane::Job job) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (!finished_) {
        try {
          if (lane->epoch_ != epoch_) {  // what the parent of a fork had to call
            lane->jobs_.clear();
            lane->active_ = false;
            lane->epoch_ = epoch_;
          }
          lane->jobs_.push_back(std::move(job));
          if (!lane->active_) {
            ready_.push_back(lane);
            lane->active_ = true;
            if (idle_ < ready_.size()) add_thread();
            work_.notify_one();
          }
          return;
        } catch (const std::system_error&) {
          work_.notify_one();  // the threads that there are do it
          return;
        } catch (const std::bad_alloc&) {
          if (!job) return;  // it is in the lane; the next one takes it along
        }
      }
    }
    job();
  }

  bool busy() {
    const std::lock_guard lock(mutex_);
    return !ready_.empty() || idle_ < threads_.size();
  }

  void finish(bool wait) {
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
      threads.swap(threads_);
      work_.notify_all();
    }
    for (auto& thread : threads)
      if (!wait || thread.get_id() == std::this_thread::get_id()) thread.detach();
      else thread.join();
  }

  /// In the child, with the lock of the forking thread.
  void forked() {
    for (auto& thread : threads_) std::construct_at(&thread);
    threads_.clear();
    ready_.clear();
    idle_ = 0;
    ++epoch_;
    std::construct_at(&work_);
    mutex_.unlock();
  }

 private:
  void add_thread() {
    threads_.emplace_back();  // the room first: a thread without a place cannot be ended
    try {
      threads_.back() = std::thread([this] { serve(); });
    } catch (...) {
      threads_.pop_back();
      throw;
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      work_.wait(lock, [this] { return !ready_.empty() || finished_; });
      --idle_;
      if (ready_.empty()) return;
      const auto lane = std::move(ready_.front());
      ready_.pop_front();
      while (!lane->jobs_.empty()) {
        auto job = std::move(lane->jobs_.front());
        lane->jobs_.pop_front();
        lock.unlock();
        job();
        job = nullptr;  // what it holds goes without the lock
        lock.lock();
      }
      lane->active_ = false;
    }
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::shared_ptr<HandlerLane>> ready_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  uint64_t epoch_ = 0;  // how many forks this process has behind it
  bool finished_ = false;
};

void HandlerLane::require_threads() { HandlerThreads::shared().require(); }
void HandlerLane::post(Job job) noexcept {
  HandlerThreads::shared().post(shared_from_this(), std::move(job));
}
bool HandlerLane::any_busy() { return HandlerThreads::shared().busy(); }
void HandlerLane::finish(bool wait) { HandlerThreads::shared().finish(wait); }

}  // namespace mpsg
