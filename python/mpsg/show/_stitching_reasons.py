"""What the compiler's reasons for ending a kernel mean, in whole sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable

ALONE = "It runs alone, in a kernel that is part of mpsg and not generated for this graph."
CONTROL = "It runs the steps of its body, which are in the plan at the end of this page."

# The first pattern found in a reason explains it.
_MEANINGS = (
    ("is a result", "You asked for this tensor, so it is written to memory."),
    ("is assigned", "The value goes into a variable, which lives in memory."),
    (
        "reduces what a product makes",
        "The next operation combines many elements into one, and the tiles of a convolution, "
        "product or pooling are finished one after the other: it must wait for all of them.",
    ),
    (
        "follows two products",
        "The next operation needs the results of two convolutions, products or poolings; a kernel "
        "holds one.",
    ),
    (
        "reduces other axes",
        "Both combine many elements into one, but along different axes, so one would have to wait "
        "for the other to finish.",
    ),
    (
        "reduce[sd] in pieces",
        "There is so little to keep of so much that the threads work on pieces; another kernel "
        "combines these.",
    ),
    (
        "other elements|other dimensions|repeats|differ in size|no dimensions in common",
        "The next operation works over another number or order of elements, so the two do not "
        "share one loop.",
    ),
    (
        "which moves it|moves it$|another order|moved|is reshaped",
        "The next operation reads the elements in another order.",
    ),
    (
        "not stitchable|does not stitch",
        "For this operation, or its data type, no code is generated; it runs a kernel of its own.",
    ),
    (
        "waits for others",
        "The next operation also needs something that is made in between, so it cannot run yet.",
    ),
    (
        r"has (\d+|several) users",
        "Several operations read this tensor, so it is kept in memory for them.",
    ),
    ("limit of", "One kernel may have only so many operands and instructions."),
    ("control dependency", "You asked for this order with a control dependency."),
    ("needed in memory", "What follows reads this tensor from memory."),
    ("nothing follows", "Nothing else reads what it makes."),
)


def meaning_of(reason: str) -> str:
    """A sentence that explains a reason; "" for one that needs no explanation or is not known.

    Example:
        >>> meaning_of("'loss' is a result")
        'You asked for this tensor, so it is written to memory.'
    """
    for pattern, meaning in _MEANINGS:
        if re.search(pattern, _without_names(reason)):
            return meaning
    return ""


def _without_names(reason: str) -> str:
    """Names stand in quotes, and may hold some."""
    return re.sub(r"'.*?'(?=$|[ ,])", "…", reason)


def kinds_of(reasons: Iterable[str]) -> list[tuple[str, int]]:
    """How often each reason occurs, names left out, the most frequent first."""
    counts: dict[str, int] = {}
    for reason in reasons:
        kind = re.sub(r"\d+ users", "several users", _without_names(reason))
        counts[kind] = counts.get(kind, 0) + 1
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
