#include "runtime/data/transpose_tile.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "mpsg/error.h"

namespace mpsg {
namespace {

template <class T>
using Vector __attribute__((vector_size(16))) = T;
template <class T>
constexpr int lanes = 16 / sizeof(T);

template <class T, size_t... lane>
Vector<T> interleave(Vector<T> a, Vector<T> b, int half, std::index_sequence<lane...>) {
  constexpr int n = lanes<T>;
  if (half == 0)
    return __builtin_shufflevector(a, b, static_cast<int>(lane / 2 + (lane % 2) * n)...);
  return __builtin_shufflevector(a, b, static_cast<int>(n / 2 + lane / 2 + (lane % 2) * n)...);
}

/// A square of 16 bytes a side: log2(lanes) perfect shuffles of all its elements transpose it.
template <class T>
void transpose_square(const std::byte* from, int64_t from_stride, std::byte* to,
                      int64_t to_stride) {
  constexpr int n = lanes<T>;
  constexpr auto all = std::make_index_sequence<n>();
  Vector<T> a[n], b[n];
  for (int k = 0; k < n; ++k) std::memcpy(&a[k], from + k * from_stride, 16);
  for (int step = 1; step < n; step *= 2) {
    for (int k = 0; k < n / 2; ++k) {
      b[2 * k] = interleave<T>(a[k], a[k + n / 2], 0, all);
      b[2 * k + 1] = interleave<T>(a[k], a[k + n / 2], 1, all);
    }
    std::copy_n(b, n, a);
  }
  for (int k = 0; k < n; ++k) std::memcpy(to + k * to_stride, &a[k], 16);
}

template <class T>
void copy_scalars(const TransposeTile& tile, int64_t row, int64_t row_end, int64_t column,
                  int64_t column_end) {
  for (int64_t i = row; i < row_end; ++i) {
    const auto* from = tile.from + i * tile.from_row_stride;
    auto* to = tile.to + i * tile.to_row_stride;
    for (int64_t j = column; j < column_end; ++j)
      std::memcpy(to + j * tile.to_column_stride, from + j * tile.from_column_stride, sizeof(T));
  }
}

/// One block, small enough that its lines on both sides stay in the first cache.
template <class T>
void copy_block(const TransposeTile& tile, int64_t row, int64_t row_end, int64_t column,
                int64_t column_end) {
  constexpr int64_t n = lanes<T>;
  constexpr auto size = static_cast<int64_t>(sizeof(T));
  if (tile.from_row_stride != size || tile.to_column_stride != size)
    return copy_scalars<T>(tile, row, row_end, column, column_end);
  const auto whole_row = row + (row_end - row) / n * n;
  const auto whole_column = column + (column_end - column) / n * n;
  // The part that is likely to come next lies behind this one in each of the source's lines.
  for (int64_t j = column; row == 0 && j < column_end; ++j)
    for (int64_t at = 0; at < 128; at += 64)
      __builtin_prefetch(tile.from + j * tile.from_column_stride + tile.rows * size + at);
  for (int64_t i = row; i < whole_row; i += n)
    for (int64_t j = column; j < whole_column; j += n)
      transpose_square<T>(tile.from + i * size + j * tile.from_column_stride,
                          tile.from_column_stride, tile.to + i * tile.to_row_stride + j * size,
                          tile.to_row_stride);
  if (whole_row < row_end) copy_scalars<T>(tile, whole_row, row_end, column, whole_column);
  if (whole_column < column_end) copy_scalars<T>(tile, row, row_end, whole_column, column_end);
}

template <class T>
void copy_tiles(const TransposeTile& tile) {
  constexpr auto side = static_cast<int64_t>(64 / sizeof(T) > 32 ? 64 / sizeof(T) : 32);
  for (int64_t i = 0; i < tile.rows; i += side)
    for (int64_t j = 0; j < tile.columns; j += side)
      copy_block<T>(tile, i, std::min(i + side, tile.rows), j, std::min(j + side, tile.columns));
}

}  // namespace

void copy_transposed(const TransposeTile& tile, size_t element_bytes) {
  switch (element_bytes) {
    case 1: return copy_tiles<uint8_t>(tile);
    case 2: return copy_tiles<uint16_t>(tile);
    case 4: return copy_tiles<uint32_t>(tile);
    case 8: return copy_tiles<uint64_t>(tile);
    default: throw InternalError("an element of a strange size");
  }
}

}  // namespace mpsg
