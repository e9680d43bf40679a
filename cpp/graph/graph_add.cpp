// Graph::add: from named arguments to a checked node.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "graph/contexts.h"
#include "graph/graph_data.h"
#include "graph/op_table.h"
#include "graph/scalars.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

std::string kind_name(AttributeKind kind) {
  switch (kind) {
    case AttributeKind::boolean: return "a bool";
    case AttributeKind::integer: return "an int";
    case AttributeKind::real: return "a number";
    case AttributeKind::text: return "text";
    case AttributeKind::integers: return "an int or a list of ints";
    case AttributeKind::shape: return "a list of sizes";
    case AttributeKind::data_type: return "a data type";
    case AttributeKind::enumeration: return "an enum case";
    case AttributeKind::data: return "data";
    case AttributeKind::types: return "a list of types";
  }
  return "?";
}

class NodeBuilder {
 public:
  NodeBuilder(GraphData& graph, const OpRow& row, std::vector<Argument> arguments,
              std::string_view name)
      : graph_(graph),
        lock_(graph.mutex),
        row_(row),
        arguments_(std::move(arguments)),
        name_(name) {
    node_.row = &row;
    node_.name = name;
    operands_.resize(row.operands.size());
    node_.attributes.resize(row.attributes.size());
    given_.resize(row.attributes.size());
  }

  OperationId build() {
    for (auto& argument : arguments_) take(argument);
    set_defaults();
    resolve_operands();
    add_blocks();
    if (!row_.build) return graph_.append(std::move(node_));
    try {
      row_.build(graph_, node_);
      return graph_.append(std::move(node_));
    } catch (const GraphError& error) {
      fail(without_place(error.what()));
    }
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    std::string text = row_.name;
    if (!name_.empty()) text += " '" + name_ + "'";
    text += ": " + message;
    if (const auto& source = SourceScope::current()) text += "\n  built at " + source->format();
    throw GraphError(text);
  }

  /// What a message says without the operation and the line. Those of a row that this one has
  /// become mean nothing to the caller.
  static std::string without_place(std::string message) {
    if (const auto line = message.find("\n  built at "); line != std::string::npos)
      message.resize(line);
    const auto colon = message.find(": ");
    const auto named = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
    const bool has_name = named != std::string::npos && message.compare(named, 2, " '") == 0;
    if (colon != std::string::npos && (colon == named || has_name))
      if (find_row(message.substr(0, named))) message.erase(0, colon + 2);
    return message;
  }

  void take(Argument& argument) {
    const int operand = row_.operand_index(argument.name);
    const int attribute = row_.attribute_index(argument.name);
    const auto block = std::ranges::find(row_.blocks, argument.name, &BlockSpec::name);
    if (auto* body = std::get_if<Block>(&argument.value)) {
      if (block == row_.blocks.end()) fail("'" + std::string(argument.name) + "' is no block");
      blocks_.resize(row_.blocks.size());
      blocks_[static_cast<size_t>(block - row_.blocks.begin())] = std::move(*body);
    } else if (auto* value = std::get_if<AttributeValue>(&argument.value)) {
      if (std::holds_alternative<std::monostate>(*value) && attribute < 0) return;
      if (attribute < 0) {
        if (operand >= 0 || block != row_.blocks.end())
          fail("'" + std::string(argument.name) + "' must be a " +
               (operand >= 0 ? "tensor" : "function"));
        fail("it has no parameter '" + std::string(argument.name) + "'");
      }
      set_attribute(static_cast<size_t>(attribute), std::move(*value));
    } else {
      if (operand < 0)
        fail(attribute >= 0 ? "'" + std::string(argument.name) + "' is not a tensor; it must be " +
                                  kind_name(row_.attributes[static_cast<size_t>(attribute)].kind)
                            : "it has no parameter '" + std::string(argument.name) + "'");
      auto& list = operands_[static_cast<size_t>(operand)];
      if (auto* one = std::get_if<TensorOrScalar>(&argument.value)) list = {std::move(*one)};
      else list = std::move(std::get<std::vector<TensorOrScalar>>(argument.value));
      if (list.size() != 1 && !row_.operands[static_cast<size_t>(operand)].variadic)
        fail("'" + std::string(argument.name) + "' takes one tensor");
    }
  }

  void set_attribute(size_t index, AttributeValue value) {
    const auto& spec = row_.attributes[index];
    value = graph_detail::convert_attribute(spec, std::move(value),
                                            [&](const std::string& why) { fail(why); });
    node_.attributes[index] = std::move(value);
    given_[index] = true;
  }

  void set_defaults() {
    for (size_t i = 0; i < row_.attributes.size(); ++i) {
      const auto& spec = row_.attributes[i];
      const bool as_tensor =
          spec.or_tensor && !operands_[static_cast<size_t>(row_.operand_index(spec.name))].empty();
      if (as_tensor && given_[i] && !std::holds_alternative<std::monostate>(node_.attributes[i]))
        fail("'" + spec.name + "' is given twice, as numbers and as a tensor");
      if (given_[i] || as_tensor) continue;
      if (!spec.default_value)
        fail("'" + spec.name + "' is missing; it must be " + kind_name(spec.kind) +
             (spec.or_tensor ? " or an integer tensor" : ""));
      node_.attributes[i] = *spec.default_value;
    }
    finish_data();
    const int stream = row_.attribute_index("stream");
    if (stream >= 0) {
      auto& value = node_.attributes[static_cast<size_t>(stream)];
      if (std::holds_alternative<std::monostate>(value)) value = graph_.next_random_stream++;
    }
  }

  /// A number given as data becomes one element of the node's data type.
  void finish_data() {
    for (size_t i = 0; i < row_.attributes.size(); ++i) {
      if (row_.attributes[i].kind != AttributeKind::data) continue;
      auto& value = node_.attributes[i];
      Scalar number;
      if (const auto* flag = std::get_if<bool>(&value)) number = *flag;
      else if (const auto* integer = std::get_if<int64_t>(&value)) number = *integer;
      else if (const auto* real = std::get_if<double>(&value)) number = *real;
      else continue;
      const auto type = std::get<DataType>(
          node_.attributes[static_cast<size_t>(row_.attribute_index("data_type"))]);
      try {
        value = graph_detail::scalar_bytes(number, type);
      } catch (const GraphError& error) {
        fail(error.what());
      }
    }
  }

  /// The type that a plain number takes: that of the tensors in its group.
  DataType sibling_type(const OperandSpec& spec) const {
    for (size_t i = 0; i < row_.operands.size(); ++i) {
      if (row_.operands[i].group != spec.group) continue;
      for (const auto& operand : operands_[i])
        if (const auto* tensor = std::get_if<Tensor>(&operand)) return tensor->data_type();
    }
    const auto set = row_.types_of_group(spec.group);
    // Without a tensor to follow: the natural type of an index, or float32.
    if (!set.contains(DataType::float32) && set.contains(DataType::int32)) return DataType::int32;
    if (!set.contains(DataType::float32) && set.contains(DataType::boolean))
      return DataType::boolean;
    return DataType::float32;
  }

  TensorId to_id(const TensorOrScalar& operand, const OperandSpec& spec) {
    if (const auto* scalar = std::get_if<Scalar>(&operand)) {
      if (spec.role == OperandRole::variable)
        fail("'" + spec.name + "' must be a variable, as graph.variable makes them, not a number");
      const auto type = sibling_type(spec);
      try {
        return graph_detail::scalar_constant(graph_, *scalar, type);
      } catch (const GraphError& error) {
        fail("'" + spec.name + "': " + error.what());
      }
    }
    const auto& tensor = std::get<Tensor>(operand);
    if (!tensor) fail("'" + spec.name + "' is an empty tensor handle");
    if (tensor.graph_data().get() != &graph_)
      fail("'" + spec.name + "' (" + tensor.name() + ") belongs to another graph");
    const auto id = tensor.id();
    const bool variable = graph_.node(id.operation).row->name == "variable";
    if (spec.role == OperandRole::variable) {
      if (!variable)
        fail("'" + spec.name + "' must be a variable; '" + tensor.name() + "' is made by " +
             graph_.node(id.operation).row->name);
      return id;
    }
    return variable ? graph_detail::read_variable(graph_, id) : id;
  }

  void resolve_operands() {
    for (size_t i = 0; i < row_.operands.size(); ++i) {
      const auto& spec = row_.operands[i];
      if (operands_[i].empty() && !spec.optional && !spec.variadic)
        fail("the tensor '" + spec.name + "' is missing");
      node_.segments.push_back(static_cast<int32_t>(operands_[i].size()));
      for (const auto& operand : operands_[i]) node_.inputs.push_back(to_id(operand, spec));
    }
  }

  void add_blocks() {
    if (row_.blocks.empty()) return;
    blocks_.resize(row_.blocks.size());
    std::vector<TensorType> types;
    for (auto& input : node_.inputs) {
      input = graph_.localize(input, graph_.build_state().regions.back());
      types.push_back(graph_.type(input));
    }
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (!blocks_[i]) {
        if (!row_.blocks[i].optional) fail("the function '" + row_.blocks[i].name + "' is missing");
        node_.regions.push_back(-1);
        continue;
      }
      node_.regions.push_back(build_block(i, types));
    }
    graph_.finish_captures(node_);
  }

  /// A body is the caller's code: other threads may build while it runs.
  std::vector<Tensor> call_unlocked(const Block& block, const std::vector<Tensor>& arguments) {
    struct Unlocked {
      std::unique_lock<std::recursive_mutex>& lock;
      explicit Unlocked(std::unique_lock<std::recursive_mutex>& held) : lock(held) {
        lock.unlock();
      }
      ~Unlocked() { lock.lock(); }
    } unlocked(lock_);
    return block(arguments);
  }

  int32_t build_block(size_t i, const std::vector<TensorType>& types) {
    const auto known = graph_.block_types(node_);
    const InferContext context(node_.view(), types, node_.inputs, &graph_.host_values(), known);
    std::vector<TensorType> argument_types;
    try {
      argument_types = row_.block_arguments(context, static_cast<int>(i));
    } catch (const GraphError& error) {
      fail(error.what());
    }
    const auto region = graph_.open_region(argument_types);
    std::vector<TensorId> results;
    try {
      std::vector<Tensor> arguments;
      for (const auto id : graph_.region(region).arguments) arguments.push_back(graph_.tensor(id));
      for (const auto& result : call_unlocked(blocks_[i], arguments)) {
        if (!result || result.graph_data().get() != &graph_)
          fail("'" + row_.blocks[i].name + "' must return tensors of this graph");
        auto id = result.id();
        if (graph_.node(id.operation).row->name == "variable")
          id = graph_detail::read_variable(graph_, id);
        results.push_back(id);
      }
    } catch (...) {
      graph_.close_region(region, {});
      throw;
    }
    graph_.close_region(region, std::move(results));
    return region;
  }

  GraphData& graph_;
  std::unique_lock<std::recursive_mutex> lock_;
  const OpRow& row_;
  std::vector<Argument> arguments_;
  const std::string name_;  // the node is given away before the last checks
  Node node_;
  std::vector<std::vector<TensorOrScalar>> operands_;
  std::vector<bool> given_;
  std::vector<Block> blocks_;
};

}  // namespace

std::vector<Tensor> Graph::add(std::string_view op, std::vector<Argument> arguments,
                               std::string_view name) {
  const auto id = NodeBuilder(*data_, require_row(op), std::move(arguments), name).build();
  const std::lock_guard lock(data_->mutex);
  std::vector<Tensor> results;
  if (data_->expander)
    if (const auto parts = data_->expander(id)) {
      for (const auto part : *parts) results.push_back(data_->tensor(part));
      return results;
    }
  for (size_t i = 0; i < data_->node(id).outputs.size(); ++i)
    results.push_back(data_->tensor({id, static_cast<int32_t>(i)}));
  return results;
}

Tensor Graph::add_one(std::string_view op, std::vector<Argument> arguments, std::string_view name) {
  auto results = add(op, std::move(arguments), name);
  if (results.size() != 1)
    throw GraphError(std::string(op) + " has " + std::to_string(results.size()) +
                     " results; one was expected");
  return results.front();
}

Operation Graph::add_operation(std::string_view op, std::vector<Argument> arguments,
                               std::string_view name) {
  return {data_, NodeBuilder(*data_, require_row(op), std::move(arguments), name).build()};
}

}  // namespace mpsg
