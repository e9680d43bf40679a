#include "build.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "graph/op_table.h"
#include "mpsg/error.h"
#include "special_rows.h"
#include "values.h"

namespace mpsg::conformance {
namespace {

[[noreturn]] void fail(const Case& one, const std::string& what) {
  throw GraphError(one.op + ": " + what);
}

std::optional<int64_t> integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::optional<double> real(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

/// The parts of "[1, 2, 3]".
std::vector<std::string> list_parts(std::string_view text) {
  text = text.substr(1, text.size() - 2);
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto part = text.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

/// The value of an attribute by what its row says it is.
AttributeValue attribute_value(const Case& one, const AttributeSpec& spec,
                               const std::string& text) {
  if (text == "none") return {};
  if (text == "true" || text == "false") return text == "true";
  if (spec.kind == AttributeKind::data_type) {
    const auto type = data_type_from_name(text);
    if (!type) fail(one, "'" + spec.name + "' must be a data type, not " + text);
    return *type;
  }
  if (spec.enum_type)
    for (const auto& [name, value] : spec.enum_type->cases)
      if (name == text) return value;
  if (text.starts_with('[')) {
    std::vector<int64_t> values;
    for (const auto& part : list_parts(text)) {
      const auto value = integer(part);
      if (!value) fail(one, "'" + spec.name + "' must be a list of integers, not " + text);
      values.push_back(*value);
    }
    return values;
  }
  if (const auto value = integer(text); value && spec.kind != AttributeKind::real) return *value;
  if (const auto value = real(text)) return *value;
  return text;
}

class Builder {
 public:
  Builder(const Case& one, const std::vector<TensorData>& values, const Device& device,
          Variant variant)
      : one_(one), values_(values), device_(device), variant_(variant) {}

  BuiltCase build() {
    row_ = &require_row(one_.op);
    std::vector<Argument> arguments;
    for (const auto& argument : one_.arguments) {
      if (argument.operands.empty()) arguments.push_back(literal(argument));
      else arguments.push_back(operand_argument(argument));
    }
    if (!add_special_row(built_, one_, arguments, device_)) {
      if (row_->results.empty()) add_without_results(std::move(arguments));
      else built_.results = built_.graph.add(one_.op, std::move(arguments));
    }
    if (variant_.neighbours)
      for (auto& result : built_.results) result = plus_zero(result);
    return std::move(built_);
  }

 private:
  Argument literal(const ArgumentText& argument) {
    const int attribute = row_->attribute_index(argument.name);
    if (attribute >= 0)
      return {argument.name, attribute_value(one_, row_->attributes[static_cast<size_t>(attribute)],
                                             argument.literal)};
    if (row_->operand_index(argument.name) >= 0)
      return {argument.name, TensorOrScalar(number(argument.literal))};
    fail(one_, "it has no parameter '" + argument.name + "'");
  }

  Scalar number(const std::string& text) const {
    if (const auto whole = integer(text)) return *whole;
    if (const auto value = real(text)) return *value;
    fail(one_, text + " is no number");
  }

  Argument operand_argument(const ArgumentText& argument) {
    std::vector<TensorOrScalar> tensors;
    const int index = row_->operand_index(argument.name);
    const auto role =
        index < 0 ? OperandRole::data : row_->operands[static_cast<size_t>(index)].role;
    for (const auto& text : argument.operands) tensors.emplace_back(operand(text, role));
    if (argument.is_list) return {argument.name, std::move(tensors)};
    return {argument.name, tensors.front()};
  }

  Tensor operand(const OperandText& text, OperandRole role) {
    const auto& value = values_[static_cast<size_t>(next_++)];
    if (role == OperandRole::variable) return variables_.emplace_back(stored("variable", value));
    if (text.constant || role == OperandRole::shape) return stored("constant", value);
    auto tensor = placeholder(value);
    if (variant_.neighbours) tensor = plus_zero(tensor);
    built_.operands.push_back(tensor);
    return tensor;
  }

  Tensor stored(std::string_view row, const TensorData& value) {
    const auto bytes =
        Bytes::copy({static_cast<const std::byte*>(value.data()), value.byte_count()});
    return built_.graph.add_one(
        row,
        {{"value", bytes}, {"shape", value.shape().to_vector()}, {"data_type", value.data_type()}});
  }

  Tensor placeholder(const TensorData& value) {
    const auto tensor = built_.graph.add_one(
        "placeholder", {{"shape", value.shape().to_vector()}, {"data_type", value.data_type()}});
    built_.placeholders.push_back(tensor);
    built_.feeds.push_back(value);
    return tensor;
  }

  /// The same value, by an operation that the compiler cannot see through: what is added is fed.
  Tensor plus_zero(const Tensor& tensor) {
    const auto type = tensor.data_type();
    if (is_four_bits(type)) return tensor;
    const bool flag = type == DataType::boolean;
    const double zero = is_floating(type) || is_complex(type) ? -0.0 : 0.0;
    const auto added = placeholder(
        from_numbers({type, {}}, is_complex(type) ? std::vector{zero, zero} : std::vector{zero}));
    return built_.graph.add_one(flag ? "logical_or" : "addition",
                                {{"primary_tensor", tensor}, {"secondary_tensor", added}});
  }

  /// What an assign did is seen by the reads after it.
  void add_without_results(std::vector<Argument> arguments) {
    const auto assign = built_.graph.add_operation(one_.op, std::move(arguments));
    built_.results = built_.graph.control_dependency({assign}, [&] {
      std::vector<Tensor> reads;
      for (const auto& variable : variables_)
        reads.push_back(built_.graph.add_one("read", {{"variable", variable}}));
      return reads;
    });
  }

  const Case& one_;
  const std::vector<TensorData>& values_;
  const Device& device_;
  const Variant variant_;
  const OpRow* row_ = nullptr;
  BuiltCase built_;
  std::vector<Tensor> variables_;
  int next_ = 0;
};

}  // namespace

std::vector<TensorData> draw_all(const Case& one, uint64_t seed) {
  std::vector<TensorData> values;
  const auto text = one.to_string();
  for (const auto* operand : one.operands())
    values.push_back(draw(*operand, text, static_cast<int>(values.size()), seed));
  return values;
}

BuiltCase build(const Case& one, const std::vector<TensorData>& values, const Device& device,
                Variant variant) {
  return Builder(one, values, device, variant).build();
}

std::shared_ptr<Executable> compile(BuiltCase& built, const Device& device, bool stitched) {
  ::setenv("MPSG_STITCH", stitched ? "1" : "0", 1);
  std::vector<std::pair<Tensor, TensorType>> feeds;
  for (size_t i = 0; i < built.placeholders.size(); ++i)
    feeds.emplace_back(built.placeholders[i], built.feeds[i].type());
  return built.graph.compile(device, feeds, built.results, {}, built.compilation);
}

std::vector<TensorData> run(const Case& one, const std::vector<TensorData>& values,
                            const Device& device, Variant variant) {
  auto built = build(one, values, device, variant);
  return compile(built, device, variant.stitched)->run(built.feeds);
}

Case with_type(Case one, DataType from, DataType to) {
  for (auto* operand : one.operands())
    if (operand->type.data_type == from) operand->type.data_type = to;
  for (auto& argument : one.arguments)
    if (argument.literal == data_type_name(from)) argument.literal = data_type_name(to);
  return one;
}

}  // namespace mpsg::conformance
