"""Everything fails once: the n-th allocation, compilation and step of a run, for every n until the
run passes untouched. Whatever failed says so, nothing is lost, and the next run is right.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mpsg
from support.fault_scenarios import SCENARIOS, Scenario, fault, settled_bytes

POINTS = ["allocation", "kernel_compilation", "step"]
MIB = 1 << 20
PATIENCE = 120.0  # seconds for a run that takes milliseconds


def named(message: str, after: str) -> set[str]:
    """The names listed after these words."""
    found = re.search(re.escape(after) + r": ((?:'[^']+'(?:, )?)+)", message)
    return set(re.findall(r"'([^']+)'", found[1])) if found else set()


def run_or_error(scenario: Scenario) -> list[bytes] | mpsg.ExecutionError:
    try:
        return scenario.run()
    except mpsg.ExecutionError as error:
        return error


def check_variables(
    scenario: Scenario, message: str, before: dict[str, np.ndarray], after: dict[str, np.ndarray]
) -> None:
    """Each is as before, or said to be updated, or said to be lost and then not to be read."""
    updated = named(message, "the run had updated")
    lost = named(message, "without a value until assigned or loaded")
    assert not updated & lost
    assert updated | lost <= set(before)
    for variable in scenario.variables:
        name = variable.name
        if name in lost:
            with pytest.raises(mpsg.ExecutionError, match="Assign it, or load it"):
                scenario.graph.variable_value(variable)
        else:
            expected = (after if name in updated else before)[name]
            value = scenario.graph.variable_value(variable).numpy()
            np.testing.assert_array_equal(value, expected, err_msg=f"{name}: {message}")


def check_message(point: str, nth: int, error: mpsg.ExecutionError) -> None:
    assert isinstance(error, mpsg.Error)
    assert f"injected fault: {point} " in str(error)
    if point == "step":
        assert f"step {nth}" in str(error)
        assert re.match(r"'\w[^']*' \(.*built at .*fault_scenarios\.py:\d+\)", str(error)), error


NUMBERS = itertools.count(1)  # of scenarios: kernels of a new one are not there yet


def untouched(
    make: Callable[[int], Scenario], number: int, warm: bool
) -> tuple[list[bytes], dict[str, np.ndarray]]:
    """Results and variables where nothing fails."""
    scenario = make(number)
    if warm:
        before = scenario.values()
        scenario.run()
        scenario.restore(before)
    return scenario.run(), scenario.values()


def loop(
    make: Callable[[int], Scenario], point: str, *, failures: int = 1, warm: bool = False
) -> int:
    """How often the point was passed."""
    number = next(NUMBERS)
    right = untouched(make, number, warm) if point != "kernel_compilation" else None
    for nth in itertools.count(1):
        scenario = make(number)
        before = scenario.values()
        if warm:
            scenario.run()
            scenario.restore(before)
        with fault(point, nth, failures) as injected:
            outcome = run_or_error(scenario)
        results, after = right or untouched(make, number, warm)
        if isinstance(outcome, mpsg.ExecutionError):
            check_message(point, nth, outcome)
            check_variables(scenario, str(outcome), before, after)
            scenario.restore(before)
            outcome = scenario.run()
        else:
            # An allocation is tried again when what is pooled was given back.
            assert point == "allocation" or not injected.fired
        assert outcome == results, f"{point} {nth}"
        for name, value in scenario.values().items():
            np.testing.assert_array_equal(value, after[name], err_msg=name)
        if not injected.fired:
            return nth - 1
        if point == "kernel_compilation":
            number = next(NUMBERS)
    raise AssertionError


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_each_fault_of_a_first_run(name: str, point: str, report: list[str]) -> None:
    passed = loop(SCENARIOS[name], point)
    assert passed > 0
    report.append(f"faults: {name}, first run: {passed} x {point}")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.soak) if name == "training_step" else name
        for name in SCENARIOS
    ],
)
def test_no_memory_even_when_tried_again(name: str, report: list[str]) -> None:
    passed = loop(SCENARIOS[name], "allocation", failures=2)
    report.append(f"faults: {name}, first run: {passed} x allocation, twice in a row")


@pytest.mark.parametrize("point", ["allocation", "step"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_each_fault_of_a_warm_run(name: str, point: str, report: list[str]) -> None:
    passed = loop(SCENARIOS[name], point, failures=2 if point == "allocation" else 1, warm=True)
    report.append(f"faults: {name}, warm run: {passed} x {point}")


def test_a_first_value_that_finds_no_memory_is_there_later() -> None:
    scenario = SCENARIOS["training_step"](next(NUMBERS))
    with fault("allocation", 1, 2), pytest.raises(mpsg.ExecutionError, match="injected"):
        scenario.graph.variable_value(scenario.variables[1])
    untouched = SCENARIOS["training_step"](next(NUMBERS))
    for name, value in scenario.values().items():
        np.testing.assert_array_equal(value, untouched.values()[name], err_msg=name)


def test_other_variables_are_read_while_one_is_lost() -> None:
    scenario = SCENARIOS["training_step"](next(NUMBERS))
    before = scenario.values()
    for nth in itertools.count(1):
        with fault("step", nth):
            outcome = run_or_error(scenario)
        assert isinstance(outcome, mpsg.ExecutionError), "no step writes two variables"
        lost = named(str(outcome), "without a value until assigned or loaded")
        if lost:
            break
        scenario.restore(before)
    with pytest.raises(mpsg.ExecutionError, match="has no value"):
        scenario.run()
    graph = scenario.graph
    for variable in scenario.variables:
        if variable.name not in lost:
            doubled = variable + variable
            graph.run({}, [doubled])
    scenario.restore({**before})
    assert set(scenario.values()) == set(before)


def outcome_of(results: Any, targets: list[mpsg.Tensor]) -> list[bytes] | mpsg.ExecutionError:
    try:
        assert results.wait(timeout=PATIENCE), "a run that never ends"
        return [results[target].numpy().tobytes() for target in targets]
    except mpsg.ExecutionError as error:
        with pytest.raises(mpsg.ExecutionError, match=re.escape(str(error))):
            results[targets[0]].numpy()
        return error


def test_each_fault_of_asynchronous_runs(report: list[str]) -> None:
    """Three runs in a row, on one queue. One fails; those after it run from what it left."""
    number = next(NUMBERS)
    make = SCENARIOS["training_step"]
    calm = make(number)
    before = calm.values()
    right = [calm.run() for _ in range(3)]
    for nth in itertools.count(1):
        scenario = make(number)
        scenario.run()
        scenario.restore(before)
        queue = mpsg.CommandQueue()
        call = (scenario.feeds, scenario.targets, scenario.operations)
        with fault("step", nth) as injected:
            runs = [scenario.graph.run_async(*call, command_queue=queue) for _ in right]
            outcomes = [outcome_of(run, scenario.targets) for run in runs]
        errors = [error for error in outcomes if isinstance(error, mpsg.ExecutionError)]
        if not injected.fired:
            assert outcomes == right
            break
        check_message_of_a_queue(nth, errors)
        if "Variables that the run had" not in str(errors[0]) and len(errors) == 1:
            assert [run for run in outcomes if run not in errors] == right[:2]
        queue.wait_until_completed()
        scenario.restore(before)
        again = scenario.graph.run_async(*call, command_queue=queue)
        assert outcome_of(again, scenario.targets) == right[0]
    report.append(f"faults: training_step, three runs on a queue: {nth - 1} x step")


def check_message_of_a_queue(nth: int, errors: list[mpsg.ExecutionError]) -> None:
    assert f"injected fault: step {nth}" in str(errors[0])
    for error in errors[1:]:
        assert "has no value" in str(error)
        assert "injected fault" in str(error)


def test_each_allocation_of_asynchronous_runs_fails(report: list[str]) -> None:
    """Where the caller gets the error there is no run; where the run fails its results say so."""
    number = next(NUMBERS)
    make = SCENARIOS["constants"]
    right = make(number).run()
    for nth in itertools.count(1):
        scenario = make(number)
        queue = mpsg.CommandQueue()
        call = (scenario.feeds, scenario.targets)
        outcome: list[bytes] | mpsg.ExecutionError
        with fault("allocation", nth, 2) as injected:
            try:
                results = scenario.graph.run_async(*call, command_queue=queue)
            except mpsg.ExecutionError as error:
                outcome = error
            else:
                outcome = outcome_of(results, scenario.targets)
        if not isinstance(outcome, mpsg.ExecutionError):
            assert outcome == right
        again = scenario.graph.run_async(*call, command_queue=queue)
        assert outcome_of(again, scenario.targets) == right
        if not injected.fired:
            break
    report.append(f"faults: constants, run on a queue: {nth - 1} x allocation, twice in a row")


def test_nothing_is_left_behind() -> None:
    """Failed runs keep no memory: after the first round of faults another adds none."""

    def round_of_faults() -> None:
        for point, places in {"allocation": range(1, 120, 7), "step": range(1, 28, 2)}.items():
            for nth in places:
                scenario = SCENARIOS["training_step"](0)
                before = scenario.values()
                with fault(point, nth, 2):
                    run_or_error(scenario)
                scenario.restore(before)

    sizes = []
    for _ in range(3):
        round_of_faults()
        sizes.append(settled_bytes())
    assert sizes[2] - sizes[1] < 4 * MIB
    assert mpsg.cache.stats().pooled_bytes == 0
    assert mpsg.cache.stats().entries == 0
