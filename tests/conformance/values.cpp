#include "values.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/element_types.h"

namespace mpsg::conformance {
namespace {

template <class T>
double limit_of(double fallback) {
  if constexpr (std::is_integral_v<T>) return static_cast<double>(std::numeric_limits<T>::max());
  else return fallback;
}

/// A number as an element: integers are held to the range of their type.
template <class T>
T element(double number) {
  if constexpr (std::is_same_v<T, double>) return number;
  else if constexpr (std::is_integral_v<T>) {
    if (number <= static_cast<double>(std::numeric_limits<T>::min()))
      return std::numeric_limits<T>::min();
    if (number >= limit_of<T>(0)) return std::numeric_limits<T>::max();
    return static_cast<T>(number);
  } else {
    return static_cast<T>(static_cast<float>(number));
  }
}

/// The ends of a floating-point type, as numbers: largest, least normal, least, step at 1.
struct FloatEnds {
  double largest, least_normal, least, step;
};

FloatEnds ends_of(DataType type) {
  switch (type) {
    case DataType::float16: return {65504, 0x1p-14, 0x1p-24, 0x1p-10};
    case DataType::bfloat16: return {0x1.fep127, 0x1p-126, 0x1p-133, 0x1p-7};
    case DataType::float64:
      return {std::numeric_limits<double>::max(), std::numeric_limits<double>::min(),
              std::numeric_limits<double>::denorm_min(), 0x1p-52};
    default:
      return {std::numeric_limits<float>::max(), std::numeric_limits<float>::min(),
              std::numeric_limits<float>::denorm_min(), 0x1p-23};
  }
}

std::vector<double> special_numbers(DataType type) {
  if (type == DataType::boolean) return {0, 1};
  if (is_complex(type)) return {0, -0.0, 1, -1, 0.5, -2.5, 3e-5};
  if (is_integer(type)) {
    // 2^63 stands for the largest numbers of 64 bits: it is held to their range.
    const double top =
        std::ldexp(1.0, static_cast<int>(size_of(type)) * 8 - (is_signed_integer(type) ? 1 : 0));
    const double bottom = is_signed_integer(type) ? -top : 0;
    return {bottom, bottom + 1, -7, -2, -1, 0, 1, 2, 3, 7, 8, 9, 31, 63, 64, 65, top - 2, top - 1};
  }
  const auto ends = ends_of(type);
  std::vector<double> positive = {0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 7, 10, 65, 0.49999997};
  for (const double more :
       {1e-3, ends.step, ends.least_normal, ends.least_normal * 1.5, ends.least, 5 * ends.least,
        ends.largest, ends.largest / 2, std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN(), 1 + ends.step, 1 - ends.step / 2})
    positive.push_back(more);
  std::vector<double> both;
  for (const double number : positive) {
    both.push_back(number);
    both.push_back(-number);
  }
  return both;
}

/// The numbers of an operand, one for each element (two if it is complex).
class Drawing {
 public:
  Drawing(const OperandText& operand, uint64_t seed) : operand_(operand), random_(seed) {}

  std::vector<double> numbers() {
    const auto& type = operand_.type;
    const auto count = static_cast<size_t>(*type.shape.element_count());
    std::vector<double> found(count * (is_complex(type.data_type) ? 2 : 1));
    if (operand_.domain == Domain::apart) draw_apart(found);
    else
      for (size_t i = 0; i < found.size(); ++i) found[i] = number(i);
    if (operand_.domain == Domain::diagonal) dominate_diagonal(found);
    return found;
  }

 private:
  double number(size_t place) {
    const auto type = operand_.type.data_type;
    switch (operand_.domain) {
      case Domain::values:
        return operand_.numbers.empty() ? 0 : operand_.numbers[place % operand_.numbers.size()];
      case Domain::range: return between(operand_.numbers[0], operand_.numbers[1]);
      case Domain::special: {
        const auto all = special_numbers(type);
        return all[static_cast<size_t>(random_.below(std::ssize(all)))];
      }
      default:
        if (type == DataType::boolean) return between(0, 1);
        return is_integer(type) ? between(is_signed_integer(type) ? -9 : 0, 9) : between(-2, 2);
    }
  }

  double between(double low, double high) {
    const auto type = operand_.type.data_type;
    if (is_floating(type) || is_complex(type)) return random_.between(low, high);
    return low + static_cast<double>(random_.below(static_cast<int64_t>(high - low) + 1));
  }

  /// Different numbers, a quarter apart, none of them 0.
  void draw_apart(std::vector<double>& found) {
    const bool whole = is_integer(operand_.type.data_type);
    const double middle = whole && !is_signed_integer(operand_.type.data_type)
                              ? 0
                              : std::floor(static_cast<double>(found.size()) / 2);
    for (size_t i = 0; i < found.size(); ++i) {
      const double place = static_cast<double>(i) - middle;
      found[i] = whole ? place : place * 0.25 + 0.125;
    }
    for (size_t i = found.size(); i > 1; --i)
      std::swap(found[i - 1], found[static_cast<size_t>(random_.below(static_cast<int64_t>(i)))]);
  }

  void dominate_diagonal(std::vector<double>& found) {
    const auto& shape = operand_.type.shape;
    const auto rows = static_cast<size_t>(shape[shape.rank() - 2]);
    const auto columns = static_cast<size_t>(shape[shape.rank() - 1]);
    const size_t parts = is_complex(operand_.type.data_type) ? 2 : 1;
    if (rows * columns == 0) return;
    for (size_t i = 0; i < found.size(); i += parts) {
      const size_t place = i / parts % (rows * columns);
      if (place / columns == place % columns) found[i] += 2.5 * static_cast<double>(columns);
    }
  }

  const OperandText& operand_;
  Random random_;
};

}  // namespace

bool is_four_bits(DataType type) { return type == DataType::int4 || type == DataType::uint4; }

uint64_t hash_of(std::string_view text, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325u ^ seed;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return Random(hash).bits();
}

uint64_t Random::bits() {
  uint64_t word = state_ += 0x9e3779b97f4a7c15u;
  word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
  word = (word ^ word >> 27) * 0x94d049bb133111ebu;
  return word ^ word >> 31;
}

double Random::between(double low, double high) {
  return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53;
}

TensorData draw(const OperandText& operand, std::string_view case_text, int index, uint64_t seed) {
  const auto key = hash_of(case_text, seed) + static_cast<uint64_t>(index);
  return from_numbers(operand.type, Drawing(operand, key).numbers());
}

std::vector<double> to_numbers(const TensorData& data) {
  std::vector<double> numbers;
  if (is_four_bits(data.data_type())) {
    const int sign = data.data_type() == DataType::int4 ? 8 : 0;
    for (const auto value : data.values<uint8_t>()) numbers.push_back(((value & 15) ^ sign) - sign);
    return numbers;
  }
  if (data.data_type() == DataType::boolean) {
    for (const auto value : data.values<uint8_t>()) numbers.push_back(value);
    return numbers;
  }
  with_numeric_complex(data.data_type(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const T& value : data.values<T>()) {
      if constexpr (std::is_same_v<T, std::complex<float>>) {
        numbers.push_back(value.real());
        numbers.push_back(value.imag());
      } else {
        numbers.push_back(static_cast<double>(static_cast<ComputeType<T>>(value)));
      }
    }
  });
  return numbers;
}

TensorData from_numbers(const TensorType& type, const std::vector<double>& numbers) {
  TensorData data(type);
  if (is_four_bits(type.data_type)) {
    const double low = type.data_type == DataType::int4 ? -8 : 0;
    auto* out = static_cast<uint8_t*>(data.data());
    for (const double number : numbers)
      *out++ = static_cast<uint8_t>(static_cast<int>(std::clamp(number, low, low + 15)) & 15);
    return data;
  }
  if (type.data_type == DataType::boolean) {
    auto* out = static_cast<uint8_t*>(data.data());
    for (const double number : numbers) *out++ = number != 0;
    return data;
  }
  with_numeric_complex(type.data_type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* out = static_cast<T*>(data.data());
    if constexpr (std::is_same_v<T, std::complex<float>>) {
      for (size_t i = 0; i < numbers.size(); i += 2)
        *out++ = {static_cast<float>(numbers[i]), static_cast<float>(numbers[i + 1])};
    } else {
      for (const double number : numbers) *out++ = element<T>(number);
    }
  });
  return data;
}

}  // namespace mpsg::conformance
