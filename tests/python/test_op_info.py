"""PyTorch's own samples for its operations (OpInfo), in mpsg and in PyTorch.

Samples that mpsg cannot express are counted by reason, and the reasons are in a table.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from conftest import SOAK

import mpsg
from support.compare import assert_close
from support.running import DEVICES, as_list

pytest.importorskip("expecttest", reason="torch.testing needs it; it is in the extra [peers]")
torch = pytest.importorskip("torch", reason="it is in the extra [peers]")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

from cases.op_info import MAPPINGS  # noqa: E402
from cases.op_info.mapping import Bound, Call, CannotExpress, Mapping, to_array  # noqa: E402
from cases.op_info.reasons import (  # noqa: E402
    ERROR_DIFFERENCES,
    GRADIENT_DIFFERENCES,
    NOT_MAPPED,
    SAMPLES,
    reason_for,
)

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
if SOAK:  # all samples
    pytestmark.append(pytest.mark.soak)

OPS: dict[str, Any] = {
    op.name + (f"/{op.variant_test_name}" if op.variant_test_name else ""): op for op in op_db
}
TYPES = ["float32", "int64"] + (["float64", "bfloat16"] if SOAK else [])
# Of one operation and type, outside of campaigns.
FEW = 2
COUNTS: Counter[str] = Counter()
REASONS: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def counted(report: list[str]) -> Iterator[None]:
    yield
    line = f"OpInfo: {len(MAPPINGS)} of {len(OPS)} operations mapped; " + ", ".join(
        f"{what} {COUNTS[what, 'passed']} / {COUNTS[what, 'run']}"  # type: ignore[index]
        for what in ("samples", "gradients", "errors")
    )
    report.append(f"{line} passed / run; not expressed: {sum(REASONS.values())}")
    report.extend(f"  {count} {reason}" for reason, count in REASONS.most_common())


def test_every_operation_is_mapped_or_says_why_not() -> None:
    listed = [name for names in NOT_MAPPED.values() for name in names.split()]
    assert len(listed) == len(set(listed))
    assert not set(listed) & set(MAPPINGS)
    assert set(listed) | set(MAPPINGS) == set(OPS)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", MAPPINGS)
def test_samples(name: str, dtype: str) -> None:
    op = OPS[name]
    if getattr(torch, dtype) not in op.dtypes:
        return
    samples = list(op.sample_inputs("cpu", getattr(torch, dtype)))
    failures = [
        why
        for sample in chosen(samples)
        if (why := attempt("samples", name, lambda s=sample: check_sample(name, s)))
    ]
    assert not failures, "\n".join(failures[:5])


@pytest.mark.parametrize("name", [name for name in MAPPINGS if OPS[name].supports_autograd])
def test_gradients(name: str) -> None:
    # Transforms are in float32 only.
    dtype = torch.float32 if name.startswith("fft.") else torch.float64
    if dtype not in OPS[name].dtypes:
        return
    samples = list(OPS[name].sample_inputs("cpu", dtype, requires_grad=True))
    failures = [
        why
        for sample in chosen(samples, 2)
        if (why := attempt("gradients", name, lambda s=sample: check_gradient(name, s)))
    ]
    assert not failures, "\n".join(failures[:5])


@pytest.mark.parametrize(
    "name", [name for name in MAPPINGS if OPS[name].error_inputs_func is not None]
)
def test_mistakes(name: str) -> None:
    """What PyTorch refuses raises an error of mpsg's."""
    failures = [
        why
        for mistake in OPS[name].error_inputs("cpu")
        if (why := attempt("errors", name, lambda m=mistake: check_mistake(name, m)))
    ]
    assert not failures, "\n".join(failures[:5])


def chosen(samples: list[Any], few: int = FEW) -> list[Any]:
    """All in a campaign; else some from the beginning to the end."""
    if SOAK or len(samples) <= few:
        return samples
    return [samples[at * (len(samples) - 1) // (few - 1)] for at in range(few)]


def attempt(what: str, name: str, check: Callable[[], None]) -> str | None:
    """Runs one check and counts it; says what was wrong."""
    try:
        check()
    except CannotExpress as reason:
        known = SAMPLES | set(ERROR_DIFFERENCES) | set(GRADIENT_DIFFERENCES)
        assert str(reason) in known, f"{name}: {reason} is not in the table of reasons"
        REASONS[str(reason)] += 1
        return None
    except Exception as error:  # what comes is the finding
        COUNTS[what, "run"] += 1  # type: ignore[index]
        return f"{name}: {type(error).__name__}: {error}"
    COUNTS[what, "run"] += 1  # type: ignore[index]
    COUNTS[what, "passed"] += 1  # type: ignore[index]
    return None


# ---------------------------------------------------------------- one sample


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """Every tensor in `value` changed, in lists and dictionaries too."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        return type(value)(changed(each, change) for each in value)
    if isinstance(value, dict):
        return {key: changed(each, change) for key, each in value.items()}
    return value


def widened(tensor: Any) -> Any:
    wide = {torch.complex64: torch.complex128}.get(tensor.dtype, torch.float64)
    plain = tensor.detach().clone()
    return plain.to(wide) if plain.is_floating_point() or plain.is_complex() else plain


def magnitudes(tensor: Any) -> Any:
    wide = widened(tensor)
    return wide.abs().to(wide.dtype) if wide.dtype != torch.bool else wide


@dataclasses.dataclass
class Arguments:
    """What an operation is called with."""

    first: Any
    rest: tuple[Any, ...]
    named: dict[str, Any]

    def changed(self, change: Callable[[Any], Any]) -> Arguments:
        first, rest = changed(self.first, change), changed(self.rest, change)
        named = changed(self.named, change)
        if named.get("dtype") in (torch.float32, torch.float16, torch.bfloat16):
            named["dtype"] = torch.float64
        elif named.get("dtype") == torch.complex64:
            named["dtype"] = torch.complex128
        return Arguments(first, rest, named)


def arguments_of(sample: Any) -> Arguments:
    return Arguments(sample.input, tuple(sample.args), dict(sample.kwargs))


def results_of(op: Any, arguments: Arguments) -> list[Any]:
    found = op(arguments.first, *arguments.rest, **arguments.named)
    found = list(found) if isinstance(found, (list, tuple)) else [found]
    return [torch.as_tensor(each) for each in found]


def described(value: Any) -> str:
    """A short text: types and shapes instead of elements."""
    if isinstance(value, Arguments):
        parts = [value.first, *value.rest]
        named = [f"{key}={described(each)}" for key, each in value.named.items()]
        return ", ".join([*map(described, parts), *named])
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(described, value))}]"
    return repr(value)


def built(mapping: Mapping, arguments: Arguments) -> tuple[Call, list[mpsg.Tensor]]:
    call = Call()
    first = call.feed(arguments.first)
    rest, named = call.feed(arguments.rest), call.feed(arguments.named)
    try:
        return call, as_list(mapping.build(call, first, *rest, **named))
    except mpsg.GraphError as error:
        if "supported:" in str(error):  # what the support table says
            raise CannotExpress("a data type that the operation does not take") from error
        raise


def run(call: Call, targets: list[mpsg.Tensor], device: str) -> list[np.ndarray]:
    feeds = dict(zip(call.tensors, call.arrays, strict=True))
    found = call.graph.run(feeds, targets, device=device)
    return [found[target].numpy() for target in targets]


def check_sample(name: str, sample: Any) -> None:
    op, mapping = OPS[name], MAPPINGS[name]
    given = arguments_of(sample)
    theirs = results_of(op, given)
    wanted = [to_array(each) for each in results_of(op, given.changed(widened))]
    call, targets = built(mapping, given)
    compared = mapping.results
    if wanted[0].dtype.kind == "i":
        compared = mapping.integer_results or compared
    theirs, wanted, targets = theirs[:compared], wanted[:compared], targets[:compared]
    assert len(targets) == len(wanted), f"{len(targets)} results instead of {len(wanted)}"
    scales = scales_of(op, mapping, given, wanted)
    count = max((math.prod(array.shape) for array in call.arrays), default=0)
    terms = count if mapping.bound == Bound.TERMS else 0
    for device in DEVICES:
        for got, true, scale, their in zip(
            run(call, targets, device), wanted, scales, theirs, strict=True
        ):
            what = f"{device}, {described(given)}"
            assert got.dtype.name == str(their.dtype).removeprefix("torch."), f"{what}: {got.dtype}"
            operations = mapping.roundings + terms
            assert_close(got, true, operations, scale=scale, what=what)


def scales_of(
    op: Any, mapping: Mapping, given: Arguments, wanted: list[np.ndarray]
) -> list[np.ndarray | None]:
    """What the bound is relative to."""
    if mapping.bound == Bound.ELEMENT:
        return [None] * len(wanted)
    if mapping.bound == Bound.TERMS:
        positive = given.changed(magnitudes)
        for key in ("alpha", "beta"):
            if key in positive.named:
                positive.named[key] = abs(positive.named[key])
        return [np.abs(to_array(each)) for each in results_of(op, positive)]
    return [largest(each) for each in wanted]


def largest(array: np.ndarray) -> np.ndarray:
    finite = np.abs(array[np.isfinite(array)])
    return np.full(array.shape, max(1.0, float(np.max(finite, initial=0))))


def check_gradient(name: str, sample: Any) -> None:
    if reason := reason_for(GRADIENT_DIFFERENCES, name):
        raise CannotExpress(reason)
    op, mapping = OPS[name], MAPPINGS[name]
    given = arguments_of(sample)
    sources: list[Any] = []

    def differentiable(tensor: Any) -> Any:
        wide = widened(tensor)
        if tensor.requires_grad:
            wide.requires_grad_(True)
            sources.append(wide)
        return wide

    theirs = results_of(op, given.changed(differentiable))[: mapping.results]
    call, targets = built(mapping, given)
    g = call.graph
    total, our_total = 0.0, None
    for their, our in zip(theirs, targets[: mapping.results], strict=True):
        if not their.requires_grad or their.numel() == 0:
            continue
        weights = torch.cos(torch.arange(their.numel(), dtype=torch.float64)).reshape(their.shape)
        parts = [(their, our)]
        if their.is_complex():
            parts = [(their.real, g.real_part(our)), (their.imag, g.imaginary_part(our))]
        for each, tensor in parts:
            total = total + (each * weights).sum()
            ours = g.constant(weights.numpy().astype(tensor.data_type.numpy()))
            term = g.reduction_sum(g.reshape(tensor * ours, [-1]), 0)
            our_total = term if our_total is None else our_total + term
    if our_total is None:
        return
    wanted = torch.autograd.grad(total, sources, allow_unused=True)
    tensors = [t for t, s in zip(call.tensors, call.sources, strict=True) if s.requires_grad]
    found = g.gradients(our_total, tensors, unconnected="zero")
    results = run(call, [found[tensor] for tensor in tensors], "cpu")
    for got, true in zip(results, wanted, strict=True):
        right = np.zeros(got.shape) if true is None else to_array(true)
        roundings = 256 + 64 * mapping.roundings + right.size
        assert_close(
            got, right, roundings, scale=largest(right), what=f"gradient, {described(given)}"
        )


def check_mistake(name: str, mistake: Any) -> None:
    given = arguments_of(mistake.sample_input)
    if "out" in given.named:
        raise CannotExpress("an argument `out`")
    try:
        call, targets = built(MAPPINGS[name], given)
        run(call, targets, "cpu")
    except mpsg.InternalError:
        raise
    except mpsg.Error:
        return
    except CannotExpress as reason:
        if isinstance(reason.__cause__, mpsg.Error):
            return
        raise  # the mapping refused it, not mpsg
    except Exception as error:
        if "incompatible function arguments" in str(error):
            raise  # of mpsg's own functions
        raise CannotExpress("a mistake that ends in the mapping, before mpsg") from error
    if not mistake.error_regex and any(
        not isinstance(each, torch.Tensor) for each in (given.first, *given.rest)
    ):
        raise CannotExpress("a number where PyTorch wants a tensor")
    if reason := reason_for(ERROR_DIFFERENCES, name):
        raise CannotExpress(reason)
    raise AssertionError(f"no error: {described(given)}; PyTorch: {mistake.error_regex}")
