// libFuzzer: the reader of safetensors, on bytes in memory. What it refuses it refuses with
// PackageError; what it takes it writes and reads again.
#include <cstdlib>

#include "mpsg/error.h"
#include "runtime/files/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mpsg;
  const MemorySource source("fuzz.safetensors", std::as_bytes(std::span(data, size)));
  try {
    const auto read = read_safetensors(source);
    const SafetensorsImage image(read.tensors, read.metadata);
    std::vector<std::byte> written;
    for (const auto& chunk : image.chunks())
      written.insert(written.end(), chunk.begin(), chunk.end());
    const auto again = read_safetensors(MemorySource("again", written));
    if (again.tensors.size() != read.tensors.size()) std::abort();
  } catch (const PackageError&) {
  }
  return 0;
}
