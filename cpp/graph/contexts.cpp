#include "graph/contexts.h"

#include "graph/host_values.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

Tensor tensor_at(const OperationView& view, const std::vector<Tensor>& inputs,
                 std::string_view operand, int i) {
  if (i >= view.count(operand)) return {};
  return inputs[static_cast<size_t>(view.first_input(operand) + i)];
}

bool given_as_tensor(const OperationView& view, std::string_view name) {
  return view.row().operand_index(name) >= 0 && view.has(name);
}

bool given_as_attribute(const OperationView& view, std::string_view name) {
  return view.row().attribute_index(name) >= 0 && view.given(name);
}

std::vector<int64_t> attribute_integers(const OperationView& view, std::string_view name) {
  const auto& value = view.attribute(name);
  if (const auto* one = std::get_if<int64_t>(&value)) return {*one};
  return view.integers(name);
}

}  // namespace

const TensorType& InferContext::type(std::string_view operand, int i) const {
  return inputs_[static_cast<size_t>(first_input(operand) + i)];
}

PartialIntegers InferContext::partial_integers(std::string_view name) const {
  if (given_as_attribute(*this, name)) {
    const auto values = attribute_integers(*this, name);
    return std::vector<std::optional<int64_t>>(values.begin(), values.end());
  }
  if (!given_as_tensor(*this, name)) return std::nullopt;
  const auto index = static_cast<size_t>(first_input(name));
  if (host_values_) {
    if (auto values = host_values_->integers(ids_[index])) return values;
  }
  const auto length = inputs_[index].shape.element_count();
  if (!length || *length > max_rank) return std::nullopt;
  return std::vector<std::optional<int64_t>>(static_cast<size_t>(*length));
}

std::optional<std::vector<int64_t>> InferContext::known_integers(std::string_view name) const {
  const auto partial = partial_integers(name);
  if (!partial) return std::nullopt;
  std::vector<int64_t> values;
  for (const auto& value : *partial) {
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

std::optional<int64_t> InferContext::known_integer(std::string_view name) const {
  const auto values = known_integers(name);
  if (!values) return std::nullopt;
  if (values->size() != 1)
    fail(std::string(name) + " must be one integer, got " + std::to_string(values->size()));
  return values->front();
}

bool InferContext::given_either_way(std::string_view name) const {
  return given_as_attribute(*this, name) || given_as_tensor(*this, name);
}

void InferContext::fail(const std::string& message) const { throw GraphError(message); }

Tensor ExpandContext::input(std::string_view operand, int i) const {
  return tensor_at(*this, inputs_, operand, i);
}

std::vector<Tensor> ExpandContext::inputs_of(std::string_view operand) const {
  std::vector<Tensor> tensors;
  for (int i = 0; i < count(operand); ++i) tensors.push_back(input(operand, i));
  return tensors;
}

Argument ExpandContext::forward(std::string_view name, std::string_view as) const {
  if (given_as_tensor(*this, name)) return {as, input(name)};
  return {as, attribute(name)};
}

std::vector<Argument> ExpandContext::forward_attributes() const {
  std::vector<Argument> arguments;
  for (const auto& spec : row().attributes) arguments.push_back(forward(spec.name));
  return arguments;
}

Tensor GradientContext::incoming(int i) {
  auto& gradient = incoming_[static_cast<size_t>(i)];
  if (!gradient) {
    auto zero = graph_.add_one(
        "constant", {{"value", AttributeValue(int64_t{0})}, {"data_type", output(i).data_type()}});
    gradient = output(i).shape() == Shape{}
                   ? zero
                   : graph_.add_one("broadcast_like", {{"tensor", zero}, {"like", output(i)}});
  }
  return gradient;
}

bool GradientContext::wanted(std::string_view operand, int i) const {
  return i < count(operand) && wanted_[static_cast<size_t>(first_input(operand) + i)];
}

void GradientContext::give(std::string_view operand, Tensor gradient, int i) {
  gradients_[static_cast<size_t>(first_input(operand) + i)] = std::move(gradient);
}

const TensorView& EvaluateContext::input(std::string_view operand, int i) const {
  return inputs_[static_cast<size_t>(first_input(operand) + i)];
}

std::vector<int64_t> EvaluateContext::integers_of(std::string_view name) const {
  if (given_as_tensor(*this, name)) return read_integers(input(name));
  return attribute_integers(*this, name);
}

bool EvaluateContext::given_either_way(std::string_view name) const {
  return given_as_attribute(*this, name) || given_as_tensor(*this, name);
}

Parallel::~Parallel() = default;

const Parallel& Parallel::serial() {
  struct Serial final : Parallel {
    void for_range(int64_t count, int64_t,
                   const std::function<void(int64_t, int64_t)>& body) const override {
      if (count > 0) body(0, count);
    }
  };
  static const Serial serial;
  return serial;
}

namespace {
template <class T>
std::vector<int64_t> widen(const TensorView& view) {
  const auto* data = view.as<T>();
  return {data, data + view.element_count()};
}
}  // namespace

std::vector<int64_t> read_integers(const TensorView& view) {
  switch (view.data_type) {
    case DataType::int8: return widen<int8_t>(view);
    case DataType::int16: return widen<int16_t>(view);
    case DataType::int32: return widen<int32_t>(view);
    case DataType::int64: return widen<int64_t>(view);
    case DataType::uint8: return widen<uint8_t>(view);
    case DataType::uint16: return widen<uint16_t>(view);
    case DataType::uint32: return widen<uint32_t>(view);
    case DataType::uint64: return widen<uint64_t>(view);  // the upper half is out of every range
    default:
      throw GraphError("integers expected, got " + std::string(data_type_name(view.data_type)));
  }
}

}  // namespace mpsg
