"""Graphs drawn from the op table: the same result on every device, from every declaration of the
placeholders, and after the way through JSON; gradients wherever the table promises them.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import mpsg
from support.compare import assert_same_bits
from support.graph_generator import DRAWN, NOT_DRAWN, Recipe, is_exact, recipes
from support.random_graphs import check_close, ordinary, rows_of_results
from support.running import DECLARED, DEVICES, check_type
from support.table import ROWS


def test_every_row_is_drawn_or_says_why() -> None:
    assert not set(DRAWN) & set(NOT_DRAWN)
    assert set(DRAWN) | set(NOT_DRAWN) == set(ROWS)


def run(recipe: Recipe, declared: str, device: str) -> list[np.ndarray]:
    graph, placeholders, targets = recipe.build(declared)
    feeds = dict(zip(placeholders, recipe.feeds, strict=True))
    results = graph.run(feeds, targets, device=device)
    found = [results[target].numpy() for target in targets]
    for target, array in zip(targets, found, strict=True):
        check_type(target, array)
    return found


def check_devices(recipe: Recipe) -> None:
    rows = rows_of_results(recipe)
    reference = run(recipe, "static", "reference")
    cpu = run(recipe, "static", "cpu")
    for row, got, wanted in zip(rows, cpu, reference, strict=True):
        exact = is_exact(row, wanted.dtype.name) and is_exact(row, "float32")
        compare = assert_same_bits if exact else check_close
        compare(got, wanted, f"{row} on the cpu")
    for declared in list(DECLARED)[1:]:
        for row, got, wanted in zip(
            rows, run(recipe, declared, "reference"), reference, strict=True
        ):
            assert_same_bits(got, wanted, f"{row}, {declared}")


def check_json(recipe: Recipe) -> None:
    graph, placeholders, targets = recipe.build("sizes unknown")
    text = graph.to_json()
    again = mpsg.Graph.from_json(text)
    again.verify()
    assert again.to_json() == text
    numbers = {operation: at for at, operation in enumerate(graph.operations)}
    operations = again.operations
    assert len(operations) == len(numbers)

    def twin(tensor: mpsg.Tensor) -> mpsg.Tensor:
        at = tensor.operation.output_tensors.index(tensor)
        return operations[numbers[tensor.operation]].output_tensors[at]

    feeds = dict(zip(placeholders, recipe.feeds, strict=True))
    wanted = graph.run(feeds, targets)
    found = again.run({twin(p): feed for p, feed in feeds.items()}, [twin(t) for t in targets])
    for target in targets:
        assert_same_bits(found[twin(target)].numpy(), wanted[target].numpy(), str(target))


def check_gradients(recipe: Recipe, declared: str = "static") -> None:
    graph, placeholders, targets = recipe.build(declared)
    feeds = dict(zip(placeholders, recipe.feeds, strict=True))
    floating = {"float16", "bfloat16", "float32", "float64", "complex64"}
    sources = [p for p in placeholders if p.data_type.name in floating]
    gradients: list[tuple[mpsg.Tensor, mpsg.Tensor]] = []
    for target in targets:
        if target.data_type.name in floating and sources:
            found = graph.gradients(target, sources, unconnected="zero")
            gradients += found.items()
    graph.verify()
    wanted = [gradient for _, gradient in gradients]
    runs = [graph.run(feeds, wanted, device=device) for device in DEVICES]
    for source, gradient in gradients:
        for results in runs:
            array = results[gradient].numpy()
            assert array.dtype == source.data_type.numpy()
            assert array.shape == np.shape(feeds[source])


@ordinary(600)
@given(recipes(exact_only=True))
def test_exact_rows(recipe: Recipe) -> None:
    check_devices(recipe)


@ordinary(1000)
@given(recipes())
def test_all_rows(recipe: Recipe) -> None:
    check_devices(recipe)


@ordinary(300)
@given(recipes())
def test_json(recipe: Recipe) -> None:
    check_json(recipe)


@ordinary(500)
@given(recipes(most_steps=6))
def test_gradients(recipe: Recipe) -> None:
    check_gradients(recipe)


@pytest.mark.soak
@ordinary(20000)
@given(recipes(most_steps=40))
def test_soak_devices(recipe: Recipe) -> None:
    check_devices(recipe)


@pytest.mark.soak
@ordinary(5000)
@given(recipes(most_steps=40))
def test_soak_json(recipe: Recipe) -> None:
    check_json(recipe)


@pytest.mark.soak
@ordinary(10000)
@given(recipes(most_steps=15))
def test_soak_gradients(recipe: Recipe) -> None:
    check_gradients(recipe)
    check_gradients(recipe, "sizes unknown")
