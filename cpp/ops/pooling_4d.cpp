// Pooling of the last four dimensions: maxima, averages and Euclidean norms of windows, and their
// gradient rows. Composites of 2D poolings, first over the last two dimensions, then over the two
// before: a maximum of maxima is the maximum, a mean of means of equal counts the mean.
#include "mpsg/error.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/wide.h"
#include "ops/window_axis.h"

namespace mpsg::ops {
namespace {

using namespace build;
using Sizes = std::vector<int64_t>;

constexpr const char* window_documentation =
    " The window slides over the last four dimensions; those before are a batch. Padding values "
    "are before and after each of the four. With ceil_mode a last window that sticks out counts if "
    "it begins inside the tensor or the padding before it (PyTorch's rule). A composite of 2D "
    "poolings.";

/// The window along the four dimensions; -1 for sizes that are not known.
struct Geometry {
  WindowAxis axes[4];
  int64_t batch = 1;

  Sizes sizes(bool output) const {
    Sizes found;
    for (const auto& axis : axes) found.push_back(output ? axis.output : axis.input);
    return found;
  }
};

const Sizes& numbers(const OperationView& c, const char* name, size_t count, int64_t least) {
  const auto& values = c.integers(name);
  if (values.size() != count)
    throw GraphError("'" + std::string(name) + "' has " + std::to_string(values.size()) +
                     " numbers; it must have " + std::to_string(count));
  for (const auto value : values)
    if (value < least || value > (1 << 30))
      throw GraphError("'" + std::string(name) + "' has an entry of " + std::to_string(value));
  return values;
}

Geometry geometry_of(const OperationView& c, const Shape& shape) {
  const auto &kernels = numbers(c, "kernel_sizes", 4, 1), &strides = numbers(c, "strides", 4, 1),
             &dilations = numbers(c, "dilation_rates", 4, 1),
             &paddings = numbers(c, "padding_values", 8, 0);
  Geometry g;
  const auto s = shape.has_rank() ? shape : Shape::unknown(4);
  if (s.rank() < 4)
    throw GraphError("the source has shape " + s.to_string() + "; rank 4 or more is needed");
  for (int i = 0; i < s.rank() - 4; ++i) g.batch *= s[i];
  for (size_t i = 0; i < 4; ++i) {
    const int64_t size = s[s.rank() - 4 + static_cast<int>(i)];
    if (size > largest_window_size)
      throw GraphError("the source has a size of " + std::to_string(size) + ", which is too large");
    g.axes[i] = resolve_axis(
        {"dimension " + std::to_string(i) + " of the last four", padding_style_of(c), strides[i],
         dilations[i], paddings[2 * i], paddings[2 * i + 1], c.flag("ceil_mode")},
        size, kernels[i]);
  }
  return g;
}

Shape pooled_shape(const OperationView& c, const Shape& shape) {
  const auto g = geometry_of(c, shape);
  if (!shape.has_rank()) return shape;
  auto pooled = shape;
  for (int i = 0; i < 4; ++i) pooled[shape.rank() - 4 + i] = g.axes[i].output;
  return pooled;
}

Tensor reshape(const Tensor& x, Sizes shape) {
  return x.graph().add_one("reshape", {{"tensor", x}, {"shape", std::move(shape)}});
}

// --- Two poolings, one after the other

/// The 2D pooling over the last two dimensions, (B * d0 * d1, 1, d2, d3), or over the two before,
/// (B, d0, d1, pooled d2 * pooled d3).
class Stage {
 public:
  Stage(const ExpandContext& c, const Geometry& g, bool last) : c_(c), g_(g), last_(last) {}

  Tensor to_images(const Tensor& x, bool pooled) const { return reshape(x, images(pooled)); }

  /// Arguments of a 2D pooling row.
  std::vector<Argument> options(PoolingReturnIndicesMode mode) const {
    const auto &y = g_.axes[last_ ? 2 : 0], &x = g_.axes[last_ ? 3 : 1];
    const bool is_explicit = padding_style_of(c_) == PaddingStyle::EXPLICIT;
    std::vector<Argument> arguments{
        {"kernel_height", y.kernel},
        {"kernel_width", x.kernel},
        {"stride_in_y", y.stride},
        {"stride_in_x", x.stride},
        {"dilation_rate_in_y", y.dilation},
        {"dilation_rate_in_x", x.dilation},
        {"data_layout",
         static_cast<int64_t>(last_ ? TensorNamedDataLayout::NCHW : TensorNamedDataLayout::NHWC)},
        {"return_indices_mode", static_cast<int64_t>(mode)},
        c_.forward("padding_style"),
        c_.forward("ceil_mode"),
        c_.forward("include_zero_pad_to_average")};
    if (is_explicit)
      arguments.insert(arguments.end(), {{"padding_top", y.pad_before},
                                         {"padding_bottom", y.pad_after},
                                         {"padding_left", x.pad_before},
                                         {"padding_right", x.pad_after}});
    return arguments;
  }
  Tensor pool(const char* row, std::initializer_list<Argument> operands) const {
    auto arguments = options(PoolingReturnIndicesMode::NONE);
    arguments.insert(arguments.end(), operands);
    auto graph = c_.inputs()[0].graph();
    return graph.add_one(row, std::move(arguments));
  }
  /// How local indices count the window, in this stage's layout.
  PoolingReturnIndicesMode local_mode() const {
    return last_ ? PoolingReturnIndicesMode::LOCAL_FLATTEN_2D
                 : PoolingReturnIndicesMode::LOCAL_FLATTEN_3D;
  }

  Sizes images(bool pooled) const {
    const auto in = g_.sizes(false), out = g_.sizes(true);
    if (last_) {
      const auto& last = pooled ? out : in;
      return {g_.batch * in[0] * in[1], 1, last[2], last[3]};
    }
    const auto& first = pooled ? out : in;
    return {g_.batch, first[0], first[1], out[2] * out[3]};
  }

 private:
  const ExpandContext& c_;
  const Geometry& g_;
  const bool last_;
};

struct Stages {
  Geometry g;
  Stage inner, outer;
  Stages(const ExpandContext& c, const Shape& source)
      : g(geometry_of(c, source)), inner(c, g, true), outer(c, g, false) {}
  Stages(const Stages&) = delete;
};

/// Both stages of a row that pools.
Tensor pooled(ExpandContext& c, const char* row, const Tensor& source, const Shape& result) {
  const Stages s(c, source.shape());
  const auto inner = s.inner.pool(row, {{"source", s.inner.to_images(source, false)}});
  const auto outer = s.outer.pool(row, {{"source", s.outer.to_images(inner, false)}});
  return reshape(outer, result.to_vector());
}

// --- Rows

std::vector<Argument> descriptor_of(const ExpandContext& c) {
  auto arguments = c.forward_attributes();
  std::erase_if(arguments, [](const Argument& a) { return a.name == "output_shape"; });
  return arguments;
}

Tensor related(ExpandContext& c, const char* row, std::initializer_list<Argument> operands) {
  auto arguments = descriptor_of(c);
  arguments.insert(arguments.end(), operands);
  return c.graph().add_one(row, std::move(arguments));
}

Row pooling_row(std::string name, const std::string& documentation, TypeSet types) {
  return Row(std::move(name), "Pooling")
      .documentation(documentation + window_documentation)
      .types("T", types);
}

void infer_pooling(InferContext& c) {
  c.result(c.operand_data_type("source"), pooled_shape(c, c.shape("source")));
}

void infer_gradient(InferContext& c) {
  merge_shapes(c, c.shape("gradient"), pooled_shape(c, c.shape("source")),
               "the gradient and the pooled source");
  c.result(c.type("source"));
}

Row max_pooling_4d() {
  return pooling_row("max_pooling_4d",
                     "The maximum of every window of `source`. Padding never wins; NaN does; a "
                     "window that lies in the padding altogether gives -infinity (for integers the "
                     "least number).",
                     types::numeric())
      .selector("maxPooling4DWithSourceTensor:descriptor:name:", "12.0")
      .operand("source", "T")
      .descriptor("descriptor", pooling_4d_descriptor())
      .infer(infer_pooling)
      .gradient([](GradientContext& g) {
        if (g.wanted("source"))
          g.give("source", related(g, "max_pooling_4d_gradient",
                                   {{"gradient", g.incoming()}, {"source", g.input("source")}}));
      })
      .expand([](ExpandContext& c) {
        c.give(pooled(c, "max_pooling_2d", c.input("source"), c.result_type().shape));
      });
}

// --- Indices of maxima

PoolingReturnIndicesMode mode_of(const OperationView& c) {
  return c.enumeration<PoolingReturnIndicesMode>("return_indices_mode");
}
bool is_local(PoolingReturnIndicesMode mode) {
  return mode >= PoolingReturnIndicesMode::LOCAL_FLATTEN_1D;
}
/// How many of the last dimensions an index counts.
int counted(PoolingReturnIndicesMode mode) {
  const int number = static_cast<int>(mode);
  return is_local(mode) ? number - 4 : number;
}

/// The number 0 ... n - 1 along one of the dimensions (B, o0, o1, o2, o3), as int64.
Tensor counted_along(Graph graph, int dimension, int64_t n) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(i);
  Sizes shape(5, 1);
  shape[static_cast<size_t>(dimension)] = n;
  return reshape(integers(graph, values), shape);
}

Tensor both(const Tensor& a, const Tensor& b) { return binary("logical_and", a, b); }
Tensor at_least(const Tensor& x, int64_t n) {
  return binary("greater_than_or_equal_to", x, Scalar(n));
}
Tensor times(const Tensor& x, int64_t n) { return binary("multiplication", x, Scalar(n)); }
Tensor plus(const Tensor& x, int64_t n) { return binary("addition", x, Scalar(n)); }
Tensor over(const Tensor& x, int64_t n) { return binary("division", x, Scalar(n)); }

/// Where element number `tap` of each window lies along a dimension.
Tensor place_along(const Geometry& g, int i, const Tensor& tap) {
  const auto& axis = g.axes[i];
  const auto window = counted_along(tap.graph(), i + 1, axis.output);
  return plus(times(window, axis.stride) + times(tap, axis.dilation), -axis.pad_before);
}

void infer_return_indices(InferContext& c) {
  const auto mode = mode_of(c);
  if (mode == PoolingReturnIndicesMode::NONE)
    c.fail("'return_indices_mode' is NONE; say how indices count, or use max_pooling_4d");
  if (c.data_type("return_indices_data_type") != DataType::int32)
    c.fail("'return_indices_data_type' must be int32, not " +
           std::string(data_type_name(c.data_type("return_indices_data_type"))));
  infer_pooling(c);
  const auto g = geometry_of(c, c.shape("source"));
  int64_t count = 1;
  for (int i = 4 - counted(mode); i < 4 && count >= 0; ++i) {
    const int64_t size = is_local(mode) ? g.axes[i].kernel : g.axes[i].input;
    if (size < 0) count = unknown_dimension;
    else if (__builtin_mul_overflow(count, size, &count)) count = INT64_MAX;
  }
  if (count > int64_t{INT32_MAX} + 1)
    c.fail("indices of a source of shape " + c.shape("source").to_string() +
           " do not fit into int32");
  c.result(DataType::int32, c.results()[0].shape);
}

void expand_return_indices(ExpandContext& c) {
  const auto source = c.input("source");
  const Stages s(c, source.shape());
  const Geometry& g = s.g;
  const auto stage = [&](const Stage& which, const Tensor& images) {
    auto arguments = which.options(which.local_mode());
    arguments.emplace_back("source", images);
    return c.graph().add("max_pooling_2d_return_indices", std::move(arguments));
  };
  const auto inner = stage(s.inner, s.inner.to_images(source, false));
  const auto outer = stage(s.outer, s.outer.to_images(inner[0], false));
  // Which of the inner windows the outer one chose, and what that had chosen.
  auto arguments = s.outer.options(s.outer.local_mode());
  arguments.emplace_back("tensor", s.outer.to_images(inner[1], false));
  arguments.emplace_back("indices", outer[1]);
  const auto chosen = c.graph().add_one("max_pooling_2d_gather", std::move(arguments));
  const auto out = g.sizes(true);
  const Sizes windows{g.batch, out[0], out[1], out[2], out[3]};
  const auto first = reshape(cast(outer[1], DataType::int64), windows);
  const auto second = reshape(cast(chosen, DataType::int64), windows);
  const int64_t k1 = g.axes[1].kernel, k3 = g.axes[3].kernel;
  const auto row = over(first, k1), plane = over(second, k3);
  const Tensor taps[] = {row, first - times(row, k1), plane, second - times(plane, k3)};
  const auto mode = mode_of(c);
  Tensor index;
  for (int i = 4 - counted(mode); i < 4; ++i) {
    const int64_t size = is_local(mode) ? g.axes[i].kernel : g.axes[i].input;
    const auto at = is_local(mode) ? taps[i] : place_along(g, i, taps[i]);
    index = index ? times(index, size) + at : at;
  }
  const auto found = both(at_least(first, 0), at_least(second, 0));
  const auto& shape = c.result_type().shape;
  c.give(reshape(outer[0], shape.to_vector()));
  c.give(
      reshape(cast(select(found, index, Scalar(int64_t{-1})), DataType::int32), shape.to_vector()));
}

Row max_pooling_4d_return_indices() {
  return pooling_row(
             "max_pooling_4d_return_indices",
             "The maximum of every window and its index, int32. The index counts elements of the "
             "last 1 to 4 dimensions of the source (GLOBAL_FLATTEN) or of the window "
             "(LOCAL_FLATTEN). The first of equal maxima counts; a window that lies in the padding "
             "altogether has index -1.",
             types::numeric())
      .selector("maxPooling4DReturnIndicesWithSourceTensor:descriptor:name:", "12.2")
      .operand("source", "T")
      .descriptor("descriptor", pooling_4d_descriptor())
      .result("values")
      .result("indices")
      .infer(infer_return_indices)
      .gradient([](GradientContext& g) {
        if (g.wanted("source"))
          g.give("source", related(g, "max_pooling_4d_gradient",
                                   {{"gradient", g.incoming(0)}, {"source", g.input("source")}}));
      })
      .expand(expand_return_indices);
}

/// Do the indices say where a maximum was? A dimension that they do not count must be one where
/// every window has one element.
bool indices_suffice(const OperationView& c) {
  const auto mode = mode_of(c);
  if (mode == PoolingReturnIndicesMode::NONE) return false;
  const auto& kernels = c.integers("kernel_sizes");
  for (int i = 0; i < 4 - counted(mode); ++i)
    if (kernels[static_cast<size_t>(i)] != 1) return false;
  return true;
}

/// Indices as places in the whole tensor seen as one list; -1 for those that name nothing.
Tensor places_of(ExpandContext& c, const Geometry& g, const Tensor& indices) {
  const auto out = g.sizes(true), in = g.sizes(false);
  auto rest = reshape(cast(indices, DataType::int64), {g.batch, out[0], out[1], out[2], out[3]});
  auto good = at_least(rest, 0);
  const auto mode = mode_of(c);
  Tensor place;
  int64_t stride = 1;
  for (int i = 3; i >= 0; --i) {
    Tensor at;
    if (i < 4 - counted(mode)) {
      at = place_along(g, i, zeros_like(rest));
    } else {
      const int64_t size = is_local(mode) ? g.axes[i].kernel : in[static_cast<size_t>(i)];
      const auto quotient = over(rest, std::max<int64_t>(1, size));
      at = rest - times(quotient, size);
      rest = quotient;
      if (is_local(mode)) at = place_along(g, i, at);
    }
    good = both(good,
                both(at_least(at, 0), binary("less_than", at, Scalar(in[static_cast<size_t>(i)]))));
    place = place ? place + times(at, stride) : at;
    stride *= in[static_cast<size_t>(i)];
  }
  good = both(good, binary("equal", rest, Scalar(int64_t{0})));
  place = place + times(counted_along(c.graph(), 0, g.batch), stride);
  return select(good, place, Scalar(int64_t{-1}));
}

void check_choice(InferContext& c, const Shape& pooled) {
  if (c.has("source") == c.has("indices"))
    c.fail("give either 'source', or 'indices' and 'output_shape'");
  if (!c.has("indices")) return;
  if (!indices_suffice(c))
    c.fail("'return_indices_mode' must count every dimension along which the window has more than "
           "one element, so that an index says where its maximum was; otherwise pass 'source'");
  merge_shapes(c, c.shape("indices"), pooled, "the indices and the pooled tensor");
}

void infer_max_gradient(InferContext& c) {
  if (c.has("source") && c.given_either_way("output_shape"))
    c.fail("'output_shape' goes with 'indices'; with 'source' it is the source's shape");
  if (c.has("indices") && !c.given_either_way("output_shape"))
    c.fail("'indices' needs 'output_shape'");
  const auto shape = c.has("source")                      ? c.shape("source")
                     : c.given_either_way("output_shape") ? shape_from(c, "output_shape")
                                                          : Shape::unranked();
  const auto pooled = pooled_shape(c, shape);
  check_choice(c, pooled);
  merge_shapes(c, c.shape("gradient"), pooled, "the gradient and the pooled tensor");
  c.result(c.operand_data_type("gradient"), shape);
}

void expand_max_gradient(ExpandContext& c) {
  const auto gradient = c.input("gradient"), source = c.input("source");
  const auto shape = c.result_type().shape;
  const Stages s(c, shape);
  if (source) {
    const auto images = s.inner.to_images(source, false);
    const auto inner =
        s.outer.to_images(s.inner.pool("max_pooling_2d", {{"source", images}}), false);
    const auto of_inner =
        s.outer.pool("max_pooling_2d_gradient",
                     {{"gradient", s.outer.to_images(gradient, true)}, {"source", inner}});
    c.give(
        reshape(s.inner.pool("max_pooling_2d_gradient",
                             {{"gradient", s.inner.to_images(of_inner, true)}, {"source", images}}),
                shape.to_vector()));
    return;
  }
  const auto places = places_of(c, s.g, c.input("indices"));
  const int64_t count = *shape.element_count();
  const auto found = c.graph().add_one(
      "scatter", {{"updates", reshape(gradient, {*gradient.shape().element_count()})},
                  {"indices", reshape(places, {*gradient.shape().element_count()})},
                  {"shape", Sizes{count}},
                  {"axis", int64_t{0}},
                  {"mode", static_cast<int64_t>(ScatterMode::ADD)}});
  c.give(reshape(found, shape.to_vector()));
}

Row with_choice(Row row) {
  return std::move(row)
      .types("I", {DataType::int32})
      .optional_operand("source", "T")
      .keyword_operand("indices", "I")
      .descriptor("descriptor", pooling_4d_descriptor());
}

Row max_pooling_4d_gradient() {
  return with_choice(
             pooling_row(
                 "max_pooling_4d_gradient",
                 "The gradient of max_pooling_4d: every element of `gradient` goes to the first "
                 "maximum of its window. The maxima are found again from `source`, or named by the "
                 "`indices` of max_pooling_4d_return_indices for a source of `output_shape`; an "
                 "index outside the source is skipped.",
                 types::numeric())
                 .selector("maxPooling4DGradientWithGradientTensor:sourceTensor:descriptor:name:",
                           "12.0")
                 .selector("maxPooling4DGradientWithGradientTensor:indicesTensor:outputShape:"
                           "descriptor:name:",
                           "13.0")
                 .selector("maxPooling4DGradientWithGradientTensor:indicesTensor:"
                           "outputShapeTensor:descriptor:name:",
                           "13.0")
                 .operand("gradient", "T"))
      .attribute(keyword(optional_integers_or_tensor("output_shape")))
      .infer(infer_max_gradient)
      .gradient([](GradientContext& g) {
        if (g.wanted("gradient"))
          g.give("gradient", related(g, "max_pooling_4d_gather",
                                     {{"tensor", g.incoming()},
                                      {"source", g.input("source")},
                                      {"indices", g.input("indices")}}));
      })
      .expand(expand_max_gradient);
}

/// The gradient of max_pooling_4d_gradient, which Apple's API lacks.
Row max_pooling_4d_gather() {
  return with_choice(pooling_row("max_pooling_4d_gather",
                                 "For every window the element of `tensor` where the maximum of "
                                 "`source` is, or where `indices` says.",
                                 types::numeric())
                         .internal()
                         .operand("tensor", "T"))
      .infer([](InferContext& c) {
        auto shape = c.shape("tensor");
        if (c.has("source"))
          shape = merge_shapes(c, shape, c.shape("source"), "the tensor and the source");
        const auto pooled = pooled_shape(c, shape);
        check_choice(c, pooled);
        c.result(c.operand_data_type("tensor"), pooled);
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("tensor")) return;
        const auto tensor = g.input("tensor");
        auto arguments = descriptor_of(g);
        arguments.insert(arguments.end(), {{"gradient", g.incoming()},
                                           {"source", g.input("source")},
                                           {"indices", g.input("indices")}});
        if (g.has("indices"))
          arguments.push_back(tensor.shape().is_static()
                                  ? Argument("output_shape", tensor.shape().to_vector())
                                  : Argument("output_shape", shape_of(tensor)));
        g.give("tensor", g.graph().add_one("max_pooling_4d_gradient", std::move(arguments)));
      })
      .expand([](ExpandContext& c) {
        const auto tensor = c.input("tensor"), source = c.input("source");
        const Stages s(c, tensor.shape());
        const auto result = c.result_type().shape.to_vector();
        if (!source) {
          const auto places = places_of(c, s.g, c.input("indices"));
          c.give(reshape(
              c.graph().add_one("gather",
                                {{"updates", reshape(tensor, {*tensor.shape().element_count()})},
                                 {"indices", places},
                                 {"axis", int64_t{0}}}),
              result));
          return;
        }
        const auto images = s.inner.to_images(source, false);
        const auto inner = s.inner.pool("max_pooling_2d", {{"source", images}});
        const auto chosen =
            s.inner.pool("max_pooling_2d_gather",
                         {{"tensor", s.inner.to_images(tensor, false)}, {"source", images}});
        c.give(reshape(
            s.outer.pool("max_pooling_2d_gather", {{"tensor", s.outer.to_images(chosen, false)},
                                                   {"source", s.outer.to_images(inner, false)}}),
            result));
      });
}

// --- Averages and sums

void expand_average_gradient(ExpandContext& c, const Tensor& gradient) {
  const auto shape = c.result_type().shape;
  const Stages s(c, shape);
  const auto outer = s.outer.pool(
      "avg_pooling_2d_gradient",
      {{"gradient", s.outer.to_images(gradient, true)},
       {"source",
        c.graph().add_one("broadcast", {{"tensor", constant(c.graph(), 0, gradient.data_type())},
                                        {"shape", s.outer.images(false)}})}});
  const auto inner = s.inner.pool(
      "avg_pooling_2d_gradient",
      {{"gradient", s.inner.to_images(outer, true)},
       {"source",
        c.graph().add_one("broadcast", {{"tensor", constant(c.graph(), 0, gradient.data_type())},
                                        {"shape", s.inner.images(false)}})}});
  c.give(cast(reshape(inner, shape.to_vector()), c.result_type().data_type));
}

Row avg_pooling_4d() {
  return pooling_row("avg_pooling_4d",
                     "The mean of every window of `source`. Padding counts as zeros with "
                     "include_zero_pad_to_average, else only what lies inside the tensor counts; a "
                     "window without elements gives 0. 16-bit floats compute in float32.",
                     types::floating())
      .selector("avgPooling4DWithSourceTensor:descriptor:name:", "12.0")
      .operand("source", "T")
      .descriptor("descriptor", pooling_4d_descriptor())
      .infer(infer_pooling)
      .gradient([](GradientContext& g) {
        if (g.wanted("source"))
          g.give("source", related(g, "avg_pooling_4d_gradient",
                                   {{"gradient", g.incoming()}, {"source", g.input("source")}}));
      })
      .expand([](ExpandContext& c) {
        c.give(cast(pooled(c, "avg_pooling_2d", widen(c.input("source")), c.result_type().shape),
                    c.result_type().data_type));
      });
}

Row avg_pooling_4d_gradient() {
  return pooling_row("avg_pooling_4d_gradient",
                     "The gradient of avg_pooling_4d: every element of `gradient`, divided as the "
                     "average was, goes to all elements of its window. The values of `source` do "
                     "not matter, its shape is the result's.",
                     types::floating())
      .selector("avgPooling4DGradientWithGradientTensor:sourceTensor:descriptor:name:", "12.0")
      .operand("gradient", "T")
      .operand("source", "T")
      .descriptor("descriptor", pooling_4d_descriptor())
      .infer(infer_gradient)
      .gradient([](GradientContext& g) {
        if (g.wanted("gradient"))
          g.give("gradient", related(g, "avg_pooling_4d", {{"source", g.incoming()}}));
      })
      .expand([](ExpandContext& c) { expand_average_gradient(c, widen(c.input("gradient"))); });
}

/// How many elements each window has that lie inside the tensor.
Tensor window_counts(ExpandContext& c, const Geometry& g, DataType type) {
  Tensor product;
  for (int i = 0; i < 4; ++i) {
    std::vector<int64_t> counts;
    for (int64_t o = 0; o < g.axes[i].output; ++o) counts.push_back(g.axes[i].taps(o).count());
    Sizes shape(4, 1);
    shape[static_cast<size_t>(i)] = g.axes[i].output;
    const auto along = cast(reshape(integers(c.graph(), counts), shape), type);
    product = product ? product * along : along;
  }
  return product;
}

Row sum_pooling_4d() {
  return pooling_row("sum_pooling_4d", "The sum of every window.", types::floating())
      .internal()
      .operand("source", "T")
      .descriptor("descriptor", pooling_4d_descriptor())
      .infer(infer_pooling)
      .gradient([](GradientContext& g) {
        if (g.wanted("source"))
          g.give("source", related(g, "sum_pooling_4d_gradient",
                                   {{"gradient", g.incoming()}, {"source", g.input("source")}}));
      })
      .expand([](ExpandContext& c) {
        const auto source = c.input("source");
        auto arguments = descriptor_of(c);
        std::erase_if(arguments,
                      [](const Argument& a) { return a.name == "include_zero_pad_to_average"; });
        arguments.emplace_back("source", source);
        const auto mean = c.graph().add_one("avg_pooling_4d", std::move(arguments));
        c.give(mean * window_counts(c, geometry_of(c, source.shape()), source.data_type()));
      });
}

Row sum_pooling_4d_gradient() {
  return pooling_row("sum_pooling_4d_gradient", "The gradient of sum_pooling_4d.",
                     types::floating())
      .internal()
      .operand("gradient", "T")
      .operand("source", "T")
      .descriptor("descriptor", pooling_4d_descriptor())
      .infer(infer_gradient)
      .gradient([](GradientContext& g) {
        if (g.wanted("gradient"))
          g.give("gradient", related(g, "sum_pooling_4d", {{"source", g.incoming()}}));
      })
      .expand([](ExpandContext& c) {
        const auto gradient = c.input("gradient"), source = c.input("source");
        auto arguments = descriptor_of(c);
        std::erase_if(arguments,
                      [](const Argument& a) { return a.name == "include_zero_pad_to_average"; });
        arguments.emplace_back("source", source);
        arguments.emplace_back(
            "gradient",
            gradient * window_counts(c, geometry_of(c, source.shape()), gradient.data_type()));
        c.give(c.graph().add_one("avg_pooling_4d_gradient", std::move(arguments)));
      });
}

// --- Euclidean norm

Row l2_norm_pooling_4d() {
  return pooling_row("l2_norm_pooling_4d",
                     "The square root of the sum of squares of every window of `source`. 16-bit "
                     "floats compute in float32.",
                     types::floating())
      .selector("L2NormPooling4DWithSourceTensor:descriptor:name:", "12.0")
      .operand("source", "T")
      .descriptor("descriptor", pooling_4d_descriptor())
      .infer(infer_pooling)
      .gradient([](GradientContext& g) {
        if (g.wanted("source"))
          g.give("source", related(g, "l2_norm_pooling_4d_gradient",
                                   {{"gradient", g.incoming()}, {"source", g.input("source")}}));
      })
      .expand([](ExpandContext& c) {
        const auto x = widen(c.input("source"));
        c.give(cast(square_root(related(c, "sum_pooling_4d", {{"source", square(x)}})),
                    c.result_type().data_type));
      });
}

Row l2_norm_pooling_4d_gradient() {
  return pooling_row("l2_norm_pooling_4d_gradient",
                     "The gradient of l2_norm_pooling_4d: source times what `gradient` / norm "
                     "gives back to each element of its window; 0 where the norm is 0.",
                     types::floating())
      .selector("L2NormPooling4DGradientWithGradientTensor:sourceTensor:descriptor:name:", "12.0")
      .operand("gradient", "T")
      .operand("source", "T")
      .descriptor("descriptor", pooling_4d_descriptor())
      .infer(infer_gradient)
      .expand([](ExpandContext& c) {
        const auto x = widen(c.input("source")), gradient = widen(c.input("gradient"));
        const auto norm = square_root(related(c, "sum_pooling_4d", {{"source", square(x)}}));
        const auto share = binary("division_no_nan", gradient, norm);
        const auto back =
            related(c, "sum_pooling_4d_gradient", {{"gradient", share}, {"source", x}});
        c.give(cast(x * back, c.result_type().data_type));
      });
}

}  // namespace

void add_pooling_4d_rows(Rows& rows) {
  rows.push_back(max_pooling_4d().done());
  rows.push_back(max_pooling_4d_return_indices().done());
  rows.push_back(max_pooling_4d_gradient().done());
  rows.push_back(max_pooling_4d_gather().done());
  rows.push_back(avg_pooling_4d().done());
  rows.push_back(avg_pooling_4d_gradient().done());
  rows.push_back(sum_pooling_4d().done());
  rows.push_back(sum_pooling_4d_gradient().done());
  rows.push_back(l2_norm_pooling_4d().done());
  rows.push_back(l2_norm_pooling_4d_gradient().done());
}

}  // namespace mpsg::ops
