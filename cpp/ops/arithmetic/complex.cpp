// Complex numbers, their parts and their magnitude. A gradient is dL/dRe + i dL/dIm.
#include <cmath>

#include "ops/arithmetic/table.h"

namespace mpsg::ops {
namespace {

using namespace build;
using namespace arithmetic;

using Complex = std::complex<float>;

Tensor make_complex(const TensorOrScalar& real, const TensorOrScalar& imaginary) {
  const auto* tensor = std::get_if<Tensor>(&real);
  auto graph = tensor ? tensor->graph() : std::get<Tensor>(imaginary).graph();
  return graph.add_one("complex", {{"real", real}, {"imaginary", imaginary}});
}

Tensor as_complex(const Tensor& x) {
  return is_complex(x.data_type()) ? x : make_complex(x, Scalar(0.0));
}

DataType part_type(DataType type) { return is_complex(type) ? DataType::float32 : type; }

void infer_part(InferContext& c) {
  c.result(part_type(c.inputs()[0].data_type), c.inputs()[0].shape);
}

Row complex_row() {
  return Row("complex", "Arithmetic")
      .documentation("The complex64 number real + i * imaginary, of two float32 tensors, with "
                     "broadcasting.")
      .selector("complexTensorWithRealTensor:imaginaryTensor:name:", "14.0")
      .types("T", TypeSet{DataType::float32})
      .operand("real", "T")
      .operand("imaginary", "T")
      .elementwise()
      .infer([](InferContext& c) { c.result(DataType::complex64, broadcast_all(c)); })
      .gradient([](GradientContext& g) {
        if (g.wanted("real"))
          g.give("real", sum_to_like(unary("real_part", g.incoming()), g.input("real")));
        if (g.wanted("imaginary"))
          g.give("imaginary",
                 sum_to_like(unary("imaginary_part", g.incoming()), g.input("imaginary")));
      })
      .not_stitchable("complex numbers do not stitch")
      .evaluate([](const EvaluateContext& c) {
        binary_loop<float, Complex>(c, [](float re, float im) { return Complex(re, im); });
      });
}

bool reads_complex(const EvaluateContext& c) { return is_complex(c.inputs()[0].data_type); }

Row part_row(const char* name, const char* selector, const char* documentation) {
  return Row(name, "Arithmetic")
      .documentation(documentation)
      .selector(selector, "14.0")
      .types("T", types::numeric_complex())
      .operand("tensor", "T")
      .elementwise()
      .infer(infer_part);
}

Row real_part() {
  return part_row("real_part", "realPartOfTensor:name:",
                  "The real part: float32 for complex64, the tensor itself for real types.")
      .gradient([](GradientContext& g) {
        const bool complex = is_complex(g.input("tensor").data_type());
        g.give("tensor", complex ? as_complex(g.incoming()) : g.incoming());
      })
      .stitch(stitch_same())
      .evaluate([](const EvaluateContext& c) {
        if (!reads_complex(c)) return copy_bytes(c);
        unary_loop<Complex, float>(c, [](Complex z) { return z.real(); });
      });
}

Row imaginary_part() {
  return part_row("imaginary_part", "imaginaryPartOfTensor:name:",
                  "The imaginary part: float32 for complex64, 0 for real types.")
      .gradient([](GradientContext& g) {
        const auto x = g.input("tensor");
        g.give("tensor",
               is_complex(x.data_type()) ? make_complex(Scalar(0.0), g.incoming()) : zeros_like(x));
      })
      .stitch(stitch_unary([](const Expression& x) { return x.literal(0); }))
      .evaluate([](const EvaluateContext& c) {
        if (reads_complex(c))
          return unary_loop<Complex, float>(c, [](Complex z) { return z.imag(); });
        fill_bytes(c, 0);
      });
}

constexpr auto magnitude_of = [](auto x) {
  using C = decltype(x);
  if constexpr (std::is_floating_point_v<C>) return std::abs(x);
  else if constexpr (std::is_signed_v<C>)
    return x < C(0) ? static_cast<C>(Wrapping<C>(0) - Wrapping<C>(x)) : x;
  else return x;
};
constexpr auto real_square = [](auto x) {
  using W = Wrapping<decltype(x)>;
  return static_cast<decltype(x)>(W(x) * W(x));
};

Row absolute() {
  return part_row("absolute", "absoluteWithTensor:name:",
                  "The absolute value; for complex64 the magnitude, as float32. The least signed "
                  "integer stays itself. At 0 the gradient is 0.")
      .gradient([](GradientContext& g) {
        const auto x = g.input("tensor");
        if (!is_complex(x.data_type())) return g.give("tensor", g.incoming() * unary("sign", x));
        const auto direction = binary("division_no_nan", x, as_complex(g.output()));
        g.give("tensor", as_complex(g.incoming()) * direction);
      })
      .stitch(stitch_unary([](const Expression& x) {
        return is_unsigned(x.type()) ? x : x.apply(ElementOp::absolute);
      }))
      .evaluate([](const EvaluateContext& c) {
        if (reads_complex(c))
          return unary_loop<Complex, float>(c, [](Complex z) { return std::abs(z); });
        unary_over<Numbers>(magnitude_of)(c);
      });
}

Row absolute_square() {
  return part_row("absolute_square", "absoluteSquareWithTensor:name:",
                  "The square of the absolute value: tensor * conjugate(tensor), float32 for "
                  "complex64. Integers wrap.")
      .gradient([](GradientContext& g) {
        const auto x = g.input("tensor");
        const auto incoming = is_complex(x.data_type()) ? as_complex(g.incoming()) : g.incoming();
        g.give("tensor", incoming * x * 2.0);
      })
      .stitch(stitch_unary([](const Expression& x) { return x * x; }))
      .evaluate([](const EvaluateContext& c) {
        if (reads_complex(c))
          return unary_loop<Complex, float>(c, [](Complex z) { return std::norm(z); });
        unary_over<FloatsWords>(real_square)(c);
      });
}

Row conjugate_row() {
  return Row("conjugate", "Arithmetic")
      .documentation("The complex conjugate; the tensor itself for real types.")
      .selector("conjugateWithTensor:name:", "14.0")
      .types("T", types::numeric_complex())
      .operand("tensor", "T")
      .elementwise()
      .infer(infer_same)
      .gradient([](GradientContext& g) { g.give("tensor", conjugate(g.incoming())); })
      .stitch(stitch_same())
      .evaluate([](const EvaluateContext& c) {
        if (!is_complex(c.output().data_type)) return copy_bytes(c);
        unary_loop<Complex, Complex>(c, [](Complex z) { return std::conj(z); });
      });
}

Row planar() {
  return Row("planar", "Arithmetic")
      .documentation("The parts of a complex64 tensor as two float32 planes along a new first "
                     "axis: planar[0] is the real part, planar[1] the imaginary part. A composite. "
                     "(Apple documents the name only; the place of the axis is mpsg's choice.)")
      .selector("planarTensorWithComplexTensor:name:", "26.3")
      .types("T", types::complex())
      .operand("tensor", "T")
      .infer([](InferContext& c) {
        const auto& own = c.shape("tensor");
        if (!own.has_rank()) return c.result(DataType::float32, Shape::unranked());
        if (own.rank() == max_rank) c.fail("'tensor' has 16 dimensions already");
        Shape shape{2};
        for (const auto size : own.dimensions()) shape.append(size);
        c.result(DataType::float32, shape);
      })
      .expand([](ExpandContext& c) {
        const auto x = c.input("tensor");
        c.give(c.graph().add_one(
            "stack",
            {{"tensors", std::vector<Tensor>{unary("real_part", x), unary("imaginary_part", x)}},
             {"axis", AttributeValue(int64_t{0})}}));
      });
}

}  // namespace

void add_arithmetic_complex_rows(Rows& rows) {
  rows.push_back(complex_row().done());
  rows.push_back(real_part().done());
  rows.push_back(imaginary_part().done());
  rows.push_back(absolute().done());
  rows.push_back(absolute_square().done());
  rows.push_back(conjugate_row().done());
  rows.push_back(planar().done());
}

}  // namespace mpsg::ops
