#include "backends/common/all.h"

namespace mpsg {

const std::vector<std::shared_ptr<Backend>>& all_backends() {
  static const std::vector<std::shared_ptr<Backend>> all = {make_cpu_backend(),
                                                            make_reference_backend()};
  return all;
}

}  // namespace mpsg
