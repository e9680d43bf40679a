// One function for each kind of kernel made from oneDNN; nullptr where the reference loop is
// better.
#pragma once

#include <memory>

#include "backends/common/kernel.h"
#include "backends/cpu/onednn/sliced_kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg::onednn {

enum class ConvolutionPass { forward, data_gradient, weights_gradient };

std::unique_ptr<Kernel> make_convolution(const Plan& plan, const PlanStep& step,
                                         const ThreadPool& pool, ConvolutionPass pass);
std::unique_ptr<Kernel> make_average_pooling(const Plan& plan, const PlanStep& step,
                                             const ThreadPool& pool);
std::unique_ptr<Kernel> make_average_pooling_gradient(const Plan& plan, const PlanStep& step,
                                                      const ThreadPool& pool);
std::unique_ptr<Kernel> make_matrix_multiplication(const Plan& plan, const PlanStep& step,
                                                   const ThreadPool& pool);

/// A tensor of images as the step sees it, (n, c, h, w) in the library's order of dimensions.
dnnl::memory::desc image_layout(int64_t n, int64_t c, int64_t h, int64_t w, bool nhwc);

/// Binds a plain tensor to an argument of `primitive`: where the library wants another layout, a
/// reorder into the task's memory comes first. Null if there is no reorder.
class ArgumentBinder {
 public:
  ArgumentBinder(Task& task, PrimitivePointer primitive, PrimitiveKey key)
      : task_(task), primitive_(std::move(primitive)), key_(std::move(key)) {}

  void input(int argument, const dnnl::memory::desc& layout, Place place);
  void output(int argument, const dnnl::memory::desc& layout, Place place);
  /// An argument that already has the library's layout.
  void direct(int argument, Place place) { arguments_.emplace_back(argument, place); }
  /// Appends the call and the reorders of its outputs. False if a reorder is missing.
  bool finish();

 private:
  struct Output {
    PrimitivePointer reorder;
    Place from;
    Place to;
  };
  PrimitiveKey reorder_key(int argument) const;

  Task& task_;
  PrimitivePointer primitive_;
  PrimitiveKey key_;
  std::vector<std::pair<int, Place>> arguments_;
  std::vector<Output> outputs_;
  bool complete_ = true;
};

}  // namespace mpsg::onednn
