// Stencil: a weighted reduction over windows of the last four dimensions.
#include <array>

#include "mpsg/error.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

std::string text(int64_t number) { return std::to_string(number); }

constexpr int spatial = 4;

/// One of the last four axes.
struct StencilAxis {
  int64_t kernel, stride, dilation;
  int64_t before, after;  // what is added to the source, negative: taken away
  int64_t count;          // windows
};

/// The axis of a source of `size` elements (unknown: -1) under a window of `kernel` elements.
StencilAxis stencil_axis(const OperationView& c, int axis, int64_t size, int64_t kernel) {
  const auto at = static_cast<size_t>(axis);
  StencilAxis result{kernel, c.integers("strides")[at], c.integers("dilation_rates")[at], 0, 0, -1};
  const auto& padding = c.integers("explicit_padding");
  const int64_t extent = (kernel - 1) * result.dilation + 1;
  const auto fitting = [&](int64_t length) {
    return length < extent ? 0 : (length - extent) / result.stride + 1;
  };
  const auto style = c.enumeration<PaddingStyle>("padding_style");
  if (style == PaddingStyle::EXPLICIT) {
    result.before = padding[2 * at];
    result.after = padding[2 * at + 1];
  } else if (style == PaddingStyle::EXPLICIT_OFFSET) {
    result.before = -c.integers("offsets")[at];
    result.after = -result.before;
  }
  if (size < 0 || kernel < 0) return result;
  const bool same = style == PaddingStyle::TF_SAME || style == PaddingStyle::ONNX_SAME_LOWER;
  if (!same) {
    result.count = fitting(size + result.before + result.after);
    return result;
  }
  result.count = (size + result.stride - 1) / result.stride;
  const int64_t missing = std::max<int64_t>(0, (result.count - 1) * result.stride + extent - size);
  result.before = (missing + (style == PaddingStyle::ONNX_SAME_LOWER)) / 2;
  result.after = missing - result.before;
  return result;
}

void check_descriptor(const InferContext& c) {
  for (const auto* name : {"offsets", "strides", "dilation_rates", "explicit_padding"}) {
    const auto& numbers = c.integers(name);
    const int64_t count = std::string_view(name) == "explicit_padding" ? 8 : 4;
    if (std::ssize(numbers) != count)
      c.fail("'" + std::string(name) + "' has " + text(std::ssize(numbers)) + " entries; " +
             text(count) + " are needed");
    const bool offsets = std::string_view(name) == "offsets";
    const int64_t least = offsets ? -(int64_t{1} << 30) : count == 8 ? 0 : 1;
    for (const auto number : numbers)
      if (number < least || number > int64_t{1} << 30)
        c.fail("'" + std::string(name) + "' has the entry " + text(number) +
               "; allowed: " + text(least) + " to 2^30");
  }
}

/// The source's shape with the number of windows along its last axes; checks that they fit.
Shape counted_shape(const InferContext& c, const Shape& source, const Shape& weights) {
  check_descriptor(c);
  if (weights.has_rank() && weights.rank() != spatial)
    c.fail("'weights' has shape " + weights.to_string() + "; rank 4 is needed");
  if (!source.has_rank()) return source;
  if (source.rank() < spatial || source.rank() + spatial > max_rank)
    c.fail("'source' has shape " + source.to_string() + "; ranks of 4 to 12 are supported");
  auto shape = source;
  for (int i = 0; i < spatial; ++i) {
    const int axis = source.rank() - spatial + i;
    const int64_t kernel = weights.has_rank() ? weights[i] : unknown_dimension;
    if (kernel == 0) c.fail("'weights' has shape " + weights.to_string() + "; it is empty");
    const auto found = stencil_axis(c, i, source[axis], kernel);
    if (found.count == 0 && source[axis] > 0)
      c.fail("a window of shape " + weights.to_string() + " does not fit into axis " + text(axis) +
             " of " + source.to_string());
    shape[axis] = found.count;
  }
  return shape;
}

/// The shape of all windows: one after the other, a window's own axes last.
Shape all_windows_shape(const InferContext& c, const Shape& source, const Shape& weights) {
  auto shape = counted_shape(c, source, weights);
  for (int i = 0; shape.has_rank() && i < spatial; ++i)
    shape.append(weights.has_rank() ? weights[i] : unknown_dimension);
  return shape;
}

/// The source padded, and the attributes of its windows, once all sizes are known.
struct WindowPlan {
  std::vector<int64_t> before, after;
  std::vector<int64_t> axes, kernel, strides, dilation;

  WindowPlan(const OperationView& c, const Shape& source, const Shape& weights)
      : before(static_cast<size_t>(source.rank())), after(before.size()) {
    for (int i = 0; i < spatial; ++i) {
      const int axis = source.rank() - spatial + i;
      const auto found = stencil_axis(c, i, source[axis], weights[i]);
      before[static_cast<size_t>(axis)] = found.before;
      after[static_cast<size_t>(axis)] = found.after;
      axes.push_back(axis);
      kernel.push_back(found.kernel);
      strides.push_back(found.stride);
      dilation.push_back(found.dilation);
    }
  }
  std::vector<Argument> windows() const {
    return {{"axes", axes}, {"kernel", kernel}, {"strides", strides}, {"dilation", dilation}};
  }
  std::vector<Argument> padding(const OperationView& c) const {
    return {{"padding_mode", c.integer("boundary_mode")},
            {"left_padding", before},
            {"right_padding", after}};
  }
};

std::vector<Argument> descriptor_arguments(const ExpandContext& c) {
  std::vector<Argument> arguments;
  for (const auto& field : stencil_descriptor().fields) arguments.push_back(c.forward(field.name));
  return arguments;
}

Row stencil_row(std::string name, const std::string& documentation, TypeSet types) {
  return Row(std::move(name), "Stencil").documentation(documentation).types("T", types);
}

// The windows of a source that may not have its sizes yet, and the way back.

Row stencil_windows() {
  return stencil_row("stencil_windows",
                     "The windows of `source`, padded as a stencil pads it, of the shape of "
                     "`weights`.",
                     types::numeric())
      .internal()
      .operand("source", "T")
      .operand("weights", "T")
      .descriptor("descriptor", stencil_descriptor())
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("source"),
                 all_windows_shape(c, c.shape("source"), c.shape("weights")));
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("source")) return;
        auto arguments = descriptor_arguments(g);
        arguments.emplace_back("gradient", g.incoming());
        arguments.emplace_back("source", g.input("source"));
        arguments.emplace_back("weights", g.input("weights"));
        g.give("source", g.graph().add_one("stencil_windows_gradient", std::move(arguments)));
      })
      .expand([](ExpandContext& c) {
        const auto source = c.input("source");
        const WindowPlan plan(c, source.shape(), c.input("weights").shape());
        auto padding = plan.padding(c);
        padding.emplace_back("tensor", source);
        padding.push_back({"constant_value", c.real("padding_constant")});
        auto arguments = plan.windows();
        arguments.emplace_back("tensor", c.graph().add_one("pad", std::move(padding)));
        c.give(c.graph().add_one("windows", std::move(arguments)));
      });
}

Row stencil_windows_gradient() {
  return stencil_row("stencil_windows_gradient",
                     "The sum of all windows at their places in `source`.", types::numeric())
      .internal()
      .operand("gradient", "T")
      .operand("source", "T")
      .operand("weights", "T")
      .descriptor("descriptor", stencil_descriptor())
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("gradient"),
                     all_windows_shape(c, c.shape("source"), c.shape("weights")), "the windows");
        c.result(c.inputs()[1]);
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("gradient")) return;
        auto arguments = descriptor_arguments(g);
        // The boundary's constant has no gradient, and there are zeros in its place.
        std::erase_if(arguments, [](const Argument& a) { return a.name == "padding_constant"; });
        arguments.emplace_back("source", g.incoming());
        arguments.emplace_back("weights", g.input("weights"));
        g.give("gradient", g.graph().add_one("stencil_windows", std::move(arguments)));
      })
      .expand([](ExpandContext& c) {
        const auto source = c.input("source");
        const WindowPlan plan(c, source.shape(), c.input("weights").shape());
        auto whole = source.shape().to_vector();
        for (size_t i = 0; i < whole.size(); ++i) whole[i] += plan.before[i] + plan.after[i];
        auto arguments = plan.windows();
        arguments.emplace_back("tensor", c.input("gradient"));
        arguments.emplace_back("shape", whole);
        auto padding = plan.padding(c);
        padding.emplace_back("incoming_gradient",
                             c.graph().add_one("windows_gradient", std::move(arguments)));
        padding.emplace_back("source", source);
        c.give(c.graph().add_one("pad_gradient", std::move(padding)));
      });
}

// --- stencil

const char* reduction_of(ReductionMode mode) {
  switch (mode) {
    case ReductionMode::MIN: return "reduction_minimum";
    case ReductionMode::MAX: return "reduction_maximum";
    case ReductionMode::SUM: return "reduction_sum";
    case ReductionMode::PRODUCT: return "reduction_product";
    case ReductionMode::ARGUMENT_MIN: return "reduction_arg_minimum";
    case ReductionMode::ARGUMENT_MAX: return "reduction_arg_maximum";
  }
  throw InternalError("no such reduction mode");
}

bool gives_place(ReductionMode mode) {
  return mode == ReductionMode::ARGUMENT_MIN || mode == ReductionMode::ARGUMENT_MAX;
}

void expand_stencil(ExpandContext& c) {
  const auto mode = c.enumeration<ReductionMode>("reduction_mode");
  auto arguments = descriptor_arguments(c);
  arguments.emplace_back("source", c.input("source"));
  arguments.emplace_back("weights", c.input("weights"));
  const auto products =
      c.graph().add_one("stencil_windows", std::move(arguments)) * c.input("weights");
  if (!gives_place(mode)) {
    const std::vector<int64_t> axes{-4, -3, -2, -1};
    const auto reduced =
        c.graph().add_one(reduction_of(mode), {{"tensor", products}, {"axes", axes}});
    return c.give(c.graph().add_one("squeeze", {{"tensor", reduced}, {"axes", axes}}));
  }
  auto flat = c.result_type().shape.to_vector();
  flat.push_back(c.input("weights").shape().element_count().value_or(unknown_dimension));
  const auto windows = c.graph().add_one("reshape", {{"tensor", products}, {"shape", flat}});
  const auto place =
      c.graph().add_one(reduction_of(mode), {{"tensor", windows}, {"axis", int64_t{-1}}});
  c.give(c.graph().add_one("squeeze", {{"tensor", place}, {"axes", int64_t{-1}}}));
}

Row stencil() {
  return stencil_row(
             "stencil",
             "A reduction over windows of the last four dimensions of `source`: y[i] is the sum "
             "(or what reduction_mode says) of source[i * stride + j * dilation] * weights[j] over "
             "the weights, which have rank 4. Outside the source there is what boundary_mode says. "
             "With PaddingStyle.EXPLICIT_OFFSET there are as many windows as fit into the source, "
             "the first one at `offsets`. ARGUMENT_MIN and ARGUMENT_MAX give the place in the "
             "flattened window as int32, of equal ones the first. A composite.",
             types::numeric())
      .selector("stencilWithSourceTensor:weightsTensor:descriptor:name:", "12.0")
      .operand("source", "T")
      .operand("weights", "T")
      .descriptor("descriptor", stencil_descriptor())
      .infer([](InferContext& c) {
        const bool place = gives_place(c.enumeration<ReductionMode>("reduction_mode"));
        c.result(place ? DataType::int32 : c.operand_data_type("source"),
                 counted_shape(c, c.shape("source"), c.shape("weights")));
      })
      .expand(expand_stencil);
}

}  // namespace

void add_stencil_rows(Rows& rows) {
  rows.push_back(stencil().done());
  rows.push_back(stencil_windows().done());
  rows.push_back(stencil_windows_gradient().done());
}

}  // namespace mpsg::ops
