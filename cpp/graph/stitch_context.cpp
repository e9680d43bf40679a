#include "graph/stitch_context.h"

#include "mpsg/error.h"

namespace mpsg {

StitchIndex StitchIndex::shifted(int64_t by) const {
  auto index = *this;
  index.offset += by;
  return index;
}

StitchIndex StitchIndex::scaled(int64_t by) const {
  if (dynamic) throw InternalError("a stitch rule scales an index computed at run time");
  auto index = *this;
  index.offset *= by;
  for (auto& term : index.terms) term.scale *= by;
  return index;
}

Element StitchContext::inside(const StitchIndex& index, int64_t begin, int64_t end) {
  const auto at = value_of(index).element();
  const auto from = builder_.literal_integer(begin, DataType::int64);
  const auto to = builder_.literal_integer(end, DataType::int64);
  return builder_.apply(ElementOp::bit_and, builder_.apply(ElementOp::greater_equal, at, from),
                        builder_.apply(ElementOp::less, at, to));
}

}  // namespace mpsg
