#include "runtime/data/row_conversions.h"

#include <cstring>
#include <limits>

#include "ops/tensor_shape/convert.h"

namespace mpsg {
namespace {

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void store(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

// Conversions of float16 without branches, so that loops of them use vectors: every number is made
// as a normal and as a subnormal one, and one is chosen. The same bits as Float16's.

float float_of(Float16 value) {
  const auto magnitude = static_cast<int32_t>(value.bits() & 0x7fffu);
  const auto sign = static_cast<int32_t>(value.bits() & 0x8000u) << 16;
  const int32_t normal = (magnitude << 13) + 0x38000000;
  const int32_t special = (magnitude << 13) | 0x7f800000;  // infinity, NaN
  const auto subnormal = std::bit_cast<int32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  int32_t bits = magnitude < 0x0400 ? subnormal : normal;
  bits = magnitude >= 0x7c00 ? special : bits;
  return std::bit_cast<float>(sign | bits);
}

Float16 float16_of(float value) {
  const auto word = std::bit_cast<int32_t>(value);
  const int32_t sign = (word >> 16) & 0x8000;
  const int32_t magnitude = word & 0x7fffffff;
  const int32_t odd = (magnitude >> 13) & 1;
  const int32_t normal = (magnitude - 0x38000000 + 0xfff + odd) >> 13;
  // Let the float adder round; what is chosen otherwise must not slow it down.
  const int32_t small = magnitude < 0x38800000 ? magnitude : 0;
  const int32_t subnormal = std::bit_cast<int32_t>(std::bit_cast<float>(small) + 0.5f) - 0x3f000000;
  const int32_t nan = 0x7e00 | ((magnitude >> 13) & 0x1ff);
  int32_t bits = magnitude < 0x38800000 ? subnormal : normal;
  bits = magnitude >= 0x477ff000 ? 0x7c00 : bits;
  bits = magnitude > 0x7f800000 ? nan : bits;
  return Float16::from_bits(static_cast<uint16_t>(sign | bits));
}

/// One element, as ops::convert_element.
template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<From, Float16> && !std::is_same_v<To, Float16>)
    return convert<To>(float_of(value));
  else if constexpr (std::is_same_v<To, Float16> && std::is_arithmetic_v<From>)
    return float16_of(static_cast<float>(value));
  else return ops::convert_element<To>(value);
}

template <class From, class To>
void cast_loop(const std::byte* __restrict from, std::byte* __restrict to, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    store(to + i * static_cast<int64_t>(sizeof(To)),
          convert<To>(load<From>(from + i * static_cast<int64_t>(sizeof(From)))));
}

/// v / 255 or v / 65535, rounded once to float, then to the type wanted.
template <class From, class To>
void normalize_loop(const std::byte* __restrict from, std::byte* __restrict to, int64_t count) {
  using Compute = std::conditional_t<std::is_same_v<To, double>, double, float>;
  constexpr auto largest = static_cast<Compute>(std::numeric_limits<From>::max());
  for (int64_t i = 0; i < count; ++i) {
    const auto value = load<From>(from + i * static_cast<int64_t>(sizeof(From)));
    store(to + i * static_cast<int64_t>(sizeof(To)),
          convert<To>(static_cast<Compute>(value) / largest));
  }
}

template <class From, class To>
void quantize_loop(const std::byte* __restrict from, std::byte* __restrict to, int64_t count) {
  constexpr double largest = std::numeric_limits<To>::max();
  // Added to a number below 2^32, it leaves that number's integer, rounded to nearest even, in
  // the low bits. The product is exact: at most 24 + 16 bits (of float64, rounded once).
  constexpr double shift = 0x1.8p52;
  for (int64_t i = 0; i < count; ++i) {
    const auto value = static_cast<double>(
        convert<ComputeType<From>>(load<From>(from + i * static_cast<int64_t>(sizeof(From)))));
    const double positive = value > 0.0 ? value : 0.0;  // NaN: 0
    const double clamped = positive < 1.0 ? positive : 1.0;
    store(to + i * static_cast<int64_t>(sizeof(To)),
          static_cast<To>(std::bit_cast<uint64_t>(clamped * largest + shift)));
  }
}

bool is_image_integer(DataType type) { return type == DataType::uint8 || type == DataType::uint16; }

}  // namespace

RowConversion cast_rows(DataType from, DataType to) {
  RowConversion found = nullptr;
  ops::with_stored_type(from, [&]<class From>(TypeTag<From>) {
    ops::with_stored_type(to, [&]<class To>(TypeTag<To>) { found = cast_loop<From, To>; });
  });
  return found;
}

RowConversion normalize_rows(DataType from, DataType to) {
  if (!is_image_integer(from)) return cast_rows(from, to);
  RowConversion found = nullptr;
  with_floating(to, [&]<class To>(TypeTag<To>) {
    found = from == DataType::uint8 ? normalize_loop<uint8_t, To> : normalize_loop<uint16_t, To>;
  });
  return found;
}

RowConversion quantize_rows(DataType from, DataType to) {
  if (!is_image_integer(to)) return cast_rows(from, to);
  RowConversion found = nullptr;
  with_floating(from, [&]<class From>(TypeTag<From>) {
    found = to == DataType::uint8 ? quantize_loop<From, uint8_t> : quantize_loop<From, uint16_t>;
  });
  return found;
}

}  // namespace mpsg
