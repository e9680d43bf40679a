// FourierTransform: transforms along axes, of complex tensors, and of real ones to the half of
// their spectrum that says it all and back.
#include <cmath>

#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/fourier/kernels.h"
#include "ops/fourier/row_plan.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr const char* formula_documentation =
    " `axes` (an int, ints or an integer tensor) are transformed one after the other: the sum over "
    "k of tensor[k] * exp(-2 pi i j k / n), with + in the exponent if `inverse`, times the scale: "
    "1, 1 / V or 1 / sqrt(V) for the product V of the axes' sizes, whatever `inverse` is "
    "(FFTScalingMode). Any size is quick. ";

Row transform_row(std::string name, const std::string& documentation, TypeSet types) {
  return Row(std::move(name), "FourierTransform")
      .documentation(documentation)
      .types("T", types)
      .not_stitchable("every element of the result needs all of a line");
}

/// The axes from the front, if they are known; checked.
std::optional<std::vector<int>> known_axes(const InferContext& c, const Shape& shape) {
  const auto given = c.known_integers("axes");
  if (!given || !shape.has_rank()) return std::nullopt;
  if (given->empty()) c.fail("'axes' must name at least one axis");
  return normalize_axes(c, "axes", *given, shape.rank());
}

Shape half_spectrum_shape(const InferContext& c, const Shape& real) {
  if (!real.has_rank()) return real;
  const auto axes = known_axes(c, real);
  if (!axes) return Shape::unknown(real.rank());
  auto shape = real;
  auto& size = shape[axes->back()];
  if (size == 0)
    c.fail("axis " + std::to_string(axes->back()) + " of " + real.to_string() +
           " has no elements to transform");
  if (size > 0) size = size / 2 + 1;
  return shape;
}

Shape real_shape(const InferContext& c, const Shape& half) {
  if (!half.has_rank()) return half;
  const auto axes = known_axes(c, half);
  if (!axes) return Shape::unknown(half.rank());
  auto shape = half;
  auto& size = shape[axes->back()];
  if (size == 0)
    c.fail("axis " + std::to_string(axes->back()) + " of " + half.to_string() +
           " has no frequencies to transform");
  if (size > 0) size = (size - 1) * 2 + (c.flag("round_to_odd_hermitean") ? 1 : 0);
  return shape;
}

/// Arguments of the row whose transform goes the other way, or the same way.
std::vector<Argument> options_of(GradientContext& g, bool opposite) {
  auto arguments = g.forward_attributes();
  std::erase_if(arguments, [](const Argument& a) { return a.name == "inverse"; });
  arguments.emplace_back("inverse", g.flag("inverse") != opposite);
  return arguments;
}

Tensor transformed(GradientContext& g, const char* row, bool opposite,
                   std::initializer_list<Argument> operands) {
  auto arguments = options_of(g, opposite);
  arguments.insert(arguments.end(), operands);
  return g.graph().add_one(row, std::move(arguments));
}

/// On the threads of an evaluation.
class ParallelRunner final : public fourier::TaskRunner {
 public:
  explicit ParallelRunner(const Parallel& parallel) : parallel_(parallel) {}
  void run(int64_t tasks, int64_t workspace_floats, const fourier::TaskBody& body) const override {
    parallel_.for_range(tasks, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> workspace(static_cast<size_t>(workspace_floats));
      for (int64_t task = begin; task < end; ++task) body(task, workspace.data());
    });
  }

 private:
  const Parallel& parallel_;
};

void evaluate_transform(const EvaluateContext& c) {
  const auto &source = c.inputs()[0], &result = c.output();
  const auto plan = fourier::plan_of(c, {source.data_type, source.shape},
                                     {result.data_type, result.shape}, c.integers_of("axes"));
  std::vector<float> between(static_cast<size_t>(plan.between_floats()));
  plan.run(source.as<const float>(), result.as<float>(), between.data(),
           fourier::baseline_lane_kernels(), ParallelRunner(c.parallel()));
}

Row fast_fourier_transform() {
  return transform_row("fast_fourier_transform",
                       std::string("The discrete Fourier transform of a complex or real tensor: "
                                   "complex64, of the same shape.") +
                           formula_documentation,
                       {DataType::float32, DataType::complex64})
      .selector("fastFourierTransformWithTensor:axes:descriptor:name:", "14.0")
      .selector("fastFourierTransformWithTensor:axesTensor:descriptor:name:", "14.0")
      .operand("tensor", "T")
      .attribute(integers_or_tensor("axes"))
      .descriptor("descriptor", fft_descriptor())
      .infer([](InferContext& c) {
        known_axes(c, c.shape("tensor"));
        c.result(DataType::complex64, c.shape("tensor"));
      })
      .gradient([](GradientContext& g) {
        const auto gradient =
            transformed(g, "fast_fourier_transform", true, {{"tensor", g.incoming()}});
        const bool real = g.input("tensor").data_type() == DataType::float32;
        g.give("tensor", real ? unary("real_part", gradient) : gradient);
      })
      .evaluate(evaluate_transform);
}

Row real_to_hermitean_fft() {
  return transform_row(
             "real_to_hermitean_fft",
             std::string("The discrete Fourier transform of a real tensor, of which the last of "
                         "`axes` keeps the first n / 2 + 1 elements only: the others are their "
                         "conjugates (NumPy's rfftn, and with `inverse` its conjugate).") +
                 formula_documentation,
             {DataType::float32})
      .selector("realToHermiteanFFTWithTensor:axes:descriptor:name:", "14.0")
      .selector("realToHermiteanFFTWithTensor:axesTensor:descriptor:name:", "14.0")
      .operand("tensor", "T")
      .attribute(integers_or_tensor("axes"))
      .descriptor("descriptor", fft_descriptor())
      .infer([](InferContext& c) {
        c.result(DataType::complex64, half_spectrum_shape(c, c.shape("tensor")));
      })
      .gradient([](GradientContext& g) {
        g.give("tensor", transformed(g, "real_to_hermitean_fft_gradient", true,
                                     {{"gradient", g.incoming()}, {"like", g.input("tensor")}}));
      })
      .evaluate(evaluate_transform);
}

Row hermitean_to_real_fft() {
  return transform_row(
             "hermitean_to_real_fft",
             std::string("The discrete Fourier transform of a spectrum of which the last of `axes` "
                         "has the first n / 2 + 1 elements only and the others are taken to be "
                         "their conjugates, so that the result is real: NumPy's irfftn, if "
                         "`inverse` and the scaling is SIZE. n is 2 * (size - 1), plus 1 if "
                         "round_to_odd_hermitean.") +
                 formula_documentation,
             {DataType::complex64})
      .selector("HermiteanToRealFFTWithTensor:axes:descriptor:name:", "14.0")
      .selector("HermiteanToRealFFTWithTensor:axesTensor:descriptor:name:", "14.0")
      .operand("tensor", "T")
      .attribute(integers_or_tensor("axes"))
      .descriptor("descriptor", fft_descriptor())
      .infer([](InferContext& c) { c.result(DataType::float32, real_shape(c, c.shape("tensor"))); })
      .gradient([](GradientContext& g) {
        g.give("tensor", transformed(g, "hermitean_to_real_fft_gradient", true,
                                     {{"gradient", g.incoming()}}));
      })
      .evaluate(evaluate_transform);
}

Row real_to_hermitean_fft_gradient() {
  return transform_row("real_to_hermitean_fft_gradient",
                       "The gradient of real_to_hermitean_fft with the opposite `inverse`, for an "
                       "operand of the shape of `like`.",
                       {DataType::complex64})
      .internal()
      .types("R", {DataType::float32})
      .operand("gradient", "T")
      .operand("like", "R")
      .attribute(integers_or_tensor("axes"))
      .descriptor("descriptor", fft_descriptor())
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("gradient"), half_spectrum_shape(c, c.shape("like")),
                     "the gradient and the half spectrum");
        c.result(DataType::float32, c.shape("like"));
      })
      .gradient([](GradientContext& g) {
        if (g.wanted("gradient"))
          g.give("gradient",
                 transformed(g, "real_to_hermitean_fft", true, {{"tensor", g.incoming()}}));
      })
      .evaluate(evaluate_transform);
}

Row hermitean_to_real_fft_gradient() {
  return transform_row("hermitean_to_real_fft_gradient",
                       "The gradient of hermitean_to_real_fft with the opposite `inverse`.",
                       {DataType::float32})
      .internal()
      .operand("gradient", "T")
      .attribute(integers_or_tensor("axes"))
      .descriptor("descriptor", fft_descriptor())
      .infer([](InferContext& c) {
        c.result(DataType::complex64, half_spectrum_shape(c, c.shape("gradient")));
      })
      .gradient([](GradientContext& g) {
        g.give("gradient",
               transformed(g, "hermitean_to_real_fft", true, {{"tensor", g.incoming()}}));
      })
      .evaluate(evaluate_transform);
}

}  // namespace

namespace fourier {

TensorPlan plan_of(const OperationView& operation, const TensorType& source,
                   const TensorType& result, const std::vector<int64_t>& given) {
  Options options;
  options.inverse = operation.flag("inverse");
  const auto& name = operation.row().name;
  if (source.data_type == DataType::float32 && result.shape == source.shape &&
      name == "fast_fourier_transform")
    options.kind = Kind::real_to_complex;
  else if (source.data_type == DataType::float32) options.kind = Kind::real_to_hermitean;
  else if (result.data_type == DataType::float32) options.kind = Kind::hermitean_to_real;
  const bool from_real = options.kind != Kind::hermitean_to_real;
  const auto& real = from_real ? source.shape : result.shape;
  std::vector<int> axes;
  double size = 1;
  for (const auto axis : given) {
    axes.push_back(static_cast<int>(axis < 0 ? axis + real.rank() : axis));
    size *= static_cast<double>(real[axes.back()]);
  }
  const auto mode = operation.enumeration<FFTScalingMode>("scaling_mode");
  if (mode == FFTScalingMode::SIZE) options.scale = static_cast<float>(1.0 / size);
  if (mode == FFTScalingMode::UNITARY) options.scale = static_cast<float>(1.0 / std::sqrt(size));
  // What a real transform reads once of two equal elements counts twice, and the other way round.
  if (name == "real_to_hermitean_fft_gradient") options.inner = 0.5f;
  if (name == "hermitean_to_real_fft_gradient") options.inner = 2.0f;
  return {real, axes, options};
}

}  // namespace fourier

void add_fourier_transform_rows(Rows& rows) {
  rows.push_back(fast_fourier_transform().done());
  rows.push_back(real_to_hermitean_fft().done());
  rows.push_back(real_to_hermitean_fft_gradient().done());
  rows.push_back(hermitean_to_real_fft().done());
  rows.push_back(hermitean_to_real_fft_gradient().done());
}

}  // namespace mpsg::ops
