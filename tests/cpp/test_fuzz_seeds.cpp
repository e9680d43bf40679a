// Every seed of the fuzzer, among them what once broke a reader, through the reader.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "../fuzz/readers.h"

namespace mpsg {
namespace {

struct Target {
  const char* name;
  bool (*read)(std::span<const std::byte>);
};
constexpr Target targets[] = {{"package", fuzz::read_package_bytes},
                              {"safetensors", fuzz::read_safetensors_bytes},
                              {"npz", fuzz::read_npz_bytes}};

TEST_CASE("seeds of the fuzzer are read or refused") {
  for (const auto& target : targets) {
    int taken = 0, refused = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(MPSG_FUZZ_SEEDS) + "/" + target.name)) {
      const FileSource file(entry.path().string());
      CAPTURE(entry.path().string());
      bool sound = false;
      CHECK_NOTHROW(sound = target.read(file.read(0, file.size())));
      ++(sound ? taken : refused);
    }
    CAPTURE(target.name);
    CHECK(taken >= 3);
    CHECK(refused >= 3);
  }
}

}  // namespace
}  // namespace mpsg
