#include "ops/stitch_rules.h"

#include <cstring>

#include "graph/element_types.h"

namespace mpsg::ops {

bool refuse_complex(StitchContext& c) {
  bool complex = is_complex(c.result_type().data_type);
  for (int i = 0; i < c.input_count(); ++i)
    complex = complex || is_complex(c.input_type(i).data_type);
  if (complex) c.refuse();
  return complex;
}

StitchFunction stitch_same() {
  return stitch_unary([](const Expression& x) { return x; });
}

Expression literal_of_bytes(StitchContext& c, DataType type, const void* bytes) {
  auto& builder = c.builder();
  if (is_floating(type)) {
    double value = 0;
    with_floating(type, [&]<class T>(TypeTag<T>) {
      T element;
      std::memcpy(&element, bytes, sizeof element);
      value = static_cast<ComputeType<T>>(element);
    });
    return {builder, builder.literal(value, compute_type(type))};
  }
  uint64_t bits = 0;
  with_size_of(type, [&]<class T>(TypeTag<T>) {
    T element;
    std::memcpy(&element, bytes, sizeof element);
    bits = element;
    // As `literal_integer` writes them: signed integers are extended.
    if (is_signed_integer(type))
      bits = static_cast<uint64_t>(int64_t{static_cast<std::make_signed_t<T>>(element)});
  });
  return {builder, builder.literal_integer(static_cast<int64_t>(bits), type)};
}

std::vector<StitchIndex> result_indices(StitchContext& c) {
  std::vector<StitchIndex> indices;
  for (int axis = 0; axis < c.result_type().shape.rank(); ++axis) indices.push_back(c.index(axis));
  return indices;
}

StitchIndex dynamic_index(const Expression& at) { return {{}, 0, at.element()}; }

StitchIndex scaled(StitchContext& c, const StitchIndex& index, int64_t by) {
  if (!index.dynamic || by == 1) return by == 1 ? index : index.scaled(by);
  auto rest = index;
  rest.dynamic = {};
  rest = rest.scaled(by);
  rest.dynamic = (Expression(c.builder(), index.dynamic) * integer(c, by)).element();
  return rest;
}

StitchIndex sum_of(StitchContext& c, const StitchIndex& a, const StitchIndex& b) {
  auto sum = a;
  sum.offset = sum.offset + b.offset;
  for (const auto& term : b.terms) {
    auto same = sum.terms.begin();
    while (same != sum.terms.end() && same->dimension != term.dimension) ++same;
    if (same == sum.terms.end()) sum.terms.push_back(term);
    else same->scale += term.scale;
  }
  if (!sum.dynamic) sum.dynamic = b.dynamic;
  else if (b.dynamic) sum.dynamic = c.builder().apply(ElementOp::add, a.dynamic, b.dynamic);
  return sum;
}

Expression integer(StitchContext& c, const StitchSize& value) { return c.value_of(value); }

int64_t one_integer(const OperationView& operation, std::string_view name) {
  const auto* number = std::get_if<int64_t>(&operation.attribute(name));
  return number ? *number : operation.integers(name).at(0);
}

Element both_guards(StitchContext& c, Element a, Element b) {
  if (!a || !b) return a ? a : b;
  return c.builder().apply(ElementOp::bit_and, a, b);
}

}  // namespace mpsg::ops
