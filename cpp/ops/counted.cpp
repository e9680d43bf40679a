// Results whose size is known only after they are computed: they are written into memory that
// holds the largest possible result, with a count, and `leading_rows` is what counts.
#include "ops/counted.h"

#include "graph/graph_data.h"
#include "graph/op_table.h"
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"

namespace mpsg::ops {
namespace {

Row leading_rows() {
  return Row("leading_rows", "NonZero")
      .internal()
      .documentation("The first `count` rows of a tensor: a number that may be known only when the "
                     "device has counted.")
      .types("T", types::all())
      .operand("tensor", "T")
      .attribute(integers_or_tensor("count"))
      .not_differentiable("its rows are indices")
      .infer([](InferContext& c) {
        auto shape = c.shape("tensor");
        const auto count = c.known_integer("count");
        if (shape.has_rank() && shape.rank() == 0) c.fail("a scalar has no rows");
        if (count && (*count < 0 || (shape.has_rank() && shape[0] >= 0 && *count > shape[0])))
          c.fail("'count' is " + std::to_string(*count) + "; the tensor is " + shape.to_string());
        if (shape.has_rank()) shape[0] = count ? *count : unknown_dimension;
        c.result(c.operand_data_type("tensor"), shape);
      })
      .stitch([](StitchContext& c) {
        if (!refuse_complex(c)) c.give(c.input_at(0, result_indices(c)));
      })
      .evaluate([](const EvaluateContext& c) {
        const auto bytes = c.output().byte_count();
        std::copy_n(c.input("tensor").as<const std::byte>(), bytes, c.output().as<std::byte>());
      });
}

}  // namespace

void build_counted(GraphData& graph, Node& node, const char* finder) {
  Node found = node;
  found.row = &require_row(finder);
  found.name.clear();
  const auto id = graph.append(std::move(found));
  node.row = &require_row("leading_rows");
  node.attributes = {AttributeValue()};
  node.inputs = {{id, 0}, {id, 1}};
  node.segments = {1, 1};
}

void add_counted_rows(Rows& rows) { rows.push_back(leading_rows().done()); }

}  // namespace mpsg::ops
