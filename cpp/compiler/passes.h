// The passes over a Module, in the order in which pipeline.cpp calls them. One file each.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "compiler/module.h"
#include "compiler/plan.h"

namespace mpsg {

class Backend;

/// A fed placeholder, or what an earlier stage of the run made: its type, and its value if a shape
/// may depend on it.
struct FeedType {
  Tensor placeholder;
  TensorType type;
  std::shared_ptr<const Bytes> value;
};

/// Another executable as operations: what a `call` of its name stands for.
struct Callable {
  uint64_t id = 0;  // no other has it
  Module module;    // specialized
};
using Callables = std::map<std::string, std::shared_ptr<const Callable>, std::less<>>;

/// What else a compilation depends on.
struct CompileOptions {
  std::set<OperationId> done;  // ran in an earlier stage; what is needed of it is fed
  Callables callables;
  bool stitch = true;  // else every operation is a kernel of its own
};

/// Copies what the targets need, with the fed shapes: every size becomes known. Shape operands
/// become attributes, calls what they call.
Module specialize(const Graph& graph, const std::vector<FeedType>& feeds,
                  const std::vector<Tensor>& targets, const std::vector<Operation>& operations,
                  const CompileOptions& options = {});

/// Replaces composites that the backend does not claim, until none is left.
void expand_composites(Module& module, const Backend& backend);

/// Makes less of the operations, each by all of rewrites.h at once: copying a graph costs more than
/// looking at it. May leave operations that nothing needs.
void simplify(Module& module);

/// Orders the operations of a region so that reads of variables come before their assigns.
struct Schedule {
  std::vector<OperationId> order;
  std::set<OperationId> copied_reads;  // reads that need a copy of the old value
  // Values that are written straight into the variable which they are assigned to.
  std::map<TensorId, OperationId> in_place_writes;  // -> the variable
};
Schedule schedule_operations(const GraphData& graph, int32_t region,
                             const std::vector<TensorId>& results);

/// From operations to steps and values.
std::shared_ptr<Plan> lower(const Module& module);

/// Gives every arena value its offset; lets elementwise steps work in place.
void plan_memory(Plan& plan);

/// Throws InternalError if steps read what is not yet written, or live values overlap.
void verify_plan(const Plan& plan);

}  // namespace mpsg
