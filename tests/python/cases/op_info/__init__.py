"""PyTorch's operations in mpsg, by the names of its own list (OpInfo)."""

from __future__ import annotations

from cases.op_info import activations, elementwise, matrices, networks, reductions, shapes
from cases.op_info.mapping import Mappings

MODULES = [elementwise, activations, reductions, shapes, matrices, networks]
MAPPINGS: Mappings = {
    name: mapping for module in MODULES for name, mapping in module.MAPPINGS.items()
}
