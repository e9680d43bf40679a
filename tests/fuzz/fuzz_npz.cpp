// libFuzzer: the readers of npz (the archive, deflate, npy headers) and of single npy files.
#include "mpsg/error.h"
#include "runtime/files/npy.h"
#include "runtime/files/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mpsg;
  const MemorySource source("fuzz.npz", std::as_bytes(std::span(data, size)));
  try {
    if (size > 0 && data[0] == 'P') read_npz(source);
    else read_npy(source);
  } catch (const PackageError&) {
  }
  return 0;
}
