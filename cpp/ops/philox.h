// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3" (SC11). The same bits on every backend.
#pragma once

#include <array>
#include <cstdint>

namespace mpsg {

struct PhiloxState {
  std::array<uint32_t, 4> counter{};
  std::array<uint32_t, 2> key{};

  /// Adds to the counter as one number of 128 bits.
  void advance(uint64_t blocks) {
    uint64_t carry = blocks;
    for (auto& word : counter) {
      carry += word;
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
};

inline constexpr std::array<uint32_t, 2> philox_multipliers{0xD2511F53, 0xCD9E8D57};
inline constexpr std::array<uint32_t, 2> philox_weyl{0x9E3779B9, 0xBB67AE85};
inline constexpr int philox_rounds = 10;

/// The four words of one block.
inline std::array<uint32_t, 4> philox(PhiloxState state) {
  const auto [multiplier_0, multiplier_1] = philox_multipliers;
  const auto [weyl_0, weyl_1] = philox_weyl;
  auto [c0, c1, c2, c3] = state.counter;
  auto [k0, k1] = state.key;
  for (int round = 0; round < philox_rounds; ++round) {
    const uint64_t product_0 = static_cast<uint64_t>(multiplier_0) * c0;
    const uint64_t product_1 = static_cast<uint64_t>(multiplier_1) * c2;
    const uint32_t next_0 = static_cast<uint32_t>(product_1 >> 32) ^ c1 ^ k0;
    const uint32_t next_2 = static_cast<uint32_t>(product_0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(product_1);
    c3 = static_cast<uint32_t>(product_0);
    c0 = next_0;
    c2 = next_2;
    k0 += weyl_0;
    k1 += weyl_1;
  }
  return {c0, c1, c2, c3};
}

}  // namespace mpsg
