// libFuzzer: the reader of npz.
#include "readers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mpsg::fuzz::read_npz_bytes(std::as_bytes(std::span(data, size)));
  return 0;
}
