// Runs in stages: a size that only device data tell (how many elements are not zero) is read by the
// host between two executables. The second one is compiled for it, and kept in the cache.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compiler/passes.h"
#include "mpsg/executable.h"
#include "runtime/executable_cache.h"

namespace mpsg {

/// Where a run is split. Ids, for the graph owns its executables and not the reverse.
struct Cut {
  std::vector<TensorId> made;  // by the first stage, and needed after it
  std::vector<bool> by_value;  // which of them decide shapes
  std::set<OperationId> done;  // what runs in the first stage, and in those before
};

struct Stages {
  Cut cut;
  std::shared_ptr<const Executable> first;  // its feeds are those of the whole, its targets `made`
};

/// Nothing if all sizes are known before the run.
std::optional<Cut> find_cut(const Graph& graph, const std::vector<Tensor>& targets,
                            const std::vector<Operation>& operations,
                            const std::set<OperationId>& done);

/// Runs one stage.
using RunStage = std::function<void(const Executable&, std::span<const TensorData> feeds,
                                    std::span<TensorData> results)>;

/// Runs an executable that has stages, one after the other.
void run_in_stages(const Executable& executable, std::span<const TensorData> feeds,
                   std::span<TensorData> results, CallerLock& caller, const RunStage& run);

}  // namespace mpsg
