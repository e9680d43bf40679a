// Values of operands, drawn from a seed, and elements of any type as numbers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "case.h"
#include "mpsg/tensor_data.h"

namespace mpsg::conformance {

/// Types that are stored and moved, without arithmetic.
bool is_four_bits(DataType type);

/// The same on every machine.
uint64_t hash_of(std::string_view text, uint64_t seed);

/// Random numbers that are the same on every machine (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits();
  double between(double low, double high);
  int64_t below(int64_t count) {
    return static_cast<int64_t>(bits() % static_cast<uint64_t>(count));
  }

 private:
  uint64_t state_;
};

/// Values for `operand`, which is number `index` of a case.
TensorData draw(const OperandText& operand, std::string_view case_text, int index, uint64_t seed);

/// Elements as numbers; a complex element is two of them.
std::vector<double> to_numbers(const TensorData& data);
/// The other way; rounds to `type`.
TensorData from_numbers(const TensorType& type, const std::vector<double>& numbers);

}  // namespace mpsg::conformance
