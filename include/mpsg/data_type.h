// Element types. The numbers are Apple's MPSDataType encoding, so a Metal backend needs no map.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "mpsg/export.h"

namespace mpsg {

enum class DataType : uint32_t {
  invalid = 0,
  float16 = 0x10000010,
  float32 = 0x10000020,
  float64 = 0x10000040,  // not Apple's: mpsg adds it
  bfloat16 = 0x90000010,
  int4 = 0x20000004,  // in memory the low bits of a byte each, as in ml_dtypes
  int8 = 0x20000008,
  int16 = 0x20000010,
  int32 = 0x20000020,
  int64 = 0x20000040,
  uint4 = 0x00000004,
  uint8 = 0x00000008,
  uint16 = 0x00000010,
  uint32 = 0x00000020,
  uint64 = 0x00000040,
  boolean = 0x80000008,
  complex64 = 0x11000040,
};

/// Every valid data type, in the order of the enum.
MPSG_API std::span<const DataType> all_data_types();
/// "float32", "bool", ...; "invalid" for anything else.
MPSG_API std::string_view data_type_name(DataType type);
MPSG_API std::optional<DataType> data_type_from_name(std::string_view name);
/// Bytes of one element.
MPSG_API size_t size_of(DataType type);

MPSG_API bool is_floating(DataType type);
MPSG_API bool is_integer(DataType type);
MPSG_API bool is_signed_integer(DataType type);
MPSG_API bool is_complex(DataType type);

/// A set of data types, as one word of bits.
class MPSG_API TypeSet {
 public:
  constexpr TypeSet() = default;
  TypeSet(std::initializer_list<DataType> types);
  bool contains(DataType type) const;
  TypeSet operator|(TypeSet other) const;
  bool empty() const { return bits_ == 0; }

 private:
  uint32_t bits_ = 0;
};

}  // namespace mpsg
