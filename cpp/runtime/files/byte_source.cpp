#include "runtime/files/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mpsg/error.h"

namespace mpsg {
namespace {

/// zlib counts in 32 bits, and a read may be cut at 2 GiB.
constexpr size_t most_at_once = size_t{1} << 30;

std::string in_folder(const std::string& path, const std::string& name) {
  return path.ends_with('/') ? path + name : path + "/" + name;
}

}  // namespace

void ByteSource::fail(const std::string& why) const { throw PackageError(name_ + ": " + why); }

void ByteSource::read(uint64_t offset, std::span<std::byte> into) const {
  if (offset > size() || into.size() > size() - offset)
    fail("it ends after " + std::to_string(size()) + " bytes, where more are needed");
  if (!into.empty()) read_checked(offset, into);
}

std::vector<std::byte> ByteSource::read(uint64_t offset, uint64_t count) const {
  if (offset > size() || count > size() - offset)
    fail("it ends after " + std::to_string(size()) + " bytes, where more are needed");
  std::vector<std::byte> bytes(count);
  read(offset, bytes);
  return bytes;
}

uint32_t ByteSource::crc32() const {
  constexpr uint64_t step = 1 << 20;
  std::vector<std::byte> buffer(std::min(step, size()));
  uint32_t crc = 0;
  for (uint64_t at = 0; at < size(); at += step) {
    const std::span part(buffer.data(), std::min(step, size() - at));
    read(at, part);
    crc = crc32_of(part, crc);
  }
  return crc;
}

uint32_t crc32_of(std::span<const std::byte> bytes, uint32_t crc) {
  for (size_t at = 0; at < bytes.size(); at += most_at_once)
    crc = static_cast<uint32_t>(
        ::crc32(crc, reinterpret_cast<const Bytef*>(bytes.data() + at),
                static_cast<uInt>(std::min(most_at_once, bytes.size() - at))));
  return crc;
}

FileSource::FileSource(const std::string& path, const std::string& name)
    : FileSource(in_folder(path, name)) {}

FileSource::FileSource(const std::string& path) : ByteSource(path) {
  if (path.find('\0') != std::string::npos) fail("a path has no NUL");
  // Not waiting for a writer, should it be a pipe.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(std::string("cannot be opened: ") + std::strerror(errno));
  struct stat facts = {};
  const bool known = ::fstat(descriptor_, &facts) == 0;
  if (!known || !S_ISREG(facts.st_mode)) {
    ::close(descriptor_);
    fail(known && S_ISDIR(facts.st_mode) ? "is a folder, not a file" : "is not a regular file");
  }
  size_ = static_cast<uint64_t>(facts.st_size);
}

FileSource::~FileSource() { ::close(descriptor_); }

void FileSource::read_checked(uint64_t offset, std::span<std::byte> into) const {
  while (!into.empty()) {
    const auto got = ::pread(descriptor_, into.data(), std::min(into.size(), most_at_once),
                             static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(std::string("cannot be read: ") + std::strerror(errno));
    if (got == 0) fail("became shorter while it was read");
    offset += static_cast<uint64_t>(got);
    into = into.subspan(static_cast<size_t>(got));
  }
}

void MemorySource::read_checked(uint64_t offset, std::span<std::byte> into) const {
  std::memcpy(into.data(), bytes_.data() + offset, into.size());
}

SectionSource::SectionSource(std::string name, const ByteSource& whole, uint64_t offset,
                             uint64_t size)
    : ByteSource(std::move(name)), whole_(whole), offset_(offset), size_(size) {
  if (offset > whole.size() || size > whole.size() - offset)
    fail("lies beyond the end of " + whole.name());
}

void SectionSource::read_checked(uint64_t offset, std::span<std::byte> into) const {
  whole_.read(offset_ + offset, into);
}

}  // namespace mpsg
