// Reduction: sums, products, extremes, logic and the place of an extreme, along axes.
#include <limits>

#include "ops/build.h"
#include "ops/families.h"
#include "ops/reduction_loops.h"
#include "ops/shape_rules.h"
#include "ops/wide.h"

namespace mpsg::ops {
namespace {

using namespace build;

// How each reduction folds one element into an accumulator, and two accumulators into one.

/// Float sums run in double, so that their error does not grow with the count; integers wrap.
template <class T>
struct Sum {
  using Accumulator = WideAccumulator<T>;
  static Accumulator first(int64_t) { return Accumulator(0); }
  static Accumulator step(Accumulator a, T x) { return a + to_accumulator<Accumulator>(x); }
  static Accumulator merge(Accumulator a, Accumulator b) { return a + b; }
};
template <class T>
struct Product {
  using Accumulator = WideAccumulator<T>;
  static Accumulator first(int64_t) { return Accumulator(1); }
  static Accumulator step(Accumulator a, T x) { return a * to_accumulator<Accumulator>(x); }
  static Accumulator merge(Accumulator a, Accumulator b) { return a * b; }
};

/// The largest (or least) element. Without propagation NaN counts only if there is nothing else.
template <class T, bool largest, bool propagate>
struct Extreme {
  using Accumulator = ComputeType<T>;
  using Limits = std::numeric_limits<Accumulator>;
  static constexpr bool real = std::is_floating_point_v<Accumulator>;

  static Accumulator identity() {
    if constexpr (real) return largest ? -Limits::infinity() : Limits::infinity();
    else return largest ? Limits::lowest() : Limits::max();
  }
  static Accumulator first(int64_t count) {
    if constexpr (real && !propagate) return count > 0 ? Limits::quiet_NaN() : identity();
    else return identity();
  }
  static Accumulator merge(Accumulator a, Accumulator b) {
    // Apart, so that the first line is one instruction and the second a branch never taken.
    const Accumulator best = largest ? (b > a ? b : a) : (b < a ? b : a);
    if constexpr (real) return (propagate ? b != b : a != a) ? b : best;
    else return best;
  }
  static Accumulator step(Accumulator a, T x) { return merge(a, static_cast<Accumulator>(x)); }
};
template <class T>
using Largest = Extreme<T, true, false>;
template <class T>
using Least = Extreme<T, false, false>;
template <class T>
using LargestOrNan = Extreme<T, true, true>;
template <class T>
using LeastOrNan = Extreme<T, false, true>;

template <class T>
struct And {
  using Accumulator = uint8_t;
  static uint8_t first(int64_t) { return 1; }
  static uint8_t step(uint8_t a, T x) { return a & (x != 0); }
  static uint8_t merge(uint8_t a, uint8_t b) { return a & b; }
};
template <class T>
struct Or {
  using Accumulator = uint8_t;
  static uint8_t first(int64_t) { return 0; }
  static uint8_t step(uint8_t a, T x) { return a | (x != 0); }
  static uint8_t merge(uint8_t a, uint8_t b) { return a | b; }
};

/// Which axes are reduced: those given, or all.
std::vector<bool> reduced_axes(const EvaluateContext& c) {
  const int rank = c.inputs()[0].shape.rank();
  std::vector<bool> reduced(static_cast<size_t>(rank), !c.given_either_way("axes"));
  if (c.given_either_way("axes"))
    for (const auto axis : c.integers_of("axes"))
      reduced[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = true;
  return reduced;
}

template <class T, class Fold>
void fold_axes(const EvaluateContext& c) {
  reduce<T, Fold>(c.inputs()[0], reduced_axes(c), c.output(), c.parallel());
}

/// Sums and products see only an integer's width.
template <template <class> class Fold>
void fold_numbers(const EvaluateContext& c) {
  const auto type = c.output().data_type;
  if (is_complex(type)) return fold_axes<std::complex<float>, Fold<std::complex<float>>>(c);
  const auto fold = [&]<class T>(TypeTag<T>) { fold_axes<T, Fold<T>>(c); };
  is_floating(type) ? with_floating(type, fold) : with_size_of(type, fold);
}
template <template <class> class Fold>
void fold_ordered(const EvaluateContext& c) {
  with_numeric(c.output().data_type, [&]<class T>(TypeTag<T>) { fold_axes<T, Fold<T>>(c); });
}
template <template <class> class Fold>
void fold_bools(const EvaluateContext& c) {
  fold_axes<uint8_t, Fold<uint8_t>>(c);
}

void infer_reduction(InferContext& c) {
  c.result(c.operand_data_type("tensor"), reduced_shape(c, c.shape("tensor")));
}

/// A product without one factor: by division where no factor is 0, without the zero where one is.
void product_gradient(GradientContext& g) {
  const auto x = g.input("tensor");
  const auto is_zero = binary("equal", x, Scalar(0.0));
  const auto others = select(is_zero, Scalar(1.0), x);
  const auto product =
      g.graph().add_one("reduction_product", {{"tensor", others}, g.forward("axes")});
  const auto zeros = sum(cast(is_zero, DataType::int64), g.forward("axes"));
  const auto no_zero = binary("equal", zeros, Scalar(int64_t{0}));
  const auto one_zero = binary("equal", zeros, Scalar(int64_t{1}));
  const auto at_zero = select(one_zero, product, Scalar(0.0));
  const auto elsewhere = select(no_zero, product / others, Scalar(0.0));
  auto derivative = select(is_zero, at_zero, elsewhere);
  if (is_complex(x.data_type())) derivative = unary("conjugate", derivative);
  g.give("tensor", g.incoming() * derivative);
}

/// Equal shares for all elements that equal the extreme.
void extreme_gradient(GradientContext& g) {
  const auto x = g.input("tensor");
  const auto is_extreme = binary("equal", x, g.output());
  const auto count = sum(cast(is_extreme, DataType::int64), g.forward("axes"));
  const auto share = g.incoming() / cast(count, x.data_type());
  g.give("tensor", select(is_extreme, share, Scalar(0.0)));
}

struct Entry {
  const char* name;
  const char* selector;  // up to "Tensor:": both overloads follow from it
  const char* macos;
  TypeSet types;
  const char* documentation;
  EvaluateFunction evaluate;
  FoldKind fold;  // the same in a stitched kernel
  GradientFunction gradient = nullptr;
};

void add_folds(Rows& rows) {
  const auto numbers = types::numeric(), any = types::numeric_complex();
  const Entry entries[] = {
      {"reduction_sum", "reductionSumWithTensor:", "11.0", any,
       "The sum along `axes`; 0 if there is nothing to sum. Floats are summed in float64 and "
       "rounded once, integers wrap.",
       fold_numbers<Sum>, FoldKind::sum,
       [](GradientContext& g) {
         g.give("tensor", broadcast_like(g.incoming(), g.input("tensor")));
       }},
      {"reduction_product", "reductionProductWithTensor:", "11.0", any,
       "The product along `axes`; 1 if there are no factors. Floats are multiplied in float64 and "
       "rounded once, integers wrap. The gradient is exact where factors are 0; second "
       "derivatives are exact where none is.",
       fold_numbers<Product>, FoldKind::product, product_gradient},
      {"reduction_maximum", "reductionMaximumWithTensor:", "11.0", numbers,
       "The largest element along `axes`; NaN counts only where there is nothing else. Of nothing: "
       "-infinity, or the least integer. Equal largest elements share the gradient equally.",
       fold_ordered<Largest>, FoldKind::maximum, extreme_gradient},
      {"reduction_minimum", "reductionMinimumWithTensor:", "11.0", numbers,
       "The least element along `axes`; NaN counts only where there is nothing else. Of nothing: "
       "infinity, or the largest integer. Equal least elements share the gradient equally.",
       fold_ordered<Least>, FoldKind::minimum, extreme_gradient},
      {"reduction_maximum_propagate_nan", "reductionMaximumPropagateNaNWithTensor:", "12.1",
       numbers,
       "The largest element along `axes`, NaN where one is. Of nothing: -infinity, or the least "
       "integer. Equal largest elements share the gradient equally.",
       fold_ordered<LargestOrNan>, FoldKind::maximum_propagate_nan, extreme_gradient},
      {"reduction_minimum_propagate_nan", "reductionMinimumPropagateNaNWithTensor:", "12.1",
       numbers,
       "The least element along `axes`, NaN where one is. Of nothing: infinity, or the largest "
       "integer. Equal least elements share the gradient equally.",
       fold_ordered<LeastOrNan>, FoldKind::minimum_propagate_nan, extreme_gradient},
      {"reduction_and", "reductionAndWithTensor:", "12.2", types::boolean(),
       "True where all elements along `axes` are true; true of nothing.", fold_bools<And>,
       FoldKind::all},
      {"reduction_or", "reductionOrWithTensor:", "12.2", types::boolean(),
       "True where an element along `axes` is true; false of nothing.", fold_bools<Or>,
       FoldKind::any},
  };
  for (const auto& entry : entries) {
    Row row(entry.name, "Reduction");
    const std::string selector = entry.selector;
    std::move(row)
        .documentation(std::string(entry.documentation) +
                       " `axes`: an int, ints, an integer tensor, or None for all axes; they stay "
                       "with size 1.")
        .selector(selector + "axis:name:", entry.macos)
        .selector(selector + "axes:name:", entry.macos)
        .types("T", entry.types)
        .operand("tensor", "T")
        .attribute(optional_integers_or_tensor("axes"))
        .infer(infer_reduction)
        .fold(entry.fold)
        .evaluate(entry.evaluate);
    if (entry.gradient) std::move(row).gradient(entry.gradient);
    else std::move(row).not_differentiable("its values are not numbers");
    rows.push_back(std::move(row).done());
  }
}

void infer_place(InferContext& c) {
  auto shape = c.shape("tensor");
  if (shape.has_rank()) {
    const int axis = normalize_axis(c, "axis", c.integer("axis"), shape.rank());
    if (shape[axis] == 0)
      c.fail("axis " + std::to_string(axis) + " of " + shape.to_string() +
             " is empty: nothing is its extreme");
    if (shape[axis] > INT32_MAX)
      c.fail("indices along an axis of " + std::to_string(shape[axis]) + " do not fit into int32");
    shape[axis] = 1;
  }
  c.result(DataType::int32, shape);
}

template <bool largest>
void find_place(const EvaluateContext& c) {
  const auto& shape = c.inputs()[0].shape;
  const auto axis = static_cast<int>(c.integer("axis"));
  with_numeric(c.inputs()[0].data_type, [&]<class T>(TypeTag<T>) {
    using C = ComputeType<T>;
    find_along<T>(c.inputs()[0], axis < 0 ? axis + shape.rank() : axis, c.output(), c.parallel(),
                  [](C best, C x) {
                    if (largest ? best < x : x < best) return true;
                    if constexpr (std::is_floating_point_v<C>) return x != x && best == best;
                    return false;
                  });
  });
}

Row place_row(const char* name, const char* selector, const char* which) {
  return Row(name, "Reduction")
      .documentation(std::string("The index along `axis` of the ") + which +
                     " element, as int32; the first one of several, and the first NaN if there is "
                     "one (NumPy's rule). The axis stays with size 1. GraphError if it is empty.")
      .selector(selector, "12.0")
      .types("T", types::numeric())
      .operand("tensor", "T")
      .attribute(integer_attribute("axis"))
      .not_differentiable("an index is an integer")
      .not_stitchable("it folds a value and a place together")
      .infer(infer_place);
}

}  // namespace

Shape reduced_shape(const InferContext& c, const Shape& shape) {
  if (!shape.has_rank()) return shape;
  const auto axes = c.known_integers("axes");
  if (!axes && c.given_either_way("axes")) return Shape::unknown(shape.rank());
  Shape result = shape;
  if (axes)
    for (const int axis : normalize_axes(c, "axes", *axes, shape.rank())) result[axis] = 1;
  else
    for (int axis = 0; axis < shape.rank(); ++axis) result[axis] = 1;
  return result;
}

void add_reduction_rows(Rows& rows) {
  add_folds(rows);
  rows.push_back(
      place_row("reduction_arg_maximum", "reductionArgMaximumWithTensor:axis:name:", "largest")
          .evaluate(find_place<true>)
          .done());
  rows.push_back(
      place_row("reduction_arg_minimum", "reductionArgMinimumWithTensor:axis:name:", "least")
          .evaluate(find_place<false>)
          .done());
}

}  // namespace mpsg::ops
