// Graph, Operation and Tensor: handles on one graph that owns everything (MPSGraph).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mpsg/attribute.h"
#include "mpsg/execution_descriptor.h"
#include "mpsg/export.h"
#include "mpsg/shape.h"
#include "mpsg/tensor.h"

namespace mpsg {

class GraphData;
class Executable;
class Device;
class CommandQueue;
class CommandBuffer;

/// A plain number where a tensor is expected; it takes the type of its sibling operand.
using Scalar = std::variant<bool, int64_t, double>;

/// A tensor, or a number that becomes a constant.
using TensorOrScalar = std::variant<Tensor, Scalar>;

/// The body of a control flow operation: called once, while the graph is built.
using Block = std::function<std::vector<Tensor>(const std::vector<Tensor>& arguments)>;

/// One named argument of an operation: an operand, an attribute, or a block.
struct Argument {
  std::string_view name;
  std::variant<AttributeValue, TensorOrScalar, std::vector<TensorOrScalar>, Block> value;

  Argument(std::string_view name, AttributeValue value) : name(name), value(std::move(value)) {}
  // A plain number is an attribute; as an operand it is written Scalar(number).
  Argument(std::string_view name, int64_t number) : name(name), value(AttributeValue(number)) {}
  Argument(std::string_view name, double number) : name(name), value(AttributeValue(number)) {}
  Argument(std::string_view name, bool flag) : name(name), value(AttributeValue(flag)) {}
  Argument(std::string_view name, Tensor tensor) : name(name) {
    if (tensor) value = TensorOrScalar(std::move(tensor));
  }
  Argument(std::string_view name, TensorOrScalar operand) : name(name), value(std::move(operand)) {
    const auto& held = std::get<TensorOrScalar>(value);
    if (std::holds_alternative<Tensor>(held) && !std::get<Tensor>(held)) value = AttributeValue();
  }
  Argument(std::string_view name, std::vector<TensorOrScalar> operands)
      : name(name), value(std::move(operands)) {}
  Argument(std::string_view name, const std::vector<Tensor>& operands)
      : name(name), value(std::vector<TensorOrScalar>(operands.begin(), operands.end())) {}
  Argument(std::string_view name, Block block) : name(name), value(std::move(block)) {}
};

/// What `gradients` does when a tensor does not influence the primary tensor.
enum class Unconnected { error, zero };

/// A graph of tensor operations (MPSGraph). A handle: copies name the same graph.
class MPSG_API Graph {
 public:
  Graph();
  explicit Graph(std::shared_ptr<GraphData> data) : data_(std::move(data)) {}
  bool operator==(const Graph& other) const = default;

  /// Appends an operation, checked and inferred by its row. Prefer the functions of "mpsg/ops.h".
  /// Throws GraphError.
  std::vector<Tensor> add(std::string_view op, std::vector<Argument> arguments,
                          std::string_view name = {});
  /// As `add`, for operations with exactly one result.
  Tensor add_one(std::string_view op, std::vector<Argument> arguments, std::string_view name = {});
  /// As `add`, for operations without results (`assign`).
  Operation add_operation(std::string_view op, std::vector<Argument> arguments,
                          std::string_view name = {});

  /// Every operation that `block` creates on this thread runs after `operations`
  /// (controlDependencyWithOperations:dependentBlock:name:).
  std::vector<Tensor> control_dependency(const std::vector<Operation>& operations,
                                         const std::function<std::vector<Tensor>()>& block);

  /// Appends the derivative of `of`, summed over its elements, with respect to each tensor
  /// (gradientForPrimaryTensor:withTensors:name:). Throws GraphError.
  std::vector<Tensor> gradients(const Tensor& of, const std::vector<Tensor>& with_respect_to,
                                Unconnected unconnected = Unconnected::error);

  /// Compiles, or takes from the cache, and runs. `feeds` must cover the placeholders that the
  /// targets need. Throws GraphError, FeedError, ExecutionError.
  TensorDataMap run(const TensorDataMap& feeds, const std::vector<Tensor>& target_tensors,
                    const std::vector<Operation>& target_operations = {});
  TensorDataMap run(const Device& device, const TensorDataMap& feeds,
                    const std::vector<Tensor>& target_tensors,
                    const std::vector<Operation>& target_operations = {});
  /// As above; the targets are the keys of `results`. Those with memory are written there.
  void run(const Device& device, const TensorDataMap& feeds, TensorDataMap& results,
           const std::vector<Operation>& target_operations = {});
  /// As above, after what was committed to the queue, on its device.
  TensorDataMap run(const CommandQueue& queue, const TensorDataMap& feeds,
                    const std::vector<Tensor>& target_tensors,
                    const std::vector<Operation>& target_operations = {});
  void run(const CommandQueue& queue, const TensorDataMap& feeds, TensorDataMap& results,
           const std::vector<Operation>& target_operations = {});

  /// Begins a run and returns at once (runAsyncWithFeeds:...). Whoever reads a result waits for it,
  /// and gets the run's error. The memory of feeds and results is borrowed and kept alive; its
  /// owner must not write it before the run is over. Without a queue: on the graph's own, for the
  /// default device.
  TensorDataMap run_async(const TensorDataMap& feeds, const std::vector<Tensor>& target_tensors,
                          const std::vector<Operation>& target_operations = {},
                          const ExecutionDescriptor& descriptor = {});
  TensorDataMap run_async(const CommandQueue& queue, const TensorDataMap& feeds,
                          const std::vector<Tensor>& target_tensors,
                          const std::vector<Operation>& target_operations = {},
                          const ExecutionDescriptor& descriptor = {});
  /// The targets are the keys of `results`, whose values then are pending.
  void run_async(const CommandQueue& queue, const TensorDataMap& feeds, TensorDataMap& results,
                 const std::vector<Operation>& target_operations = {},
                 const ExecutionDescriptor& descriptor = {});

  /// Appends a run to a command buffer, to begin when that is committed
  /// (encodeToCommandBuffer:...). A descriptor with `wait_until_completed` commits what is encoded
  /// so far, and waits.
  TensorDataMap encode(const CommandBuffer& buffer, const TensorDataMap& feeds,
                       const std::vector<Tensor>& target_tensors,
                       const std::vector<Operation>& target_operations = {},
                       const ExecutionDescriptor& descriptor = {});
  void encode(const CommandBuffer& buffer, const TensorDataMap& feeds, TensorDataMap& results,
              const std::vector<Operation>& target_operations = {},
              const ExecutionDescriptor& descriptor = {});

  /// Compiles for given feed types; the executable takes the feeds in the order given here. Where
  /// a size is not known (-1), it compiles for each size when that is first fed, or specialized.
  std::shared_ptr<Executable> compile(const Device& device,
                                      const std::vector<std::pair<Tensor, TensorType>>& feeds,
                                      const std::vector<Tensor>& target_tensors,
                                      const std::vector<Operation>& target_operations = {},
                                      const CompilationDescriptor& descriptor = {});

  std::vector<Operation> operations() const;
  std::vector<Tensor> placeholder_tensors() const;
  /// The key of the unseeded random operations. Set before the first run.
  uint64_t seed() const;
  void set_seed(uint64_t seed);

  /// One line per operation.
  std::string to_text() const;
  std::string to_json() const;
  std::string to_graphviz() const;
  /// Rebuilds a graph from `to_json`. Throws PackageError if the text is not sound.
  static Graph from_json(std::string_view json);
  /// Checks every invariant; throws InternalError naming the first that does not hold.
  void verify() const;

  const std::shared_ptr<GraphData>& data() const { return data_; }

 private:
  std::shared_ptr<GraphData> data_;
};

}  // namespace mpsg
