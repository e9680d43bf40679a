// Copies of many rows of one length.
#pragma once

#include <cstddef>

namespace mpsg {

/// Is a target so large that it goes past the caches? (memcpy decides so for one whole array.)
bool streams(size_t total_bytes);

/// Copies a row at a call.
class RowCopy {
 public:
  /// `streams`: past the caches.
  RowCopy(size_t row_bytes, bool streams);
  void operator()(const std::byte* from, std::byte* to) const { copy_(from, to, bytes_); }

 private:
  void (*copy_)(const std::byte* from, std::byte* to, size_t bytes);
  size_t bytes_;
};

}  // namespace mpsg
