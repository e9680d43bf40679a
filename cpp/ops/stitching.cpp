// Internal rows of the stitching pass: a region as one operation, and the first half of a reduction
// that is done in pieces.
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

/// What the region computes is in Node::stitched. `results`: for each its data type, its rank and
/// its sizes, because inference sees nothing but attributes.
Row stitched() {
  return Row("stitched", "Internal")
      .documentation("Operations that run as one kernel.")
      .internal()
      .types("any", types::stored())
      .variadic_operand("inputs", "any")
      .attribute(integers_attribute("results"))
      .result("...")
      .not_differentiable("gradients are built before operations are stitched")
      .infer([](InferContext& c) {
        const auto& results = c.integers("results");
        for (size_t i = 0; i < results.size();) {
          const auto type = static_cast<DataType>(results[i]);
          const auto rank = static_cast<size_t>(results[i + 1]);
          c.result(type, Shape(std::span(results).subspan(i + 2, rank)));
          i += 2 + rank;
        }
      });
}

/// Gives (chunks, what is kept). 16-bit floats are folded in float32.
Row partial_reduction() {
  return Row("partial_reduction", "Internal")
      .documentation("Folds `chunks` pieces of a tensor apart along `axes`.")
      .internal()
      .types("T", types::numeric() | types::boolean())
      .operand("tensor", "T")
      .attribute(integers_attribute("axes"))
      .attribute(integer_attribute("chunks"))
      .attribute(integer_attribute("kind"))
      .not_differentiable("gradients are built before reductions are cut")
      .infer([](InferContext& c) {
        const auto& shape = c.shape("tensor");
        std::vector<bool> folded(static_cast<size_t>(shape.rank()));
        for (const auto axis : c.integers("axes")) folded[static_cast<size_t>(axis)] = true;
        Shape result{c.integer("chunks")};
        for (int axis = 0; axis < shape.rank(); ++axis)
          if (!folded[static_cast<size_t>(axis)]) result.append(shape[axis]);
        c.result(compute_type(c.operand_data_type("tensor")), result);
      });
}

}  // namespace

void add_stitching_rows(Rows& rows) {
  rows.push_back(stitched().done());
  rows.push_back(partial_reduction().done());
}

}  // namespace mpsg::ops
