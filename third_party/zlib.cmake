# zlib: deflate and CRC-32 of archives (packages, npz). Makes the target ZLIB::ZLIB. The archive is
# preferred: then nothing of the system is needed at run time, and its symbols stay hidden.
#   apt-get install zlib1g-dev      macOS has it
if(NOT APPLE)
  set(ZLIB_USE_STATIC_LIBS ON)
endif()
find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  set(ZLIB_USE_STATIC_LIBS OFF)
  find_package(ZLIB REQUIRED)
endif()
