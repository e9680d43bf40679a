// NonZero: where elements are not 0.
#include <complex>
#include <vector>

#include "graph/element_types.h"
#include "ops/counted.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/tensor_shape/convert.h"

namespace mpsg::ops {
namespace {

/// [elements, rank] of int32, or what is known of it.
Shape all_indices(const InferContext& c) {
  const auto& shape = c.shape("tensor");
  if (!shape.has_rank()) return Shape::unknown(2);
  for (const auto size : shape.dimensions())
    if (size > INT32_MAX)
      c.fail("indices along an axis of " + std::to_string(size) + " do not fit into int32");
  return {shape.element_count().value_or(unknown_dimension), shape.rank()};
}

template <class T>
bool is_non_zero(const T& value) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>)
    return static_cast<float>(value) != 0;
  else if constexpr (std::is_same_v<T, Bool>) return value.byte != 0;
  else return value != T(0);
}

/// Counted in pieces, so that each piece knows where its indices go.
template <class T>
void find_non_zero(const EvaluateContext& c) {
  constexpr int64_t piece = 16384;
  const auto& shape = c.inputs()[0].shape;
  const auto* x = c.inputs()[0].as<const T>();
  const int64_t total = c.inputs()[0].element_count(), rank = shape.rank();
  auto* out = c.output(0).as<int32_t>();
  const int64_t pieces = (total + piece - 1) / piece;
  std::vector<int64_t> first(static_cast<size_t>(pieces) + 1, 0);
  c.parallel().for_range(pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p)
      first[static_cast<size_t>(p) + 1] =
          std::count_if(x + p * piece, x + std::min(total, (p + 1) * piece), is_non_zero<T>);
  });
  for (size_t p = 1; p < first.size(); ++p) first[p] += first[p - 1];
  c.parallel().for_range(pieces, 1, [&](int64_t begin, int64_t end) {
    std::vector<int32_t> at(static_cast<size_t>(rank));
    for (int64_t p = begin; p < end; ++p) {
      int64_t rest = p * piece;
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        at[static_cast<size_t>(axis)] = static_cast<int32_t>(rest % shape[axis]);
        rest /= shape[axis];
      }
      int32_t* to = out + first[static_cast<size_t>(p)] * rank;
      for (int64_t i = p * piece; i < std::min(total, (p + 1) * piece); ++i) {
        if (is_non_zero(x[i])) to = std::copy(at.begin(), at.end(), to);
        for (int axis = shape.rank() - 1; axis >= 0; --axis) {
          if (++at[static_cast<size_t>(axis)] < shape[axis]) break;
          at[static_cast<size_t>(axis)] = 0;
        }
      }
    }
  });
  std::fill(out + first.back() * rank, out + total * rank, 0);
  *c.output(1).as<int64_t>() = first.back();
}

Row non_zero_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "NonZero")
      .documentation(documentation)
      .types("T", types::all())
      .operand("tensor", "T")
      .not_differentiable("an index is an integer");
}

}  // namespace

void add_non_zero_rows(Rows& rows) {
  rows.push_back(
      non_zero_row("non_zero_indices",
                   "The indices of all elements that are not 0 (NaN is not), in row-major order, "
                   "as int32 of shape [count, rank] (NumPy's argwhere). How many there are is "
                   "known only when the graph runs: the run has a stage more, between which the "
                   "host reads the number, and what follows is compiled for it once. Not in bodies "
                   "of conditions and loops. Any type.")
          .selector("nonZeroIndicesOfTensor:name:", "14.0")
          .build([](GraphData& graph, Node& node) {
            build_counted(graph, node, "non_zero_indices_counted");
          })
          .infer([](InferContext& c) {
            c.result(DataType::int32, {unknown_dimension, all_indices(c)[1]});
          })
          .done());
  rows.push_back(
      non_zero_row("non_zero_indices_counted",
                   "The indices of all elements that are not 0, then zeros; and how many "
                   "they are.")
          .internal()
          .counted()
          .result("indices")
          .result("count")
          .not_stitchable("where an index goes follows from all elements before it")
          .infer([](InferContext& c) {
            c.result(DataType::int32, all_indices(c));
            c.result(DataType::int64, Shape{});
          })
          .evaluate([](const EvaluateContext& c) {
            with_any_type(c.inputs()[0].data_type,
                          [&]<class T>(TypeTag<T>) { find_non_zero<T>(c); });
          })
          .done());
}

}  // namespace mpsg::ops
