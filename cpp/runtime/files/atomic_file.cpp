#include "runtime/files/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string_view>

#include "graph/faults.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_ending = ".mpsg-saving";
constexpr int most_links = 40;

[[noreturn]] void fail(const std::string& path, const std::string& what, int error) {
  throw PackageError(path + ": " + what + ": " + std::strerror(error) +
                     "; what was there before is unchanged");
}

/// Every byte that mpsg saves goes through here.
void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& path) {
  constexpr size_t most_at_once = size_t{1} << 30;
  fault_here(FaultPoint::write);
  while (!bytes.empty()) {
    const auto done = ::write(descriptor, bytes.data(), std::min(bytes.size(), most_at_once));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail(path, "cannot be written", done < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

void close_quietly(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

/// Some file systems refuse to sync a folder; they keep the order by themselves.
void sync_folder(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  close_quietly(descriptor);
}

std::string folder_of(const std::string& path) {
  const auto parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string beside(const std::string& path, const std::string& name) {
  return (fs::path(path).parent_path() / name).string();
}

/// ".NAME.PROCESS.LIFE-NUMBER.mpsg-saving": the name is cut if it is long, between characters.
std::string temporary_prefix(const std::string& path) {
  constexpr size_t longest = 120;
  auto name = fs::path(path).filename().string();
  const auto is_continuation = [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
  };
  if (name.size() > longest) {
    size_t end = longest;
    while (end > longest - 4 && is_continuation(name[end])) --end;
    name.resize(end);
  }
  return "." + name + ".";
}

/// Tells this process from an earlier one that had its number, as in containers.
const std::string& this_life() {
  static const std::string life = std::to_string(std::random_device()());
  return life;
}

std::string new_temporary_name(const std::string& path) {
  static std::atomic<unsigned> number{0};
  return beside(path, temporary_prefix(path) + std::to_string(::getpid()) + "." + this_life() +
                          "-" + std::to_string(++number) + std::string(temporary_ending));
}

/// Is `name` a temporary file of this prefix, whose process is no more?
bool is_leftover(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || !name.ends_with(temporary_ending)) return false;
  name.remove_prefix(prefix.size());
  pid_t process = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
  if (error != std::errc() || *end != '.' || process <= 0) return false;
  if (process == ::getpid())
    return !std::string_view(end + 1, name.data() + name.size()).starts_with(this_life() + "-");
  return ::kill(process, 0) != 0 && errno == ESRCH;
}

/// What saves of processes that are no more left here.
void remove_leftovers(const std::string& path) {
  const auto prefix = temporary_prefix(path);
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder_of(path), error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (!is_leftover(entry->path().filename().string(), prefix)) continue;
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
  }
}

mode_t mode_of(const std::string& path, mode_t otherwise) {
  struct stat facts = {};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : otherwise;
}

void rename_over(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail(to, "cannot be put in its place", errno);
}

/// Both names are swapped in one step. False: this system or file system cannot.
bool exchange(const std::string& a, const std::string& b) {
#if defined(RENAME_EXCHANGE)
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
#elif defined(RENAME_SWAP)
  return ::renamex_np(a.c_str(), b.c_str(), RENAME_SWAP) == 0;
#else
  return a.empty() && b.empty();
#endif
}

}  // namespace

std::string resolved_path(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos)
    throw PackageError("a path must have a name, without NUL");
  const auto without_slash = [](fs::path p) {
    while (!p.has_filename() && p.has_parent_path() && p != p.root_path()) p = p.parent_path();
    return p;
  };
  auto at = without_slash(path);
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(at, error)); ++links) {
    if (links == most_links) throw PackageError(path + ": too many links");
    const auto target = fs::read_symlink(at, error);
    if (error) throw PackageError(path + ": a link that cannot be followed: " + error.message());
    at = without_slash(at.parent_path() / target);
  }
  const auto name = at.filename();
  if (name.empty() || name == "." || name == "..")
    throw PackageError(path + ": is a folder that cannot be replaced; give a name in it");
  return at.string();
}

AtomicFile::AtomicFile(const std::string& path) : path_(resolved_path(path)) {
  std::error_code error;
  const auto status = fs::status(path_, error);
  if (fs::is_directory(status)) throw PackageError(path + ": is a folder, not a file");
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw PackageError(path + ": is not a regular file; it is not replaced");
  remove_leftovers(path_);
  temporary_ = new_temporary_name(path_);
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(path_, "cannot be written", errno);
  const auto mode = mode_of(path_, 0);
  if (mode != 0 && ::fchmod(descriptor_, mode) != 0) errno = 0;  // not ours: the default is good
}

AtomicFile::~AtomicFile() {
  close_quietly(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) { write_all(descriptor_, bytes, path_); }

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail(path_, "cannot be written", errno);
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0 && errno != EINTR) fail(path_, "cannot be written", errno);
  rename_over(temporary_, path_);
  temporary_.clear();
  sync_folder(folder_of(path_));
}

AtomicFolder::AtomicFolder(const std::string& path, bool (*may_replace)(const std::string& name))
    : path_(resolved_path(path)), may_replace_(may_replace) {
  std::error_code error;
  const auto status = fs::status(path_, error);
  if (fs::exists(status) && !fs::is_directory(status))
    throw PackageError(path + ": is a file, not a folder");
  if (fs::is_directory(status)) {
    for (auto entry = fs::directory_iterator(path_, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const auto name = entry->path().filename().string();
      if (!may_replace_(name) || !entry->is_regular_file(error))
        throw PackageError(path + ": is a folder that is no package: it has '" + name +
                           "', which would be lost; nothing was written");
    }
    if (error) throw PackageError(path + ": cannot be listed: " + error.message());
  }
  remove_leftovers(path_);
  temporary_ = new_temporary_name(path_);
  if (::mkdir(temporary_.c_str(), 0777) != 0) fail(path_, "cannot be written", errno);
}

AtomicFolder::~AtomicFolder() {
  if (temporary_.empty()) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void AtomicFolder::write(const std::string& name,
                         const std::vector<std::span<const std::byte>>& chunks) {
  const auto place = temporary_ + "/" + name;
  int descriptor = ::open(place.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path_, "cannot be written", errno);
  const struct Close {
    int& descriptor;
    ~Close() { close_quietly(descriptor); }
  } close{descriptor};
  for (const auto chunk : chunks) write_all(descriptor, chunk, path_);
  if (::fsync(descriptor) != 0) fail(path_, "cannot be written", errno);
}

void AtomicFolder::commit() {
  sync_folder(temporary_);
  // An empty folder may be renamed over.
  if (::rename(temporary_.c_str(), path_.c_str()) == 0) {
    temporary_.clear();
  } else if (errno != EEXIST && errno != ENOTEMPTY) {
    fail(path_, "cannot be put in its place", errno);
  } else if (!exchange(temporary_, path_)) {
    // In two steps, then: a process that ends between them leaves no package, but both folders.
    const auto old = new_temporary_name(path_);
    rename_over(path_, old);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
      const int error = errno;
      rename_over(old, path_);
      fail(path_, "cannot be put in its place", error);
    }
    temporary_ = old;
  }
  sync_folder(folder_of(path_));
  // The old one is now in the temporary place, and goes with this.
}

}  // namespace mpsg
