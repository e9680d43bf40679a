// Loads and stores: contiguous, strided, gathered, guarded, masked; and scratch memory.
#include <utility>

#include "backends/cpu/llvm/emitter_instructions.h"
#include "backends/cpu/llvm/emitter_kernel.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

// A stream from memory is asked for this far ahead: what processors do by themselves ends at the
// page, and a row often is one.
constexpr uint64_t prefetched_bytes = 2048;
// Of a row that is read several times, the next one is asked for, if both stay in the first cache.
constexpr uint64_t prefetched_row_bytes = 8192;
constexpr uint64_t cache_line_bytes = 64;
// False lanes of scalar guards are read here: more than any vector.
constexpr uint64_t zero_bytes = 1024;

llvm::Align alignment_of(DataType type) { return llvm::Align(size_of(type)); }

int lanes_of(const llvm::Value* value) {
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return type ? static_cast<int>(type->getNumElements()) : 1;
}

}  // namespace

using llvm::Value;

DataType KernelEmitter::operand_type(int32_t access) const {
  const auto operand = kernel_.accesses[static_cast<size_t>(access)].operand;
  return kernel_.operands[static_cast<size_t>(operand)].type;
}

Value* KernelEmitter::stride(int32_t access, int32_t dimension) const {
  return strides_[static_cast<size_t>(access)][static_cast<size_t>(dimension)];
}

Value* KernelEmitter::element_pointer(DataType type, Value* pointer, Value* index) {
  return builder_.CreateGEP(memory_type(context_, type), pointer, index);
}

Value* KernelEmitter::both(Value* a, Value* b) {
  if (!a || !b) return a ? a : b;
  return builder_.CreateAnd(a, b);
}

Value* KernelEmitter::zeros() {
  constexpr const char* name = "mpsg_zeros";
  if (auto* found = module_.getNamedGlobal(name)) return found;
  auto* type = llvm::ArrayType::get(builder_.getInt8Ty(), zero_bytes);
  auto* zeros = new llvm::GlobalVariable(module_, type, true, llvm::GlobalValue::PrivateLinkage,
                                         llvm::ConstantAggregateZero::get(type), name);
  zeros->setAlignment(llvm::Align(64));
  return zeros;
}

Value* KernelEmitter::from_memory(Value* value, DataType type) {
  if (type != DataType::boolean) return value;
  return builder_.CreateICmpNE(value, llvm::Constant::getNullValue(value->getType()));
}

Value* KernelEmitter::to_memory(Value* value, DataType type) {
  if (type != DataType::boolean) return value;
  return builder_.CreateZExt(value, type_like(value->getType(), builder_.getInt8Ty()));
}

Value* KernelEmitter::load(Frame& frame, const ElementInstruction& instruction, int copy,
                           bool vector) {
  const auto operand = [&](size_t k) -> Value* {
    const auto id = instruction.operands[k];
    return id < 0 ? nullptr : value(frame, id, copy, false);
  };
  auto* pointer = frame.pointers[static_cast<size_t>(instruction.index)];
  auto* guard = operand(0);
  auto* offset = operand(1);
  if (vector && frame.lanes.count > 1)
    return load_lanes(frame, instruction, copy, pointer, guard, offset);
  if (offset) pointer = element_pointer(instruction.type, pointer, offset);
  if (guard) pointer = builder_.CreateSelect(guard, pointer, zeros());
  return from_memory(builder_.CreateAlignedLoad(memory_type(context_, instruction.type), pointer,
                                                alignment_of(instruction.type)),
                     instruction.type);
}

Value* KernelEmitter::load_lanes(Frame& frame, const ElementInstruction& instruction, int copy,
                                 Value* pointer, Value* guard, Value* offsets) {
  const auto type = instruction.type;
  const int lanes = frame.lanes.count;
  auto* vector_type = memory_type(context_, type, lanes);
  auto* step = stride(instruction.index, kernel_.lane());
  if (step)
    pointer = element_pointer(
        type, pointer,
        builder_.CreateMul(step, builder_.getInt64(static_cast<uint64_t>(copy * lanes))));
  auto* mask = frame.lanes.mask(copy);
  if (offsets && !offsets->getType()->isVectorTy()) {
    pointer = element_pointer(type, pointer, offsets);
    offsets = nullptr;
  }
  if (guard && guard->getType()->isVectorTy()) {
    mask = both(mask, guard);
  } else if (guard) {
    pointer = builder_.CreateSelect(guard, pointer, zeros());
    if (step && !llvm::isa<llvm::ConstantInt>(step))
      step = builder_.CreateSelect(guard, step, builder_.getInt64(0));
    if (offsets)
      offsets =
          builder_.CreateSelect(guard, offsets, llvm::Constant::getNullValue(offsets->getType()));
  }
  Value* loaded = nullptr;
  auto* number = builder_.getInt64Ty();
  const bool contiguous = step && llvm::isa<llvm::ConstantInt>(step);
  // Other processors would branch for each element of a masked load.
  const bool masks = target_.has_avx512 || (target_.has_avx2 && size_of(type) >= 4);
  if (!offsets && contiguous && (!mask || masks)) {
    loaded = load_contiguous(vector_type, pointer, mask, alignment_of(type));
    if (!mask && static_cast<uint64_t>(copy * lanes) * size_of(type) % cache_line_bytes == 0)
      prefetch(frame, instruction.index, pointer);
  } else if (!offsets && step && !mask) {
    loaded = load_strided(vector_type, pointer, step, lanes);
  } else {
    if (step) {
      Value* along = iota(lanes, number);
      if (!contiguous) along = builder_.CreateMul(along, splat(step, lanes));
      offsets = offsets ? builder_.CreateAdd(offsets, along) : along;
    }
    if (!offsets) offsets = llvm::Constant::getNullValue(iota(lanes, number)->getType());
    loaded = gather(vector_type, pointer, offsets, mask, lanes);
  }
  return from_memory(loaded, type);
}

Value* KernelEmitter::load_contiguous(llvm::Type* type, Value* pointer, Value* mask,
                                      llvm::Align alignment) {
  if (!mask) return builder_.CreateAlignedLoad(type, pointer, alignment);
  return builder_.CreateMaskedLoad(type, pointer, alignment, mask,
                                   llvm::Constant::getNullValue(type));
}

/// A map that is run on a few columns of each row asks for rows to come. A row read in several
/// phases is fetched during the last of them but the one that writes, while the row before it is
/// used: the others find theirs in the cache.
void KernelEmitter::find_prefetch_distances() {
  auto* usual = builder_.getInt64(prefetched_bytes);
  prefetch_distances_.assign(kernel_.accesses.size(), {0, usual, usual});
  if (kernel_.parallel == 0 || kernel_.parallel != kernel_.lane()) return;
  if (kernel_.reduces() && !kernel_.lane_reduced) return;
  const auto rows = static_cast<size_t>(kernel_.parallel) - 1;
  auto* zero = builder_.getInt64(0);
  Value* ahead = nullptr;  // rows
  if (!kernel_.reduces()) {
    auto* columns = builder_.CreateBinaryIntrinsic(
        llvm::Intrinsic::smax, builder_.CreateSub(lane_end_, lane_begin_), builder_.getInt64(1));
    ahead = builder_.CreateUDiv(builder_.getInt64(prefetched_bytes / sizeof(float)), columns);
  }
  for (size_t a = 0; a < kernel_.accesses.size(); ++a) {
    auto& distances = prefetch_distances_[a];
    if (!strides_[a][rows]) continue;
    auto* row = builder_.CreateMul(
        strides_[a][rows], builder_.getInt64(size_of(operand_type(static_cast<int32_t>(a)))));
    distances.phase = schedule_.fetching_phase_of(kernel_, static_cast<int32_t>(a));
    if (ahead) {
      auto* many = builder_.CreateICmpEQ(ahead, zero);
      distances.in_phase = builder_.CreateSelect(many, usual, builder_.CreateMul(row, ahead));
    } else if (distances.phase > 0) {
      auto* near = builder_.CreateICmpULE(row, builder_.getInt64(prefetched_row_bytes));
      auto* next = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::umax, row, usual);
      distances.in_phase = builder_.CreateSelect(near, next, usual);
      distances.before = builder_.CreateSelect(near, zero, usual);
    }
  }
}

void KernelEmitter::prefetch(const Frame& frame, int32_t access, Value* pointer) {
  const auto& distances = prefetch_distances_[static_cast<size_t>(access)];
  auto* distance = frame.phase < distances.phase ? distances.before : distances.in_phase;
  auto* ahead = builder_.CreateGEP(builder_.getInt8Ty(), pointer, distance);
  constexpr uint32_t read = 0, keep = 3, data = 1;
  builder_.CreateIntrinsic(
      llvm::Intrinsic::prefetch, {builder_.getPtrTy()},
      {ahead, builder_.getInt32(read), builder_.getInt32(keep), builder_.getInt32(data)});
}

// One by one: no slower than gathering instructions where these are fast.
Value* KernelEmitter::load_strided(llvm::Type* type, Value* pointer, Value* stride, int lanes) {
  auto* element = type->getScalarType();
  const llvm::Align alignment(element->getPrimitiveSizeInBits() / 8);
  Value* result = llvm::PoisonValue::get(type);
  for (int i = 0; i < lanes; ++i) {
    result = builder_.CreateInsertElement(
        result, builder_.CreateAlignedLoad(element, pointer, alignment), static_cast<uint64_t>(i));
    pointer = builder_.CreateGEP(element, pointer, stride);
  }
  return result;
}

Value* KernelEmitter::gather(llvm::Type* type, Value* pointer, Value* offsets, Value* mask,
                             int lanes) {
  auto* element = type->getScalarType();
  const auto bytes = static_cast<unsigned>(element->getPrimitiveSizeInBits() / 8);
  const llvm::Align alignment(bytes);
  if (target_.has_avx2 && bytes >= 4) {
    auto* pointers = builder_.CreateGEP(element, pointer, offsets);
    if (!mask)
      mask = llvm::ConstantInt::getTrue(
          llvm::FixedVectorType::get(builder_.getInt1Ty(), static_cast<unsigned>(lanes)));
    return builder_.CreateMaskedGather(type, pointers, alignment, mask,
                                       llvm::Constant::getNullValue(type));
  }
  Value* result = llvm::PoisonValue::get(type);
  for (int i = 0; i < lanes; ++i) {
    const auto at = static_cast<uint64_t>(i);
    auto* place = builder_.CreateGEP(element, pointer, builder_.CreateExtractElement(offsets, at));
    if (mask)
      place = builder_.CreateSelect(builder_.CreateExtractElement(mask, at), place, zeros());
    result = builder_.CreateInsertElement(
        result, builder_.CreateAlignedLoad(element, place, alignment), at);
  }
  return result;
}

/// Whole vectors next to each other, written by the innermost loop.
bool KernelEmitter::streams(size_t store) const {
  if (target_.architecture != TargetArchitecture::x86_64) return false;
  if (kernel_.reduces() && !kernel_.lane_reduced) return false;
  const auto* step = stride(kernel_.stores[store].access, kernel_.lane());
  return step && llvm::isa<llvm::ConstantInt>(step);
}

/// Asked before a loop over lanes that begins at `lane`: such stores must be aligned.
Value* KernelEmitter::may_stream(const Frame& frame, Value* lane) {
  Value* places = nullptr;
  for (size_t s = 0; s < kernel_.stores.size(); ++s) {
    if (!streams(s)) continue;
    const auto& store = kernel_.stores[s];
    const auto type = type_of(store.value);
    auto* pointer = element_pointer(type, frame.pointers[static_cast<size_t>(store.access)], lane);
    auto* vector = builder_.getInt64(size_of(type) * static_cast<uint64_t>(schedule_.lanes) - 1);
    auto* over =
        builder_.CreateAnd(builder_.CreatePtrToInt(pointer, builder_.getInt64Ty()), vector);
    places = places ? builder_.CreateOr(places, over) : over;
  }
  if (!places) return nullptr;
  return builder_.CreateAnd(streaming_, builder_.CreateICmpEQ(places, builder_.getInt64(0)));
}

void KernelEmitter::emit_stores(Frame& frame, int level, int phase) {
  const bool vector = level >= KernelSchedule::loop_level(0) && frame.lanes.count > 1;
  bool streaming = false;
  for (size_t s = 0; s < kernel_.stores.size(); ++s)
    streaming = streaming || (streams(s) && schedule_.store_level[s] == level &&
                              schedule_.store_phase[s] == phase);
  if (!streaming || !vector || !frame.streaming) return emit_stores_of(frame, level, phase, false);
  auto* past = llvm::BasicBlock::Create(context_, "past_caches", function_);
  auto* through = llvm::BasicBlock::Create(context_, "through_caches", function_);
  auto* after = llvm::BasicBlock::Create(context_, "stored", function_);
  builder_.CreateCondBr(frame.streaming, past, through);
  for (const auto& [block, streaming] : {std::pair(past, true), std::pair(through, false)}) {
    builder_.SetInsertPoint(block);
    emit_stores_of(frame, level, phase, streaming);
    builder_.CreateBr(after);
  }
  builder_.SetInsertPoint(after);
}

void KernelEmitter::emit_stores_of(Frame& frame, int level, int phase, bool streaming) {
  for (size_t s = 0; s < kernel_.stores.size(); ++s)
    if (schedule_.store_level[s] == level && schedule_.store_phase[s] == phase)
      store(frame, kernel_.stores[s],
            level >= KernelSchedule::loop_level(0) && frame.lanes.count > 1,
            streaming && streams(s));
}

void KernelEmitter::store(Frame& frame, const KernelStore& store, bool vector, bool streaming) {
  const auto type = type_of(store.value);
  auto* step = stride(store.access, kernel_.lane());
  auto* base = frame.pointers[static_cast<size_t>(store.access)];
  const bool one = !vector || (!step && !schedule_.varies[static_cast<size_t>(store.value)]);
  if (vector && !one && !step) throw InternalError("a lane's elements are stored in one place");
  const bool contiguous = !one && llvm::isa<llvm::ConstantInt>(step);
  for (int copy = 0; copy < (one ? 1 : frame.lanes.copies); ++copy) {
    auto* stored = to_memory(value(frame, store.value, copy, !one), type);
    auto* pointer = base;
    if (!one && copy > 0) {
      const auto elements = static_cast<uint64_t>(copy * frame.lanes.count);
      pointer =
          element_pointer(type, pointer, builder_.CreateMul(step, builder_.getInt64(elements)));
    }
    if (streaming) {
      const llvm::Align alignment(size_of(type) * static_cast<uint64_t>(frame.lanes.count));
      auto* yes = llvm::ConstantAsMetadata::get(builder_.getInt32(1));
      builder_.CreateAlignedStore(stored, pointer, alignment)
          ->setMetadata(llvm::LLVMContext::MD_nontemporal, llvm::MDNode::get(context_, yes));
    } else if (one || (contiguous && !frame.lanes.mask(copy))) {
      builder_.CreateAlignedStore(stored, pointer, alignment_of(type));
    } else if (contiguous) {
      builder_.CreateMaskedStore(stored, pointer, alignment_of(type), frame.lanes.mask(copy));
    } else {
      store_strided(stored, pointer, step, frame.lanes.mask(copy));
    }
  }
}

void KernelEmitter::store_strided(Value* value, Value* pointer, Value* stride, Value* mask) {
  auto* element = value->getType()->getScalarType();
  const llvm::Align alignment(element->getPrimitiveSizeInBits() / 8);
  const int lanes = lanes_of(value);
  if (mask) {
    auto* offsets = builder_.CreateMul(iota(lanes, builder_.getInt64Ty()), splat(stride, lanes));
    builder_.CreateMaskedScatter(value, builder_.CreateGEP(element, pointer, offsets), alignment,
                                 mask);
    return;
  }
  for (int i = 0; i < lanes; ++i) {
    builder_.CreateAlignedStore(builder_.CreateExtractElement(value, static_cast<uint64_t>(i)),
                                pointer, alignment);
    pointer = builder_.CreateGEP(element, pointer, stride);
  }
}

/// Where each saved instruction's elements begin, and how they are laid out: row by row.
void KernelEmitter::find_scratch(Frame& frame) {
  if (kernel_.saved.empty()) return;
  scratch_strides_.resize(kernel_.extents.size() + 1);
  Value* count = builder_.getInt64(1);
  for (int32_t d = kernel_.rank(); d-- > kernel_.parallel;) {
    scratch_strides_[static_cast<size_t>(d)] = count;
    count = builder_.CreateMul(count, extent(d));
  }
  auto* pointer = scratch_;
  for (const auto id : kernel_.saved) {
    frame.scratch.push_back(pointer);
    constexpr uint64_t alignment = 64;
    auto* bytes = builder_.CreateMul(count, builder_.getInt64(size_of(type_of(id))));
    bytes = builder_.CreateAnd(builder_.CreateAdd(bytes, builder_.getInt64(alignment - 1)),
                               builder_.getInt64(~(alignment - 1)));
    pointer = builder_.CreateGEP(builder_.getInt8Ty(), pointer, bytes);
  }
}

void KernelEmitter::save(Frame& frame, size_t saved_index) {
  const auto id = kernel_.saved[saved_index];
  const auto type = type_of(id);
  const bool vector = schedule_.varies[static_cast<size_t>(id)];
  for (int copy = 0; copy < (vector ? frame.lanes.copies : 1); ++copy) {
    auto* stored = to_memory(value(frame, id, copy, false), type);
    auto* pointer =
        element_pointer(type, frame.scratch[saved_index],
                        builder_.getInt64(static_cast<uint64_t>(copy * frame.lanes.count)));
    if (vector && frame.lanes.mask(copy))
      builder_.CreateMaskedStore(stored, pointer, alignment_of(type), frame.lanes.mask(copy));
    else builder_.CreateAlignedStore(stored, pointer, alignment_of(type));
  }
}

Value* KernelEmitter::reload(Frame& frame, size_t saved_index, int copy, bool vector) {
  const auto type = type_of(kernel_.saved[saved_index]);
  const int lanes = vector ? frame.lanes.count : 1;
  auto* pointer = element_pointer(type, frame.scratch[saved_index],
                                  builder_.getInt64(static_cast<uint64_t>(copy * lanes)));
  return from_memory(load_contiguous(memory_type(context_, type, lanes), pointer,
                                     vector ? frame.lanes.mask(copy) : nullptr, alignment_of(type)),
                     type);
}

}  // namespace mpsg
