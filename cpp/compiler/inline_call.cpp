#include "compiler/inline_call.h"

#include "mpsg/error.h"

namespace mpsg {
namespace {

class Inliner {
 public:
  Inliner(GraphData& into, const Node& call, const Callables& callables)
      : into_(into), call_(call), symbol_(call.view().text("symbol_name")) {
    const auto found = callables.find(symbol_);
    if (found == callables.end())
      fail("there is no callable of this name; pass callables={\"" + symbol_ +
           "\": executable} to graph.compile");
    callable_ = found->second.get();
  }

  std::vector<TensorId> run() {
    const auto& module = callable_->module;
    const auto& source = *module.graph.data();
    if (module.feeds.size() != call_.inputs.size())
      fail("it takes " + std::to_string(module.feeds.size()) + " tensors; " +
           std::to_string(call_.inputs.size()) + " are given");
    GraphCopy copy(source, Graph(into_.shared_from_this()));
    const auto live = live_operations(source, module.targets, {});
    copy.set_live(&live);
    copy.set_rewrite([&](OperationId, Node node, Graph) { return add(std::move(node)); });
    std::set<OperationId> fed;
    for (size_t i = 0; i < module.feeds.size(); ++i) {
      const auto &wanted = source.type(module.feeds[i]), &given = into_.type(call_.inputs[i]);
      if (wanted != given)
        fail("it was compiled for " + wanted.to_string() + " as tensor " + std::to_string(i) +
             ", and is given " + given.to_string());
      copy.bind(module.feeds[i], call_.inputs[i]);
      fed.insert(module.feeds[i].operation);
    }
    for (OperationId id = 0; id < source.node_count(); ++id)
      if (source.node(id).region == 0 && !fed.contains(id)) copy.copy_if_live(id);
    std::vector<TensorId> results;
    for (const auto target : module.targets) results.push_back(copy(target));
    check_results(results);
    return results;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw GraphError("call of '" + symbol_ + "': " + why +
                     (call_.source ? "\n  built at " + call_.source->format() : ""));
  }

  /// Waits for what the call waits for; random numbers are not those of the caller.
  std::vector<TensorId> add(Node node) {
    if (node.row->name == "variable")
      fail("the callable has a variable ('" + node.name +
           "'); pass it as a tensor, so that it belongs to one graph");
    node.control.insert(node.control.end(), call_.control.begin(), call_.control.end());
    if (const int stream = node.row->attribute_index("stream"); stream >= 0)
      if (auto* number = std::get_if<int64_t>(&node.attributes[static_cast<size_t>(stream)]))
        *number += (int64_t{into_.node_count()} + 1) << 12;  // 32 bits of it count
    return append_unchanged(into_, std::move(node));
  }

  void check_results(const std::vector<TensorId>& results) const {
    const auto& declared = call_.view().types("output_types");
    bool fits = declared.size() == results.size();
    std::string types;
    for (size_t i = 0; i < results.size(); ++i) {
      const auto& type = into_.type(results[i]);
      types += (i > 0 ? ", " : "") + type.to_string();
      if (!fits) continue;
      const auto& shape = declared[i].shape;
      fits = declared[i].data_type == type.data_type;
      if (!shape.has_rank()) continue;
      fits = fits && shape.rank() == type.shape.rank();
      for (int axis = 0; fits && axis < shape.rank(); ++axis)
        fits = shape[axis] < 0 || shape[axis] == type.shape[axis];
    }
    if (!fits) fail("it gives " + types + ", which 'output_types' does not say");
  }

  GraphData& into_;
  const Node& call_;
  const std::string symbol_;
  const Callable* callable_ = nullptr;
};

}  // namespace

std::vector<TensorId> inline_call(GraphData& into, const Node& call, const Callables& callables) {
  return Inliner(into, call, callables).run();
}

}  // namespace mpsg
