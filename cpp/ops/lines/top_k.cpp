// TopK: the k largest or least elements along an axis, and where they are.
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/lines/sort_keys.h"

namespace mpsg::ops {
namespace {

/// Moves the `k` least items to the front, in order. Most items of a long line are larger than the
/// k least so far, and one comparison tells.
template <class Item>
void select_least(Item* items, int64_t count, int64_t k) {
  if (k == 0) return;
  // The front holds candidates: once it is full, only the k least of it are kept.
  const int64_t room = std::min(count, std::max<int64_t>(2 * k, k + 64));
  int64_t held = room;
  const auto keep_least = [&] {
    if (held > k) std::nth_element(items, items + k - 1, items + held);
    held = k;
  };
  keep_least();
  Item largest = *std::max_element(items, items + k);
  for (int64_t i = room; i < count; ++i) {
    if (!(items[i] < largest)) continue;
    items[held++] = items[i];
    if (held < room) continue;
    keep_least();
    largest = items[k - 1];
  }
  keep_least();
  std::sort(items, items + k);
}

template <class T>
void select_along_axis(const EvaluateContext& c, bool largest) {
  using Key = SortKey<T>;
  using Item = PlacedKey<typename Key::Bits>;
  const auto lines = lines_of(c, c.inputs()[0].shape);
  auto kept = lines_of(c, c.output().shape);
  const auto turn = Key::turn(largest);
  const auto* x = c.inputs()[0].as<const T>();
  auto* values = c.output(0).as<T>();
  auto* places = c.output(1).as<int32_t>();
  const auto select_bundle = [&](int64_t first, int64_t count) {
    const auto memory =
        std::make_unique_for_overwrite<Item[]>(static_cast<size_t>(count * lines.size));
    Item* const items = memory.get();
    encode_lines(x, lines, first, count, items,
                 [&](T value, uint32_t place) { return Item(Key::encode(value, turn), place); });
    for (int64_t k = 0; k < count; ++k) select_least(items + k * lines.size, lines.size, kept.size);
    write_lines(places, kept, first, count, [&](int64_t k, int64_t i) {
      return static_cast<int32_t>(items[k * lines.size + i].place());
    });
    write_lines(values, kept, first, count, [&](int64_t k, int64_t i) {
      return x[lines.begin(first + k) + items[k * lines.size + i].place() * lines.inner];
    });
  };
  if (kept.size > 0)
    for_each_bundle(lines, lines_together(lines), c.parallel(), line_grain(lines, 4096),
                    select_bundle);
}

/// The shape of what is kept of `source`; checks k.
Shape kept_shape(const InferContext& c, const Shape& source) {
  const auto k = c.known_integer("k");
  if (k && *k < 0) c.fail("'k' is " + std::to_string(*k) + "; it must be >= 0");
  if (!source.has_rank()) return source;
  if (source.rank() == 0) c.fail("'source' is a scalar: it has no axis to select along");
  const auto axis = known_axis(c, source);
  if (!axis) return Shape::unknown(source.rank());
  require_short_axis(c, source, *axis);
  if (k && source[*axis] >= 0 && *k > source[*axis])
    c.fail("'k' is " + std::to_string(*k) + ", but axis " + std::to_string(*axis) + " of " +
           source.to_string() + " has " + std::to_string(source[*axis]) + " elements only");
  auto shape = source;
  shape[*axis] = k ? *k : unknown_dimension;
  return shape;
}

AttributeSpec k_attribute() {
  auto spec = integer_attribute("k");
  spec.or_tensor = true;
  return spec;
}

AttributeSpec last_axis() {
  auto spec = integer_attribute("axis", -1);
  spec.or_tensor = true;
  return keyword(spec);
}

Row select_row(std::string name, TypeSet types, const std::string& documentation) {
  return Row(std::move(name), "TopK")
      .documentation(documentation +
                     " `k` and `axis`: ints or integer tensors; without `axis` it is the last one.")
      .types("T", types)
      .attribute(k_attribute())
      .attribute(last_axis())
      .not_stitchable("an element of the result may be any element of the line");
}

template <bool largest>
Row values_row() {
  return select_row(largest ? "top_k" : "bottom_k", types::numeric(),
                    std::string("The k ") + (largest ? "largest" : "least") +
                        " elements along `axis`, and their indices as int32, in " +
                        (largest ? "descending" : "ascending") +
                        " order. Of equal elements the first come first (TensorFlow's rule), and "
                        "NaN counts as larger than all numbers.")
      .operand("source", "T")
      .result("values")
      .result("indices")
      .infer([](InferContext& c) {
        const auto shape = kept_shape(c, c.shape("source"));
        c.result(c.operand_data_type("source"), shape);
        c.result(DataType::int32, shape);
      })
      .gradient([](GradientContext& g) {
        g.give("source", g.graph().add_one(largest ? "top_k_gradient" : "bottom_k_gradient",
                                           {{"gradient", g.incoming(0)},
                                            {"source", g.input("source")},
                                            g.forward("k"),
                                            g.forward("axis")}));
      })
      .evaluate([](const EvaluateContext& c) {
        with_numeric(c.output().data_type,
                     [&]<class T>(TypeTag<T>) { select_along_axis<T>(c, largest); });
      });
}

/// Where the elements of a gradient row's source are that it is about. The forward operation finds
/// the same, and equal operations are one.
template <bool largest>
Tensor places_of(ExpandContext& c) {
  return c.graph().add(largest ? "top_k" : "bottom_k",
                       {{"source", c.input("source")}, c.forward("k"), c.forward("axis")})[1];
}

template <bool largest>
Row gradient_row() {
  return select_row(largest ? "top_k_gradient" : "bottom_k_gradient", types::floating(),
                    std::string("The gradient of ") + (largest ? "top_k" : "bottom_k") +
                        ": every element of `gradient` goes to the element of `source` that it "
                        "belongs to; the others get 0. A composite.")
      .operand("gradient", "T")
      .operand("source", "T")
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("gradient"), kept_shape(c, c.shape("source")),
                     "the gradient and what is kept of the source");
        c.result(c.inputs()[1]);
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("gradient")) return;
        g.give("gradient",
               g.graph().add_one("gather_along_axis", {{"updates", g.incoming()},
                                                       {"indices", places_of<largest>(g)},
                                                       g.forward("axis")}));
      })
      .expand([](ExpandContext& c) {
        c.give(c.graph().add_one("scatter_along_axis",
                                 {{"updates", c.input("gradient")},
                                  {"indices", places_of<largest>(c)},
                                  c.forward("axis"),
                                  {"shape", c.result_type().shape.to_vector()},
                                  {"mode", static_cast<int64_t>(ScatterMode::ADD)}}));
      });
}

}  // namespace

void add_top_k_rows(Rows& rows) {
  rows.push_back(values_row<true>()
                     .selector("topKWithSourceTensor:k:name:", "12.0")
                     .selector("topKWithSourceTensor:kTensor:name:", "12.0")
                     .selector("topKWithSourceTensor:axis:k:name:", "14.0")
                     .selector("topKWithSourceTensor:axisTensor:kTensor:name:", "14.0")
                     .done());
  rows.push_back(values_row<false>()
                     .selector("bottomKWithSourceTensor:axis:k:name:", "14.0")
                     .selector("bottomKWithSourceTensor:axisTensor:kTensor:name:", "14.0")
                     .done());
  rows.push_back(gradient_row<true>()
                     .selector("topKWithGradientTensor:source:k:name:", "12.0")
                     .selector("topKWithGradientTensor:source:axis:k:name:", "14.0")
                     .selector("topKWithGradientTensor:source:kTensor:name:", "12.0")
                     .selector("topKWithGradientTensor:source:axisTensor:kTensor:name:", "14.0")
                     .done());
  rows.push_back(gradient_row<false>()
                     .selector("bottomKWithGradientTensor:source:axis:k:name:", "14.0")
                     .selector("bottomKWithGradientTensor:source:axisTensor:kTensor:name:", "14.0")
                     .done());
}

}  // namespace mpsg::ops
