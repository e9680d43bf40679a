"""Makes random calls and judges them: a result that is the same on every device, or an exception of
the right type that says what is wrong. As a program: `python -m support.fuzz_run --help`.
"""

from __future__ import annotations

import argparse
import json
import mmap
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import mpsg
from support.call_items import Where
from support.compare import assert_same_bits, is_nan
from support.fuzz_calls import RandomCall
from support.graph_generator import is_exact
from support.numbers import COMPUTE, FLOATS, bound, float_info, smallest_step
from support.random_graphs import check_close
from support.table import ROWS

TYPED = (mpsg.GraphError, mpsg.FeedError, mpsg.ExecutionError)
DIFFERENTIABLE = {*FLOATS, "complex64"}
# Elements that are run here; and those that no memory has room for.
MOST, TOO_MANY = 20_000, 2**42
# A function of one row is within 2 ULP (4 roundings) of the truth, and a row has at most four of
# them after another; complex ones are made of several real ones.
ROUNDINGS = 16


class Wrong(Exception):
    """What must not be."""


def is_typed(error: BaseException) -> bool:
    return isinstance(error, TYPED) and not isinstance(error, mpsg.InternalError)


def check_message(call: RandomCall, error: Exception, built: bool) -> None:
    text = str(error)
    if not text or "\x00" in text:
        raise Wrong(f"an empty message: {error!r}")
    if built and call.row not in text:
        raise Wrong(f"the message does not name {call.row}: {text}")
    if isinstance(error, mpsg.GraphError) and built and "built at" not in text:
        raise Wrong(f"the message names no line: {text}")


def build(call: RandomCall) -> tuple[Where, Any] | None:
    """None: it was refused, as it should be."""
    where = Where()
    try:
        arguments = call.arguments_in(where)
    except Exception as error:
        # A placeholder, a constant or a descriptor of its own is wrong.
        if not is_typed(error) and not (isinstance(error, TypeError) and call.needs_fields()):
            raise Wrong(f"{type(error).__name__} of an argument: {error}") from error
        return None
    try:
        result = call.make(where, arguments)
    except TypeError as error:
        if not (call.is_binding_mistake() or call.names_no_type()):
            raise Wrong(f"TypeError, but Python's arguments fit: {error}") from error
    except Exception as error:
        if not is_typed(error):
            raise Wrong(f"{type(error).__name__}: {error}") from error
        if call.is_binding_mistake():
            raise Wrong(f"no TypeError for wrong arguments, but {error!r}") from error
        check_message(call, error, built=True)
    else:
        if call.is_binding_mistake():
            raise Wrong("arguments that do not fit the signature were taken")
        where.graph.verify()
        return where, result
    where.graph.verify()
    return None


def tensors_of(result: Any) -> list[mpsg.Tensor]:
    if isinstance(result, mpsg.Operation):
        return []
    return list(result) if isinstance(result, list) else [result]


def size_of(tensors: list[mpsg.Tensor]) -> int:
    """The elements of all, as far as they are known."""
    total = 0
    for tensor in tensors:
        count = 1
        for size in tensor.shape or ():
            count *= max(size, 1)
        total += count
    return total


def run(where: Where, result: Any, device: str) -> list[np.ndarray] | Exception:
    targets = tensors_of(result)
    operations = [result] if isinstance(result, mpsg.Operation) else []
    try:
        found = where.graph.run(where.feeds, targets, operations, device=device)
        arrays = [found[target].numpy() for target in targets]
        arrays += [where.graph.variable_value(variable).numpy() for variable in where.variables]
    except Exception as error:
        return error
    for target, array in zip(targets, arrays, strict=False):
        if target.data_type != array.dtype:
            raise Wrong(f"{target} gave {array.dtype}")
        declared = target.shape if target.shape is not None else array.shape
        fits = len(declared) == array.ndim
        if not fits or any(d not in (-1, n) for d, n in zip(declared, array.shape, strict=True)):
            raise Wrong(f"{target} gave the shape {array.shape}")
    return arrays


def compare(
    call: RandomCall, where: Where, got: list[np.ndarray], wanted: list[np.ndarray]
) -> None:
    names = {*call.types.values(), *(array.dtype.name for array in wanted)}
    floating = bool(names & DIFFERENTIABLE)
    exact = not floating or is_exact(call.row, "float32")
    for at, (a, b) in enumerate(zip(got, wanted, strict=True)):
        what = f"result {at}"
        if exact or b.dtype.name not in DIFFERENTIABLE:
            assert_same_bits(a, b, what)
        elif ROWS[call.row]["elementwise"] and not ROWS[call.row]["composite"]:
            scale = np.asarray(0.0)
            if call.row == "sigmoid_gradient" and where.feeds:
                # gradient * y * (1 - y): the difference cancels, its error is that of gradient * y.
                scale = np.abs(next(iter(where.feeds.values())).astype(np.longdouble))
            compare_elements(a, b, scale, what)
        else:
            check_close(a, b, what)


def compare_elements(a: np.ndarray, b: np.ndarray, scale: np.ndarray, what: str) -> None:
    """Two results of one function, each within its bound of the truth, which is relative to itself
    or to `scale` where that is more.
    """
    assert a.dtype == b.dtype and a.shape == b.shape, what
    name = a.dtype.name
    wide = np.complex128 if name == "complex64" else np.longdouble
    x, y = a.astype(wide), b.astype(wide)
    with np.errstate(all="ignore"):
        magnitude = np.maximum(np.maximum(np.abs(x), np.abs(y)), np.nan_to_num(scale))
        relative = 2 * bound(name, ROUNDINGS, COMPUTE.get(name, name))
        good = np.abs(x - y) <= relative * magnitude + 2 * ROUNDINGS * smallest_step(name)
        good |= (is_nan(a) & is_nan(b)) | (x == y)
        # Beyond the largest number lies infinity; at the edge either is right.
        edge = float(float_info(name).max) * (1 - relative)
        good |= (np.isinf(x) | np.isinf(y)) & (np.minimum(np.abs(x), np.abs(y)) > edge)
    if not np.all(good):
        raise AssertionError(f"{what}: {a[~good][:4]} and {b[~good][:4]}")


def outcome(seed: str, gradients: float = 0.3) -> str:
    """Makes the call of a seed. What became of it; Wrong or AssertionError if that is not right."""
    call = RandomCall(seed)
    built = build(call)
    if built is None:
        return "refused"
    where, result = built
    size = size_of([*tensors_of(result), *where.graph.placeholder_tensors])
    if MOST < size < TOO_MANY:
        return "built, too large to run"
    again = build(call)
    assert again is not None
    wanted = run(where, result, "reference")
    got = run(*again, "cpu")
    if isinstance(wanted, Exception) or isinstance(got, Exception):
        for error in (wanted, got):
            if isinstance(error, Exception) and not is_typed(error):
                raise Wrong(f"{type(error).__name__} of a run: {error}") from error
        if type(wanted) is not type(got):
            raise Wrong(f"the reference gave {wanted!r}, the cpu {got!r}")
        assert isinstance(wanted, Exception)
        check_message(call, wanted, built=False)
        return f"run refused, {type(wanted).__name__}"
    compare(call, where, got, wanted)
    if call.random.random() < gradients and differentiate(call, where, result):
        return "ran, with gradients"
    return "ran"


def differentiate(call: RandomCall, where: Where, result: Any) -> bool:
    """The gradients of everything with respect to everything, on both devices."""
    of = [t for t in tensors_of(result) if t.data_type.name in DIFFERENTIABLE]
    sources = [t for t in where.feeds if t.data_type.name in DIFFERENTIABLE]
    if not of or not sources:
        return False
    try:
        found = where.graph.gradients(of[0], sources, unconnected="zero")
    except Exception as error:
        if not is_typed(error):
            raise Wrong(f"{type(error).__name__} of gradients: {error}") from error
        return False
    where.graph.verify()
    targets = list(found.values())
    runs: list[Any] = []
    for device in ("reference", "cpu"):
        try:
            results = where.graph.run(where.feeds, targets, device=device)
            runs.append([results[target].numpy() for target in targets])
        except Exception as error:
            if not is_typed(error):
                raise Wrong(f"{type(error).__name__} of gradients: {error}") from error
            runs.append(error)
    if isinstance(runs[0], Exception) or isinstance(runs[1], Exception):
        if type(runs[0]) is not type(runs[1]):
            raise Wrong(f"gradients: the reference gave {runs[0]!r}, the cpu {runs[1]!r}")
        return False
    for source, wanted, got in zip(sources, *runs, strict=True):
        what = f"the gradient to {source}"
        assert wanted.shape == where.feeds[source].shape, what
        assert wanted.dtype == where.feeds[source].dtype, what
        if call.special or ROWS[call.row]["random"]:
            assert got.shape == wanted.shape and got.dtype == wanted.dtype, what
        else:
            check_close(got, wanted, what)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("campaign", help="the first part of every seed")
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--progress", help="a file of 8 bytes that holds the number of the call")
    parser.add_argument("--memory", type=int, default=8, help="GiB of address space")
    options = parser.parse_args()
    if sys.platform == "linux":
        limit = options.memory << 30
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    progress: Any = bytearray(8)
    if options.progress:
        with Path(options.progress).open("r+b") as file:
            progress = mmap.mmap(file.fileno(), 8)
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(options.first, options.first + options.count):
        progress[:8] = number.to_bytes(8, "little")
        seed = f"{options.campaign}:{number}"
        try:
            counts[outcome(seed)] += 1
        except (Wrong, AssertionError) as error:
            wrong.append(f"{seed}: {RandomCall(seed)}\n    {type(error).__name__}: {error}"[:1200])
            print(wrong[-1], file=sys.stderr, flush=True)
            counts["wrong"] += 1
    # Little enough for a pipe that nobody reads before the end.
    print(json.dumps({"counts": counts, "wrong": wrong[:40]}))


if __name__ == "__main__":
    main()
