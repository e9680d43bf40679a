#include "compiler/stitch/kernel_builder.h"

#include <algorithm>

#include "compiler/stitch/kernel_layout.h"
#include "compiler/stitch/operations.h"
#include "graph/contexts.h"

namespace mpsg::stitch {
namespace {

class Builder;

/// What the rule of one member sees, at one index.
class MemberContext final : public StitchContext {
 public:
  MemberContext(Builder& builder, ElementBuilder& elements, TensorId id, const Indices& at,
                Element guard);

  const TensorType& input_type(int operand) const override;
  const TensorType& result_type() const override;
  const Shape& input_symbols(int operand) const override;
  const Shape& result_symbols() const override;
  Expression input(int operand) override;
  Expression input_at(int operand, const Indices& at, Element guard = {}) override;
  const StitchIndex& index(int axis) const override { return at_[static_cast<size_t>(axis)]; }
  Expression value_of(const StitchIndex& index) override;
  Expression value_of(const StitchSize& size) override;

 private:
  Expression pull(int operand, const Indices& at, Element guard);

  Builder& owner_;
  TensorId id_;
  const Indices& at_;
  Element guard_;
};

class Builder {
 public:
  Builder(const GraphData& graph, const RegionDraft& draft, const StitchingLimits& limits)
      : graph_(graph), draft_(draft), limits_(limits) {
    choose_domain();
  }

  BuiltKernel build() {
    // Each failed attempt cuts one dimension.
    for (int attempt = 0; attempt <= 2 * max_rank; ++attempt) {
      try {
        return attempt_build();
      } catch (const SplitNeeded& split) {
        domain_.split(split.dimension, {split.inner, symbols_.value_of(split.inner)});
      }
    }
    throw Refusal{"its shapes have no dimensions in common"};
  }

  const GraphData& graph() const { return graph_; }
  bool is_computed(TensorId id) const { return is_member(base_of(graph_, id).operation); }

  /// The element of `id` at `at`, in its compute type. Where `guard` is false, any value.
  Element pull(TensorId id, const Indices& at, Element guard) {
    const auto base = base_of(graph_, id);
    const bool computed = is_member(base.operation);
    if (!computed && base.operation != draft_.root) return load(base, id, at, guard);
    if (base != id)
      return pull(base, reshape_indices(domain_, at, extents(id), extents(base)), guard);
    if (!computed) return load(base, id, at, guard);
    for (const auto& known : pulled_)
      if (known.id == id && known.guard == guard.id && same(known.at, at)) return known.element;
    const auto& node = graph_.node(id.operation);
    const auto element = fold_of(node) == FoldKind::none ? compute(id, at, guard) : reduce(id, at);
    pulled_.push_back({id, guard.id, at, element});
    return element;
  }

  Element value_of(const StitchIndex& index) {
    Element sum = index.dynamic;
    const auto add = [&](Element term) {
      sum = sum ? elements_.apply(ElementOp::add, sum, term) : term;
    };
    for (const auto& term : index.terms) {
      auto at = elements_.position(term.dimension);
      if (term.scale != 1)
        at = elements_.apply(ElementOp::multiply, at,
                             value_of({term.scale, symbols_.value_of(term.scale)}));
      add(at);
    }
    if (index.offset != 0 || !sum) add(value_of(index.offset));
    return sum;
  }

  /// Equal sizes are one argument, others are several even where this run makes them equal.
  Element value_of(const StitchSize& size) {
    if (!size.is_open()) return elements_.literal_integer(size.value, DataType::int64);
    const auto found = std::ranges::find(arguments_, size);
    const auto index = static_cast<int32_t>(found - arguments_.begin());
    if (found == arguments_.end()) {
      arguments_.push_back(size);
      kernel_.arguments.push_back(size.value);
    }
    return elements_.argument(index);
  }

 private:
  struct Pulled {
    TensorId id;
    int32_t guard;
    Indices at;
    Element element;
  };
  struct Reduction {
    TensorId id;
    Indices at;
    Element element;
  };

  static bool same(const Indices& a, const Indices& b) {
    return std::ranges::equal(a, b, [](const StitchIndex& x, const StitchIndex& y) {
      return x.offset == y.offset && x.dynamic.id == y.dynamic.id && x.terms == y.terms;
    });
  }

  bool is_member(OperationId id) const { return std::ranges::binary_search(draft_.members, id); }

  Extents extents(TensorId id) const { return extents_of(graph_, id); }

  void learn(TensorId id) {
    for (const auto& extent : extents(id)) symbols_.add(extent);
  }

  /// The domain is that of what is reduced; without a reduction, that of the results.
  void choose_domain() {
    auto shown = draft_.root >= 0 ? TensorId{draft_.root, 0} : draft_.outputs.front();
    std::vector<bool> reduced;
    for (const auto member : draft_.members) {
      const auto& node = graph_.node(member);
      for (const auto input : node.inputs) learn(input);
      for (const auto& output : node.outputs) (void)output, learn({member, 0});
      if (fold_of(node) == FoldKind::none || !reduced.empty()) continue;
      shown = node.inputs[0];
      reduced = folded_axes(graph_, node);
      chunks_ = chunks_of(node);
    }
    learn(shown);
    const auto shape = extents(shown);
    for (size_t axis = 0; axis < shape.size(); ++axis)
      if (!shape[axis].is_one())
        domain_.dimensions.push_back({shape[axis], !reduced.empty() && reduced[axis]});
    reduces_ = !reduced.empty();
  }

  BuiltKernel attempt_build() {
    kernel_ = {};
    accesses_.clear();
    arguments_.clear();
    operands_.clear();
    pulled_.clear();
    reductions_.clear();
    kernel_.chunks = chunks_;
    // The root's result is input 0, whether it is read or not.
    if (draft_.root >= 0) operand({draft_.root, 0});
    std::vector<KernelStore> stores;
    for (size_t i = 0; i < draft_.outputs.size(); ++i) stores.push_back(store(i));
    finish(stores);
    return {std::move(kernel_), operands_};
  }

  int32_t operand(TensorId base) {
    const auto found = std::ranges::find(operands_, base);
    if (found != operands_.end()) return static_cast<int32_t>(found - operands_.begin());
    if (!limits_.types.contains(graph_.type(base).data_type))
      throw Refusal{"of a type that does not stitch"};
    operands_.push_back(base);
    return static_cast<int32_t>(operands_.size()) - 1;
  }

  /// Strides of a packed tensor along the domain, from an index for each of its axes.
  DraftAccess walk(int32_t operand, const Extents& shape, const Indices& at) const {
    DraftAccess access{operand, 0, std::vector<int64_t>(domain_.dimensions.size() + 1)};
    int64_t stride = 1, stride_value = 1;
    for (size_t axis = shape.size(); axis-- > 0;) {
      if (!shape[axis].is_one()) {
        for (const auto& term : at[axis].terms)
          access.strides[static_cast<size_t>(term.dimension)] += product(term.scale, stride);
        access.offset += at[axis].offset.value * stride_value;
      }
      stride = product(stride, shape[axis].symbol);
      stride_value *= shape[axis].value;
    }
    return access;
  }

  int32_t add_access(DraftAccess access) {
    for (size_t i = 0; i < accesses_.size(); ++i)
      if (accesses_[i].operand == access.operand && accesses_[i].offset == access.offset &&
          accesses_[i].strides == access.strides)
        return static_cast<int32_t>(i);
    accesses_.push_back(std::move(access));
    return static_cast<int32_t>(accesses_.size()) - 1;
  }

  Element load(TensorId base, TensorId shown, const Indices& at, Element guard) {
    const auto shape = extents(shown);
    const auto type = graph_.type(base).data_type;
    Element further;
    StitchSize stride = 1;
    for (size_t axis = shape.size(); axis-- > 0;) {
      const auto step = stride;
      stride = {product(stride.symbol, shape[axis].symbol), stride.value * shape[axis].value};
      // Along a size of one every index that is read is 0.
      if (!at[axis].dynamic || shape[axis].is_one()) continue;
      auto part = at[axis].dynamic;
      if (step != 1) part = elements_.apply(ElementOp::multiply, part, value_of(step));
      further = further ? elements_.apply(ElementOp::add, further, part) : part;
    }
    const auto access = add_access(walk(operand(base), shape, at));
    return elements_.convert(elements_.load(access, type, guard, further), compute_type(type));
  }

  Element compute(TensorId id, const Indices& at, Element guard) {
    const auto& node = graph_.node(id.operation);
    MemberContext context(*this, elements_, id, at, guard);
    node.row->stitch(context);
    if (context.refused() || !context.result()) throw Refusal{"not stitchable: " + node.row->name};
    if (kernel_.program.size() > static_cast<size_t>(limits_.instructions))
      throw Refusal{"limit of instructions"};
    // Rounded at every edge, whether it goes through memory or not.
    const auto type = node.outputs[0].data_type;
    return elements_.convert(elements_.convert(context.result().element(), type),
                             compute_type(type));
  }

  bool varies_along_reduced(const StitchIndex& index) const {
    return bool(index.dynamic) || std::ranges::any_of(index.terms, [&](const auto& term) {
             return domain_.dimensions[static_cast<size_t>(term.dimension)].reduced;
           });
  }

  Element reduce(TensorId id, const Indices& at) {
    const auto& node = graph_.node(id.operation);
    for (const auto& known : reductions_)
      if (known.id == id) {
        if (!same(known.at, at)) throw Refusal{"a reduction is read at several places"};
        return known.element;
      }
    if (chunks_of(node) != chunks_) throw Refusal{"reduces in pieces"};
    const auto folded = folded_axes(graph_, node);
    const auto input = node.inputs[0];
    const auto shape = extents(input);
    Extents along;
    for (size_t axis = 0; axis < folded.size(); ++axis)
      if (folded[axis]) along.push_back(shape[axis]);
    const auto places = row_major(domain_, Walk::reduced, along);
    Indices from(shape.size());
    const bool pieces = node.row->name == "partial_reduction";
    size_t kept = pieces ? 1 : 0, place = 0;
    for (size_t axis = 0; axis < folded.size(); ++axis) {
      if (folded[axis]) {
        from[axis] = places[place++];
        if (!pieces) ++kept;
        continue;
      }
      if (varies_along_reduced(at[kept])) throw Refusal{"reduces other axes"};
      from[axis] = at[kept++];
    }
    const auto type = compute_type(graph_.type(input).data_type);
    const auto value = pull(input, from, {});
    kernel_.reductions.push_back({fold_of(node), value.id, type});
    const auto result_type = node.outputs[0].data_type;
    auto element = elements_.reduced(static_cast<int32_t>(kernel_.reductions.size()) - 1, type);
    element = elements_.convert(elements_.convert(element, result_type), compute_type(result_type));
    reductions_.push_back({id, at, element});
    return element;
  }

  /// Along which dimensions a result lies: those of the domain, or what a reduction keeps.
  Walk walk_of(int64_t count) const {
    int64_t all = 1;
    for (const auto& dimension : domain_.dimensions) all = product(all, dimension.extent.symbol);
    return count == all || !reduces_ ? Walk::all : Walk::kept;
  }

  KernelStore store(size_t which) {
    const auto output = draft_.outputs[which];
    const auto& node = graph_.node(output.operation);
    auto shape = extents(output);
    const bool pieces = node.row->name == "partial_reduction";
    if (pieces) shape.erase(shape.begin());
    const auto count = symbol_count(shape);
    auto at = row_major(domain_, pieces ? Walk::kept : walk_of(count), shape);
    auto access = walk(~static_cast<int32_t>(which), shape, at);  // numbered after the inputs
    if (pieces) {
      access.strides.back() = count;
      at.insert(at.begin(), StitchIndex{});
    }
    const auto value = pull(output, at, {});
    const auto stored = elements_.convert(value, graph_.type(output).data_type);
    return {add_access(std::move(access)), stored.id};
  }

  void finish(const std::vector<KernelStore>& stores) {
    const auto inputs = static_cast<int32_t>(operands_.size());
    if (inputs + static_cast<int32_t>(draft_.outputs.size()) > limits_.operands)
      throw Refusal{"limit of operands"};
    for (const auto base : operands_)
      kernel_.operands.push_back({graph_.type(base).data_type, false});
    for (const auto output : draft_.outputs)
      kernel_.operands.push_back({graph_.type(output).data_type, true});
    for (auto& access : accesses_)
      if (access.operand < 0) access.operand = inputs + ~access.operand;
    kernel_.stores = stores;
    const bool matrix = draft_.root >= 0;
    if (matrix) add_matrix_dimensions();
    lay_out(kernel_, domain_, accesses_, symbols_, matrix);
    choose_saved(kernel_);
    check();
  }

  /// An epilogue has rows and columns, even if the root's result has only one of either.
  void add_matrix_dimensions() {
    const auto shape = extents({draft_.root, 0});
    int64_t columns = 1;
    if (!domain_.dimensions.empty()) columns = domain_.dimensions.back().extent.symbol;
    if (shape.back().is_one()) {
      domain_.dimensions.push_back({});
      for (auto& access : accesses_) access.strides.insert(access.strides.end() - 1, 0);
    } else if (columns != shape.back().symbol) {
      throw Refusal{"columns of the root's result are cut"};
    }
    if (domain_.dimensions.size() > 1) return;
    domain_.dimensions.insert(domain_.dimensions.begin(), DomainDimension{});
    for (auto& access : accesses_) access.strides.insert(access.strides.begin(), 0);
    for (auto& instruction : kernel_.program)
      if (instruction.op == ElementOp::position) ++instruction.index;
  }

  void check() const {
    if (chunks_ > 1) {
      const auto first = kernel_.extents[static_cast<size_t>(kernel_.parallel)];
      if ((chunks_ - 1) * ((first + chunks_ - 1) / chunks_) >= first)
        throw Refusal{"pieces do not fit"};
    }
    // Symbols stand for numbers: a walk outside of its tensor would mean they were mistaken.
    for (const auto& instruction : kernel_.program)
      if (instruction.op == ElementOp::load && instruction.operands[0] < 0 &&
          instruction.operands[1] < 0)
        check_reach(kernel_.accesses[static_cast<size_t>(instruction.index)]);
    for (const auto& store : kernel_.stores)
      check_reach(kernel_.accesses[static_cast<size_t>(store.access)]);
    kernel_.verify();
  }

  void check_reach(const KernelAccess& access) const {
    int64_t first = access.offset, last = access.offset;
    for (size_t d = 0; d < access.strides.size(); ++d) {
      const auto extent = d < kernel_.extents.size() ? kernel_.extents[d] : kernel_.chunks;
      (access.strides[d] < 0 ? first : last) += access.strides[d] * (extent - 1);
    }
    const auto inputs = static_cast<int32_t>(operands_.size());
    const auto id = access.operand < inputs
                        ? operands_[static_cast<size_t>(access.operand)]
                        : draft_.outputs[static_cast<size_t>(access.operand - inputs)];
    if (first < 0 || last >= *graph_.type(id).shape.element_count())
      throw Refusal{"it would be walked outside of its elements"};
  }

  const GraphData& graph_;
  const RegionDraft& draft_;
  const StitchingLimits& limits_;
  Domain domain_;
  bool reduces_ = false;
  int64_t chunks_ = 1;
  SymbolValues symbols_;
  StitchedKernel kernel_;
  ElementBuilder elements_{kernel_.program};
  std::vector<DraftAccess> accesses_;
  std::vector<StitchSize> arguments_;  // of the kernel
  std::vector<TensorId> operands_;
  std::vector<Pulled> pulled_;
  std::vector<Reduction> reductions_;
};

MemberContext::MemberContext(Builder& builder, ElementBuilder& elements, TensorId id,
                             const Indices& at, Element guard)
    : StitchContext(builder.graph().node(id.operation).view(), elements),
      owner_(builder),
      id_(id),
      at_(at),
      guard_(guard) {}

const TensorType& MemberContext::input_type(int operand) const {
  const auto& graph = owner_.graph();
  return graph.type(graph.node(id_.operation).inputs[static_cast<size_t>(operand)]);
}

const TensorType& MemberContext::result_type() const { return owner_.graph().type(id_); }

const Shape& MemberContext::input_symbols(int operand) const {
  const auto& graph = owner_.graph();
  return graph.symbolic_shape(graph.node(id_.operation).inputs[static_cast<size_t>(operand)]);
}

const Shape& MemberContext::result_symbols() const { return owner_.graph().symbolic_shape(id_); }

Expression MemberContext::value_of(const StitchIndex& index) {
  return {builder(), owner_.value_of(index)};
}

Expression MemberContext::value_of(const StitchSize& size) {
  return {builder(), owner_.value_of(size)};
}

Expression MemberContext::pull(int operand, const Indices& at, Element guard) {
  const auto id = owner_.graph().node(id_.operation).inputs[static_cast<size_t>(operand)];
  return {builder(), owner_.pull(id, at, guard)};
}

Expression MemberContext::input(int operand) {
  const auto& graph = owner_.graph();
  const auto id = graph.node(id_.operation).inputs[static_cast<size_t>(operand)];
  const auto& shape = graph.symbolic_shape(id);
  const auto& result = graph.symbolic_shape(id_);
  Indices at(static_cast<size_t>(shape.rank()));
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int in_result = axis + result.rank() - shape.rank();
    if (shape[axis] != 1) at[static_cast<size_t>(axis)] = at_[static_cast<size_t>(in_result)];
  }
  return pull(operand, at, guard_);
}

Expression MemberContext::input_at(int operand, const Indices& at, Element guard) {
  if (!guard) return pull(operand, at, guard_);
  const auto both = guard_ ? builder().apply(ElementOp::bit_and, guard_, guard) : guard;
  const auto inside = pull(operand, at, both);
  if (!owner_.is_computed(owner_.graph().node(id_.operation).inputs[static_cast<size_t>(operand)]))
    return inside;  // a load gives 0 itself
  const Expression condition(builder(), guard);
  return select(condition, inside, inside.literal(0));
}

}  // namespace

std::variant<BuiltKernel, Refusal> build_kernel(const GraphData& graph, const RegionDraft& draft,
                                                const StitchingLimits& limits) {
  try {
    return Builder(graph, draft, limits).build();
  } catch (const Refusal& refusal) {
    return refusal;
  }
}

}  // namespace mpsg::stitch
