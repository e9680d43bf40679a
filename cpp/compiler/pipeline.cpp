#include "compiler/pipeline.h"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "compiler/stitch/form_regions.h"
#include "graph/environment.h"
#include "mpsg/backend.h"

namespace mpsg {
namespace {

/// What each pass took, for MPSG_DEBUG=1.
class PassTimes {
 public:
  PassTimes() : wanted_(debugging(DebugLevel::times)) {
    if (wanted_) last_ = Clock::now();
  }

  void end(const char* pass) {
    if (!wanted_) return;
    const auto now = Clock::now();
    char text[64];
    std::snprintf(text, sizeof(text), " %s %.3f", pass,
                  std::chrono::duration<double, std::milli>(now - last_).count());
    text_ += text;
    last_ = Clock::now();
  }

  void show() const {
    if (wanted_) std::cerr << "mpsg: milliseconds of passes:" + text_ + "\n";
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool wanted_;
  Clock::time_point last_;
  std::string text_;
};

/// MPSG_DEBUG=4 prints the graph after every pass.
void show(const char* pass, const Module& module, PassTimes& times) {
  times.end(pass);
  if (debugging(DebugLevel::graphs))
    std::cerr << "--- after " << pass << "\n" << module.graph.to_text();
#ifdef MPSG_VERIFY
  module.graph.verify();
#endif
}

/// Without what nothing needs: each operation that is left becomes a step.
void drop_unneeded(Module& module) {
  rewrite_module(module, [](OperationId, Node node, Graph into) {
    return append_unchanged(*into.data(), std::move(node));
  });
}

}  // namespace

std::shared_ptr<const Plan> compile_plan(const Graph& graph, const std::vector<FeedType>& feeds,
                                         const std::vector<Tensor>& targets,
                                         const std::vector<Operation>& operations,
                                         const Backend& backend, const CompileOptions& options) {
  PassTimes times;
  auto module = specialize(graph, feeds, targets, operations, options);
  show("specialize", module, times);
  expand_composites(module, backend);
  show("expand_composites", module, times);
  simplify(module);
  show("simplify", module, times);
  if (backend.stitching().operands > 0) {
    form_regions(module, backend, options.stitch);
    show("form_regions", module, times);
  } else {
    drop_unneeded(module);
    show("drop_unneeded", module, times);
  }
  auto plan = lower(module);
  times.end("lower");
  plan_memory(*plan);
  times.end("plan_memory");
#ifdef MPSG_VERIFY
  verify_plan(*plan);
#endif
  times.show();
  return plan;
}

}  // namespace mpsg
