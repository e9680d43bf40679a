// Value conversion between any two element types, defined for every input.
#pragma once

#include <algorithm>
#include <complex>
#include <limits>
#include <type_traits>

#include "graph/element_types.h"

namespace mpsg::ops {

/// An element of a bool tensor: one byte, 0 or 1.
struct Bool {
  uint8_t byte;
};

/// Elements of 4 bits: the low ones of a byte each; the others are 0, and not looked at.
struct Int4 {
  uint8_t byte;
  int value() const { return static_cast<int>((byte & 15u) ^ 8u) - 8; }
};
struct UInt4 {
  uint8_t byte;
  int value() const { return byte & 15; }
};
template <class T>
inline constexpr bool is_four_bits = std::is_same_v<T, Int4> || std::is_same_v<T, UInt4>;

template <class F>
void with_any_type(DataType type, F&& f) {
  if (type == DataType::boolean) return f(TypeTag<Bool>{});
  with_numeric_complex(type, f);
}

/// With the 4-bit types, which are stored, moved and converted, but not computed with.
template <class F>
void with_stored_type(DataType type, F&& f) {
  if (type == DataType::int4) return f(TypeTag<Int4>{});
  if (type == DataType::uint4) return f(TypeTag<UInt4>{});
  with_any_type(type, f);
}

/// Toward zero; out of range saturates; NaN becomes 0.
template <class To, class From>
To saturated(From value) {
  static_assert(std::is_integral_v<To> && std::is_floating_point_v<From>);
  // 2^digits is exact in any floating type, the largest integer is not.
  const From limit = static_cast<From>(2) *
                     static_cast<From>(uint64_t{1} << (std::numeric_limits<To>::digits - 1));
  if (!(value == value)) return To(0);
  if (value >= limit) return std::numeric_limits<To>::max();
  if (std::is_signed_v<To> ? value < -limit : value <= From(-1))
    return std::numeric_limits<To>::min();
  return static_cast<To>(value);
}

/// The same for 4 bits; of integers the low bits are kept.
template <class To, class From>
To four_bits(From value) {
  constexpr bool is_signed = std::is_same_v<To, Int4>;
  if constexpr (std::is_floating_point_v<From>) {
    constexpr int low = is_signed ? -8 : 0, high = is_signed ? 7 : 15;
    const int number = std::clamp<int>(saturated<int8_t>(value), low, high);
    return {static_cast<uint8_t>(number & 15)};
  } else {
    return {static_cast<uint8_t>(static_cast<unsigned>(value) & 15u)};
  }
}

/// A number of the machine (double, float, an integer) as an element of type To.
template <class To, class From>
To convert_number(From value) {
  if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<uint8_t>(value != From(0))};
  } else if constexpr (is_four_bits<To>) {
    return four_bits<To>(value);
  } else if constexpr (std::is_same_v<To, std::complex<float>>) {
    return {static_cast<float>(value), 0.0f};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    return saturated<To>(value);
  } else if constexpr (std::is_integral_v<To> || std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else {
    return To(static_cast<float>(value));
  }
}

template <class To, class From>
To convert_element(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (is_four_bits<From>) {
    return convert_number<To>(value.value());
  } else if constexpr (std::is_same_v<From, Bool>) {
    return convert_number<To>(static_cast<uint8_t>(value.byte != 0));
  } else if constexpr (std::is_same_v<From, std::complex<float>>) {
    if constexpr (std::is_same_v<To, Bool>) return {static_cast<uint8_t>(value != From(0))};
    else return convert_number<To>(value.real());
  } else if constexpr (std::is_arithmetic_v<From>) {
    return convert_number<To>(value);
  } else {
    return convert_number<To>(static_cast<float>(value));
  }
}

}  // namespace mpsg::ops
