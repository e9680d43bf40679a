#include "backends/cpu/stitched_step.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <utility>

#include "backends/cpu/bound_kernel.h"
#include "backends/cpu/element_costs.h"
#include "backends/cpu/segmented_step.h"
#include "backends/cpu/task_costs.h"
#include "graph/op_schema.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

/// How a kernel's domain is cut into tasks: from its shape and the number of threads only.
struct Split {
  int64_t positions = 1;  // of one task
  int64_t lanes = 1;
  int64_t lane_pieces = 1;
  int64_t tasks = 0;
  bool worth_waking = false;  // of sleeping threads?

  Split(const StitchedKernel& kernel, const BoundKernel& bound, int threads) {
    const int64_t rows = bound.positions();
    const int64_t lane = bound.lane();
    positions = rows;
    lanes = lane;
    if (rows == 0 || (bound.is_map() && lane == 0)) return;
    const auto cost =
        static_cast<double>(element_cost(kernel)) * static_cast<double>(kernel.elements());
    worth_waking = cost > worth_waking_cost;
    tasks = 1;
    const auto most = static_cast<double>(threads > 1 ? threads * tasks_per_thread : 1);
    const auto wanted = static_cast<int64_t>(std::min(most, cost / least_task_cost));
    if (wanted <= 1) return;
    positions = divided_up(rows, std::min(rows, wanted));
    if (rows < wanted && bound.is_map()) {
      lanes = divided_up(divided_up(lane, divided_up(wanted, rows)), lane_granularity) *
              lane_granularity;
      lane_pieces = divided_up(lane, lanes);
    }
    tasks = divided_up(rows, positions) * lane_pieces;
  }
};

/// The kernel of a region without a root; also the epilogue of a root that reports no tiles.
class StitchedStep {
 public:
  StitchedStep(const StitchedKernel& kernel, std::shared_ptr<const CompiledKernel> code,
               const ThreadPool& pool)
      : kernel_(kernel, std::move(code)), split_(kernel, kernel_, pool.threads()), pool_(pool) {}

  const BoundKernel& kernel() const { return kernel_; }
  int64_t tasks() const { return split_.tasks; }
  size_t workspace_bytes() const {
    return kernel_.scratch_bytes() * static_cast<size_t>(split_.tasks > 1 ? pool_.threads() : 1);
  }

  void run(void* const* operands, void* workspace) const {
    if (split_.tasks > 1 && (split_.worth_waking || pool_.awake())) {
      const Job job{*this, operands, static_cast<std::byte*>(workspace)};
      pool_.run_tasks(split_.tasks, run_task, &job);
    } else if (split_.tasks > 0) {
      kernel_.run(operands, 0, kernel_.positions(), 0, kernel_.lane(), workspace);
    }
  }

 private:
  struct Job {
    const StitchedStep& step;
    void* const* operands;
    std::byte* workspace;
  };

  static void run_task(const void* context, int64_t index, int worker) {
    const auto& job = *static_cast<const Job*>(context);
    const auto& kernel = job.step.kernel_;
    const auto& split = job.step.split_;
    const int64_t begin = index / split.lane_pieces * split.positions;
    const int64_t lane_begin = index % split.lane_pieces * split.lanes;
    kernel.run(job.operands, begin, std::min(begin + split.positions, kernel.positions()),
               lane_begin, std::min(lane_begin + split.lanes, kernel.lane()),
               job.workspace + kernel.scratch_bytes() * static_cast<size_t>(worker));
  }

  BoundKernel kernel_;
  Split split_;
  const ThreadPool& pool_;
};

std::string describe(const StitchedStep& step) {
  return step.kernel().code().name() +
         (step.tasks() > 1 ? ", " + std::to_string(step.tasks()) + " tasks" : "");
}

class RegionStep final : public Kernel {
 public:
  RegionStep(std::shared_ptr<const StitchedRegion> region,
             std::shared_ptr<const CompiledKernel> code, const ThreadPool& pool)
      : region_(std::move(region)), step_(region_->kernel, std::move(code), pool) {}

  void run(const KernelArguments& arguments) const override {
    const auto inputs = arguments.inputs;
    const auto outputs = arguments.outputs;
    if (inputs.data() + inputs.size() == outputs.data())
      return step_.run(inputs.data(), arguments.workspace);
    std::array<void*, most_operands> operands;
    std::copy(outputs.begin(), outputs.end(),
              std::copy(inputs.begin(), inputs.end(), operands.begin()));
    step_.run(operands.data(), arguments.workspace);
  }
  size_t workspace_bytes() const override { return step_.workspace_bytes(); }
  std::string description() const override { return describe(step_); }
  std::string source() const override { return source_of(*region_); }
  size_t resident_bytes() const override { return step_.kernel().code().code_bytes(); }

 private:
  std::shared_ptr<const StitchedRegion> region_;
  StitchedStep step_;
};

/// How the rows and columns of a root's result lie in the epilogue's domain.
struct Matrix {
  int64_t rows = 1;
  int64_t columns = 1;
  bool flat = false;  // all of it is one lane

  Matrix(const Shape& shape, const BoundKernel& kernel) {
    const auto count = *shape.element_count();
    columns = shape.rank() > 0 ? shape[shape.rank() - 1] : 1;
    rows = columns > 0 ? count / columns : 0;
    if (!kernel.is_map()) return;
    const bool same = kernel.positions() == rows && kernel.lane() == columns;
    flat = !same && kernel.positions() == 1 && kernel.lane() == count;
    if (count > 0 && !same && !flat)
      throw InternalError("an epilogue over " + std::to_string(kernel.positions()) + " x " +
                          std::to_string(kernel.lane()) + " elements of " + shape.to_string());
  }
};

/// Runs the epilogue on each part of the root's result while it is in cache.
class EpilogueOnTiles final : public TileListener {
 public:
  EpilogueOnTiles(const BoundKernel& kernel, const Matrix& matrix, void* const* operands)
      : kernel_(kernel), matrix_(matrix), operands_(operands) {}

  void finished(int64_t row_begin, int64_t row_end, int64_t column_begin,
                int64_t column_end) const override {
    if (!matrix_.flat) {
      kernel_.run(operands_, row_begin, row_end, column_begin, column_end, nullptr);
      return;
    }
    const auto columns = matrix_.columns;
    if (column_begin == 0 && column_end == columns) {
      kernel_.run(operands_, 0, 1, row_begin * columns, row_end * columns, nullptr);
      return;
    }
    for (int64_t row = row_begin; row < row_end; ++row)
      kernel_.run(operands_, 0, 1, row * columns + column_begin, row * columns + column_end,
                  nullptr);
  }

 private:
  const BoundKernel& kernel_;
  const Matrix& matrix_;
  void* const* operands_;
};

/// How an epilogue that folds rows cuts them.
struct Pieces {
  int64_t count = 0;  // 0: it folds nothing
  int64_t rows = 0;   // of each but the last

  explicit Pieces(const StitchedKernel& kernel) {
    if (!kernel.reduces()) return;
    if (kernel.chunks < 2 || kernel.parallel > 0 || kernel.lane_reduced || kernel.rank() < 2)
      throw InternalError("an epilogue that does not fold pieces of rows\n" + kernel.to_text());
    count = kernel.chunks;
    rows = divided_up(kernel.extents.front(), count);
    for (int32_t d = 1; d < kernel.lane(); ++d) rows *= kernel.extents[static_cast<size_t>(d)];
  }
};

/// Runs the epilogue on each piece of the rows when all of it is final: whoever finishes its last
/// part still has that in cache. The order of tiles changes nothing in a piece.
class EpilogueOnPieces final : public TileListener {
 public:
  using Left = std::atomic<int64_t>;  // elements of a piece that are not final

  EpilogueOnPieces(const BoundKernel& kernel, const Matrix& matrix, const Pieces& pieces,
                   void* const* operands, void* counters)
      : kernel_(kernel), pieces_(pieces), operands_(operands), left_(static_cast<Left*>(counters)) {
    for (int64_t piece = 0; piece < pieces.count; ++piece)
      std::construct_at(left_ + piece,
                        std::min(pieces.rows, matrix.rows - piece * pieces.rows) * matrix.columns);
  }

  void finished(int64_t row_begin, int64_t row_end, int64_t column_begin,
                int64_t column_end) const override {
    const int64_t columns = column_end - column_begin;
    for (int64_t row = row_begin; columns > 0 && row < row_end;) {
      const int64_t piece = row / pieces_.rows;
      const int64_t end = std::min(row_end, (piece + 1) * pieces_.rows);
      const int64_t elements = (end - row) * columns;
      if (left_[piece].fetch_sub(elements, std::memory_order_acq_rel) == elements)
        kernel_.run(operands_, piece, piece + 1, 0, kernel_.lane(), nullptr);
      row = end;
    }
  }

 private:
  const BoundKernel& kernel_;
  const Pieces& pieces_;
  void* const* operands_;
  Left* left_;
};

class RootStep final : public Kernel {
 public:
  RootStep(const TensorType& result, size_t root_inputs, std::unique_ptr<Kernel> root,
           std::shared_ptr<const StitchedRegion> region, std::shared_ptr<const CompiledKernel> code,
           const ThreadPool& pool)
      : region_(std::move(region)),
        root_inputs_(root_inputs),
        root_(std::move(root)),
        epilogue_(region_->kernel, std::move(code), pool),
        matrix_(result.shape, epilogue_.kernel()),
        pieces_(region_->kernel),
        on_parts_(pieces_.count > 0 ? root_->reports_whole_rows() : root_->reports_tiles()) {
    if (epilogue_.kernel().scratch_bytes() > 0)
      throw InternalError("an epilogue with scratch memory\n" + region_->kernel.to_text());
  }

  void run(const KernelArguments& arguments) const override {
    std::array<void*, most_operands> operands;
    operands[0] = arguments.outputs[0];
    const auto extra = arguments.inputs.subspan(root_inputs_);
    const auto results = arguments.outputs.subspan(1);
    std::copy(results.begin(), results.end(),
              std::copy(extra.begin(), extra.end(), operands.begin() + 1));
    KernelArguments root = arguments;
    root.inputs = arguments.inputs.first(root_inputs_);
    root.outputs = arguments.outputs.first(1);
    if (!on_parts_) {
      root_->run(root);
      epilogue_.run(operands.data(), nullptr);
    } else if (pieces_.count > 0) {
      auto* const counters = static_cast<std::byte*>(arguments.workspace) + counters_at();
      const EpilogueOnPieces pieces(epilogue_.kernel(), matrix_, pieces_, operands.data(),
                                    counters);
      root.tiles = &pieces;
      root_->run(root);
    } else {
      const EpilogueOnTiles tiles(epilogue_.kernel(), matrix_, operands.data());
      root.tiles = &tiles;
      root_->run(root);
    }
  }
  size_t workspace_bytes() const override {
    if (!on_parts_ || pieces_.count == 0) return root_->workspace_bytes();
    return counters_at() + static_cast<size_t>(pieces_.count) * sizeof(EpilogueOnPieces::Left);
  }
  std::string description() const override {
    const char* const when = !on_parts_           ? ", then "
                             : pieces_.count == 0 ? ", on each tile "
                                                  : ", on each piece ";
    return root_->description() + when + describe(epilogue_);
  }
  std::string source() const override { return source_of(*region_); }
  size_t resident_bytes() const override {
    return root_->resident_bytes() + epilogue_.kernel().code().code_bytes();
  }

 private:
  size_t counters_at() const {
    constexpr size_t line = 64;
    return (root_->workspace_bytes() + line - 1) / line * line;
  }

  std::shared_ptr<const StitchedRegion> region_;
  size_t root_inputs_;
  std::unique_ptr<Kernel> root_;
  StitchedStep epilogue_;
  Matrix matrix_;
  Pieces pieces_;
  bool on_parts_;  // of the root's result, as they are finished
};

}  // namespace

std::string source_of(const StitchedRegion& region) {
  auto* const compiler = kernel_compiler();
  if (!compiler) return {};
  const auto kernel = kernel_to_compile(region);
  return region.kernel.to_text() + "\n" +
         compiler->source(kernel, KernelSource::intermediate_representation) + "\n" +
         compiler->source(kernel, KernelSource::assembly);
}

KernelToCompile kernel_to_compile(const StitchedRegion& region) {
  constexpr size_t most_names = 5;
  std::string name = region.root ? region.root->name + "_then" : "";
  size_t names = 0;
  const OpRow* before = nullptr;
  const auto of_one = region.members.size() / region.segment_count();
  for (const auto& member : std::span(region.members).first(of_one)) {
    if (member.row == region.root || member.row == before) continue;
    before = member.row;
    if (++names > most_names) break;
    name += (name.empty() ? "" : "_") + member.row->name;
  }
  if (names > most_names) name += "_and_more";
  return {&region.kernel, region.kernel.canonical_text(), std::move(name)};
}

std::unique_ptr<Kernel> make_stitched_step(const Plan& plan, const PlanStep& step,
                                           std::shared_ptr<const CompiledKernel> code,
                                           const ThreadPool& pool, const KernelFactory& make_root) {
  const auto& region = *step.stitched;
  if (region.kernel.operands.size() > most_operands)
    throw InternalError("a stitched kernel with too many operands\n" + region.kernel.to_text());
  if (!region.further.empty())
    return std::make_unique<SegmentedStep>(step.stitched, std::move(code), pool);
  if (!region.root) return std::make_unique<RegionStep>(step.stitched, std::move(code), pool);
  // Input 0 of the kernel is the root's result; the others follow the root's own operands.
  const auto extra = static_cast<size_t>(region.kernel.input_count()) - 1;
  const size_t root_inputs = step.inputs.size() - extra;
  PlanStep root = step;
  root.row = region.root;
  root.stitched = nullptr;
  root.inputs.resize(root_inputs);
  root.outputs.resize(1);
  const auto result = plan.values[static_cast<size_t>(step.outputs[0])].type;
  return std::make_unique<RootStep>(result, root_inputs, make_root(plan, root), step.stitched,
                                    std::move(code), pool);
}

}  // namespace mpsg
