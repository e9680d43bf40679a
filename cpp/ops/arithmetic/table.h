// What the files of elementwise rows share: rows as entries of tables, loops made from one function
// of scalars, gradient rules made from one formula.
#pragma once

#include <cstring>
#include <span>

#include "ops/build.h"
#include "ops/elementwise.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"

namespace mpsg::ops::arithmetic {

inline const char* const piecewise_constant =
    "it is piecewise constant: its derivative is 0 wherever there is one";
inline const char* const not_a_number = "its values are not floating-point numbers";

/// One row, as data.
struct Entry {
  const char* name;
  const char* selector;
  const char* macos;
  TypeSet types;
  const char* documentation;
  EvaluateFunction evaluate;
  StitchFunction stitch;  // the same for one element
  GradientFunction gradient = nullptr;
  const char* not_differentiable = "";  // why, where there is no rule
};

inline void infer_same(InferContext& c) { c.result(c.inputs()[0]); }
inline void infer_broadcast(InferContext& c) {
  c.result(c.inputs()[0].data_type, broadcast_all(c));
}
inline void infer_predicate(InferContext& c) { c.result(DataType::boolean, broadcast_all(c)); }

/// Adds rows whose operands, all of one type, are called `operands`.
inline void add_entries(Rows& rows, std::span<const Entry> entries,
                        std::initializer_list<const char*> operands, InferFunction infer) {
  for (const auto& entry : entries) {
    Row row(entry.name, "Arithmetic");
    std::move(row).documentation(entry.documentation).selector(entry.selector, entry.macos);
    std::move(row).types("T", entry.types).elementwise().infer(infer).evaluate(entry.evaluate);
    for (const auto* operand : operands) std::move(row).operand(operand, "T");
    std::move(row).stitch(entry.stitch);
    if (entry.gradient) std::move(row).gradient(entry.gradient);
    else std::move(row).not_differentiable(entry.not_differentiable);
    rows.push_back(std::move(row).done());
  }
}

// Families of C++ types that a loop is compiled for.
struct Floats {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    with_floating(type, f);
  }
};
struct Integers {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    with_integer(type, f);
  }
};
struct Numbers {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    with_numeric(type, f);
  }
};
struct FloatsComplex {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    if (type == DataType::complex64) return f(TypeTag<std::complex<float>>{});
    with_floating(type, f);
  }
};
struct NumbersComplex {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    with_numeric_complex(type, f);
  }
};
/// Integers and bool by their width only, for functions that do not see the sign: half the code.
struct Words {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    with_size_of(type, f);
  }
};
struct FloatsWords {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    if (is_floating(type)) return with_floating(type, f);
    with_size_of(type, f);
  }
};
struct FloatsComplexWords {
  template <class F>
  static void dispatch(DataType type, F&& f) {
    if (is_floating(type) || is_complex(type)) return FloatsComplex::dispatch(type, f);
    with_size_of(type, f);
  }
};

template <class T>
inline constexpr bool is_complex_type = false;
template <>
inline constexpr bool is_complex_type<std::complex<float>> = true;

/// An unsigned type at least as wide as int: signed arithmetic wraps in it, without undefined
/// behaviour. Anything but an integer stays what it is.
template <class T>
using Wrapping = std::conditional_t<std::is_integral_v<T>,
                                    std::conditional_t<(sizeof(T) <= 4), uint32_t, uint64_t>, T>;

// A loop over the types of a family, from one captureless function of scalars.
template <class Over, class F>
EvaluateFunction unary_over(F) {
  static_assert(std::is_empty_v<F>);  // made anew where it is called
  return [](const EvaluateContext& c) {
    Over::dispatch(c.inputs()[0].data_type, [&]<class T>(TypeTag<T>) { unary_loop<T, T>(c, F{}); });
  };
}
template <class Over, class F>
EvaluateFunction binary_over(F) {
  static_assert(std::is_empty_v<F>);  // made anew where it is called
  return [](const EvaluateContext& c) {
    Over::dispatch(c.inputs()[0].data_type,
                   [&]<class T>(TypeTag<T>) { binary_loop<T, T>(c, F{}); });
  };
}
/// As `unary_over` and `binary_over`, with a bool as the result.
template <class Over, class F>
EvaluateFunction unary_predicate(F) {
  static_assert(std::is_empty_v<F>);  // made anew where it is called
  return [](const EvaluateContext& c) {
    Over::dispatch(c.inputs()[0].data_type,
                   [&]<class T>(TypeTag<T>) { unary_loop<T, uint8_t>(c, F{}); });
  };
}
template <class Over, class F>
EvaluateFunction binary_predicate(F) {
  static_assert(std::is_empty_v<F>);  // made anew where it is called
  return [](const EvaluateContext& c) {
    Over::dispatch(c.inputs()[0].data_type,
                   [&]<class T>(TypeTag<T>) { binary_loop<T, uint8_t>(c, F{}); });
  };
}

/// out[i] = f(a[i], b[i], c[i]) with broadcasting; `f` sees the elements as they are stored.
template <class A, class B, class F>
void ternary_loop(const EvaluateContext& c, F&& f) {
  const auto& out_view = c.output();
  const auto inputs = c.inputs();
  const auto walk =
      broadcast_walk<3>(out_view.shape, {&inputs[0].shape, &inputs[1].shape, &inputs[2].shape});
  for_each_run<3>(walk, out_view.element_count(), c.parallel(),
                  [&](int64_t n, const auto& offsets, const auto& strides, int64_t at) {
                    const auto* x = inputs[0].as<A>() + offsets[0];
                    const auto* y = inputs[1].as<B>() + offsets[1];
                    const auto* z = inputs[2].as<B>() + offsets[2];
                    auto* out = out_view.as<B>() + at;
                    for (int64_t i = 0; i < n; ++i)
                      out[i] = f(x[i * strides[0]], y[i * strides[1]], z[i * strides[2]]);
                  });
}

/// The result has the bytes of the first operand.
inline void copy_bytes(const EvaluateContext& c) {
  if (c.output().byte_count() > 0)
    std::memmove(c.output().data, c.inputs()[0].data, c.output().byte_count());
}

inline void fill_bytes(const EvaluateContext& c, int byte) {
  if (c.output().byte_count() > 0) std::memset(c.output().data, byte, c.output().byte_count());
}

inline Tensor conjugate(const Tensor& x) {
  return is_complex(x.data_type()) ? build::unary("conjugate", x) : x;
}

/// Rule of f(tensor), from f' as a formula of the operand and the result. A gradient is
/// dL/dRe + i dL/dIm, as TensorFlow's, so that f' enters conjugated.
template <class Derivative>
GradientFunction chain(Derivative) {
  static_assert(std::is_empty_v<Derivative>);
  return [](GradientContext& g) {
    using build::operator*;
    const auto derivative = Derivative{}(g.input("tensor"), g.output());
    g.give("tensor", g.incoming() * conjugate(derivative));
  };
}

/// Rule of f(primary_tensor, secondary_tensor), from each operand's gradient as a formula of the
/// incoming gradient, the operands and the result.
template <class Primary, class Secondary>
GradientFunction pair(Primary, Secondary) {
  static_assert(std::is_empty_v<Primary> && std::is_empty_v<Secondary>);
  return [](GradientContext& g) {
    const auto a = g.input("primary_tensor"), b = g.input("secondary_tensor");
    if (g.wanted("primary_tensor"))
      g.give("primary_tensor", build::sum_to_like(Primary{}(g.incoming(), a, b, g.output()), a));
    if (g.wanted("secondary_tensor"))
      g.give("secondary_tensor",
             build::sum_to_like(Secondary{}(g.incoming(), a, b, g.output()), b));
  };
}

}  // namespace mpsg::ops::arithmetic
