// A plan: the steps of one executable in order, and where every value lives.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "graph/operation_view.h"
#include "graph/stitched_kernel.h"
#include "mpsg/attribute.h"
#include "mpsg/graph.h"
#include "mpsg/shape.h"

namespace mpsg {

/// Who owns the memory of a value.
enum class Place {
  feed,      // memory that the caller passes
  result,    // memory that the caller gets
  constant,  // bytes of the plan
  variable,  // memory that lives with the graph
  arena,     // at an offset of the run's arena
};

struct PlanValue {
  TensorType type;
  size_t bytes = 0;
  Place place = Place::arena;
  int32_t index = 0;     // which feed, result, constant or variable (see Plan)
  size_t offset = 0;     // in the arena
  std::string name;      // of the tensor it came from
  int32_t view_of = -1;  // the value whose memory this one shares
  int32_t first_step = -1;
  int32_t last_step = -1;
};

class Plan;

/// One call of a kernel.
struct PlanStep {
  const OpRow* row = nullptr;
  std::vector<int32_t> segments;
  std::vector<AttributeValue> attributes;
  std::vector<int32_t> inputs;                      // values
  std::vector<int32_t> outputs;                     // values
  std::vector<std::shared_ptr<const Plan>> bodies;  // of control flow; null = not given
  std::string name;
  std::shared_ptr<const SourceLocation> source;
  std::shared_ptr<const StitchedRegion> stitched;  // null: the row alone

  OperationView view() const { return {*row, segments, attributes}; }
  /// "'dense' (matrix_multiplication, built at train.py:12)".
  std::string describe() const;
};

class Plan {
 public:
  std::vector<PlanValue> values;
  std::vector<PlanStep> steps;
  std::vector<int32_t> feeds;    // value of each feed (or body argument), in order
  std::vector<int32_t> results;  // value of each result, in order
  std::vector<std::shared_ptr<const Bytes>> constants;
  std::vector<OperationId> variables;  // operations of the user's graph; bodies share the list
  size_t arena_bytes = 0;

  std::vector<TensorType> types_of(const std::vector<int32_t>& ids) const;
  /// One line for each step and value.
  std::string to_text() const;
};

}  // namespace mpsg
