#include "backends/cpu/llvm/kernel_object_cache.h"

#include <fcntl.h>
#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/SHA256.h>
#include <llvm/Support/xxhash.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <utility>

namespace mpsg {
namespace {

constexpr size_t key_bytes = 32;
constexpr size_t most_file_bytes = size_t{64} << 20;

/// Heads each file; then come the function's name and the object.
struct Header {
  char magic[8];
  uint64_t function_bytes;
  uint64_t object_bytes;
  uint64_t checksum;  // of what follows
  char key[key_bytes];
};
constexpr char magic[9] = "MPSGKRN1";

class File {
 public:
  File(const std::string& path, int flags) {
    do descriptor_ = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (descriptor_ < 0 && errno == EINTR);
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }

  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }

  std::optional<std::string> read() const {
    struct stat facts{};
    if (::fstat(descriptor_, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 0 ||
        static_cast<uint64_t>(facts.st_size) > most_file_bytes)
      return std::nullopt;
    std::string bytes(static_cast<size_t>(facts.st_size), '\0');
    for (size_t done = 0; done < bytes.size();) {
      const auto count = ::read(descriptor_, bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return std::nullopt;
      done += static_cast<size_t>(count);
    }
    return bytes;
  }

 private:
  int descriptor_ = -1;
};

std::string temporary_path(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  return path + "." + std::to_string(::getpid()) + "." + std::to_string(counter++) + ".tmp";
}

}  // namespace

KernelObjectCache::KernelObjectCache(std::string folder, std::string build)
    : folder_(std::move(folder)), build_(std::move(build)) {
  if (folder_.empty()) return;
  std::error_code ignored;
  const std::filesystem::path path(folder_);
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  ::mkdir(folder_.c_str(), 0700);
}

// We run what we find there: nobody else may have put it there.
bool KernelObjectCache::usable() const {
  struct stat facts{};
  return !folder_.empty() && ::stat(folder_.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) &&
         facts.st_uid == ::geteuid() && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::string KernelObjectCache::key_of(std::string_view text) const {
  llvm::SHA256 hash;
  hash.update(llvm::StringRef(build_.data(), build_.size() + 1));  // with its final zero
  hash.update(llvm::StringRef(text.data(), text.size()));
  const auto digest = hash.final();
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string KernelObjectCache::path_of(const std::string& key) const {
  return folder_ + "/" + llvm::toHex(key, /*LowerCase=*/true) + ".kernel";
}

std::optional<KernelObject> KernelObjectCache::find(std::string_view text) const {
  if (!usable()) return std::nullopt;
  const auto key = key_of(text);
  const File file(path_of(key), O_RDONLY);
  if (!file.is_open()) return std::nullopt;
  const auto bytes = file.read();
  Header header;
  if (!bytes || bytes->size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, bytes->data(), sizeof(header));
  const std::string_view rest = std::string_view(*bytes).substr(sizeof(header));
  const bool sound = std::memcmp(header.magic, magic, sizeof(header.magic)) == 0 &&
                     std::memcmp(header.key, key.data(), key_bytes) == 0 &&
                     header.function_bytes <= rest.size() &&
                     header.object_bytes == rest.size() - header.function_bytes &&
                     header.checksum == llvm::xxh3_64bits(llvm::StringRef(rest));
  if (!sound) return std::nullopt;
  return KernelObject{std::string(rest.substr(0, header.function_bytes)),
                      std::string(rest.substr(header.function_bytes))};
}

void KernelObjectCache::keep(std::string_view text, std::string_view function,
                             std::string_view object) const {
  if (!usable()) return;
  const auto key = key_of(text);
  std::string rest(function);
  rest += object;
  Header header{};
  std::memcpy(header.magic, magic, sizeof(header.magic));
  header.function_bytes = function.size();
  header.object_bytes = object.size();
  header.checksum = llvm::xxh3_64bits(llvm::StringRef(rest));
  std::memcpy(header.key, key.data(), key_bytes);
  const auto path = path_of(key);
  const auto temporary = temporary_path(path);
  bool written = false;
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.is_open()) return;
    written =
        file.write({reinterpret_cast<const char*>(&header), sizeof(header)}) && file.write(rest);
  }
  // Readers see the whole file or none.
  if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) ::unlink(temporary.c_str());
}

}  // namespace mpsg
