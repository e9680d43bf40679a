// A region whose code runs over several lists of operands: all of them are one launch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/common/kernel.h"
#include "backends/cpu/bound_kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

class SegmentedStep final : public Kernel {
 public:
  SegmentedStep(std::shared_ptr<const StitchedRegion> region,
                std::shared_ptr<const CompiledKernel> code, const ThreadPool& pool);

  void run(const KernelArguments& arguments) const override;
  size_t workspace_bytes() const override;
  std::string description() const override;
  std::string source() const override;
  size_t resident_bytes() const override;

 private:
  /// What of a segment is done at one go.
  struct Piece {
    size_t segment = 0;
    int64_t begin = 0, end = 0;
    int64_t lane_begin = 0, lane_end = 0;
  };
  struct Job;

  void cut(size_t segment, int64_t pieces);
  void share_out(const std::vector<double>& costs);
  void run_piece(const Job& job, const Piece& piece, int worker) const;
  static void run_task(const void* context, int64_t index, int worker);

  std::shared_ptr<const StitchedRegion> region_;
  std::vector<std::unique_ptr<BoundKernel>> segments_;
  std::vector<Piece> pieces_;
  std::vector<size_t> tasks_;        // where the pieces of each task begin, and the end
  size_t inputs_ = 0, outputs_ = 0;  // of one segment
  size_t scratch_bytes_ = 0;         // of one worker
  bool worth_waking_ = false;
  const ThreadPool& pool_;
};

}  // namespace mpsg
