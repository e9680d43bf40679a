#include "runtime/files/tensor_files.h"

#include "runtime/files/atomic_file.h"
#include "runtime/files/npz.h"
#include "runtime/files/zip.h"

namespace mpsg {

bool is_npz_name(const std::string& path) { return path.ends_with(".npz"); }

void write_tensor_file(const std::string& path, const NamedTensors& tensors,
                       const TensorMetadata& metadata) {
  if (is_npz_name(path)) {
    AtomicFile file(path);
    write_npz(file, tensors);
    file.commit();
    return;
  }
  const SafetensorsImage image(tensors, metadata);
  AtomicFile file(path);
  for (const auto chunk : image.chunks()) file.write(chunk);
  file.commit();
}

SafetensorsFile read_tensor_file(const ByteSource& source) {
  if (looks_like_zip(source)) return {read_npz(source), {}};
  return read_safetensors(source);
}

}  // namespace mpsg
