// npz: NumPy's format of several arrays, a zip archive of npy files.
#pragma once

#include "runtime/files/byte_source.h"
#include "runtime/files/named_tensors.h"

namespace mpsg {

class ByteSink;

/// In the order of the archive. Throws PackageError if the file is not sound.
NamedTensors read_npz(const ByteSource& source);
void write_npz(ByteSink& sink, const NamedTensors& tensors);

}  // namespace mpsg
