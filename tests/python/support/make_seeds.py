"""Writes the fuzzer's first seeds and the samples of the present version's packages:
`python -m support.make_seeds`, in tests/python. What the fuzzer found is added by hand.
"""

from __future__ import annotations

from pathlib import Path
from types import CodeType, FunctionType

import numpy as np
from test_tensor_files import UNSOUND_NPZ, UNSOUND_SAFETENSORS, npy, npz

import mpsg
from support.numbers import ALL, random_generator, values
from support.packages import Network

SEEDS = Path(__file__).parents[2] / "fuzz" / "seeds"
SAMPLES = Path(__file__).parents[2] / "data" / "packages"
VERSION = 1


def sample() -> tuple[mpsg.Executable, dict[str, np.ndarray]]:
    """Variables and constants of several types, a callable, a loop, random numbers, updates."""
    inner = mpsg.Graph()
    z = inner.placeholder([-1, 4], mpsg.float32, name="z")
    weights = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)
    called = inner.compile({z: (3, 4)}, [inner.tanh(z @ inner.constant(weights, name="weights"))])
    graph = mpsg.Graph()
    graph.seed = 5
    x = graph.placeholder([-1, 4], mpsg.float32, name="x")
    (hidden,) = graph.call([x], "layer", [([-1, 4], mpsg.float32)])
    state = graph.variable(np.arange(12, dtype=np.float32).reshape(3, 4) / 8, name="state")
    half = graph.variable(np.full((2, 2), 0.5, np.float16), name="half")
    short = graph.constant(
        np.resize([-8, -1, 0, 7], (4, 30)).astype(mpsg.int4.numpy()), name="short"
    )
    scale = graph.reduction_sum(graph.cast(short, mpsg.float32), [0, 1])

    def body(index: mpsg.Tensor, arguments: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        return [arguments[0] * 0.5 + state]

    (looped,) = graph.for_loop(
        initial_body_arguments=[hidden], body=body, number_of_iterations=graph.constant(3)
    )
    noise = graph.random_uniform([3, 4])
    result = graph.softmax(looped + noise * 0.125, 1)
    update = graph.assign(state, state + result)
    targets = [result, graph.top_k(looped, k=2)[1], graph.squeeze(scale), graph.read(half)]
    executable = graph.compile({x: (3, 4)}, targets, [update], callables={"layer": called})
    feed = values("float32", (3, 4), random_generator("sample"))
    return executable, {"feed x": feed}


def small() -> mpsg.Executable:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 2], mpsg.float32, name="x")
    v = graph.variable(np.ones((2, 2), np.float32), name="v")
    c = graph.constant(np.arange(32, dtype=np.float32).reshape(2, 16))
    y = graph.if_else(
        graph.constant(True), lambda: [graph.relu(x @ v @ c)], lambda: [graph.tanh(x @ c)]
    )
    return graph.compile({x: (1, 2)}, [graph.softmax(y[0], 1), graph.reshape(y[0], [4, 4])])


def write_samples() -> None:
    folder = SAMPLES / f"v{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    executable, results = sample()
    executable.serialize(folder / "folder")
    executable.serialize(folder / "single.mpsgpackage")
    for run in range(2):
        for index, result in enumerate(executable.run([results["feed x"]])):
            results[f"run {run} result {index}"] = result.numpy()
    mpsg.save_tensors(folder / "results.npz", results)


def write_seeds() -> None:
    for kind in ("package", "safetensors", "npz"):
        (SEEDS / kind).mkdir(parents=True, exist_ok=True)
    small().serialize(SEEDS / "package" / "small", single_file=True)
    sample()[0].serialize(SEEDS / "package" / "sample", single_file=True)
    Network().executable().serialize(SEEDS / "package" / "network", single_file=True)
    whole = (SEEDS / "package" / "small").read_bytes()
    (SEEDS / "package" / "truncated").write_bytes(whole[:-30])
    (SEEDS / "package" / "operation").write_bytes(whole.replace(b'"relu"', b'"rela"'))
    (SEEDS / "package" / "compressed").write_bytes(npz(b"{}", "manifest.json", compression=8))
    for name in ALL:
        tensors = {"a": values(name, (2, 3), random_generator(name)), "b": np.zeros((0, 2))}
        mpsg.save_tensors(SEEDS / "safetensors" / f"{name}.safetensors", tensors)
        if name not in ("int4", "uint4"):
            mpsg.save_tensors(SEEDS / "npz" / f"{name}.npz", tensors)
    np.savez_compressed(SEEDS / "npz" / "compressed.npz", a=np.zeros(1000), b=np.arange(3))
    np.savez(
        SEEDS / "npz" / "orders.npz", a=np.asfortranarray(np.eye(3)), b=np.arange(3, dtype=">i2")
    )
    np.save(SEEDS / "npz" / "single.npy", np.eye(3, dtype=np.float16))
    (SEEDS / "npz" / "handmade.npy").write_bytes(npy())
    for kind, unsound in (("safetensors", UNSOUND_SAFETENSORS), ("npz", UNSOUND_NPZ)):
        for what, data in unsound.items():
            if len(data) < 4096:
                (SEEDS / kind / f"unsound {what}".replace(" ", "_")).write_bytes(data)


def without_folder(code: CodeType) -> CodeType:
    """The code of a file of which only the name is known: packages tell where operations were
    built, and seeds must not tell where this checkout lies.
    """
    constants = tuple(without_folder(c) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=Path(code.co_filename).name, co_consts=constants)


if __name__ == "__main__":
    for function in (sample, small, *vars(Network).values()):
        if isinstance(function, FunctionType):
            function.__code__ = without_folder(function.__code__)
    write_samples()
    write_seeds()
