#include "runtime/package/package_reader.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "graph/graph_json.h"
#include "mpsg/error.h"
#include "runtime/files/json_file.h"
#include "runtime/files/safetensors.h"
#include "runtime/files/zip.h"

namespace mpsg {
namespace {

class ArchiveFiles final : public PackageFiles {
 public:
  explicit ArchiveFiles(const ByteSource& archive) : archive_(archive) {
    for (auto& entry : read_zip_directory(archive)) {
      if (entry.deflated)
        archive.fail("member '" + entry.name + "' is compressed, which packages are not");
      const auto name = entry.name;
      entries_.emplace(name, std::move(entry));
    }
  }
  const std::string& name() const override { return archive_.name(); }
  std::unique_ptr<ByteSource> open(const std::string& member) const override {
    const auto found = entries_.find(member);
    if (found == entries_.end()) return nullptr;
    return open_zip_member(archive_, found->second, false);  // the manifest has the checksums
  }

 private:
  const ByteSource& archive_;
  std::map<std::string, ZipEntry> entries_;
};

class FolderFiles final : public PackageFiles {
 public:
  explicit FolderFiles(std::string path) : path_(std::move(path)) {}
  const std::string& name() const override { return path_; }
  std::unique_ptr<ByteSource> open(const std::string& member) const override {
    std::error_code error;
    if (!std::filesystem::exists(std::filesystem::path(path_) / member, error)) return nullptr;
    return std::make_unique<FileSource>(path_, member);
  }

 private:
  std::string path_;
};

/// The tensors of a safetensors member; opened when one is first asked for.
class TensorMember {
 public:
  TensorMember(const PackageFiles& files, const Manifest& manifest, std::string_view name)
      : files_(files), manifest_(manifest), name_(name) {}

  std::shared_ptr<const Bytes> find(const std::string& tensor) {
    if (!source_) {
      source_ = open_member(files_, manifest_, name_, Checksums::ignored);
      for (auto& entry : read_safetensors_header(*source_).entries) {
        const auto name = entry.name;
        entries_.emplace(name, std::move(entry));
      }
    }
    const auto found = entries_.find(tensor);
    if (found == entries_.end()) source_->fail("there is no tensor '" + tensor + "'");
    const auto& entry = found->second;
    auto& kept = kept_[tensor];
    if (kept) return kept;
    auto bytes = Bytes::allocate(entry.bytes);
    source_->read(entry.offset, {bytes->mutable_data(), bytes->size()});
    check_elements(TensorData(entry.type, bytes->mutable_data(), bytes), tensor);
    return kept = std::move(bytes);
  }

 private:
  const PackageFiles& files_;
  const Manifest& manifest_;
  std::string name_;
  std::unique_ptr<ByteSource> source_;
  std::map<std::string, SafetensorsEntry> entries_;
  std::map<std::string, std::shared_ptr<const Bytes>> kept_;
};

class Reader {
 public:
  Reader(const PackageFiles& files, Checksums checksums)
      : files_(files),
        manifest_(read_manifest(files, checksums)),
        constants_(files, manifest_, package_format::constants),
        variables_(files, manifest_, package_format::variables) {
    // All of them, also what nothing asks for; from here on without comparing again.
    for (const auto& [name, member] : manifest_.members)
      open_member(files_, manifest_, name, checksums);
  }

  ReadPackage read() {
    ReadPackage package;
    package.program = program(manifest_.program);
    for (const auto& [symbol, callable] : manifest_.callables)
      package.callables.emplace(symbol, program(callable));
    package.manifest = std::move(manifest_);
    return package;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw PackageError(files_.name() + ": " + why);
  }

  std::shared_ptr<const Bytes> data(const std::string& name) {
    const auto slash = name.find('/');
    const auto folder = name.substr(0, slash);
    if (slash == name.npos || (folder != "constants" && folder != "variables"))
      fail("the graph asks for the data '" + name + "', which is neither constant nor variable");
    return (folder == "constants" ? constants_ : variables_).find(name.substr(slash + 1));
  }

  ReadProgram program(const PackageProgram& given) {
    const auto source = open_member(files_, manifest_, given.graph, Checksums::ignored);
    const auto bytes = source->read(0, source->size());
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    auto read = [&] {
      try {
        return graph_from_json(text, [this](const std::string& name) { return data(name); });
      } catch (const PackageError& error) {
        const std::string what = error.what();
        if (what.starts_with(files_.name())) throw;
        throw PackageError(files_.name() + ", " + given.graph + ": " + what);
      }
    }();
    ReadProgram program{read.graph, {}, {}, {}};
    const auto operation = [&](OperationId id) {
      const auto found = read.operations.find(id);
      if (found == read.operations.end())
        fail("the manifest names operation " + std::to_string(id) + ", which " + given.graph +
             " does not have");
      return found->second;
    };
    auto& graph = *read.graph.data();
    for (const auto& feed : given.feeds) {
      const auto id = operation(feed.operation);
      if (graph.node(id).row->name != "placeholder")
        fail("the feed '" + feed.name + "' is no placeholder");
      program.feeds.emplace_back(graph.tensor({id, 0}), feed.type);
    }
    for (const auto& target : given.targets) {
      const TensorId id{operation(target.tensor.operation), target.tensor.index};
      const auto& outputs = graph.node(id.operation).outputs;
      if (static_cast<size_t>(id.index) >= outputs.size() ||
          outputs[static_cast<size_t>(id.index)].data_type != target.type.data_type)
        fail("the target '" + target.name + "' is not what the manifest says");
      program.targets.push_back(graph.tensor(id));
    }
    for (const auto id : given.target_operations)
      program.operations.emplace_back(read.graph.data(), operation(id));
    return program;
  }

  const PackageFiles& files_;
  Manifest manifest_;
  TensorMember constants_;
  TensorMember variables_;
};

}  // namespace

std::unique_ptr<PackageFiles> files_of_archive(const ByteSource& archive) {
  return std::make_unique<ArchiveFiles>(archive);
}

std::unique_ptr<PackageFiles> files_of_folder(const std::string& path) {
  return std::make_unique<FolderFiles>(path);
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

Manifest read_manifest(const PackageFiles& files, Checksums checksums) {
  const auto source = files.open(std::string(package_format::manifest));
  if (!source)
    throw PackageError(files.name() + ": is no package: it has no " +
                       std::string(package_format::manifest));
  return manifest_from_json(read_json(*source), files.name(), checksums);
}

std::unique_ptr<ByteSource> open_member(const PackageFiles& files, const Manifest& manifest,
                                        const std::string& name, Checksums checksums) {
  const auto facts = manifest.members.find(name);
  auto source = facts == manifest.members.end() ? nullptr : files.open(name);
  if (!source) throw PackageError(files.name() + ": the file '" + name + "' is missing");
  if (checksums == Checksums::ignored) return source;
  if (source->size() != facts->second.bytes)
    source->fail("has " + std::to_string(source->size()) + " bytes instead of " +
                 std::to_string(facts->second.bytes) + ": the package is damaged");
  if (source->crc32() != facts->second.crc32)
    source->fail("its checksum is not the one that was written: the package is damaged");
  return source;
}

ReadPackage read_package(const ByteSource& single_file, Checksums checksums) {
  const auto files = files_of_archive(single_file);
  return Reader(*files, checksums).read();
}

ReadPackage read_package(const std::string& path) {
  if (!is_folder(path)) return read_package(FileSource(path));
  const auto files = files_of_folder(path);
  return Reader(*files, Checksums::checked).read();
}

}  // namespace mpsg
