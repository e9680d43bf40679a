#include "mpsg/error.h"

namespace mpsg {

InternalError::InternalError(const std::string& what)
    : Error(what + " (a defect of mpsg: please report it with the graph that shows it)") {}

}  // namespace mpsg
