// Internal rows: what gradient rules need to be right for sizes that are not yet known. They are
// composites, expanded when every size is.
#include "graph/graph_data.h"
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

Tensor fill(ExpandContext& c, double value) {
  const auto& type = c.result_type();
  return c.graph().add_one("broadcast", {{"tensor", constant(c.graph(), value, type.data_type)},
                                         {"shape", type.shape.to_vector()}});
}

Tensor reshape(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return identity(x);
  return x.graph().add_one("reshape", {{"tensor", x}, {"shape", shape.to_vector()}});
}

Row fill_row(std::string name, std::string documentation) {
  return Row(std::move(name), "Internal")
      .documentation(std::move(documentation))
      .internal()
      .types("T", types::stored())
      .operand("tensor", "T")
      .not_differentiable("the result depends on the operand's shape only")
      .infer([](InferContext& c) { c.result(c.inputs()[0]); });
}

Row zeros_like() {
  return fill_row("zeros_like", "Zeros of the tensor's type and shape.")
      .expand([](ExpandContext& c) { c.give(fill(c, 0)); });
}

Row ones_like() {
  return fill_row("ones_like", "Ones of the tensor's type and shape.").expand([](ExpandContext& c) {
    c.give(fill(c, 1));
  });
}

/// A row that gives `tensor` the shape of `like`, whose values do not matter.
Row like_row(std::string name, std::string documentation, TypeSet types) {
  return Row(std::move(name), "Internal")
      .documentation(std::move(documentation))
      .internal()
      .types("T", types)
      .types("L", types::stored())
      .operand("tensor", "T")
      .operand("like", "L");
}

void give_like(GradientContext& g, Tensor (*row)(const Tensor&, const Tensor&)) {
  if (g.wanted("tensor")) g.give("tensor", row(g.incoming(), g.input("tensor")));
}

void infer_like(InferContext& c) { c.result(c.operand_data_type("tensor"), c.shape("like")); }

/// Fails unless `small` broadcasts to `large`.
void check_broadcasts_to(const InferContext& c, const Shape& small, const Shape& large) {
  const auto both = broadcast_shapes(c, small, large);
  if (both.has_rank()) merge_shapes(c, both, large, "the broadcast shape and the larger shape");
}

Row broadcast_like() {
  return like_row("broadcast_like", "Repeats `tensor` so that it has the shape of `like`.",
                  types::stored())
      .infer([](InferContext& c) {
        check_broadcasts_to(c, c.shape("tensor"), c.shape("like"));
        infer_like(c);
      })
      .gradient([](GradientContext& g) { give_like(g, build::sum_to_like); })
      .expand([](ExpandContext& c) {
        const auto shape = c.input("like").shape().to_vector();
        c.give(c.graph().add_one("broadcast", {{"tensor", c.input("tensor")}, {"shape", shape}}));
      });
}

Row reshape_like() {
  return like_row("reshape_like", "The elements of `tensor` in the shape of `like`.",
                  types::stored())
      .infer([](InferContext& c) {
        const auto have = c.shape("tensor").element_count();
        const auto want = c.shape("like").element_count();
        if (have && want && *have != *want)
          c.fail(c.shape("tensor").to_string() + " does not have as many elements as " +
                 c.shape("like").to_string());
        infer_like(c);
      })
      .gradient([](GradientContext& g) { give_like(g, build::reshape_like); })
      .expand(
          [](ExpandContext& c) { c.give(reshape(c.input("tensor"), c.input("like").shape())); });
}

Row sum_to_like() {
  return like_row("sum_to_like",
                  "Sums `tensor` over what was broadcast, so that it has the shape of `like`.",
                  types::numeric_complex())
      .infer([](InferContext& c) {
        check_broadcasts_to(c, c.shape("like"), c.shape("tensor"));
        infer_like(c);
      })
      .gradient([](GradientContext& g) { give_like(g, build::broadcast_like); })
      .expand([](ExpandContext& c) {
        auto x = c.input("tensor");
        const auto to = c.input("like").shape();
        // In symbols, so that a batch of one takes the same steps as any other.
        const auto& data = *x.graph_data();
        const auto from = x.shape();
        const auto symbolic_from = data.symbolic_shape(x.id());
        const auto symbolic_to = data.symbolic_shape(c.input("like").id());
        std::vector<int64_t> axes;
        for (int axis = 0; axis < from.rank(); ++axis) {
          const int in_to = axis - (from.rank() - to.rank());
          if (in_to < 0 || (to[in_to] == 1 && from[axis] != 1) ||
              (symbolic_to[in_to] == 1 && symbolic_from[axis] != 1))
            axes.push_back(axis);
        }
        if (!axes.empty()) x = sum(x, {"axes", axes});
        c.give(reshape(x, to));
      });
}

Row region_argument() {
  return Row("region_argument", "Internal")
      .documentation("An argument of a control flow body.")
      .internal()
      .attribute(shape_attribute("shape"))
      .attribute(data_type_attribute("data_type"))
      .impure()
      .not_differentiable("an argument has no operands")
      .infer([](InferContext& c) {
        c.result(c.data_type("data_type"),
                 c.given("shape") ? Shape(c.integers("shape")) : Shape::unranked());
      });
}

}  // namespace

void add_internal_rows(Rows& rows) {
  rows.push_back(ones_like().done());
  rows.push_back(zeros_like().done());
  rows.push_back(broadcast_like().done());
  rows.push_back(reshape_like().done());
  rows.push_back(sum_to_like().done());
  rows.push_back(region_argument().done());
}

}  // namespace mpsg::ops
