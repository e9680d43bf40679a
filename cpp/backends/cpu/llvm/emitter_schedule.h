// Where each instruction of a stitched kernel is computed: in which loop, in which phases, for one
// element or for a vector of lanes.
#pragma once

#include <cstdint>
#include <vector>

#include "backends/cpu/llvm/target.h"
#include "graph/stitched_kernel.h"

namespace mpsg {

/// Levels: 0 is once for a call, 1 once for a position of the parallel dimensions, 2 + k within
/// loop k of the nest.
struct KernelSchedule {
  KernelSchedule(const StitchedKernel& kernel, const TargetFacts& target);

  static constexpr int position_level = 1;
  static constexpr int loop_level(int loop) { return 2 + loop; }

  /// Dimensions walked within a position, outermost first.
  std::vector<int32_t> nest;
  /// The loops of the nest from this one on run once for each phase.
  int phase_loop = 0;
  int phase_count = 1;
  std::vector<int> level, phase;  // of each instruction
  std::vector<bool> varies;       // along the lane: it is a vector
  std::vector<bool> saved;        // those of the kernel's that the innermost loop computes
  std::vector<int> store_level, store_phase;
  /// For each phase, the instructions that its loops compute (or reload).
  std::vector<std::vector<bool>> needed;
  std::vector<bool> needed_anywhere;

  int lanes = 1;             // elements of a vector
  std::vector<int> copies;   // vectors that a turn of each phase's main loop computes side by side
  int rest_copies = 1;       // the same for what is left, if it is masked
  bool tiled = false;        // a map runs over all positions for a few lanes at a time
  bool masked_tail = false;  // else what fills no vector is computed one by one

  bool outside_phases(int at_level) const { return at_level < loop_level(phase_loop); }
  /// Has the phase anything to do in its loops?
  bool has_loops(const StitchedKernel& kernel, int in_phase) const;
  /// The phase during which an access's next row is fetched: the last that loads through it, but
  /// for one that writes. 0: the first, or none.
  int fetching_phase_of(const StitchedKernel& kernel, int32_t access) const;

 private:
  void place(const StitchedKernel& kernel);
  void find_needed(const StitchedKernel& kernel);
  void choose_vectors(const StitchedKernel& kernel, const TargetFacts& target);
  int choose_copies(const StitchedKernel& kernel, const std::vector<bool>& computed,
                    const TargetFacts& target) const;
};

}  // namespace mpsg
