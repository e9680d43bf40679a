// Files: packages of executables, variables, tensors.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpsg/device.h"
#include "mpsg/executable.h"
#include "mpsg/export.h"
#include "mpsg/graph.h"
#include "mpsg/tensor_data.h"

namespace mpsg {

// Everything that is written is there whole or not at all: a process that is ended at any moment,
// or a disk that is full, leaves the old file or the new one. Everything that is read is checked
// and never executed. What is wrong with a file or a path is a PackageError.

/// How an executable is saved (MPSGraphExecutableSerializationDescriptor).
struct MPSG_API SerializationDescriptor {
  /// One file (a zip archive) or a folder of files. By default one file if the path ends with
  /// ".mpsgpackage".
  std::optional<bool> single_file;
};

/// Saves the graph that the executable was compiled of, as far as its targets need it, with the
/// present values of its variables (serializeToMPSGraphPackageAtURL:descriptor:). docs/package.md
/// describes the files. Replaces a package that is there; of a folder, only one that is a package.
MPSG_API void serialize(const Executable& executable, const std::string& path,
                        const SerializationDescriptor& descriptor = {});

/// Loads a package and compiles it for a device, any (initWithMPSGraphPackageAtURL:...). Its
/// feeds and targets are those of the executable that was saved, in their order; its graph is a new
/// one, which lives as long as the executable. Throws PackageError, ExecutionError.
MPSG_API std::shared_ptr<Executable> load_executable(const std::string& path,
                                                     const Device& device = {});

/// Saves the values of variables, by name: ".npz" gives NumPy's format, every other ending
/// safetensors. No variables: all of the graph's. A name that is taken by an earlier variable gets
/// a number: "weights", "weights.2".
MPSG_API void save_variables(const Graph& graph, const std::string& path,
                             const std::vector<Tensor>& variables = {});

/// Which tensor of a file is which variable.
enum class VariableMatch {
  name,   // as `save_variables` names them
  order,  // the first variable of the graph is the first that was saved, and so on
};

struct MPSG_API LoadOptions {
  /// Every variable must be in the file, and every tensor of the file must be a variable.
  bool strict = true;
  VariableMatch match = VariableMatch::name;
};

/// What `load_variables` found on one side only. Empty if it was strict.
struct MPSG_API LoadReport {
  std::vector<std::string> missing;  // variables that the file does not have
  std::vector<std::string> unused;   // tensors of the file that are no variable
};

/// Sets variables to the values of a file (safetensors, npz or a package, by its content). No
/// variables: all of the graph's. All or none: if something does not fit, a PackageError lists
/// everything that does not, and no variable has changed.
MPSG_API LoadReport load_variables(const Graph& graph, const std::string& path,
                                   const std::vector<Tensor>& variables = {},
                                   const LoadOptions& options = {});

/// A copy of a variable's value between runs. Throws GraphError if it is no variable.
MPSG_API TensorData variable_value(const Graph& graph, const Tensor& variable);
/// Sets it. Throws GraphError if it is no variable, FeedError if the value has another type.
MPSG_API void set_variable_value(const Graph& graph, const Tensor& variable,
                                 const TensorData& value);

/// Tensors by name; in the order of the file when read.
using TensorList = std::vector<std::pair<std::string, TensorData>>;
/// As npz if the path ends with ".npz", else as safetensors.
MPSG_API void save_tensors(const std::string& path, const TensorList& tensors);
/// From safetensors or npz, by the content.
MPSG_API TensorList load_tensors(const std::string& path);

/// What a file is, as JSON: its kind ("package", "safetensors", "npz", "npy", "graph"), and what
/// it holds. Its checksums are verified. Throws PackageError if it is none of these, or not sound.
MPSG_API std::string inspect_file(const std::string& path);

}  // namespace mpsg
