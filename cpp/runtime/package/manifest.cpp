#include "runtime/package/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "graph/attribute_json.h"
#include "graph/op_table.h"
#include "mpsg/error.h"
#include "runtime/files/byte_source.h"

namespace mpsg {

using nlohmann::json;

namespace package_format {
namespace {
constexpr std::string_view callable_start = "callable_", callable_end = ".json";
}

std::string callable_graph(size_t i) {
  return std::string(callable_start) + std::to_string(i) + std::string(callable_end);
}

bool has_file(const std::string& name) {
  if (name == manifest || name == graph || name == constants || name == variables) return true;
  return name.size() > callable_start.size() + callable_end.size() &&
         name.starts_with(callable_start) && name.ends_with(callable_end) &&
         name.find_first_not_of("0123456789", callable_start.size()) ==
             name.size() - callable_end.size();
}

}  // namespace package_format

namespace {

json id_to_json(TensorId id) { return json::array({id.operation, id.index}); }

json program_to_json(const PackageProgram& program) {
  json feeds = json::array(), targets = json::array();
  for (const auto& feed : program.feeds) {
    auto entry = type_to_json(feed.type);
    entry["operation"] = feed.operation;
    entry["name"] = feed.name;
    feeds.push_back(entry);
  }
  for (const auto& target : program.targets) {
    auto entry = type_to_json(target.type);
    entry["tensor"] = id_to_json(target.tensor);
    entry["name"] = target.name;
    targets.push_back(entry);
  }
  return {{"graph", program.graph},
          {"feeds", feeds},
          {"targets", targets},
          {"target_operations", program.target_operations},
          {"operations", program.operations}};
}

/// Reads JSON that may hold anything; every `at` and `get` may throw json::exception.
class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  [[noreturn]] void fail(const std::string& why) const { throw PackageError(name_ + ": " + why); }

  int64_t integer(const json& value, int64_t least, int64_t most) const {
    if (!value.is_number_integer()) fail("a number that is no integer");
    if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(most))
      fail("the number " + value.dump() + " is too large");
    const auto number = value.get<int64_t>();
    if (number < least || number > most) fail("the number " + value.dump() + " cannot be");
    return number;
  }
  OperationId operation(const json& value) const {
    return static_cast<OperationId>(integer(value, 0, INT32_MAX));
  }

  TensorType type(const json& entry) const {
    const auto& name = entry.at("data_type").get_ref<const std::string&>();
    const auto data_type = data_type_from_name(name);
    if (!data_type) fail("unknown data type '" + name + "'");
    const auto& sizes = entry.at("shape");
    if (sizes.is_null()) return {*data_type, Shape::unranked()};
    if (!sizes.is_array() || sizes.size() > max_rank) fail("a shape that cannot be");
    std::vector<int64_t> shape;
    for (const auto& size : sizes) shape.push_back(integer(size, unknown_dimension, INT64_MAX));
    return {*data_type, Shape(shape)};
  }

  PackageProgram program(const json& entry) const {
    PackageProgram program;
    program.graph = entry.at("graph").get<std::string>();
    for (const auto& feed : entry.at("feeds"))
      program.feeds.push_back(
          {operation(feed.at("operation")), feed.at("name").get<std::string>(), type(feed)});
    for (const auto& target : entry.at("targets")) {
      const auto& id = target.at("tensor");
      program.targets.push_back(
          {{operation(id.at(0)), static_cast<int32_t>(integer(id.at(1), 0, INT32_MAX))},
           target.at("name").get<std::string>(),
           type(target)});
    }
    for (const auto& id : entry.at("target_operations"))
      program.target_operations.push_back(operation(id));
    for (const auto& [row, count] : entry.at("operations").items()) {
      if (!find_row(row))
        fail("needs the operation '" + row + "', which this version of mpsg does not have");
      program.operations[row] = integer(count, 1, INT32_MAX);
    }
    return program;
  }

  Manifest manifest(const json& file) const {
    if (!file.is_object() || file.value("format", json()) != package_format::name)
      fail("is no package: its manifest does not say " + std::string(package_format::name));
    Manifest manifest;
    manifest.version = integer(file.at("version"), 1, INT32_MAX);
    if (manifest.version > package_format::version)
      fail("is a package of format version " + std::to_string(manifest.version) +
           "; this version of mpsg reads up to " + std::to_string(package_format::version) +
           ". Please install a newer one");
    manifest.made_by = file.at("made_by").get<std::string>();
    const auto& needs = file.at("needs");
    manifest.features = needs.at("features").get<std::vector<std::string>>();
    for (const auto& feature : manifest.features)
      if (feature != "callables")
        fail("needs '" + feature + "', which this version of mpsg does not have");
    manifest.data_types = needs.at("data_types").get<std::vector<std::string>>();
    for (const auto& type : manifest.data_types)
      if (!data_type_from_name(type)) fail("needs the unknown data type '" + type + "'");
    manifest.device = file.at("device").get<std::string>();
    if (const auto level = file.find("optimization_level"); level != file.end())
      manifest.optimization_level = integer(*level, 0, 1);
    manifest.program = program(file.at("program"));
    for (const auto& [symbol, callable] : file.at("callables").items())
      manifest.callables[symbol] = program(callable);
    for (const auto& [member, facts] : file.at("members").items()) {
      if (!package_format::has_file(member)) fail("lists the unknown file '" + member + "'");
      manifest.members[member] = {static_cast<uint64_t>(integer(facts.at("bytes"), 0, INT64_MAX)),
                                  static_cast<uint32_t>(integer(facts.at("crc32"), 0, UINT32_MAX))};
    }
    return manifest;
  }

 private:
  const std::string& name_;
};

/// Of the text without spaces, with sorted keys, without the checksum itself.
uint32_t checksum_of(json manifest) {
  manifest.erase("crc32");
  const auto text = manifest.dump(-1, ' ', false, json::error_handler_t::replace);
  return crc32_of(std::as_bytes(std::span(text)));
}

}  // namespace

json manifest_to_json(const Manifest& manifest) {
  json members = json::object(), callables = json::object();
  for (const auto& [name, member] : manifest.members)
    members[name] = {{"bytes", member.bytes}, {"crc32", member.crc32}};
  for (const auto& [symbol, program] : manifest.callables)
    callables[symbol] = program_to_json(program);
  json file = {{"format", package_format::name},
               {"version", manifest.version},
               {"made_by", manifest.made_by},
               {"device", manifest.device},
               {"optimization_level", manifest.optimization_level},
               {"needs", {{"features", manifest.features}, {"data_types", manifest.data_types}}},
               {"program", program_to_json(manifest.program)},
               {"callables", callables},
               {"members", members}};
  file["crc32"] = checksum_of(file);
  return file;
}

Manifest manifest_from_json(const json& file, const std::string& name, Checksums checksums) {
  try {
    auto manifest = Reader(name).manifest(file);
    if (checksums == Checksums::checked && file.at("crc32") != checksum_of(file))
      throw PackageError(name + ": the manifest's checksum is not the one that was written: the "
                                "package is damaged");
    return manifest;
  } catch (const json::exception& error) {
    throw PackageError(name + ": the manifest is not sound: " + error.what());
  }
}

}  // namespace mpsg
