"""Einsum: products and sums by the letters of axes."""

from __future__ import annotations

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import coordinates, like, reshape, sizes_of
from mpsg.onnx._indexing import sizes
from mpsg.onnx._node import Converter, Node

_SPARE = "αβγδεζηθικλμνξοπ"  # letters for the axes that ... stands for


def letters_of(node: Node, equation: str) -> tuple[list[str], str]:
    """The letters of every operand's axes and of the result's; ... gets letters of its own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    operands = left.split(",")
    if len(operands) != len(node):
        node.fail(f"the equation '{equation}' is not for {len(node)} operands")
    most = 0
    for i, letters in enumerate(operands):
        if "..." in letters:
            most = max(most, node.rank(i) - len(letters) + 3)
    spare = _SPARE[:most]
    named = []
    for i, letters in enumerate(operands):
        own = node.rank(i) - len(letters) + 3
        named.append(letters.replace("...", spare[most - own :] if own else ""))
        if len(named[-1]) != node.rank(i):
            node.fail(f"'{letters}' of the equation does not fit an operand of rank {node.rank(i)}")
    if arrow:
        return named, right.replace("...", spare)
    joined = "".join(operands).replace(".", "")
    once = sorted(letter for letter in set(joined) if joined.count(letter) == 1)
    return named, spare + "".join(once)


def diagonal(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """Axes with the same letter become one: the elements whose indices are equal."""
    graph = x.graph
    for letter in sorted(set(letters)):
        while letters.count(letter) > 1:
            first, second = letters.index(letter), letters.rindex(letter)
            rows = coordinates(graph, first, sizes(x), mpsg.int32)
            columns = coordinates(graph, second, sizes(x), mpsg.int32)
            x = graph.select(graph.equal(rows, columns), x, like(x, 0))
            x = graph.squeeze(graph.reduction_sum(x, second), second)
            letters = letters[:second] + letters[second + 1 :]
    return x, letters


def summed(x: Tensor, letters: str, kept: set[str]) -> tuple[Tensor, str]:
    """Sums over the letters that nothing needs."""
    axes = [i for i, letter in enumerate(letters) if letter not in kept]
    if not axes:
        return x, letters
    found = x.graph.squeeze(x.graph.reduction_sum(x, axes), axes)
    return found, "".join(letter for letter in letters if letter in kept)


def ordered(x: Tensor, letters: str, order: str) -> Tensor:
    """The axes in another order."""
    if letters == order:
        return x
    return x.graph.permute(x, [letters.index(letter) for letter in order])


def product(a: Tensor, left: str, b: Tensor, right: str, kept: set[str]) -> tuple[Tensor, str]:
    """Two operands, summed over what only they need: batches of matrix products."""
    graph = a.graph
    a, left = summed(a, left, kept | set(right))
    b, right = summed(b, right, kept | set(left))
    batch = "".join(letter for letter in left if letter in right and letter in kept)
    inner = "".join(letter for letter in left if letter in right and letter not in kept)
    rows = "".join(letter for letter in left if letter not in right)
    columns = "".join(letter for letter in right if letter not in left)
    size_a = dict(zip(left, sizes_of(a, range(len(left))), strict=True))
    size_b = dict(zip(right, sizes_of(b, range(len(right))), strict=True))
    # A size of 1 in one operand broadcasts: that is no matrix product.
    shared = batch + inner
    if any(isinstance(size_a[x], int) and size_a[x] != size_b[x] for x in shared):
        return broadcast_product(a, left, b, right, kept)
    a, b = ordered(a, left, batch + rows + inner), ordered(b, right, batch + inner + columns)
    batch_sizes = [size_a[letter] for letter in batch]
    a = matrix(a, batch_sizes, [size_a[x] for x in rows], [size_a[x] for x in inner])
    b = matrix(b, batch_sizes, [size_b[x] for x in inner], [size_b[x] for x in columns])
    found = graph.matrix_multiplication(a, b)
    result = [*batch_sizes, *(size_a[x] for x in rows), *(size_b[x] for x in columns)]
    return reshape(found, result), batch + rows + columns


def matrix(
    x: Tensor, batch: list[int | Tensor], rows: list[int | Tensor], columns: list[int | Tensor]
) -> Tensor:
    """Axes joined into rows and columns."""
    if len(rows) == 1 and len(columns) == 1:
        return x
    flat = [one_size(x, rows), one_size(x, columns)]
    return reshape(x, [*batch, *flat])


def one_size(x: Tensor, sizes: list[int | Tensor]) -> int | Tensor:
    """The product of sizes."""
    found: int | Tensor = 1
    for size in sizes:
        if isinstance(found, int) and isinstance(size, int):
            found = found * size
        elif isinstance(found, Tensor):
            found = found * (like(found, size) if isinstance(size, int) else size)
        else:
            assert isinstance(size, Tensor)
            found = size if found == 1 else size * like(size, found)
    return found


def broadcast_product(
    a: Tensor, left: str, b: Tensor, right: str, kept: set[str]
) -> tuple[Tensor, str]:
    """Element by element, then summed."""
    order = left + "".join(letter for letter in right if letter not in left)
    return summed(spread(a, left, order) * spread(b, right, order), order, kept)


def spread(x: Tensor, letters: str, order: str) -> Tensor:
    """The axes in an order that has more of them: those have size 1."""
    inside = "".join(letter for letter in order if letter in letters)
    missing = [i for i, letter in enumerate(order) if letter not in letters]
    return x.graph.expand_dims(ordered(x, letters, inside), missing)


def einsum(node: Node) -> Tensor:
    operands, result = letters_of(node, node.attribute("equation"))
    pairs = [diagonal(x, letters) for x, letters in zip(node.given(), operands, strict=True)]
    x, letters = pairs[0]
    for i, (other, more) in enumerate(pairs[1:], start=2):
        kept = set(result).union(*(set(rest) for _, rest in pairs[i:]))
        x, letters = product(x, letters, other, more, kept)
    x, letters = summed(x, letters, set(result))
    return ordered(x, letters, result)


CONVERTERS: dict[str, Converter] = {"Einsum": einsum}
