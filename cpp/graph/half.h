// 16-bit floating types. Arithmetic happens in float and rounds once, to nearest even.
#pragma once

#include <bit>
#include <cstdint>

namespace mpsg {

class Float16 {
 public:
  Float16() = default;
  explicit Float16(float value) : bits_(round(value)) {}
  explicit operator float() const {
    const uint32_t sign = (bits_ & 0x8000u) << 16;
    const uint32_t exponent = (bits_ >> 10) & 0x1f;
    const uint32_t mantissa = bits_ & 0x3ff;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
    if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
    const float subnormal = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(subnormal));
  }
  uint16_t bits() const { return bits_; }
  static Float16 from_bits(uint16_t bits) {
    Float16 value;
    value.bits_ = bits;
    return value;
  }

 private:
  static uint16_t round(float value) {
    const uint32_t word = std::bit_cast<uint32_t>(value);
    const auto sign = static_cast<uint16_t>((word >> 16) & 0x8000u);
    const uint32_t magnitude = word & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign | 0x7e00u | ((magnitude >> 13) & 0x1ffu);
    if (magnitude >= 0x477ff000u) return sign | 0x7c00u;
    if (magnitude < 0x38800000u) {  // subnormal: let the float adder round
      const float scaled = std::bit_cast<float>(magnitude) + 0.5f;
      return sign | static_cast<uint16_t>(std::bit_cast<uint32_t>(scaled) - 0x3f000000u);
    }
    const uint32_t odd = (magnitude >> 13) & 1u;
    return sign | static_cast<uint16_t>((magnitude - 0x38000000u + 0xfffu + odd) >> 13);
  }
  uint16_t bits_;
};

class BFloat16 {
 public:
  BFloat16() = default;
  explicit BFloat16(float value) {
    const uint32_t word = std::bit_cast<uint32_t>(value);
    if ((word & 0x7fffffffu) > 0x7f800000u) {
      bits_ = static_cast<uint16_t>(word >> 16 | 0x40u);
    } else {
      bits_ = static_cast<uint16_t>((word + 0x7fffu + ((word >> 16) & 1u)) >> 16);
    }
  }
  explicit operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits_) << 16);
  }
  uint16_t bits() const { return bits_; }

 private:
  uint16_t bits_;
};

}  // namespace mpsg
