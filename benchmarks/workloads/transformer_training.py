"""A training step (SGD on the mean square of the output) of the block of transformer_forward."""

from __future__ import annotations

from workloads import _transformer as block

SIZES = [8]
TOLERANCE = 2e-4
FRAMEWORKS = {
    name: (lambda batch, make=make: make(batch, train=True))
    for name, make in block.FRAMEWORKS.items()
}
