// Scratch memory of runs in flight, shared by all programs of the process: executables of a hundred
// batch sizes work in one arena, whose pages were touched long ago.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <set>
#include <vector>

#include "graph/page_memory.h"

namespace mpsg {

class ScratchPool {
 public:
  static ScratchPool& shared();

  /// Memory for one run; back in the pool at the end.
  class Lease {
   public:
    explicit Lease(size_t bytes) : memory_(shared().take(bytes)) {}
    ~Lease() { shared().give(memory_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    std::byte* data() const { return memory_->data(); }

   private:
    PageMemory* memory_;
  };

  /// A program that may run. What no living program needs is given back to the system.
  class Need {
   public:
    explicit Need(size_t bytes) : bytes_(bytes) { shared().add_need(bytes); }
    ~Need() { shared().remove_need(bytes_); }
    Need(const Need&) = delete;
    Need& operator=(const Need&) = delete;

   private:
    size_t bytes_;
  };

 private:
  PageMemory* take(size_t bytes);
  PageMemory* take_other(size_t bytes, PageMemory* too_small);
  void give(PageMemory* memory) noexcept;
  void add_need(size_t bytes);
  void remove_need(size_t bytes);

  std::atomic<PageMemory*> spare_{nullptr};  // the common case: one run at a time, no lock
  std::mutex mutex_;
  std::vector<PageMemory*> others_;
  std::multiset<size_t> needs_;
};

}  // namespace mpsg
