// manifest.json of a package: what it is, what it needs, what is in it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "mpsg/graph.h"

namespace mpsg {

namespace package_format {
inline constexpr std::string_view name = "mpsg.package";
/// Versions up to this one are read; this one is written.
inline constexpr int64_t version = 1;
inline constexpr std::string_view manifest = "manifest.json";
inline constexpr std::string_view graph = "graph.json";
inline constexpr std::string_view constants = "constants.safetensors";
inline constexpr std::string_view variables = "variables.safetensors";
inline constexpr std::string_view single_file_ending = ".mpsgpackage";
/// The graph of callable number i.
std::string callable_graph(size_t i);
/// Is it the name of a file that packages have?
bool has_file(const std::string& name);
}  // namespace package_format

struct PackageMember {
  uint64_t bytes = 0;
  uint32_t crc32 = 0;
};

struct PackageFeed {
  OperationId operation = -1;  // of the placeholder, in graph.json
  std::string name;
  TensorType type;
};
struct PackageTarget {
  TensorId tensor;
  std::string name;
  TensorType type;  // a size of -1 is known after a run only
};

/// What is compiled: a graph, its feeds and targets.
struct PackageProgram {
  std::string graph;  // the member that holds it
  std::vector<PackageFeed> feeds;
  std::vector<PackageTarget> targets;
  std::vector<OperationId> target_operations;
  std::map<std::string, int64_t> operations;  // how often each row is used
};

struct Manifest {
  int64_t version = package_format::version;
  std::string made_by;
  std::string device;                   // for which it was compiled when it was saved
  int64_t optimization_level = 1;       // at which it is compiled
  std::vector<std::string> features;    // a reader that lacks one of them refuses
  std::vector<std::string> data_types;  // of its tensors
  PackageProgram program;
  std::map<std::string, PackageProgram> callables;  // by the names under which `call` knows them
  std::map<std::string, PackageMember> members;     // all but the manifest itself
};

/// `ignored` is for fuzzing: a changed file gets past them.
enum class Checksums { checked, ignored };

nlohmann::json manifest_to_json(const Manifest& manifest);
/// Checks the version, the checksum, and that every operation and feature is known. `name`: what
/// messages call the package. Throws PackageError.
Manifest manifest_from_json(const nlohmann::json& json, const std::string& name,
                            Checksums checksums = Checksums::checked);

}  // namespace mpsg
