#include "stitched_interpreter.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "graph/element_types.h"
#include "graph/op_schema.h"
#include "mpsg/error.h"
#include "ops/tensor_shape/convert.h"

namespace mpsg::testing {
namespace {

using ops::Bool;

/// The bytes of a value of any type, low ones first.
struct Scalar {
  uint64_t bits = 0;
  template <class T>
  T as() const {
    T value;
    std::memcpy(static_cast<void*>(&value), &bits, sizeof(T));
    return value;
  }
  template <class T>
  static Scalar of(T value) {
    Scalar scalar;
    std::memcpy(&scalar.bits, &value, sizeof(T));
    return scalar;
  }
  static Scalar of(bool value) { return of(Bool{value}); }
  bool truth() const { return as<uint8_t>() != 0; }
};

[[noreturn]] void refuse(ElementOp op) {
  throw InternalError("the interpreter has no " + std::string(element_op_name(op)) +
                      " for this type");
}

Scalar convert(Scalar value, DataType from, DataType to) {
  Scalar result;
  ops::with_any_type(from, [&]<class From>(TypeTag<From>) {
    ops::with_any_type(to, [&]<class To>(TypeTag<To>) {
      result = Scalar::of(ops::convert_element<To>(value.as<From>()));
    });
  });
  return result;
}

template <class T>
Scalar float_unary(ElementOp op, T x) {
  switch (op) {
    case ElementOp::negate: return Scalar::of(-x);
    case ElementOp::absolute: return Scalar::of(std::fabs(x));
    case ElementOp::square_root: return Scalar::of(std::sqrt(x));
    case ElementOp::floor: return Scalar::of(std::floor(x));
    case ElementOp::ceil: return Scalar::of(std::ceil(x));
    case ElementOp::truncate: return Scalar::of(std::trunc(x));
    case ElementOp::round_half_even: return Scalar::of(std::nearbyint(x));
    case ElementOp::exponent: return Scalar::of(std::exp(x));
    case ElementOp::exponent2: return Scalar::of(std::exp2(x));
    case ElementOp::exponent_minus1: return Scalar::of(std::expm1(x));
    case ElementOp::logarithm: return Scalar::of(std::log(x));
    case ElementOp::logarithm2: return Scalar::of(std::log2(x));
    case ElementOp::logarithm10: return Scalar::of(std::log10(x));
    case ElementOp::logarithm_1plus: return Scalar::of(std::log1p(x));
    case ElementOp::sine: return Scalar::of(std::sin(x));
    case ElementOp::cosine: return Scalar::of(std::cos(x));
    case ElementOp::tangent: return Scalar::of(std::tan(x));
    case ElementOp::hyperbolic_sine: return Scalar::of(std::sinh(x));
    case ElementOp::hyperbolic_cosine: return Scalar::of(std::cosh(x));
    case ElementOp::hyperbolic_tangent: return Scalar::of(std::tanh(x));
    case ElementOp::arc_sine: return Scalar::of(std::asin(x));
    case ElementOp::arc_cosine: return Scalar::of(std::acos(x));
    case ElementOp::arc_tangent: return Scalar::of(std::atan(x));
    case ElementOp::area_sine: return Scalar::of(std::asinh(x));
    case ElementOp::area_cosine: return Scalar::of(std::acosh(x));
    case ElementOp::area_tangent: return Scalar::of(std::atanh(x));
    case ElementOp::error_function: return Scalar::of(std::erf(x));
    case ElementOp::sigmoid: return Scalar::of(static_cast<T>(1 / (1 + std::exp(-double(x)))));
    default: refuse(op);
  }
}

template <class T>
Scalar float_binary(ElementOp op, T a, T b) {
  switch (op) {
    case ElementOp::add: return Scalar::of(T(a + b));
    case ElementOp::subtract: return Scalar::of(T(a - b));
    case ElementOp::multiply: return Scalar::of(T(a * b));
    case ElementOp::divide: return Scalar::of(T(a / b));
    case ElementOp::copy_sign: return Scalar::of(std::copysign(a, b));
    case ElementOp::power: return Scalar::of(std::pow(a, b));
    case ElementOp::arc_tangent2: return Scalar::of(std::atan2(a, b));
    case ElementOp::remainder: return Scalar::of(std::fmod(a, b));
    default: refuse(op);
  }
}

template <class T>
T integer_quotient(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>)
    if (b == T(-1)) return static_cast<T>(0 - static_cast<uint64_t>(a));
  return static_cast<T>(a / b);
}

template <class T>
T integer_remainder(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>)
    if (b == T(-1)) return 0;
  return static_cast<T>(a % b);
}

template <class T>
T shift(T a, T b, bool left) {
  constexpr int width = sizeof(T) * 8;
  bool some = static_cast<uint64_t>(b) < width;
  if constexpr (std::is_signed_v<T>) some = some && b >= 0;
  if (left) return some ? static_cast<T>(static_cast<uint64_t>(a) << b) : T(0);
  if (some) return static_cast<T>(a >> b);
  return a < 0 ? T(-1) : T(0);
}

template <class T>
T high_product(T a, T b) {
  using U = std::make_unsigned_t<T>;
  const auto product = static_cast<unsigned __int128>(static_cast<U>(a)) * static_cast<U>(b);
  return static_cast<T>(product >> (sizeof(T) * 8));
}

template <class T>
Scalar integer_unary(ElementOp op, T x) {
  switch (op) {
    case ElementOp::negate: return Scalar::of(static_cast<T>(0 - static_cast<uint64_t>(x)));
    case ElementOp::absolute:
      return Scalar::of(x < 0 ? static_cast<T>(0 - static_cast<uint64_t>(x)) : x);
    case ElementOp::bit_not: return Scalar::of(static_cast<T>(~x));
    case ElementOp::population_count:
      return Scalar::of(static_cast<T>(std::popcount(static_cast<std::make_unsigned_t<T>>(x))));
    default: refuse(op);
  }
}

template <class T>
Scalar integer_binary(ElementOp op, T a, T b) {
  const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  switch (op) {
    case ElementOp::add: return Scalar::of(static_cast<T>(x + y));
    case ElementOp::subtract: return Scalar::of(static_cast<T>(x - y));
    case ElementOp::multiply: return Scalar::of(static_cast<T>(x * y));
    case ElementOp::integer_quotient: return Scalar::of(integer_quotient(a, b));
    case ElementOp::integer_remainder: return Scalar::of(integer_remainder(a, b));
    case ElementOp::bit_and: return Scalar::of(static_cast<T>(a & b));
    case ElementOp::bit_or: return Scalar::of(static_cast<T>(a | b));
    case ElementOp::bit_xor: return Scalar::of(static_cast<T>(a ^ b));
    case ElementOp::shift_left: return Scalar::of(shift(a, b, true));
    case ElementOp::shift_right: return Scalar::of(shift(a, b, false));
    case ElementOp::high_product: return Scalar::of(high_product(a, b));
    default: refuse(op);
  }
}

/// What numbers and bools have in common.
template <class T>
Scalar ordered_binary(ElementOp op, T a, T b) {
  switch (op) {
    case ElementOp::minimum: return Scalar::of(b < a ? b : a);
    case ElementOp::maximum: return Scalar::of(b > a ? b : a);
    case ElementOp::equal: return Scalar::of(bool(a == b));
    case ElementOp::not_equal: return Scalar::of(bool(a != b));
    case ElementOp::less: return Scalar::of(bool(a < b));
    case ElementOp::less_equal: return Scalar::of(bool(a <= b));
    case ElementOp::greater: return Scalar::of(bool(a > b));
    case ElementOp::greater_equal: return Scalar::of(bool(a >= b));
    default:
      if constexpr (std::is_floating_point_v<T>) return float_binary(op, a, b);
      else return integer_binary(op, a, b);
  }
}

Scalar bool_op(ElementOp op, bool a, bool b) {
  switch (op) {
    case ElementOp::bit_and: return Scalar::of(bool(a && b));
    case ElementOp::bit_or: return Scalar::of(bool(a || b));
    case ElementOp::bit_xor: return Scalar::of(bool(a != b));
    case ElementOp::bit_not: return Scalar::of(!a);
    default: return ordered_binary<uint8_t>(op, a, b);
  }
}

/// An operation on one or two operands of `type`.
Scalar apply(ElementOp op, DataType type, Scalar a, Scalar b) {
  if (type == DataType::boolean) return bool_op(op, a.truth(), b.truth());
  Scalar result;
  with_numeric(type, [&]<class T>(TypeTag<T>) {
    if constexpr (std::is_floating_point_v<T>) {
      result = element_op_arity(op) == 1 ? float_unary(op, a.as<T>())
                                         : ordered_binary(op, a.as<T>(), b.as<T>());
    } else if constexpr (std::is_integral_v<T>) {
      result = element_op_arity(op) == 1 ? integer_unary(op, a.as<T>())
                                         : ordered_binary(op, a.as<T>(), b.as<T>());
    } else {
      refuse(op);
    }
  });
  return result;
}

/// Folds the elements of one reduction; floats in double.
class Fold {
 public:
  Fold(const KernelReduction& reduction, DataType value_type, bool of_nothing)
      : reduction_(reduction), type_(value_type), real_(is_floating(value_type)) {
    const bool largest =
        reduction.fold == FoldKind::maximum || reduction.fold == FoldKind::maximum_propagate_nan;
    const bool extreme =
        reduction.fold >= FoldKind::maximum && reduction.fold <= FoldKind::minimum_propagate_nan;
    if (reduction.fold == FoldKind::product || reduction.fold == FoldKind::all) number_ = word_ = 1;
    if (!extreme) return;
    number_ = largest ? -std::numeric_limits<double>::infinity()
                      : std::numeric_limits<double>::infinity();
    const bool ignores = reduction.fold == FoldKind::maximum || reduction.fold == FoldKind::minimum;
    if (ignores && !of_nothing) number_ = std::numeric_limits<double>::quiet_NaN();
    if (is_integer(value_type))
      with_integer(value_type, [&]<class T>(TypeTag<T>) {
        using Limits = std::numeric_limits<T>;
        word_ = static_cast<uint64_t>(largest ? Limits::lowest() : Limits::max());
      });
  }

  void add(Scalar value) {
    if (type_ == DataType::boolean) return add_bool(value.truth());
    if (real_) return add_number(convert(value, type_, DataType::float64).as<double>());
    with_integer(type_, [&]<class T>(TypeTag<T>) { add_integer(value.as<T>()); });
  }

  Scalar result() const {
    if (type_ == DataType::boolean) return Scalar::of(bool(word_));
    if (real_) return convert(Scalar::of(number_), DataType::float64, reduction_.type);
    return convert(Scalar{word_}, type_, reduction_.type);
  }

 private:
  void add_bool(bool value) {
    if (reduction_.fold == FoldKind::all) word_ = word_ && value;
    else word_ = word_ || value;
  }
  void add_number(double x) {
    switch (reduction_.fold) {
      case FoldKind::sum: number_ += x; return;
      case FoldKind::product: number_ *= x; return;
      case FoldKind::maximum:
        if (std::isnan(number_) || x > number_) number_ = x;
        return;
      case FoldKind::minimum:
        if (std::isnan(number_) || x < number_) number_ = x;
        return;
      case FoldKind::maximum_propagate_nan:
        if (std::isnan(x) || x > number_) number_ = x;
        return;
      case FoldKind::minimum_propagate_nan:
        if (std::isnan(x) || x < number_) number_ = x;
        return;
      default: throw InternalError("the interpreter does not fold floats so");
    }
  }
  template <class T>
  void add_integer(T x) {
    const auto now = static_cast<T>(word_);
    switch (reduction_.fold) {
      case FoldKind::sum: word_ += static_cast<uint64_t>(x); return;
      case FoldKind::product: word_ *= static_cast<uint64_t>(x); return;
      case FoldKind::maximum:
      case FoldKind::maximum_propagate_nan:
        if (x > now) word_ = static_cast<uint64_t>(x);
        return;
      case FoldKind::minimum:
      case FoldKind::minimum_propagate_nan:
        if (x < now) word_ = static_cast<uint64_t>(x);
        return;
      default: throw InternalError("the interpreter does not fold integers so");
    }
  }

  KernelReduction reduction_;
  DataType type_;
  bool real_;
  double number_ = 0;
  uint64_t word_ = 0;
};

class Interpreter {
 public:
  Interpreter(const StitchedKernel& kernel, std::span<void* const> operands)
      : kernel_(kernel),
        operands_(operands),
        phases_(kernel.phases()),
        depends_(kernel.dependence()),
        position_(kernel.extents.size() + 1),
        values_(kernel.program.size()),
        results_(kernel.reductions.size()) {
    for (int d = 0; d < kernel.rank(); ++d)
      if (is_reduced(d)) {
        reduced_mask_ |= 1u << d;
        reduced_anything_ = reduced_anything_ && kernel.extents[static_cast<size_t>(d)] > 0;
      }
  }

  void run() {
    walk(0, false, [this] { run_place(); });
  }

 private:
  bool is_reduced(int d) const {
    if (!kernel_.reduces()) return false;
    return d == kernel_.lane() ? kernel_.lane_reduced : d >= kernel_.parallel;
  }

  /// Calls `body` at all positions of the reduced dimensions, or of all the others and the chunk.
  void walk(int d, bool reduced, const std::function<void()>& body) {
    if (d > kernel_.rank()) return body();
    const auto at = static_cast<size_t>(d);
    if (d < kernel_.rank() && is_reduced(d) != reduced) return walk(d + 1, reduced, body);
    if (d == kernel_.rank() && reduced) return walk(d + 1, reduced, body);
    int64_t begin = 0, end = d == kernel_.rank() ? kernel_.chunks : kernel_.extents[at];
    if (reduced && d == kernel_.parallel && kernel_.chunks > 1) {
      const int64_t piece = (end + kernel_.chunks - 1) / kernel_.chunks;
      begin = std::min(end, position_.back() * piece);
      end = std::min(end, begin + piece);
    }
    for (int64_t i = begin; i < end; ++i) {
      position_[at] = i;
      walk(d + 1, reduced, body);
    }
  }

  /// One position of what is not reduced.
  void run_place() {
    for (int d = 0; d < kernel_.rank(); ++d)
      if (is_reduced(d)) position_[static_cast<size_t>(d)] = 0;
    for (int phase = 0; phase < kernel_.phase_count(); ++phase) {
      std::vector<Fold> folds;
      for (const auto& reduction : kernel_.reductions)
        folds.emplace_back(reduction, type_of(reduction.value), !reduced_anything_);
      walk(0, true, [&] {
        evaluate(phase, false);
        for (size_t r = 0; r < folds.size(); ++r)
          if (phase_of(kernel_.reductions[r].value) == phase)
            folds[r].add(value(kernel_.reductions[r].value));
        for (const auto& store : kernel_.stores)
          if (phase_of(store.value) == phase && every_position(store)) perform(store);
      });
      for (int d = 0; d < kernel_.rank(); ++d)
        if (is_reduced(d)) position_[static_cast<size_t>(d)] = 0;
      evaluate(phase, true);
      for (const auto& store : kernel_.stores)
        if (phase_of(store.value) == phase && !every_position(store)) perform(store);
      for (size_t r = 0; r < folds.size(); ++r)
        if (phase_of(kernel_.reductions[r].value) == phase) results_[r] = folds[r].result();
    }
  }

  /// Does a store happen at each position of the reduced dimensions, or once?
  bool every_position(const KernelStore& store) const {
    uint32_t on = depends_[static_cast<size_t>(store.value)];
    const auto& access = kernel_.accesses[static_cast<size_t>(store.access)];
    for (int d = 0; d < kernel_.rank(); ++d)
      if (access.strides[static_cast<size_t>(d)] != 0) on |= 1u << d;
    return on & reduced_mask_;
  }

  /// All instructions known in `phase`, or only those that no reduced dimension changes.
  void evaluate(int phase, bool outside) {
    for (size_t i = 0; i < kernel_.program.size(); ++i)
      if (phases_[i] <= phase && !(outside && (depends_[i] & reduced_mask_)))
        values_[i] = evaluate_one(kernel_.program[i]);
  }

  Scalar evaluate_one(const ElementInstruction& instruction) {
    const auto operand = [&](size_t k) {
      return instruction.operands[k] < 0 ? Scalar{} : value(instruction.operands[k]);
    };
    const auto index = static_cast<size_t>(instruction.index);
    switch (instruction.op) {
      case ElementOp::literal: return {instruction.bits};
      case ElementOp::argument: return Scalar::of(kernel_.arguments[index]);
      case ElementOp::position: return Scalar::of(position_[index]);
      case ElementOp::reduced: return results_[index];
      case ElementOp::reinterpret: return operand(0);
      case ElementOp::select: return operand(0).truth() ? operand(1) : operand(2);
      case ElementOp::convert:
        return convert(operand(0), type_of(instruction.operands[0]), instruction.type);
      case ElementOp::load: {
        if (instruction.operands[0] >= 0 && !operand(0).truth()) return {};
        Scalar loaded;
        std::memcpy(&loaded.bits, address(instruction.index, operand(1).as<int64_t>()),
                    size_of(instruction.type));
        if (instruction.type == DataType::boolean) return Scalar::of(loaded.truth());
        return loaded;
      }
      default:
        return apply(instruction.op, type_of(instruction.operands[0]), operand(0), operand(1));
    }
  }

  std::byte* address(int32_t index, int64_t further) const {
    const auto& access = kernel_.accesses[static_cast<size_t>(index)];
    int64_t offset = access.offset + further;
    for (size_t d = 0; d < position_.size(); ++d) offset += access.strides[d] * position_[d];
    const auto operand = static_cast<size_t>(access.operand);
    const auto size = static_cast<int64_t>(size_of(kernel_.operands[operand].type));
    return static_cast<std::byte*>(operands_[operand]) + offset * size;
  }

  void perform(const KernelStore& store) const {
    const Scalar stored = value(store.value);
    std::memcpy(address(store.access, 0), &stored.bits, size_of(type_of(store.value)));
  }

  Scalar value(int32_t id) const { return values_[static_cast<size_t>(id)]; }
  DataType type_of(int32_t id) const { return kernel_.program[static_cast<size_t>(id)].type; }
  int32_t phase_of(int32_t id) const { return phases_[static_cast<size_t>(id)]; }

  const StitchedKernel& kernel_;
  std::span<void* const> operands_;
  std::vector<int32_t> phases_;
  std::vector<uint32_t> depends_;
  std::vector<int64_t> position_;  // one for each dimension, then the chunk
  std::vector<Scalar> values_;
  std::vector<Scalar> results_;  // of the reductions
  uint32_t reduced_mask_ = 0;
  bool reduced_anything_ = true;
};

}  // namespace

void interpret(const StitchedKernel& kernel, std::span<void* const> operands) {
  Interpreter(kernel, operands).run();
}

std::vector<DataType> computed_types() {
  std::vector<DataType> types;
  for (const auto type : all_data_types())
    if (mpsg::types::all().contains(type)) types.push_back(type);
  return types;
}

}  // namespace mpsg::testing
