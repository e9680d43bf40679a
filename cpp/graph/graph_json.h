// Graph <-> JSON with a choice: a part of the graph; large data elsewhere.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph_data.h"

namespace mpsg {

/// Where the data of an operation (a constant, a variable) is kept, if not in the text.
using KeepData = std::function<std::optional<std::string>(OperationId, const Bytes&)>;
/// The data that was kept under this name. Throws PackageError.
using FindData = std::function<std::shared_ptr<const Bytes>(const std::string& name)>;

/// `live`: the operations that are written; none: all. The graph's lock is held.
std::string graph_to_json(const GraphData& graph, const std::vector<bool>* live,
                          const KeepData& keep);

struct GraphOfJson {
  Graph graph;
  std::map<OperationId, OperationId> operations;  // from the text's numbers
};
/// Throws PackageError if the text is not sound.
GraphOfJson graph_from_json(std::string_view text, const FindData& find);

}  // namespace mpsg
