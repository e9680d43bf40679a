// The state of emitting one kernel: its loops, and in each loop what is known already.
#pragma once

#include <llvm/ADT/STLFunctionalExtras.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <string>
#include <vector>

#include "backends/cpu/llvm/emitter_schedule.h"
#include "backends/cpu/llvm/target.h"
#include "graph/stitched_kernel.h"

namespace mpsg {

/// The vectors a piece of code computes side by side.
struct Lanes {
  int count = 1;  // elements of each; 1: scalars
  int copies = 1;
  llvm::SmallVector<llvm::Value*, 4> masks;  // which elements exist, for each copy; none: all

  llvm::Value* mask(int copy) const {
    return masks.empty() ? nullptr : masks[static_cast<size_t>(copy)];
  }
};

/// What is known at one place of the loop nest. Inner places start from a copy.
struct Frame {
  Lanes lanes;
  std::vector<llvm::Value*> scalars;  // of instructions that do not vary along the lane
  std::vector<llvm::Value*> splats;   // the same as vectors of `lanes.count`
  std::vector<llvm::SmallVector<llvm::Value*, 4>> vectors;  // of those that do: one for each copy
  std::vector<llvm::Value*> pointers;   // of each access: its element at this place
  std::vector<llvm::Value*> scratch;    // of each saved instruction, likewise
  std::vector<llvm::Value*> positions;  // of each dimension, then the chunk
  llvm::Value* streaming = nullptr;     // whether stores of whole vectors go past the caches
  int phase = 0;
};

class KernelEmitter {
 public:
  KernelEmitter(llvm::Module& module, const StitchedKernel& kernel, const std::string& name,
                const TargetFacts& target);
  void emit();

 private:
  using Body = llvm::function_ref<void(llvm::Value*)>;

  // Loops (emitter.cpp)
  void read_call();
  llvm::Value* call_field(size_t offset, llvm::Type* type, const char* name);
  llvm::Value* element_of(llvm::Value* array, size_t index, const char* name);
  void emit_loop(llvm::Value* begin, llvm::Value* end, int64_t step, const char* name, Body body);
  llvm::AllocaInst* variable(llvm::Type* type, const char* name);
  void emit_tiles(const Frame& frame);
  void emit_positions(const Frame& frame);
  void emit_position(Frame& frame);
  std::vector<llvm::AllocaInst*> decode(llvm::Value* position,
                                        const std::vector<int32_t>& dimensions);
  void advance(const std::vector<llvm::AllocaInst*>& places,
               const std::vector<int32_t>& dimensions);
  void emit_phases(Frame& frame);
  void emit_nest(const Frame& frame, size_t loop, int phase);
  void emit_lanes(const Frame& frame, llvm::Value* begin, llvm::Value* end, int copies,
                  llvm::function_ref<void(Frame&, llvm::Value*)> body);
  void emit_place(Frame& frame, size_t loop, int phase);
  void step_into(Frame& frame, int32_t dimension, llvm::Value* index);
  std::pair<llvm::Value*, llvm::Value*> range(const Frame& frame, int32_t dimension);
  llvm::Value* extent(int32_t dimension) const;
  llvm::Value* lane_mask(llvm::Value* remaining);

  // Instructions (emitter_values.cpp)
  void emit_instructions(Frame& frame, int level, int phase);
  void emit_instruction(Frame& frame, size_t id, int phase);
  llvm::Value* compute(Frame& frame, const ElementInstruction& instruction, int copy, bool vector);
  llvm::Value* position(const Frame& frame, int32_t dimension, int copy, bool vector);
  /// An earlier instruction, as a vector if `vector` and there are vectors here.
  llvm::Value* value(Frame& frame, int32_t id, int copy, bool vector);
  llvm::Value* splat(llvm::Value* scalar, int lanes);
  void splat_scalars(Frame& frame);
  llvm::Constant* iota(int lanes, llvm::Type* element, int64_t first = 0);

  // Accesses (emitter_accesses.cpp)
  llvm::Value* load(Frame& frame, const ElementInstruction& instruction, int copy, bool vector);
  llvm::Value* load_lanes(Frame& frame, const ElementInstruction& instruction, int copy,
                          llvm::Value* pointer, llvm::Value* guard, llvm::Value* offsets);
  llvm::Value* load_contiguous(llvm::Type* type, llvm::Value* pointer, llvm::Value* mask,
                               llvm::Align alignment);
  void find_prefetch_distances();
  void prefetch(const Frame& frame, int32_t access, llvm::Value* pointer);
  llvm::Value* load_strided(llvm::Type* type, llvm::Value* pointer, llvm::Value* stride, int lanes);
  llvm::Value* gather(llvm::Type* type, llvm::Value* pointer, llvm::Value* offsets,
                      llvm::Value* mask, int lanes);
  void emit_stores_of(Frame& frame, int level, int phase, bool streaming);
  void store(Frame& frame, const KernelStore& store, bool vector, bool streaming);
  bool streams(size_t store) const;
  llvm::Value* may_stream(const Frame& frame, llvm::Value* lane);
  void store_strided(llvm::Value* value, llvm::Value* pointer, llvm::Value* stride,
                     llvm::Value* mask);
  void emit_stores(Frame& frame, int level, int phase);
  void save(Frame& frame, size_t saved_index);
  llvm::Value* reload(Frame& frame, size_t saved_index, int copy, bool vector);
  void find_scratch(Frame& frame);
  llvm::Value* element_pointer(DataType type, llvm::Value* pointer, llvm::Value* index);
  llvm::Value* stride(int32_t access, int32_t dimension) const;
  llvm::Value* both(llvm::Value* a, llvm::Value* b);
  llvm::Value* zeros();
  llvm::Value* to_memory(llvm::Value* value, DataType type);
  llvm::Value* from_memory(llvm::Value* value, DataType type);
  DataType operand_type(int32_t access) const;

  // Reductions (emitter_reductions.cpp)
  void start_reductions(const Frame& frame, int phase);
  void accumulate(Frame& frame, int phase);
  void widen_accumulators(int phase);
  void finish_reductions(Frame& frame, int phase);
  llvm::Value* fold_lanes(FoldKind fold, DataType type, llvm::Value* vector);
  llvm::Value* start_value(const KernelReduction& reduction, DataType accumulator);

  DataType accumulator_type(const KernelReduction& reduction) const;
  bool widens(const KernelReduction& reduction) const;
  bool widens_in(int phase) const;

  DataType type_of(int32_t id) const { return kernel_.program[static_cast<size_t>(id)].type; }

  struct Accumulators {
    llvm::SmallVector<llvm::AllocaInst*, 4> vectors;
    llvm::AllocaInst* scalar = nullptr;  // of elements that fill no vector
    // What the vectors are added to every few elements, in float64; most reductions have none.
    llvm::SmallVector<llvm::AllocaInst*, 4> wide;
  };

  /// How far ahead an access asks for its stream, in bytes: from `phase` on, and before it.
  struct PrefetchDistances {
    int phase = 0;
    llvm::Value* in_phase = nullptr;
    llvm::Value* before = nullptr;
  };

  llvm::Module& module_;
  const StitchedKernel& kernel_;
  const TargetFacts& target_;
  KernelSchedule schedule_;
  llvm::LLVMContext& context_;
  llvm::IRBuilder<> builder_;
  llvm::Function* function_ = nullptr;
  std::vector<llvm::AllocaInst*> variables_;  // become registers at the end

  llvm::Value* begin_ = nullptr;
  llvm::Value* end_ = nullptr;
  llvm::Value* lane_begin_ = nullptr;
  llvm::Value* lane_end_ = nullptr;
  llvm::Value* chunks_ = nullptr;
  llvm::Value* scratch_ = nullptr;
  llvm::Value* arguments_ = nullptr;
  llvm::Value* streaming_ = nullptr;
  std::vector<llvm::Value*> extents_;
  std::vector<std::vector<llvm::Value*>> strides_;     // null where 0
  std::vector<llvm::Value*> scratch_strides_;          // of each dimension; null where 0
  std::vector<PrefetchDistances> prefetch_distances_;  // of each access
  std::vector<Accumulators> accumulators_;             // of each reduction
};

}  // namespace mpsg
