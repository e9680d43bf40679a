#include "backends/cpu/contraction/gemm.h"

#include <algorithm>

namespace mpsg::contraction {
namespace {

constexpr int64_t floats_of_line = 16;      // of the cache
constexpr int64_t floats_of_report = 4096;  // 16 KiB, what a listener likes to get

size_t whole_lines(int64_t floats) {
  return static_cast<size_t>(divide_up(floats, floats_of_line) * floats_of_line);
}

}  // namespace

/// One run of a contraction.
class ContractionRun {
 public:
  ContractionRun(const Contraction& contraction, const PanelSource& primary,
                 const PanelSource& secondary, const ResultView& result, void* workspace,
                 const TileListener* tiles)
      : extents_(contraction.extents_),
        blocking_(contraction.blocking_),
        kernels_(contraction.kernels_),
        pool_(contraction.pool_),
        direct_(contraction.secondary_direct_),
        primary_(primary),
        secondary_(secondary),
        result_(result),
        tiles_(tiles),
        shared_primary_(static_cast<float*>(workspace)),
        shared_secondary_(shared_primary_ + contraction.shared_primary_floats()),
        slots_(shared_primary_ + contraction.shared_floats()),
        slot_floats_(contraction.slot_floats()),
        partials_(slots_ + slot_floats_ * static_cast<size_t>(blocking_.slots)) {}

  void run() {
    const Blocking& b = blocking_;
    if (extents_.items * extents_.rows * extents_.columns == 0) return;
    if (extents_.depth == 0) return clear();
    for (int64_t item = 0; item < extents_.items; item += b.items_at_once) {
      items_ = {item, item + b.items_at_once};
      run_items();
    }
  }

 private:
  void run_items() {
    const Blocking& b = blocking_;
    rows_ = {0, b.row_panels};
    columns_ = {0, b.column_panels};
    if (b.share_primary == b.share_secondary) return run_part();
    Range& shared = b.share_primary ? rows_ : columns_;
    const int64_t panels = shared.end;
    for (int64_t begin = 0; begin < panels; begin += b.shared_panels) {
      shared = {begin, std::min(panels, begin + b.shared_panels)};
      run_part();
    }
  }

  /// A slot's memory and what is in it.
  struct Packed {
    float* primary = nullptr;
    float* secondary = nullptr;
    int64_t primary_row = -1, primary_depth = -1;
    int64_t secondary_column = -1, secondary_depth = -1;
  };

  /// Part of the result and of the depth, in panels and elements.
  struct Block {
    int64_t item;
    Range rows;
    Range columns;
    Range depth;
    float* result;
    int64_t row_step;
    bool first;           // of the depth
    bool last;            // of the depth
    int64_t first_depth;  // of the task
    int64_t last_column;  // of the task, a panel
  };

  // --- What is packed before the product

  void run_part() {
    if (blocking_.share_primary) share(rows_, true);
    if (blocking_.share_secondary) share(columns_, false);
    const Blocking& b = blocking_;
    tasks_ = items_.size() * b.row_chunks * b.column_chunks * b.depth_parts;
    run_tasks<&ContractionRun::run_task>(tasks_);
    if (b.depth_parts > 1) run_tasks<&ContractionRun::fold>(b.slots);
  }

  struct Sharing {
    Range panels;
    bool primary;
    int64_t pieces;  // panels times blocks of the depth
    int64_t tasks;
  };

  void share(Range panels, bool primary) {
    sharing_ = {panels, primary, panels.size() * blocking_.depth_blocks, 0};
    sharing_.tasks = std::min<int64_t>(sharing_.pieces, pool_.threads() * 4);
    run_tasks<&ContractionRun::share_pieces>(sharing_.tasks);
  }

  void share_pieces(int64_t task, int /*worker*/) const {
    const Range pieces = Range::part(sharing_.pieces, sharing_.tasks, task);
    for (int64_t i = pieces.begin; i < pieces.end; ++i) share_piece(i);
  }

  void share_piece(int64_t piece) const {
    const int64_t panel = piece / blocking_.depth_blocks;
    const Range depth =
        Range::part(extents_.depth, blocking_.depth_blocks, piece % blocking_.depth_blocks);
    const int64_t begin = sharing_.panels.begin + panel;
    if (sharing_.primary)
      pack_rows(items_.begin, begin, depth,
                shared_panel(shared_primary_, panel, blocking_.tile_rows, depth));
    else
      pack_columns(items_.begin, begin, depth,
                   shared_panel(shared_secondary_, panel, kernels_.tile_columns, depth));
  }

  float* shared_panel(float* memory, int64_t panel, int64_t width, Range depth) const {
    return memory + (panel * extents_.depth + depth.begin) * width;
  }

  void pack_rows(int64_t item, int64_t panel, Range depth, float* to) const {
    const int64_t begin = panel * blocking_.tile_rows;
    const int64_t lanes = std::min(blocking_.tile_rows, extents_.rows - begin);
    primary_.pack(item, begin, lanes, blocking_.tile_rows, depth.begin, depth.size(), to);
  }

  void pack_columns(int64_t item, int64_t panel, Range depth, float* to) const {
    const int64_t begin = panel * kernels_.tile_columns;
    const int64_t lanes = std::min(kernels_.tile_columns, extents_.columns - begin);
    secondary_.pack(item, begin, lanes, kernels_.tile_columns, depth.begin, depth.size(), to);
  }

  // --- Tasks

  template <void (ContractionRun::*body)(int64_t, int) const>
  void run_tasks(int64_t count) const {
    pool_.run_tasks(
        count,
        [](const void* run, int64_t index, int worker) {
          (static_cast<const ContractionRun*>(run)->*body)(index, worker);
        },
        this);
  }

  void run_task(int64_t task, int worker) const {
    const Blocking& b = blocking_;
    const int64_t slot = tasks_ <= b.slots ? task : worker;
    Packed packed{};
    packed.primary = slots_ + slot_floats_ * static_cast<size_t>(slot);
    packed.secondary = packed.primary;
    if (!b.share_primary)
      packed.secondary += whole_lines(b.rows_at_once * b.tile_rows * b.longest_block);
    const int64_t part = task % b.depth_parts;
    task /= b.depth_parts;
    const int64_t column = task % b.column_chunks;
    task /= b.column_chunks;
    const int64_t row = task % b.row_chunks;
    const int64_t item = items_.begin + task / b.row_chunks;
    const Range rows = shifted(Range::part(rows_.size(), b.row_chunks, row), rows_.begin);
    const Range columns =
        shifted(Range::part(columns_.size(), b.column_chunks, column), columns_.begin);
    Block block{
        item,  {},    {}, {},         result_.data + item * result_.item_step, result_.row_step,
        false, false, 0,  columns.end};
    if (part > 0) {
      block.result = partial(part, item);
      block.row_step = extents_.columns;
    }
    const int64_t row_step = b.share_primary ? rows.size() : b.rows_at_once;
    const int64_t column_step =
        b.share_secondary && !b.share_primary ? columns.size() : b.columns_at_once;
    for (int64_t r = rows.begin; r < rows.end; r += row_step) {
      block.rows = {r, std::min(rows.end, r + row_step)};
      for (int64_t c = columns.begin; c < columns.end; c += column_step) {
        block.columns = {c, std::min(columns.end, c + column_step)};
        run_depth(block, Range::part(extents_.depth, b.depth_parts, part), packed);
      }
    }
  }

  static Range shifted(Range range, int64_t by) { return {range.begin + by, range.end + by}; }

  float* partial(int64_t part, int64_t item) const {
    return partials_ +
           ((part - 1) * items_.size() + item - items_.begin) * extents_.rows * extents_.columns;
  }

  void run_depth(Block& block, Range depth, Packed& packed) const {
    block.first_depth = depth.begin;
    for (int64_t i = 0; i < blocking_.depth_blocks; ++i) {
      block.depth = shifted(Range::part(depth.size(), blocking_.depth_blocks, i), depth.begin);
      block.first = i == 0;
      block.last = i == blocking_.depth_blocks - 1;
      if (!blocking_.share_primary) pack_primary(block, packed);
      const bool fresh =
          !blocking_.share_secondary && (packed.secondary_column != block.columns.begin ||
                                         packed.secondary_depth != block.depth.begin);
      if (blocking_.columns_first) run_by_columns(block, packed, fresh);
      else run_by_rows(block, packed, fresh);
      packed.secondary_column = block.columns.begin;
      packed.secondary_depth = block.depth.begin;
    }
  }

  void pack_primary(const Block& block, Packed& packed) const {
    if (packed.primary_row == block.rows.begin && packed.primary_depth == block.depth.begin) return;
    const int64_t panel = blocking_.tile_rows * block.depth.size();
    for (int64_t i = block.rows.begin; i < block.rows.end; ++i)
      pack_rows(block.item, i, block.depth, packed.primary + (i - block.rows.begin) * panel);
    packed.primary_row = block.rows.begin;
    packed.primary_depth = block.depth.begin;
  }

  // --- Tiles

  /// A panel of the secondary operand stays in the first cache for all rows, which are few.
  void run_by_columns(const Block& block, const Packed& packed, bool fresh) const {
    int64_t reported = block.columns.begin;
    for (int64_t j = block.columns.begin; j < block.columns.end; ++j) {
      for (int64_t i = block.rows.begin; i < block.rows.end; ++i)
        run_tile(block, packed, i, j, fresh && i == block.rows.begin,
                 soon_needed(block, i - block.rows.begin, j));
      const int64_t area =
          (j + 1 - reported) * kernels_.tile_columns * block.rows.size() * blocking_.tile_rows;
      if (area < floats_of_report && j + 1 < block.columns.end) continue;
      report(block, block.rows, {reported, j + 1});
      reported = j + 1;
    }
  }

  /// A panel of the primary operand stays in the first cache, those of the secondary
  /// operand in the second.
  void run_by_rows(const Block& block, const Packed& packed, bool fresh) const {
    int64_t reported = block.rows.begin;
    for (int64_t i = block.rows.begin; i < block.rows.end; ++i) {
      for (int64_t j = block.columns.begin; j < block.columns.end; ++j)
        run_tile(block, packed, i, j, fresh && i == block.rows.begin, {});
      const int64_t area =
          (i + 1 - reported) * blocking_.tile_rows * block.columns.size() * kernels_.tile_columns;
      if (area < floats_of_report && i + 1 < block.rows.end) continue;
      report(block, {reported, i + 1}, block.columns);
      reported = i + 1;
    }
  }

  /// What the block after this one reads of the secondary operand comes from memory, perhaps, and
  /// is fetched while this one computes, by two of its tiles.
  PrefetchPath soon_needed(const Block& block, int64_t tile, int64_t j) const {
    if (blocking_.share_secondary) return {};
    constexpr int64_t parts = 2;
    const int64_t part = block.rows.size() > parts ? tile - 1 : tile;
    if (part < 0 || part >= parts) return {};
    int64_t column = j + 1;
    Range depth = block.depth;
    if (column == block.columns.end) {
      if (block.last && column == block.last_column) return {};
      if (!block.last) column = block.columns.begin;
      const int64_t begin = block.last ? block.first_depth : depth.end;
      depth = {begin, std::min(begin + blocking_.longest_block, extents_.depth)};
    }
    const int64_t lane = column * kernels_.tile_columns;
    const int64_t lanes = std::min(kernels_.tile_columns, extents_.columns - lane);
    return secondary_.path(block.item, lane, lanes, depth.begin, depth.size(), part, parts);
  }

  /// `fresh`: the secondary operand's panel is not packed yet.
  void run_tile(const Block& block, const Packed& packed, int64_t i, int64_t j, bool fresh,
                const PrefetchPath& soon) const {
    const int64_t row = i * blocking_.tile_rows, column = j * kernels_.tile_columns;
    const int64_t rows = std::min(blocking_.tile_rows, extents_.rows - row);
    TileCall call{};
    call.a =
        blocking_.share_primary
            ? shared_panel(shared_primary_, i - rows_.begin, blocking_.tile_rows, block.depth)
            : packed.primary + (i - block.rows.begin) * blocking_.tile_rows * block.depth.size();
    call.a_step = blocking_.tile_rows;
    call.depth = block.depth.size();
    call.columns = std::min(kernels_.tile_columns, extents_.columns - column);
    call.c = block.result + row * block.row_step + column;
    call.c_step = block.row_step;
    call.accumulate = !block.first;
    call.soon = soon.data ? soon : PrefetchPath{call.a, 0, 0, 0};
    find_secondary(block, packed, j, fresh, call);
    kernels_.tile(rows, call);
  }

  void find_secondary(const Block& block, const Packed& packed, int64_t j, bool fresh,
                      TileCall& call) const {
    const int64_t width = kernels_.tile_columns;
    call.b_step = width;
    if (blocking_.share_secondary) {
      call.b = shared_panel(shared_secondary_, j - columns_.begin, width, block.depth);
      return;
    }
    float* const panel = packed.secondary + (j - block.columns.begin) * width * block.depth.size();
    call.b = panel;
    if (!fresh) return;
    if (direct_ && call.columns == width) {
      const DirectPanel direct = secondary_.direct(block.item, j * width, block.depth.begin);
      if (direct.data) {
        call.b = direct.data;
        call.b_step = direct.step;
        call.in_place = true;
        // The next tiles find it packed.
        if (block.rows.size() > 1) call.b_copy = panel;
        return;
      }
    }
    pack_columns(block.item, j, block.depth, panel);
  }

  // --- What is final

  void report(const Block& block, Range rows, Range columns) const {
    if (!tiles_ || !block.last || blocking_.depth_parts > 1) return;
    const int64_t first = block.item * extents_.rows;
    tiles_->finished(first + rows.begin * blocking_.tile_rows,
                     first + std::min(extents_.rows, rows.end * blocking_.tile_rows),
                     columns.begin * kernels_.tile_columns,
                     std::min(extents_.columns, columns.end * kernels_.tile_columns));
  }

  /// Adds the partial results up, in the order of the depth.
  void fold(int64_t slot, int /*worker*/) const {
    const Range lines = shifted(Range::part(items_.size() * extents_.rows, blocking_.slots, slot),
                                items_.begin * extents_.rows);
    const int64_t at_once = std::max<int64_t>(1, floats_of_report / extents_.columns);
    for (int64_t begin = lines.begin; begin < lines.end; begin += at_once) {
      const int64_t end = std::min(lines.end, begin + at_once);
      for (int64_t line = begin; line < end; ++line) {
        const int64_t item = line / extents_.rows, row = line % extents_.rows;
        float* const sums = result_.data + item * result_.item_step + row * result_.row_step;
        for (int64_t part = 1; part < blocking_.depth_parts; ++part)
          kernels_.add(sums, partial(part, item) + row * extents_.columns, extents_.columns);
      }
      if (tiles_) tiles_->finished(begin, end, 0, extents_.columns);
    }
  }

  /// A sum over nothing.
  void clear() const {
    for (int64_t item = 0; item < extents_.items; ++item)
      for (int64_t row = 0; row < extents_.rows; ++row)
        std::fill_n(result_.data + item * result_.item_step + row * result_.row_step,
                    extents_.columns, 0.0f);
    if (tiles_) tiles_->finished(0, extents_.items * extents_.rows, 0, extents_.columns);
  }

  const Extents& extents_;
  const Blocking& blocking_;
  const MicroKernels& kernels_;
  const ThreadPool& pool_;
  const bool direct_;
  const PanelSource& primary_;
  const PanelSource& secondary_;
  const ResultView& result_;
  const TileListener* const tiles_;
  float* const shared_primary_;
  float* const shared_secondary_;
  float* const slots_;
  const size_t slot_floats_;
  float* const partials_;
  Range items_;    // of this part of the run
  Range rows_;     // panels of this part of the run
  Range columns_;  // panels of this part of the run
  Sharing sharing_{};
  int64_t tasks_ = 0;
};

Contraction::Contraction(const Extents& extents, const Hints& hints, const ThreadPool& pool,
                         const MicroKernels& kernels)
    : extents_(extents),
      secondary_direct_(hints.secondary_direct),
      pool_(pool),
      kernels_(kernels),
      blocking_(Blocking::choose(extents, hints.secondary_direct, pool.threads(), kernels)) {}

size_t Contraction::shared_primary_floats() const {
  const Blocking& b = blocking_;
  if (!b.share_primary) return 0;
  const int64_t panels = b.share_secondary ? b.row_panels : b.shared_panels;
  return whole_lines(panels * b.tile_rows * extents_.depth);
}

size_t Contraction::shared_floats() const {
  const Blocking& b = blocking_;
  if (!b.share_secondary) return shared_primary_floats();
  const int64_t panels = b.share_primary ? b.column_panels : b.shared_panels;
  return shared_primary_floats() + whole_lines(panels * kernels_.tile_columns * extents_.depth);
}

size_t Contraction::slot_floats() const {
  const Blocking& b = blocking_;
  size_t floats = 0;
  if (!b.share_primary) floats += whole_lines(b.rows_at_once * b.tile_rows * b.longest_block);
  if (!b.share_secondary)
    floats += whole_lines(b.columns_at_once * kernels_.tile_columns * b.longest_block);
  return floats;
}

size_t Contraction::partial_floats() const {
  return whole_lines((blocking_.depth_parts - 1) * blocking_.items_at_once * extents_.rows *
                     extents_.columns);
}

size_t Contraction::workspace_bytes() const {
  return (shared_floats() + slot_floats() * static_cast<size_t>(blocking_.slots) +
          partial_floats()) *
         sizeof(float);
}

void Contraction::run(const PanelSource& primary, const PanelSource& secondary,
                      const ResultView& result, void* workspace, const TileListener* tiles) const {
  ContractionRun(*this, primary, secondary, result, workspace, tiles).run();
}

std::string Contraction::description() const {
  const Blocking& b = blocking_;
  std::string text = kernels_.name;
  const auto count = [&](int64_t number, const char* what) {
    if (number > 1) text += ", " + std::to_string(number) + what;
  };
  count(b.row_chunks, " row chunks");
  count(b.column_chunks, " column chunks");
  count(b.depth_parts, " depth parts");
  if (b.share_primary) text += ", primary packed";
  if (b.share_secondary) text += ", secondary packed";
  return text;
}

}  // namespace mpsg::contraction
