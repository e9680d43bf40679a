// A kernel made of library calls on slices: phases one after the other, the tasks of a phase in any
// order on any thread.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "backends/common/kernel.h"
#include "backends/cpu/onednn/primitives.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg::onednn {

/// Where an argument of a library call lies.
struct Place {
  enum class Base {
    input,  // number `index` of the step
    output,
    shared,  // workspace that all tasks see
    slot,    // workspace of the thread that executes the task
  };
  Base base = Base::input;
  int index = 0;
  size_t offset = 0;  // bytes

  static Place input(int index, size_t offset = 0) { return {Base::input, index, offset}; }
  static Place output(int index, size_t offset = 0) { return {Base::output, index, offset}; }
};

/// Addresses of one run, as one thread sees them.
struct Addresses {
  const KernelArguments* arguments;
  char* shared;
  char* slot;

  char* operator()(const Place& place) const;
};

/// Hands out 64-byte aligned offsets of a workspace.
class Arena {
 public:
  explicit Arena(Place::Base base) : base_(base) {}
  Place take(size_t bytes);
  size_t size() const { return size_; }

 private:
  Place::Base base_;
  size_t size_ = 0;
};

/// A primitive with its arguments, ready to execute: nothing is allocated by `run`. One thread at
/// a time.
class Call {
 public:
  Call(PrimitivePointer primitive, const std::vector<std::pair<int, Place>>& arguments);
  void run(const Addresses& addresses) const;

 private:
  PrimitivePointer primitive_;
  dnnl::stream stream_;
  std::vector<dnnl::memory> memories_;
  std::vector<Place> places_;
  std::vector<dnnl_exec_arg_t> execution_;
};

/// Library calls in order, in the workspace slot of the thread that runs them.
class Task {
 public:
  Task() : slot_(Place::Base::slot) {}
  /// Memory of this task for as long as it runs.
  Place take(size_t bytes) { return slot_.take(bytes); }
  /// Appends a call; its scratchpad is taken from the slot.
  void add(const PrimitivePointer& primitive, std::vector<std::pair<int, Place>> arguments);
  void run(const Addresses& addresses) const;
  size_t slot_bytes() const { return slot_.size(); }

 private:
  Arena slot_;
  std::vector<Call> calls_;
};

class SlicedKernel : public Kernel {
 public:
  explicit SlicedKernel(const ThreadPool& pool) : pool_(pool), shared_(Place::Base::shared) {}

  /// Memory that all tasks of all phases see.
  Place take_shared(size_t bytes) { return shared_.take(bytes); }
  void add_phase(std::vector<Task> tasks);
  /// A phase of our own code.
  using Function = std::function<void(const Addresses&, const ThreadPool&)>;
  void add_phase(Function function);
  void set_description(std::string text) { description_ = std::move(text); }

  void run(const KernelArguments& arguments) const override;
  size_t workspace_bytes() const override;
  std::string description() const override { return description_; }

 private:
  struct Phase {
    std::vector<Task> tasks;
    Function function;
  };
  void run_tasks(const std::vector<Task>& tasks, const Addresses& addresses) const;

  const ThreadPool& pool_;
  Arena shared_;
  size_t slot_bytes_ = 0;
  std::vector<Phase> phases_;
  std::string description_;
};

/// Part of a batch.
struct BatchSlice {
  int64_t begin;
  int64_t size;
};

/// The batch cut into one share for each thread, each share into powers of two not above `most`,
/// largest first: 40 images and 2 threads give 16, 16, 4, 4. So primitives for few sizes serve
/// every batch, and the cut depends on nothing that changes from run to run.
std::vector<BatchSlice> slice_batch(int64_t batch, int64_t threads, int64_t most);

/// Slices of images of about 0.4 ms each, so that a thread that is held up loses little; but not
/// many more than eight for each thread.
std::vector<BatchSlice> image_slices(int64_t batch, double operations_per_image,
                                     const ThreadPool& pool);

/// Threads worth using for so much work: below about 20 us a thread is not worth its wake-up.
int64_t useful_threads(const ThreadPool& pool, double operations);

/// "oneDNN brgconv:avx2, 4 slices".
std::string describe_slices(const std::string& implementation, size_t slices);

}  // namespace mpsg::onednn
