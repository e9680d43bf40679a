"""Ctrl-C, fork, and the end of the process, with work in flight. Each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

PRELUDE = """
import os, signal, sys, threading, time
import numpy as np
import mpsg

graph = mpsg.Graph()
x = graph.placeholder([], mpsg.float32, name="x")
y = x + 1.0
# Never ends: the predicate stays true.
[endless] = graph.while_loop(
    [x], lambda v: (v[0] < np.inf, v), lambda v: [graph.tanh(v[0])]
)
weights = graph.variable(np.ones(4, np.float32), name="weights")
update = graph.assign(weights, weights + 1.0)

def later(seconds, number=signal.SIGINT):
    threading.Thread(target=lambda: (time.sleep(seconds), os.kill(os.getpid(), number)),
                     daemon=True).start()
"""


def run(program: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PRELUDE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def expect(program: str, printed: str, timeout: float = 60) -> None:
    done = run(program, timeout)
    assert (done.returncode, done.stdout.strip()) == (0, printed), done.stdout + done.stderr
    assert "Fatal" not in done.stderr and "Traceback" not in done.stderr, done.stderr


# Ctrl-C


def test_interrupts_an_endless_loop() -> None:
    expect(
        """
        later(0.3)
        try:
            graph.run({x: 1.0}, [endless])
        except KeyboardInterrupt:
            print("interrupted", graph.run({x: 1.0}, [y])[y].item())
        """,
        "interrupted 2.0",
    )


def test_interrupts_a_wait_and_the_run_goes_on() -> None:
    expect(
        """
        event = mpsg.SharedEvent()
        descriptor = mpsg.ExecutionDescriptor()
        descriptor.wait_for_event(event, 1)
        results = graph.run_async({x: 1.0}, [y], execution_descriptor=descriptor)
        for wait in (results.wait, results[y].numpy, lambda: event.wait(1)):
            later(0.1)
            try:
                wait()
                print("not interrupted")
            except KeyboardInterrupt:
                pass
        event.signal(1)
        print(results[y].item())
        """,
        "2.0",
    )


def test_interrupts_a_run_that_waits_for_its_turn() -> None:
    expect(
        """
        event = mpsg.SharedEvent()
        queue = mpsg.CommandQueue()
        descriptor = mpsg.ExecutionDescriptor()
        descriptor.wait_for_event(event, 1)
        graph.run_async({x: 1.0}, [y], command_queue=queue, execution_descriptor=descriptor)
        later(0.2)
        try:
            graph.run({x: 1.0}, [y], command_queue=queue)
        except KeyboardInterrupt:
            print("interrupted")
        event.signal(1)
        queue.wait_until_completed()
        print(graph.run({x: 1.0}, [y], command_queue=queue)[y].item())
        """,
        "interrupted\n2.0",
    )


def test_interrupts_a_wait_for_an_endless_run() -> None:
    # At its end the process ends the run, too.
    expect(
        """
        results = graph.run_async({x: 1.0}, [endless])
        later(0.2)
        try:
            results.wait()
        except KeyboardInterrupt:
            print("interrupted", results.done())
        later(0.3)  # the process would wait for the run
        """,
        "interrupted False",
    )


def test_a_variable_that_was_being_written() -> None:
    expect(
        """
        [slow] = graph.for_loop(
            [weights], lambda _, v: [v[0] * 1.0], number_of_iterations=2_000_000_000)
        step = graph.assign(weights, slow)
        later(0.3)
        try:
            graph.run({}, [], [step])
        except KeyboardInterrupt:
            pass
        try:
            print(graph.variable_value(weights).numpy())
        except mpsg.ExecutionError as error:
            print("has no value" in str(error) and "'weights'" in str(error))
            graph.run({}, [], [graph.assign(weights, graph.constant(np.zeros(4, np.float32)))])
            print(graph.variable_value(weights).numpy())
        """,
        "[1. 1. 1. 1.]",
    )


def test_signal_handlers_may_not_run_a_graph_in_a_run() -> None:
    expect(
        """
        def handler(*_):
            try:
                graph.run({x: 1.0}, [y])
            except mpsg.ExecutionError as error:
                print("in the middle of a run" in str(error))
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, handler)
        later(0.2)
        try:
            graph.run({x: 1.0}, [endless])
        except KeyboardInterrupt:
            print("interrupted")
        """,
        "True\ninterrupted",
    )


# The end of the process


def test_ends_with_work_in_flight() -> None:
    expect(
        """
        said = []
        descriptor = mpsg.ExecutionDescriptor(
            completion_handler=lambda results, error: print("completed", results[y].item()))
        for i in range(3):
            graph.run_async({x: float(i)}, [y], execution_descriptor=descriptor)
        """,
        "completed 1.0\ncompleted 2.0\ncompleted 3.0",
    )


def test_ends_with_work_that_waits_for_ever() -> None:
    expect(
        """
        event = mpsg.SharedEvent()
        descriptor = mpsg.ExecutionDescriptor(
            completion_handler=lambda results, error: print("the process ended" in str(error)))
        descriptor.wait_for_event(event, 1)
        for _ in range(3):
            results = graph.run_async({x: 1.0}, [y], execution_descriptor=descriptor)
        encoded = graph.encode(mpsg.CommandQueue().command_buffer(), {x: 1.0}, [y])
        """,
        "True\nTrue\nTrue",
    )


def test_ends_while_other_threads_submit() -> None:
    expect(
        """
        def work():
            while True:
                try:
                    graph.run_async({x: 1.0}, [y]).wait()
                except mpsg.ExecutionError:
                    return

        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
        print("end")
        """,
        "end",
    )


def test_an_interrupt_ends_the_wait_for_a_handler_that_never_returns() -> None:
    done = run(
        """
        blocked = threading.Event()
        graph.run_async({x: 1.0}, [y], execution_descriptor=mpsg.ExecutionDescriptor(
            completion_handler=lambda results, error: (blocked.set(), threading.Event().wait())))
        blocked.wait()
        later(0.3)
        print("end", flush=True)
        """
    )
    assert done.stdout.strip() == "end" and done.returncode in (0, -signal.SIGINT), done.stderr


def test_ends_in_a_handler() -> None:
    done = run(
        """
        def handler(results, error):
            sys.stdout.flush()
            os._exit(7)

        graph.run_async({x: 1.0}, [y], execution_descriptor=mpsg.ExecutionDescriptor(
            completion_handler=handler)).wait()
        time.sleep(30)
        """
    )
    assert done.returncode == 7


def test_results_outlive_everything_at_exit() -> None:
    expect(
        """
        import atexit
        results = graph.run_async({x: 1.0}, [y])
        kept = [graph, results]
        atexit.register(lambda: print(results[y].item(), graph.run({x: 5.0}, [y])[y].item()))
        """,
        "2.0 6.0",
    )


# fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_fork_with_work_in_flight() -> None:
    expect(
        """
        event = mpsg.SharedEvent()
        descriptor = mpsg.ExecutionDescriptor(
            completion_handler=lambda results, error: None)
        descriptor.wait_for_event(event, 1)
        queue = mpsg.CommandQueue()
        results = graph.run_async({x: 1.0}, [y], command_queue=queue,
                                  execution_descriptor=descriptor)
        graph.run_async({x: 1.0}, [y]).wait()
        child = os.fork()
        if child == 0:
            try:
                results.wait()
            except mpsg.ExecutionError as error:
                ok = "when the process forked" in str(error)
            fresh = graph.run_async({x: 2.0}, [y], command_queue=queue)
            ok &= fresh[y].item() == 3 and graph.run({x: 3.0}, [y])[y].item() == 4
            called = threading.Event()
            graph.run_async({x: 1.0}, [y], command_queue=queue,
                execution_descriptor=mpsg.ExecutionDescriptor(
                    completion_handler=lambda results, error: called.set()))
            ok &= called.wait(20)
            os._exit(0 if ok else 1)
        status = os.waitpid(child, 0)[1]
        event.signal(1)
        print(status, results[y].item())
        """,
        "0 2.0",
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_forks_while_threads_run_and_wait() -> None:
    expect(
        """
        stop = False

        def work():
            while not stop:
                graph.run_async({x: 1.0}, [y], [update]).wait()
                graph.run({x: 1.0}, [y])

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        failed = 0
        for _ in range(15):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                ok = graph.run_async({x: 2.0}, [y])[y].item() == 3
                ok &= graph.run({x: 2.0}, [y])[y].item() == 3
                os._exit(0 if ok else 1)
            failed += os.waitpid(child, 0)[1] != 0
        stop = True
        for worker in workers:
            worker.join()
        print(failed)
        """,
        "0",
        timeout=120,
    )


def test_sigterm_ends_the_process() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + "print('up', flush=True); graph.run({x: 1.0}, [endless])"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout and process.stdout.readline() == b"up\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -signal.SIGTERM
