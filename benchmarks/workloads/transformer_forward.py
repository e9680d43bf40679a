"""One transformer block, forward: width 256, 4 heads, sequence 128, batch 8."""

from __future__ import annotations

from workloads import _transformer as block

SIZES = [8]
TOLERANCE = 1e-4
FRAMEWORKS = {
    name: (lambda batch, make=make: make(batch, train=False))
    for name, make in block.FRAMEWORKS.items()
}
