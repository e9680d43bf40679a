// What stitching costs and saves, in named numbers: the only place where they stand.
#pragma once

#include <cstdint>

#include "graph/element_program.h"
#include "graph/op_schema.h"

namespace mpsg::stitch {

/// Elements per cycle decide: an add is 1. A vector function is a few dozen of these.
inline constexpr int function_cost = 16;
inline constexpr int division_cost = 4;
/// One element loaded and stored again through the cache beyond L2.
inline constexpr int traffic_cost = 8;
/// At most this is computed again rather than kept.
inline constexpr int cheap_cost = 4;

/// Members of one region: bounds the depth of what is pulled.
inline constexpr int member_limit = 256;
/// Units that one search for a cycle may visit.
inline constexpr int search_limit = 512;
/// Consumers of one tensor that are tried as siblings.
inline constexpr int sibling_limit = 16;

/// Larger operands of an update are not kept until it can run together with others: a launch costs
/// less than they do.
inline constexpr int64_t segment_operand_limit = 1 << 16;

/// A reduction is cut into pieces if fewer elements than this are kept, and more than that folded.
inline constexpr int64_t chunk_kept_limit = 512;
inline constexpr int64_t chunk_elements = 8192;
inline constexpr int64_t elements_per_chunk = 4096;
inline constexpr int chunks_per_thread = 8;
/// A piece of what a root finishes had better be in the cache of whoever folds it, and have enough
/// rows that the pieces are little to what was folded.
inline constexpr int64_t most_chunk_elements = 8192;
inline constexpr int64_t least_chunk_rows = 64;

int cost_of(ElementOp op);
/// A guess before any program is written.
int cost_of(const OpRow& row);

}  // namespace mpsg::stitch
