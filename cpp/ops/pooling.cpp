// Pooling: maxima and averages of windows of 2D images, and their gradient rows.
#include "ops/build.h"
#include "ops/families.h"
#include "ops/pooling_loops.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr const char* window_documentation =
    " Images are (N, C, H, W) or (N, H, W, C), as the descriptor says. With ceil_mode a last "
    "window that sticks out counts if it begins inside the image or the padding before it "
    "(PyTorch's rule).";

/// The descriptor's fields of this operation, to pass on.
std::vector<Argument> descriptor_of(const ExpandContext& c) {
  auto arguments = c.forward_attributes();
  std::erase_if(arguments, [](const Argument& a) { return a.name == "output_shape"; });
  return arguments;
}

Argument shape_argument(const Tensor& x) {
  if (x.shape().is_static()) return {"output_shape", x.shape().to_vector()};
  return {"output_shape", shape_of(x)};
}

Row pooling_row(std::string name, std::string documentation, TypeSet types) {
  return Row(std::move(name), "Pooling")
      .documentation(documentation + window_documentation)
      .not_stitchable("it folds a window; others stitch onto its result")
      .types("T", types);
}

void infer_pooling(InferContext& c) {
  c.result(c.operand_data_type("source"), pooling_2d_output_shape(c, c.shape("source")));
}

PoolingReturnIndicesMode indices_mode(const OperationView& operation) {
  return operation.enumeration<PoolingReturnIndicesMode>("return_indices_mode");
}

/// What the coding needs of a source whose sizes need not be known.
IndexCoding coding_of(const OperationView& operation, const Shape& source) {
  Pooling2DGeometry g;
  g.nhwc =
      operation.enumeration<TensorNamedDataLayout>("data_layout") == TensorNamedDataLayout::NHWC;
  const auto s = source.has_rank() ? source : Shape::unknown(4);
  g.batch = s[0];
  g.channels = s[g.nhwc ? 3 : 1];
  g.y.input = s[g.nhwc ? 1 : 2];
  g.x.input = s[g.nhwc ? 2 : 3];
  g.y.kernel = operation.integer("kernel_height");
  g.x.kernel = operation.integer("kernel_width");
  return index_coding(indices_mode(operation), g);
}

/// Do the indices alone say which element was the maximum?
bool indices_suffice(const OperationView& operation) {
  const auto mode = static_cast<int64_t>(indices_mode(operation));
  if (mode == 0) return false;
  const bool nhwc =
      operation.enumeration<TensorNamedDataLayout>("data_layout") == TensorNamedDataLayout::NHWC;
  return (mode - 1) % 4 + 1 >= (nhwc ? 3 : 2);
}

void require_int32_indices(const InferContext& c) {
  if (c.data_type("return_indices_data_type") != DataType::int32)
    c.fail("'return_indices_data_type' must be int32, not " +
           std::string(data_type_name(c.data_type("return_indices_data_type"))));
}

// --- Maximum

Tensor maximum_gradient(GradientContext& g, const Tensor& gradient, const Tensor& source) {
  auto arguments = descriptor_of(g);
  arguments.emplace_back("gradient", gradient);
  arguments.emplace_back("source", source);
  return g.graph().add_one("max_pooling_2d_gradient", std::move(arguments));
}

Tensor maximum_gradient(GradientContext& g, const Tensor& gradient, const Tensor& indices,
                        const Tensor& source) {
  auto arguments = descriptor_of(g);
  arguments.emplace_back("gradient", gradient);
  arguments.emplace_back("indices", indices);
  arguments.push_back(shape_argument(source));
  return g.graph().add_one("max_pooling_2d_gradient", std::move(arguments));
}

Row max_pooling_2d() {
  return pooling_row("max_pooling_2d",
                     "The maximum of every window of `source`. Padding never wins; NaN does; a "
                     "window that lies in the padding altogether gives -infinity (for integers the "
                     "least number).",
                     types::numeric())
      .selector("maxPooling2DWithSourceTensor:descriptor:name:", "11.0")
      .operand("source", "T")
      .descriptor("descriptor", pooling_2d_descriptor())
      .infer(infer_pooling)
      .gradient([](GradientContext& g) {
        if (g.wanted("source"))
          g.give("source", maximum_gradient(g, g.incoming(), g.input("source")));
      })
      .evaluate([](const EvaluateContext& c) {
        const auto& source = c.input("source");
        pool_maximum(resolve_pooling_2d(c, source.shape), {}, source, {c.output(), nullptr},
                     c.parallel());
      });
}

void infer_return_indices(InferContext& c) {
  if (indices_mode(c) == PoolingReturnIndicesMode::NONE)
    c.fail("'return_indices_mode' is NONE; say how indices count, or use max_pooling_2d");
  require_int32_indices(c);
  infer_pooling(c);
  if (coding_of(c, c.shape("source")).count > int64_t{INT32_MAX} + 1)
    c.fail("indices of a source of shape " + c.shape("source").to_string() +
           " do not fit into int32");
  c.result(DataType::int32, c.results()[0].shape);
}

Row max_pooling_2d_return_indices() {
  return pooling_row(
             "max_pooling_2d_return_indices",
             "The maximum of every window and its index, int32. The index counts elements "
             "of the last 1 to 4 dimensions of the source (GLOBAL_FLATTEN) or of the window "
             "(LOCAL_FLATTEN), whose sizes along N and C are 1. The first of equal maxima "
             "counts; a window that lies in the padding altogether has index -1.",
             types::numeric())
      .selector("maxPooling2DReturnIndicesWithSourceTensor:descriptor:name:", "12.2")
      .operand("source", "T")
      .descriptor("descriptor", pooling_2d_descriptor())
      .result("values")
      .result("indices")
      .infer(infer_return_indices)
      .gradient([](GradientContext& g) {
        if (!g.wanted("source")) return;
        const auto source = g.input("source");
        g.give("source", indices_suffice(g)
                             ? maximum_gradient(g, g.incoming(0), g.output(1), source)
                             : maximum_gradient(g, g.incoming(0), source));
      })
      .evaluate([](const EvaluateContext& c) {
        const auto& source = c.input("source");
        pool_maximum(resolve_pooling_2d(c, source.shape), coding_of(c, source.shape), source,
                     {c.output(0), &c.output(1)}, c.parallel());
      });
}

/// Fails unless exactly one of source and indices says where the maxima are.
void check_choice(InferContext& c, const Shape& pooled) {
  if (c.has("source") == c.has("indices"))
    c.fail("give either 'source', or 'indices' and 'output_shape'");
  if (!c.has("indices")) return;
  if (!indices_suffice(c))
    c.fail("'return_indices_mode' must count at least the dimensions from height on, so that an "
           "index says where its maximum was; otherwise pass 'source'");
  require_int32_indices(c);
  merge_shapes(c, c.shape("indices"), pooled, "the indices and the pooled image");
}

void infer_max_gradient(InferContext& c) {
  if (c.has("source") && c.given_either_way("output_shape"))
    c.fail("'output_shape' goes with 'indices'; with 'source' it is the source's shape");
  if (c.has("indices") && !c.given_either_way("output_shape"))
    c.fail("'indices' needs 'output_shape'");
  auto shape = c.has("source")                      ? c.shape("source")
               : c.given_either_way("output_shape") ? shape_from(c, "output_shape")
                                                    : Shape::unranked();
  const auto pooled = pooling_2d_output_shape(c, shape);
  check_choice(c, pooled);
  merge_shapes(c, c.shape("gradient"), pooled, "the gradient and the pooled image");
  c.result(c.operand_data_type("gradient"), shape.has_rank() ? shape : Shape::unknown(4));
}

Choice choice_of(const EvaluateContext& c, const Shape& source) {
  Choice choice;
  if (c.has("source")) choice.source = &c.input("source");
  if (c.has("indices")) choice.indices = &c.input("indices");
  choice.coding = coding_of(c, source);
  return choice;
}

Row max_pooling_2d_gradient() {
  return pooling_row(
             "max_pooling_2d_gradient",
             "The gradient of max_pooling_2d: every element of `gradient` goes to the first "
             "maximum of its window. The maxima are found again from `source`, or named by "
             "the `indices` of max_pooling_2d_return_indices for a source of "
             "`output_shape`; an index outside the source is skipped.",
             types::numeric())
      .selector("maxPooling2DGradientWithGradientTensor:sourceTensor:descriptor:name:", "11.0")
      .selector("maxPooling2DGradientWithGradientTensor:indicesTensor:outputShape:descriptor:name:",
                "13.0")
      .selector(
          "maxPooling2DGradientWithGradientTensor:indicesTensor:outputShapeTensor:descriptor:name:",
          "13.0")
      .types("I", {DataType::int32})
      .operand("gradient", "T")
      .optional_operand("source", "T")
      .keyword_operand("indices", "I")
      .descriptor("descriptor", pooling_2d_descriptor())
      .attribute(keyword(optional_integers_or_tensor("output_shape")))
      .infer(infer_max_gradient)
      .gradient([](GradientContext& g) {
        if (!g.wanted("gradient")) return;
        auto arguments = descriptor_of(g);
        arguments.emplace_back("tensor", g.incoming());
        arguments.emplace_back("source", g.input("source"));
        arguments.emplace_back("indices", g.input("indices"));
        g.give("gradient", g.graph().add_one("max_pooling_2d_gather", std::move(arguments)));
      })
      .evaluate([](const EvaluateContext& c) {
        const auto& shape = c.output().shape;
        scatter_to_maximum(resolve_pooling_2d(c, shape), choice_of(c, shape), c.input("gradient"),
                           c.output(), c.parallel());
      });
}

/// The gradient of max_pooling_2d_gradient, which Apple's API lacks.
Row max_pooling_2d_gather() {
  return pooling_row("max_pooling_2d_gather",
                     "For every window the element of `tensor` where the maximum of `source` is, "
                     "or where `indices` says.",
                     types::numeric())
      .internal()
      .types("I", {DataType::int32})
      .operand("tensor", "T")
      .optional_operand("source", "T")
      .keyword_operand("indices", "I")
      .descriptor("descriptor", pooling_2d_descriptor())
      .infer([](InferContext& c) {
        auto shape = c.shape("tensor");
        if (c.has("source"))
          shape = merge_shapes(c, shape, c.shape("source"), "the tensor and the source");
        const auto pooled = pooling_2d_output_shape(c, shape);
        check_choice(c, pooled);
        c.result(c.operand_data_type("tensor"), pooled);
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("tensor")) return;
        g.give("tensor", g.has("source") ? maximum_gradient(g, g.incoming(), g.input("source"))
                                         : maximum_gradient(g, g.incoming(), g.input("indices"),
                                                            g.input("tensor")));
      })
      .evaluate([](const EvaluateContext& c) {
        const auto& tensor = c.input("tensor");
        gather_from_maximum(resolve_pooling_2d(c, tensor.shape), choice_of(c, tensor.shape), tensor,
                            c.output(), c.parallel());
      });
}

// --- Average

Row avg_pooling_2d() {
  return pooling_row("avg_pooling_2d",
                     "The mean of every window of `source`. Padding counts as zeros with "
                     "include_zero_pad_to_average, else only what lies inside the image counts; a "
                     "window without elements gives 0.",
                     types::floating())
      .selector("avgPooling2DWithSourceTensor:descriptor:name:", "11.0")
      .operand("source", "T")
      .descriptor("descriptor", pooling_2d_descriptor())
      .infer(infer_pooling)
      .gradient([](GradientContext& g) {
        if (!g.wanted("source")) return;
        auto arguments = descriptor_of(g);
        arguments.emplace_back("gradient", g.incoming());
        arguments.emplace_back("source", g.input("source"));
        g.give("source", g.graph().add_one("avg_pooling_2d_gradient", std::move(arguments)));
      })
      .evaluate([](const EvaluateContext& c) {
        const auto& source = c.input("source");
        pool_average(resolve_pooling_2d(c, source.shape), source, c.output(), c.parallel());
      });
}

Row avg_pooling_2d_gradient() {
  return pooling_row("avg_pooling_2d_gradient",
                     "The gradient of avg_pooling_2d: every element of `gradient`, divided as the "
                     "average was, goes to all elements of its window. The values of `source` do "
                     "not matter, its shape is the result's.",
                     types::floating())
      .selector("avgPooling2DGradientWithGradientTensor:sourceTensor:descriptor:name:", "11.0")
      .operand("gradient", "T")
      .operand("source", "T")
      .descriptor("descriptor", pooling_2d_descriptor())
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("gradient"), pooling_2d_output_shape(c, c.shape("source")),
                     "the gradient and the pooled source");
        c.result(c.inputs()[1]);
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("gradient")) return;
        auto arguments = descriptor_of(g);
        arguments.emplace_back("source", g.incoming());
        g.give("gradient", g.graph().add_one("avg_pooling_2d", std::move(arguments)));
      })
      .evaluate([](const EvaluateContext& c) {
        pool_average_gradient(resolve_pooling_2d(c, c.output().shape), c.input("gradient"),
                              c.output(), c.parallel());
      });
}

}  // namespace

void add_pooling_rows(Rows& rows) {
  rows.push_back(max_pooling_2d().done());
  rows.push_back(max_pooling_2d_return_indices().done());
  rows.push_back(max_pooling_2d_gradient().done());
  rows.push_back(max_pooling_2d_gather().done());
  rows.push_back(avg_pooling_2d().done());
  rows.push_back(avg_pooling_2d_gradient().done());
}

}  // namespace mpsg::ops
