#include "runtime/package/package_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/module.h"
#include "graph/graph_json.h"
#include "mpsg/error.h"
#include "mpsg/package.h"
#include "runtime/executable_state.h"
#include "runtime/files/atomic_file.h"
#include "runtime/files/byte_source.h"
#include "runtime/files/safetensors.h"
#include "runtime/files/zip.h"
#include "runtime/variables.h"

namespace mpsg {
namespace {

/// Constants of fewer bytes stay in the graph's text.
constexpr size_t least_moved_bytes = 64;

/// Shares the bytes of a constant.
TensorData constant_data(const Node& node) {
  const auto at = static_cast<size_t>(node.row->attribute_index("value"));
  const auto bytes =
      std::const_pointer_cast<Bytes>(std::get<std::shared_ptr<const Bytes>>(node.attributes[at]));
  return {node.outputs.front(), bytes->mutable_data(), bytes};
}

}  // namespace

PackageWriter::PackageWriter(const Executable& executable) {
  manifest_.made_by = "mpsg " MPSG_VERSION;
  manifest_.device = executable.device().info().name;
  manifest_.optimization_level = executable.state().stitch ? 1 : 0;
  add_executable(executable);
  size_t number = 0;
  for (const auto& [symbol, callable] : executable.state().callables)
    add_callable(symbol, *callable, number++);
  if (!manifest_.callables.empty()) manifest_.features.emplace_back("callables");
  for (const auto type : all_data_types())
    if (types_.contains(type)) manifest_.data_types.emplace_back(data_type_name(type));
}

void PackageWriter::write(const std::string& path, bool single_file) {
  const auto values = read_variables(graph_, variables_);
  const auto names = names_of_variables(graph_, variables_);
  NamedTensors named;
  for (size_t i = 0; i < values.size(); ++i) named.emplace_back(names[i], values[i]);
  const SafetensorsImage constants(constants_, {}), variables(named, {});
  Files files;
  for (const auto& [name, text] : texts_) files.emplace_back(name, Chunks{bytes_of(text)});
  files.emplace_back(package_format::constants, constants.chunks());
  files.emplace_back(package_format::variables, variables.chunks());
  add_members(files);
  const auto manifest =
      manifest_to_json(manifest_).dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
  files.emplace(files.begin(), package_format::manifest, Chunks{bytes_of(manifest)});
  if (single_file) write_archive(path, files);
  else write_folder(path, files);
}

void PackageWriter::add_members(const Files& files) {
  for (const auto& [name, chunks] : files) {
    PackageMember member;
    for (const auto chunk : chunks) {
      member.bytes += chunk.size();
      member.crc32 = crc32_of(chunk, member.crc32);
    }
    manifest_.members[name] = member;
  }
}

void PackageWriter::write_archive(const std::string& path, const Files& files) {
  AtomicFile file(path);
  ZipWriter zip(file);
  for (const auto& [name, chunks] : files) zip.add(name, chunks);
  zip.finish();
  file.commit();
}

void PackageWriter::write_folder(const std::string& path, const Files& files) {
  AtomicFolder folder(path, package_format::has_file);
  for (const auto& [name, chunks] : files) folder.write(name, chunks);
  folder.commit();
}

void PackageWriter::add_executable(const Executable& executable) {
  const auto feeds = executable.feed_tensors(), targets = executable.target_tensors();
  const auto& state = executable.state();
  std::vector<Operation> operations;
  for (const auto id : state.operations) operations.emplace_back(state.require_graph(), id);
  if (!targets.empty()) graph_ = targets.front().graph();
  else if (!operations.empty()) graph_ = operations.front().graph();
  else throw PackageError("the executable has no targets: there is nothing to save");
  auto& program = manifest_.program;
  program.graph = package_format::graph;
  const auto& feed_types = executable.feed_types();
  for (size_t i = 0; i < feeds.size(); ++i)
    program.feeds.push_back({feeds[i].id().operation, feeds[i].name(), feed_types[i]});
  const auto target_types = executable.output_types();
  for (size_t i = 0; i < targets.size(); ++i)
    program.targets.push_back({targets[i].id(), targets[i].name(), target_types[i]});
  for (const auto& operation : operations) program.target_operations.push_back(operation.id());
  variables_ = add_graph(graph_, program, "");
}

void PackageWriter::add_callable(const std::string& symbol, const Callable& callable,
                                 size_t number) {
  const auto& data = *callable.module.graph.data();
  auto& program = manifest_.callables[symbol];
  program.graph = package_format::callable_graph(number);
  for (const auto id : callable.module.feeds)
    program.feeds.push_back({id.operation, data.display_name(id.operation), data.type(id)});
  for (const auto id : callable.module.targets)
    program.targets.push_back({id, data.display_name(id.operation), data.type(id)});
  const auto prefix = "callable_" + std::to_string(number) + "/";
  if (!add_graph(callable.module.graph, program, prefix).empty())
    throw PackageError("the callable '" + symbol + "' has a variable, which cannot be");
}

/// Adds what the program needs of its graph; returns the variables among it.
std::vector<OperationId> PackageWriter::add_graph(const Graph& of, PackageProgram& program,
                                                  const std::string& prefix) {
  const auto& graph = *of.data();
  const std::lock_guard lock(graph.mutex);
  std::vector<TensorId> targets;
  for (const auto& target : program.targets) targets.push_back(target.tensor);
  auto live = live_operations(graph, targets, program.target_operations);
  for (const auto& feed : program.feeds) live[static_cast<size_t>(feed.operation)] = true;
  std::vector<OperationId> variables;
  std::vector<std::string> names;
  for (OperationId id = 0; id < graph.node_count(); ++id) {
    names.push_back(graph.display_name(id));
    if (!live[static_cast<size_t>(id)]) continue;
    const auto& node = graph.node(id);
    if (node.row->name == "variable") variables.push_back(id);
    if (node.row->name != "region_argument") ++program.operations[node.row->name];
    for (const auto& output : node.outputs) types_.insert(output.data_type);
  }
  names = unique_names(names);
  const auto variable_names = names_of_variables(of, variables);
  const auto keep = [&](OperationId id, const Bytes& bytes) -> std::optional<std::string> {
    const auto at = std::ranges::lower_bound(variables, id);
    if (at != variables.end() && *at == id)
      return "variables/" + variable_names[static_cast<size_t>(at - variables.begin())];
    if (bytes.size() < least_moved_bytes) return std::nullopt;
    const auto name = prefix + names[static_cast<size_t>(id)];
    constants_.emplace_back(name, constant_data(graph.node(id)));
    return "constants/" + name;
  };
  texts_[program.graph] = graph_to_json(graph, &live, keep);
  return variables;
}

bool is_single_file_name(const std::string& path) {
  return path.ends_with(package_format::single_file_ending);
}

void serialize(const Executable& executable, const std::string& path,
               const SerializationDescriptor& descriptor) {
  PackageWriter(executable).write(path, descriptor.single_file.value_or(is_single_file_name(path)));
}

}  // namespace mpsg
