// A variable's memory, and who uses it when.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "mpsg/attribute.h"
#include "mpsg/shape.h"
#include "runtime/queues/task.h"

namespace mpsg {

/// Created with the variable's first value when first needed; stays where it is while its graph
/// lives.
struct VariableMemory {
  std::string name;
  TensorType type;
  std::shared_ptr<Bytes> bytes;
  /// Why it holds nothing that could be read: the run that failed while it wrote here. Empty: it
  /// holds a value. Only for whose turn it is.
  std::string damage;

  // With the scheduler's lock: the last task that writes it, and those that read it since.
  std::shared_ptr<Task> writer;
  std::vector<std::shared_ptr<Task>> readers;
};

/// How a run uses a variable.
struct VariableUse {
  VariableMemory* variable = nullptr;
  bool reads = false;  // what was there before the run
  bool writes = false;
  size_t first_write = 0;  // steps
  size_t last_write = 0;
};

}  // namespace mpsg
