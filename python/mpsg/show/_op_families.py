"""The colour of an operation: what kind of work it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Operations that share a colour.

    Attributes:
        title: What the legend says.
        fill: Colour of the box.
        edge: Colour of its frame, and of bars.
    """

    title: str
    fill: str
    edge: str


_INPUT = Family("input", "#e3e7eb", "#66727f")
_VARIABLE = Family("variable", "#fdebc8", "#c77d0a")
_LINEAR = Family("matrix and convolution", "#d3e4f5", "#2166ac")
_ELEMENTWISE = Family("elementwise", "#dcefdc", "#3c8c40")
_REDUCTION = Family("reduction and norm", "#e6def3", "#6a4fa3")
_MOVEMENT = Family("shape and movement", "#d6efee", "#23807a")
_POOLING = Family("pooling and resize", "#dadff7", "#3f51b5")
_RANDOM = Family("random", "#f6dceb", "#ad3a7c")
_CONTROL = Family("control flow", "#f8dcd6", "#b5432a")

FAMILIES = (
    _INPUT,
    _VARIABLE,
    _LINEAR,
    _POOLING,
    _ELEMENTWISE,
    _REDUCTION,
    _MOVEMENT,
    _RANDOM,
    _CONTROL,
)

# The first family with a word that the name of an operation contains. Words and not whole names,
# so that gradients and later operations find their place.
_WORDS: tuple[tuple[Family, str], ...] = (
    (_VARIABLE, "variable assign gradient_descent adam optimizer"),
    (_RANDOM, "random dropout philox"),
    (_CONTROL, "if_else while for_loop control_dependency"),
    (_POOLING, "pooling resize sample_grid non_maximum_suppression stencil"),
    (_LINEAR, "convolution matrix attention lstm gru gate_rnn inverse fourier _fft hamming"),
    (_REDUCTION, "reduction softmax normalization variance cumulative entropy"),
    (_REDUCTION, "top_k bottom_k arg_sort"),
    (_MOVEMENT, "reshape permute transpose slice concat broadcast gather scatter expand_dims"),
    (_MOVEMENT, "squeeze flatten depth_to_ _to_depth batch_to_ _to_batch shape_of one_hot"),
    (_MOVEMENT, "band_part im_to_col col_to_im reinterpret_cast coordinate non_zero sparse"),
)
_EXACT = {
    "placeholder": _INPUT,
    "constant": _INPUT,
    "complex_constant": _INPUT,
    "read": _VARIABLE,
    "call": _CONTROL,
    "mean": _REDUCTION,
    "sort": _REDUCTION,
    "pad": _MOVEMENT,
    "pad_gradient": _MOVEMENT,
    "tile": _MOVEMENT,
    "tile_gradient": _MOVEMENT,
    "split": _MOVEMENT,
    "stack": _MOVEMENT,
    "reverse": _MOVEMENT,
}


def family_of(op: str) -> Family:
    """The family of an operation, by its name in Python; elementwise where no word tells.

    Example:
        >>> family_of("convolution_2d_weights_gradient").title
        'matrix and convolution'
    """
    name = op.lower()
    if name in _EXACT:
        return _EXACT[name]
    for family, words in _WORDS:
        if any(word in name for word in words.split()):
            return family
    return _ELEMENTWISE
