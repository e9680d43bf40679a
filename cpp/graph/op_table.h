// The op table: every row by name. Filled once from ops/all.cpp.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "graph/op_schema.h"

namespace mpsg {

/// Every row, in the order of ops/all.cpp.
std::span<const OpRow> op_table();
/// The row called `name`; nullptr if there is none.
const OpRow* find_row(std::string_view name);
/// The row called `name`; throws GraphError listing the nearest names.
const OpRow& require_row(std::string_view name);
/// Every enumeration and descriptor that rows use, for the bindings and the generated files.
std::span<const EnumType* const> enum_types();
std::span<const DescriptorType* const> descriptor_types();

}  // namespace mpsg
