// Transposing copies of two axes: the target's lines run across the source's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mpsg {

/// to[i][j] = from[i][j], where i is the source's short axis and j the target's.
struct TransposeTile {
  const std::byte* from;
  std::byte* to;
  int64_t rows;                                 // i
  int64_t columns;                              // j
  int64_t from_row_stride, from_column_stride;  // in bytes
  int64_t to_row_stride, to_column_stride;
};

/// Elements of 1, 2, 4 or 8 bytes.
void copy_transposed(const TransposeTile& tile, size_t element_bytes);

}  // namespace mpsg
