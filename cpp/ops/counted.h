// Rows whose results have a size that follows from data.
#pragma once

#include "graph/op_schema.h"

namespace mpsg::ops {

/// For a row's build function: `node` becomes the rows that count of what `finder`, an internal row
/// with the same operands and attributes, finds. Its results are all rows that there may be, and
/// their number.
void build_counted(GraphData& graph, Node& node, const char* finder);

}  // namespace mpsg::ops
