// Files of tensors with names: safetensors or npz.
#pragma once

#include <string>

#include "runtime/files/byte_source.h"
#include "runtime/files/named_tensors.h"
#include "runtime/files/safetensors.h"

namespace mpsg {

bool is_npz_name(const std::string& path);
/// npz if the path ends so, else safetensors; `metadata` is for the latter.
void write_tensor_file(const std::string& path, const NamedTensors& tensors,
                       const TensorMetadata& metadata = {});
/// By its content.
SafetensorsFile read_tensor_file(const ByteSource& source);

}  // namespace mpsg
