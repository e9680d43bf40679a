// libFuzzer: the reader of package.
#include "readers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mpsg::fuzz::read_package_bytes(std::as_bytes(std::span(data, size)));
  return 0;
}
