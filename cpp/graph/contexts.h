// What a row's functions are handed: to infer, to differentiate, to expand, to run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "graph/operation_view.h"
#include "mpsg/graph.h"

namespace mpsg {

class HostValues;

/// Integers known before the run, each perhaps not yet; nullopt = not even how many.
using PartialIntegers = std::optional<std::vector<std::optional<int64_t>>>;

/// Argument and result types of a control flow body.
struct BlockTypes {
  std::vector<TensorType> arguments;
  std::vector<TensorType> results;
};

/// For checks and inference: the same function when the graph is built and with the fed shapes.
class InferContext : public OperationView {
 public:
  InferContext(const OperationView& view, std::span<const TensorType> inputs,
               std::span<const TensorId> ids, HostValues* host_values,
               std::span<const BlockTypes> blocks)
      : OperationView(view),
        inputs_(inputs),
        ids_(ids),
        host_values_(host_values),
        blocks_(blocks) {}

  const TensorType& type(std::string_view operand, int i = 0) const;
  const Shape& shape(std::string_view operand, int i = 0) const { return type(operand, i).shape; }
  DataType operand_data_type(std::string_view operand, int i = 0) const {
    return type(operand, i).data_type;
  }
  std::span<const TensorType> inputs() const { return inputs_; }

  /// Value of an `or_tensor` attribute or a shape operand: all of it, or nullopt if not known yet.
  std::optional<std::vector<int64_t>> known_integers(std::string_view name) const;
  std::optional<int64_t> known_integer(std::string_view name) const;
  PartialIntegers partial_integers(std::string_view name) const;
  /// Is the attribute given, as numbers or as a tensor?
  bool given_either_way(std::string_view name) const;

  /// Types of a block: arguments as declared, results as its body gave them (empty before).
  std::span<const BlockTypes> blocks() const { return blocks_; }

  void result(DataType type, const Shape& shape) { results_.push_back({type, shape}); }
  void result(const TensorType& type) { results_.push_back(type); }
  const std::vector<TensorType>& results() const { return results_; }

  /// Ends the check with a GraphError; the graph adds the node's name and source line.
  [[noreturn]] void fail(const std::string& message) const;

 private:
  std::span<const TensorType> inputs_;
  std::span<const TensorId> ids_;
  HostValues* host_values_;
  std::span<const BlockTypes> blocks_;
  std::vector<TensorType> results_;
};

/// For expansion: inputs as tensors of the graph that is being extended.
class ExpandContext : public OperationView {
 public:
  ExpandContext(const OperationView& view, Graph graph, std::vector<Tensor> inputs,
                std::vector<TensorType> result_types)
      : OperationView(view),
        graph_(std::move(graph)),
        inputs_(std::move(inputs)),
        result_types_(std::move(result_types)) {}

  Graph& graph() { return graph_; }
  /// The operand's tensor; an empty Tensor if it was not given.
  Tensor input(std::string_view operand, int i = 0) const;
  std::vector<Tensor> inputs_of(std::string_view operand) const;
  const std::vector<Tensor>& inputs() const { return inputs_; }
  const TensorType& result_type(int i = 0) const { return result_types_[static_cast<size_t>(i)]; }
  const std::vector<TensorType>& result_types() const { return result_types_; }
  /// Passes an attribute on, as numbers or as the tensor that was given.
  Argument forward(std::string_view name, std::string_view as) const;
  Argument forward(std::string_view name) const { return forward(name, name); }
  /// All descriptor fields and attributes whose names `row` shares, to pass on.
  std::vector<Argument> forward_attributes() const;

  void give(Tensor result) { results_.push_back(std::move(result)); }
  const std::vector<Tensor>& results() const { return results_; }

 protected:
  Graph graph_;
  std::vector<Tensor> inputs_;
  std::vector<TensorType> result_types_;

 private:
  std::vector<Tensor> results_;
};

/// For gradient rules: builds the nodes that turn result gradients into operand gradients.
class GradientContext : public ExpandContext {
 public:
  GradientContext(const OperationView& view, Graph graph, std::vector<Tensor> inputs,
                  std::vector<TensorType> result_types, std::vector<Tensor> outputs,
                  std::vector<Tensor> incoming, std::vector<bool> wanted)
      : ExpandContext(view, std::move(graph), std::move(inputs), std::move(result_types)),
        outputs_(std::move(outputs)),
        incoming_(std::move(incoming)),
        wanted_(std::move(wanted)),
        gradients_(wanted_.size()) {}

  Tensor output(int i = 0) const { return outputs_[static_cast<size_t>(i)]; }
  int output_count() const { return static_cast<int>(outputs_.size()); }
  /// Gradient of result `i`; zeros if nothing flows back through it.
  Tensor incoming(int i = 0);
  bool has_incoming(int i) const { return bool(incoming_[static_cast<size_t>(i)]); }
  /// Does anyone need the gradient of this operand?
  bool wanted(std::string_view operand, int i = 0) const;
  void give(std::string_view operand, Tensor gradient, int i = 0);
  /// Of the flat inputs, where they are wanted.
  void give_all(std::vector<Tensor> gradients) { gradients_ = std::move(gradients); }
  const std::vector<Tensor>& gradients() const { return gradients_; }

 private:
  std::vector<Tensor> outputs_;
  std::vector<Tensor> incoming_;
  std::vector<bool> wanted_;
  std::vector<Tensor> gradients_;
};

/// Memory of one tensor at run time: packed, row-major.
struct TensorView {
  DataType data_type = DataType::invalid;
  Shape shape;
  void* data = nullptr;

  int64_t element_count() const { return *shape.element_count(); }
  size_t byte_count() const { return static_cast<size_t>(element_count()) * size_of(data_type); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

/// Splits loops over a backend's threads. `body(begin, end)` is called on disjoint ranges that
/// depend on `count`, `grain` and the number of configured threads only.
class Parallel {
 public:
  virtual ~Parallel();
  virtual void for_range(int64_t count, int64_t grain,
                         const std::function<void(int64_t begin, int64_t end)>& body) const = 0;
  static const Parallel& serial();
};

/// For reference loops.
class EvaluateContext : public OperationView {
 public:
  EvaluateContext(const OperationView& view, std::span<const TensorView> inputs,
                  std::span<const TensorView> outputs, const Parallel& parallel,
                  uint64_t graph_seed, uint64_t run_number)
      : OperationView(view),
        graph_seed(graph_seed),
        run_number(run_number),
        inputs_(inputs),
        outputs_(outputs),
        parallel_(&parallel) {}

  const TensorView& input(std::string_view operand, int i = 0) const;
  std::span<const TensorView> inputs() const { return inputs_; }
  const TensorView& output(int i = 0) const { return outputs_[static_cast<size_t>(i)]; }
  std::span<const TensorView> outputs() const { return outputs_; }
  /// Value of an `or_tensor` attribute, a shape operand, or an index operand.
  std::vector<int64_t> integers_of(std::string_view name) const;
  bool given_either_way(std::string_view name) const;
  const Parallel& parallel() const { return *parallel_; }

  const uint64_t graph_seed;
  const uint64_t run_number;

 private:
  std::span<const TensorView> inputs_;
  std::span<const TensorView> outputs_;
  const Parallel* parallel_;
};

/// Elements of an integer tensor as int64_t. Throws GraphError for other types.
std::vector<int64_t> read_integers(const TensorView& view);

}  // namespace mpsg
