// JSON of a file that may be anything: bounded depth, no key twice, errors as PackageError.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace mpsg {

/// `name`: what messages call it. Throws PackageError.
nlohmann::json parse_bounded_json(std::string_view text, const std::string& name);

}  // namespace mpsg
