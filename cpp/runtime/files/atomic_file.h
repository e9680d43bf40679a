// Files that are there whole or not at all: written beside their place under a temporary name and
// then moved there. A process that is ended at any moment leaves the old file or the new one, and
// perhaps a temporary one, which the next save of the same path removes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace mpsg {

/// What bytes are written to.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
};

/// Throws PackageError that names the path and what the system says, here and in all members; the
/// old file is then still there.
class AtomicFile final : public ByteSink {
 public:
  /// A link is followed: what it points to is replaced.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile() override;  // without `commit`: nothing has happened
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::span<const std::byte> bytes) override;
  /// Once it is on the disk, the new file takes the place of the old one.
  void commit();

 private:
  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

/// The same for a folder of files. It may replace only a folder that has no other files than those
/// called `may_replace`.
class AtomicFolder {
 public:
  AtomicFolder(const std::string& path, bool (*may_replace)(const std::string& name));
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  void write(const std::string& name, const std::vector<std::span<const std::byte>>& chunks);
  void commit();

 private:
  std::string path_;
  std::string temporary_;
  bool (*may_replace_)(const std::string& name);
};

/// The place where `path` is written: links followed.
std::string resolved_path(const std::string& path);

}  // namespace mpsg
