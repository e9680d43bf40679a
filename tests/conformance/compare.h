// What a device may give for a case: the bits of the reference, or what lies within a bound that
// follows from the type and the number of roundings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build.h"

namespace mpsg::conformance {

enum class Agreement {
  bits,      // the same bits; one NaN is as good as another
  function,  // within 2 units in the last place of the true value
  sum,       // terms may be added in any order: relative to the sum of their magnitudes
  product,   // factors may be multiplied in any order: relative to the result
  scaled,    // several steps: relative to the largest element
};

struct Tolerance {
  Agreement agreement = Agreement::bits;
  double roundings = 0;  // of `scaled`, for each element along the longest dimension
};

Tolerance tolerance_of(const Case& one);

/// The reference's results for one case, and how far others may be from them.
class Expected {
 public:
  Expected(const Case& one, const std::vector<TensorData>& values);

  const std::vector<TensorData>& results() const { return results_; }
  /// What is wrong with `got`; nothing if it agrees.
  std::optional<std::string> difference(const std::vector<TensorData>& got) const;

 private:
  std::optional<std::string> difference_of(const TensorData& got, size_t result) const;
  std::vector<double> allowed(size_t result) const;
  void measure_terms(const Case& one, const std::vector<TensorData>& values);

  Tolerance tolerance_;
  double longest_ = 1;  // dimension
  std::vector<TensorData> results_;
  std::vector<TensorData> true_results_;         // of functions: computed in float64
  std::vector<std::vector<double>> magnitudes_;  // of sums: of all terms of an element
  std::vector<double> counts_;                   // of sums: the most terms an element has
};

}  // namespace mpsg::conformance
