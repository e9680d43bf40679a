// The state of a random stream as a tensor.
#pragma once

#include "graph/contexts.h"
#include "ops/philox.h"

namespace mpsg::ops {

constexpr int random_state_words = 7;  // counter (4), key (2), one unused: Apple's layout

void write_random_state(const PhiloxState& state, const TensorView& out);

}  // namespace mpsg::ops
