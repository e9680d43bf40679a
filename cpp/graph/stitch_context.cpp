#include "graph/stitch_context.h"

#include "mpsg/error.h"

namespace mpsg {

StitchIndex StitchIndex::shifted(const StitchSize& by) const {
  auto index = *this;
  index.offset = index.offset + by;
  return index;
}

StitchIndex StitchIndex::scaled(int64_t by) const {
  if (dynamic) throw InternalError("a stitch rule scales an index computed at run time");
  auto index = *this;
  index.offset = index.offset * by;
  for (auto& term : index.terms) term.scale *= by;
  return index;
}

Element StitchContext::inside(const StitchIndex& index, const StitchSize& begin,
                              const StitchSize& end) {
  const auto at = value_of(index).element();
  const auto from = value_of(begin).element();
  const auto to = value_of(end).element();
  return builder_.apply(ElementOp::bit_and, builder_.apply(ElementOp::greater_equal, at, from),
                        builder_.apply(ElementOp::less, at, to));
}

}  // namespace mpsg
