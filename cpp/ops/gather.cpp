// Gather: elements or slices of a tensor, picked by indices that are known at run time.
#include "graph/element_types.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/indexing.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

template <IndexingKind kind>
void evaluate_gather(const EvaluateContext& c) {
  const auto &data = c.inputs()[0], &indices = c.inputs()[1], &out = c.output();
  if (out.element_count() == 0) return;
  const auto indexing = resolve_indexing(kind, c, data.shape, indices.shape);
  const PickedRuns runs(indexing, data.shape, indices, out.shape);
  const int64_t length = runs.length();
  const int64_t grain = std::max<int64_t>(1, 16384 / length);
  with_size_of(out.data_type, [&]<class T>(TypeTag<T>) {
    c.parallel().for_range(runs.count(), grain, [&](int64_t begin, int64_t end) {
      runs.for_each(begin, end, [&](int64_t run, int64_t offset) {
        T* to = out.as<T>() + run * length;
        if (offset < 0) std::fill_n(to, length, T(0));
        else std::copy_n(data.as<const T>() + offset, length, to);
      });
    });
  });
}

Argument shape_argument(const Tensor& x) {
  if (x.shape().is_static()) return {"shape", x.shape().to_vector()};
  return {"shape", shape_of(x)};
}

/// The gradient of what is picked, added up where it came from.
void give_scattered(GradientContext& g, const char* scatter) {
  if (!g.wanted("updates")) return;
  auto arguments = g.forward_attributes();
  arguments.emplace_back("updates", g.incoming());
  arguments.emplace_back("indices", g.input("indices"));
  arguments.push_back(shape_argument(g.input("updates")));
  arguments.emplace_back("mode", static_cast<int64_t>(ScatterMode::ADD));
  g.give("updates", g.graph().add_one(scatter, std::move(arguments)));
}

template <IndexingKind kind>
Row gather_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "Gather")
      .documentation(documentation +
                     " An index out of range (negative ones are) gives 0. The gradient with "
                     "respect to updates adds up what was picked more than once. Any type.")
      .types("T", types::stored())
      .types("I", types::integers())
      .operand("updates", "T")
      .operand("indices", "I")
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("updates"),
                 picked_shape(c, kind, c.shape("updates"), c.shape("indices")));
      })
      .stitch([](StitchContext& c) { stitch_gather(c, kind); })
      .evaluate(evaluate_gather<kind>);
}

AttributeSpec batch_dimensions() {
  return in_range(integer_attribute("batch_dimensions", 0), 0, max_rank);
}

Row gather() {
  return gather_row<IndexingKind::one_axis>(
             "gather",
             "Slices of `updates` along `axis`: the axis is replaced by the axes of `indices` "
             "(NumPy's take, TensorFlow's gather). The first `batch_dimensions` axes of updates "
             "and indices belong together; they come before `axis`.")
      .selector("gatherWithUpdatesTensor:indicesTensor:axis:batchDimensions:name:", "11.0")
      .attribute(integer_attribute("axis"))
      .attribute(batch_dimensions())
      .gradient([](GradientContext& g) { give_scattered(g, "scatter"); });
}

Row gather_nd() {
  return gather_row<IndexingKind::coordinates>(
             "gather_nd",
             "Slices of `updates` at coordinates: the last axis of `indices` holds the first "
             "coordinates of each slice, after the first `batch_dimensions` axes, which belong "
             "together (TensorFlow's gather_nd).")
      .selector("gatherNDWithUpdatesTensor:indicesTensor:batchDimensions:name:", "11.0")
      .attribute(batch_dimensions())
      .gradient([](GradientContext& g) { give_scattered(g, "scatter_nd"); });
}

Row gather_along_axis() {
  return gather_row<IndexingKind::along_axis>(
             "gather_along_axis",
             "Element i of the result is the element of `updates` with the same indices, but for "
             "that along `axis`, which is indices[i] (NumPy's take_along_axis). Apart from it the "
             "shapes of updates and indices are equal.")
      .selector("gatherAlongAxis:withUpdatesTensor:indicesTensor:name:", "12.3")
      .selector("gatherAlongAxisTensor:withUpdatesTensor:indicesTensor:name:", "12.3")
      .attribute([] {
        auto spec = integer_attribute("axis");
        spec.or_tensor = true;
        return spec;
      }())
      .gradient([](GradientContext& g) { give_scattered(g, "scatter_along_axis"); });
}

}  // namespace

void add_gather_rows(Rows& rows) {
  rows.push_back(gather().done());
  rows.push_back(gather_nd().done());
  rows.push_back(gather_along_axis().done());
}

}  // namespace mpsg::ops
