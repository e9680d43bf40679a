// A batch of matrices with any strides as a source of panels.
#pragma once

#include <array>
#include <cstdint>

#include "backends/cpu/contraction/gemm.h"

namespace mpsg::contraction {

/// Where matrix `item` of a batch begins, the dimensions of the batch seen from the innermost one;
/// a step of 0 repeats the matrix (broadcast).
struct BatchSteps {
  static constexpr int most = 16;
  std::array<int64_t, most> sizes{};
  std::array<int64_t, most> steps{};
  int rank = 0;

  int64_t offset(int64_t item) const {
    int64_t found = 0;
    for (int i = 0; i < rank; ++i) {
      found += item % sizes[static_cast<size_t>(i)] * steps[static_cast<size_t>(i)];
      item /= sizes[static_cast<size_t>(i)];
    }
    return found;
  }
};

/// Element (lane, k) of matrix `item` at data[batch.offset(item) + lane * lane_step +
/// k * depth_step].
class StridedSource final : public PanelSource {
 public:
  StridedSource(const float* data, int64_t lane_step, int64_t depth_step, const BatchSteps& batch,
                const MicroKernels& kernels)
      : data_(data),
        lane_step_(lane_step),
        depth_step_(depth_step),
        batch_(batch),
        kernels_(kernels) {}

  void pack(int64_t item, int64_t lane_begin, int64_t lanes, int64_t width, int64_t k_begin,
            int64_t depth, float* destination) const override {
    kernels_.pack_panel(
        {at(item, lane_begin, k_begin), lane_step_, depth_step_, lanes, width, depth, destination});
  }
  bool may_be_direct() const override { return lane_step_ == 1; }
  DirectPanel direct(int64_t item, int64_t lane_begin, int64_t k_begin) const override {
    if (!may_be_direct()) return {};
    return {at(item, lane_begin, k_begin), depth_step_};
  }
  PrefetchPath path(int64_t item, int64_t lane_begin, int64_t lanes, int64_t k_begin, int64_t depth,
                    int64_t part, int64_t parts) const override {
    constexpr int64_t line = 16;  // floats
    if (lane_step_ == 1) {        // each part a column of lines
      const int64_t lane = lanes * part / parts;
      return {at(item, lane_begin + lane, k_begin), depth_step_, depth, 0};
    }
    if (depth_step_ != 1) return {};
    const int64_t lines = divide_up(depth, line);  // each part some lanes
    return {at(item, lane_begin + lanes * part / parts, k_begin), line, lines,
            lane_step_ - lines * line};
  }

 private:
  const float* at(int64_t item, int64_t lane, int64_t k) const {
    return data_ + batch_.offset(item) + lane * lane_step_ + k * depth_step_;
  }

  const float* data_;
  int64_t lane_step_;
  int64_t depth_step_;
  const BatchSteps& batch_;
  const MicroKernels& kernels_;
};

}  // namespace mpsg::contraction
