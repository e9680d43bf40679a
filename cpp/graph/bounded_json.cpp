#include "graph/bounded_json.h"

#include <set>
#include <vector>

#include "mpsg/error.h"

namespace mpsg {

using nlohmann::json;

json parse_bounded_json(std::string_view text, const std::string& name) {
  constexpr int most_depth = 64;
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > most_depth)
      throw PackageError(name + ": nested more than " + std::to_string(most_depth) + " deep");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key &&
        !keys.back().insert(parsed.get_ref<const std::string&>()).second)
      throw PackageError(name + ": the key " + parsed.dump() + " is there twice");
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception& error) {
    throw PackageError(name + ": not sound JSON: " + error.what());
  }
}

}  // namespace mpsg
