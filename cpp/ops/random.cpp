// Random numbers and dropout. Counter-based: element i's bits depend on key, counter and i only.
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "graph/element_types.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/normal_distribution.h"
#include "ops/philox.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr int state_words = 7;   // counter (4), key (2), one unused: Apple's layout
constexpr int64_t grain = 4096;  // blocks of four words

void write_state(const PhiloxState& state, const TensorView& out) {
  auto* words = out.as<uint32_t>();
  for (size_t i = 0; i < 4; ++i) words[i] = state.counter[i];
  for (size_t i = 0; i < 2; ++i) words[4 + i] = state.key[i];
  words[6] = 0;
}

/// Where the bits of this operation start.
PhiloxState start_state(const EvaluateContext& c) {
  PhiloxState state;
  const auto set_key = [&](uint64_t key) {
    state.key = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
  };
  if (c.has("state")) {
    const auto* words = c.input("state").as<uint32_t>();
    for (size_t i = 0; i < 4; ++i) state.counter[i] = words[i];
    for (size_t i = 0; i < 2; ++i) state.key[i] = words[4 + i];
  } else if (c.given("seed")) {
    set_key(static_cast<uint64_t>(c.integer("seed")));
  } else {
    // Unseeded: the graph's seed, the node and the number of the run.
    set_key(c.graph_seed);
    state.counter[2] = static_cast<uint32_t>(c.integer("stream"));
    state.counter[3] = static_cast<uint32_t>(c.run_number);
  }
  return state;
}

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

void evaluate_random(const EvaluateContext& c) {
  const auto start = start_state(c);
  const auto type = c.output().data_type;
  if (is_floating(type))
    with_floating(type, [&]<class T>(TypeTag<T>) { fill_floating<T>(c, start); });
  else with_integer(type, [&]<class T>(TypeTag<T>) { fill_integer<T>(c, start); });
  if (c.outputs().size() == 1) return;
  auto next = start;
  const int64_t per_block = size_of(type) == 8 ? 2 : 4;
  next.advance(static_cast<uint64_t>((c.output().element_count() + per_block - 1) / per_block));
  write_state(next, c.output(1));
}

void check_distribution(const InferContext& c) {
  const auto type = c.data_type("data_type");
  const auto distribution = c.enumeration<RandomDistribution>("distribution");
  if (is_integer(type)) {
    if (distribution != RandomDistribution::UNIFORM)
      c.fail("integers can be uniform only; use a floating-point data_type");
    if (c.integer("min_integer") >= c.integer("max_integer"))
      c.fail("min_integer must be smaller than max_integer");
    with_integer(type, [&]<class T>(TypeTag<T>) {
      if (!std::in_range<T>(c.integer("min_integer")) ||
          !std::in_range<T>(c.integer("max_integer") - 1))
        c.fail("min_integer and max_integer - 1 must be numbers that " +
               std::string(data_type_name(type)) + " holds");
    });
    return;
  }
  if (!is_floating(type))
    c.fail("'data_type' must be a floating-point or integer type, not " +
           std::string(data_type_name(type)));
  if (distribution != RandomDistribution::NORMAL && !(c.real("min") < c.real("max")))
    c.fail("min must be smaller than max");
  if (distribution != RandomDistribution::UNIFORM && !(c.real("standard_deviation") > 0))
    c.fail("standard_deviation must be > 0");
}

void infer_state(InferContext& c) {
  if (!c.has("state")) return;
  merge_shapes(c, c.shape("state"), Shape{state_words}, "the random state");
  c.result(DataType::int32, Shape{state_words});
}

AttributeSpec optional_seed() {
  auto spec = integer_attribute("seed");
  spec.default_value = AttributeValue();
  return keyword(spec);
}

Row random_row(std::string name) {
  return Row(std::move(name), "Random")
      .types("state", {DataType::int32})
      .keyword_operand("state", "state")
      .attribute(integers_or_tensor("shape"));
}

Row random() {
  return random_row("random")
      .documentation(
          "Random numbers as the descriptor says, by Philox4x32-10. Without seed and state: fresh "
          "numbers at every run, from the graph's seed. With `seed`: the same at every run. With "
          "`state` (of random_philox_state): returns [numbers, next state]. Uniform floats fill "
          "their mantissa as TensorFlow's do; normal numbers invert the distribution in double "
          "precision, or use Box and Muller's method; truncated ones always invert.")
      .selector("randomTensorWithShape:descriptor:name:", "12.1")
      .selector("randomTensorWithShapeTensor:descriptor:name:", "12.1")
      .selector("randomTensorWithShape:descriptor:seed:name:", "12.1")
      .selector("randomTensorWithShapeTensor:descriptor:seed:name:", "12.1")
      .selector("randomTensorWithShape:descriptor:stateTensor:name:", "12.1")
      .selector("randomTensorWithShapeTensor:descriptor:stateTensor:name:", "12.1")
      .descriptor("descriptor", random_descriptor())
      .attribute(optional_seed())
      .attribute(hidden(integer_attribute("stream")))
      .result("tensor")
      .result("state")
      .random()
      .not_differentiable("random numbers depend on no operand")
      .infer([](InferContext& c) {
        check_distribution(c);
        if (c.has("state") && c.given("seed")) c.fail("give 'seed' or 'state', not both");
        c.result(c.data_type("data_type"), shape_from(c, "shape"));
        infer_state(c);
      })
      .evaluate(evaluate_random);
}

Row random_uniform() {
  return random_row("random_uniform")
      .documentation("Uniform float32 numbers in [0, 1). `seed` and `state` as in random.")
      .selector("randomUniformTensorWithShape:name:", "12.1")
      .selector("randomUniformTensorWithShapeTensor:name:", "12.1")
      .selector("randomUniformTensorWithShape:seed:name:", "12.1")
      .selector("randomUniformTensorWithShapeTensor:seed:name:", "12.1")
      .selector("randomUniformTensorWithShape:stateTensor:name:", "12.1")
      .selector("randomUniformTensorWithShapeTensor:stateTensor:name:", "12.1")
      .attribute(optional_seed())
      .attribute(hidden(integer_attribute("stream")))
      .result("tensor")
      .result("state")
      .random()
      .not_differentiable("random numbers depend on no operand")
      .infer([](InferContext& c) {
        if (c.has("state") && c.given("seed")) c.fail("give 'seed' or 'state', not both");
        c.result(DataType::float32, shape_from(c, "shape"));
        infer_state(c);
      })
      .expand([](ExpandContext& c) {
        for (const auto& result : c.graph().add("random", {{"state", c.input("state")},
                                                           c.forward("shape"),
                                                           c.forward("seed"),
                                                           c.forward("stream")}))
          c.give(result);
      });
}

Row random_philox_state() {
  return Row("random_philox_state", "Random")
      .documentation("The state of a Philox generator, int32 (7,): counter (4 words, low first), "
                     "key (2 words), one unused word. From a seed (which becomes the key), or from "
                     "counter and key.")
      .selector("randomPhiloxStateTensorWithSeed:name:", "12.1")
      .selector("randomPhiloxStateTensorWithCounterLow:counterHigh:key:name:", "12.1")
      .attribute([] {
        auto spec = integer_attribute("seed");
        spec.default_value = AttributeValue();
        return spec;
      }())
      .attribute(keyword(integer_attribute("counter_low", 0)))
      .attribute(keyword(integer_attribute("counter_high", 0)))
      .attribute([] {
        auto spec = integer_attribute("key");
        spec.default_value = AttributeValue();
        return keyword(spec);
      }())
      .not_differentiable("a random state is made of integers")
      .infer([](InferContext& c) {
        if (c.given("seed") == c.given("key")) c.fail("give either 'seed' or 'key'");
        c.result(DataType::int32, Shape{state_words});
      })
      .evaluate([](const EvaluateContext& c) {
        const auto low = static_cast<uint64_t>(c.integer("counter_low"));
        const auto high = static_cast<uint64_t>(c.integer("counter_high"));
        const auto key = static_cast<uint64_t>(c.integer(c.given("seed") ? "seed" : "key"));
        PhiloxState state;
        state.counter = {static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                         static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)};
        state.key = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
        write_state(state, c.output());
      });
}

Row dropout() {
  return Row("dropout", "Random")
      .documentation("Zeroes each element with probability `rate` and divides the others by "
                     "1 - rate. `rate` is a number or a scalar tensor, 0 <= rate < 1. The gradient "
                     "uses the same mask. A composite of random and a select.")
      .selector("dropoutTensor:rate:name:", "11.0")
      .selector("dropoutTensor:rateTensor:name:", "11.0")
      .types("T", types::floating())
      .operand("tensor", "T")
      .operand("rate", "T")
      .attribute(hidden(integer_attribute("stream")))
      .random()
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("rate"), Shape{}, "the rate must be a scalar");
        c.result(c.type("tensor"));
      })
      .expand([](ExpandContext& c) {
        const auto x = c.input("tensor");
        const auto rate = c.input("rate");
        const auto uniform = c.graph().add_one(
            "random", {{"shape", shape_of(x)}, {"data_type", x.data_type()}, c.forward("stream")});
        const auto keep = binary("greater_than_or_equal_to", uniform, rate);
        c.give(select(keep, x / (1.0 - rate), Scalar(0.0)));
      });
}

}  // namespace

void add_random_rows(Rows& rows) {
  rows.push_back(random_philox_state().done());
  rows.push_back(random().done());
  rows.push_back(random_uniform().done());
  rows.push_back(dropout().done());
}

}  // namespace mpsg::ops
