// Values of small tensors that are known before a graph runs: constants, shapes, what follows
// from them, and fed host integers. Shape operands are read from here.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "graph/contexts.h"
#include "graph/graph_data.h"

namespace mpsg {

class HostValues {
 public:
  /// Values of more than `largest` elements count as unknown: they are no shapes.
  explicit HostValues(GraphData& graph, int64_t largest = 4096)
      : graph_(graph), largest_(largest) {}

  /// Integers of a scalar or vector, as far as they are known.
  PartialIntegers integers(TensorId id);
  /// The whole value, if known and small.
  std::optional<TensorView> value(TensorId id);
  /// Makes the value of a placeholder known (a fed shape operand).
  void set_fed(TensorId id, std::shared_ptr<const Bytes> bytes);

 private:
  struct Known {
    TensorView view;
    std::shared_ptr<const Bytes> bytes;
  };
  const Known* evaluate(TensorId id);
  bool may_evaluate(const Node& node) const;
  static std::optional<Known> shape_value(const Shape& shape);
  void evaluate_node(OperationId id);
  void evaluate_composite(OperationId id);
  std::optional<TensorId> outside(TensorId id) const;

  GraphData& graph_;
  int64_t largest_;
  std::map<TensorId, std::optional<Known>> known_;
};

}  // namespace mpsg
