// What the fuzz targets do with bytes, and what the C++ tests do with every seed: PackageError is
// the only way to refuse them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mpsg/error.h"
#include "runtime/files/npy.h"
#include "runtime/files/npz.h"
#include "runtime/files/safetensors.h"
#include "runtime/package/package_reader.h"

namespace mpsg::fuzz {

/// What it takes is written and read again. True: it was taken.
inline bool read_safetensors_bytes(std::span<const std::byte> bytes) {
  try {
    const auto read = read_safetensors(MemorySource("fuzz.safetensors", bytes));
    const SafetensorsImage image(read.tensors, read.metadata);
    std::vector<std::byte> written;
    for (const auto& chunk : image.chunks())
      written.insert(written.end(), chunk.begin(), chunk.end());
    const auto again = read_safetensors(MemorySource("again", std::move(written)));
    if (again.tensors.size() != read.tensors.size()) throw InternalError("tensors were lost");
  } catch (const PackageError&) {
    return false;
  }
  return true;
}

/// An archive of npy files, or a single one.
inline bool read_npz_bytes(std::span<const std::byte> bytes) {
  const MemorySource source("fuzz.npz", bytes);
  try {
    if (!bytes.empty() && bytes.front() == std::byte{'P'}) read_npz(source);
    else read_npy(source);
  } catch (const PackageError&) {
    return false;
  }
  return true;
}

/// Up to what is compiled. Checksums are not compared, or else nothing that is changed would get
/// past them.
inline bool read_package_bytes(std::span<const std::byte> bytes) {
  try {
    read_package(MemorySource("fuzz.mpsgpackage", bytes), Checksums::ignored);
  } catch (const PackageError&) {
    return false;
  }
  return true;
}

}  // namespace mpsg::fuzz
