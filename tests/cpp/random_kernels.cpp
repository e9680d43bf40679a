#include "random_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>

#include "graph/element_types.h"

namespace mpsg::testing {
namespace {

constexpr DataType number_types[] = {
    DataType::float32, DataType::float64, DataType::float16, DataType::bfloat16, DataType::int8,
    DataType::int16,   DataType::int32,   DataType::int64,   DataType::uint8,    DataType::uint16,
    DataType::uint32,  DataType::uint64,  DataType::boolean};

constexpr ElementOp float_operations[] = {ElementOp::add,
                                          ElementOp::subtract,
                                          ElementOp::multiply,
                                          ElementOp::divide,
                                          ElementOp::minimum,
                                          ElementOp::maximum,
                                          ElementOp::negate,
                                          ElementOp::absolute,
                                          ElementOp::square_root,
                                          ElementOp::floor,
                                          ElementOp::ceil,
                                          ElementOp::truncate,
                                          ElementOp::round_half_even};
/// Those that keep small whole numbers small and whole.
constexpr ElementOp whole_operations[] = {ElementOp::minimum, ElementOp::maximum, ElementOp::negate,
                                          ElementOp::absolute, ElementOp::floor};
constexpr ElementOp integer_operations[] = {ElementOp::add,
                                            ElementOp::subtract,
                                            ElementOp::multiply,
                                            ElementOp::minimum,
                                            ElementOp::maximum,
                                            ElementOp::negate,
                                            ElementOp::absolute,
                                            ElementOp::bit_and,
                                            ElementOp::bit_or,
                                            ElementOp::bit_xor,
                                            ElementOp::bit_not,
                                            ElementOp::shift_left,
                                            ElementOp::shift_right,
                                            ElementOp::population_count,
                                            ElementOp::integer_quotient,
                                            ElementOp::integer_remainder};
constexpr ElementOp bool_operations[] = {ElementOp::bit_and, ElementOp::bit_or, ElementOp::bit_xor,
                                         ElementOp::bit_not};
constexpr ElementOp comparisons[] = {ElementOp::equal,   ElementOp::not_equal,
                                     ElementOp::less,    ElementOp::less_equal,
                                     ElementOp::greater, ElementOp::greater_equal};

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed), builder_(kernel_.program) {}

  RandomKernel make() {
    choose_domain();
    const int phases = reduces_ ? 1 + below(kernel_.chunks > 1 ? 1 : 3) : 1;
    for (int i = 1 + below(3); i > 0; --i) add_load();
    for (int phase = 0; phase < phases; ++phase) {
      for (int i = below(6); i > 0; --i) add_instruction();
      if (chance(3)) add_guarded_load();
      if (reduces_)
        for (int i = 1 + below(2); i > 0; --i) add_reduction();
    }
    for (int i = below(4); i > 0; --i) add_instruction();
    add_stores();
    choose_saved();
    kernel_.verify();
    RandomKernel result{kernel_, {}};
    for (size_t i = 0; i < kernel_.operands.size(); ++i) {
      result.memory.emplace_back(static_cast<size_t>(counts_[i]) *
                                 size_of(kernel_.operands[i].type));
      fill(kernel_.operands[i].type, result.memory.back());
    }
    return result;
  }

 private:
  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }
  bool chance(int of) { return below(of) == 0; }
  template <class Range>
  auto pick(const Range& range) {
    return range[static_cast<size_t>(below(static_cast<int>(std::size(range))))];
  }

  void choose_domain() {
    constexpr int64_t few[] = {0, 1, 1, 2, 3, 4, 5, 7};
    constexpr int64_t lanes[] = {0, 1, 2, 5, 7, 8, 10, 15, 16, 17, 31, 33, 64, 65, 100, 129, 200};
    const int rank = 1 + below(4);
    for (int d = 0; d + 1 < rank; ++d) kernel_.extents.push_back(pick(few));
    kernel_.extents.push_back(pick(lanes));
    reduces_ = !chance(3);
    kernel_.parallel = reduces_ ? below(rank) : rank - 1;
    kernel_.lane_reduced = reduces_ && chance(2);
    const bool reduced_dimension = kernel_.lane_reduced || kernel_.parallel < rank - 1;
    if (reduces_ && reduced_dimension && chance(4)) kernel_.chunks = 2 + below(4);
    whole_ = reduces_ && chance(2);
  }

  bool is_kept(int d) const {
    if (!reduces_) return true;
    if (d == kernel_.lane()) return !kernel_.lane_reduced;
    return d < kernel_.parallel;
  }

  /// An access with any order of dimensions, gaps and directions; those not in `over` are repeated.
  int32_t add_access(DataType type, bool output, const std::vector<int>& over, bool chunk) {
    KernelAccess access;
    access.operand = static_cast<int32_t>(kernel_.operands.size());
    access.strides.assign(kernel_.extents.size() + 1, 0);
    auto order = over;
    if (chance(2)) std::ranges::shuffle(order, random_);
    int64_t step = chance(5) ? 2 : 1;
    if (chunk) {
      access.strides.back() = step;
      step *= kernel_.chunks;
    }
    for (size_t k = order.size(); k-- > 0;) {
      const auto d = static_cast<size_t>(order[k]);
      access.strides[d] = chance(6) ? -step : step;
      step *= std::max<int64_t>(1, kernel_.extents[d]) + (chance(4) ? 1 : 0);
    }
    const auto reach = reach_of(kernel_, access);
    access.offset = -reach.first;
    kernel_.operands.push_back({type, output});
    counts_.push_back(reach.last - reach.first + 1);
    kernel_.accesses.push_back(access);
    return static_cast<int32_t>(kernel_.accesses.size()) - 1;
  }

  std::vector<int> some_dimensions() {
    std::vector<int> some;
    for (int d = 0; d < kernel_.rank(); ++d)
      if (!chance(4)) some.push_back(d);
    return some;
  }

  void add(Element element) {
    const auto wide = compute_type(element.type);
    pool_.push_back(builder_.convert(element, wide));
  }

  void add_load() {
    const auto type = pick(number_types);
    const auto access = add_access(type, false, some_dimensions(), false);
    // An operand that may be empty is only read where the domain is not.
    if (counts_.back() == 0) return add(builder_.literal(1, type));
    add(builder_.load(access, type));
  }

  /// Shifted by one along a dimension and guarded there, as padding is; sometimes the shift is
  /// computed.
  void add_guarded_load() {
    const auto type = pick(number_types);
    const int d = below(kernel_.rank());
    auto over = some_dimensions();
    if (std::ranges::find(over, d) == over.end()) over.push_back(d);
    const auto index = add_access(type, false, over, false);
    if (counts_.back() == 0) return;
    auto& access = kernel_.accesses[static_cast<size_t>(index)];
    const auto place = builder_.position(d);
    const auto none = builder_.literal_integer(0, DataType::int64);
    const auto guard = builder_.apply(ElementOp::greater, place, none);
    if (chance(2)) {
      access.offset -= access.strides[static_cast<size_t>(d)];
      return add(builder_.load(index, type, guard));
    }
    const auto back =
        builder_.literal_integer(-access.strides[static_cast<size_t>(d)], DataType::int64);
    const auto offset = builder_.select(guard, back, none);
    add(builder_.load(index, type, chance(2) ? guard : Element{}, offset));
  }

  Element of_type(DataType type) {
    std::vector<Element> fitting;
    for (const auto& element : pool_)
      if (element.type == type) fitting.push_back(element);
    if (fitting.empty() || chance(8)) return builder_.literal(pick(std::array{0, 1, 2, -1}), type);
    return pick(fitting);
  }

  Element condition() {
    const auto a = some_value();
    if (a.type == DataType::boolean && chance(2)) return a;
    return builder_.apply(pick(comparisons), a, of_type(a.type));
  }
  Element some_value() {
    return pool_.empty() ? builder_.literal(1, DataType::float32) : pick(pool_);
  }

  Element argument() {
    kernel_.arguments.push_back(below(40) - 20);
    return builder_.argument(static_cast<int32_t>(kernel_.arguments.size()) - 1);
  }

  void add_instruction() {
    const auto a = some_value();
    switch (below(6)) {
      case 0: return add(condition());
      case 1: return add(builder_.select(condition(), a, of_type(a.type)));
      case 2: return add(builder_.convert(a, pick(number_types)));
      case 3: return add(chance(3) ? argument() : builder_.position(below(kernel_.rank())));
      default: break;
    }
    auto op = pick(integer_operations);
    if (is_floating(a.type)) op = whole_ ? pick(whole_operations) : pick(float_operations);
    else if (a.type == DataType::boolean) op = pick(bool_operations);
    add(element_op_arity(op) == 1 ? builder_.apply(op, a) : builder_.apply(op, a, of_type(a.type)));
  }

  void add_reduction() {
    auto value = some_value();
    KernelReduction reduction;
    if (value.type == DataType::boolean) {
      reduction.fold = chance(2) ? FoldKind::all : FoldKind::any;
    } else if (is_floating(value.type)) {
      constexpr FoldKind kinds[] = {FoldKind::maximum,
                                    FoldKind::minimum,
                                    FoldKind::maximum_propagate_nan,
                                    FoldKind::minimum_propagate_nan,
                                    FoldKind::sum,
                                    FoldKind::product};
      reduction.fold = pick(kinds);
      // -0 and 0 are equal: which of them is the extreme depends on the order.
      value = builder_.apply(ElementOp::add, value, builder_.literal(0, value.type));
      const auto positive =
          builder_.apply(ElementOp::greater, value, builder_.literal(0, value.type));
      if (reduction.fold == FoldKind::sum) value = builder_.convert(positive, value.type);
      if (reduction.fold == FoldKind::product)
        value = builder_.select(positive, builder_.literal(-1, value.type),
                                builder_.literal(1, value.type));
    } else {
      constexpr FoldKind kinds[] = {FoldKind::sum, FoldKind::product, FoldKind::maximum,
                                    FoldKind::minimum};
      reduction.fold = pick(kinds);
    }
    reduction.value = value.id;
    reduction.type = value.type;
    if (value.type == DataType::float32 && chance(3)) reduction.type = DataType::float16;
    kernel_.reductions.push_back(reduction);
    const auto index = static_cast<int32_t>(kernel_.reductions.size()) - 1;
    if (kernel_.chunks > 1) return store_reduction(builder_.reduced(index, reduction.type));
    add(builder_.reduced(index, reduction.type));
  }

  std::vector<int> kept_dimensions() const {
    std::vector<int> kept;
    for (int d = 0; d < kernel_.rank(); ++d)
      if (is_kept(d)) kept.push_back(d);
    return kept;
  }

  void store(Element value, const std::vector<int>& over, bool chunk) {
    const auto access = add_access(value.type, true, over, chunk);
    kernel_.stores.push_back({access, value.id});
  }
  void store_reduction(Element value) { store(value, kept_dimensions(), true); }

  void add_stores() {
    if (kernel_.chunks > 1) return;
    std::vector<int> all(static_cast<size_t>(kernel_.rank()));
    std::iota(all.begin(), all.end(), 0);
    for (int i = 1 + below(3); i > 0; --i) {
      auto value = some_value();
      if (value.type == DataType::float32 && chance(3))
        value = builder_.convert(value, chance(2) ? DataType::float16 : DataType::bfloat16);
      uint32_t reduced = 0;
      for (const int d : all)
        if (!is_kept(d)) reduced |= 1u << d;
      const bool once = !(kernel_.dependence()[static_cast<size_t>(value.id)] & reduced);
      store(value, once && reduces_ ? kept_dimensions() : all, false);
    }
  }

  void choose_saved() {
    if (kernel_.phase_count() < 2 || kernel_.chunks > 1) return;
    for (size_t i = 0; i < kernel_.program.size(); ++i)
      if (chance(6)) kernel_.saved.push_back(static_cast<int32_t>(i));
  }

  void fill(DataType type, const GuardedBytes& memory) {
    const auto size = size_of(type);
    for (size_t at = 0; at < memory.bytes().size(); at += size) {
      const uint64_t bits = random_bits(type);
      std::memcpy(memory.data() + at, &bits, size);
    }
  }

  uint64_t random_bits(DataType type) {
    if (type == DataType::boolean) return static_cast<uint64_t>(below(2));
    if (whole_ || chance(3)) {
      const int small = below(9) - 4;
      return is_floating(type) ? bits_of(small, type) : static_cast<uint64_t>(int64_t{small});
    }
    if (!is_floating(type)) {
      constexpr int64_t edges[] = {0,
                                   1,
                                   -1,
                                   std::numeric_limits<int64_t>::min(),
                                   std::numeric_limits<int64_t>::max(),
                                   std::numeric_limits<int32_t>::min(),
                                   -128,
                                   -32768,
                                   31,
                                   32,
                                   64};
      return chance(3) ? static_cast<uint64_t>(pick(edges)) : random_();
    }
    if (chance(3)) return random_();  // any bits: all magnitudes, NaN, denormals
    constexpr double edges[] = {0.0,
                                -0.0,
                                0.5,
                                -0.5,
                                1.5,
                                2.5,
                                1e10,
                                -1e10,
                                2147483648.0,
                                -2147483648.0,
                                127.5,
                                255.9,
                                -128.9,
                                65535.5,
                                1e-40,
                                65504,
                                65520,
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity(),
                                std::numeric_limits<double>::quiet_NaN()};
    return bits_of(pick(edges), type);
  }

  static uint64_t bits_of(double value, DataType type) {
    uint64_t bits = 0;
    with_floating(type, [&]<class T>(TypeTag<T>) {
      const T element(
          static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(value));
      std::memcpy(&bits, &element, sizeof(T));
    });
    return bits;
  }

  std::mt19937_64 random_;
  StitchedKernel kernel_;
  ElementBuilder builder_;
  std::vector<Element> pool_;
  std::vector<int64_t> counts_;  // elements of each operand
  bool reduces_ = false;
  bool whole_ = false;  // all floats are small whole numbers
};

}  // namespace

std::vector<void*> RandomKernel::operands() const {
  std::vector<void*> pointers;
  for (const auto& bytes : memory) pointers.push_back(bytes.data());
  return pointers;
}

RandomKernel random_kernel(uint64_t seed) { return Maker(seed).make(); }

}  // namespace mpsg::testing
