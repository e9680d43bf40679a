// The storage behind Graph: an append-only list of nodes. A node's inputs always have smaller
// ids, so the order of ids is a topological order, and no traversal needs recursion.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "graph/op_schema.h"
#include "graph/operation_view.h"
#include "mpsg/graph.h"

namespace mpsg {

class HostValues;
struct BlockTypes;

/// One operation.
struct Node {
  const OpRow* row = nullptr;
  std::vector<TensorId> inputs;
  std::vector<int32_t> segments;  // how many inputs belong to each operand of the row
  std::vector<AttributeValue> attributes;
  std::vector<TensorType> outputs;
  bool from_sizes = false;     // a constant, or computed from one, that follows from open sizes
  std::vector<Shape> symbols;  // the outputs' shapes in symbols (see symbolic_shape); may be empty
  std::vector<OperationId> control;
  std::vector<int32_t> regions;  // bodies, in the order of the row's blocks; -1 = not given
  int32_t region = 0;            // the region this node lives in; 0 is the graph itself
  std::string name;              // empty: "<op>_<id>"
  std::shared_ptr<const SourceLocation> source;
  std::shared_ptr<const StitchedRegion> stitched;  // of the internal row `stitched`

  OperationView view() const { return {*row, segments, attributes}; }
};

/// A body of a control flow operation (region 0: the graph itself).
struct Region {
  int32_t parent = -1;
  OperationId owner = -1;           // known when the owner is appended
  std::vector<TensorId> arguments;  // declared ones, then one for each capture
  int32_t declared_arguments = 0;
  std::vector<TensorId> captures;  // tensors of the parent region, operands of the owner
  std::vector<TensorId> results;
  std::vector<OperationId> nodes;          // empty for region 0
  std::vector<OperationId> outer_control;  // the owner waits for these
};

/// What a runtime keeps with a graph: variables' memory, executables. Opaque here.
class RuntimeState {
 public:
  virtual ~RuntimeState();
};

class GraphData : public std::enable_shared_from_this<GraphData> {
 public:
  GraphData();
  ~GraphData();

  uint64_t id() const { return id_; }
  const Node& node(OperationId id) const { return nodes_[static_cast<size_t>(id)]; }
  OperationId node_count() const { return static_cast<OperationId>(nodes_.size()); }
  const Region& region(int32_t id) const { return regions_[static_cast<size_t>(id)]; }
  int32_t region_count() const { return static_cast<int32_t>(regions_.size()); }
  const TensorType& type(TensorId id) const {
    return node(id.operation).outputs[static_cast<size_t>(id.index)];
  }
  /// The shape in symbols: sizes that are not known before the graph runs are replaced by numbers
  /// that stand for them, each distinct from every other size. What a compiler decides on these
  /// holds for every value: batch 1 is no broadcast, batch 64 is not the channel count. Symbols may
  /// be lost on the way (then the numbers stand), so that those of two tensors may disagree.
  const Shape& symbolic_shape(TensorId id) const {
    const auto& made_by = node(id.operation);
    return made_by.symbols.empty() ? type(id).shape
                                   : made_by.symbols[static_cast<size_t>(id.index)];
  }
  void set_symbols(TensorId id, const Shape& shape);
  /// The constant's value follows from sizes that other runs may feed otherwise: it is never
  /// simplified away or merged with a number that happens to be equal.
  void mark_from_sizes(OperationId id) { nodes_[static_cast<size_t>(id)].from_sizes = true; }
  std::string display_name(OperationId id) const;
  Tensor tensor(TensorId id) { return {shared_from_this(), id}; }
  /// "softmax_3 (softmax), built at train.py:12": how messages name a node.
  std::string describe(OperationId id) const;

  /// Checks and infers `node`, appends it to the current region, returns its id.
  OperationId append(Node node);
  /// The same for a copy of a node whose outputs (and symbols) are those of the original.
  OperationId append_inferred(Node node);
  /// For control flow: types of the bodies of a node that is not yet appended.
  std::vector<BlockTypes> block_types(const Node& node) const;

  int32_t open_region(const std::vector<TensorType>& arguments);
  void close_region(int32_t region, std::vector<TensorId> results);
  /// Gives the bodies of one owner equal capture lists and adds these as operands.
  void finish_captures(Node& owner);
  /// `id` as seen inside `region`: itself, or the argument that stands for a captured tensor.
  TensorId localize(TensorId id, int32_t region);
  /// For copies of bodies: the last arguments of `region` stand for the last of `inputs`.
  void adopt_captures(int32_t region, int32_t declared_arguments,
                      const std::vector<TensorId>& inputs);

  HostValues& host_values() { return *host_values_; }

  /// While a graph has one, `Graph::add` gives what the expander makes of an operation, if
  /// anything.
  using Expander = std::function<std::optional<std::vector<TensorId>>(OperationId)>;
  Expander expander;

  /// What applies to nodes created by the calling thread.
  struct BuildState {
    std::vector<int32_t> regions{0};
    std::vector<std::vector<OperationId>> control;
    std::string inherited_name;
    std::shared_ptr<const SourceLocation> inherited_source;
  };
  BuildState& build_state();
  void drop_build_state_if_idle();

  mutable std::recursive_mutex mutex;
  uint64_t seed = 0;
  int64_t next_random_stream = 0;
  std::shared_ptr<RuntimeState> runtime;

 private:
  void place(Node& node);
  void infer(Node& node);
  void infer_symbols(Node& node);
  OperationId push(Node node);

  const uint64_t id_;
  std::deque<Node> nodes_;
  std::deque<Region> regions_;
  std::map<std::pair<int32_t, TensorId>, TensorId> capture_arguments_;
  std::unordered_map<std::thread::id, BuildState> build_states_;
  std::unique_ptr<HostValues> host_values_;
};

/// Sets the source location of every node the calling thread creates while it lives.
class SourceScope {
 public:
  explicit SourceScope(std::shared_ptr<const SourceLocation> source);
  ~SourceScope();
  SourceScope(const SourceScope&) = delete;
  SourceScope& operator=(const SourceScope&) = delete;
  static const std::shared_ptr<const SourceLocation>& current();

 private:
  std::shared_ptr<const SourceLocation> previous_;
};

/// Nodes created while it lives inherit name and source line of `origin`.
class OriginScope {
 public:
  OriginScope(GraphData& graph, std::string name, std::shared_ptr<const SourceLocation> source);
  ~OriginScope();
  OriginScope(const OriginScope&) = delete;
  OriginScope& operator=(const OriginScope&) = delete;

 private:
  GraphData& graph_;
  std::string previous_name_;
  std::shared_ptr<const SourceLocation> previous_source_;
};

}  // namespace mpsg
