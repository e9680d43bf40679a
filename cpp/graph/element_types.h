// From a DataType to a C++ type, for reference loops.
#pragma once

#include <complex>
#include <cstdint>
#include <type_traits>

#include "graph/half.h"
#include "mpsg/data_type.h"
#include "mpsg/error.h"

namespace mpsg {

template <class T>
struct TypeTag {
  using type = T;
};

/// The type in which a row computes: 16-bit floats in float, everything else in itself.
template <class T>
using ComputeType =
    std::conditional_t<std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>, float, T>;

template <class F>
void with_floating(DataType type, F&& f) {
  switch (type) {
    case DataType::float16: return f(TypeTag<Float16>{});
    case DataType::bfloat16: return f(TypeTag<BFloat16>{});
    case DataType::float32: return f(TypeTag<float>{});
    case DataType::float64: return f(TypeTag<double>{});
    default: throw InternalError("a floating-point loop got " + std::string(data_type_name(type)));
  }
}

template <class F>
void with_integer(DataType type, F&& f) {
  switch (type) {
    case DataType::int8: return f(TypeTag<int8_t>{});
    case DataType::int16: return f(TypeTag<int16_t>{});
    case DataType::int32: return f(TypeTag<int32_t>{});
    case DataType::int64: return f(TypeTag<int64_t>{});
    case DataType::uint8: return f(TypeTag<uint8_t>{});
    case DataType::uint16: return f(TypeTag<uint16_t>{});
    case DataType::uint32: return f(TypeTag<uint32_t>{});
    case DataType::uint64: return f(TypeTag<uint64_t>{});
    default: throw InternalError("an integer loop got " + std::string(data_type_name(type)));
  }
}

template <class F>
void with_numeric(DataType type, F&& f) {
  if (is_floating(type)) return with_floating(type, f);
  with_integer(type, f);
}

/// Numeric types and complex64.
template <class F>
void with_numeric_complex(DataType type, F&& f) {
  if (type == DataType::complex64) return f(TypeTag<std::complex<float>>{});
  with_numeric(type, f);
}

/// By size only, for loops that move elements without looking at them.
template <class F>
void with_size_of(DataType type, F&& f) {
  switch (size_of(type)) {
    case 1: return f(TypeTag<uint8_t>{});
    case 2: return f(TypeTag<uint16_t>{});
    case 4: return f(TypeTag<uint32_t>{});
    case 8: return f(TypeTag<uint64_t>{});
    default: throw InternalError("an element of a strange size");
  }
}

}  // namespace mpsg
