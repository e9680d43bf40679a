# doctest (header only): the C++ tests' framework.
find_package(doctest 2.4 CONFIG QUIET)
if(NOT doctest_FOUND)
  message(FATAL_ERROR "The C++ tests need doctest: apt-get install doctest-dev, "
    "brew install doctest, or -DMPSG_TESTS=OFF")
endif()
