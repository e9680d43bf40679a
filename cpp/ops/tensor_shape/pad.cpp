// Padding: pad and pad_gradient. Every mode is a map from padded positions to source positions,
// axis by axis; pad reads through the map, pad_gradient sums back through it.
#include <complex>

#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"
#include "ops/tensor_shape/convert.h"
#include "ops/tensor_shape/strided_copy.h"

namespace mpsg::ops {
namespace {

using namespace build;

std::string text(int64_t number) { return std::to_string(number); }

/// Fails if a mode cannot pad `size` elements this far, or less than nothing would be left.
int64_t padded_size(const InferContext& c, PaddingMode mode, int axis, int64_t size, int64_t left,
                    int64_t right) {
  int64_t result;
  if (__builtin_add_overflow(left, right, &result) || __builtin_add_overflow(result, size, &result))
    c.fail("the padding of axis " + std::to_string(axis) + " is too large");
  const auto where = "axis " + std::to_string(axis) + " of size " + text(size) +
                     " cannot be padded by " + text(left) + " and " + text(right) + ": ";
  if (result < 0) c.fail(where + "more would be cropped than there is");
  if (result == 0) return 0;
  const int64_t most = std::max(left, right);
  if (mode == PaddingMode::REFLECT && most > 0 && most >= size)
    c.fail(where + "REFLECT needs paddings smaller than the size");
  if (mode == PaddingMode::SYMMETRIC && most > 0 && most > size)
    c.fail(where + "SYMMETRIC needs paddings not larger than the size");
  if (size == 0 && mode != PaddingMode::CONSTANT && mode != PaddingMode::ZERO)
    c.fail(where + "there is no element to repeat");
  return result;
}

Shape padded_shape(const InferContext& c, const Shape& shape) {
  const auto mode = c.enumeration<PaddingMode>("padding_mode");
  const auto left = c.partial_integers("left_padding");
  const auto right = c.partial_integers("right_padding");
  for (const auto& [name, padding] : {std::pair{"left_padding", &left}, {"right_padding", &right}})
    if (*padding && shape.has_rank() && std::ssize(**padding) != shape.rank())
      c.fail(std::string("'") + name + "' has " + text(std::ssize(**padding)) +
             " entries; the tensor's shape is " + shape.to_string() +
             ", and each dimension needs one");
  if (!shape.has_rank()) return shape;
  auto result = Shape::unknown(shape.rank());
  for (int axis = 0; left && right && axis < shape.rank(); ++axis) {
    const auto l = (*left)[static_cast<size_t>(axis)], r = (*right)[static_cast<size_t>(axis)];
    if (l && r && shape[axis] >= 0) result[axis] = padded_size(c, mode, axis, shape[axis], *l, *r);
  }
  return result;
}

/// Where one axis of the padded tensor comes from.
struct AxisMap {
  std::vector<int64_t> source;   // -1: from nowhere
  std::vector<uint8_t> negated;  // ANTI_PERIODIC
};

/// Source position of padded position `at` (counted from the source's first element).
int64_t source_position(PaddingMode mode, int64_t at, int64_t size) {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case PaddingMode::CONSTANT:
    case PaddingMode::ZERO: return -1;
    case PaddingMode::REFLECT: return at < 0 ? -at : 2 * (size - 1) - at;
    case PaddingMode::SYMMETRIC: return at < 0 ? -at - 1 : 2 * size - 1 - at;
    case PaddingMode::CLAMP_TO_EDGE: return at < 0 ? 0 : size - 1;
    case PaddingMode::PERIODIC:
    case PaddingMode::ANTI_PERIODIC: break;
  }
  return (at % size + size) % size;
}

AxisMap axis_map(PaddingMode mode, int64_t size, int64_t left, int64_t padded) {
  AxisMap map;
  map.source.reserve(static_cast<size_t>(padded));
  map.negated.assign(static_cast<size_t>(padded), 0);
  for (int64_t i = 0; i < padded; ++i) {
    const int64_t at = i - left;
    map.source.push_back(source_position(mode, at, size));
    if (mode != PaddingMode::ANTI_PERIODIC) continue;
    const int64_t period = at >= 0 ? at / size : (at + 1) / size - 1;
    map.negated[static_cast<size_t>(i)] = (period & 1) != 0;
  }
  return map;
}

/// The maps of all axes; a scalar gets one axis of size 1.
std::vector<AxisMap> axis_maps(const EvaluateContext& c, const Shape& source, const Shape& padded) {
  const auto mode = c.enumeration<PaddingMode>("padding_mode");
  const auto left = c.integers_of("left_padding");
  std::vector<AxisMap> maps;
  for (int axis = 0; axis < source.rank(); ++axis)
    maps.push_back(axis_map(mode, source[axis], left[static_cast<size_t>(axis)], padded[axis]));
  if (maps.empty()) maps.push_back({{0}, {0}});
  return maps;
}

Shape at_least_rank_1(const Shape& shape) { return shape.rank() == 0 ? Shape{1} : shape; }

template <class T>
T negative_of(T value) {
  if constexpr (std::is_same_v<T, Bool>) return value;  // inference refuses it
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(value));
  else if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>)
    return T(-static_cast<float>(value));
  else return -value;
}

template <class T>
void pad_loop(const EvaluateContext& c) {
  const auto source = at_least_rank_1(c.inputs()[0].shape);
  const auto padded = at_least_rank_1(c.output().shape);
  const auto maps = axis_maps(c, c.inputs()[0].shape, c.output().shape);
  const auto steps = packed_strides(source);
  const bool constant = c.enumeration<PaddingMode>("padding_mode") == PaddingMode::CONSTANT;
  const T outside = convert_number<T>(constant ? c.real("constant_value") : 0.0);
  const auto* from = c.inputs()[0].as<const T>();
  auto* to = c.output().as<T>();
  const auto& inner = maps.back();
  const int64_t width = std::ssize(inner.source);
  if (c.output().element_count() == 0) return;
  const int64_t rows = c.output().element_count() / width;
  const auto pad_row = [&](int64_t row) {
    T* out = to + row * width;
    int64_t offset = 0, rest = row;
    bool negated = false;
    for (size_t axis = maps.size() - 1; axis-- > 0;) {
      const auto at = static_cast<size_t>(rest % padded[static_cast<int>(axis)]);
      rest /= padded[static_cast<int>(axis)];
      if (maps[axis].source[at] < 0) {
        std::fill_n(out, width, outside);
        return;
      }
      offset += maps[axis].source[at] * steps[axis];
      negated = negated != (maps[axis].negated[at] != 0);
    }
    for (size_t i = 0; i < inner.source.size(); ++i) {
      const int64_t at = inner.source[i];
      const T value = at < 0 ? outside : from[offset + at];
      out[i] = negated != (inner.negated[i] != 0) ? negative_of(value) : value;
    }
  };
  const int64_t grain = std::max<int64_t>(1, 16384 / width);
  c.parallel().for_range(rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) pad_row(row);
  });
}

/// The same maps in a stitched kernel. A place outside the source has a guard, if nothing stands
/// there; `negated` says where the sign turns.
struct StitchedAxis {
  StitchIndex source;
  Element guard;
  Expression negated;
};

/// The source position that a mode other than CONSTANT and ZERO gives for any position.
Expression folded_position(StitchContext& c, PaddingMode mode, const Expression& at,
                           const StitchSize& size) {
  const auto zero = integer(c, 0), last = integer(c, size - 1), count = integer(c, size);
  switch (mode) {
    case PaddingMode::REFLECT:
      return select(at < zero, -at, select(at > last, last * integer(c, 2) - at, at));
    case PaddingMode::SYMMETRIC:
      return select(at < zero, -at - integer(c, 1), select(at > last, last + count - at, at));
    case PaddingMode::CLAMP_TO_EDGE:
      return at.apply(ElementOp::maximum, zero).apply(ElementOp::minimum, last);
    default: break;
  }
  const auto rest = at.apply(ElementOp::integer_remainder, count);
  return select(rest < zero, rest + count, rest);
}

StitchedAxis stitched_axis(StitchContext& c, PaddingMode mode, const StitchIndex& at,
                           const StitchSize& size, bool all_inside) {
  if (all_inside) return {at, {}, {}};
  if (mode == PaddingMode::CONSTANT || mode == PaddingMode::ZERO)
    return {at, c.inside(at, 0, size), {}};
  const auto position = c.value_of(at);
  const auto source = folded_position(c, mode, position, size);
  if (mode != PaddingMode::ANTI_PERIODIC) return {dynamic_index(source), {}, {}};
  // The distance to the source position is a whole number of periods.
  const auto periods = (position - source).apply(ElementOp::integer_quotient, integer(c, size));
  const auto odd = both(periods, integer(c, 1)).apply(ElementOp::not_equal, 0.0);
  return {dynamic_index(source), {}, odd};
}

Expression padding_value(StitchContext& c) {
  const auto type = c.result_type().data_type;
  const bool constant = c.enumeration<PaddingMode>("padding_mode") == PaddingMode::CONSTANT;
  Expression value;
  with_any_type(type, [&]<class T>(TypeTag<T>) {
    const T outside = convert_number<T>(constant ? c.real("constant_value") : 0.0);
    value = literal_of_bytes(c, type, &outside);
  });
  return value;
}

void stitch_pad(StitchContext& c) {
  if (refuse_complex(c)) return;
  const auto mode = c.enumeration<PaddingMode>("padding_mode");
  const auto& source = c.input_type(0).shape;
  const auto& left = c.integers("left_padding");
  const auto& right = c.integers("right_padding");
  std::vector<StitchIndex> at;
  Element guard;
  Expression negated;
  for (int i = 0; i < source.rank(); ++i) {
    const auto axis = static_cast<size_t>(i);
    const bool all_inside = left[axis] <= 0 && right[axis] <= 0;
    const auto map =
        stitched_axis(c, mode, c.index(i).shifted(-left[axis]), c.input_size(0, i), all_inside);
    at.push_back(map.source);
    guard = both_guards(c, guard, map.guard);
    if (!map.negated) continue;
    negated = negated ? negated.apply(ElementOp::bit_xor, map.negated) : map.negated;
  }
  auto value = c.input_at(0, at, guard);
  if (negated) value = select(negated, -value, value);
  if (guard) value = select({c.builder(), guard}, value, padding_value(c));
  c.give(value);
}

/// Where each element stood once at most: modes that repeat elements sum.
void stitch_pad_gradient(StitchContext& c) {
  if (refuse_complex(c)) return;
  const auto mode = c.enumeration<PaddingMode>("padding_mode");
  const auto& padded = c.input_type(0).shape;
  const auto& left = c.integers("left_padding");
  const auto& right = c.integers("right_padding");
  std::vector<StitchIndex> at;
  Element guard;
  for (int i = 0; i < padded.rank(); ++i) {
    const auto axis = static_cast<size_t>(i);
    const bool repeats = left[axis] > 0 || right[axis] > 0;
    if (repeats && mode != PaddingMode::CONSTANT && mode != PaddingMode::ZERO) return c.refuse();
    at.push_back(c.index(i).shifted(left[axis]));
    if (left[axis] < 0 || right[axis] < 0)
      guard = both_guards(c, guard, c.inside(at.back(), 0, c.input_size(0, i)));
  }
  const auto value = c.input_at(0, at, guard);
  c.give(value.literal(0) + value);  // the reference loop sums from 0: -0 becomes 0
}

/// For every source position of an axis: the padded positions that come from it.
struct Origins {
  std::vector<size_t> first;  // of each source position, in `padded`; one more at the end
  std::vector<int64_t> padded;
  std::vector<uint8_t> negated;
};

Origins origins_of(const AxisMap& map, int64_t size) {
  Origins origins;
  origins.first.assign(static_cast<size_t>(size) + 1, 0);
  for (const auto at : map.source)
    if (at >= 0) ++origins.first[static_cast<size_t>(at) + 1];
  for (size_t i = 1; i < origins.first.size(); ++i) origins.first[i] += origins.first[i - 1];
  origins.padded.resize(origins.first.back());
  origins.negated.resize(origins.first.back());
  auto next = origins.first;
  for (size_t i = 0; i < map.source.size(); ++i) {
    if (map.source[i] < 0) continue;
    const auto slot = next[static_cast<size_t>(map.source[i])]++;
    origins.padded[slot] = static_cast<int64_t>(i);
    origins.negated[slot] = map.negated[i];
  }
  return origins;
}

/// A line of the padded tensor that one line of the source feeds.
struct Line {
  int64_t offset;
  bool negated;
};

/// All lines that come from source line `row`, in row-major order.
void lines_of(const std::vector<Origins>& origins, const Shape& source,
              const std::vector<int64_t>& steps, int64_t row, std::vector<Line>& lines) {
  lines.assign(1, {0, false});
  std::vector<Line> inner;
  for (size_t axis = origins.size() - 1; axis-- > 0;) {
    const auto at = static_cast<size_t>(row % source[static_cast<int>(axis)]);
    row /= source[static_cast<int>(axis)];
    inner.swap(lines);
    lines.clear();
    for (auto i = origins[axis].first[at]; i < origins[axis].first[at + 1]; ++i)
      for (const auto& line : inner)
        lines.push_back({line.offset + origins[axis].padded[i] * steps[axis],
                         line.negated != (origins[axis].negated[i] != 0)});
  }
}

template <class T>
void pad_gradient_loop(const EvaluateContext& c) {
  using C = ComputeType<T>;
  const auto source = at_least_rank_1(c.output().shape);
  const auto maps = axis_maps(c, c.output().shape, c.inputs()[0].shape);
  std::vector<Origins> origins;
  for (size_t axis = 0; axis < maps.size(); ++axis)
    origins.push_back(origins_of(maps[axis], source[static_cast<int>(axis)]));
  const auto steps = packed_strides(at_least_rank_1(c.inputs()[0].shape));
  const auto* from = c.inputs()[0].as<const T>();
  auto* to = c.output().as<T>();
  if (c.output().element_count() == 0) return;
  const int64_t width = source[source.rank() - 1];
  const auto& inner = origins.back();
  const auto sum_at = [&](const std::vector<Line>& lines, size_t column) {
    C sum{};
    for (const auto& line : lines)
      for (auto i = inner.first[column]; i < inner.first[column + 1]; ++i) {
        const C value = static_cast<C>(from[line.offset + inner.padded[i]]);
        if constexpr (std::is_integral_v<C>) {  // wraps; through uint64_t it is no overflow
          const auto term = static_cast<uint64_t>(
              line.negated != (inner.negated[i] != 0) ? negative_of(value) : value);
          sum = static_cast<C>(static_cast<uint64_t>(sum) + term);
        } else {
          sum += line.negated != (inner.negated[i] != 0) ? -value : value;
        }
      }
    return static_cast<T>(sum);
  };
  const int64_t grain = std::max<int64_t>(1, 8192 / width);
  c.parallel().for_range(c.output().element_count() / width, grain,
                         [&](int64_t begin, int64_t end) {
                           std::vector<Line> lines;
                           for (int64_t row = begin; row < end; ++row) {
                             lines_of(origins, source, steps, row, lines);
                             for (int64_t i = 0; i < width; ++i)
                               to[row * width + i] = sum_at(lines, static_cast<size_t>(i));
                           }
                         });
}

Row pad() {
  return Row("pad", "TensorShape")
      .documentation(
          "Adds left_padding[i] elements before and right_padding[i] after dimension i; negative "
          "numbers crop. What stands there is said by `padding_mode`: `constant_value` (CONSTANT), "
          "0 (ZERO), the mirror image without (REFLECT) or with (SYMMETRIC) the edge, the edge "
          "(CLAMP_TO_EDGE), or the tensor repeated, as it is (PERIODIC) or with alternating sign "
          "(ANTI_PERIODIC). REFLECT needs paddings < size, SYMMETRIC <= size (TensorFlow's rule). "
          "Any type; ANTI_PERIODIC not bool.")
      .selector("padTensor:withPaddingMode:leftPadding:rightPadding:constantValue:name:", "11.0")
      .types("T", types::all())
      .operand("tensor", "T")
      .attribute(required_enum_attribute("padding_mode", padding_mode))
      .attribute(integers_or_tensor("left_padding"))
      .attribute(integers_or_tensor("right_padding"))
      .attribute(real_attribute("constant_value", 0.0))
      .infer([](InferContext& c) {
        const auto type = c.operand_data_type("tensor");
        if (type == DataType::boolean &&
            c.enumeration<PaddingMode>("padding_mode") == PaddingMode::ANTI_PERIODIC)
          c.fail("ANTI_PERIODIC changes signs; a bool has none");
        c.result(type, padded_shape(c, c.shape("tensor")));
      })
      .gradient([](GradientContext& g) {
        g.give("tensor", g.graph().add_one("pad_gradient", {{"incoming_gradient", g.incoming()},
                                                            {"source", g.input("tensor")},
                                                            g.forward("padding_mode"),
                                                            g.forward("left_padding"),
                                                            g.forward("right_padding")}));
      })
      .stitch(stitch_pad)
      .evaluate([](const EvaluateContext& c) {
        with_any_type(c.output().data_type, [&]<class T>(TypeTag<T>) { pad_loop<T>(c); });
      });
}

Row pad_gradient() {
  return Row("pad_gradient", "TensorShape")
      .documentation("The gradient of pad: every element of the result, which has the shape of "
                     "`source`, is the sum of `incoming_gradient` where pad put that element. The "
                     "values of `source` do not matter.")
      .selector("padGradientWithIncomingGradientTensor:sourceTensor:paddingMode:leftPadding:"
                "rightPadding:name:",
                "11.0")
      .types("T", types::numeric_complex())
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .attribute(required_enum_attribute("padding_mode", padding_mode))
      .attribute(integers_or_tensor("left_padding"))
      .attribute(integers_or_tensor("right_padding"))
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("incoming_gradient"), padded_shape(c, c.shape("source")),
                     "the gradient and the padded source");
        c.result(c.inputs()[1]);
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("incoming_gradient")) return;
        g.give("incoming_gradient", g.graph().add_one("pad", {{"tensor", g.incoming()},
                                                              g.forward("padding_mode"),
                                                              g.forward("left_padding"),
                                                              g.forward("right_padding")}));
      })
      .stitch(stitch_pad_gradient)
      .evaluate([](const EvaluateContext& c) {
        with_numeric_complex(c.output().data_type,
                             [&]<class T>(TypeTag<T>) { pad_gradient_loop<T>(c); });
      });
}

}  // namespace

void add_tensor_pad_rows(Rows& rows) {
  rows.push_back(pad().done());
  rows.push_back(pad_gradient().done());
}

}  // namespace mpsg::ops
