// Random numbers and dropout, as Apple names them. Counter-based: element i's bits depend on key,
// counter and i only (see random_numbers.cpp).
#include <utility>

#include "graph/element_types.h"
#include "graph/host_values.h"
#include "graph/scalars.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/random_state.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

double number_in(const TensorView& scalar) {
  double number = 0;
  with_floating(scalar.data_type, [&]<class T>(TypeTag<T>) {
    number = static_cast<double>(static_cast<ComputeType<T>>(*scalar.as<T>()));
  });
  return number;
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
  merge_shapes(c, c.shape("state"), Shape{random_state_words}, "the random state");
  c.result(DataType::int32, Shape{random_state_words});
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

/// Where the operation's bits start: as given, by its seed, or by the run.
Tensor start_state(ExpandContext& c) {
  if (c.has("state")) return c.input("state");
  if (c.given("seed")) return c.graph().add_one("random_philox_state", {c.forward("seed")});
  return c.graph().add_one("random_run_state", {c.forward("stream")});
}

void expand_random(ExpandContext& c) {
  const auto start = start_state(c);
  auto arguments = c.forward_attributes();
  std::erase_if(arguments,
                [](const Argument& a) { return a.name == "seed" || a.name == "stream"; });
  arguments.emplace_back("state", start);
  c.give(c.graph().add_one("random_numbers", std::move(arguments)));
  if (!c.has("state")) return;
  c.give(c.graph().add_one("random_next_state", {{"state", start},
                                                 {"count", *c.result_type().shape.element_count()},
                                                 c.forward("data_type")}));
}

Row random() {
  return random_row("random")
      .documentation(
          "Random numbers as the descriptor says, by Philox4x32-10. Without seed and state: fresh "
          "numbers at every run, from the graph's seed. With `seed`: the same at every run. With "
          "`state` (of random_philox_state): returns [numbers, next state]. Uniform floats fill "
          "their mantissa as TensorFlow's do; normal numbers invert the distribution in double "
          "precision, or use Box and Muller's method; truncated ones always invert. A composite.")
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
      .expand(expand_random);
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
        c.result(DataType::int32, Shape{random_state_words});
      })
      .not_stitchable("it is known before the run")
      .evaluate([](const EvaluateContext& c) {
        const auto low = static_cast<uint64_t>(c.integer("counter_low"));
        const auto high = static_cast<uint64_t>(c.integer("counter_high"));
        const auto key = static_cast<uint64_t>(c.integer(c.given("seed") ? "seed" : "key"));
        PhiloxState state;
        state.counter = {static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                         static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)};
        state.key = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
        write_random_state(state, c.output());
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
      .build([](GraphData& graph, Node& node) {
        // A rate that is computed is taken as it is.
        const auto rate = graph.host_values().value(node.inputs[1]);
        if (!rate || rate->element_count() != 1 || !is_floating(rate->data_type)) return;
        const double number = number_in(*rate);
        if (!(number >= 0 && number < 1))
          throw GraphError("'rate' is " + graph_detail::number_text(number) +
                           "; it must be >= 0 and < 1");
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
