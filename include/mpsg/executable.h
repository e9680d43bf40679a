// Executable: a graph compiled for one device and given feed types (MPSGraphExecutable).
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "mpsg/backend.h"
#include "mpsg/device.h"
#include "mpsg/export.h"
#include "mpsg/tensor_data.h"

namespace mpsg {

/// What a run needs, known before it.
struct MemoryReport {
  size_t arena_bytes = 0;    // intermediate values
  size_t scratch_bytes = 0;  // arena, workspaces of kernels, tables
  size_t feed_bytes = 0;
  size_t result_bytes = 0;
  size_t constant_bytes = 0;
  size_t variable_bytes = 0;
  size_t peak_bytes() const {
    return scratch_bytes + feed_bytes + result_bytes + constant_bytes + variable_bytes;
  }
};

class MPSG_API Executable {
 public:
  ~Executable();
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;

  /// Runs with feeds in the order of `feed_tensors`; results in the order of `target_tensors`.
  /// Throws FeedError, ExecutionError.
  std::vector<TensorData> run(std::span<const TensorData> feeds) const;
  /// As `run`, for a caller that already holds the device's executor.
  std::vector<TensorData> run(std::span<const TensorData> feeds,
                              std::unique_lock<std::mutex> executor) const;
  /// A rough guess of a run's length, from bytes and multiplications: is it worth waking others?
  double estimated_seconds() const;

  std::vector<Tensor> feed_tensors() const;
  const std::vector<TensorType>& feed_types() const;
  std::vector<Tensor> target_tensors() const;
  std::vector<TensorType> output_types() const;
  Device device() const;
  MemoryReport memory() const;
  /// One entry per step, in order.
  std::vector<KernelInfo> kernels() const;
  /// The plan as text: steps, values, offsets.
  std::string to_text() const;

 private:
  friend class ExecutableBuilder;
  Executable();
  void check_memory() const;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mpsg
