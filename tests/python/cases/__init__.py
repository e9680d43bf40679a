"""What the rows of the op table should give: tables of cases, by family."""

from cases.arithmetic_binary import BINARY_CASES
from cases.arithmetic_unary import UNARY_CASES
from cases.case import Cases
from cases.reductions import REDUCTION_CASES
from cases.shapes import SHAPE_CASES

ALL_CASES: Cases = {**UNARY_CASES, **BINARY_CASES, **REDUCTION_CASES, **SHAPE_CASES}

# Rows without a counterpart that takes arrays and gives arrays: the file that tests them.
TESTED_ELSEWHERE: dict[str, str] = {}
