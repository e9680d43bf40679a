// Loops that change the type of packed rows: the rules of the operation `cast`, and those of
// images.
#pragma once

#include "mpsg/data_type.h"
#include "runtime/data/strided_copy.h"

namespace mpsg {

/// As `cast` converts.
RowConversion cast_rows(DataType from, DataType to);

/// Numbers of an image as floating ones: uint8 and uint16 from 0 to 1; others as `cast`.
RowConversion normalize_rows(DataType from, DataType to);
/// The way back: to uint8 and uint16 clamped to [0, 1], scaled, rounded to nearest even, NaN 0.
RowConversion quantize_rows(DataType from, DataType to);

}  // namespace mpsg
