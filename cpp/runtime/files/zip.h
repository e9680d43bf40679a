// zip archives: stored and deflated members, ZIP64, CRC-32. What an archive says of sizes is
// believed as far as the size of the file allows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/files/byte_source.h"
#include "runtime/files/named_tensors.h"

namespace mpsg {

class ByteSink;

struct ZipEntry {
  std::string name;
  uint64_t offset = 0;      // of its bytes in the archive
  uint64_t compressed = 0;  // as many
  uint64_t size = 0;        // of what they give
  uint32_t crc = 0;
  bool deflated = false;
};

bool looks_like_zip(const ByteSource& source);

/// The list of members, in order of the central directory. No two overlap, and no two have one
/// name. Throws PackageError if the archive is not sound.
std::vector<ZipEntry> read_zip_directory(const ByteSource& archive);

/// A member's bytes: a part of the archive, or inflated in memory. `check_crc`: compares the
/// checksum (reading all of it).
std::unique_ptr<ByteSource> open_zip_member(const ByteSource& archive, const ZipEntry& entry,
                                            bool check_crc = true);

/// Writes stored members: the same bytes for the same members.
class ZipWriter {
 public:
  explicit ZipWriter(ByteSink& sink) : sink_(sink) {}
  void add(const std::string& name, const Chunks& chunks);
  /// Writes the central directory.
  void finish();

 private:
  void write(const std::string& text);
  ByteSink& sink_;
  uint64_t at_ = 0;
  uint64_t count_ = 0;
  std::string directory_;
};

}  // namespace mpsg
