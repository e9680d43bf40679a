// OneHot: vectors that are on at one index and off elsewhere.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "graph/element_types.h"
#include "graph/scalars.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"

namespace mpsg::ops {
namespace {

constexpr double exact_integers = 9007199254740992.0;  // 2^53

/// on_value or off_value as one element. Throws GraphError if the type does not hold it.
std::shared_ptr<const Bytes> element(const OperationView& view, const char* name) {
  const auto type = view.data_type("data_type");
  const double value = view.real(name);
  const bool whole = std::trunc(value) == value && std::abs(value) <= exact_integers;
  if (!is_floating(type) && !is_complex(type) && whole)
    return graph_detail::scalar_bytes(static_cast<int64_t>(value), type);
  return graph_detail::scalar_bytes(value, type);
}

void infer_one_hot(InferContext& c) {
  for (const auto* name : {"on_value", "off_value"}) element(c, name);
  const auto type = c.data_type("data_type");
  const auto& indices = c.shape("indices");
  if (!indices.has_rank()) return c.result(type, Shape::unranked());
  const int rank = indices.rank() + 1;
  if (rank > max_rank) c.fail("'indices' has 16 dimensions already");
  const int axis = normalize_axis(c, "axis", c.integer("axis"), rank);
  auto shape = Shape::unknown(rank);
  for (int i = 0, from = 0; i < rank; ++i)
    shape[i] = i == axis ? c.integer("depth") : indices[from++];
  c.result(type, shape);
}

/// Writes `on` where an index says so, into memory that is all `off`.
template <class Index, class T>
void switch_on(const EvaluateContext& c, int64_t inner, T on) {
  const int64_t depth = c.integer("depth");
  const auto* indices = c.inputs()[0].as<const Index>();
  auto* out = c.output().as<T>();
  const int64_t count = c.inputs()[0].element_count();
  for (int64_t i = 0; i < count; ++i) {
    const Index index = indices[i];
    if constexpr (std::is_signed_v<Index>)
      if (index < 0) continue;
    if (static_cast<uint64_t>(index) >= static_cast<uint64_t>(depth)) continue;
    out[(i / inner * depth + static_cast<int64_t>(index)) * inner + i % inner] = on;
  }
}

void evaluate_one_hot(const EvaluateContext& c) {
  const auto& shape = c.output().shape;
  int64_t axis = c.integer("axis");
  if (axis < 0) axis += shape.rank();
  int64_t inner = 1;
  for (int i = static_cast<int>(axis) + 1; i < shape.rank(); ++i) inner *= shape[i];
  if (c.output().element_count() == 0) return;
  with_size_of(c.output().data_type, [&]<class T>(TypeTag<T>) {
    T on, off;
    std::memcpy(&on, element(c, "on_value")->data(), sizeof(T));
    std::memcpy(&off, element(c, "off_value")->data(), sizeof(T));
    std::fill_n(c.output().as<T>(), c.output().element_count(), off);
    with_integer(c.inputs()[0].data_type,
                 [&]<class Index>(TypeTag<Index>) { switch_on<Index, T>(c, inner, on); });
  });
}

void stitch_one_hot(StitchContext& c) {
  if (refuse_complex(c)) return;
  const auto& type = c.result_type();
  const int rank = type.shape.rank();
  const auto axis =
      static_cast<int>(c.integer("axis") < 0 ? c.integer("axis") + rank : c.integer("axis"));
  auto at = result_indices(c);
  const auto place = c.value_of(at[static_cast<size_t>(axis)]);
  at.erase(at.begin() + axis);
  // An index of 2^63 or more turns negative, and equals no place either.
  const auto index = c.input_at(0, at).convert(DataType::int64);
  c.give(select(equal(index, place),
                literal_of_bytes(c, type.data_type, element(c, "on_value")->data()),
                literal_of_bytes(c, type.data_type, element(c, "off_value")->data())));
}

Row one_hot() {
  return Row("one_hot", "OneHot")
      .documentation(
          "Adds a dimension of size `depth` at `axis` (-1: the last) that holds on_value "
          "at the place that the index names and off_value elsewhere. An index outside "
          "[0, depth) gives off_value everywhere, as TensorFlow's. GraphError if "
          "data_type does not hold the values.")
      .selector("oneHotWithIndicesTensor:depth:axis:dataType:onValue:offValue:name:", "11.0")
      .selector("oneHotWithIndicesTensor:depth:dataType:onValue:offValue:name:", "11.0")
      .selector("oneHotWithIndicesTensor:depth:axis:dataType:name:", "11.0")
      .selector("oneHotWithIndicesTensor:depth:axis:name:", "11.0")
      .selector("oneHotWithIndicesTensor:depth:dataType:name:", "11.0")
      .selector("oneHotWithIndicesTensor:depth:name:", "11.0")
      .types("indices", types::integers())
      .operand("indices", "indices")
      .attribute(in_range(integer_attribute("depth"), 0, exact_integers))
      .attribute(keyword(integer_attribute("axis", -1)))
      .attribute(keyword(data_type_attribute("data_type", DataType::float32)))
      .attribute(keyword(real_attribute("on_value", 1.0)))
      .attribute(keyword(real_attribute("off_value", 0.0)))
      .not_differentiable("indices are integers")
      .infer(infer_one_hot)
      .stitch(stitch_one_hot)
      .evaluate(evaluate_one_hot);
}

}  // namespace

void add_one_hot_rows(Rows& rows) { rows.push_back(one_hot().done()); }

}  // namespace mpsg::ops
