// npy: NumPy's format of one array. Of its header, a Python dictionary, only what numpy.save writes
// is understood; nothing is evaluated, and pickled objects are refused.
#pragma once

#include <string>

#include "runtime/files/byte_source.h"
#include "runtime/files/named_tensors.h"

namespace mpsg {

struct NpyHeader {
  TensorType type;
  bool big_endian = false;
  bool fortran_order = false;  // the first axis is the innermost
  uint64_t data_offset = 0;
};

/// Throws PackageError if the file is not sound.
NpyHeader read_npy_header(const ByteSource& source);
TensorData read_npy(const ByteSource& source);

/// What comes before the elements. Throws PackageError for types that npy lacks: int4, uint4.
std::string npy_header(const TensorType& type);

}  // namespace mpsg
