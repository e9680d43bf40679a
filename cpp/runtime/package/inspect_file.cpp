// inspect_file: what a file is.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "graph/graph_data.h"
#include "graph/graph_json.h"
#include "mpsg/error.h"
#include "mpsg/package.h"
#include "runtime/files/json_file.h"
#include "runtime/files/npy.h"
#include "runtime/files/npz.h"
#include "runtime/files/safetensors.h"
#include "runtime/files/zip.h"
#include "runtime/package/package_reader.h"

namespace mpsg {
namespace {

using nlohmann::json;

json tensor_to_json(const std::string& name, const TensorType& type, const std::string& place) {
  return {{"name", name},
          {"data_type", data_type_name(type.data_type)},
          {"shape", type.shape.to_vector()},
          {"bytes", *counted_bytes(type.data_type, type.shape.dimensions())},
          {"file", place}};
}

void add_tensors(json& tensors, const ByteSource& source, const std::string& place) {
  for (const auto& entry : read_safetensors_header(source).entries)
    tensors.push_back(tensor_to_json(entry.name, entry.type, place));
}

json describe_package(const std::string& path, const PackageFiles& files) {
  const auto package = read_package(path);
  const auto& manifest = package.manifest;
  auto report = manifest_to_json(manifest);
  report["kind"] = "package";
  report["tensors"] = json::array();
  for (const auto name : {package_format::constants, package_format::variables})
    add_tensors(report["tensors"], *open_member(files, manifest, std::string(name)),
                std::string(name));
  return report;
}

json describe_safetensors(const ByteSource& source) {
  json report = {{"kind", "safetensors"}, {"tensors", json::array()}};
  const auto file = read_safetensors(source);  // the elements are checked, too
  for (const auto& [name, data] : file.tensors)
    report["tensors"].push_back(tensor_to_json(name, data.type(), ""));
  report["metadata"] = file.metadata;
  return report;
}

json describe_npz(const ByteSource& source) {
  json report = {{"kind", "npz"}, {"tensors", json::array()}};
  for (const auto& [name, data] : read_npz(source))
    report["tensors"].push_back(tensor_to_json(name, data.type(), ""));
  return report;
}

json describe_npy(const ByteSource& source) {
  const auto type = read_npy(source).type();
  return {{"kind", "npy"}, {"tensors", {tensor_to_json("", type, "")}}};
}

json describe_graph(const ByteSource& source) {
  const auto bytes = source.read(0, source.size());
  const auto graph = Graph::from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  json operations = json::object(), feeds = json::array(), tensors = json::array();
  for (const auto& operation : graph.operations()) {
    auto& count = operations[operation.op_name()];
    count = count.is_null() ? 1 : count.get<int64_t>() + 1;
    if (operation.op_name() != "placeholder" && operation.op_name() != "variable") continue;
    const auto tensor = operation.output_tensors().front();
    auto& list = operation.op_name() == "placeholder" ? feeds : tensors;
    list.push_back(
        {{"name", tensor.name()},
         {"data_type", data_type_name(tensor.data_type())},
         {"shape", tensor.shape().has_rank() ? json(tensor.shape().to_vector()) : json()}});
  }
  return {{"kind", "graph"}, {"operations", operations}, {"feeds", feeds}, {"variables", tensors}};
}

json describe(const std::string& path) {
  if (is_folder(path)) return describe_package(path, *files_of_folder(path));
  const FileSource source(path);
  if (looks_like_zip(source)) {
    const auto entries = read_zip_directory(source);
    if (std::ranges::any_of(entries,
                            [](const auto& e) { return e.name == package_format::manifest; }))
      return describe_package(path, *files_of_archive(source));
    return describe_npz(source);
  }
  const auto start = source.read(0, std::min<uint64_t>(source.size(), 16));
  if (!start.empty() && start[0] == std::byte{0x93}) return describe_npy(source);
  if (!start.empty() && start[0] == std::byte{'{'}) return describe_graph(source);
  if (start.size() > 8 && start[8] == std::byte{'{'}) return describe_safetensors(source);
  source.fail("is no package, safetensors, npz, npy or graph in JSON");
}

}  // namespace

std::string inspect_file(const std::string& path) {
  auto report = describe(path);
  return report.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace mpsg
