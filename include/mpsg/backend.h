// The contract between mpsg and a device. A backend compiles plans and runs them; nothing above it
// knows it by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mpsg/export.h"
#include "mpsg/graph.h"

namespace mpsg {

class Plan;

/// Facts about a device, as data.
struct DeviceInfo {
  std::string name;         // "cpu"
  std::string description;  // "AMD EPYC, 2 threads, oneDNN 3.2.0"
  int threads = 1;
  uint64_t memory_bytes = 0;  // what this process may use, cgroup limit included; 0 = unknown
};

/// What one step of a program executes, for people and tools.
struct KernelInfo {
  std::string name;         // of the operation, as the user called it
  std::string operation;    // its row
  std::string description;  // "oneDNN brgconv:avx2, 4 slices", "reference loop"
  std::string output;       // "float32 (40, 28, 28, 32)"
};

/// Memory of one run. All of it is packed, row-major host memory, until a backend with memory of
/// its own comes.
struct RunArguments {
  std::span<const void* const> feeds;
  std::span<void* const> results;
  std::span<void* const> variables;  // in the order of Plan::variables
  uint64_t graph_seed = 0;
  uint64_t run_number = 0;
};

/// A compiled plan. Immutable; runs of one device are serialised by the runtime.
class MPSG_API Program {
 public:
  virtual ~Program();
  /// Throws ExecutionError naming the step that failed.
  virtual void run(const RunArguments& arguments) = 0;
  virtual std::vector<KernelInfo> kernels() const = 0;
  /// Bytes a run needs besides feeds, results, constants and variables.
  virtual size_t scratch_bytes() const = 0;
};

class MPSG_API Backend {
 public:
  virtual ~Backend();
  virtual DeviceInfo info() const = 0;
  /// True if the backend runs this composite whole; else the compiler expands it.
  virtual bool claims(const Operation& operation) const;
  virtual std::unique_ptr<Program> compile(std::shared_ptr<const Plan> plan) = 0;
};

}  // namespace mpsg
