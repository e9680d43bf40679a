#include "ops/control_flow_gradients.h"

#include "graph/gradients.h"
#include "graph/graph_copy.h"
#include "graph/graph_data.h"
#include "mpsg/error.h"
#include "ops/build.h"

namespace mpsg::ops {
namespace {

using namespace build;

bool carries_gradient(const Tensor& tensor) {
  return is_floating(tensor.data_type()) || is_complex(tensor.data_type());
}

/// Values and gradients of a body, rebuilt in the current region.
struct Differentiated {
  std::vector<Tensor> results;
  std::vector<Tensor> gradients;  // of `arguments`, zeros where none flows
};

/// Rebuilds `region` on `arguments` and pulls `incoming` (empty: none) back to them.
Differentiated differentiate_body(Graph graph, int32_t region, const std::vector<Tensor>& arguments,
                                  const std::vector<Tensor>& incoming) {
  auto& data = *graph.data();
  std::vector<TensorId> inputs;
  for (const auto& argument : arguments) inputs.push_back(identity(argument).id());
  const auto begin = data.node_count();
  GraphCopy copy(data, graph);
  const auto results = copy.inline_body(region, inputs);
  std::map<TensorId, Tensor> seeds;
  for (size_t i = 0; i < results.size(); ++i) {
    if (i >= incoming.size() || !incoming[i]) continue;
    auto& seed = seeds[results[i]];
    seed = seed ? seed + incoming[i] : incoming[i];
  }
  std::vector<TensorId> sources;
  for (const auto id : inputs)
    if (carries_gradient(data.tensor(id))) sources.push_back(id);
  const auto found = backpropagate(graph, seeds, sources, begin, data.node_count());
  Differentiated answer;
  for (const auto id : results) answer.results.push_back(data.tensor(id));
  for (const auto id : inputs) {
    const auto at = found.find(id);
    if (at != found.end()) answer.gradients.push_back(at->second);
    else if (carries_gradient(data.tensor(id)))
      answer.gradients.push_back(zeros_like(data.tensor(id)));
    else answer.gradients.push_back({});
  }
  return answer;
}

std::vector<Tensor> keep_only(const std::vector<Tensor>& tensors, const std::vector<bool>& kept) {
  std::vector<Tensor> result;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (kept[i]) result.push_back(tensors[i]);
  return result;
}

/// The node whose gradient is taken, and its bodies.
const Node& node_of(GradientContext& g) {
  return g.graph().data()->node(g.output().id().operation);
}

Tensor one_index(const Tensor& i) {
  return i.graph().add_one("reshape", {{"tensor", i}, {"shape", std::vector<int64_t>{1}}});
}

/// [i, 0, 0, ...]: where step i of a stack begins.
Tensor stack_start(const Tensor& i, int rank) {
  if (rank == 0) return one_index(i);
  auto graph = i.graph();
  const auto zeros =
      cast(integers(graph, std::vector<int64_t>(static_cast<size_t>(rank))), i.data_type());
  return graph.add_one(
      "concat", {{"tensors", std::vector<Tensor>{one_index(i), zeros}}, {"dimension", int64_t{0}}});
}

/// shape_of(x) with one dimension more in front.
Tensor stacked_shape(const Tensor& count, const Tensor& x) {
  return count.graph().add_one(
      "concat",
      {{"tensors", std::vector<Tensor>{cast(one_index(count), DataType::int32), shape_of(x)}},
       {"dimension", int64_t{0}}});
}

/// A loop's bounds: how many iterations, and the index of the i-th.
struct Bounds {
  Tensor lower, step, count;

  explicit Bounds(GradientContext& g) {
    if (g.has("number_of_iterations")) {
      count = g.input("number_of_iterations");
      return;
    }
    auto graph = g.graph();
    const auto upper = g.input("upper_bound");
    const auto type = upper.data_type();
    lower = g.has("lower_bound") ? g.input("lower_bound") : constant(graph, 0, type);
    step = g.has("step") ? g.input("step") : constant(graph, 1, type);
    // ceil((upper - lower) / step), at least 0: step is positive.
    const auto room = binary("maximum", upper - lower, Scalar(int64_t{0}));
    count = (room + (step - constant(graph, 1, type))) / step;
  }

  Tensor index(const Tensor& i) const { return lower ? lower + i * step : i; }
};

class ForLoopGradient {
 public:
  explicit ForLoopGradient(GradientContext& g)
      : g_(g), graph_(g.graph()), bounds_(g), region_(node_of(g).regions[0]) {
    initial_ = g.inputs_of("initial_body_arguments");
    captures_ = g.inputs_of("captures");
    for (const auto& tensor : initial_) carried_.push_back(carries_gradient(tensor));
    for (size_t i = 0; i < captures_.size(); ++i)
      wanted_.push_back(g.wanted("captures", static_cast<int>(i)));
  }

  void run() {
    save_arguments();
    const auto results = sweep_back();
    size_t at = 0;
    for (size_t i = 0; i < initial_.size(); ++i)
      if (carried_[i]) g_.give("initial_body_arguments", results[at++], static_cast<int>(i));
    for (size_t i = 0; i < captures_.size(); ++i)
      if (wanted_[i]) g_.give("captures", results[at++], static_cast<int>(i));
  }

 private:
  /// The loop once more, stacking the arguments of every iteration.
  void save_arguments() {
    auto carried = initial_;
    // Of no iteration one argument too, or else the bodies could not slice what is not run.
    const auto saved_count = binary("maximum", bounds_.count, Scalar(int64_t{1}));
    for (const auto& tensor : initial_)
      carried.push_back(
          graph_.add_one("broadcast", {{"tensor", constant(graph_, 0, tensor.data_type())},
                                       {"shape", stacked_shape(saved_count, tensor)}}));
    const Block body = [&](const std::vector<Tensor>& given) {
      const auto i = given[0];
      const std::vector<Tensor> arguments(given.begin() + 1,
                                          given.begin() + 1 + std::ssize(initial_));
      std::vector<Tensor> next = rebuilt(bounds_.index(i), arguments);
      for (size_t k = 0; k < arguments.size(); ++k)
        next.push_back(graph_.add_one(
            "slice_update",
            {{"data", given[1 + initial_.size() + k]},
             {"update", graph_.add_one("expand_dims", {{"tensor", arguments[k]},
                                                       {"axes", std::vector<int64_t>{0}}})},
             {"start_tensor", stack_start(i, rank_of(arguments[k]))}}));
      return next;
    };
    const auto results = graph_.add("for_loop", {{"initial_body_arguments", carried},
                                                 {"number_of_iterations", bounds_.count},
                                                 {"body", body}});
    stacks_.assign(results.begin() + std::ssize(initial_), results.end());
  }

  int rank_of(const Tensor& tensor) const {
    if (!tensor.shape().has_rank())
      throw GraphError("a loop over tensors of unknown rank has no gradient");
    return tensor.shape().rank();
  }

  std::vector<Tensor> all_arguments(const Tensor& index, const std::vector<Tensor>& arguments) {
    std::vector<Tensor> all{index};
    all.insert(all.end(), arguments.begin(), arguments.end());
    all.insert(all.end(), captures_.begin(), captures_.end());
    return all;
  }

  std::vector<Tensor> rebuilt(const Tensor& index, const std::vector<Tensor>& arguments) {
    std::vector<TensorId> ids;
    for (const auto& argument : all_arguments(index, arguments))
      ids.push_back(identity(argument).id());
    GraphCopy copy(*graph_.data(), graph_);
    std::vector<Tensor> results;
    for (const auto id : copy.inline_body(region_, ids))
      results.push_back(graph_.data()->tensor(id));
    return results;
  }

  /// From the last iteration to the first: gradients of the arguments, sums for the captures.
  std::vector<Tensor> sweep_back() {
    std::vector<Tensor> start;
    for (size_t i = 0; i < initial_.size(); ++i)
      if (carried_[i]) start.push_back(g_.incoming(static_cast<int>(i)));
    const auto carried_count = start.size();
    for (size_t i = 0; i < captures_.size(); ++i)
      if (wanted_[i]) start.push_back(zeros_like(captures_[i]));
    const Block body = [&](const std::vector<Tensor>& given) {
      const auto one = constant(graph_, 1, given[0].data_type());
      const auto i = bounds_.count - one - given[0];
      std::vector<Tensor> arguments, incoming;
      size_t at = 1;
      for (size_t k = 0; k < initial_.size(); ++k) {
        arguments.push_back(saved(k, i));
        incoming.push_back(carried_[k] ? given[at++] : Tensor());
      }
      const auto body_gradients =
          differentiate_body(graph_, region_, all_arguments(bounds_.index(i), arguments), incoming)
              .gradients;
      std::vector<Tensor> next;
      for (size_t k = 0; k < initial_.size(); ++k)
        if (carried_[k]) next.push_back(body_gradients[1 + k]);
      size_t sum = 1 + carried_count;
      for (size_t k = 0; k < captures_.size(); ++k)
        if (wanted_[k]) next.push_back(given[sum++] + body_gradients[1 + initial_.size() + k]);
      return next;
    };
    return graph_.add("for_loop", {{"initial_body_arguments", start},
                                   {"number_of_iterations", bounds_.count},
                                   {"body", body}});
  }

  /// Argument k of iteration i.
  Tensor saved(size_t k, const Tensor& i) {
    const auto row = graph_.add_one(
        "slice", {{"tensor", stacks_[k]},
                  {"start_tensor", stack_start(i, rank_of(initial_[k]))},
                  {"sizes", stacked_shape(constant(graph_, 1, DataType::int32), initial_[k])}});
    return graph_.add_one("squeeze", {{"tensor", row}, {"axes", std::vector<int64_t>{0}}});
  }

  GradientContext& g_;
  Graph graph_;
  Bounds bounds_;
  int32_t region_;
  std::vector<Tensor> initial_, captures_, stacks_;
  std::vector<bool> carried_, wanted_;
};

}  // namespace

void if_else_gradient(GradientContext& g) {
  auto graph = g.graph();
  const auto regions = node_of(g).regions;
  const auto captures = g.inputs_of("captures");
  std::vector<bool> wanted;
  for (size_t i = 0; i < captures.size(); ++i)
    wanted.push_back(g.wanted("captures", static_cast<int>(i)));
  std::vector<Tensor> incoming;
  for (int i = 0; i < g.output_count(); ++i)
    incoming.push_back(g.has_incoming(i) ? g.incoming(i) : Tensor());
  const auto side = [&](int32_t region) {
    return Block([&graph, &captures, &wanted, &incoming, region](const std::vector<Tensor>&) {
      return keep_only(differentiate_body(graph, region, captures, incoming).gradients, wanted);
    });
  };
  const auto results = graph.add("if_else", {{"predicate", g.input("predicate")},
                                             {"then_block", side(regions[0])},
                                             {"else_block", side(regions[1])}});
  size_t at = 0;
  for (size_t i = 0; i < captures.size(); ++i)
    if (wanted[i]) g.give("captures", results[at++], static_cast<int>(i));
}

void for_loop_gradient(GradientContext& g) { ForLoopGradient(g).run(); }

}  // namespace mpsg::ops
