// A text in JSON that is all of a file.
#pragma once

#include "graph/bounded_json.h"
#include "runtime/files/byte_source.h"

namespace mpsg {

/// Throws PackageError if it is not sound.
nlohmann::json read_json(const ByteSource& source);

}  // namespace mpsg
