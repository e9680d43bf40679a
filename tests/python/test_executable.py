"""Executables: results in the caller's memory, what they tell about themselves, profiles."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

import mpsg


def line() -> tuple[mpsg.Graph, mpsg.Tensor, mpsg.Tensor]:
    graph = mpsg.Graph()
    x = graph.placeholder([4], name="x")
    return graph, x, x * 2 + 1


X = np.float32([1, 2, 3, 4])
Y = np.float32([3, 5, 7, 9])


def test_results_are_written_where_the_caller_wants_them() -> None:
    graph, x, y = line()
    executable = graph.compile([x], [y])
    wanted = np.zeros(4, np.float32)
    (returned,) = executable.run([X], results=[wanted])
    assert returned is wanted
    np.testing.assert_array_equal(wanted, Y)
    wanted[:] = 0
    assert graph.run({x: X}, results={y: wanted})[y] is wanted
    np.testing.assert_array_equal(wanted, Y)
    data = mpsg.TensorData(np.zeros(4, np.float32))
    assert graph.run({x: X}, [y], results={y: data})[y] is data
    np.testing.assert_array_equal(data, Y)


def test_some_results_may_be_given() -> None:
    graph, x, y = line()
    z = graph.square(x)
    wanted = np.zeros(4, np.float32)
    results = graph.run({x: X}, [z, y], results={y: wanted})
    np.testing.assert_array_equal(results[z], X * X)
    np.testing.assert_array_equal(wanted, Y)
    first, second = graph.compile([x], [z, y]).run([X], results=[None, wanted])
    np.testing.assert_array_equal(first, X * X)
    assert second is wanted


def test_a_result_may_have_the_memory_of_a_feed() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([4])
    y = x[::-1]
    array = X.copy()
    graph.compile([x], [y]).run([array], results=[array])
    np.testing.assert_array_equal(array, X[::-1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: np.zeros(5, np.float32), "float32 \\(4,\\)"),
        (lambda: np.zeros(4, np.float64), "float64"),
        (lambda: np.zeros(8, np.float32)[::2], "packed"),
        (lambda: [0.0] * 4, "packed"),
        (lambda: np.broadcast_to(np.float32(0), (4,)), "packed"),
    ],
)
def test_unfit_memory_is_refused(make: object, message: str) -> None:
    graph, x, y = line()
    with pytest.raises(mpsg.FeedError, match=message):
        graph.run({x: X}, [y], results={y: make()})  # type: ignore[operator]
    with pytest.raises(mpsg.FeedError, match=message):
        graph.compile([x], [y]).run([X], [make()])  # type: ignore[operator]


def test_read_only_memory_is_refused() -> None:
    graph, x, y = line()
    wanted = np.zeros(4, np.float32)
    wanted.setflags(write=False)
    for memory in (wanted, mpsg.TensorData(wanted)):
        with pytest.raises(mpsg.FeedError, match="read-only"):
            graph.run({x: X}, [y], results={y: memory})


def test_overlapping_memory_is_refused() -> None:
    graph, x, y = line()
    z = graph.square(x)
    block = np.zeros(6, np.float32)
    with pytest.raises(mpsg.FeedError, match="overlap"):
        graph.run({x: X}, [y, z], results={y: block[:4], z: block[2:]})
    with pytest.raises(mpsg.FeedError, match="overlap"):
        graph.run({x: block[:4]}, [y], results={y: block[2:]})
    executable = graph.compile([x], [y, z])
    with pytest.raises(mpsg.FeedError, match="2 results"):
        executable.run([X], [block[:4]])


def test_results_are_not_touched_by_later_runs() -> None:
    graph, x, y = line()
    executable = graph.compile([x], [y])
    kept = [executable.run([X + i])[0] for i in range(20)]
    for i, result in enumerate(kept):
        np.testing.assert_array_equal(result, (X + i) * 2 + 1)


def test_a_result_outlives_the_executable_and_views_keep_it() -> None:
    graph, x, y = line()
    view = graph.compile([x], [y]).run([X])[0].numpy()[1:]
    del graph, x, y
    mpsg.cache.clear()
    for _ in range(50):
        mpsg.TensorData(np.zeros(4, np.float32))
    np.testing.assert_array_equal(view, Y[1:])


def test_large_results_reuse_their_memory() -> None:
    resource = pytest.importorskip("resource")
    graph = mpsg.Graph()
    x = graph.placeholder([1 << 22])
    executable = graph.compile([x], [graph.square(x)])
    array = np.ones(1 << 22, np.float32)
    for _ in range(3):
        executable.run([array])
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(10):
        executable.run([array])
    after = resource.getrusage(resource.RUSAGE_SELF)
    # 16 MiB are 4096 pages, each run.
    assert after.ru_minflt - before.ru_minflt < 100


@pytest.mark.parametrize("bad", [{"feed": 1}, {"feeds": [X], "more": 1}])
def test_arguments_are_checked(bad: dict[str, object]) -> None:
    graph, x, y = line()
    executable = graph.compile([x], [y])
    with pytest.raises(TypeError):
        executable.run(**bad)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        graph.run(**bad)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        executable.run([X], None, None, None)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        executable.run([X], feeds=[X])  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        graph.run({x: X})
    with pytest.raises(TypeError):
        mpsg.Executable.run(3, [X])  # type: ignore[call-overload]


def test_threads_share_an_executable() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([256, 256])
    y = x @ x
    executable = graph.compile([x], [y])
    wrong: list[int] = []

    def work(seed: int) -> None:
        array = np.full((256, 256), float(seed), np.float32)
        for _ in range(20):
            if (executable.run([array])[0].numpy() != 256.0 * seed * seed).any():
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def network() -> tuple[mpsg.Graph, mpsg.Executable, list[np.ndarray]]:
    """The graph comes along: an executable runs while its graph lives."""
    graph = mpsg.Graph()
    x = graph.placeholder([32, 64], name="x")
    w = graph.placeholder([64, 16], name="w")
    hidden = graph.matrix_multiplication(x, w, name="hidden")
    y = graph.softmax(hidden, axis=1, name="y")
    arrays = [np.ones((32, 64), np.float32), np.ones((64, 16), np.float32)]
    return graph, graph.compile([x, w], [y]), arrays


def test_tensors_have_lifetimes() -> None:
    _, executable, _ = network()
    tensors = {tensor.name: tensor for tensor in executable.memory.tensors}
    assert tensors["x"].place == "feed"
    assert tensors["x"].shape == (32, 64)
    assert tensors["x"].bytes == 32 * 64 * 4
    assert tensors["x"].data_type == mpsg.float32
    assert tensors["x"].first_step == -1
    results = [tensor for tensor in executable.memory.tensors if tensor.place == "result"]
    assert [tensor.shape for tensor in results] == [(32, 16)]
    for tensor in executable.memory.tensors:
        if tensor.place == "arena":
            assert tensor.offset + tensor.bytes <= executable.memory.arena_bytes
            assert 0 <= tensor.first_step <= tensor.last_step < len(executable.kernels)
    assert executable.memory.peak_bytes >= sum(
        tensor.bytes for tensor in executable.memory.tensors if tensor.place in {"feed", "result"}
    )


def test_regions_and_edges() -> None:
    _, executable, _ = network()
    regions, tensors = executable.regions, executable.memory.tensors
    assert [region.step for region in regions] == list(range(len(executable.kernels)))
    members = [member for region in regions for member in region.members]
    assert "matrix_multiplication" in {member.operation for member in members}
    assert all("test_executable.py:" in member.source for member in members)
    written: dict[int, int] = {}
    for edge in executable.edges:
        assert edge.source < edge.target
        assert edge.tensor in regions[edge.target].inputs
    for region in regions:
        for tensor in region.outputs:
            written[tensor] = region.step
            assert tensors[tensor].first_step <= region.step
    for region in regions:
        for tensor in region.inputs:
            if tensor in written:
                assert (written[tensor], region.step) in {
                    (edge.source, edge.target) for edge in executable.edges
                }


def test_kernels_know_their_costs() -> None:
    _, executable, _ = network()
    (product,) = [k for k in executable.kernels if "matrix_multiplication" in k.computes]
    assert product.operations >= 2 * 32 * 64 * 16
    assert product.operations < 2.5 * 32 * 64 * 16
    assert product.bytes >= 4 * (32 * 64 + 64 * 16 + 32 * 16)
    assert isinstance(executable.source(0), str)
    assert executable.source(10**6) == ""


def test_kernels_of_bodies() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([4, 4])
    (result,) = graph.for_loop(
        [x], lambda _, values: [graph.tanh(values[0] @ x) * 0.5], number_of_iterations=3
    )
    negative = graph.less_than(graph.reshape(graph.reduction_sum(result), []), 0.0)
    chosen = graph.if_else(negative, lambda: [result * 2.0], lambda: [result])
    executable = graph.compile({x: (4, 4)}, [chosen[0]])
    by_operation = {kernel.operation: kernel for kernel in executable.kernels}
    (body,) = by_operation["for_loop"].bodies
    computed = {name for kernel in body for name in kernel.computes.split(", ")}
    assert {"matrix_multiplication", "tanh", "multiplication"} <= computed
    then, _ = by_operation["if_else"].bodies
    assert [k.computes for k in then] == ["multiplication"]
    assert all(not k.bodies for k in body)
    assert "body 0: " in str(executable.profile([np.ones((4, 4), np.float32)], runs=1))


def test_profile_and_trace(tmp_path: Path) -> None:
    _graph, executable, arrays = network()
    profile = executable.profile(arrays, runs=5)
    assert profile.runs == 5
    assert [k.kernel.name for k in profile.kernels] == [k.name for k in executable.kernels]
    assert profile.microseconds > 0
    assert 0 < sum(k.microseconds for k in profile.kernels) < 3 * profile.microseconds
    (product,) = [k for k in profile.kernels if "matrix_multiplication" in k.kernel.computes]
    rate = product.kernel.operations / (product.microseconds * 1e-6) * 1e-9
    assert product.gigaflops == pytest.approx(rate)
    assert str(len(profile.kernels)) in str(profile)
    path = tmp_path / "trace.json"
    profile.save_trace(path)
    events = json.loads(path.read_text())["traceEvents"]
    assert [event["name"] for event in events] == [k.name for k in executable.kernels]
    ends = [event["ts"] + event["dur"] for event in events]
    assert all(end <= event["ts"] + 1e-6 for end, event in zip(ends, events[1:], strict=False))
    with pytest.raises(mpsg.ExecutionError, match="runs"):
        executable.profile(arrays, runs=0)
    with pytest.raises(mpsg.FeedError):
        executable.profile(arrays[:1])
    with pytest.raises(mpsg.ExecutionError, match="trace"):
        profile.save_trace(tmp_path / "missing" / "trace.json")
