// LinearAlgebra and MatrixInverse: bands and inverses of matrices, which are the last two axes.
#include <cmath>
#include <complex>
#include <limits>
#include <utility>
#include <vector>

#include "ops/build.h"
#include "ops/families.h"
#include "ops/reduction_loops.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"
#include "ops/tensor_shape/convert.h"

namespace mpsg::ops {
namespace {

using namespace build;

void require_matrices(const InferContext& c, const Shape& shape) {
  if (shape.has_rank() && shape.rank() < 2)
    c.fail("'input' has shape " + shape.to_string() + "; its last two axes must be matrices");
}

// --- band_part

AttributeSpec count_or_tensor(std::string name) {
  auto spec = integer_attribute(std::move(name));
  spec.or_tensor = true;
  return spec;
}

/// Columns [first, last) of a row that lie in the band.
struct Band {
  int64_t lower, upper;  // negative: everything

  std::pair<int64_t, int64_t> columns(int64_t row, int64_t width) const {
    const int64_t first = lower < 0 ? 0 : std::clamp<int64_t>(row - std::min(lower, row), 0, width);
    const bool all = upper < 0 || upper >= width - std::min(row, width);
    return {first, all ? width : std::clamp<int64_t>(row + upper + 1, first, width)};
  }
};

void evaluate_band(const EvaluateContext& c) {
  const auto& shape = c.output().shape;
  const int64_t width = shape[shape.rank() - 1], height = shape[shape.rank() - 2];
  if (c.output().element_count() == 0) return;
  const Band band{c.integers_of("num_lower")[0], c.integers_of("num_upper")[0]};
  with_size_of(c.output().data_type, [&]<class T>(TypeTag<T>) {
    c.parallel().for_range(c.output().element_count() / width, std::max<int64_t>(1, 16384 / width),
                           [&](int64_t begin, int64_t end) {
                             for (int64_t row = begin; row < end; ++row) {
                               const T* x = c.inputs()[0].as<const T>() + row * width;
                               T* out = c.output().as<T>() + row * width;
                               const auto [first, last] = band.columns(row % height, width);
                               std::fill_n(out, first, T(0));
                               std::copy(x + first, x + std::max(first, last), out + first);
                               std::fill(out + std::max(first, last), out + width, T(0));
                             }
                           });
  });
}

void stitch_band(StitchContext& c) {
  if (refuse_complex(c)) return;
  const int rank = c.result_type().shape.rank();
  const int64_t lower = one_integer(c, "num_lower"), upper = one_integer(c, "num_upper");
  const auto row = c.value_of(c.index(rank - 2)), column = c.value_of(c.index(rank - 1));
  Element guard;
  const auto within = [&](const Expression& distance, int64_t most) {
    if (most >= 0)
      guard =
          both_guards(c, guard, distance.apply(ElementOp::less_equal, integer(c, most)).element());
  };
  within(row - column, lower);
  within(column - row, upper);
  c.give(c.input_at(0, result_indices(c), guard));
}

Row band_part() {
  return Row("band_part", "LinearAlgebra")
      .documentation(
          "The matrices in the last two axes with 0 outside a band: element [row, column] stays if "
          "row - column <= num_lower and column - row <= num_upper; a negative number keeps all on "
          "its side (TensorFlow's band_part). (0, -1): the upper triangle; (0, 0): the diagonal. "
          "Both may be integer tensors. Any type.")
      .selector("bandPartWithTensor:numLower:numUpper:name:", "12.3")
      .selector("bandPartWithTensor:numLowerTensor:numUpperTensor:name:", "12.3")
      .types("T", types::all())
      .operand("input", "T")
      .attribute(count_or_tensor("num_lower"))
      .attribute(count_or_tensor("num_upper"))
      .infer([](InferContext& c) {
        require_matrices(c, c.shape("input"));
        c.known_integer("num_lower");
        c.known_integer("num_upper");
        c.result(c.inputs()[0]);
      })
      .gradient([](GradientContext& g) {
        g.give("input", g.graph().add_one("band_part", {{"input", g.incoming()},
                                                        g.forward("num_lower"),
                                                        g.forward("num_upper")}));
      })
      .stitch(stitch_band)
      .evaluate(evaluate_band);
}

// --- inverse

/// Where an inverse is computed: every type in its double.
template <class T>
using Wide =
    std::conditional_t<std::is_same_v<T, std::complex<float>>, std::complex<double>, double>;

/// Elimination (Gauss and Jordan) in place, with row pivots: after step k, the first k + 1 columns
/// are those of the inverse. False if a column has no pivot.
template <class W>
bool invert(W* a, int64_t n, const Parallel& parallel) {
  std::vector<int64_t> pivots(static_cast<size_t>(n));
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, n));
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i)
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    const double size = std::abs(a[pivot * n + k]);
    if (!(size > 0) || !std::isfinite(size)) return false;
    pivots[static_cast<size_t>(k)] = pivot;
    W* const row = a + k * n;
    if (pivot != k) std::swap_ranges(row, row + n, a + pivot * n);
    const W factor = W(1) / row[k];
    row[k] = W(1);
    for (int64_t j = 0; j < n; ++j) row[j] *= factor;
    parallel.for_range(n, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (i == k) continue;
        W* const other = a + i * n;
        const W times = std::exchange(other[k], W(0));
        for (int64_t j = 0; j < n; ++j) other[j] -= times * row[j];
      }
    });
  }
  for (int64_t k = n - 1; k >= 0; --k)
    if (const int64_t pivot = pivots[static_cast<size_t>(k)]; pivot != k)
      for (int64_t i = 0; i < n; ++i) std::swap(a[i * n + k], a[i * n + pivot]);
  return true;
}

template <class T>
void evaluate_inverse(const EvaluateContext& c) {
  const auto& shape = c.output().shape;
  const int64_t n = shape[shape.rank() - 1];
  if (c.output().element_count() == 0) return;
  const int64_t count = c.output().element_count() / (n * n);
  const auto invert_one = [&](int64_t which, const Parallel& parallel) {
    const T* x = c.inputs()[0].as<const T>() + which * n * n;
    T* out = c.output().as<T>() + which * n * n;
    std::vector<Wide<T>> matrix(static_cast<size_t>(n * n));
    for (int64_t i = 0; i < n * n; ++i)
      matrix[static_cast<size_t>(i)] = to_accumulator<Wide<T>>(x[i]);
    if (!invert(matrix.data(), n, parallel))
      std::ranges::fill(matrix, Wide<T>(std::numeric_limits<double>::quiet_NaN()));
    for (int64_t i = 0; i < n * n; ++i)
      out[i] = from_accumulator<T>(matrix[static_cast<size_t>(i)]);
  };
  if (count == 1) return invert_one(0, c.parallel());
  const int64_t grain = std::max<int64_t>(1, 16384 / (n * n * n));
  c.parallel().for_range(count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) invert_one(i, Parallel::serial());
  });
}

Row inverse() {
  return Row("inverse", "MatrixInverse")
      .documentation(
          "The inverses of the square matrices in the last two axes; the others are batches. "
          "Computed in float64 with row pivots, and rounded once. A matrix that has no inverse, or "
          "elements that are not finite, gives NaN.")
      .selector("inverseOfTensor:name:", "13.0")
      .types("T", types::differentiable())
      .operand("input", "T")
      .not_stitchable("an element of the result follows from the whole matrix")
      .infer([](InferContext& c) {
        auto shape = c.shape("input");
        require_matrices(c, shape);
        if (shape.has_rank()) {
          auto &rows = shape[shape.rank() - 2], &columns = shape[shape.rank() - 1];
          if (differ(rows, columns))
            c.fail("'input' has shape " + shape.to_string() + "; its matrices must be square");
          rows = columns = std::max(rows, columns);
        }
        c.result(c.operand_data_type("input"), shape);
      })
      // -Y' G Y' with the transposed (and conjugated) inverse Y'.
      .gradient([](GradientContext& g) {
        auto y = g.graph().add_one(
            "transpose",
            {{"tensor", g.output()}, {"dimension", int64_t{-1}}, {"with_dimension", int64_t{-2}}});
        if (is_complex(y.data_type())) y = unary("conjugate", y);
        const auto product = [](const Tensor& a, const Tensor& b) {
          return a.graph().add_one("matrix_multiplication", {{"primary", a}, {"secondary", b}});
        };
        g.give("input", -product(product(y, g.incoming()), y));
      })
      .evaluate([](const EvaluateContext& c) {
        if (is_complex(c.output().data_type)) return evaluate_inverse<std::complex<float>>(c);
        with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) { evaluate_inverse<T>(c); });
      });
}

// --- hamming_distance

Shape distances_shape(const InferContext& c, const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return Shape::unranked();
  for (const auto* shape : {&a, &b})
    if (shape->rank() < 2 || shape->rank() >= max_rank)
      c.fail("operands have shapes " + a.to_string() + " and " + b.to_string() +
             "; sets of vectors have 2 to 15 dimensions");
  if (differ(a[a.rank() - 1], b[b.rank() - 1]))
    c.fail("vectors of " + std::to_string(a[a.rank() - 1]) + " and " +
           std::to_string(b[b.rank() - 1]) + " elements have no distance: shapes " + a.to_string() +
           " and " + b.to_string());
  const auto batch = [](const Shape& shape) {
    return Shape(shape.dimensions().first(static_cast<size_t>(shape.rank()) - 2));
  };
  auto shape = broadcast_shapes(c, batch(a), batch(b));
  shape.append(a[a.rank() - 2]);
  shape.append(b[b.rank() - 2]);
  return shape;
}

Row hamming_distance() {
  return Row("hamming_distance", "MatrixMultiplication")
      .documentation(
          "In how many bits vectors differ: the last axis is a vector of bits, packed into "
          "integers. Of [..., M, K] and [..., N, K] the distances of each vector to each are [..., "
          "M, N]; the axes before are batches that broadcast. `result_data_type`: uint32 or "
          "uint16, which wraps. A composite.")
      .selector("HammingDistanceWithPrimaryTensor:secondaryTensor:resultDataType:name:", "13.0")
      .types("T", types::integers())
      .operand("primary", "T")
      .operand("secondary", "T")
      .attribute(data_type_attribute("result_data_type", DataType::uint32))
      .not_differentiable("a number of bits is an integer")
      .infer([](InferContext& c) {
        const auto type = c.data_type("result_data_type");
        if (type != DataType::uint32 && type != DataType::uint16)
          c.fail("'result_data_type' is " + std::string(data_type_name(type)) +
                 "; uint32 and uint16 are supported");
        c.result(type, distances_shape(c, c.shape("primary"), c.shape("secondary")));
      })
      .expand([](ExpandContext& c) {
        const auto expanded = [&](const char* operand, int64_t axis) {
          return c.graph().add_one("expand_dims", {{"tensor", c.input(operand)}, {"axes", axis}});
        };
        const auto bits = binary("bitwise_xor", expanded("primary", -2), expanded("secondary", -3));
        const auto counts =
            cast(unary("bitwise_population_count", bits), c.data_type("result_data_type"));
        c.give(c.graph().add_one(
            "squeeze", {{"tensor", sum(counts, {"axes", int64_t{-1}})}, {"axes", int64_t{-1}}}));
      });
}

}  // namespace

void add_linear_algebra_rows(Rows& rows) {
  rows.push_back(band_part().done());
  rows.push_back(inverse().done());
  rows.push_back(hamming_distance().done());
}

}  // namespace mpsg::ops
