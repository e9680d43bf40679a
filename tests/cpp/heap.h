// The heap of the test program: its allocations are counted, and made to fail.
#pragma once

#include <cstdint>

namespace mpsg::testing {

/// How often operator new was called so far, by any thread.
int64_t heap_allocations();

/// As long as this lives, the `nth` allocation (1: the next) of any thread throws std::bad_alloc,
/// and so do the following, `failures` in all. One at a time.
class HeapFailure {
 public:
  explicit HeapFailure(int64_t nth, int64_t failures = 1);
  ~HeapFailure();
  HeapFailure(const HeapFailure&) = delete;
  HeapFailure& operator=(const HeapFailure&) = delete;

  bool fired() const;

 private:
  int64_t nth_;
};

}  // namespace mpsg::testing
