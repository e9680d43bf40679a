#include "compiler/pipeline.h"

#include <iostream>

#include "compiler/stitch/form_regions.h"
#include "graph/environment.h"

namespace mpsg {
namespace {

/// MPSG_DEBUG=4 prints the graph after every pass.
void show(const char* pass, const Module& module) {
  if (debugging(DebugLevel::graphs))
    std::cerr << "--- after " << pass << "\n" << module.graph.to_text();
#ifdef MPSG_VERIFY
  module.graph.verify();
#endif
}

}  // namespace

std::shared_ptr<const Plan> compile_plan(const Graph& graph, const std::vector<FeedType>& feeds,
                                         const std::vector<Tensor>& targets,
                                         const std::vector<Operation>& operations,
                                         const Backend& backend) {
  auto module = specialize(graph, feeds, targets, operations);
  show("specialize", module);
  expand_composites(module, backend);
  show("expand_composites", module);
  fold_constants(module);
  show("fold_constants", module);
  merge_equal(module);
  show("merge_equal", module);
  simplify(module);
  show("simplify", module);
  fold_transposes(module);
  show("fold_transposes", module);
  merge_equal(module);  // also drops what the last passes left unused
  show("merge_equal", module);
  form_regions(module, backend);
  show("form_regions", module);
  auto plan = lower(module);
  plan_memory(*plan);
#ifdef MPSG_VERIFY
  verify_plan(*plan);
#endif
  return plan;
}

}  // namespace mpsg
