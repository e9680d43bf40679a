// How a Fourier transform is computed: the stages of each length, and the passes over a tensor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "mpsg/shape.h"
#include "ops/fourier/lanes_call.h"

namespace mpsg::ops::fourier {

/// The transform of lines of one length: a product of small radices, or Bluestein's convolution.
class LinePlan {
 public:
  explicit LinePlan(int64_t length);
  LinePlan(const LinePlan&) = delete;
  LinePlan& operator=(const LinePlan&) = delete;

  const TransformView& view() const { return view_; }
  size_t bytes() const {
    return sizeof(float) * (twiddles_.size() + chirp_.size() + filter_.size());
  }

 private:
  void plan_stages(int64_t length, const std::vector<int64_t>& radices);
  void plan_chirp();

  std::vector<StageView> stages_;
  std::vector<float> twiddles_;
  std::vector<float> chirp_;
  std::vector<float> filter_;
  TransformView view_{};
};

/// Calls body(task, workspace) for each task, perhaps on several threads, each with a workspace
/// of its own of as many floats as the pass needs.
using TaskBody = std::function<void(int64_t task, float* workspace)>;
class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  virtual void run(int64_t tasks, int64_t workspace_floats, const TaskBody& body) const = 0;
};

enum class Kind { complex_to_complex, real_to_complex, real_to_hermitean, hermitean_to_real };

struct Options {
  Kind kind = Kind::complex_to_complex;
  bool inverse = false;
  float scale = 1.0f;
  float inner = 1.0f;  // of LanesCall
};

/// The transform of a tensor along some axes; the last of these is the real one, if one is.
class TensorPlan {
 public:
  /// `real_shape`: of the result of hermitean_to_real, else of the operand.
  TensorPlan(const Shape& real_shape, const std::vector<int>& axes, const Options& options);

  /// The most floats of workspace that a task needs.
  int64_t task_floats(const LaneKernels& kernels) const;
  /// Of the tables.
  size_t resident_bytes() const;
  /// Floats of memory between the passes.
  int64_t between_floats() const;
  void run(const float* source, float* target, float* between, const LaneKernels& kernels,
           const TaskRunner& runner) const;

 private:
  /// The tensor as (outer, length, inner).
  struct Axis {
    int64_t outer = 1, inner = 1;
    std::shared_ptr<const LinePlan> plan;
    // A long line is a matrix (rows, columns): its columns are transformed first.
    std::shared_ptr<const LinePlan> columns, rows;
    std::vector<float> twiddles;

    int64_t length() const { return plan ? plan->view().length : rows_times_columns(); }
    int64_t rows_times_columns() const { return columns->view().length * rows->view().length; }
  };

  static Axis make_axis(const Shape& shape, int axis, bool may_be_cut);
  void make_real_axis(const Shape& shape, int axis);
  void run_complex(const Axis& axis, const float* source, float* target, float scale,
                   float* between, const LaneKernels& kernels, const TaskRunner& runner) const;
  void run_long(const Axis& axis, const float* source, float* target, float scale, float* between,
                const LaneKernels& kernels, const TaskRunner& runner, bool inverse) const;
  void run_long_real(const float* source, float* target, float scale, float* between,
                     const LaneKernels& kernels, const TaskRunner& runner) const;
  void run_real(const float* source, float* target, float scale, float* between,
                const LaneKernels& kernels, const TaskRunner& runner) const;

  const Options options_;
  std::vector<Axis> complex_axes_;
  Axis real_axis_;
  bool has_real_axis_ = false;
  // A long real line is one of half as many complex numbers; `real_axis_` has that one's plan.
  bool is_long_real_ = false;
  std::vector<float> real_roots_;  // exp(-2 pi i k / n) for k < n / 2
  int64_t complex_elements_ = 1;   // of the tensor that the complex passes see
  int64_t real_elements_ = 1;
};

}  // namespace mpsg::ops::fourier
