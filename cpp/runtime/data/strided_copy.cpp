#include "runtime/data/strided_copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "mpsg/error.h"
#include "runtime/data/row_copy.h"
#include "runtime/data/transpose_tile.h"

namespace mpsg {
namespace {

/// Calls `body(from, to)` for every index of all but the last `inner` axes.
template <class Body>
void for_each_outer(const CopyWalk& walk, int inner, Body&& body) {
  const int outer = walk.rank - inner;
  if (outer == 0) return body(walk.from, walk.to);
  const auto last = static_cast<size_t>(outer) - 1;
  std::array<int64_t, max_rank> index{};
  const auto* line_from = walk.from;
  auto* line_to = walk.to;
  while (true) {
    const auto* from = line_from;
    auto* to = line_to;
    for (int64_t i = 0; i < walk.sizes[last]; ++i) {
      body(from, to);
      from += walk.from_strides[last];
      to += walk.to_strides[last];
    }
    int axis = outer - 2;
    for (; axis >= 0; --axis) {
      const auto a = static_cast<size_t>(axis);
      line_from += walk.from_strides[a];
      line_to += walk.to_strides[a];
      if (++index[a] < walk.sizes[a]) break;
      line_from -= walk.sizes[a] * walk.from_strides[a];
      line_to -= walk.sizes[a] * walk.to_strides[a];
      index[a] = 0;
    }
    if (axis < 0) return;
  }
}

/// The axis of the source's shortest step that goes anywhere; the last one where it is as short.
int source_axis(const CopyWalk& walk) {
  int shortest = walk.rank - 1;
  for (int axis = walk.rank - 2; axis >= 0; --axis) {
    const auto stride = std::abs(walk.from_strides[static_cast<size_t>(axis)]);
    const auto best = std::abs(walk.from_strides[static_cast<size_t>(shortest)]);
    if (stride != 0 && best != 0 && stride < best) shortest = axis;
  }
  return shortest;
}

void move_axis(CopyWalk& walk, int from, int to) {
  const auto rotate = [&](auto& values) {
    std::rotate(values.begin() + from, values.begin() + from + 1, values.begin() + to + 1);
  };
  rotate(walk.sizes);
  rotate(walk.from_strides);
  rotate(walk.to_strides);
}

bool rows_are_packed(const CopyWalk& walk, size_t from_bytes, size_t to_bytes) {
  const auto last = static_cast<size_t>(walk.rank) - 1;
  return walk.from_strides[last] == static_cast<int64_t>(from_bytes) &&
         walk.to_strides[last] == static_cast<int64_t>(to_bytes);
}

template <class T>
void copy_line(const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride,
               int64_t count) {
  constexpr auto size = static_cast<int64_t>(sizeof(T));
  const auto move = [&](int64_t from_step, int64_t to_step) {
    for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * to_step, from + i * from_step, size);
  };
  if (to_stride != size) return move(from_stride, to_stride);
  if (from_stride == 0) return move(0, size);
  if (from_stride == -size) return move(-size, size);
  if (from_stride == 2 * size) return move(2 * size, size);
  move(from_stride, size);
}

template <class T>
void copy_lines(const CopyWalk& walk) {
  const auto last = static_cast<size_t>(walk.rank) - 1;
  for_each_outer(walk, 1, [&](const std::byte* from, std::byte* to) {
    copy_line<T>(from, walk.from_strides[last], to, walk.to_strides[last], walk.sizes[last]);
  });
}

void copy_tiles(CopyWalk walk, int axis, size_t element_bytes) {
  move_axis(walk, axis, walk.rank - 2);
  const auto row = static_cast<size_t>(walk.rank) - 2, column = row + 1;
  for_each_outer(walk, 2, [&](const std::byte* from, std::byte* to) {
    copy_transposed({from, to, walk.sizes[row], walk.sizes[column], walk.from_strides[row],
                     walk.from_strides[column], walk.to_strides[row], walk.to_strides[column]},
                    element_bytes);
  });
}

void copy_directly(const CopyWalk& walk, size_t element_bytes, bool large) {
  const auto last = static_cast<size_t>(walk.rank) - 1;
  if (walk.rank == 1 && walk.sizes[0] == 1) {
    std::memcpy(walk.to, walk.from, element_bytes);
    return;
  }
  if (rows_are_packed(walk, element_bytes, element_bytes)) {
    const auto bytes = static_cast<size_t>(walk.sizes[last]) * element_bytes;
    for_each_outer(walk, 1, RowCopy(bytes, large));
    return;
  }
  if (const auto axis = source_axis(walk); axis != walk.rank - 1)
    return copy_tiles(walk, axis, element_bytes);
  switch (element_bytes) {
    case 1: return copy_lines<uint8_t>(walk);
    case 2: return copy_lines<uint16_t>(walk);
    case 4: return copy_lines<uint32_t>(walk);
    case 8: return copy_lines<uint64_t>(walk);
    default: throw InternalError("an element of a strange size");
  }
}

/// Work on an array part by part: what is gathered from a part of the source lies packed in the
/// first cache, is converted there, and goes out in long rows.
constexpr size_t scratch_bytes = size_t{32} << 10;

/// A part has whole lines of the source and long rows of the target.
std::array<int64_t, max_rank> part_sizes(const CopyWalk& walk, int across, size_t element_bytes) {
  std::array<int64_t, max_rank> part;
  part.fill(1);
  auto room = static_cast<int64_t>(scratch_bytes / element_bytes);
  const auto take = [&](int axis, int64_t limit) {
    const auto a = static_cast<size_t>(axis);
    part[a] = std::min({walk.sizes[a], room, limit});
    room /= part[a];
  };
  const auto last = walk.rank - 1;
  if (across != last) {
    const auto lines = static_cast<int64_t>(std::max<size_t>(128 / element_bytes, 16));
    take(across, std::max(lines, room / walk.sizes[static_cast<size_t>(last)]));
  }
  for (int axis = last; axis >= 0; --axis)
    if (part[static_cast<size_t>(axis)] == 1) take(axis, room);
  return part;
}

class PartwiseCopy {
 public:
  /// `convert` == nullptr: elements stay as they are.
  PartwiseCopy(const CopyWalk& walk, size_t from_bytes, size_t to_bytes, RowConversion convert)
      : walk_(walk), from_bytes_(from_bytes), to_bytes_(to_bytes), convert_(convert) {
    const auto across = source_axis(walk);
    part_ = part_sizes(walk, across, std::max(from_bytes, to_bytes));
    // Parts that follow each other read neighbouring bytes.
    move_axis(walk_, across, walk_.rank - 1);
    std::rotate(part_.begin() + across, part_.begin() + across + 1, part_.begin() + walk_.rank);
    streams_ = streams(static_cast<size_t>(walk.element_count()) * to_bytes);
  }

  void run() {
    CopyWalk grid = walk_;  // of the parts' corners
    for (size_t axis = 0; axis < static_cast<size_t>(walk_.rank); ++axis) {
      grid.sizes[axis] = (walk_.sizes[axis] + part_[axis] - 1) / part_[axis];
      grid.from_strides[axis] *= part_[axis];
      grid.to_strides[axis] *= part_[axis];
    }
    std::array<int64_t, max_rank> index{};
    for_each_outer(grid, 0, [&](const std::byte* from, std::byte* to) {
      std::array<int64_t, max_rank> sizes{};
      for (size_t axis = 0; axis < static_cast<size_t>(walk_.rank); ++axis)
        sizes[axis] = std::min(part_[axis], walk_.sizes[axis] - index[axis] * part_[axis]);
      copy_part(sizes, from, to);
      for (int axis = walk_.rank - 1; axis >= 0; --axis) {
        const auto a = static_cast<size_t>(axis);
        if (++index[a] < grid.sizes[a]) break;
        index[a] = 0;
      }
    });
  }

 private:
  void copy_part(const std::array<int64_t, max_rank>& sizes, const std::byte* from, std::byte* to) {
    const auto rank = static_cast<size_t>(walk_.rank);
    const auto part = std::span(sizes).first(rank);
    const auto to_strides = std::span(walk_.to_strides).first(rank);
    // Packed, the axes in the target's order.
    std::array<size_t, max_rank> order;
    std::iota(order.begin(), order.begin() + rank, size_t{0});
    std::sort(order.begin(), order.begin() + rank,
              [&](size_t a, size_t b) { return to_strides[a] > to_strides[b]; });
    std::array<int64_t, max_rank> gathered_strides{}, made_strides{};
    int64_t count = 1;
    for (size_t i = rank; i-- > 0; count *= sizes[order[i]]) {
      gathered_strides[order[i]] = count * static_cast<int64_t>(from_bytes_);
      made_strides[order[i]] = count * static_cast<int64_t>(to_bytes_);
    }
    copy_directly(make_copy_walk(part, from, std::span(walk_.from_strides).first(rank), gathered_,
                                 std::span(gathered_strides).first(rank)),
                  from_bytes_, false);
    if (convert_) convert_(gathered_, made_, count);
    copy_directly(make_copy_walk(part, convert_ ? made_ : gathered_,
                                 std::span(made_strides).first(rank), to, to_strides),
                  to_bytes_, streams_);
  }

  CopyWalk walk_;
  std::array<int64_t, max_rank> part_;
  size_t from_bytes_, to_bytes_;
  RowConversion convert_;
  bool streams_;
  alignas(64) std::byte gathered_[scratch_bytes];
  alignas(64) std::byte made_[scratch_bytes];
};

}  // namespace

int64_t CopyWalk::element_count() const {
  return std::accumulate(sizes.begin(), sizes.begin() + rank, int64_t{1}, std::multiplies<>());
}

CopyWalk make_copy_walk(std::span<const int64_t> sizes, const void* from,
                        std::span<const int64_t> from_strides, void* to,
                        std::span<const int64_t> to_strides) {
  struct Axis {
    int64_t size, from, to;
  };
  std::array<Axis, max_rank> axes;
  size_t count = 0;
  CopyWalk walk;
  walk.from = static_cast<const std::byte*>(from);
  walk.to = static_cast<std::byte*>(to);
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] == 1) continue;
    Axis each{sizes[axis], from_strides[axis], to_strides[axis]};
    if (each.to < 0) {
      walk.from += (each.size - 1) * each.from;
      walk.to += (each.size - 1) * each.to;
      each.from = -each.from;
      each.to = -each.to;
    }
    axes[count++] = each;
  }
  std::stable_sort(axes.begin(), axes.begin() + count,
                   [](const Axis& a, const Axis& b) { return a.to > b.to; });
  for (size_t i = 0; i < count; ++i) {
    const auto& axis = axes[i];
    const auto last = static_cast<size_t>(walk.rank) - 1;
    if (walk.rank > 0 && walk.to_strides[last] == axis.to * axis.size &&
        walk.from_strides[last] == axis.from * axis.size) {
      walk.sizes[last] *= axis.size;
      walk.from_strides[last] = axis.from;
      walk.to_strides[last] = axis.to;
      continue;
    }
    const auto next = static_cast<size_t>(walk.rank++);
    walk.sizes[next] = axis.size;
    walk.from_strides[next] = axis.from;
    walk.to_strides[next] = axis.to;
  }
  if (walk.rank == 0) {  // one element
    walk.rank = 1;
    walk.sizes[0] = 1;
  }
  return walk;
}

void copy_elements(const CopyWalk& walk, size_t element_bytes) {
  const bool large = streams(static_cast<size_t>(walk.element_count()) * element_bytes);
  if (large && source_axis(walk) != walk.rank - 1)
    return PartwiseCopy(walk, element_bytes, element_bytes, nullptr).run();
  copy_directly(walk, element_bytes, large);
}

void convert_elements(const CopyWalk& walk, size_t from_bytes, size_t to_bytes,
                      RowConversion convert) {
  constexpr int64_t long_row = 64;  // where a call for each row is nothing beside it
  const auto last = static_cast<size_t>(walk.rank) - 1;
  const bool one_element = walk.rank == 1 && walk.sizes[0] == 1;
  const bool large = streams(static_cast<size_t>(walk.element_count()) * to_bytes);
  if (one_element || (!large && rows_are_packed(walk, from_bytes, to_bytes) &&
                      (walk.sizes[last] >= long_row || walk.rank == 1))) {
    for_each_outer(walk, 1, [&](const std::byte* from, std::byte* to) {
      convert(from, to, walk.sizes[last]);
    });
    return;
  }
  PartwiseCopy(walk, from_bytes, to_bytes, convert).run();
}

}  // namespace mpsg
