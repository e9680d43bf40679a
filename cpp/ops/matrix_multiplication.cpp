// MatrixMultiplication: batched matrix products.
#include <algorithm>
#include <complex>
#include <limits>

#include "graph/element_types.h"
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

/// The shape without its last two dimensions.
Shape batch_of(const Shape& shape) {
  return Shape(shape.dimensions().first(static_cast<size_t>(shape.rank()) - 2));
}

/// The matrices' sizes as the product sees them. The flags are hidden: the compiler sets them when
/// it lets a product read what a permute would have transposed.
struct Sizes {
  int64_t rows, columns;
};
Sizes sizes_of(const OperationView& operation, const char* flag, const Shape& shape) {
  const Sizes sizes{shape[shape.rank() - 2], shape[shape.rank() - 1]};
  return operation.flag(flag) ? Sizes{sizes.columns, sizes.rows} : sizes;
}

void infer_matrix_multiplication(InferContext& c) {
  for (const char* operand : {"primary", "secondary"})
    if (c.shape(operand).has_rank() && c.shape(operand).rank() < 2)
      c.fail("'" + std::string(operand) + "' has shape " + c.shape(operand).to_string() +
             "; matrices have rank 2 or more. Use reshape, or expand_dims, to make it a row (1, n) "
             "or a column (n, 1)");
  const auto &a = c.shape("primary"), &b = c.shape("secondary");
  const auto type = c.operand_data_type("primary");
  if (!a.has_rank() || !b.has_rank()) return c.result(type, Shape::unranked());
  const auto left = sizes_of(c, "transpose_primary", a);
  const auto right = sizes_of(c, "transpose_secondary", b);
  if (differ(left.columns, right.rows))
    c.fail("shapes " + a.to_string() + " and " + b.to_string() +
           " do not multiply: 'primary' has " + std::to_string(left.columns) +
           " columns, 'secondary' " + std::to_string(right.rows) + " rows");
  auto result = broadcast_shapes(c, batch_of(a), batch_of(b), "the dimensions before matrices");
  result.append(left.rows);
  result.append(right.columns);
  c.result(type, result);
}

/// How products are summed: in the compute type, integers modulo 2^n without overflow.
template <class T>
struct Accumulator {
  using type = ComputeType<T>;
  static type load(T value) { return static_cast<type>(value); }
  static void add(type& sum, type a, type b) { sum += a * b; }
  static T store(type sum) { return static_cast<T>(sum); }
};

template <class T>
  requires std::is_integral_v<T>
struct Accumulator<T> {
  using type = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  static type load(T value) { return static_cast<type>(value); }
  static void add(type& sum, type a, type b) { sum += a * b; }
  static T store(type sum) { return static_cast<T>(sum); }
};

/// Without std::complex's care for infinities, which costs a branch for each product.
template <>
struct Accumulator<std::complex<float>> {
  struct type {
    float real, imaginary;
  };
  static type load(std::complex<float> value) { return {value.real(), value.imag()}; }
  static void add(type& sum, type a, type b) {
    sum.real += a.real * b.real - a.imaginary * b.imaginary;
    sum.imaginary += a.real * b.imaginary + a.imaginary * b.real;
  }
  static std::complex<float> store(type sum) { return {sum.real, sum.imaginary}; }
};

constexpr int64_t tile_rows = 4;      // rows whose sums are in registers together
constexpr int64_t tile_columns = 32;  // columns of one tile
constexpr int64_t task_rows = 64;     // rows that share a packed panel

/// A matrix in memory.
template <class T>
struct Matrix {
  const T* data;
  int64_t row_stride, column_stride;
  const T* at(int64_t row, int64_t column) const {
    return data + row * row_stride + column * column_stride;
  }
};

template <class T>
Matrix<T> matrix_of(const T* data, Sizes sizes, bool transposed) {
  if (transposed) return {data, 1, sizes.rows};
  return {data, sizes.columns, 1};
}

/// One matrix product of the batch: (rows, depth) x (depth, columns).
template <class T>
struct Product {
  Matrix<T> a;
  Matrix<T> b;
  T* out;
  int64_t depth, columns;

  using A = Accumulator<T>;
  using Element = typename A::type;

  /// Rows [row, row_end) of columns [column, column + width). Every element is one sum in the order
  /// of the depth, whatever the tiles.
  void compute(int64_t row, int64_t row_end, int64_t column, int64_t width,
               std::vector<Element>& panel) const {
    panel.assign(static_cast<size_t>(depth * tile_columns), Element{});
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t j = 0; j < width; ++j)
        panel[static_cast<size_t>(k * tile_columns + j)] = A::load(*b.at(k, column + j));
    for (; row < row_end; row += tile_rows)
      tile(row, std::min(tile_rows, row_end - row), column, width, panel.data());
  }

  void tile(int64_t row, int64_t height, int64_t column, int64_t width,
            const Element* panel) const {
    Element sums[tile_rows][tile_columns] = {};
    const T* lines[tile_rows];
    // A tile of fewer rows repeats its last one and drops what it gives.
    for (int64_t i = 0; i < tile_rows; ++i) lines[i] = a.at(row + std::min(i, height - 1), 0);
    for (int64_t k = 0; k < depth; ++k) {
      const Element* from = panel + k * tile_columns;
      for (int64_t i = 0; i < tile_rows; ++i) {
        const Element x = A::load(lines[i][k * a.column_stride]);
        for (int64_t j = 0; j < tile_columns; ++j) A::add(sums[i][j], x, from[j]);
      }
    }
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < width; ++j)
        out[(row + i) * columns + column + j] = A::store(sums[i][j]);
  }
};

/// Which matrix of a broadcast batch belongs to matrix `index` of the result.
int64_t batch_index(int64_t index, const Shape& result, const Shape& operand) {
  int64_t found = 0, step = 1;
  for (int axis = result.rank() - 1; axis >= 0; --axis) {
    const int64_t at = index % result[axis];
    index /= result[axis];
    const int own = axis - (result.rank() - operand.rank());
    if (own < 0) continue;
    if (operand[own] != 1) found += at * step;
    step *= operand[own];
  }
  return found;
}

template <class T>
void multiply(const EvaluateContext& c) {
  const auto &a = c.input("primary"), &b = c.input("secondary");
  const auto& out = c.output();
  if (out.element_count() == 0) return;
  const int rank = out.shape.rank();
  const int64_t rows = out.shape[rank - 2], columns = out.shape[rank - 1];
  const auto left = sizes_of(c, "transpose_primary", a.shape);
  const auto right = sizes_of(c, "transpose_secondary", b.shape);
  const int64_t depth = left.columns;
  const auto batches = batch_of(out.shape), a_batches = batch_of(a.shape),
             b_batches = batch_of(b.shape);
  const int64_t row_tasks = (rows - 1) / task_rows + 1;
  const int64_t column_tasks = (columns - 1) / tile_columns + 1;
  const int64_t work = std::min(rows, task_rows) * tile_columns * (depth + 1);
  const int64_t grain = std::max<int64_t>(1, (1 << 16) / work);
  const int64_t tasks = *batches.element_count() * row_tasks * column_tasks;
  c.parallel().for_range(tasks, grain, [&](int64_t begin, int64_t end) {
    std::vector<typename Product<T>::Element> panel;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t batch = task / (row_tasks * column_tasks);
      const int64_t row = task / column_tasks % row_tasks * task_rows;
      const int64_t column = task % column_tasks * tile_columns;
      const Product<T> product{
          matrix_of(a.as<const T>() + batch_index(batch, batches, a_batches) * rows * depth, left,
                    c.flag("transpose_primary")),
          matrix_of(b.as<const T>() + batch_index(batch, batches, b_batches) * depth * columns,
                    right, c.flag("transpose_secondary")),
          out.as<T>() + batch * rows * columns, depth, columns};
      product.compute(row, std::min(rows, row + task_rows), column,
                      std::min(tile_columns, columns - column), panel);
    }
  });
}

/// The last two dimensions exchanged, and complex numbers conjugated.
Tensor adjoint(const Tensor& x) {
  const auto transposed =
      x.graph().add_one("transpose", {{"tensor", x},
                                      {"dimension", AttributeValue(int64_t{-2})},
                                      {"with_dimension", AttributeValue(int64_t{-1})}});
  return is_complex(x.data_type()) ? unary("conjugate", transposed) : transposed;
}

Tensor product(const Tensor& a, const Tensor& b) {
  return a.graph().add_one("matrix_multiplication", {{"primary", a}, {"secondary", b}});
}

Row matrix_multiplication() {
  return Row("matrix_multiplication", "MatrixMultiplication")
      .documentation("The matrix product of the last two dimensions; the dimensions before them "
                     "are batches and broadcast (NumPy's matmul for rank >= 2). Sums are in "
                     "float32 for 16-bit types, else in the type itself; integers wrap.")
      .selector("matrixMultiplicationWithPrimaryTensor:secondaryTensor:name:", "11.0")
      .types("T", types::numeric_complex())
      .operand("primary", "T")
      .operand("secondary", "T")
      .attribute(hidden(boolean_attribute("transpose_primary", false)))
      .attribute(hidden(boolean_attribute("transpose_secondary", false)))
      .infer(infer_matrix_multiplication)
      .gradient([](GradientContext& g) {
        const auto a = g.input("primary"), b = g.input("secondary");
        if (g.wanted("primary"))
          g.give("primary", sum_to_like(product(g.incoming(), adjoint(b)), a));
        if (g.wanted("secondary"))
          g.give("secondary", sum_to_like(product(adjoint(a), g.incoming()), b));
      })
      .not_stitchable("it sums over an axis of both operands; others stitch onto its result")
      .evaluate([](const EvaluateContext& c) {
        with_numeric_complex(c.output().data_type, [&]<class T>(TypeTag<T>) { multiply<T>(c); });
      });
}

/// One number for each head, the dimension before the sequences.
void check_sinks(const InferContext& c, const Shape& scores) {
  const auto& sinks = c.shape("sinks");
  if (!sinks.has_rank() || !scores.has_rank()) return;
  if (sinks.rank() != 1 || scores.rank() < 3)
    c.fail("'sinks' has shape " + sinks.to_string() + " for scores of shape " + scores.to_string() +
           "; it has one number for each head: (H) for scores (..., H, N, M)");
  if (differ(sinks[0], scores[scores.rank() - 3]))
    c.fail("'sinks' " + sinks.to_string() + " and the heads of the scores " + scores.to_string() +
           " differ in number");
}

void infer_attention(InferContext& c) {
  const auto &query = c.shape("query"), &key = c.shape("key"), &value = c.shape("value");
  for (const char* operand : {"query", "key", "value"})
    if (c.shape(operand).has_rank() && c.shape(operand).rank() < 2)
      c.fail("'" + std::string(operand) + "' has shape " + c.shape(operand).to_string() +
             "; rank 2 or more is needed: (..., sequence, features)");
  const auto type = c.operand_data_type("query");
  if (!query.has_rank() || !key.has_rank() || !value.has_rank())
    return c.result(type, Shape::unranked());
  const auto last = [](const Shape& shape, int back) { return shape[shape.rank() - back]; };
  if (differ(last(query, 1), last(key, 1)))
    c.fail("'query' " + query.to_string() + " and 'key' " + key.to_string() +
           " differ in the number of features");
  if (differ(last(key, 2), last(value, 2)))
    c.fail("'key' " + key.to_string() + " and 'value' " + value.to_string() +
           " differ in the length of the sequence");
  auto scores = broadcast_shapes(c, batch_of(query), batch_of(key),
                                 "the dimensions of 'query' and 'key' before the last two");
  scores.append(last(query, 2));
  scores.append(last(key, 2));
  if (c.has("mask")) {
    if (c.flag("is_causal")) c.fail("give either 'mask' or 'is_causal'");
    scores = broadcast_shapes(c, scores, c.shape("mask"), "the scores and 'mask'");
  }
  if (c.has("sinks")) check_sinks(c, scores);
  if (!scores.has_rank()) return c.result(type, Shape::unranked());
  auto result = broadcast_shapes(c, batch_of(scores), batch_of(value),
                                 "the dimensions of the scores and 'value' before the last two");
  result.append(last(scores, 2));
  result.append(last(value, 1));
  c.result(type, result);
}

/// -infinity where a query would see a key that comes after it.
Tensor without_later(const Tensor& scores) {
  const auto& shape = scores.shape();
  const Argument size = shape.is_static() ? Argument{"shape", shape.to_vector()}
                                          : Argument{"shape", shape_of(scores)};
  const auto places = [&](int64_t axis) {
    return scores.graph().add_one("coordinate_along_axis", {{"axis", axis}, size});
  };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return select(binary("greater_than_or_equal_to", places(-2), places(-1)), scores,
                Scalar(-infinity));
}

/// Softmax over the scores and one more for each head, whose share nobody gets.
Tensor softmax_with_sinks(const Tensor& scores, const Tensor& sinks) {
  const std::vector<int64_t> column{-1, 1, 1}, last{-1};
  const auto sink = sinks.graph().add_one("reshape", {{"tensor", sinks}, {"shape", column}});
  const auto most = binary(
      "maximum", scores.graph().add_one("reduction_maximum", {{"tensor", scores}, {"axes", last}}),
      sink);
  const auto shares = unary("exponent", scores - most);
  return shares / (sum(shares, {"axes", last}) + unary("exponent", sink - most));
}

Row scaled_dot_product_attention() {
  return Row("scaled_dot_product_attention", "MatrixMultiplication")
      .documentation(
          "softmax(scale * query * key^T + mask) * value: query (..., N, F), key "
          "(..., M, F) and value (..., M, G) give (..., N, G); the dimensions before "
          "broadcast. `mask` is added to the scores (..., N, M): -infinity hides a "
          "position; a row that hides all is NaN. `is_causal` hides from query i all keys "
          "j > i. `sinks` (H), for scores (..., H, N, M), are one more score for each "
          "head, whose weight goes nowhere. A composite.")
      .selector("scaledDotProductAttentionWithQueryTensor:keyTensor:valueTensor:maskTensor:scale:"
                "name:",
                "15.0")
      .selector("scaledDotProductAttentionWithQueryTensor:keyTensor:valueTensor:scale:name:",
                "15.0")
      .selector("scaledDotProductAttentionWithQueryTensor:keyTensor:valueTensor:descriptor:name:",
                "27.0")
      .types("T", types::floating())
      .operand("query", "T")
      .operand("key", "T")
      .operand("value", "T")
      .keyword_operand("mask", "T")
      .keyword_operand("sinks", "T")
      .attribute(real_attribute("scale"))
      .attribute(keyword(boolean_attribute("is_causal", false)))
      .infer(infer_attention)
      .expand([](ExpandContext& c) {
        auto scores = product(c.input("query"), adjoint(c.input("key"))) * c.real("scale");
        if (c.has("mask")) scores = scores + c.input("mask");
        if (c.flag("is_causal")) scores = without_later(scores);
        const auto weights =
            c.has("sinks")
                ? softmax_with_sinks(scores, c.input("sinks"))
                : c.graph().add_one("softmax", {{"tensor", scores}, {"axis", int64_t{-1}}});
        c.give(product(weights, c.input("value")));
      });
}

}  // namespace

void add_matrix_multiplication_rows(Rows& rows) {
  rows.push_back(matrix_multiplication().done());
  rows.push_back(scaled_dot_product_attention().done());
}

}  // namespace mpsg::ops
