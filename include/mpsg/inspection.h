// What an executable does, for people and tools: its kernels, tensors and times as plain data.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mpsg/backend.h"
#include "mpsg/export.h"
#include "mpsg/shape.h"

namespace mpsg {

/// A tensor of the plan: who owns its memory, and between which steps it is needed.
struct ValueInfo {
  int id = 0;
  std::string name;  // of the tensor it came from
  TensorType type;
  size_t bytes = 0;
  std::string place;    // "feed", "result", "constant", "variable" or "arena"
  size_t offset = 0;    // in the arena
  int first_step = -1;  // that writes it; -1: known before the run
  int last_step = -1;   // that reads it; -1: none
  int shares = -1;      // id of the tensor whose memory it shares; -1: it has its own
};

/// An operation that became part of a region.
struct MemberInfo {
  std::string name;
  std::string operation;  // its row
  std::string source;     // "train.py:12"; empty if not known
};

/// Operations that run as one step.
struct RegionInfo {
  int step = 0;
  std::string name;
  std::string operation;  // the row; of a stitched region its root, or "stitched"
  std::string ended;      // why it holds no more; empty: not stitched
  std::vector<MemberInfo> members;
  std::vector<int> inputs;   // ids of tensors
  std::vector<int> outputs;  // ids of tensors
  std::string text;          // of a stitched kernel: its loops and program
  int segments = 1;          // how often it runs in one launch, over other operands each time
};

/// A step reads what another one made.
struct EdgeInfo {
  int from = 0;
  int to = 0;
  int value = 0;
};

/// What a run needs, known before it.
struct MemoryReport {
  size_t arena_bytes = 0;    // intermediate values
  size_t scratch_bytes = 0;  // arena, workspaces of kernels, tables
  size_t feed_bytes = 0;
  size_t result_bytes = 0;
  size_t constant_bytes = 0;
  size_t variable_bytes = 0;
  std::vector<ValueInfo> tensors;
  size_t peak_bytes() const {
    return scratch_bytes + feed_bytes + result_bytes + constant_bytes + variable_bytes;
  }
};

/// One kernel's times over several runs.
struct KernelProfile {
  KernelInfo kernel;
  double median_seconds = 0;
  StepTime last;  // in the last run
  double gigabytes_per_second() const;
  double gigaflops() const;
};

struct MPSG_API Profile {
  std::vector<KernelProfile> kernels;
  int runs = 0;
  double median_seconds = 0;  // of a whole run

  /// A line for each kernel, the dearest first.
  std::string to_text() const;
  /// The last run for chrome://tracing and Perfetto.
  std::string trace() const;
  /// Writes `trace` to a file. Throws ExecutionError.
  void save_trace(const std::string& path) const;
};

}  // namespace mpsg
