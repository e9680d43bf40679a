// The C library's functions over arrays: float64, and the rare arguments float32 code leaves out.
#include "backends/cpu/llvm/math_library.h"

#include <cmath>
#include <cstdint>
#include <vector>

namespace mpsg {
namespace {

template <typename T, T (*function)(T)>
void map_unary(const T* a, const T*, T* result, int64_t count) {
  for (int64_t i = 0; i < count; ++i) result[i] = function(a[i]);
}

template <typename T, T (*function)(T, T)>
void map_binary(const T* a, const T* b, T* result, int64_t count) {
  for (int64_t i = 0; i < count; ++i) result[i] = function(a[i], b[i]);
}

// The exponential of a negative number on both sides, so that no tail loses its relative accuracy.
double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}

template <typename Function>
void* address(Function* function) {
  return reinterpret_cast<void*>(function);
}

struct Entry {
  ElementOp op;
  bool is_double;
  MathSymbol symbol;
};

template <double (*function)(double)>
Entry unary(ElementOp op, const char* name) {
  return {op, true, {name, address(map_unary<double, function>)}};
}

template <double (*function)(double, double)>
Entry binary(ElementOp op, const char* name) {
  return {op, true, {name, address(map_binary<double, function>)}};
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> table = {
      unary<std::exp>(ElementOp::exponent, "mpsg_exponent_f64"),
      unary<std::exp2>(ElementOp::exponent2, "mpsg_exponent2_f64"),
      unary<std::expm1>(ElementOp::exponent_minus1, "mpsg_exponent_minus1_f64"),
      unary<std::log>(ElementOp::logarithm, "mpsg_logarithm_f64"),
      unary<std::log2>(ElementOp::logarithm2, "mpsg_logarithm2_f64"),
      unary<std::log10>(ElementOp::logarithm10, "mpsg_logarithm10_f64"),
      unary<std::log1p>(ElementOp::logarithm_1plus, "mpsg_logarithm_1plus_f64"),
      unary<std::sin>(ElementOp::sine, "mpsg_sine_f64"),
      unary<std::cos>(ElementOp::cosine, "mpsg_cosine_f64"),
      unary<std::tan>(ElementOp::tangent, "mpsg_tangent_f64"),
      unary<std::sinh>(ElementOp::hyperbolic_sine, "mpsg_hyperbolic_sine_f64"),
      unary<std::cosh>(ElementOp::hyperbolic_cosine, "mpsg_hyperbolic_cosine_f64"),
      unary<std::tanh>(ElementOp::hyperbolic_tangent, "mpsg_hyperbolic_tangent_f64"),
      unary<std::asin>(ElementOp::arc_sine, "mpsg_arc_sine_f64"),
      unary<std::acos>(ElementOp::arc_cosine, "mpsg_arc_cosine_f64"),
      unary<std::atan>(ElementOp::arc_tangent, "mpsg_arc_tangent_f64"),
      unary<std::asinh>(ElementOp::area_sine, "mpsg_area_sine_f64"),
      unary<std::acosh>(ElementOp::area_cosine, "mpsg_area_cosine_f64"),
      unary<std::atanh>(ElementOp::area_tangent, "mpsg_area_tangent_f64"),
      unary<std::erf>(ElementOp::error_function, "mpsg_error_function_f64"),
      unary<sigmoid>(ElementOp::sigmoid, "mpsg_sigmoid_f64"),
      binary<std::pow>(ElementOp::power, "mpsg_power_f64"),
      binary<std::atan2>(ElementOp::arc_tangent2, "mpsg_arc_tangent2_f64"),
      binary<std::fmod>(ElementOp::remainder, "mpsg_remainder_f64"),
      {ElementOp::sine, false, {"mpsg_sine_f32", address(map_unary<float, std::sin>)}},
      {ElementOp::cosine, false, {"mpsg_cosine_f32", address(map_unary<float, std::cos>)}},
      {ElementOp::tangent, false, {"mpsg_tangent_f32", address(map_unary<float, std::tan>)}},
      {ElementOp::remainder, false, {"mpsg_remainder_f32", address(map_binary<float, std::fmod>)}},
  };
  return table;
}

}  // namespace

std::span<const MathSymbol> math_symbols() {
  static const std::vector<MathSymbol> symbols = [] {
    std::vector<MathSymbol> list;
    for (const Entry& entry : entries()) list.push_back(entry.symbol);
    return list;
  }();
  return symbols;
}

const char* math_symbol_name(ElementOp op, bool is_double) {
  for (const Entry& entry : entries())
    if (entry.op == op && entry.is_double == is_double) return entry.symbol.name;
  return nullptr;
}

}  // namespace mpsg
