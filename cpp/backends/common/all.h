// The backends of this build. Nothing else names them.
#pragma once

#include <memory>
#include <vector>

#include "mpsg/backend.h"

namespace mpsg {

std::shared_ptr<Backend> make_reference_backend();
std::shared_ptr<Backend> make_cpu_backend();

/// One instance each, the default device first.
const std::vector<std::shared_ptr<Backend>>& all_backends();

}  // namespace mpsg
