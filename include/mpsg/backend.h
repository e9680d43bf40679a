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

/// What a run asks between its steps, and in every turn of a loop.
class MPSG_API RunControl {
 public:
  virtual ~RunControl();
  /// Do others wait for the device? Then `Program::advance` returns after a step.
  virtual bool should_yield() = 0;
  /// Throws if the run must end here.
  virtual void check() = 0;
};

/// Memory of one run. All of it is packed, row-major host memory, until a backend with memory of
/// its own comes.
struct RunArguments {
  std::span<const void* const> feeds;
  std::span<void* const> results;
  std::span<void* const> variables;  // in the order of Plan::variables
  uint64_t graph_seed = 0;
  uint64_t run_number = 0;
  std::span<StepTime> times;      // empty, or one for each step: to be filled
  RunControl* control = nullptr;  // nullptr: a run that nobody interrupts
};

/// A compiled plan. Runs may take turns, each in a context of its own; on one device, one thread at
/// a time works for them.
class MPSG_API Program {
 public:
  /// Memory of one run: its arena, the arguments of its steps. Used by one run after the other.
  class MPSG_API Context {
   public:
    virtual ~Context();
    size_t step = 0;  // the next one; of a run that failed: the one that did
  };

  virtual ~Program();
  virtual std::unique_ptr<Context> make_context() const = 0;
  /// What `arguments` point at must stay until the run is over.
  virtual void begin(Context& context, const RunArguments& arguments) const = 0;
  /// Runs the next steps, all of them unless the run's control asks to yield. False: the run is
  /// over, and so it is after an exception: ExecutionError naming the step, or what the control
  /// threw.
  virtual bool advance(Context& context) const = 0;
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
