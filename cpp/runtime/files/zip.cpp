#include "runtime/files/zip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <set>

#include "mpsg/error.h"
#include "runtime/files/atomic_file.h"
#include "runtime/files/limits.h"

namespace mpsg {
namespace {

// Signatures and fixed sizes of the records, as PKWARE's APPNOTE has them.
constexpr uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50;
constexpr uint32_t end_signature = 0x06054b50, end64_signature = 0x06064b50;
constexpr uint32_t locator_signature = 0x07064b50;
constexpr uint64_t local_bytes = 30, central_bytes = 46, end_bytes = 22, end64_bytes = 56;
constexpr uint64_t locator_bytes = 20, longest_comment = 65535;
constexpr uint32_t full32 = 0xffffffff;
constexpr uint16_t full16 = 0xffff, zip64_tag = 1, method_stored = 0, method_deflated = 8;
constexpr uint16_t flag_encrypted = 1, flag_utf8 = 1 << 11;
constexpr uint16_t version_zip64 = 45, version_stored = 20;
constexpr uint16_t date_1980 = 0x21;  // the first day that the format has: files are reproducible

struct Directory {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t count = 0;
};

/// The record at the end, found by its signature: a comment may follow it.
Directory find_directory(const ByteSource& archive) {
  if (archive.size() < end_bytes) archive.fail("is too short for an archive");
  const auto tail_size = std::min(archive.size(), end_bytes + longest_comment);
  const auto tail_at = archive.size() - tail_size;
  const auto tail = archive.read(tail_at, tail_size);
  for (auto at = tail_size - end_bytes + 1; at-- > 0;) {
    const auto* record = tail.data() + at;
    if (little_endian<uint32_t>(record) != end_signature) continue;
    if (little_endian<uint16_t>(record + 20) != tail_size - at - end_bytes) continue;
    if (little_endian<uint16_t>(record + 4) != 0 || little_endian<uint16_t>(record + 6) != 0)
      archive.fail("is a part of an archive of several files");
    Directory directory{little_endian<uint32_t>(record + 16), little_endian<uint32_t>(record + 12),
                        little_endian<uint16_t>(record + 10)};
    const bool is_zip64 =
        directory.offset == full32 || directory.size == full32 || directory.count == full16;
    const auto end_at = tail_at + at;
    if (!is_zip64 || end_at < locator_bytes) return directory;
    const auto locator = archive.read(end_at - locator_bytes, locator_bytes);
    if (little_endian<uint32_t>(locator.data()) != locator_signature) return directory;
    const auto end64 = archive.read(little_endian<uint64_t>(locator.data() + 8), end64_bytes);
    if (little_endian<uint32_t>(end64.data()) != end64_signature)
      archive.fail("has no ZIP64 directory where it should be");
    return {little_endian<uint64_t>(end64.data() + 48), little_endian<uint64_t>(end64.data() + 40),
            little_endian<uint64_t>(end64.data() + 32)};
  }
  archive.fail("is no zip archive, or its end is missing");
}

/// Sizes that do not fit 32 bits are in an extra field, in this order, as far as they are needed.
void take_zip64(const ByteSource& archive, ZipEntry& entry, uint64_t& local_at,
                std::span<const std::byte> extra) {
  std::array<uint64_t*, 3> wanted{&entry.size, &entry.compressed, &local_at};
  while (extra.size() >= 4) {
    const auto tag = little_endian<uint16_t>(extra.data());
    const size_t size = little_endian<uint16_t>(extra.data() + 2);
    if (size > extra.size() - 4) archive.fail("has a member with an unsound extra field");
    auto field = extra.subspan(4, size);
    extra = extra.subspan(4 + size);
    if (tag != zip64_tag) continue;
    for (auto* value : wanted) {
      if (*value != full32) continue;
      if (field.size() < 8) archive.fail("has a member with an unsound ZIP64 field");
      *value = little_endian<uint64_t>(field.data());
      field = field.subspan(8);
    }
    return;
  }
}

/// Where a member's bytes begin: its local header has names and fields of its own length.
uint64_t data_offset(const ByteSource& archive, uint64_t local_at, const std::string& name) {
  const auto local = archive.read(local_at, local_bytes);
  if (little_endian<uint32_t>(local.data()) != local_signature)
    archive.fail("has no member '" + name + "' where its directory says so");
  const uint64_t name_size = little_endian<uint16_t>(local.data() + 26);
  const uint64_t extra_size = little_endian<uint16_t>(local.data() + 28);
  const auto local_name = archive.read(local_at + local_bytes, name_size);
  if (name_size != name.size() || std::memcmp(local_name.data(), name.data(), name_size) != 0)
    archive.fail("calls the member '" + name + "' otherwise in two places");
  return local_at + local_bytes + name_size + extra_size;
}

struct Extent {
  uint64_t first;
  uint64_t last;
};

/// A member, and all that belongs to it in the archive.
ZipEntry read_entry(const ByteSource& archive, std::span<const std::byte> record,
                    size_t& record_size, Extent& extent) {
  if (record.size() < central_bytes || little_endian<uint32_t>(record.data()) != central_signature)
    archive.fail("has an unsound directory");
  const auto* const bytes = record.data();
  const size_t name_size = little_endian<uint16_t>(bytes + 28);
  const size_t extra_size = little_endian<uint16_t>(bytes + 30);
  record_size = central_bytes + name_size + extra_size + little_endian<uint16_t>(bytes + 32);
  if (record_size > record.size()) archive.fail("has an unsound directory");
  ZipEntry entry;
  entry.name.assign(reinterpret_cast<const char*>(bytes + central_bytes), name_size);
  const auto flags = little_endian<uint16_t>(bytes + 8);
  const auto method = little_endian<uint16_t>(bytes + 10);
  entry.crc = little_endian<uint32_t>(bytes + 16);
  entry.compressed = little_endian<uint32_t>(bytes + 20);
  entry.size = little_endian<uint32_t>(bytes + 24);
  uint64_t local_at = little_endian<uint32_t>(bytes + 42);
  take_zip64(archive, entry, local_at, record.subspan(central_bytes + name_size, extra_size));
  const auto fail = [&](const std::string& why) {
    archive.fail("member '" + entry.name + "' " + why);
  };
  if (flags & flag_encrypted) fail("is encrypted");
  if (method != method_stored && method != method_deflated)
    fail("is compressed in a way that is not known (" + std::to_string(method) + ")");
  entry.deflated = method == method_deflated;
  entry.offset = data_offset(archive, local_at, entry.name);
  if (entry.offset > archive.size() || entry.compressed > archive.size() - entry.offset)
    fail("lies beyond the end");
  if (entry.deflated ? entry.size / file_limits::deflate_ratio > entry.compressed
                     : entry.size != entry.compressed)
    fail("says that it has " + std::to_string(entry.size) + " bytes, which cannot be");
  extent = {local_at, entry.offset + entry.compressed};
  return entry;
}

/// All of a deflated member. Memory grows with what comes out, not with what was promised.
std::vector<std::byte> inflate_member(const ByteSource& archive, const ZipEntry& entry) {
  constexpr uint64_t step = 1 << 16;
  const auto fail = [&] { archive.fail("member '" + entry.name + "' is not sound deflate"); };
  std::vector<std::byte> in(step), out;
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw ExecutionError("no memory to inflate");
  const struct End {
    z_stream& stream;
    ~End() { inflateEnd(&stream); }
  } end{stream};
  uint64_t read = 0;
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    if (stream.avail_in == 0 && read < entry.compressed) {
      const auto count = std::min(step, entry.compressed - read);
      archive.read(entry.offset + read, std::span(in.data(), count));
      read += count;
      stream.next_in = reinterpret_cast<Bytef*>(in.data());
      stream.avail_in = static_cast<uInt>(count);
    }
    const auto done = out.size();
    // One byte more than promised shows a member that goes on.
    const auto room = std::min(std::max<uint64_t>(done, step), entry.size + 1 - done);
    out.resize(done + room);
    const auto most = std::min<uint64_t>(room, uint64_t{1} << 30);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = static_cast<uInt>(most);
    state = inflate(&stream, Z_NO_FLUSH);
    out.resize(done + most - stream.avail_out);
    if (state != Z_OK && state != Z_STREAM_END) fail();
    if (out.size() > entry.size) fail();
  }
  if (out.size() != entry.size || stream.avail_in != 0 || read != entry.compressed) fail();
  return out;
}

}  // namespace

bool looks_like_zip(const ByteSource& source) {
  if (source.size() < 4) return false;
  const auto signature = little_endian<uint32_t>(source.read(0, 4).data());
  return signature == local_signature || signature == end_signature;
}

std::vector<ZipEntry> read_zip_directory(const ByteSource& archive) {
  const auto directory = find_directory(archive);
  if (directory.count > file_limits::zip_entries ||
      directory.count > directory.size / central_bytes)
    archive.fail("cannot have " + std::to_string(directory.count) + " members");
  const auto bytes = archive.read(directory.offset, directory.size);
  std::vector<ZipEntry> entries;
  std::vector<Extent> extents;
  std::set<std::string> names;
  std::span<const std::byte> rest(bytes);
  for (uint64_t i = 0; i < directory.count; ++i) {
    size_t record_size = 0;
    Extent extent{};
    entries.push_back(read_entry(archive, rest, record_size, extent));
    extents.push_back(extent);
    if (!names.insert(entries.back().name).second)
      archive.fail("has two members '" + entries.back().name + "'");
    rest = rest.subspan(record_size);
  }
  std::ranges::sort(extents, {}, &Extent::first);
  extents.push_back({directory.offset, directory.offset + directory.size});
  for (size_t i = 1; i < extents.size(); ++i)
    if (extents[i].first < extents[i - 1].last) archive.fail("has members that overlap");
  return entries;
}

std::unique_ptr<ByteSource> open_zip_member(const ByteSource& archive, const ZipEntry& entry,
                                            bool check_crc) {
  const auto name = archive.name() + ", " + entry.name;
  std::unique_ptr<ByteSource> member;
  if (entry.deflated) member = std::make_unique<MemorySource>(name, inflate_member(archive, entry));
  else member = std::make_unique<SectionSource>(name, archive, entry.offset, entry.size);
  if (check_crc && member->crc32() != entry.crc)
    member->fail("its checksum is not the one that was written: the file is damaged");
  return member;
}

void ZipWriter::write(const std::string& text) {
  sink_.write(bytes_of(text));
  at_ += text.size();
}

void ZipWriter::add(const std::string& name, const Chunks& chunks) {
  uint32_t crc = 0;
  uint64_t size = 0;
  for (const auto chunk : chunks) {
    crc = crc32_of(chunk, crc);
    size += chunk.size();
  }
  if (name.size() > full16)
    throw PackageError("the name '" + name + "' is too long for a zip archive");
  const auto start = at_;
  const bool large = size >= full32, far = start >= full32;
  const auto size32 = static_cast<uint32_t>(large ? full32 : size);
  const auto put_common = [&](std::string& to, size_t extra_size) {
    put_little_endian<uint16_t>(to, large || far ? version_zip64 : version_stored);
    put_little_endian<uint16_t>(to, flag_utf8);
    put_little_endian<uint16_t>(to, method_stored);
    put_little_endian<uint16_t>(to, 0);
    put_little_endian<uint16_t>(to, date_1980);
    put_little_endian(to, crc);
    put_little_endian(to, size32);
    put_little_endian(to, size32);
    put_little_endian(to, static_cast<uint16_t>(name.size()));
    put_little_endian(to, static_cast<uint16_t>(extra_size));
  };
  const auto extra_field = [&](bool with_offset) {
    std::string field, extra;
    if (large) put_little_endian(field, size), put_little_endian(field, size);
    if (with_offset) put_little_endian(field, start);
    if (field.empty()) return extra;
    put_little_endian(extra, zip64_tag);
    put_little_endian(extra, static_cast<uint16_t>(field.size()));
    return extra + field;
  };
  std::string local;
  const auto local_extra = extra_field(false), central_extra = extra_field(far);
  put_little_endian(local, local_signature);
  put_common(local, local_extra.size());
  write(local + name + local_extra);
  for (const auto chunk : chunks) sink_.write(chunk);
  at_ += size;
  put_little_endian(directory_, central_signature);
  put_little_endian<uint16_t>(directory_, large || far ? version_zip64 : version_stored);
  put_common(directory_, central_extra.size());
  directory_.append(6, '\0');  // comment, disk, attributes
  put_little_endian<uint32_t>(directory_, 0);
  put_little_endian(directory_, static_cast<uint32_t>(far ? full32 : start));
  directory_ += name + central_extra;
  ++count_;
}

void ZipWriter::finish() {
  const auto start = at_, size = uint64_t{directory_.size()};
  const bool is_zip64 = count_ >= full16 || size >= full32 || start >= full32;
  write(directory_);
  std::string end;
  if (is_zip64) {
    const auto end64_at = at_;
    put_little_endian(end, end64_signature);
    put_little_endian<uint64_t>(end, end64_bytes - 12);
    put_little_endian(end, version_zip64);
    put_little_endian(end, version_zip64);
    put_little_endian<uint64_t>(end, 0);  // both disk numbers
    for (const auto number : {count_, count_, size, start}) put_little_endian(end, number);
    put_little_endian(end, locator_signature);
    put_little_endian<uint32_t>(end, 0);
    put_little_endian(end, end64_at);
    put_little_endian<uint32_t>(end, 1);
  }
  put_little_endian(end, end_signature);
  put_little_endian<uint32_t>(end, 0);
  const auto count16 = static_cast<uint16_t>(is_zip64 ? full16 : count_);
  put_little_endian(end, count16);
  put_little_endian(end, count16);
  put_little_endian(end, is_zip64 ? full32 : static_cast<uint32_t>(size));
  put_little_endian(end, is_zip64 ? full32 : static_cast<uint32_t>(start));
  put_little_endian<uint16_t>(end, 0);
  write(end);
}

}  // namespace mpsg
