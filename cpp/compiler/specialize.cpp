#include <algorithm>
#include <set>

#include "compiler/passes.h"
#include "graph/host_values.h"
#include "graph/op_table.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

/// Shape operands whose value is known now become attributes, so that no step has to look.
void resolve_shape_operands(GraphData& graph, Node& node) {
  for (size_t i = 0; i < node.row->operands.size(); ++i) {
    const auto& operand = node.row->operands[i];
    if (operand.role != OperandRole::shape || node.segments[i] == 0) continue;
    const auto at = static_cast<size_t>(node.view().first_input(operand.name));
    const auto value = graph.host_values().value(node.inputs[at]);
    if (!value)
      throw GraphError(node.row->name + " '" + node.name + "': the value of '" + operand.name +
                       "' must be known before the graph runs (a constant, a shape, or a fed "
                       "integer array), because it decides the shape of the result" +
                       (node.source ? "\n  built at " + node.source->format() : ""));
    const int attribute = node.row->attribute_index(operand.name);
    if (attribute < 0) continue;
    node.attributes[static_cast<size_t>(attribute)] = read_integers(*value);
    node.segments[i] = 0;
    node.inputs.erase(node.inputs.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

/// Numbers that stand for sizes known at run time only: primes larger than sizes usually are, and
/// small enough that products of several do not overflow.
constexpr int64_t symbols[] = {1000003, 1000033, 1000037, 1000039, 1000081, 1000099, 1000117};

/// Symbols for the sizes that `declared` leaves open: one for each value, so that two placeholders
/// fed with the same batch share theirs.
class SymbolTable {
 public:
  Shape symbolic(const Shape& declared, const Shape& fed) {
    Shape shape = fed;
    if (!declared.has_rank()) return shape;
    for (int axis = 0; axis < fed.rank(); ++axis)
      if (declared[axis] == unknown_dimension) shape[axis] = symbol_of(fed[axis]);
    return shape;
  }

 private:
  int64_t symbol_of(int64_t value) {
    const auto known = std::ranges::find(values_, value);
    const auto index = static_cast<size_t>(known - values_.begin());
    if (known == values_.end()) values_.push_back(value);
    return index < std::size(symbols) ? symbols[index] : value;
  }
  std::vector<int64_t> values_;
};

}  // namespace

Module specialize(const Graph& graph, const std::vector<FeedType>& feeds,
                  const std::vector<Tensor>& targets, const std::vector<Operation>& operations) {
  const auto& source = *graph.data();
  std::vector<TensorId> target_ids;
  for (const auto& target : targets) target_ids.push_back(target.id());
  std::vector<OperationId> operation_ids;
  for (const auto& operation : operations) operation_ids.push_back(operation.id());
  const auto live = live_operations(source, target_ids, operation_ids);

  Module module;
  auto& data = *module.graph.data();
  module.graph.set_seed(source.seed);
  GraphCopy copy(source, module.graph);
  copy.set_live(&live);
  copy.set_rewrite([&](OperationId, const Node& original, Graph) {
    Node node = original;
    resolve_shape_operands(data, node);
    node.symbols.clear();
    return append_unchanged(data, std::move(node));
  });
  std::set<OperationId> fed;
  SymbolTable symbol_table;
  for (const auto& feed : feeds) {
    Node node = source.node(feed.placeholder.id().operation);
    node.name = source.display_name(feed.placeholder.id().operation);
    node.attributes = {feed.type.shape.to_vector(), feed.type.data_type};
    const auto& declared = feed.placeholder.type().shape;
    node.symbols = {symbol_table.symbolic(declared, feed.type.shape)};
    node.outputs.clear();
    const TensorId id{data.append(std::move(node)), 0};
    if (feed.value) data.host_values().set_fed(id, feed.value);
    copy.bind(feed.placeholder.id(), id);
    fed.insert(feed.placeholder.id().operation);
    module.feeds.push_back(id);
  }
  for (OperationId id = 0; id < source.node_count(); ++id) {
    if (source.node(id).region != 0 || fed.contains(id) || !live[static_cast<size_t>(id)]) continue;
    if (source.node(id).row->name == "placeholder")
      throw FeedError("the targets need placeholder " + source.describe(id) +
                      ", which was not fed");
    copy.copy(id);
    if (source.node(id).row->name == "variable") module.variables[copy(id)] = id;
  }
  for (const auto id : target_ids) {
    module.targets.push_back(copy(id));
    // As where a variable is passed to an operation: its value from before the run.
    if (source.node(id.operation).row->name == "variable")
      module.targets.back() =
          module.graph.add_one("read", {{"variable", data.tensor(copy(id))}}).id();
  }
  for (const auto id : operation_ids) module.target_operations.push_back(copy(id));
  return module;
}

}  // namespace mpsg
