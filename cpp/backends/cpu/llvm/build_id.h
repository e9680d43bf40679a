// What distinguishes this build of the kernel compiler from any other.
#pragma once

namespace mpsg {

/// mpsg's version and a hash of the sources that decide which code a kernel becomes.
const char* compiler_build_id();

}  // namespace mpsg
