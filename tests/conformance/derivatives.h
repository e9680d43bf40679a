// Gradients of a case against central differences.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "build.h"

namespace mpsg::conformance {

/// A graph of a weighted sum of a case's results, of its gradient, and of the gradient of the
/// gradient's weighted sum. It runs on the reference.
class Derivatives {
 public:
  Derivatives(const Case& one, uint64_t seed);

  /// Elements that were compared.
  int checks() const { return checks_; }
  /// Every element whose gradient is not the slope. `order`: 0 or 1.
  std::vector<std::string> failures(int order);
  /// Does the gradient of this order depend on anything?
  bool has_sources() const { return !sources_.empty(); }

 private:
  struct Slope {
    double value, error;
  };
  Tensor weighted_sum(const std::vector<Tensor>& tensors);
  std::vector<Tensor> differentiate(const Tensor& value);
  double value_at(int order, const std::vector<TensorData>& feeds);
  Slope slope(int order, size_t source, size_t place);

  Device device_{"reference"};
  BuiltCase built_;
  uint64_t seed_;
  std::vector<size_t> sources_;  // places among the fed operands
  std::array<std::shared_ptr<Executable>, 2> values_;
  std::array<std::shared_ptr<Executable>, 2> gradients_;
  double roundoff_ = 0x1p-53;
  double step_ = 0x1p-10;
  int checks_ = 0;
};

}  // namespace mpsg::conformance
