# LLVM 19: the code generator of stitched kernels, linked statically. Sets MPSG_LLVM_FOUND and
# MPSG_LLVM_LIBRARIES, and makes the target mpsg_llvm_headers.
#   apt-get install llvm-19-dev libzstd-dev zlib1g-dev      brew install llvm@19
# Elsewhere: -DLLVM_DIR=<prefix>/lib/cmake/llvm.

set(MPSG_LLVM AUTO CACHE STRING "LLVM: ON, OFF, or AUTO (if it is installed)")
set_property(CACHE MPSG_LLVM PROPERTY STRINGS AUTO ON OFF)
set(MPSG_LLVM_FOUND FALSE)

if(NOT MPSG_LLVM STREQUAL "OFF")
  if(APPLE AND NOT LLVM_DIR)
    execute_process(COMMAND brew --prefix llvm@19
      OUTPUT_VARIABLE MPSG_LLVM_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  # Its package file also looks for what we do not link; C checks need the language.
  enable_language(C)
  find_package(LLVM 19.1 CONFIG QUIET
    HINTS ${MPSG_LLVM_PREFIX} PATHS /usr/lib/llvm-19 /usr/lib64/llvm19 /opt/llvm-19)
  if(LLVM_FOUND)
    llvm_map_components_to_libnames(MPSG_LLVM_LIBRARIES core orcjit native)
    set(MPSG_LLVM_STATIC TRUE)
    foreach(library IN LISTS MPSG_LLVM_LIBRARIES)
      if(NOT TARGET ${library})
        set(MPSG_LLVM_STATIC FALSE)
      endif()
    endforeach()
    if(MPSG_LLVM_STATIC)
      set(MPSG_LLVM_FOUND TRUE)
      add_library(mpsg_llvm_headers INTERFACE)
      target_include_directories(mpsg_llvm_headers SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
      if(NOT LLVM_ENABLE_RTTI)
        target_compile_options(mpsg_llvm_headers INTERFACE -fno-rtti)
      endif()
      message(STATUS "LLVM: ${LLVM_PACKAGE_VERSION}, ${LLVM_DIR}")
    endif()
  endif()
  if(NOT MPSG_LLVM_FOUND)
    set(MPSG_LLVM_ADVICE "no LLVM 19 with static libraries (apt-get install llvm-19-dev libzstd-dev, "
      "brew install llvm@19, or set LLVM_DIR to its CMake folder)")
    if(MPSG_LLVM STREQUAL "ON")
      message(FATAL_ERROR "LLVM: " ${MPSG_LLVM_ADVICE})
    endif()
    message(STATUS "LLVM: off, every operation runs its reference loop; " ${MPSG_LLVM_ADVICE})
  endif()
else()
  message(STATUS "LLVM: off, every operation runs its reference loop")
endif()
