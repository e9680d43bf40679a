// What the tests of library kernels share. Inputs are small whole numbers, so that every sum is
// exact in float32 whatever its order, and results must be equal to the last bit.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "backends/cpu/library_kernels.h"
#include "one_step_plan.h"

namespace mpsg::testing {

inline bool has_library() { return library_name() != "none"; }

/// Whole numbers from -4 to 4, the same on every machine.
inline std::vector<float> numbers(int64_t count, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (auto& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int>((seed >> 16) % 9) - 4);
  }
  return values;
}

inline int64_t count_of(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

/// Runs the library's kernel with several numbers of threads, twice each, and expects `expected`.
inline void check_step(const OneStepPlan& plan,
                       const std::vector<const std::vector<float>*>& inputs,
                       const std::vector<float>& expected, double tolerance = 0) {
  for (int threads : {1, 2, 3}) {
    CAPTURE(threads);
    const ThreadPool pool(threads);
    const auto kernel = make_library_kernel(plan.plan(), plan.step(), pool);
    REQUIRE(kernel);
    CAPTURE(kernel->description());
    KernelRunner runner(*kernel);
    std::vector<float> first(expected.size(), NAN), second(expected.size(), NAN);
    runner.run(inputs, first);
    runner.run(inputs, second);
    size_t wrong = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      const double difference = std::abs(double{first[i]} - double{expected[i]});
      const bool same = first[i] == expected[i];
      if ((!same && !(difference <= tolerance)) || first[i] != second[i]) {
        if (wrong == 0) MESSAGE(i << ": " << first[i] << " instead of " << expected[i]);
        ++wrong;
      }
    }
    CHECK(wrong == 0);
  }
}

inline std::unique_ptr<Kernel> kernel_for(const OneStepPlan& plan) {
  static const ThreadPool pool(2);  // kernels keep a reference
  return make_library_kernel(plan.plan(), plan.step(), pool);
}

}  // namespace mpsg::testing
