// What readers of files believe at most. Everything else is bounded by the size of the file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mpsg::file_limits {

inline constexpr uint64_t safetensors_header_bytes = 100'000'000;  // the format's own limit
inline constexpr uint64_t json_bytes = uint64_t{1} << 30;          // manifest, graph
inline constexpr uint64_t npy_header_bytes = 1 << 16;
inline constexpr uint64_t zip_entries = 1 << 20;
/// Deflate makes at most 1032 bytes of one: a larger promise is not believed.
inline constexpr uint64_t deflate_ratio = 1032;

}  // namespace mpsg::file_limits
