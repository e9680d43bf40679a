// Bytes that are read at any place: a file, a part of one, or memory. Files are read and never
// mapped: a mapped file that another process shortens would end this one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mpsg {

class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  virtual ~ByteSource() = default;
  /// How messages call it.
  const std::string& name() const { return name_; }
  virtual uint64_t size() const = 0;
  /// Throws PackageError if that is not all there.
  void read(uint64_t offset, std::span<std::byte> into) const;
  std::vector<std::byte> read(uint64_t offset, uint64_t count) const;
  /// Of all of it.
  uint32_t crc32() const;
  [[noreturn]] void fail(const std::string& why) const;

 protected:
  virtual void read_checked(uint64_t offset, std::span<std::byte> into) const = 0;

 private:
  std::string name_;
};

/// A regular file, open as long as this lives. Throws PackageError if it cannot be opened.
class FileSource final : public ByteSource {
 public:
  explicit FileSource(const std::string& path);
  /// `name` in the folder `path`.
  FileSource(const std::string& path, const std::string& name);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  uint64_t size() const override { return size_; }

 private:
  void read_checked(uint64_t offset, std::span<std::byte> into) const override;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

/// Borrows its bytes, unless they are given for keeping.
class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string name, std::span<const std::byte> bytes)
      : ByteSource(std::move(name)), bytes_(bytes) {}
  MemorySource(std::string name, std::vector<std::byte> kept)
      : ByteSource(std::move(name)), kept_(std::move(kept)), bytes_(kept_) {}
  uint64_t size() const override { return bytes_.size(); }

 private:
  void read_checked(uint64_t offset, std::span<std::byte> into) const override;
  std::vector<std::byte> kept_;
  std::span<const std::byte> bytes_;
};

/// A part of another source, which must live as long.
class SectionSource final : public ByteSource {
 public:
  /// Throws PackageError if `whole` has no such part.
  SectionSource(std::string name, const ByteSource& whole, uint64_t offset, uint64_t size);
  uint64_t size() const override { return size_; }

 private:
  void read_checked(uint64_t offset, std::span<std::byte> into) const override;
  const ByteSource& whole_;
  uint64_t offset_;
  uint64_t size_;
};

/// Little-endian integers, as all of these formats have them.
template <class T>
T little_endian(const std::byte* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes[i]) << (8 * i)));
  return value;
}
template <class T>
void put_little_endian(std::string& text, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    text += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

/// Continues `crc` (0 at first) over more bytes.
uint32_t crc32_of(std::span<const std::byte> bytes, uint32_t crc = 0);

}  // namespace mpsg
