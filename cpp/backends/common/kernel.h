// A plan's step made ready to run: everything that does not depend on the run's memory is done.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/plan.h"
#include "mpsg/backend.h"

namespace mpsg {

/// What is the same for every step of one run.
struct RunContext {
  uint64_t graph_seed = 0;
  uint64_t run_number = 0;
  std::span<void* const> variables;
  RunControl* control = nullptr;

  /// In every turn of a loop: throws if the run must end here.
  void check() const {
    if (control) control->check();
  }
};

/// Told when a rectangle of a kernel's result (seen as a matrix: all axes but the last, the last)
/// is final. Called from any thread of the pool, on disjoint rectangles that cover the result.
class TileListener {
 public:
  virtual ~TileListener() = default;
  virtual void finished(int64_t row_begin, int64_t row_end, int64_t column_begin,
                        int64_t column_end) const = 0;
};

/// Memory of one step, as its kernel sees it.
struct KernelArguments {
  std::span<void* const> inputs;
  std::span<void* const> outputs;
  void* workspace = nullptr;  // `workspace_bytes()` of the kernel, 64-byte aligned
  const RunContext* run = nullptr;
  const TileListener* tiles = nullptr;  // only for kernels that report tiles
};

/// Immutable after it is made; `run` may be called from any thread, one run at a time per device.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(const KernelArguments& arguments) const = 0;
  virtual size_t workspace_bytes() const { return 0; }
  /// Does `run` tell `arguments.tiles`, if given, of each finished part of output 0?
  virtual bool reports_tiles() const { return false; }
  /// Do these have all columns, and does each thread go on to the next rows?
  virtual bool reports_whole_rows() const { return false; }
  /// What executes, for people: "onednn brgconv:avx2, 5 slices", "reference loop".
  virtual std::string description() const = 0;
  /// Of a loop or a condition: what each of its bodies runs.
  virtual std::vector<std::vector<KernelInfo>> bodies() const { return {}; }
  /// Its generated code as text; empty if it has none.
  virtual std::string source() const { return {}; }
  /// Bytes it keeps between runs: code, packed weights.
  virtual size_t resident_bytes() const { return 0; }
};

}  // namespace mpsg
