#include "mpsg/data_type.h"

#include <array>

namespace mpsg {
namespace {

enum class Kind { floating, signed_integer, unsigned_integer, boolean, complex };

struct DataTypeFacts {
  DataType type;
  std::string_view name;
  size_t size;
  Kind kind;
};

constexpr DataTypeFacts facts[] = {
    {DataType::float16, "float16", 2, Kind::floating},
    {DataType::float32, "float32", 4, Kind::floating},
    {DataType::float64, "float64", 8, Kind::floating},
    {DataType::bfloat16, "bfloat16", 2, Kind::floating},
    {DataType::int8, "int8", 1, Kind::signed_integer},
    {DataType::int16, "int16", 2, Kind::signed_integer},
    {DataType::int32, "int32", 4, Kind::signed_integer},
    {DataType::int64, "int64", 8, Kind::signed_integer},
    {DataType::uint8, "uint8", 1, Kind::unsigned_integer},
    {DataType::uint16, "uint16", 2, Kind::unsigned_integer},
    {DataType::uint32, "uint32", 4, Kind::unsigned_integer},
    {DataType::uint64, "uint64", 8, Kind::unsigned_integer},
    {DataType::int4, "int4", 1, Kind::signed_integer},
    {DataType::uint4, "uint4", 1, Kind::unsigned_integer},
    {DataType::boolean, "bool", 1, Kind::boolean},
    {DataType::complex64, "complex64", 8, Kind::complex},
};
constexpr size_t count = std::size(facts);

constexpr auto make_list() {
  std::array<DataType, count> list{};
  for (size_t i = 0; i < count; ++i) list[i] = facts[i].type;
  return list;
}
constexpr auto list = make_list();

const DataTypeFacts* find(DataType type) {
  for (const auto& fact : facts)
    if (fact.type == type) return &fact;
  return nullptr;
}

uint32_t bit_of(DataType type) {
  for (size_t i = 0; i < count; ++i)
    if (list[i] == type) return 1u << i;
  return 0;
}

bool has_kind(DataType type, Kind kind) {
  const auto* fact = find(type);
  return fact && fact->kind == kind;
}

}  // namespace

std::span<const DataType> all_data_types() { return list; }

std::string_view data_type_name(DataType type) {
  const auto* fact = find(type);
  return fact ? fact->name : "invalid";
}

std::optional<DataType> data_type_from_name(std::string_view name) {
  for (const auto& fact : facts)
    if (fact.name == name) return fact.type;
  return std::nullopt;
}

size_t size_of(DataType type) {
  const auto* fact = find(type);
  return fact ? fact->size : 0;
}

bool is_floating(DataType type) { return has_kind(type, Kind::floating); }
bool is_signed_integer(DataType type) { return has_kind(type, Kind::signed_integer); }
bool is_integer(DataType type) {
  return is_signed_integer(type) || has_kind(type, Kind::unsigned_integer);
}
bool is_complex(DataType type) { return has_kind(type, Kind::complex); }

TypeSet::TypeSet(std::initializer_list<DataType> types) {
  for (auto type : types) bits_ |= bit_of(type);
}
bool TypeSet::contains(DataType type) const { return (bits_ & bit_of(type)) != 0; }
TypeSet TypeSet::operator|(TypeSet other) const {
  TypeSet both;
  both.bits_ = bits_ | other.bits_;
  return both;
}

}  // namespace mpsg
