// An executable as the files of a package.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/passes.h"
#include "mpsg/executable.h"
#include "runtime/files/named_tensors.h"
#include "runtime/package/manifest.h"

namespace mpsg {

/// The texts and tensors of a package, before they are written.
class PackageWriter {
 public:
  /// Collects what there is to write, but for the values of variables. Takes the lock of the graph;
  /// the caller's lock (Python's) is needed, for source lines.
  explicit PackageWriter(const Executable& executable);
  /// Takes the values of the variables, and writes. Needs no lock of the caller.
  void write(const std::string& path, bool single_file);

 private:
  using Files = std::vector<std::pair<std::string, Chunks>>;
  static void write_archive(const std::string& path, const Files& files);
  static void write_folder(const std::string& path, const Files& files);
  void add_executable(const Executable& executable);
  void add_callable(const std::string& symbol, const Callable& callable, size_t number);
  std::vector<OperationId> add_graph(const Graph& graph, PackageProgram& program,
                                     const std::string& prefix);
  void add_members(const Files& files);

  Graph graph_;
  Manifest manifest_;
  std::map<std::string, std::string> texts_;
  NamedTensors constants_;
  std::vector<OperationId> variables_;
  std::set<DataType> types_;
};

/// Is one file written, if the descriptor does not say?
bool is_single_file_name(const std::string& path);

}  // namespace mpsg
