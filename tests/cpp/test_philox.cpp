// Known answers of Random123 (kat_vectors, philox4x32 with 10 rounds).
#include "fixtures.h"
#include "ops/normal_distribution.h"
#include "ops/philox.h"

using namespace mpsg;

TEST_CASE("Philox4x32-10 gives Random123's known answers") {
  struct Known {
    PhiloxState state;
    std::array<uint32_t, 4> words;
  };
  const Known known[] = {
      {{{0, 0, 0, 0}, {0, 0}}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const auto& [state, words] : known) CHECK(philox(state) == words);
}

TEST_CASE("the counter carries") {
  PhiloxState state{{0xffffffff, 0xffffffff, 0, 0}, {}};
  state.advance(1);
  CHECK(state.counter == std::array<uint32_t, 4>{0, 0, 1, 0});
}

TEST_CASE("the inverse normal distribution inverts the distribution") {
  for (const double p : {1e-300, 1e-12, 0.01, 0.3, 0.5, 0.77, 0.999, 1 - 1e-12})
    CHECK(normal_cdf(inverse_normal_cdf(p)) == doctest::Approx(p).epsilon(1e-11));
}
