// Every invariant of a graph, checked. Runs between passes in debug builds.
#include "graph/contexts.h"
#include "graph/graph_data.h"
#include "graph/host_values.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

class Verifier {
 public:
  explicit Verifier(GraphData& graph) : graph_(graph) {}

  void run() {
    for (OperationId id = 0; id < graph_.node_count(); ++id) {
      id_ = id;
      check_structure(graph_.node(id));
      check_types(graph_.node(id));
    }
    for (int32_t id = 1; id < graph_.region_count(); ++id) check_region(graph_.region(id));
  }

 private:
  void require(bool holds, const std::string& what) const {
    if (!holds) throw InternalError("operation " + graph_.describe(id_) + ": " + what);
  }

  void check_structure(const Node& node) const {
    require(node.segments.size() == node.row->operands.size(), "segments do not fit the row");
    require(node.attributes.size() == node.row->attributes.size(), "attributes do not fit the row");
    require(node.regions.size() == node.row->blocks.size(), "bodies do not fit the row");
    require(static_cast<size_t>(node.view().input_count()) == node.inputs.size(),
            "the number of inputs differs from the segments");
    for (const auto input : node.inputs) {
      require(input.operation >= 0 && input.operation < id_, "an input does not come before it");
      const auto& source = graph_.node(input.operation);
      require(static_cast<size_t>(input.index) < source.outputs.size(), "an input does not exist");
      require(source.region == node.region || source.row->name == "variable",
              "an input lives in another region");
    }
    for (const auto dependency : node.control) {
      require(dependency >= 0 && dependency < id_, "a control dependency does not come before it");
      require(graph_.node(dependency).region == node.region,
              "a control dependency lives in another region");
    }
  }

  void check_types(const Node& node) const {
    std::vector<TensorType> types;
    for (const auto input : node.inputs) types.push_back(graph_.type(input));
    const auto blocks = graph_.block_types(node);
    InferContext context(node.view(), types, node.inputs, &graph_.host_values(), blocks);
    node.row->infer(context);
    require(context.results() == node.outputs, "its types are not what inference says");
  }

  void check_region(const Region& region) const {
    if (region.owner < 0) return;  // still open, or given up
    const auto& owner = graph_.node(region.owner);
    require(region.arguments.size() ==
                static_cast<size_t>(region.declared_arguments) + region.captures.size(),
            "a body's arguments do not fit its captures");
    const auto first = owner.inputs.size() - region.captures.size();
    for (size_t i = 0; i < region.captures.size(); ++i)
      require(owner.inputs[first + i] == region.captures[i],
              "a capture is not an operand of the body's owner");
  }

  GraphData& graph_;
  OperationId id_ = 0;
};

}  // namespace

void Graph::verify() const {
  const std::lock_guard lock(data_->mutex);
  Verifier(*data_).run();
}

}  // namespace mpsg
