// Copies operations, bodies included, from one graph into another (or the same one).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "graph/graph_data.h"
#include "mpsg/graph.h"

namespace mpsg {

class GraphCopy {
 public:
  GraphCopy(const GraphData& source, Graph target) : source_(source), target_(std::move(target)) {}

  /// From now on `original` is called `copy`.
  void bind(TensorId original, TensorId copy);
  bool has(TensorId original) const { return find(original) != nullptr; }
  /// The copy of a tensor; the tensor itself if it was never copied.
  TensorId operator()(TensorId original) const;
  OperationId operator()(OperationId original) const;

  /// How a node is copied; by default as it is. Used by passes that rewrite inside bodies too.
  /// Returns what the node's results became.
  using Rewrite =
      std::function<std::vector<TensorId>(OperationId id, Node with_new_inputs, Graph target)>;
  void set_rewrite(Rewrite rewrite) { rewrite_ = std::move(rewrite); }

  /// Copies have the types of their originals: rewrites must keep them, and inference is saved.
  void keep_types() { keeps_types_ = true; }

  /// Operations that are not live are left out of `copy_if_live` and of bodies.
  void set_live(const std::vector<bool>* live) { live_ = live; }
  void keep(OperationId id) { kept_.insert(id); }
  void copy_if_live(OperationId id);

  /// Appends a copy of the operation to the target's current region: inference runs anew.
  void copy(OperationId id);
  /// Copies what a body computes; `arguments` stand for its arguments. Returns its results.
  std::vector<TensorId> inline_body(int32_t region, const std::vector<TensorId>& arguments);

 private:
  int32_t copy_body(int32_t region, Node& owner, size_t block);
  const TensorId* find(TensorId original) const;
  void bind(OperationId original, OperationId copy);

  const GraphData& source_;
  Graph target_;
  Rewrite rewrite_;
  const std::vector<bool>* live_ = nullptr;
  std::set<OperationId> kept_;
  bool keeps_types_ = false;
  std::vector<TensorId> first_;          // by operation: its result 0; operation -1: none
  std::map<TensorId, TensorId> others_;  // results after the first
  std::vector<OperationId> operations_;  // by operation; -1: none
};

}  // namespace mpsg
