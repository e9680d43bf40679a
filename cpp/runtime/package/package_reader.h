// Reads a package as far as the graph: what it says is checked, nothing is compiled or run.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/files/byte_source.h"
#include "runtime/package/manifest.h"

namespace mpsg {

/// A PackageProgram with its graph.
struct ReadProgram {
  Graph graph;
  std::vector<std::pair<Tensor, TensorType>> feeds;
  std::vector<Tensor> targets;
  std::vector<Operation> operations;
};

struct ReadPackage {
  Manifest manifest;
  ReadProgram program;
  std::map<std::string, ReadProgram> callables;
};

/// Throws PackageError if the package is not sound.
ReadPackage read_package(const ByteSource& single_file, Checksums checksums = Checksums::checked);
/// A folder or a single file.
ReadPackage read_package(const std::string& path);

/// The members of a package, by name: files of a folder, or members of an archive.
class PackageFiles {
 public:
  virtual ~PackageFiles() = default;
  /// How messages call the package.
  virtual const std::string& name() const = 0;
  /// nullptr: it has no such member.
  virtual std::unique_ptr<ByteSource> open(const std::string& member) const = 0;
};
std::unique_ptr<PackageFiles> files_of_archive(const ByteSource& archive);
std::unique_ptr<PackageFiles> files_of_folder(const std::string& path);

Manifest read_manifest(const PackageFiles& files, Checksums checksums = Checksums::checked);
/// A member that the manifest lists, with the size and the checksum that it says.
std::unique_ptr<ByteSource> open_member(const PackageFiles& files, const Manifest& manifest,
                                        const std::string& name,
                                        Checksums checksums = Checksums::checked);
/// Is there a folder at `path`?
bool is_folder(const std::string& path);

}  // namespace mpsg
