#include "compiler/plan.h"

namespace mpsg {

std::string PlanStep::describe() const {
  std::string text = "'" + name + "' (" + row->name;
  if (source) text += ", built at " + source->format();
  return text + ")";
}

std::vector<TensorType> Plan::types_of(const std::vector<int32_t>& ids) const {
  std::vector<TensorType> types;
  for (const auto id : ids) types.push_back(values[static_cast<size_t>(id)].type);
  return types;
}

std::string Plan::to_text() const {
  static constexpr const char* places[] = {"feed", "result", "constant", "variable", "arena"};
  std::string text;
  const auto value_text = [&](int32_t id) {
    const auto& value = values[static_cast<size_t>(id)];
    std::string result = "%" + std::to_string(id) + ":" + value.type.to_string() + "@" +
                         places[static_cast<int>(value.place)];
    if (value.place == Place::arena) return result + "+" + std::to_string(value.offset);
    return result + std::to_string(value.index);
  };
  for (const auto& step : steps) {
    for (const auto output : step.outputs) text += value_text(output) + " ";
    text += "= " + step.row->name + "(";
    for (const auto input : step.inputs) text += value_text(input) + " ";
    if (text.back() == ' ') text.pop_back();
    text += ")  " + step.name + "\n";
    if (step.stitched) text += mpsg::to_text(*step.stitched);
    for (const auto& body : step.bodies)
      if (body) text += "{\n" + body->to_text() + "}\n";
  }
  return text + "arena: " + std::to_string(arena_bytes) + " bytes\n";
}

}  // namespace mpsg
