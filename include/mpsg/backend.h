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
  std::string computes;     // operations that became one kernel: "multiplication, addition"
  std::string ended;        // why the kernel holds no more of them
  int segments = 1;         // how often its code runs in one launch, over other operands each time
  size_t bytes = 0;         // of its operands and results
  double operations = 0;    // arithmetic ones: a multiplication and an addition count as two
  /// Of a loop or a condition: the kernels of each of its bodies.
  std::vector<std::vector<KernelInfo>> bodies;
};

/// When a step ran, in nanoseconds from the beginning of its run.
struct StepTime {
  int64_t begin = 0;
  int64_t end = 0;
};

/// Memory of one run. All of it is packed, row-major host memory, until a backend with memory of
/// its own comes.
struct RunArguments {
  std::span<const void* const> feeds;
  std::span<void* const> results;
  std::span<void* const> variables;  // in the order of Plan::variables
  uint64_t graph_seed = 0;
  uint64_t run_number = 0;
  std::span<StepTime> times;  // empty, or one for each step: to be filled
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
  /// Bytes it keeps between runs besides the plan's: code, packed weights.
  virtual size_t resident_bytes() const { return 0; }
  /// Generated code of one step's kernel as text; empty if it has none.
  virtual std::string source(size_t step) const;
};

/// What a backend's generated kernels cost so far.
struct KernelStatistics {
  uint64_t compiled = 0;   // kernels that were generated
  uint64_t reused = 0;     // found in memory
  uint64_t disk_hits = 0;  // found in the folder of the on-disk cache
  double compile_milliseconds = 0;
  size_t code_bytes = 0;  // loaded now
};

/// What a backend's stitched kernels may be; the compiler ends regions there.
struct StitchingLimits {
  int operands = 0;        // of one kernel; 0: the backend stitches nothing
  int instructions = 0;    // of one kernel's element program
  TypeSet types;           // of elements
  bool epilogues = false;  // does a root (convolution, product, pooling) take a kernel along?
};

class MPSG_API Backend {
 public:
  virtual ~Backend();
  virtual StitchingLimits stitching() const { return {}; }
  virtual KernelStatistics kernel_statistics() const { return {}; }
  virtual DeviceInfo info() const = 0;
  /// True if the backend runs this composite whole; else the compiler expands it.
  virtual bool claims(const Operation& operation) const;
  virtual std::unique_ptr<Program> compile(std::shared_ptr<const Plan> plan) = 0;
};

}  // namespace mpsg
