#include "runtime/files/npz.h"

#include <set>

#include "mpsg/error.h"
#include "runtime/files/atomic_file.h"
#include "runtime/files/npy.h"
#include "runtime/files/zip.h"

namespace mpsg {
namespace {
constexpr std::string_view ending = ".npy";
}

NamedTensors read_npz(const ByteSource& source) {
  NamedTensors tensors;
  for (const auto& entry : read_zip_directory(source)) {
    if (!entry.name.ends_with(ending))
      source.fail("is no npz: its member '" + entry.name + "' is no .npy");
    tensors.emplace_back(entry.name.substr(0, entry.name.size() - ending.size()),
                         read_npy(*open_zip_member(source, entry)));
  }
  return tensors;
}

void write_npz(ByteSink& sink, const NamedTensors& tensors) {
  ZipWriter zip(sink);
  std::set<std::string> names;
  for (const auto& [name, data] : tensors) {
    if (!names.insert(name).second) throw PackageError("two tensors have the name '" + name + "'");
    const auto header = npy_header(data.type());
    zip.add(name + std::string(ending), {bytes_of(header), bytes_of(data)});
  }
  zip.finish();
}

}  // namespace mpsg
