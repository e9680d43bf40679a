// Windows as axes of their own: the rows that im_to_col, col_to_im and stencils are made of. They
// stitch, so that nobody has to write all windows to memory.
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"
#include "ops/tensor_shape/convert.h"
#include "ops/tensor_shape/strided_copy.h"

namespace mpsg::ops {
namespace {

/// One axis that windows slide along.
struct Slide {
  int axis;
  int64_t kernel, stride, dilation;

  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  int64_t count(int64_t size) const { return size < extent() ? 0 : (size - extent()) / stride + 1; }
};

std::vector<Slide> slides_of(const OperationView& operation) {
  const auto &axes = operation.integers("axes"), &kernel = operation.integers("kernel");
  const auto &strides = operation.integers("strides"), &dilation = operation.integers("dilation");
  std::vector<Slide> slides;
  for (size_t i = 0; i < axes.size(); ++i)
    slides.push_back({static_cast<int>(axes[i]), kernel[i], strides[i], dilation[i]});
  return slides;
}

/// The axes count windows, and behind them come the axes of a window.
Shape windows_shape(const OperationView& operation, Shape shape) {
  for (const auto& slide : slides_of(operation)) {
    shape[slide.axis] = shape[slide.axis] < 0 ? -1 : slide.count(shape[slide.axis]);
    shape.append(slide.kernel);
  }
  return shape;
}

/// The tap number `tap` of every window, as a part of the tensor.
StridedPart part_of_tap(const std::vector<Slide>& slides, const Shape& tensor, int64_t tap) {
  StridedPart part{0, tensor.to_vector(), packed_strides(tensor)};
  for (size_t i = slides.size(); i-- > 0;) {
    const auto& slide = slides[i];
    const auto axis = static_cast<size_t>(slide.axis);
    part.offset += tap % slide.kernel * slide.dilation * part.strides[axis];
    tap /= slide.kernel;
    part.sizes[axis] = slide.count(part.sizes[axis]);
    part.strides[axis] *= slide.stride;
  }
  return part;
}

void evaluate_windows(const EvaluateContext& c) {
  const auto& tensor = c.inputs()[0].shape;
  StridedPart part{0, c.output().shape.to_vector(), packed_strides(tensor)};
  const auto strides = part.strides;
  for (const auto& slide : slides_of(c)) {
    const auto axis = static_cast<size_t>(slide.axis);
    part.strides[axis] *= slide.stride;
    part.strides.push_back(strides[axis] * slide.dilation);
  }
  read_part(c.inputs()[0], part, c.output(), c.parallel());
}

void stitch_windows(StitchContext& c) {
  if (refuse_complex(c)) return;
  const int rank = c.input_type(0).shape.rank();
  std::vector<StitchIndex> at;
  for (int axis = 0; axis < rank; ++axis) at.push_back(c.index(axis));
  int window_axis = rank;
  for (const auto& slide : slides_of(c)) {
    auto& index = at[static_cast<size_t>(slide.axis)];
    index = sum_of(c, scaled(c, index, slide.stride),
                   scaled(c, c.index(window_axis++), slide.dilation));
  }
  c.give(c.input_at(0, at));
}

/// Tap after tap, so that every sum has its own order, whoever adds it up.
template <class T>
void sum_windows(const EvaluateContext& c) {
  using C = ComputeType<T>;
  const auto slides = slides_of(c);
  const auto& out = c.output();
  int64_t taps = 1;
  for (const auto& slide : slides) taps *= slide.kernel;
  std::vector<C> wide;
  C* sums = nullptr;
  if constexpr (std::is_same_v<C, T>) {
    sums = out.as<T>();
    std::fill_n(sums, out.element_count(), C{});
  } else {
    wide.resize(static_cast<size_t>(out.element_count()));
    sums = wide.data();
  }
  const auto* gradient = c.inputs()[0].as<const T>();
  for (int64_t tap = 0; tap < taps; ++tap)
    for_each_strided_run(part_of_tap(slides, out.shape, tap), c.parallel(),
                         [&](int64_t n, int64_t offset, int64_t stride, int64_t at) {
                           const T* from = gradient + at * taps + tap;
                           C* to = sums + offset;
                           for (int64_t i = 0; i < n; ++i) {
                             const auto value = static_cast<C>(from[i * taps]);
                             to[i * stride] = static_cast<C>(to[i * stride] + value);
                           }
                         });
  if constexpr (!std::is_same_v<C, T>)
    for (size_t i = 0; i < wide.size(); ++i) out.as<T>()[i] = static_cast<T>(wide[i]);
}

Row window_row(std::string name, const std::string& documentation, TypeSet types) {
  return Row(std::move(name), "Stencil")
      .internal()
      .documentation(documentation)
      .types("T", types)
      .operand("tensor", "T")
      .attribute(integers_attribute("axes"))
      .attribute(integers_attribute("kernel"))
      .attribute(integers_attribute("strides"))
      .attribute(integers_attribute("dilation"));
}

std::vector<Argument> window_arguments(const ExpandContext& c) {
  return {c.forward("axes"), c.forward("kernel"), c.forward("strides"), c.forward("dilation")};
}

Row windows() {
  return window_row("windows",
                    "All windows of a tensor: `axes` count them, and a window's own axes come "
                    "last.",
                    types::all())
      .infer([](InferContext& c) {
        const auto& shape = c.shape("tensor");
        if (!shape.has_rank()) return c.result(c.inputs()[0]);
        if (shape.rank() + std::ssize(c.integers("axes")) > max_rank)
          c.fail("a tensor of rank " + std::to_string(shape.rank()) + " and windows of rank " +
                 std::to_string(c.integers("axes").size()) + " have more than 16 dimensions");
        c.result(c.operand_data_type("tensor"), windows_shape(c, shape));
      })
      .gradient([](GradientContext& g) {
        auto arguments = window_arguments(g);
        arguments.emplace_back("tensor", g.incoming());
        arguments.emplace_back("shape", build::shape_of(g.input("tensor")));
        g.give("tensor", g.graph().add_one("windows_gradient", std::move(arguments)));
      })
      .stitch(stitch_windows)
      .evaluate(evaluate_windows);
}

Row windows_gradient() {
  return window_row("windows_gradient",
                    "The sum of all windows at their places in a tensor of `shape`.",
                    types::numeric_complex())
      .attribute(integers_or_tensor("shape"))
      .infer([](InferContext& c) {
        const auto shape = shape_from(c, "shape");
        if (shape.has_rank())
          merge_shapes(c, c.shape("tensor"), windows_shape(c, shape), "the windows");
        c.result(c.operand_data_type("tensor"), shape);
      })
      .gradient([](GradientContext& g) {
        auto arguments = window_arguments(g);
        arguments.emplace_back("tensor", g.incoming());
        g.give("tensor", g.graph().add_one("windows", std::move(arguments)));
      })
      .not_stitchable("an element is a sum over windows, whose number depends on its place")
      .evaluate([](const EvaluateContext& c) {
        const auto type = c.output().data_type;
        if (is_complex(type)) return sum_windows<std::complex<float>>(c);
        const auto sum = [&]<class T>(TypeTag<T>) { sum_windows<T>(c); };
        is_floating(type) ? with_floating(type, sum) : with_size_of(type, sum);
      });
}

}  // namespace

void add_window_rows(Rows& rows) {
  rows.push_back(windows().done());
  rows.push_back(windows_gradient().done());
}

}  // namespace mpsg::ops
