// A stitched kernel: one loop nest over a domain, computing an element program, with reductions.
// The compiler makes it, a backend emits code for it. Its canonical text is its identity: extents,
// strides, offsets and other numbers that follow from open sizes are run-time arguments and no part
// of the text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "graph/element_program.h"
#include "mpsg/attribute.h"
#include "mpsg/data_type.h"

namespace mpsg {

struct OpRow;
class SourceLocation;

/// How elements are combined along the reduced axes.
enum class FoldKind : uint8_t {
  none,
  sum,      // 0 of nothing; floats in float32 or wider
  product,  // 1 of nothing
  maximum,  // NaN only if there is nothing else; -inf or lowest of nothing
  minimum,
  maximum_propagate_nan,
  minimum_propagate_nan,
  all,  // of bools
  any,
};

/// How a kernel walks one of its operands: element `offset + sum of strides[d] * position[d]`.
struct KernelAccess {
  int32_t operand = 0;
  int64_t offset = 0;
  std::vector<int64_t> strides;  // in elements, one for each dimension, then one for the chunk
};

struct KernelOperand {
  DataType type = DataType::invalid;
  bool output = false;
};

struct KernelReduction {
  FoldKind fold = FoldKind::none;
  int32_t value = -1;                 // the instruction that is folded over all reduced dimensions
  DataType type = DataType::invalid;  // of the result
};

struct KernelStore {
  int32_t access = 0;
  int32_t value = -1;
};

/// The loop nest, outermost first:
///   parallel dimensions [0, parallel)      - and the chunk, if chunks > 1; any order, any thread
///   reduced dimensions  [parallel, rank-1) - in order
///   the lane dimension  rank-1             - vectorised; reduced too if `lane_reduced`
/// A kernel without reductions has no reduced dimensions. A reduction folds over all reduced
/// dimensions; its result is the same for every one of their positions. An instruction that
/// (transitively) needs a reduction's result belongs to a later phase: the loops over the reduced
/// dimensions run once for each phase, within one position of the parallel dimensions.
/// With chunks > 1 the first reduced dimension (the lane, if it is the only one) is cut into
/// `chunks` pieces of ceil(extent / chunks), the last ones shorter or empty, which are folded
/// apart: such a kernel has one phase, and stores its reductions' results with the chunk's stride.
struct StitchedKernel {
  std::vector<int64_t> extents;  // of the dimensions
  int32_t parallel = 0;          // how many are parallel
  bool lane_reduced = false;
  int64_t chunks = 1;
  std::vector<KernelOperand> operands;  // inputs, then outputs
  std::vector<KernelAccess> accesses;
  std::vector<int64_t> arguments;  // what instructions read of open sizes
  ElementProgram program;
  std::vector<KernelReduction> reductions;
  std::vector<KernelStore> stores;
  std::vector<int32_t>
      saved;  // instructions kept in scratch memory for later phases, not recomputed

  int32_t rank() const { return static_cast<int32_t>(extents.size()); }
  int32_t lane() const { return rank() - 1; }
  bool reduces() const { return !reductions.empty(); }
  int32_t input_count() const;
  /// The phase in which each instruction is first known.
  std::vector<int32_t> phases() const;
  int32_t phase_count() const;
  /// For each instruction the dimensions (bit d; bit rank: the chunk) on which its value depends.
  std::vector<uint32_t> dependence() const;
  /// Products of the extents of all, and of the parallel dimensions (times chunks).
  int64_t elements() const;
  int64_t parallel_count() const;
  /// Scratch that one position of the parallel dimensions needs for what is saved.
  size_t scratch_bytes() const;
  /// Identity of the code: program, roles, types, and for each access which strides are 0, and 1
  /// along the lane. Also names whether offsets need 64 bits.
  std::string canonical_text() const;
  /// For people: the program, the loops, the accesses.
  std::string to_text() const;
  /// Throws InternalError on a contradiction.
  void verify() const;
};

/// An operation that became part of a region, for people.
struct RegionMember {
  std::string name;  // the node's
  const OpRow* row = nullptr;
  std::shared_ptr<const SourceLocation> source;
};

/// Where and how far a kernel runs once more: what its code takes at run time.
struct KernelSegment {
  std::vector<int64_t> extents;
  std::vector<KernelAccess> accesses;
  std::vector<int64_t> arguments;
};

/// Operations that run as one step. Operands of the step: those of the root, if there is one, then
/// the kernel's inputs (without input 0, if that is the root's result); results: the root's, if
/// there is one, then the kernel's outputs.
struct StitchedRegion {
  StitchedKernel kernel;
  /// The same code over other operands, at the same time. The step's operands are those of `kernel`
  /// and then those of each of these; so are its results. Not with a root.
  std::vector<KernelSegment> further;
  /// With a root (a convolution, a matrix product, a pooling) the kernel is its epilogue: a map
  /// over the root's result, seen as a matrix (all axes but the last, last axis), tile by tile. Its
  /// input 0 is the root's result, which it may overwrite.
  const OpRow* root = nullptr;
  std::vector<int32_t> root_segments;  // of the root's operands, as in PlanStep
  std::vector<AttributeValue> root_attributes;
  std::vector<RegionMember> members;
  std::string ended;  // why it holds no more: "result of the graph", "'dense' has two users", ...

  size_t segment_count() const { return 1 + further.size(); }
  /// The kernel as it runs over the operands of one segment.
  StitchedKernel segment(size_t index) const;
};

/// What emitted code is called with. All counts and strides in elements.
struct KernelCall {
  void* const* operands;
  const int64_t* extents;  // rank
  const int64_t* strides;  // accesses * (rank + 1)
  const int64_t* offsets;  // accesses
  const int64_t* arguments;
  int64_t chunks;
  int64_t begin, end;            // flattened parallel positions (chunk innermost)
  int64_t lane_begin, lane_end;  // of a kernel without reductions; else the whole lane
  void* scratch;                 // scratch_bytes(), 64-byte aligned
  bool streaming = false;        // store past the caches: the results are larger than these
};
using KernelFunction = void (*)(const KernelCall*);

/// May the kernel write output `output` over input `input`? Only if every element of the input is
/// read for the last time where the output's element of the same place is stored. Both count among
/// the kernel's operands.
bool may_overwrite(const StitchedKernel& kernel, int32_t input, int32_t output);

/// For people: members, kernel, why it ended.
std::string to_text(const StitchedRegion& region);

}  // namespace mpsg
