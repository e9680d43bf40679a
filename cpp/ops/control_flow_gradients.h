// Gradients of if_else and for_loop: bodies are rebuilt and differentiated inside new bodies.
#pragma once

#include "graph/contexts.h"

namespace mpsg::ops {

void if_else_gradient(GradientContext& g);
void for_loop_gradient(GradientContext& g);

}  // namespace mpsg::ops
