// Cumulative: sums, products and extremes of all elements up to each one, along an axis.
#include <array>
#include <limits>

#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/lines/lines.h"
#include "ops/reduction_loops.h"

namespace mpsg::ops {
namespace {

using namespace build;

// How each scan takes one more element into what it has.

/// Float sums run in double, as those of reductions; integers wrap.
template <class T>
struct Sum {
  using Accumulator = WideAccumulator<T>;
  static Accumulator identity() { return Accumulator(0); }
  static Accumulator step(Accumulator a, T x) { return a + to_accumulator<Accumulator>(x); }
  static T value(Accumulator a) { return from_accumulator<T>(a); }
};
template <class T>
struct Product {
  using Accumulator = WideAccumulator<T>;
  static Accumulator identity() { return Accumulator(1); }
  static Accumulator step(Accumulator a, T x) { return a * to_accumulator<Accumulator>(x); }
  static T value(Accumulator a) { return from_accumulator<T>(a); }
};

template <class C, bool largest>
constexpr C extreme_identity() {
  using Limits = std::numeric_limits<C>;
  if constexpr (std::is_floating_point_v<C>)
    return largest ? -Limits::infinity() : Limits::infinity();
  else return largest ? Limits::lowest() : Limits::max();
}

/// Does x replace the extreme so far? The first of equal ones stays, and the first NaN for good.
template <class C, bool largest>
bool replaces(C best, C x) {
  if constexpr (std::is_floating_point_v<C>)
    return best == best && !(largest ? x <= best : x >= best);
  else return largest ? x > best : x < best;
}

template <class T, bool largest>
struct Extreme {
  using Accumulator = ComputeType<T>;
  static Accumulator identity() { return extreme_identity<Accumulator, largest>(); }
  static Accumulator step(Accumulator a, T x) {
    const auto value = static_cast<Accumulator>(x);
    return replaces<Accumulator, largest>(a, value) ? value : a;
  }
  static T value(Accumulator a) { return static_cast<T>(a); }
};
template <class T>
using Largest = Extreme<T, true>;
template <class T>
using Least = Extreme<T, false>;

/// Scans `count` lines together: along the last axis a few, so that their additions overlap; along
/// another one many that lie side by side, so that they are vectors.
template <class T, class Scan, bool exclusive, bool side_by_side, int most>
void scan_bundle(const T* x, T* out, const Lines& lines, int64_t count, bool reverse) {
  std::array<typename Scan::Accumulator, most> sums;
  sums.fill(Scan::identity());
  const int64_t apart = side_by_side ? 1 : lines.size;
  const auto scan = [&](auto width) {
    for (int64_t i = 0; i < lines.size; ++i) {
      const int64_t row = (reverse ? lines.size - 1 - i : i) * lines.inner;
      for (int64_t k = 0; k < width; ++k) {
        const int64_t at = row + k * apart;
        const auto before = sums[k];
        sums[k] = Scan::step(before, x[at]);
        out[at] = Scan::value(exclusive ? before : sums[k]);
      }
    }
  };
  if (count == most) scan(std::integral_constant<int64_t, most>{});
  else if (count == 1) scan(std::integral_constant<int64_t, 1>{});
  else scan(count);
}

template <class T, class Scan, bool exclusive>
void scan_lines(const EvaluateContext& c) {
  const auto lines = lines_of(c, c.output().shape);
  const bool reverse = c.flag("reverse");
  const auto* x = c.inputs()[0].as<const T>();
  auto* out = c.output().as<T>();
  constexpr int few = 4, many = 128;
  for_each_bundle(lines, lines.inner == 1 ? few : many, c.parallel(), line_grain(lines),
                  [&](int64_t line, int64_t count) {
                    const int64_t begin = lines.begin(line);
                    if (lines.inner == 1)
                      scan_bundle<T, Scan, exclusive, false, few>(x + begin, out + begin, lines,
                                                                  count, reverse);
                    else
                      scan_bundle<T, Scan, exclusive, true, many>(x + begin, out + begin, lines,
                                                                  count, reverse);
                  });
}

template <class T, class Scan>
void scan(const EvaluateContext& c) {
  c.flag("exclusive") ? scan_lines<T, Scan, true>(c) : scan_lines<T, Scan, false>(c);
}

template <template <class> class Scan>
void scan_numbers(const EvaluateContext& c) {
  const auto type = c.output().data_type;
  if (is_complex(type)) return scan<std::complex<float>, Scan<std::complex<float>>>(c);
  const auto run = [&]<class T>(TypeTag<T>) { scan<T, Scan<T>>(c); };
  is_floating(type) ? with_floating(type, run) : with_size_of(type, run);
}
template <template <class> class Scan>
void scan_ordered(const EvaluateContext& c) {
  with_numeric(c.output().data_type, [&]<class T>(TypeTag<T>) { scan<T, Scan<T>>(c); });
}

void infer_scan(InferContext& c) {
  known_axis(c, c.shape("tensor"));
  c.result(c.inputs()[0]);
}

// --- Gradients

/// A scan of `x` along the axis of `g`; the other way round if it carries gradients back.
Tensor scan_of(const GradientContext& g, const char* row, const Tensor& x, bool back) {
  return x.graph().add_one(row, {{"tensor", x},
                                 g.forward("axis"),
                                 {"exclusive", g.flag("exclusive")},
                                 {"reverse", g.flag("reverse") != back}});
}

void sum_gradient(GradientContext& g) {
  g.give("tensor", scan_of(g, "cumulative_sum", g.incoming(), true));
}

/// Before the first 0, products without a factor are products divided by it. At the first 0 they
/// are products with 1 in its place, and behind it they are 0.
void product_gradient(GradientContext& g) {
  const auto x = g.input("tensor");
  const auto is_zero = binary("equal", x, Scalar(0.0));
  const auto zeros =
      x.graph().add_one("cumulative_sum", {{"tensor", cast(is_zero, DataType::int64)},
                                           g.forward("axis"),
                                           {"exclusive", false},
                                           {"reverse", g.flag("reverse")}});
  const auto none_yet = binary("equal", zeros, Scalar(int64_t{0}));
  const auto one = binary("equal", zeros, Scalar(int64_t{1}));
  const auto is_first = binary("logical_and", is_zero, one);
  const auto conjugate = [&](const Tensor& y) {
    return is_complex(y.data_type()) ? unary("conjugate", y) : y;
  };
  const auto product = conjugate(g.output());
  const auto product_without =
      conjugate(scan_of(g, "cumulative_product", select(is_first, Scalar(1.0), x), false));
  const auto before = scan_of(g, "cumulative_sum", g.incoming() * product, true) /
                      conjugate(select(is_zero, Scalar(1.0), x));
  const auto at_first = scan_of(g, "cumulative_sum", g.incoming() * product_without, true);
  g.give("tensor", select(none_yet, before, select(is_first, at_first, Scalar(0.0))));
}

/// Back to where the extreme was taken from; a place out of range is skipped.
template <bool largest>
void extreme_gradient(GradientContext& g) {
  const auto x = g.input("tensor");
  const auto places = g.graph().add_one("cumulative_place", {{"tensor", x},
                                                             g.forward("axis"),
                                                             g.forward("exclusive"),
                                                             g.forward("reverse"),
                                                             {"largest", largest}});
  g.give("tensor", g.graph().add_one("scatter_along_axis",
                                     {{"updates", g.incoming()},
                                      {"indices", places},
                                      g.forward("axis"),
                                      {"shape", shape_of(x)},
                                      {"mode", static_cast<int64_t>(ScatterMode::ADD)}}));
}

// --- Rows

Row scan_row(std::string name, const std::string& documentation, TypeSet types) {
  return Row(std::move(name), "Cumulative")
      .documentation(documentation)
      .types("T", types)
      .operand("tensor", "T")
      .attribute(axis_or_tensor())
      .attribute(keyword(boolean_attribute("exclusive", false)))
      .attribute(keyword(boolean_attribute("reverse", false)))
      .not_stitchable("an element needs the one before it");
}

struct Entry {
  const char* name;
  const char* selector;  // up to "Tensor:": all overloads follow from it
  TypeSet types;
  const char* documentation;
  EvaluateFunction evaluate;
  GradientFunction gradient;
};

void add_scans(Rows& rows) {
  const Entry entries[] = {
      {"cumulative_sum", "cumulativeSumWithTensor:", types::numeric_complex(),
       "The sum of the elements up to each one along `axis`; with exclusive it begins with 0. "
       "Floats are summed in float64 and every sum is rounded once, integers wrap.",
       scan_numbers<Sum>, sum_gradient},
      {"cumulative_product", "cumulativeProductWithTensor:", types::numeric_complex(),
       "The product of the elements up to each one along `axis`; with exclusive it begins with 1. "
       "Floats are multiplied in float64 and every product is rounded once, integers wrap. The "
       "gradient is exact where factors are 0; second derivatives are exact where none is.",
       scan_numbers<Product>, product_gradient},
      {"cumulative_maximum", "cumulativeMaximumWithTensor:", types::numeric(),
       "The largest of the elements up to each one along `axis`, NaN from the first NaN on "
       "(NumPy's maximum.accumulate); with exclusive it begins with -infinity or the least "
       "integer. "
       "The gradient goes to the first of equal largest elements.",
       scan_ordered<Largest>, extreme_gradient<true>},
      {"cumulative_minimum", "cumulativeMinimumWithTensor:", types::numeric(),
       "The least of the elements up to each one along `axis`, NaN from the first NaN on (NumPy's "
       "minimum.accumulate); with exclusive it begins with infinity or the largest integer. The "
       "gradient goes to the first of equal least elements.",
       scan_ordered<Least>, extreme_gradient<false>},
  };
  for (const auto& entry : entries) {
    const std::string selector = entry.selector;
    rows.push_back(
        scan_row(entry.name,
                 std::string(entry.documentation) +
                     " With exclusive an element is what it would be without itself; with reverse "
                     "the last element is the first. `axis`: an int or an integer tensor.",
                 entry.types)
            .selector(selector + "axis:exclusive:reverse:name:", "13.0")
            .selector(selector + "axisTensor:exclusive:reverse:name:", "13.0")
            .selector(selector + "axis:name:", "13.0")
            .selector(selector + "axisTensor:name:", "13.0")
            .infer(infer_scan)
            .gradient(entry.gradient)
            .evaluate(entry.evaluate)
            .done());
  }
}

template <class T, bool largest>
void find_places(const EvaluateContext& c) {
  using C = ComputeType<T>;
  const auto lines = lines_of(c, c.output().shape);
  const bool exclusive = c.flag("exclusive"), reverse = c.flag("reverse");
  const auto* x = c.inputs()[0].as<const T>();
  auto* out = c.output().as<int32_t>();
  for_each_bundle(lines, 1, c.parallel(), line_grain(lines), [&](int64_t line, int64_t) {
    C best{};
    int32_t place = -1;
    for (int64_t i = 0; i < lines.size; ++i) {
      const int64_t along = reverse ? lines.size - 1 - i : i;
      const int64_t at = lines.begin(line) + along * lines.inner;
      if (exclusive) out[at] = place;
      const auto value = static_cast<C>(x[at]);
      if (place < 0 || replaces<C, largest>(best, value)) {
        best = value;
        place = static_cast<int32_t>(along);
      }
      if (!exclusive) out[at] = place;
    }
  });
}

Row place_row() {
  return scan_row("cumulative_place",
                  "Where along `axis` the largest (or least) of the elements up to each one is; -1 "
                  "if there is none.",
                  types::numeric())
      .internal()
      .attribute(boolean_attribute("largest", true))
      .not_differentiable("an index is an integer")
      .infer([](InferContext& c) {
        if (const auto axis = known_axis(c, c.shape("tensor")))
          require_short_axis(c, c.shape("tensor"), *axis);
        c.result(DataType::int32, c.shape("tensor"));
      })
      .evaluate([](const EvaluateContext& c) {
        with_numeric(c.inputs()[0].data_type, [&]<class T>(TypeTag<T>) {
          c.flag("largest") ? find_places<T, true>(c) : find_places<T, false>(c);
        });
      });
}

}  // namespace

void add_cumulative_rows(Rows& rows) {
  add_scans(rows);
  rows.push_back(place_row().done());
}

}  // namespace mpsg::ops
