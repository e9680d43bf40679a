#include "backends/cpu/llvm/emitter_schedule.h"

#include <algorithm>

namespace mpsg {
namespace {

bool is_function(ElementOp op) { return op >= ElementOp::exponent; }

size_t at(int32_t index) { return static_cast<size_t>(index); }

/// The deepest level among those of the dimensions in `dimensions`.
int deepest(uint32_t dimensions, const std::vector<int32_t>& nest) {
  int level = dimensions != 0 ? KernelSchedule::position_level : 0;
  for (size_t k = 0; k < nest.size(); ++k)
    if (dimensions >> nest[k] & 1) level = KernelSchedule::loop_level(static_cast<int>(k));
  return level;
}

}  // namespace

KernelSchedule::KernelSchedule(const StitchedKernel& kernel, const TargetFacts& target)
    : phase_count(kernel.phase_count()), phase(kernel.phases()) {
  const bool keeps_lane = kernel.reduces() && !kernel.lane_reduced;
  if (keeps_lane) nest.push_back(kernel.lane());
  for (int32_t d = kernel.parallel; d < kernel.lane(); ++d) nest.push_back(d);
  if (!keeps_lane) nest.push_back(kernel.lane());
  phase_loop = keeps_lane ? 1 : 0;
  place(kernel);
  saved.resize(kernel.program.size());
  const int innermost = loop_level(static_cast<int>(nest.size()) - 1);
  for (const auto id : kernel.saved)
    saved[at(id)] = level[at(id)] == innermost && !outside_phases(innermost);
  find_needed(kernel);
  choose_vectors(kernel, target);
}

void KernelSchedule::place(const StitchedKernel& kernel) {
  auto depends = kernel.dependence();
  const uint32_t lane = 1u << kernel.lane();
  for (size_t i = 0; i < depends.size(); ++i) {
    const auto& instruction = kernel.program[i];
    // Accumulators along a kept lane are vectors, whatever is folded.
    if (instruction.op == ElementOp::reduced && !kernel.lane_reduced) depends[i] |= lane;
    for (const auto operand : instruction.operands)
      if (operand >= 0) depends[i] |= depends[at(operand)];
    int where = deepest(depends[i], nest);
    if (phase[i] > 0) where = std::max(where, kernel.lane_reduced ? position_level : loop_level(0));
    level.push_back(where);
    varies.push_back(depends[i] & lane);
  }
  for (const auto& store : kernel.stores) {
    uint32_t dimensions = depends[at(store.value)];
    const auto& strides = kernel.accesses[at(store.access)].strides;
    for (size_t d = 0; d < strides.size(); ++d)
      if (strides[d] != 0) dimensions |= 1u << d;
    store_level.push_back(
        std::max({deepest(dimensions, nest), level[at(store.value)], position_level}));
    store_phase.push_back(phase[at(store.value)]);
  }
}

void KernelSchedule::find_needed(const StitchedKernel& kernel) {
  needed.assign(static_cast<size_t>(phase_count), std::vector<bool>(kernel.program.size()));
  needed_anywhere.resize(kernel.program.size());
  for (int p = 0; p < phase_count; ++p) {
    auto& wanted = needed[static_cast<size_t>(p)];
    for (const auto& reduction : kernel.reductions)
      if (phase[at(reduction.value)] == p) wanted[at(reduction.value)] = true;
    for (const auto& store : kernel.stores)
      if (phase[at(store.value)] == p) wanted[at(store.value)] = true;
    for (const auto id : kernel.saved)
      if (saved[at(id)] && phase[at(id)] == p) wanted[at(id)] = true;
    for (size_t i = wanted.size(); i-- > 0;) {
      if (!wanted[i]) continue;
      needed_anywhere[i] = true;
      if (saved[i] && phase[i] < p) continue;  // reloaded
      for (const auto operand : kernel.program[i].operands)
        if (operand >= 0) wanted[at(operand)] = true;
    }
  }
}

bool KernelSchedule::has_loops(const StitchedKernel& kernel, int in_phase) const {
  for (const auto& reduction : kernel.reductions)
    if (phase[at(reduction.value)] == in_phase) return true;
  for (size_t s = 0; s < kernel.stores.size(); ++s)
    if (store_phase[s] == in_phase && !outside_phases(store_level[s])) return true;
  return std::ranges::any_of(
      kernel.saved, [&](int32_t id) { return saved[at(id)] && phase[at(id)] == in_phase; });
}

int KernelSchedule::fetching_phase_of(const StitchedKernel& kernel, int32_t access) const {
  const bool stored = std::ranges::find(store_phase, phase_count - 1) != store_phase.end();
  for (int p = phase_count - 1 - (stored ? 1 : 0); p > 0; --p)
    for (size_t i = 0; i < kernel.program.size(); ++i) {
      const auto& instruction = kernel.program[i];
      const bool reloaded = saved[i] && phase[i] < p;
      if (instruction.op == ElementOp::load && instruction.index == access && !reloaded &&
          needed[at(p)][i])
        return p;
    }
  return 0;
}

void KernelSchedule::choose_vectors(const StitchedKernel& kernel, const TargetFacts& target) {
  // Indices are int64 whatever the data are: they do not count.
  size_t widest = 0, narrowest_moved = 8;
  bool strided = false, gathered = false;
  const auto moves = [&](DataType type, int32_t access) {
    widest = std::max(widest, size_of(type));
    narrowest_moved = std::min(narrowest_moved, size_of(type));
    const auto along = kernel.accesses[at(access)].strides[at(kernel.lane())];
    strided = strided || (along != 0 && along != 1);
  };
  for (size_t i = 0; i < kernel.program.size(); ++i) {
    const auto& instruction = kernel.program[i];
    if (!varies[i] || !needed_anywhere[i]) continue;
    const auto offset = instruction.operands[1];
    if (instruction.op == ElementOp::load) {
      moves(instruction.type, instruction.index);
      gathered = gathered || (offset >= 0 && varies[at(offset)]);
    } else if (is_floating(instruction.type) || size_of(instruction.type) < 8) {
      widest = std::max(widest, size_of(instruction.type));
    }
  }
  for (size_t s = 0; s < kernel.stores.size(); ++s)
    if (store_level[s] >= loop_level(0))
      moves(kernel.program[at(kernel.stores[s].value)].type, kernel.stores[s].access);
  if (widest == 0) widest = 8;
  lanes = std::max(2, target.vector_bytes / static_cast<int>(widest));
  // What is loaded one by one gains nothing from more, and takes longer to compile.
  if (strided || gathered) lanes = std::min(lanes, 16);
  masked_tail = target.has_avx512 || (target.has_avx2 && narrowest_moved >= 4);
  // Neighbours of what a strided vector reads are read soon again if positions come first.
  tiled = strided && !kernel.reduces() && kernel.parallel > 0;
  const bool keeps_lane = kernel.reduces() && !kernel.lane_reduced;
  if (keeps_lane && masked_tail && lanes < 64) rest_copies = 2;
  for (int p = 0; p < phase_count; ++p)
    copies.push_back(
        strided ? 1 : choose_copies(kernel, keeps_lane ? needed_anywhere : needed[at(p)], target));
}

/// Measured: more copies hide latencies, fewer are compiled sooner and fill registers less.
int KernelSchedule::choose_copies(const StitchedKernel& kernel, const std::vector<bool>& computed,
                                  const TargetFacts& target) const {
  int work = 0;
  bool functions = false;
  for (size_t i = 0; i < kernel.program.size(); ++i) {
    if (!varies[i] || !computed[i]) continue;
    ++work;
    functions = functions || is_function(kernel.program[i].op);
  }
  const bool many_registers = target.vector_registers >= 32;
  if (kernel.reduces() && !kernel.lane_reduced)
    return !many_registers ? 2 : work <= 3 && !functions ? 8 : 4;
  if (functions) return work <= 10 ? 2 : 1;
  if (kernel.reduces()) return work <= 8 ? 4 : 2;
  return work <= 24 ? 2 : 1;
}

}  // namespace mpsg
