// libFuzzer: the reader of packages (the archive, the manifest, checksums, tensors, the graph with
// the inference of its rows) up to what is compiled. Checksums are not compared, or else nothing
// that is changed would get past them.
#include "mpsg/error.h"
#include "runtime/package/package_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mpsg;
  const MemorySource source("fuzz.mpsgpackage", std::as_bytes(std::span(data, size)));
  try {
    read_package(source, Checksums::ignored);
  } catch (const PackageError&) {
  }
  return 0;
}
