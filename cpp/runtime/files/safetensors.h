// safetensors: 8 bytes of length, a header in JSON, then the tensors' bytes without gaps.
// 4-bit integers, which the format lacks, are I8 and U8, and the metadata says so.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/files/byte_source.h"
#include "runtime/files/named_tensors.h"

namespace mpsg {

using TensorMetadata = std::map<std::string, std::string>;

struct SafetensorsEntry {
  std::string name;
  TensorType type;
  uint64_t offset = 0;  // in the file
  uint64_t bytes = 0;
};

/// What the header says, checked against the size of the file.
struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of their bytes
  TensorMetadata metadata;
};

struct SafetensorsFile {
  NamedTensors tensors;
  TensorMetadata metadata;
};

/// Throws PackageError if the file is not sound.
SafetensorsHeader read_safetensors_header(const ByteSource& source);
SafetensorsFile read_safetensors(const ByteSource& source);
TensorData read_safetensors_tensor(const ByteSource& source, const SafetensorsEntry& entry);

/// The bytes of a file with these tensors, whose names must differ: the same bytes for the same
/// tensors, large elements first and then by name. Holds the tensors.
class SafetensorsImage {
 public:
  SafetensorsImage(const NamedTensors& tensors, TensorMetadata metadata);
  Chunks chunks() const;

 private:
  std::string header_;
  NamedTensors tensors_;
};

}  // namespace mpsg
