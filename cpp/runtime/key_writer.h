// Builds the keys of the executable cache: ids, types and shapes as bytes, on the stack while they
// are short.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "mpsg/shape.h"

namespace mpsg {

class KeyWriter {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_scalar_v<T>, "padding would make equal values differ");
    append(&value, sizeof(value));
  }
  void put(const TensorType& type) {
    put(type.data_type);
    put(type.shape.rank());
    const auto dimensions = type.shape.dimensions();
    append(dimensions.data(), dimensions.size_bytes());
  }
  void put(std::span<const std::byte> bytes) {
    put(bytes.size());
    append(bytes.data(), bytes.size());
  }
  std::string_view text() const {
    return overflow_.empty() ? std::string_view(buffer_.data(), size_) : overflow_;
  }

 private:
  void append(const void* bytes, size_t count) {
    if (overflow_.empty() && size_ + count <= buffer_.size()) {
      std::memcpy(buffer_.data() + size_, bytes, count);
      size_ += count;
      return;
    }
    if (overflow_.empty()) overflow_.assign(buffer_.data(), size_);
    overflow_.append(static_cast<const char*>(bytes), count);
  }

  std::array<char, 1024> buffer_;  // not initialised: written before it is read
  size_t size_ = 0;
  std::string overflow_;
};

}  // namespace mpsg
