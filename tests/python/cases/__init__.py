"""What the rows of the op table should give: tables of cases, by family."""

from cases.arithmetic_binary import BINARY_CASES
from cases.arithmetic_unary import UNARY_CASES
from cases.case import Cases
from cases.composites import COMPOSITE_CASES
from cases.counted import COUNTED_CASES
from cases.depthwise import DEPTHWISE_CASES
from cases.fourier import FOURIER_CASES
from cases.indices import INDEX_CASES
from cases.lines import LINE_CASES
from cases.matrices import MATRIX_CASES
from cases.packed import PACKED_CASES
from cases.pools import POOL_CASES
from cases.recurrent import RECURRENT_CASES
from cases.reductions import REDUCTION_CASES
from cases.resizes import RESIZE_CASES
from cases.samples import SAMPLE_CASES
from cases.shapes import SHAPE_CASES
from cases.slices import SLICE_CASES
from cases.sources import SOURCE_CASES
from cases.volumes import VOLUME_CASES
from cases.windows import WINDOW_CASES

FAMILIES = [
    *(UNARY_CASES, BINARY_CASES, REDUCTION_CASES, SHAPE_CASES, SLICE_CASES),
    *(WINDOW_CASES, COMPOSITE_CASES, SOURCE_CASES, INDEX_CASES),
    *(DEPTHWISE_CASES, RECURRENT_CASES, FOURIER_CASES, VOLUME_CASES),
    *(POOL_CASES, PACKED_CASES),
    *(LINE_CASES, MATRIX_CASES, RESIZE_CASES, SAMPLE_CASES, COUNTED_CASES),
]
ALL_CASES: Cases = {row: cases for family in FAMILIES for row, cases in family.items()}
assert len(ALL_CASES) == sum(len(family) for family in FAMILIES), "a row is in two tables"

# Rows whose meaning is not one array from others: the file that tests them.
TESTED_ELSEWHERE: dict[str, str] = {
    "variable": "test_control_flow.py",
    "variable_from_tensor": "test_control_flow.py",
    "read": "test_control_flow.py",
    "assign": "test_control_flow.py",
    "apply_stochastic_gradient_descent": "test_control_flow.py",
    "if_else": "test_control_flow.py",
    "for_loop": "test_control_flow.py",
    "while_loop": "test_control_flow.py",
    "random_philox_state": "test_random_ops.py",
    "random": "test_random_ops.py",
    "random_uniform": "test_random_ops.py",
    "dropout": "test_random_ops.py",
    "call": "test_call.py",
}
