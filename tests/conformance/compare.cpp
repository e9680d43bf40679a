#include "compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "graph/element_types.h"
#include "graph/op_table.h"
#include "values.h"

namespace mpsg::conformance {
namespace {

// Where devices have functions of their own, of one element.
constexpr std::string_view functions[] = {"exponent",
                                          "exponent_base2",
                                          "exponent_base10",
                                          "logarithm",
                                          "logarithm_base2",
                                          "logarithm_base10",
                                          "erf",
                                          "sin",
                                          "cos",
                                          "tan",
                                          "sinh",
                                          "cosh",
                                          "tanh",
                                          "asin",
                                          "acos",
                                          "atan",
                                          "asinh",
                                          "acosh",
                                          "atanh",
                                          "atan2",
                                          "power",
                                          "sigmoid"};

// Rows in which devices may choose an order, by the beginning of their names; the longest that fits
// counts. What is not here has one order, and one result.
const std::map<std::string_view, Tolerance, std::less<>> orders = {
    {"avg_pooling", {Agreement::sum}},
    {"convolution", {Agreement::sum}},
    {"depthwise_convolution", {Agreement::sum}},
    {"matrix_multiplication", {Agreement::sum}},
    {"max_pooling_2d_gradient", {Agreement::sum}},
    {"max_pooling_4d_gradient", {Agreement::sum}},
    {"mean", {Agreement::sum}},
    {"normalization_beta_gradient", {Agreement::sum}},
    {"pad_gradient", {Agreement::sum}},
    {"reduction_sum", {Agreement::sum}},
    {"tile_gradient", {Agreement::sum}},
    {"stencil", {Agreement::sum}},
    {"reduction_product", {Agreement::product}},
    // gradient * s * (1 - s): where s is close to 1, its roundings are what is left of 1 - s.
    {"sigmoid_gradient", {Agreement::scaled, 1}},
    // Roundings on the way of one element: those of exp or tanh, a sum, a quotient.
    {"softmax", {Agreement::scaled, 8}},
    {"scaled_dot_product_attention", {Agreement::scaled, 16}},
    {"normalization", {Agreement::scaled, 8}},
    {"variance", {Agreement::scaled, 8}},
    {"l2_norm_pooling", {Agreement::scaled, 8}},
    // A sum of squares of differences of products.
    {"single_gate_rnn", {Agreement::scaled, 24}},
    {"lstm", {Agreement::scaled, 24}},
    {"gru", {Agreement::scaled, 24}},
    // Log2(n) butterflies of n elements; their sums grow by n at most.
    {"fast_fourier_transform", {Agreement::scaled, 8}},
    {"hermitean_to_real_fft", {Agreement::scaled, 8}},
    {"real_to_hermitean_fft", {Agreement::scaled, 8}},
};

/// The largest relative error of one rounding to nearest.
double unit_roundoff(DataType type) {
  switch (type) {
    case DataType::float16: return 0x1p-11;
    case DataType::bfloat16: return 0x1p-8;
    case DataType::float64: return 0x1p-53;
    default: return 0x1p-24;
  }
}

double smallest_step(DataType type) {
  switch (type) {
    case DataType::float16: return 0x1p-24;
    case DataType::bfloat16: return 0x1p-133;
    case DataType::float64: return 0x1p-1074;
    default: return 0x1p-149;
  }
}

double largest_number(DataType type) {
  switch (type) {
    case DataType::float16: return 65504;
    case DataType::bfloat16: return 0x1.fep127;
    case DataType::float64: return std::numeric_limits<double>::max();
    default: return std::numeric_limits<float>::max();
  }
}

bool has_parts(DataType type) { return is_floating(type) || is_complex(type); }

/// The place of a number among those of its type, counted from 0.
int64_t rank_of(double number, DataType type) {
  const auto ordered = [](auto bits) {
    const auto sign = decltype(bits)(1) << (sizeof(bits) * 8 - 1);
    const auto magnitude = static_cast<int64_t>(bits & (sign - 1));
    return bits & sign ? -magnitude : magnitude;
  };
  switch (type) {
    case DataType::float16: return ordered(Float16(static_cast<float>(number)).bits());
    case DataType::bfloat16: return ordered(BFloat16(static_cast<float>(number)).bits());
    case DataType::float64: return ordered(std::bit_cast<uint64_t>(number));
    default: return ordered(std::bit_cast<uint32_t>(static_cast<float>(number)));
  }
}

bool same_number(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b && std::signbit(a) == std::signbit(b);
}

/// Every floating type and its results in float64.
Case in_float64(Case one) {
  for (const auto type : {DataType::float16, DataType::bfloat16, DataType::float32})
    one = with_type(std::move(one), type, DataType::float64);
  return one;
}

std::vector<TensorData> changed(const std::vector<TensorData>& values,
                                const std::function<double(double)>& change) {
  std::vector<TensorData> result;
  for (const auto& value : values) {
    if (!has_parts(value.data_type())) {
      result.push_back(value);
      continue;
    }
    auto numbers = to_numbers(value);
    if (is_complex(value.data_type())) {
      // The magnitude of a product of complex numbers is the product of their magnitudes.
      for (size_t i = 0; i < numbers.size(); i += 2) {
        numbers[i] = change(std::hypot(numbers[i], numbers[i + 1]));
        numbers[i + 1] = 0;
      }
    } else {
      for (double& number : numbers) number = change(number);
    }
    const auto type = is_floating(value.data_type()) ? DataType::float64 : value.data_type();
    result.push_back(from_numbers({type, value.shape()}, numbers));
  }
  return result;
}

}  // namespace

Tolerance tolerance_of(const Case& one) {
  const auto operands = one.operands();
  const auto is_real = [](const OperandText* operand) {
    return is_floating(operand->type.data_type);
  };
  if (std::ranges::find(functions, one.op) != std::end(functions))
    // Integers and complex numbers run one code everywhere.
    return {std::ranges::any_of(operands, is_real) ? Agreement::function : Agreement::bits};
  Tolerance found;
  size_t length = 0;
  for (const auto& [name, tolerance] : orders)
    if (one.op.starts_with(name) && name.size() > length) {
      found = tolerance;
      length = name.size();
    }
  for (const auto& argument : one.arguments)
    if (argument.name == "reduction_mode" && argument.literal == "PRODUCT")
      found.agreement = Agreement::product;
  return found;
}

Expected::Expected(const Case& one, const std::vector<TensorData>& values)
    : tolerance_(tolerance_of(one)) {
  const Device reference("reference");
  results_ = run(one, values, reference);
  for (const auto& value : values)
    for (const auto size : value.shape().dimensions())
      longest_ = std::max(longest_, static_cast<double>(size));
  if (tolerance_.agreement == Agreement::function) {
    const auto same = [](double number) { return number; };
    true_results_ = run(in_float64(one), changed(values, same), reference);
  }
  if (tolerance_.agreement == Agreement::sum) measure_terms(one, values);
}

void Expected::measure_terms(const Case& one, const std::vector<TensorData>& values) {
  const Device reference("reference");
  const auto wide = in_float64(one);
  const auto sums = run(wide, changed(values, [](double x) { return std::abs(x); }), reference);
  const auto counts = run(wide, changed(values, [](double) { return 1.0; }), reference);
  for (size_t i = 0; i < sums.size(); ++i) {
    magnitudes_.push_back(to_numbers(sums[i]));
    if (is_complex(sums[i].data_type()))  // a bound of the whole is one of its parts
      for (size_t at = 0; at < magnitudes_[i].size(); at += 2)
        magnitudes_[i][at + 1] = magnitudes_[i][at];
    double most = longest_;  // an average counts less than it adds
    for (const double count : to_numbers(counts[i])) most = std::max(most, std::abs(count));
    counts_.push_back(most);
  }
}

std::vector<double> Expected::allowed(size_t result) const {
  const auto& wanted = results_[result];
  const auto type = wanted.data_type();
  const double own = unit_roundoff(type);
  // Sums of 16-bit numbers are in float, and rounded at the end; a composite rounds a few times.
  const double inner = std::min(own, 0x1p-24);
  auto numbers = to_numbers(wanted);
  double largest = 1;
  for (const double number : numbers)
    if (std::isfinite(number)) largest = std::max(largest, std::abs(number));
  for (size_t i = 0; i < numbers.size(); ++i) {
    const double size = std::abs(numbers[i]);
    // Both sides may be wrong by as much.
    if (tolerance_.agreement == Agreement::sum)
      numbers[i] = 2 * (counts_[result] * inner + 4 * own) * magnitudes_[result][i];
    else if (tolerance_.agreement == Agreement::product)
      numbers[i] = 2 * (longest_ * longest_ * inner + 4 * own) * size;
    else numbers[i] = 2 * tolerance_.roundings * (4 + longest_) * own * largest;
    numbers[i] += 2 * smallest_step(type);
  }
  return numbers;
}

std::optional<std::string> Expected::difference(const std::vector<TensorData>& got) const {
  if (got.size() != results_.size()) return "another number of results";
  for (size_t i = 0; i < got.size(); ++i)
    if (auto found = difference_of(got[i], i)) return "result " + std::to_string(i) + *found;
  return {};
}

std::optional<std::string> Expected::difference_of(const TensorData& got, size_t result) const {
  const auto& wanted = results_[result];
  const auto type = wanted.data_type();
  if (got.type() != wanted.type())
    return ": " + got.type().to_string() + " instead of " + wanted.type().to_string();
  if (!has_parts(type)) {
    if (std::memcmp(got.data(), wanted.data(), got.byte_count()) == 0) return {};
  }
  const auto numbers = to_numbers(got), right = to_numbers(wanted);
  const bool bits = tolerance_.agreement == Agreement::bits;
  const bool function = tolerance_.agreement == Agreement::function;
  const auto bounds =
      bits || function || !has_parts(type) ? std::vector<double>() : allowed(result);
  const auto exact =
      function ? to_numbers(from_numbers(wanted.type(), to_numbers(true_results_[result]))) : right;
  // Two functions of 64 bits are each within 2 units of the truth.
  const int64_t units = type == DataType::float64 ? 4 : 2;
  const auto agree = [&](size_t i) {
    if (same_number(numbers[i], exact[i])) return true;
    if (bits || !has_parts(type) || std::isnan(numbers[i]) || std::isnan(exact[i])) return false;
    if (function) return std::abs(rank_of(numbers[i], type) - rank_of(exact[i], type)) <= units;
    if (std::isinf(numbers[i]) || std::isinf(exact[i]))
      return numbers[i] == exact[i] ||  // at the edge either is right
             (std::abs(numbers[i]) + bounds[i] >= largest_number(type) &&
              std::abs(exact[i]) + bounds[i] >= largest_number(type));
    return std::abs(numbers[i] - exact[i]) <= bounds[i];
  };
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (agree(i)) continue;
    char text[160];
    std::snprintf(text, sizeof(text), ", element %zu: %.17g, wanted %.17g, allowed %.3g", i,
                  numbers[i], exact[i], bounds.empty() ? 0.0 : bounds[i]);
    return text;
  }
  return has_parts(type) ? std::nullopt
                         : std::optional<std::string>(": integers of 64 bits differ");
}

}  // namespace mpsg::conformance
