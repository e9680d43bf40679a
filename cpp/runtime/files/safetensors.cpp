#include "runtime/files/safetensors.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>

#include "mpsg/error.h"
#include "runtime/files/json_file.h"
#include "runtime/files/limits.h"

namespace mpsg {
namespace {

using nlohmann::json;

constexpr std::string_view types_key = "mpsg.data_types";
constexpr const char* metadata_key = "__metadata__";

struct TypeName {
  DataType type;
  std::string_view name;
};
/// The first name of a type is that which is written, the first type of a name that which is read.
constexpr TypeName type_names[] = {
    {DataType::float64, "F64"},   {DataType::float32, "F32"},   {DataType::float16, "F16"},
    {DataType::bfloat16, "BF16"}, {DataType::int64, "I64"},     {DataType::int32, "I32"},
    {DataType::int16, "I16"},     {DataType::int8, "I8"},       {DataType::uint64, "U64"},
    {DataType::uint32, "U32"},    {DataType::uint16, "U16"},    {DataType::uint8, "U8"},
    {DataType::boolean, "BOOL"},  {DataType::complex64, "C64"}, {DataType::int4, "I8"},
    {DataType::uint4, "U8"},
};

std::string_view name_of(DataType type) {
  for (const auto& entry : type_names)
    if (entry.type == type) return entry.name;
  throw PackageError("safetensors has no " + std::string(data_type_name(type)));
}

bool is_short(DataType type) { return type == DataType::int4 || type == DataType::uint4; }

/// One entry of the header. `start` is where the bytes of the tensors begin.
SafetensorsEntry read_entry(const ByteSource& source, const std::string& name, const json& entry,
                            uint64_t start) {
  const auto fail = [&](const std::string& why) { source.fail("tensor '" + name + "' " + why); };
  const auto is_size = [](const json& number) {
    return number.is_number_unsigned() && number.get<uint64_t>() <= uint64_t{INT64_MAX};
  };
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets"))
    fail("must have dtype, shape and data_offsets, and nothing else");
  const auto &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (!dtype.is_string()) fail("has a dtype that is no text");
  const auto* const known = std::ranges::find_if(
      type_names, [&](const auto& t) { return t.name == dtype.get_ref<const std::string&>(); });
  if (known == std::end(type_names))
    fail("is " + dtype.dump() + ", a type that mpsg does not have");
  if (!shape.is_array() || shape.size() > max_rank || !std::ranges::all_of(shape, is_size))
    fail("has a shape that is no list of at most " + std::to_string(max_rank) + " sizes");
  if (!offsets.is_array() || offsets.size() != 2 || !std::ranges::all_of(offsets, is_size))
    fail("has data_offsets that are not two numbers");
  const auto sizes = shape.get<std::vector<int64_t>>();
  const auto first = offsets[0].get<uint64_t>(), last = offsets[1].get<uint64_t>();
  const auto bytes = counted_bytes(known->type, sizes);
  if (!bytes || last < first || *bytes != last - first)
    fail("has " + offsets.dump() + " as data_offsets, which does not fit " + dtype.dump() + " " +
         shape.dump());
  if (last > source.size() - start) fail("lies beyond the end of the file");
  return {name, {known->type, Shape(sizes)}, start + first, *bytes};
}

TensorMetadata read_metadata(const ByteSource& source, const json& given) {
  TensorMetadata metadata;
  if (!given.is_object()) source.fail("__metadata__ must be a list of names and texts");
  for (const auto& [key, value] : given.items()) {
    if (!value.is_string()) source.fail("__metadata__ holds something else than texts");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

/// 4-bit integers that are stored as 8 bits: what the metadata says of them.
void take_short_types(const ByteSource& source, SafetensorsHeader& header) {
  const auto found = header.metadata.find(std::string(types_key));
  if (found == header.metadata.end()) return;
  const auto types = parse_bounded_json(found->second, source.name() + ", " + found->first);
  if (!types.is_object()) source.fail("the metadata " + found->first + " is no list of types");
  for (auto& entry : header.entries) {
    const auto given = types.find(entry.name);
    if (given == types.end()) continue;
    const auto type = given->is_string() ? data_type_from_name(given->get_ref<const std::string&>())
                                         : std::nullopt;
    if (!type || !is_short(*type) || name_of(*type) != name_of(entry.type.data_type))
      source.fail("tensor '" + entry.name + "' cannot be " + given->dump() +
                  ", as the metadata says");
    entry.type.data_type = *type;
  }
  header.metadata.erase(found);
}

}  // namespace

SafetensorsHeader read_safetensors_header(const ByteSource& source) {
  std::byte length_bytes[8];
  source.read(0, length_bytes);
  const auto length = little_endian<uint64_t>(length_bytes);
  if (length > file_limits::safetensors_header_bytes || length > source.size() - 8)
    source.fail("is not in the format safetensors: a header of " + std::to_string(length) +
                " bytes cannot be");
  const SectionSource section(source.name(), source, 8, length);
  const auto text = section.read(0, length);
  if (text.empty() || text.front() != std::byte{'{'})
    source.fail("is not in the format safetensors: its header does not begin with {");
  const auto json = read_json(section);
  SafetensorsHeader header;
  for (const auto& [name, entry] : json.items()) {
    if (name == metadata_key) header.metadata = read_metadata(source, entry);
    else header.entries.push_back(read_entry(source, name, entry, 8 + length));
  }
  std::ranges::sort(header.entries, [](const auto& a, const auto& b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  uint64_t at = 8 + length;
  for (const auto& entry : header.entries) {
    if (entry.offset != at)
      source.fail("tensor '" + entry.name + "' does not begin where the one before it ends");
    at += entry.bytes;
  }
  if (at != source.size())
    source.fail("has " + std::to_string(source.size() - at) + " bytes that belong to no tensor");
  take_short_types(source, header);
  return header;
}

TensorData read_safetensors_tensor(const ByteSource& source, const SafetensorsEntry& entry) {
  return read_tensor(source, entry.offset, entry.type, entry.name);
}

SafetensorsFile read_safetensors(const ByteSource& source) {
  auto header = read_safetensors_header(source);
  SafetensorsFile file{{}, std::move(header.metadata)};
  for (const auto& entry : header.entries)
    file.tensors.emplace_back(entry.name, read_safetensors_tensor(source, entry));
  return file;
}

SafetensorsImage::SafetensorsImage(const NamedTensors& tensors, TensorMetadata metadata)
    : tensors_(tensors) {
  std::ranges::sort(tensors_, [](const auto& a, const auto& b) {
    const auto size_a = size_of(a.second.data_type()), size_b = size_of(b.second.data_type());
    return size_a != size_b ? size_a > size_b : a.first < b.first;
  });
  json header = json::object(), shorts = json::object();
  uint64_t at = 0;
  for (const auto& [name, data] : tensors_) {
    if (header.contains(name)) throw PackageError("two tensors have the name '" + name + "'");
    if (name == metadata_key) throw PackageError("safetensors has no tensor of this name: " + name);
    const auto type = data.data_type();
    header[name] = {{"dtype", name_of(type)},
                    {"shape", data.shape().to_vector()},
                    {"data_offsets", {at, at + data.byte_count()}}};
    if (is_short(type)) shorts[name] = data_type_name(type);
    at += data.byte_count();
  }
  if (!shorts.empty()) metadata[std::string(types_key)] = shorts.dump();
  if (!metadata.empty()) header[metadata_key] = metadata;
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception&) {
    throw PackageError("the name of a tensor is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > file_limits::safetensors_header_bytes)
    throw PackageError("safetensors has no room for the names of so many tensors");
  put_little_endian<uint64_t>(header_, text.size());
  header_ += text;
}

Chunks SafetensorsImage::chunks() const {
  Chunks chunks{bytes_of(header_)};
  for (const auto& [name, data] : tensors_) chunks.push_back(bytes_of(data));
  return chunks;
}

}  // namespace mpsg
