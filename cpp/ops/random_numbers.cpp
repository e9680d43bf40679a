// Internal rows that random numbers are made of: where a stream starts, its numbers, and where it
// goes on. Numbers are a pure function of the state, so that they stitch into what uses them.
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "graph/element_types.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/normal_distribution.h"
#include "ops/random_state.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"

namespace mpsg::ops {
namespace {

constexpr int64_t grain = 4096;  // blocks of four words

/// A float in [0, 1) from the bits of its mantissa, as TensorFlow makes it.
template <class T>
double unit_uniform(const uint32_t* words) {
  if constexpr (std::is_same_v<T, double>) {
    const uint64_t bits = (uint64_t{words[0] & 0xfffffu} << 32) | words[1];
    return static_cast<double>(bits) * 0x1p-52;
  } else if constexpr (std::is_same_v<T, Float16>) {
    return (words[0] & 0x3ffu) * 0x1p-10;
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return (words[0] & 0x7fu) * 0x1p-7;
  } else {
    return (words[0] & 0x7fffffu) * 0x1p-23;
  }
}

/// Strictly between 0 and 1, from all bits: for inverting distributions.
template <class T>
double open_uniform(const uint32_t* words) {
  if constexpr (std::is_same_v<T, double>) {
    const uint64_t bits = uint64_t{words[0]} << 32 | words[1];
    return (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53;
  } else {
    return (words[0] + 0.5) * 0x1p-32;
  }
}

/// Calls value(words, pair) for each element; `words` are its own, `pair` those of its pair.
template <class T, int WordsPerElement, class Value>
void fill(const EvaluateContext& c, const PhiloxState& start, Value&& value) {
  constexpr int per_block = 4 / WordsPerElement;
  auto* out = c.output().as<T>();
  const int64_t count = c.output().element_count();
  c.parallel().for_range((count + per_block - 1) / per_block, grain,
                         [&](int64_t begin, int64_t end) {
                           auto state = start;
                           state.advance(static_cast<uint64_t>(begin));
                           for (int64_t block = begin; block < end; ++block) {
                             const auto words = philox(state);
                             state.advance(1);
                             for (int lane = 0; lane < per_block; ++lane) {
                               const int64_t i = block * per_block + lane;
                               if (i < count) out[i] = value(words.data(), lane);
                             }
                           }
                         });
}

template <class T>
void fill_floating(const EvaluateContext& c, const PhiloxState& state) {
  using C = ComputeType<T>;
  constexpr int words = std::is_same_v<T, double> ? 2 : 1;
  const double least = c.real("min"), most = c.real("max");
  const double mean = c.real("mean"), deviation = c.real("standard_deviation");
  const auto distribution = c.enumeration<RandomDistribution>("distribution");
  if (distribution == RandomDistribution::UNIFORM) {
    const C low = static_cast<C>(least), range = static_cast<C>(most) - static_cast<C>(least);
    fill<T, words>(c, state, [&](const uint32_t* block, int lane) {
      const C u = static_cast<C>(unit_uniform<T>(block + lane * words));
      return static_cast<T>(u * range + low);
    });
    return;
  }
  if (distribution == RandomDistribution::TRUNCATED_NORMAL) {
    const double from = normal_cdf((least - mean) / deviation);
    const double to = normal_cdf((most - mean) / deviation);
    fill<T, words>(c, state, [&](const uint32_t* block, int lane) {
      const double u = from + (to - from) * open_uniform<T>(block + lane * words);
      const double value = mean + deviation * inverse_normal_cdf(u);
      return static_cast<T>(static_cast<C>(std::min(std::max(value, least), most)));
    });
    return;
  }
  const bool box_muller = c.enumeration<RandomNormalSamplingMethod>("sampling_method") ==
                          RandomNormalSamplingMethod::BOX_MULLER;
  fill<T, words>(c, state, [&](const uint32_t* block, int lane) {
    double normal;
    if (box_muller) {
      const auto* pair = block + (words == 2 ? 0 : lane / 2 * 2);
      const double radius = std::sqrt(-2 * std::log(open_uniform<T>(pair)));
      const double angle = 2 * std::numbers::pi * open_uniform<T>(pair + words);
      normal = radius * (lane % 2 == 0 ? std::sin(angle) : std::cos(angle));
    } else {
      normal = inverse_normal_cdf(open_uniform<T>(block + lane * words));
    }
    return static_cast<T>(static_cast<C>(mean + deviation * normal));
  });
}

template <class T>
void fill_integer(const EvaluateContext& c, const PhiloxState& state) {
  constexpr int words = sizeof(T) == 8 ? 2 : 1;
  const int64_t least = c.integer("min_integer");
  const uint64_t range =
      static_cast<uint64_t>(c.integer("max_integer")) - static_cast<uint64_t>(least);
  fill<T, words>(c, state, [&](const uint32_t* block, int lane) {
    const auto* word = block + lane * words;
    const uint64_t bits = words == 2 ? word[0] | uint64_t{word[words - 1]} << 32 : word[0];
    return static_cast<T>(static_cast<uint64_t>(least) + bits % range);
  });
}

/// How many elements of `type` a block of four words makes.
int64_t elements_per_block(DataType type) { return size_of(type) == 8 ? 2 : 4; }

PhiloxState read_state(const TensorView& in) {
  PhiloxState state;
  const auto* words = in.as<uint32_t>();
  for (size_t i = 0; i < 4; ++i) state.counter[i] = words[i];
  for (size_t i = 0; i < 2; ++i) state.key[i] = words[4 + i];
  return state;
}

Row internal_row(std::string name, std::string documentation) {
  return Row(std::move(name), "Random").documentation(std::move(documentation)).internal();
}

Row state_row(std::string name, std::string documentation) {
  return internal_row(std::move(name), std::move(documentation))
      .types("state", {DataType::int32})
      .operand("state", "state");
}

Row random_run_state() {
  return internal_row("random_run_state",
                      "Where the unseeded stream `stream` starts in this run: the graph's seed is "
                      "the key; the stream and the number of the run are in the counter.")
      .attribute(integer_attribute("stream"))
      .random()
      .not_differentiable("a random state is made of integers")
      .not_stitchable("it depends on the number of the run")
      .infer([](InferContext& c) { c.result(DataType::int32, Shape{random_state_words}); })
      .evaluate([](const EvaluateContext& c) {
        PhiloxState state;
        state.key = {static_cast<uint32_t>(c.graph_seed),
                     static_cast<uint32_t>(c.graph_seed >> 32)};
        state.counter[2] = static_cast<uint32_t>(c.integer("stream"));
        state.counter[3] = static_cast<uint32_t>(c.run_number);
        write_random_state(state, c.output());
      });
}

Row random_next_state() {
  return state_row("random_next_state",
                   "The state after `count` numbers of type `data_type` were taken.")
      .attribute(integer_attribute("count"))
      .attribute(data_type_attribute("data_type"))
      .not_differentiable("a random state is made of integers")
      .not_stitchable("it adds with a carry from word to word")
      .infer([](InferContext& c) { c.result(DataType::int32, Shape{random_state_words}); })
      .evaluate([](const EvaluateContext& c) {
        auto state = read_state(c.inputs()[0]);
        const int64_t per_block = elements_per_block(c.data_type("data_type"));
        state.advance(static_cast<uint64_t>((c.integer("count") + per_block - 1) / per_block));
        write_random_state(state, c.output());
      });
}

void evaluate_numbers(const EvaluateContext& c) {
  const auto start = read_state(c.inputs()[0]);
  const auto type = c.output().data_type;
  if (is_floating(type))
    with_floating(type, [&]<class T>(TypeTag<T>) { fill_floating<T>(c, start); });
  else with_integer(type, [&]<class T>(TypeTag<T>) { fill_integer<T>(c, start); });
}

Expression word(StitchContext& c, uint32_t value) {
  return {c.builder(), c.builder().literal_integer(value, DataType::uint32)};
}

/// Adds `blocks` (int64) to the counter as one number of 128 bits.
void advance(StitchContext& c, std::array<Expression, 4>& counter, const Expression& blocks) {
  const auto high = blocks.apply(ElementOp::shift_right, 32.0);
  auto addend = blocks.convert(DataType::uint32), next = high.convert(DataType::uint32);
  for (auto& own : counter) {
    own = own + addend;
    const auto carry = (own < addend).convert(DataType::uint32);
    // The high word never is 2^32 - 1, so that this does not wrap.
    addend = next + carry;
    next = word(c, 0);
  }
}

/// Word `lane` of the block, by ten rounds of Philox4x32.
Expression philox_word(StitchContext& c, std::array<Expression, 4> x, std::array<Expression, 2> key,
                       const Expression& lane) {
  const auto multiplier_0 = word(c, philox_multipliers[0]);
  const auto multiplier_1 = word(c, philox_multipliers[1]);
  for (int round = 0; round < philox_rounds; ++round) {
    const auto high_0 = x[0].apply(ElementOp::high_product, multiplier_0);
    const auto high_1 = x[2].apply(ElementOp::high_product, multiplier_1);
    const auto low_0 = x[0] * multiplier_0, low_1 = x[2] * multiplier_1;
    x = {high_1.apply(ElementOp::bit_xor, x[1]).apply(ElementOp::bit_xor, key[0]), low_1,
         high_0.apply(ElementOp::bit_xor, x[3]).apply(ElementOp::bit_xor, key[1]), low_0};
    key = {key[0] + word(c, philox_weyl[0]), key[1] + word(c, philox_weyl[1])};
  }
  return select(lane < 2.0, select(equal(lane, 0.0), x[0], x[1]),
                select(equal(lane, 2.0), x[2], x[3]));
}

/// The bits of the result's element, which has 32 of them.
Expression random_word(StitchContext& c) {
  const auto state = [&](int64_t i) {
    const auto element = c.input_at(0, {StitchIndex::constant(i)});
    return Expression(c.builder(), c.builder().reinterpret(element.element(), DataType::uint32));
  };
  StitchIndex place;
  int64_t step = 1;
  for (int axis = c.result_type().shape.rank() - 1; axis >= 0; --axis) {
    place = sum_of(c, place, scaled(c, c.index(axis), step));
    step *= c.result_type().shape[axis];
  }
  const auto position = c.value_of(place);
  std::array counter{state(0), state(1), state(2), state(3)};
  advance(c, counter, position.apply(ElementOp::shift_right, 2.0));
  const auto lane = both(position, integer(c, 3)).convert(DataType::int32);
  return philox_word(c, counter, {state(4), state(5)}, lane);
}

/// Uniform floats of up to 32 bits: the low bits fill the mantissa.
void stitch_uniform(StitchContext& c, const Expression& bits) {
  const auto type = c.result_type().data_type;
  const int mantissa = type == DataType::float32 ? 23 : type == DataType::float16 ? 10 : 7;
  const auto kept = both(bits, word(c, (1u << mantissa) - 1));
  const auto number = c.builder().reinterpret(kept.element(), DataType::int32);
  const auto unit =
      Expression(c.builder(), number).convert(DataType::float32) * std::ldexp(1.0, -mantissa);
  const auto low = static_cast<float>(c.real("min"));
  const float range = static_cast<float>(c.real("max")) - low;
  c.give(unit * double{range} + double{low});
}

void stitch_integers(StitchContext& c, const Expression& bits) {
  const int64_t least = c.integer("min_integer");
  const auto range = static_cast<uint64_t>(c.integer("max_integer")) - static_cast<uint64_t>(least);
  const auto rest = range > UINT32_MAX ? bits
                                       : bits.apply(ElementOp::integer_remainder,
                                                    word(c, static_cast<uint32_t>(range)));
  c.give((rest.convert(DataType::int64) + integer(c, least)).convert(c.result_type().data_type));
}

/// Normal numbers are computed in double by other functions, and 64-bit ones take two words.
void stitch_numbers(StitchContext& c) {
  const auto type = c.result_type().data_type;
  const bool uniform =
      c.enumeration<RandomDistribution>("distribution") == RandomDistribution::UNIFORM;
  if (!uniform || size_of(type) == 8) return c.refuse();
  const auto bits = random_word(c);
  is_floating(type) ? stitch_uniform(c, bits) : stitch_integers(c, bits);
}

Row random_numbers() {
  return state_row("random_numbers", "The numbers of `shape` that follow from a state.")
      .attribute(integers_or_tensor("shape"))
      .descriptor("descriptor", random_descriptor())
      .not_differentiable("random numbers depend on no operand")
      .infer([](InferContext& c) { c.result(c.data_type("data_type"), shape_from(c, "shape")); })
      .stitch(stitch_numbers)
      .evaluate(evaluate_numbers);
}

}  // namespace

void write_random_state(const PhiloxState& state, const TensorView& out) {
  auto* words = out.as<uint32_t>();
  for (size_t i = 0; i < 4; ++i) words[i] = state.counter[i];
  for (size_t i = 0; i < 2; ++i) words[4 + i] = state.key[i];
  words[6] = 0;
}

void add_random_number_rows(Rows& rows) {
  rows.push_back(random_run_state().done());
  rows.push_back(random_next_state().done());
  rows.push_back(random_numbers().done());
}

}  // namespace mpsg::ops
