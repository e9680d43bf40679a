// The normal distribution function and its inverse.
#pragma once

namespace mpsg {

double normal_cdf(double x);
/// Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (1988), PPND16:
/// relative error about 1e-16. `p` in (0, 1).
double inverse_normal_cdf(double p);

}  // namespace mpsg
