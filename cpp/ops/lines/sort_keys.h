// Sorting by the bits of numbers: keys are unsigned integers that are ordered as the numbers are,
// so that one loop, without comparisons, sorts all types.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <utility>

#include "graph/element_types.h"
#include "ops/lines/lines.h"

namespace mpsg::ops {

template <size_t bytes>
struct UnsignedOf;
template <>
struct UnsignedOf<1> {
  using type = uint8_t;
};
template <>
struct UnsignedOf<2> {
  using type = uint16_t;
};
template <>
struct UnsignedOf<4> {
  using type = uint32_t;
};
template <>
struct UnsignedOf<8> {
  using type = uint64_t;
};

template <class T>
constexpr int mantissa_bits = 0;  // of floats
template <>
constexpr int mantissa_bits<Float16> = 10;
template <>
constexpr int mantissa_bits<BFloat16> = 7;
template <>
constexpr int mantissa_bits<float> = 23;
template <>
constexpr int mantissa_bits<double> = 52;

/// NaN, of whatever sign, comes after everything else; -0 and 0 are equal. In descending order all
/// of it is turned round.
template <class T>
struct SortKey {
  using Bits = typename UnsignedOf<sizeof(T)>::type;
  static constexpr Bits sign = static_cast<Bits>(Bits{1} << (8 * sizeof(T) - 1));
  static constexpr bool is_float = mantissa_bits<T> > 0;
  static constexpr Bits infinity =
      is_float ? static_cast<Bits>((sign - 1) & ~((Bits{1} << mantissa_bits<T>)-1)) : Bits{0};

  static Bits encode(T x, Bits turn) {
    const auto bits = std::bit_cast<Bits>(x);
    Bits key = bits;
    if constexpr (is_float) {
      const auto magnitude = static_cast<Bits>(bits & ~sign);
      key = static_cast<Bits>(bits & sign ? ~bits : bits | sign);
      key = magnitude == 0 ? sign : key;
      key = magnitude > infinity ? static_cast<Bits>(~Bits{0}) : key;
    } else if constexpr (std::is_signed_v<T>) {
      key = static_cast<Bits>(bits ^ sign);
    }
    return static_cast<Bits>(key ^ turn);
  }
  static T decode(Bits turned, Bits turn) {
    auto bits = static_cast<Bits>(turned ^ turn);
    if constexpr (is_float) bits = static_cast<Bits>(bits & sign ? bits ^ sign : ~bits);
    else if constexpr (std::is_signed_v<T>) bits = static_cast<Bits>(bits ^ sign);
    return std::bit_cast<T>(bits);
  }
  static bool is_negative_zero(T x) {
    if constexpr (is_float) return std::bit_cast<Bits>(x) == sign;
    else return false;
  }
  /// What turns keys round.
  static Bits turn(bool descending) { return static_cast<Bits>(descending ? ~Bits{0} : Bits{0}); }
};

/// A key with its place in the line, so ordered that equal keys keep their order.
template <class Bits>
struct PlacedKey {
  using Key = uint32_t;
  uint64_t word;
  PlacedKey() = default;
  PlacedKey(Bits key, uint32_t place) : word(uint64_t{key} << 32 | place) {}
  Key key() const { return static_cast<uint32_t>(word >> 32); }
  uint32_t place() const { return static_cast<uint32_t>(word); }
  bool operator<(const PlacedKey& other) const { return word < other.word; }
};
template <>
struct PlacedKey<uint64_t> {
  using Key = uint64_t;
  uint64_t bits;
  uint32_t where;
  PlacedKey() = default;
  PlacedKey(uint64_t key, uint32_t place) : bits(key), where(place) {}
  Key key() const { return bits; }
  uint32_t place() const { return where; }
  bool operator<(const PlacedKey& other) const {
    return bits != other.bits ? bits < other.bits : where < other.where;
  }
};

inline uint8_t key_of(uint8_t x) { return x; }
inline uint16_t key_of(uint16_t x) { return x; }
inline uint32_t key_of(uint32_t x) { return x; }
inline uint64_t key_of(uint64_t x) { return x; }
template <class Bits>
auto key_of(const PlacedKey<Bits>& x) {
  return x.key();
}

/// Sorts `items` by the low `key_bytes` of their keys, stably, with room for as many in `other`.
template <class Item>
void sort_items(Item* items, Item* other, int64_t count, int key_bytes) {
  constexpr int64_t few = 96;  // comparisons are quicker then
  if (count <= few) return std::sort(items, items + count);
  std::array<std::array<uint32_t, 256>, 8> histograms{};
  for (int64_t i = 0; i < count; ++i) {
    auto key = key_of(items[i]);
    for (int byte = 0; byte < key_bytes; ++byte)
      ++histograms[static_cast<size_t>(byte)][static_cast<uint8_t>(key >> (8 * byte))];
  }
  auto* from = items;
  auto* to = other;
  for (int byte = 0; byte < key_bytes; ++byte) {
    auto& next = histograms[static_cast<size_t>(byte)];
    const auto digit = [byte](const Item& item) {
      return static_cast<uint8_t>(key_of(item) >> (8 * byte));
    };
    if (next[digit(from[0])] == static_cast<uint32_t>(count)) continue;  // the same in all
    uint32_t sum = 0;
    for (auto& size : next) sum += std::exchange(size, sum);
    for (int64_t i = 0; i < count; ++i) to[next[digit(from[i])]++] = from[i];
    std::swap(from, to);
  }
  if (from != items) std::copy_n(from, count, items);
}

/// How many lines are taken together when they lie side by side: what is read of a cache line is
/// then used.
inline int64_t lines_together(const Lines& lines) {
  return std::clamp<int64_t>(32768 / std::max<int64_t>(1, lines.size), 1, 16);
}

/// Writes make(key, place) of `count` lines, one line after the other.
template <class T, class Item, class Make>
void encode_lines(const T* x, const Lines& lines, int64_t first, int64_t count, Item* items,
                  Make&& make) {
  const auto* from = x + lines.begin(first);
  if (lines.inner == 1) {
    for (int64_t k = 0; k < count; ++k)
      for (int64_t i = 0; i < lines.size; ++i)
        items[k * lines.size + i] = make(from[k * lines.size + i], static_cast<uint32_t>(i));
    return;
  }
  for (int64_t i = 0; i < lines.size; ++i)
    for (int64_t k = 0; k < count; ++k)
      items[k * lines.size + i] = make(from[i * lines.inner + k], static_cast<uint32_t>(i));
}

/// The other way: out[line, i] = value(line's items, i) of `count` lines of `size` elements each.
template <class Out, class Value>
void write_lines(Out* out, const Lines& lines, int64_t first, int64_t count, Value&& value) {
  auto* to = out + lines.begin(first);
  if (lines.inner == 1) {
    for (int64_t k = 0; k < count; ++k)
      for (int64_t i = 0; i < lines.size; ++i) to[k * lines.size + i] = value(k, i);
    return;
  }
  for (int64_t i = 0; i < lines.size; ++i)
    for (int64_t k = 0; k < count; ++k) to[i * lines.inner + k] = value(k, i);
}

}  // namespace mpsg::ops
