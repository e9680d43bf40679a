"""Everything fails once: the n-th allocation, compilation and step of a run, for every n until the
run passes untouched. Whatever failed says so, nothing is lost, and the next run is right.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import numpy as np
import pytest
from support.fault_scenarios import SCENARIOS, Scenario, fault, settled_bytes

import mpsg

POINTS = ["allocation", "kernel_compilation", "step"]
MIB = 1 << 20


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


def loop(
    make: Callable[[int], Scenario], point: str, *, failures: int = 1, warm: bool = False
) -> int:
    """How often the point was passed."""
    for nth in itertools.count(1):
        number = next(NUMBERS)
        scenario = make(number)
        before = scenario.values()
        if warm:
            scenario.run()
            scenario.restore(before)
        with fault(point, nth, failures) as injected:
            outcome = run_or_error(scenario)
        untouched = make(number)
        untouched.values()
        if warm:
            untouched.run()
            untouched.restore(before)
        expected = untouched.run()
        if isinstance(outcome, mpsg.ExecutionError):
            check_message(point, nth, outcome)
            check_variables(scenario, str(outcome), before, untouched.values())
            scenario.restore(before)
            outcome = scenario.run()
        else:
            # An allocation is tried again when what is pooled was given back.
            assert point == "allocation" or not injected.fired
        assert outcome == expected, f"{point} {nth}"
        for name, value in scenario.values().items():
            np.testing.assert_array_equal(value, untouched.values()[name], err_msg=name)
        if not injected.fired:
            return nth - 1
    raise AssertionError


NUMBERS = itertools.count(1)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_each_fault_of_a_first_run(name: str, point: str, report: list[str]) -> None:
    passed = loop(SCENARIOS[name], point)
    assert passed > 0
    report.append(f"faults: {name}, first run: {passed} x {point}")


@pytest.mark.parametrize("name", SCENARIOS)
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


def test_nothing_is_left_behind() -> None:
    """Failed runs keep no memory: three rounds of all faults, the last two of one size."""

    def round_of_faults() -> int:
        for point in ("allocation", "step"):
            for nth in range(1, 60):
                scenario = SCENARIOS["training_step"](0)
                before = scenario.values()
                with fault(point, nth, 2):
                    run_or_error(scenario)
                scenario.restore(before)
        return settled_bytes()

    round_of_faults()
    sizes = [round_of_faults() for _ in range(2)]
    assert sizes[1] - sizes[0] < 4 * MIB
    assert mpsg.cache.stats().pooled_bytes == 0
    assert mpsg.cache.stats().entries == 0
