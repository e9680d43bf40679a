// Sort: sort and arg_sort along an axis.
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/lines/sort_keys.h"

namespace mpsg::ops {
namespace {

/// Zeros are equal, whatever their signs, and equal elements keep their order: so do the signs.
template <class T>
void restore_zeros(const T* x, const Lines& lines, int64_t line, T* out) {
  const auto is_zero = [](T value) { return static_cast<ComputeType<T>>(value) == 0; };
  const int64_t begin = lines.begin(line);
  int64_t at = 0;
  while (!is_zero(out[begin + at * lines.inner])) ++at;
  for (int64_t i = 0; i < lines.size; ++i)
    if (const T value = x[begin + i * lines.inner]; is_zero(value))
      out[begin + at++ * lines.inner] = value;
}

template <class T>
void sort_values(const EvaluateContext& c) {
  using Key = SortKey<T>;
  using Bits = typename Key::Bits;
  const auto lines = lines_of(c, c.output().shape);
  const auto turn = Key::turn(c.flag("descending"));
  const auto* x = c.inputs()[0].as<const T>();
  auto* out = c.output().as<T>();
  const int64_t together = lines_together(lines);
  const auto sort_bundle = [&](int64_t first, int64_t count) {
    const auto memory =
        std::make_unique_for_overwrite<Bits[]>(static_cast<size_t>((count + 1) * lines.size));
    Bits* const keys = memory.get();
    bool negative_zeros = false;
    encode_lines(x, lines, first, count, keys, [&](T value, uint32_t) {
      if constexpr (Key::is_float) negative_zeros |= Key::is_negative_zero(value);
      return Key::encode(value, turn);
    });
    for (int64_t k = 0; k < count; ++k)
      sort_items(keys + k * lines.size, keys + count * lines.size, lines.size, sizeof(Bits));
    write_lines(out, lines, first, count,
                [&](int64_t k, int64_t i) { return Key::decode(keys[k * lines.size + i], turn); });
    if (!negative_zeros) return;
    for (int64_t line = first; line < first + count; ++line) {
      bool any = false;
      for (int64_t i = 0; i < lines.size; ++i)
        any |= Key::is_negative_zero(x[lines.begin(line) + i * lines.inner]);
      if (any) restore_zeros(x, lines, line, out);
    }
  };
  for_each_bundle(lines, together, c.parallel(), line_grain(lines, 2048), sort_bundle);
}

template <class T>
void sort_places(const EvaluateContext& c) {
  using Key = SortKey<T>;
  using Item = PlacedKey<typename Key::Bits>;
  const auto lines = lines_of(c, c.output().shape);
  const auto turn = Key::turn(c.flag("descending"));
  const auto* x = c.inputs()[0].as<const T>();
  auto* out = c.output().as<int32_t>();
  const auto sort_bundle = [&](int64_t first, int64_t count) {
    const auto memory =
        std::make_unique_for_overwrite<Item[]>(static_cast<size_t>((count + 1) * lines.size));
    Item* const items = memory.get();
    encode_lines(x, lines, first, count, items,
                 [&](T value, uint32_t place) { return Item(Key::encode(value, turn), place); });
    for (int64_t k = 0; k < count; ++k)
      sort_items(items + k * lines.size, items + count * lines.size, lines.size,
                 sizeof(typename Key::Bits));
    write_lines(out, lines, first, count, [&](int64_t k, int64_t i) {
      return static_cast<int32_t>(items[k * lines.size + i].place());
    });
  };
  for_each_bundle(lines, lines_together(lines), c.parallel(), line_grain(lines, 2048), sort_bundle);
}

void infer_sort(InferContext& c) {
  known_axis(c, c.shape("tensor"));
  c.result(c.inputs()[0]);
}

void infer_arg_sort(InferContext& c) {
  const auto& shape = c.shape("tensor");
  if (const auto axis = known_axis(c, shape)) require_short_axis(c, shape, *axis);
  c.result(DataType::int32, shape);
}

/// Every element's gradient goes back to where the element came from.
void sort_gradient(GradientContext& g) {
  const auto x = g.input("tensor");
  const auto places =
      g.graph().add_one("arg_sort", {{"tensor", x}, g.forward("axis"), g.forward("descending")});
  g.give("tensor", g.graph().add_one("scatter_along_axis",
                                     {{"updates", g.incoming()},
                                      {"indices", places},
                                      g.forward("axis"),
                                      {"shape", build::shape_of(x)},
                                      {"mode", static_cast<int64_t>(ScatterMode::ADD)}}));
}

Row sort_row(std::string name, const std::string& selector, const std::string& documentation) {
  return Row(std::move(name), "Sort")
      .documentation(documentation +
                     " Equal elements keep their order, -0 and 0 are equal, and NaN counts as "
                     "larger than all numbers: it comes last, or first with descending. `axis`: an "
                     "int or an integer tensor.")
      .selector(selector + "axis:descending:name:", "13.0")
      .selector(selector + "axisTensor:descending:name:", "13.0")
      .selector(selector + "axis:name:", "13.0")
      .selector(selector + "axisTensor:name:", "13.0")
      .types("T", types::numeric())
      .operand("tensor", "T")
      .attribute(axis_or_tensor())
      .attribute(keyword(boolean_attribute("descending", false)))
      .not_stitchable("an element of the result may be any element of the line");
}

}  // namespace

void add_sort_rows(Rows& rows) {
  rows.push_back(sort_row("sort", "sortWithTensor:",
                          "The elements along `axis` in ascending (with descending: in descending) "
                          "order.")
                     .infer(infer_sort)
                     .gradient(sort_gradient)
                     .evaluate([](const EvaluateContext& c) {
                       with_numeric(c.output().data_type,
                                    [&]<class T>(TypeTag<T>) { sort_values<T>(c); });
                     })
                     .done());
  rows.push_back(sort_row("arg_sort", "argSortWithTensor:",
                          "The indices along `axis`, as int32, that sort the elements in ascending "
                          "(with descending: in descending) order.")
                     .not_differentiable("an index is an integer")
                     .infer(infer_arg_sort)
                     .evaluate([](const EvaluateContext& c) {
                       with_numeric(c.inputs()[0].data_type,
                                    [&]<class T>(TypeTag<T>) { sort_places<T>(c); });
                     })
                     .done());
}

}  // namespace mpsg::ops
