#include <algorithm>
#include <map>

#include "compiler/in_place.h"
#include "compiler/passes.h"
#include "mpsg/error.h"

namespace mpsg {

void verify_plan(const Plan& plan) {
  std::vector<bool> written(plan.values.size());
  const auto root_of = [&](int32_t value) {
    while (plan.values[static_cast<size_t>(value)].view_of >= 0)
      value = plan.values[static_cast<size_t>(value)].view_of;
    return value;
  };
  // Who owns each arena byte range at the present step: offset -> (end, value).
  std::map<size_t, std::pair<size_t, int32_t>> live;
  for (size_t step = 0; step < plan.steps.size(); ++step) {
    const auto now = static_cast<int32_t>(step);
    const auto& current = plan.steps[step];
    for (const auto input : current.inputs) {
      const auto& value = plan.values[static_cast<size_t>(root_of(input))];
      const bool given = value.place == Place::feed || value.place == Place::constant ||
                         value.place == Place::variable;
      if (!given && !written[static_cast<size_t>(root_of(input))])
        throw InternalError("step " + current.describe() + " reads '" + value.name +
                            "' before it is written");
    }
    std::erase_if(live, [&](const auto& block) {
      return plan.values[static_cast<size_t>(block.second.second)].last_step < now;
    });
    // An operand that ends here may lie where the result is written, if it is read in time.
    const auto may_overlap = [&](int32_t owner, size_t output) {
      if (plan.values[static_cast<size_t>(owner)].last_step != now) return false;
      for (size_t i = 0; i < current.inputs.size(); ++i)
        if (root_of(current.inputs[i]) == owner && !may_write_over(plan, current, i, output))
          return false;
      return std::ranges::find(current.outputs, owner) == current.outputs.end();
    };
    for (size_t i = 0; i < current.outputs.size(); ++i) {
      const auto output = current.outputs[i];
      const auto& value = plan.values[static_cast<size_t>(output)];
      written[static_cast<size_t>(output)] = true;
      if (value.place != Place::arena || value.bytes == 0 || value.view_of >= 0) continue;
      const auto end = value.offset + value.bytes;
      if (end > plan.arena_bytes)
        throw InternalError("'" + value.name + "' lies outside the arena");
      for (const auto& [offset, block] : live)
        if (offset < end && value.offset < block.first && !may_overlap(block.second, i))
          throw InternalError("'" + value.name + "' overlaps a value that is still needed");
      live[value.offset] = {end, output};
    }
    for (const auto& body : current.bodies)
      if (body) verify_plan(*body);
  }
  for (const auto result : plan.results)
    if (!written[static_cast<size_t>(root_of(result))])
      throw InternalError("a result is never written");
}

}  // namespace mpsg
