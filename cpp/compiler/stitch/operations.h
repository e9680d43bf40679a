// What the stitching pass asks about operations.
#pragma once

#include <optional>
#include <vector>

#include "compiler/stitch/domain.h"
#include "graph/graph_data.h"
#include "mpsg/backend.h"

namespace mpsg::stitch {

/// Has no step of its own and no place in the order of steps: constants, placeholders, variables.
bool is_source(const Node& node);
/// The same bytes in another shape, made by nothing: looked through.
bool is_view(const Node& node);
/// The tensor whose bytes `id` shows.
TensorId base_of(const GraphData& graph, TensorId id);

/// How the node folds its operand; `none` if it is no reduction.
FoldKind fold_of(const Node& node);
/// For each axis of a reduction's operand: is it folded?
std::vector<bool> folded_axes(const GraphData& graph, const Node& node);
/// Pieces into which a `partial_reduction` cuts; 1 for every other node.
int64_t chunks_of(const Node& node);

/// May the node be part of a stitched kernel, its neighbours aside?
bool is_stitchable(const GraphData& graph, const Node& node, const StitchingLimits& limits);
/// Reads its operands elsewhere than at its own element: permutes, slices, pads...
bool is_movement(const Node& node);
/// Repeats its operand as broadcasting would.
bool is_broadcast(const Node& node);
/// May it take a kernel along, as its epilogue?
bool is_root(const Node& node);
/// Does this root finish its result row by row (all axes but the last, the last), so that its
/// epilogue may reduce pieces of rows?
bool finishes_rows(const Node& root);

Extents extents_of(const GraphData& graph, TensorId id);

}  // namespace mpsg::stitch
