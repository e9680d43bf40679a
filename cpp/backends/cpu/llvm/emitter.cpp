#include "backends/cpu/llvm/emitter.h"

#include <llvm/IR/Dominators.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/Transforms/Utils/PromoteMemToReg.h>

#include <cstddef>

#include "backends/cpu/llvm/emitter_kernel.h"

namespace mpsg {

using llvm::Value;

KernelEmitter::KernelEmitter(llvm::Module& module, const StitchedKernel& kernel,
                             const std::string& name, const TargetFacts& target)
    : module_(module),
      kernel_(kernel),
      target_(target),
      schedule_(kernel, target),
      context_(module.getContext()),
      builder_(context_),
      accumulators_(kernel.reductions.size()) {
  auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {builder_.getPtrTy()}, false);
  function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
  function_->addParamAttr(0, llvm::Attribute::NoAlias);
  function_->addParamAttr(0, llvm::Attribute::ReadOnly);
}

Value* KernelEmitter::call_field(size_t offset, llvm::Type* type, const char* name) {
  auto* pointer =
      builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), function_->getArg(0), offset);
  return builder_.CreateAlignedLoad(type, pointer, llvm::Align(8), name);
}

Value* KernelEmitter::element_of(Value* array, size_t index, const char* name) {
  auto* type = builder_.getInt64Ty();
  auto* pointer = builder_.CreateConstInBoundsGEP1_64(type, array, index);
  return builder_.CreateAlignedLoad(type, pointer, llvm::Align(8), name);
}

/// The fields of the call; what no instruction uses goes away by itself.
void KernelEmitter::read_call() {
  auto* number = builder_.getInt64Ty();
  auto* pointer = builder_.getPtrTy();
  begin_ = call_field(offsetof(KernelCall, begin), number, "begin");
  end_ = call_field(offsetof(KernelCall, end), number, "end");
  auto* extents = call_field(offsetof(KernelCall, extents), pointer, "extents");
  auto* strides = call_field(offsetof(KernelCall, strides), pointer, "strides");
  for (size_t d = 0; d < kernel_.extents.size(); ++d)
    extents_.push_back(element_of(extents, d, "extent"));
  chunks_ = builder_.getInt64(1);
  if (kernel_.chunks > 1) chunks_ = call_field(offsetof(KernelCall, chunks), number, "chunks");
  lane_begin_ = builder_.getInt64(0);
  lane_end_ = extents_.back();
  if (!kernel_.reduces()) {
    lane_begin_ = call_field(offsetof(KernelCall, lane_begin), number, "lane_begin");
    lane_end_ = call_field(offsetof(KernelCall, lane_end), number, "lane_end");
  }
  const size_t dimensions = kernel_.extents.size() + 1;
  for (size_t a = 0; a < kernel_.accesses.size(); ++a) {
    auto& of_access = strides_.emplace_back();
    for (size_t d = 0; d < dimensions; ++d) {
      const auto known = kernel_.accesses[a].strides[d];
      const bool lane = static_cast<int32_t>(d) == kernel_.lane();
      if (known == 0) of_access.push_back(nullptr);
      else if (known == 1 && lane) of_access.push_back(builder_.getInt64(1));
      else of_access.push_back(element_of(strides, a * dimensions + d, "stride"));
    }
  }
  for (size_t s = 0; s < kernel_.stores.size(); ++s)
    if (streams(s) && !streaming_)
      streaming_ = builder_.CreateICmpNE(
          call_field(offsetof(KernelCall, streaming), builder_.getInt8Ty(), "streaming"),
          builder_.getInt8(0));
  find_prefetch_distances();
  if (!kernel_.arguments.empty())
    arguments_ = call_field(offsetof(KernelCall, arguments), pointer, "arguments");
  if (!kernel_.saved.empty())
    scratch_ = call_field(offsetof(KernelCall, scratch), pointer, "scratch");
}

llvm::AllocaInst* KernelEmitter::variable(llvm::Type* type, const char* name) {
  auto& entry = function_->getEntryBlock();
  llvm::IRBuilder<> at_entry(&entry, entry.begin());
  variables_.push_back(at_entry.CreateAlloca(type, nullptr, name));
  return variables_.back();
}

/// for (index = begin; index < end; index += step) body(index)
void KernelEmitter::emit_loop(Value* begin, Value* end, int64_t step, const char* name, Body body) {
  auto* before = builder_.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(context_, name, function_);
  auto* after = llvm::BasicBlock::Create(context_, "after", function_);
  builder_.CreateCondBr(builder_.CreateICmpSLT(begin, end), loop, after);
  builder_.SetInsertPoint(loop);
  auto* index = builder_.CreatePHI(builder_.getInt64Ty(), 2, name);
  index->addIncoming(begin, before);
  body(index);
  auto* next = builder_.CreateNSWAdd(index, builder_.getInt64(static_cast<uint64_t>(step)));
  index->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, end), loop, after);
  after->moveAfter(builder_.GetInsertBlock());
  builder_.SetInsertPoint(after);
}

Value* KernelEmitter::extent(int32_t dimension) const {
  return dimension == kernel_.rank() ? chunks_ : extents_[static_cast<size_t>(dimension)];
}

/// Places along `dimensions` of a flattened position, the last one innermost.
std::vector<llvm::AllocaInst*> KernelEmitter::decode(Value* position,
                                                     const std::vector<int32_t>& dimensions) {
  std::vector<llvm::AllocaInst*> places(dimensions.size());
  for (size_t k = dimensions.size(); k-- > 0;) {
    places[k] = variable(builder_.getInt64Ty(), "place");
    auto* place = position;
    if (k > 0) {
      place = builder_.CreateURem(position, extent(dimensions[k]));
      position = builder_.CreateUDiv(position, extent(dimensions[k]));
    }
    builder_.CreateStore(place, places[k]);
  }
  return places;
}

/// To the next position, without a division.
void KernelEmitter::advance(const std::vector<llvm::AllocaInst*>& places,
                            const std::vector<int32_t>& dimensions) {
  auto* number = builder_.getInt64Ty();
  Value* carry = builder_.getInt64(1);
  for (size_t k = places.size(); k-- > 0;) {
    auto* next = builder_.CreateAdd(builder_.CreateLoad(number, places[k]), carry);
    if (k == 0) {
      builder_.CreateStore(next, places[k]);
      break;
    }
    auto* full = builder_.CreateICmpEQ(next, extent(dimensions[k]));
    builder_.CreateStore(builder_.CreateSelect(full, builder_.getInt64(0), next), places[k]);
    carry = builder_.CreateZExt(full, number);
  }
}

/// A map that is tiled walks all positions for one vector of lanes, then for the next.
void KernelEmitter::emit_tiles(const Frame& frame) {
  if (!schedule_.tiled) return emit_positions(frame);
  auto* const begin = lane_begin_;
  auto* const end = lane_end_;
  emit_loop(begin, end, schedule_.lanes, "tile", [&](Value* tile) {
    auto* width = builder_.getInt64(static_cast<uint64_t>(schedule_.lanes));
    lane_begin_ = tile;
    lane_end_ =
        builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, builder_.CreateAdd(tile, width), end);
    emit_positions(frame);
  });
  lane_begin_ = begin;
  lane_end_ = end;
}

/// The loop over positions of the parallel dimensions and the chunk.
void KernelEmitter::emit_positions(const Frame& frame) {
  std::vector<int32_t> dimensions;
  for (int32_t d = 0; d < kernel_.parallel; ++d) dimensions.push_back(d);
  if (kernel_.chunks > 1) dimensions.push_back(kernel_.rank());
  if (dimensions.empty()) {  // the only position
    Frame here = frame;
    return emit_position(here);
  }
  std::vector<llvm::AllocaInst*> places;
  if (dimensions.size() > 1) places = decode(begin_, dimensions);
  emit_loop(begin_, end_, 1, "position", [&](Value* index) {
    Frame here = frame;
    for (size_t k = 0; k < dimensions.size(); ++k) {
      auto* place = places.empty() ? index : builder_.CreateLoad(builder_.getInt64Ty(), places[k]);
      step_into(here, dimensions[k], place);
    }
    emit_position(here);
    if (!places.empty()) advance(places, dimensions);
  });
}

void KernelEmitter::emit_position(Frame& frame) {
  emit_instructions(frame, KernelSchedule::position_level, 0);
  emit_stores(frame, KernelSchedule::position_level, 0);
  if (schedule_.phase_loop == 0) emit_phases(frame);
  else emit_nest(frame, 0, 0);
}

/// Moves the pointers to `index` along a dimension.
void KernelEmitter::step_into(Frame& frame, int32_t dimension, Value* index) {
  const auto d = static_cast<size_t>(dimension);
  frame.positions[d] = index;
  for (size_t a = 0; a < strides_.size(); ++a)
    if (strides_[a][d])
      frame.pointers[a] = element_pointer(operand_type(static_cast<int32_t>(a)), frame.pointers[a],
                                          builder_.CreateMul(index, strides_[a][d]));
  if (scratch_strides_.empty() || !scratch_strides_[d]) return;
  for (size_t k = 0; k < kernel_.saved.size(); ++k)
    frame.scratch[k] = element_pointer(type_of(kernel_.saved[k]), frame.scratch[k],
                                       builder_.CreateMul(index, scratch_strides_[d]));
}

/// The loops over the reduced dimensions, once for each phase, and what follows from each.
void KernelEmitter::emit_phases(Frame& frame) {
  const int outside =
      schedule_.phase_loop == 0 ? KernelSchedule::position_level : KernelSchedule::loop_level(0);
  for (int phase = 0; phase < schedule_.phase_count; ++phase) {
    frame.phase = phase;
    if (phase > 0) {
      emit_instructions(frame, outside, phase);
      emit_stores(frame, outside, phase);
    }
    if (!schedule_.has_loops(kernel_, phase)) continue;
    start_reductions(frame, phase);
    splat_scalars(frame);
    emit_nest(frame, static_cast<size_t>(schedule_.phase_loop), phase);
    finish_reductions(frame, phase);
  }
}

/// Loop `loop` of the nest and all within; behind the innermost, what is done with each element.
void KernelEmitter::emit_nest(const Frame& frame, size_t loop, int phase) {
  if (loop == schedule_.nest.size()) {
    Frame here = frame;
    accumulate(here, phase);
    if (loop == 1 && widens_in(phase)) widen_accumulators(phase);
    return;
  }
  const auto dimension = schedule_.nest[loop];
  const auto [begin, end] = range(frame, dimension);
  if (dimension == kernel_.lane())
    return emit_lanes(frame, begin, end, schedule_.copies[static_cast<size_t>(phase)],
                      [&](Frame& here, Value* index) {
                        step_into(here, dimension, index);
                        emit_place(here, loop, phase);
                      });
  const auto walk = [&, this](Value* index) {
    Frame here = frame;
    step_into(here, dimension, index);
    emit_place(here, loop, phase);
  };
  if (loop + 1 < schedule_.nest.size() || !widens_in(phase))
    return emit_loop(begin, end, 1, "reduced", walk);
  constexpr int64_t few = 64;
  auto* const last = end;
  emit_loop(begin, last, few, "few", [&](Value* first) {
    auto* sum = builder_.CreateAdd(first, builder_.getInt64(few));
    auto* stop = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, sum, last);
    emit_loop(first, stop, 1, "reduced", walk);
    widen_accumulators(phase);
  });
}

void KernelEmitter::emit_place(Frame& frame, size_t loop, int phase) {
  const int level = KernelSchedule::loop_level(static_cast<int>(loop));
  emit_instructions(frame, level, phase);
  emit_stores(frame, level, phase);
  if (loop + 1 == static_cast<size_t>(schedule_.phase_loop)) emit_phases(frame);
  else emit_nest(frame, loop + 1, phase);
}

/// What of a dimension is walked: all, or the chunk's piece.
std::pair<Value*, Value*> KernelEmitter::range(const Frame& frame, int32_t dimension) {
  if (dimension == kernel_.lane() && !kernel_.reduces()) return {lane_begin_, lane_end_};
  auto* all = extent(dimension);
  if (kernel_.chunks <= 1 || dimension != kernel_.parallel ||
      (dimension == kernel_.lane() && !kernel_.lane_reduced))
    return {builder_.getInt64(0), all};
  auto* sum = builder_.CreateSub(builder_.CreateAdd(all, chunks_), builder_.getInt64(1));
  auto* piece = builder_.CreateUDiv(sum, chunks_);
  auto* chunk = frame.positions[static_cast<size_t>(kernel_.rank())];
  auto* begin = builder_.CreateMul(chunk, piece);
  auto* end =
      builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, builder_.CreateAdd(begin, piece), all);
  return {begin, end};
}

/// Which of a vector's elements are among the `remaining` ones.
Value* KernelEmitter::lane_mask(Value* remaining) {
  const int lanes = schedule_.lanes;
  auto* most = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, remaining,
                                              builder_.getInt64(static_cast<uint64_t>(lanes)));
  if (schedule_.rest_copies > 1)
    most = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, most, builder_.getInt64(0));
  if (target_.has_avx512) {  // a mask register is a word of bits
    auto* word = builder_.getIntNTy(static_cast<unsigned>(lanes));
    auto* missing = builder_.CreateSub(builder_.getInt64(static_cast<uint64_t>(lanes)), most);
    auto* wide = lanes < 32 ? builder_.getInt32Ty() : builder_.getInt64Ty();
    auto* ones =
        llvm::ConstantInt::get(wide, lanes == 64 ? ~uint64_t{0} : (uint64_t{1} << lanes) - 1);
    auto* bits = builder_.CreateLShr(ones, builder_.CreateTrunc(missing, wide));
    return builder_.CreateBitCast(
        builder_.CreateTrunc(bits, word),
        llvm::FixedVectorType::get(builder_.getInt1Ty(), static_cast<unsigned>(lanes)));
  }
  auto* element = lanes <= 4 ? builder_.getInt64Ty() : builder_.getInt32Ty();
  auto* count = splat(builder_.CreateTrunc(most, element), lanes);
  return builder_.CreateICmpSLT(iota(lanes, element), count);
}

/// Full vectors, several at a time; then what is left.
void KernelEmitter::emit_lanes(const Frame& frame, Value* begin, Value* end, int copies,
                               llvm::function_ref<void(Frame&, Value*)> body) {
  const int lanes = schedule_.lanes;
  const int64_t step = int64_t{lanes} * copies;
  Frame outer = frame;
  outer.lanes = {lanes, copies, {}};
  splat_scalars(outer);
  auto* count = builder_.CreateAnd(builder_.CreateSub(end, begin),
                                   builder_.getInt64(static_cast<uint64_t>(-step)));
  auto* full_end = builder_.CreateAdd(begin, count);
  auto* streaming = streaming_ ? may_stream(outer, begin) : nullptr;
  emit_loop(begin, full_end, step, "vectors", [&](Value* index) {
    Frame here = outer;
    here.streaming = streaming;
    body(here, index);
  });
  auto* rest_begin = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, begin, full_end);
  const int64_t rest_step = schedule_.masked_tail ? int64_t{lanes} * schedule_.rest_copies : 1;
  emit_loop(rest_begin, end, rest_step, "rest", [&](Value* index) {
    Frame here = schedule_.masked_tail ? outer : frame;
    if (schedule_.masked_tail) here.lanes = {lanes, schedule_.rest_copies, {}};
    for (int copy = 0; schedule_.masked_tail && copy < schedule_.rest_copies; ++copy)
      here.lanes.masks.push_back(lane_mask(builder_.CreateSub(
          builder_.CreateSub(end, index), builder_.getInt64(static_cast<uint64_t>(copy * lanes)))));
    body(here, index);
  });
}

void KernelEmitter::emit() {
  builder_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", function_));
  read_call();
  auto* work = llvm::BasicBlock::Create(context_, "work", function_);
  auto* none = llvm::BasicBlock::Create(context_, "none", function_);
  builder_.CreateCondBr(builder_.CreateICmpSLT(begin_, end_), work, none);
  builder_.SetInsertPoint(none);
  builder_.CreateRetVoid();
  builder_.SetInsertPoint(work);

  Frame frame;
  frame.scalars.resize(kernel_.program.size());
  frame.splats.resize(kernel_.program.size());
  frame.vectors.resize(kernel_.program.size());
  frame.positions.resize(kernel_.extents.size() + 1);
  auto* operands = call_field(offsetof(KernelCall, operands), builder_.getPtrTy(), "operands");
  auto* offsets = call_field(offsetof(KernelCall, offsets), builder_.getPtrTy(), "offsets");
  for (size_t a = 0; a < kernel_.accesses.size(); ++a) {
    auto* slot = builder_.CreateConstInBoundsGEP1_64(
        builder_.getPtrTy(), operands, static_cast<uint64_t>(kernel_.accesses[a].operand));
    auto* base = builder_.CreateAlignedLoad(builder_.getPtrTy(), slot, llvm::Align(8), "operand");
    frame.pointers.push_back(element_pointer(operand_type(static_cast<int32_t>(a)), base,
                                             element_of(offsets, a, "offset")));
  }
  find_scratch(frame);
  emit_instructions(frame, 0, 0);
  emit_stores(frame, 0, 0);
  emit_tiles(frame);
  // Such stores wait for no other: what the caller says of their end must come after them.
  if (streaming_) {
    auto* fence = llvm::BasicBlock::Create(context_, "fence", function_);
    builder_.CreateCondBr(streaming_, fence, none);
    builder_.SetInsertPoint(fence);
    builder_.CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {}, {});
  }
  builder_.CreateBr(none);

  llvm::DominatorTree dominators(*function_);
  llvm::PromoteMemToReg(variables_, dominators);
}

void emit_kernel(llvm::Module& module, const StitchedKernel& kernel,
                 const std::string& function_name, const TargetFacts& target) {
  KernelEmitter(module, kernel, function_name, target).emit();
}

}  // namespace mpsg
