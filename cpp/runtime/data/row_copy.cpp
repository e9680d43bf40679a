#include "runtime/data/row_copy.h"

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mpsg {
namespace {

void copy_plainly(const std::byte* from, std::byte* to, size_t bytes) {
  std::memcpy(to, from, bytes);
}

/// Rows too short for a call of memcpy: words, the last of them over the one before.
template <class Word>
void copy_words(const std::byte* from, std::byte* to, size_t bytes) {
  size_t at = 0;
  for (; at + sizeof(Word) <= bytes; at += sizeof(Word))
    std::memcpy(to + at, from + at, sizeof(Word));
  if (at < bytes) std::memcpy(to + bytes - sizeof(Word), from + bytes - sizeof(Word), sizeof(Word));
}

#if defined(__SSE2__)
/// Past the caches, as memcpy does with large arrays: lines that are written whole are not read.
void copy_streaming(const std::byte* from, std::byte* to, size_t bytes) {
  const auto head = static_cast<size_t>(-reinterpret_cast<uintptr_t>(to)) & 63;
  std::memcpy(to, from, head);
  size_t at = head;
  for (; at + 64 <= bytes; at += 64) {
    __builtin_prefetch(from + at + 1024);
    const auto* source = reinterpret_cast<const __m128i*>(from + at);
    auto* target = reinterpret_cast<__m128i*>(to + at);
    const auto a = _mm_loadu_si128(source), b = _mm_loadu_si128(source + 1);
    const auto c = _mm_loadu_si128(source + 2), d = _mm_loadu_si128(source + 3);
    _mm_stream_si128(target, a);
    _mm_stream_si128(target + 1, b);
    _mm_stream_si128(target + 2, c);
    _mm_stream_si128(target + 3, d);
  }
  std::memcpy(to + at, from + at, bytes - at);
}
#else
void copy_streaming(const std::byte* from, std::byte* to, size_t bytes) {
  std::memcpy(to, from, bytes);
}
#endif

}  // namespace

bool streams(size_t total_bytes) { return total_bytes >= size_t{8} << 20; }

RowCopy::RowCopy(size_t row_bytes, bool streams) : copy_(copy_plainly), bytes_(row_bytes) {
  if (streams && row_bytes >= 192 && row_bytes < size_t{64} << 20) copy_ = copy_streaming;
  else if (row_bytes >= 8 && row_bytes < 64) copy_ = copy_words<uint64_t>;
  else if (row_bytes >= 4 && row_bytes < 8) copy_ = copy_words<uint32_t>;
}

}  // namespace mpsg
