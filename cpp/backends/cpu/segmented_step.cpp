#include "backends/cpu/segmented_step.h"

#include <algorithm>
#include <array>
#include <utility>

#include "backends/cpu/element_costs.h"
#include "backends/cpu/stitched_step.h"
#include "backends/cpu/task_costs.h"

namespace mpsg {

struct SegmentedStep::Job {
  const SegmentedStep& step;
  const KernelArguments& arguments;
};

SegmentedStep::SegmentedStep(std::shared_ptr<const StitchedRegion> region,
                             std::shared_ptr<const CompiledKernel> code, const ThreadPool& pool)
    : region_(std::move(region)), pool_(pool) {
  inputs_ = static_cast<size_t>(region_->kernel.input_count());
  outputs_ = region_->kernel.operands.size() - inputs_;
  const auto each = static_cast<double>(element_cost(region_->kernel));
  std::vector<double> costs;
  for (size_t i = 0; i < region_->segment_count(); ++i) {
    const auto kernel = region_->segment(i);
    segments_.push_back(std::make_unique<BoundKernel>(kernel, code));
    costs.push_back(each * static_cast<double>(kernel.elements()));
    scratch_bytes_ = std::max(scratch_bytes_, segments_.back()->scratch_bytes());
  }
  share_out(costs);
}

/// From sizes and the number of threads only: large segments are cut, small ones share a task.
void SegmentedStep::share_out(const std::vector<double>& costs) {
  double all = 0;
  for (const auto cost : costs) all += cost;
  worth_waking_ = all > worth_waking_cost;
  const int threads = pool_.threads();
  const auto most = static_cast<double>(threads > 1 ? threads * tasks_per_thread : 1);
  const double of_task = std::max(all / most, double{least_task_cost});
  double taken = 0;
  tasks_.push_back(0);
  for (size_t i = 0; i < segments_.size(); ++i) {
    const auto first = pieces_.size();
    cut(i, static_cast<int64_t>(costs[i] / of_task));
    const auto count = pieces_.size() - first;
    for (size_t piece = first; piece < pieces_.size(); ++piece) {
      const auto cost = costs[i] / static_cast<double>(count);
      if (taken > 0 && taken + cost > of_task) {
        tasks_.push_back(piece);
        taken = 0;
      }
      taken += cost;
    }
  }
  tasks_.push_back(pieces_.size());
}

void SegmentedStep::cut(size_t segment, int64_t pieces) {
  const auto& kernel = *segments_[segment];
  const auto rows = kernel.positions(), lane = kernel.lane();
  if (rows == 0 || (kernel.is_map() && lane == 0)) return;
  pieces = std::max<int64_t>(pieces, 1);
  const auto height = divided_up(rows, std::min(rows, pieces));
  auto width = lane;
  if (rows < pieces && kernel.is_map())
    width =
        divided_up(divided_up(lane, divided_up(pieces, rows)), lane_granularity) * lane_granularity;
  for (int64_t row = 0; row < rows; row += height)
    for (int64_t column = 0; column < lane; column += width)
      pieces_.push_back(
          {segment, row, std::min(row + height, rows), column, std::min(column + width, lane)});
}

void SegmentedStep::run_piece(const Job& job, const Piece& piece, int worker) const {
  std::array<void*, most_operands> operands;
  const auto inputs = job.arguments.inputs.subspan(piece.segment * inputs_, inputs_);
  const auto outputs = job.arguments.outputs.subspan(piece.segment * outputs_, outputs_);
  std::copy(outputs.begin(), outputs.end(),
            std::copy(inputs.begin(), inputs.end(), operands.begin()));
  segments_[piece.segment]->run(operands.data(), piece.begin, piece.end, piece.lane_begin,
                                piece.lane_end,
                                static_cast<std::byte*>(job.arguments.workspace) +
                                    scratch_bytes_ * static_cast<size_t>(worker));
}

void SegmentedStep::run_task(const void* context, int64_t index, int worker) {
  const auto& job = *static_cast<const Job*>(context);
  const auto& step = job.step;
  const auto at = static_cast<size_t>(index);
  for (auto piece = step.tasks_[at]; piece < step.tasks_[at + 1]; ++piece)
    step.run_piece(job, step.pieces_[piece], worker);
}

void SegmentedStep::run(const KernelArguments& arguments) const {
  const Job job{*this, arguments};
  const auto tasks = static_cast<int64_t>(tasks_.size()) - 1;
  if (tasks > 1 && (worth_waking_ || pool_.awake())) return pool_.run_tasks(tasks, run_task, &job);
  for (const auto& piece : pieces_) run_piece(job, piece, 0);
}

size_t SegmentedStep::workspace_bytes() const {
  return scratch_bytes_ * static_cast<size_t>(tasks_.size() > 2 ? pool_.threads() : 1);
}

std::string SegmentedStep::description() const {
  const auto tasks = tasks_.size() - 1;
  return segments_[0]->code().name() + ", " + std::to_string(segments_.size()) + " segments" +
         (tasks > 1 ? ", " + std::to_string(tasks) + " tasks" : "");
}

std::string SegmentedStep::source() const { return source_of(*region_); }

size_t SegmentedStep::resident_bytes() const {
  return segments_[0]->code().code_bytes() + segments_.size() * sizeof(BoundKernel) +
         pieces_.size() * sizeof(Piece);
}

}  // namespace mpsg
