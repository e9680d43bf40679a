#include <algorithm>
#include <optional>
#include <set>

#include "compiler/inline_call.h"
#include "compiler/passes.h"
#include "graph/contexts.h"
#include "graph/host_values.h"
#include "graph/op_table.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

/// A tensor with more elements than this, counted in symbols, keeps its numbers.
constexpr int64_t most_symbolic_elements = int64_t{1} << 52;

/// A shape in symbols, if `id` is the shape of a tensor.
std::optional<std::vector<int64_t>> symbols_of_shape(const GraphData& graph, TensorId id) {
  const auto& node = graph.node(id.operation);
  if (node.row->name != "shape_of" || graph.node(node.inputs[0].operation).symbols.empty())
    return std::nullopt;
  return graph.symbolic_shape(node.inputs[0]).to_vector();
}

/// The results' shapes in symbols, from attributes that hold symbols too.
void infer_symbols(GraphData& graph, Node& node, const std::vector<AttributeValue>& attributes) {
  std::vector<TensorType> types;
  for (const auto input : node.inputs)
    types.push_back({graph.type(input).data_type, graph.symbolic_shape(input)});
  InferContext context({*node.row, node.segments, attributes}, types, node.inputs,
                       &graph.host_values(), {});
  try {
    node.row->infer(context);
  } catch (const GraphError&) {
    return;  // then the numbers stand
  }
  std::vector<Shape> symbols;
  for (const auto& result : context.results()) {
    const auto count = result.shape.element_count();
    if (!count || *count >= most_symbolic_elements) return;
    symbols.push_back(result.shape);
  }
  node.symbols = std::move(symbols);
}

/// Shape operands whose value is known now become attributes, so that no step has to look.
void resolve_shape_operands(GraphData& graph, Node& node) {
  std::vector<AttributeValue> in_symbols;
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
    const auto place = static_cast<size_t>(attribute);
    const auto symbols = symbols_of_shape(graph, node.inputs[at]);
    if (symbols && in_symbols.empty()) in_symbols = node.attributes;
    auto numbers = read_integers(*value);
    const bool one = node.row->attributes[place].kind == AttributeKind::integer;
    if (one && numbers.size() == 1) node.attributes[place] = numbers.front();
    else node.attributes[place] = std::move(numbers);
    if (!in_symbols.empty()) {
      if (symbols) in_symbols[place] = *symbols;
      else in_symbols[place] = node.attributes[place];
    }
    node.segments[i] = 0;
    node.inputs.erase(node.inputs.begin() + static_cast<std::ptrdiff_t>(at));
  }
  if (!in_symbols.empty() && node.row->blocks.empty()) infer_symbols(graph, node, in_symbols);
}

/// Numbers that stand for sizes known at run time only: primes larger than sizes usually are, and
/// small enough that products of several do not overflow.
constexpr int64_t primes[] = {1000003, 1000033, 1000037, 1000039, 1000081, 1000099, 1000117,
                              1000121, 1000133, 1000151, 1000159, 1000171, 1000183, 1000187};

/// Symbols for the sizes that `declared` leaves open: one for each value, so that two placeholders
/// fed with the same batch share theirs.
class SymbolTable {
 public:
  /// No symbol divides a size of the graph: a size and a symbol are never taken for one another.
  SymbolTable(const GraphData& graph, const std::vector<bool>& live,
              const std::vector<FeedType>& feeds) {
    std::set<int64_t> large;
    const auto note = [&](const Shape& shape) {
      for (const auto size : shape.dimensions())
        if (size >= primes[0]) large.insert(size);
    };
    for (const auto& feed : feeds) note(feed.type.shape);
    for (OperationId id = 0; id < graph.node_count(); ++id)
      if (live[static_cast<size_t>(id)])
        for (const auto& output : graph.node(id).outputs)
          if (output.shape.has_rank()) note(output.shape);
    for (const auto prime : primes)
      if (std::ranges::none_of(large, [&](int64_t size) { return size % prime == 0; }))
        symbols_.push_back(prime);
  }

  Shape symbolic(const Shape& declared, const Shape& fed) {
    Shape shape = fed;
    if (!declared.has_rank()) return shape;
    for (int axis = 0; axis < fed.rank(); ++axis)
      if (declared[axis] == unknown_dimension) shape[axis] = symbol_of(fed[axis]);
    const auto count = shape.element_count();
    return count && *count < most_symbolic_elements ? shape : fed;
  }

 private:
  int64_t symbol_of(int64_t value) {
    const auto known = std::ranges::find(values_, value);
    const auto index = static_cast<size_t>(known - values_.begin());
    if (known == values_.end()) values_.push_back(value);
    return index < symbols_.size() ? symbols_[index] : value;
  }
  std::vector<int64_t> symbols_;
  std::vector<int64_t> values_;
};

}  // namespace

Module specialize(const Graph& graph, const std::vector<FeedType>& feeds,
                  const std::vector<Tensor>& targets, const std::vector<Operation>& operations,
                  const CompileOptions& options) {
  const auto& source = *graph.data();
  std::vector<TensorId> target_ids;
  for (const auto& target : targets) target_ids.push_back(target.id());
  std::vector<OperationId> operation_ids;
  for (const auto& operation : operations) operation_ids.push_back(operation.id());
  const auto live = live_operations(source, target_ids, operation_ids, options.done);

  Module module;
  auto& data = *module.graph.data();
  module.graph.set_seed(source.seed);
  GraphCopy copy(source, module.graph);
  copy.set_live(&live);
  copy.set_rewrite([&](OperationId, Node node, Graph) {
    node.symbols.clear();
    if (node.row->name == "call") return inline_call(data, node, options.callables);
    resolve_shape_operands(data, node);
    return append_unchanged(data, std::move(node));
  });
  std::set<OperationId> fed;
  SymbolTable symbol_table(source, live, feeds);
  for (const auto& feed : feeds) {
    Node node;
    node.row = &require_row("placeholder");
    node.source = source.node(feed.placeholder.id().operation).source;
    node.name = source.display_name(feed.placeholder.id().operation);
    node.attributes = {feed.type.shape.to_vector(), feed.type.data_type};
    const auto& declared = feed.placeholder.type().shape;
    node.symbols = {symbol_table.symbolic(declared, feed.type.shape)};
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
