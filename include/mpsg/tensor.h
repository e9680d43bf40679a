// Tensor and Operation: the edges and the nodes of a graph (MPSGraphTensor, MPSGraphOperation).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mpsg/data_type.h"
#include "mpsg/export.h"
#include "mpsg/shape.h"
#include "mpsg/tensor_data.h"

namespace mpsg {

class Graph;
class GraphData;
class Operation;

using OperationId = int32_t;

/// A tensor's place in its graph: result `index` of operation `operation`.
struct TensorId {
  OperationId operation = -1;
  int32_t index = 0;
  auto operator<=>(const TensorId&) const = default;
};

/// Where the user's program created an operation; formatted only when a message needs it.
class MPSG_API SourceLocation {
 public:
  virtual ~SourceLocation();
  virtual std::string format() const = 0;
};

/// A symbolic tensor (MPSGraphTensor): an edge of the graph. Comparison is by identity.
class MPSG_API Tensor {
 public:
  Tensor() = default;
  Tensor(std::shared_ptr<GraphData> graph, TensorId id) : graph_(std::move(graph)), id_(id) {}

  explicit operator bool() const { return graph_ != nullptr; }
  bool operator==(const Tensor& other) const = default;
  auto operator<=>(const Tensor& other) const = default;

  Graph graph() const;
  /// The operation that makes this tensor.
  Operation operation() const;
  TensorId id() const { return id_; }
  TensorType type() const;
  Shape shape() const { return type().shape; }
  DataType data_type() const { return type().data_type; }
  std::string name() const;
  const std::shared_ptr<GraphData>& graph_data() const { return graph_; }

 private:
  std::shared_ptr<GraphData> graph_;
  TensorId id_;
};

/// A node of the graph (MPSGraphOperation).
class MPSG_API Operation {
 public:
  Operation() = default;
  Operation(std::shared_ptr<GraphData> graph, OperationId id) : graph_(std::move(graph)), id_(id) {}

  explicit operator bool() const { return graph_ != nullptr; }
  bool operator==(const Operation& other) const = default;
  auto operator<=>(const Operation& other) const = default;

  Graph graph() const;
  OperationId id() const { return id_; }
  /// The name of its row in the op table: "softmax".
  std::string op_name() const;
  std::string name() const;
  std::vector<Tensor> input_tensors() const;
  std::vector<Tensor> output_tensors() const;
  std::vector<Operation> control_dependencies() const;
  const std::shared_ptr<GraphData>& graph_data() const { return graph_; }

 private:
  std::shared_ptr<GraphData> graph_;
  OperationId id_ = -1;
};

using TensorDataMap = std::map<Tensor, TensorData>;

}  // namespace mpsg
