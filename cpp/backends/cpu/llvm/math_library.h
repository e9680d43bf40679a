// The C library's functions over arrays, under the names by which emitted code calls them.
#pragma once

#include <span>

#include "graph/element_program.h"

namespace mpsg {

struct MathSymbol {
  const char* name;
  void* address;  // void (const T* a, const T* b, T* result, int64_t count), T float or double
};

/// Everything emitted code may call: absolute symbols for the linker.
std::span<const MathSymbol> math_symbols();

/// The symbol of `op` on float32 or float64; null where there is none.
const char* math_symbol_name(ElementOp op, bool is_double);

}  // namespace mpsg
