#include "runtime/files/json_file.h"

#include "runtime/files/limits.h"

namespace mpsg {

nlohmann::json read_json(const ByteSource& source) {
  if (source.size() > file_limits::json_bytes) source.fail("is too long for a text in JSON");
  const auto bytes = source.read(0, source.size());
  return parse_bounded_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                            source.name());
}

}  // namespace mpsg
