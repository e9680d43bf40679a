#include "backends/cpu/llvm/build_id.h"

#include "mpsg_compiler_hash.h"  // written by the build

namespace mpsg {

const char* compiler_build_id() { return "mpsg " MPSG_VERSION " " MPSG_COMPILER_HASH; }

}  // namespace mpsg
