// The C++ test program: doctest's main. Each other file here tests one part.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
