# pybind11: a package of the interpreter the module is built for.
set(PYBIND11_FINDPYTHON ON)
find_package(Python 3.11 COMPONENTS Interpreter Development.Module REQUIRED)
execute_process(
  COMMAND ${Python_EXECUTABLE} -m pybind11 --cmakedir
  OUTPUT_VARIABLE MPSG_PYBIND11_DIR
  OUTPUT_STRIP_TRAILING_WHITESPACE
  ERROR_QUIET)
# Set anew each time: pip's build environments come and go.
if(MPSG_PYBIND11_DIR)
  set(pybind11_DIR ${MPSG_PYBIND11_DIR} CACHE PATH "pybind11's CMake folder" FORCE)
endif()
find_package(pybind11 3.0 CONFIG REQUIRED)
