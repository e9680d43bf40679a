"""Stitched kernels against single operations and against the reference loops: elementwise parts
agree in every bit, sums within the bound of any order of summation, and every run repeats.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

import mpsg
from cases.arithmetic_unary import LIBRARY
from support.compare import assert_close, assert_same_bits
from support.graph_generator import Recipe, is_exact, recipes
from support.numbers import FLOATS, numpy_type, random_generator, values
from support.random_graphs import check_close, ordinary, rows_of_results
from support.stitching import Network, compiled, results, stitching
from support.table import ROWS

# Less than a register, not whole registers, more than one thread takes.
SHAPES = [(), (1,), (5,), (3, 17), (2, 1, 33), (130, 257)]


def both_ways(network: Network, arrays: list[np.ndarray]) -> list[list[np.ndarray]]:
    return [results(network, arrays, stitched=stitched) for stitched in (True, False)]


def check_repeats(network: Network, arrays: list[np.ndarray]) -> None:
    """Run to run, and compiled again."""
    executable = compiled(network, arrays)
    first = [np.array(each) for each in executable.run(arrays)]
    again = [[np.array(each) for each in executable.run(arrays)] for _ in range(3)]
    for other in [*again, results(network, arrays)]:
        for got, wanted in zip(other, first, strict=True):
            assert got.tobytes() == wanted.tobytes()


# ---------------------------------------------------------------- elementwise: every bit


def gelu(g: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    return x * 0.5 * (g.erf(x * 0.70710678) + 1.0)


def gelu_gradient(g: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    return g.gradients(gelu(g, x), [x])[x]


def tanh_gelu(g: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    return x * 0.5 * (g.tanh((x + x * x * x * 0.044715) * 0.79788456) + 1.0)


def gated(g: mpsg.Graph, x: mpsg.Tensor) -> list[mpsg.Tensor]:
    gate = x * g.sigmoid(x)
    return [gate, g.select(gate > x, g.exponent(-g.absolute(x)), g.square_root(gate * gate))]


def no_fused_arithmetic(g: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    """With the rounding of the product left out it would not be 0 wherever it is."""
    return x * x - x * x + (x * 3.0 - x * 2.0) * (x + 1.0) - x


def through_other_types(g: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    """Every edge rounds to its type."""
    half = g.cast(x * 1.001, "float16") * g.cast(x, "float16")
    brain = g.cast(g.cast(half, "float32") + 0.1, "bfloat16")
    return g.cast(g.cast(brain, "int8"), x.data_type) + g.cast(brain, x.data_type)


def moved(g: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    flat = g.reshape(x, [-1])
    return g.concat([g.reverse(flat * 2.0, 0), g.relu(flat)], 0) - 1.0


ELEMENTWISE: dict[str, Callable[..., object]] = {
    "gelu": gelu,
    "gradient of gelu": gelu_gradient,
    "gelu by tanh": tanh_gelu,
    "gates": gated,
    "no fused arithmetic": no_fused_arithmetic,
    "through other types": through_other_types,
    "moved": moved,
}
# Of these the reference loops give the same bits.
CORRECTLY_ROUNDED = {"no fused arithmetic", "through other types", "moved"}


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("what", ELEMENTWISE)
def test_elementwise_parts_agree_in_every_bit(what: str, name: str) -> None:
    for shape in SHAPES:
        array = values(name, shape, random_generator(what, shape), -4, 4)
        stitched, apart = both_ways(ELEMENTWISE[what], [array])
        reference = results(ELEMENTWISE[what], [array], device="reference")
        for got, other, from_loops in zip(stitched, apart, reference, strict=True):
            assert_same_bits(got, other, f"{what} of {name}{shape}, apart")
            if what in CORRECTLY_ROUNDED:
                assert_same_bits(got, from_loops, f"{what} of {name}{shape}, reference")


@pytest.mark.parametrize("what", ELEMENTWISE)
def test_fewer_kernels_than_operations(what: str) -> None:
    """The variable that the other tests here depend on does what it says."""
    array = values("float32", (3, 17), random_generator(what))
    kernels = [len(compiled(ELEMENTWISE[what], [array], stitched=s).kernels) for s in (True, False)]
    assert kernels[0] < kernels[1]


@pytest.mark.parametrize("name", FLOATS)
def test_an_optimizer_agrees_in_every_bit(name: str) -> None:
    arrays = [values(name, (37, 65), random_generator(name, at), 0.1, 2) for at in range(4)]

    def network(g: mpsg.Graph, x: mpsg.Tensor, m: mpsg.Tensor, v: mpsg.Tensor, d: mpsg.Tensor):
        decayed = m * 0.9 + d * 0.1
        squares = v * 0.99 + d * d * 0.01
        return [x - decayed * 0.01 / (g.square_root(squares) + 1e-6), decayed, squares]

    stitched, apart = both_ways(network, arrays)
    for got, other, loops in zip(
        stitched, apart, results(network, arrays, device="reference"), strict=True
    ):
        assert_same_bits(got, other, "apart")
        assert_same_bits(got, loops, "reference")


# ------------------------------------------------- sums that are exact in any order: every bit


def whole(shape: tuple[int, ...], *key: object) -> np.ndarray:
    return random_generator(shape, *key).integers(-2, 3, shape).astype(np.float32)


def dense_training(g: mpsg.Graph, *tensors: mpsg.Tensor) -> list[mpsg.Tensor]:
    x, wanted, w1, b1, w2, b2 = tensors
    hidden = g.relu(g.matrix_multiplication(x, w1) + b1)
    error = g.matrix_multiplication(hidden, w2) + b2 - wanted
    loss = g.reduction_sum(g.square(error), None) * 0.5
    slopes = g.gradients(loss, [w1, b1, w2, b2])
    return [loss, *(w - slopes[w] * 2.0**-6 for w in (w1, b1, w2, b2))]


def convolution_training(g: mpsg.Graph, *tensors: mpsg.Tensor) -> list[mpsg.Tensor]:
    x, wanted, weights, bias = tensors
    descriptor = mpsg.Convolution2DOpDescriptor(padding_style=mpsg.PaddingStyle.TF_SAME)
    pooling = mpsg.Pooling2DOpDescriptor(
        kernel_width=2, kernel_height=2, stride_in_x=2, stride_in_y=2
    )
    image = g.relu(g.convolution_2d(x, weights, descriptor) + bias)
    error = g.max_pooling_2d(image, pooling) - wanted
    loss = g.reduction_sum(g.square(error), None)
    slopes = g.gradients(loss, [weights, bias])
    return [loss, *(w - slopes[w] * 2.0**-6 for w in (weights, bias))]


def pooling_training(
    method: str, stride: int, layout: mpsg.TensorNamedDataLayout
) -> Callable[..., list[mpsg.Tensor]]:
    """The gradient of a pooling, then those of relu and of a bias, a sum over what relu's gives."""

    def network(g: mpsg.Graph, *tensors: mpsg.Tensor) -> list[mpsg.Tensor]:
        x, bias, factor = tensors
        pooling = mpsg.Pooling2DOpDescriptor(
            kernel_width=2, kernel_height=2, stride_in_x=stride, stride_in_y=stride
        )
        pooling.data_layout = layout
        pooled = getattr(g, method)(g.relu(x + bias), pooling)
        slopes = g.gradients(g.reduction_sum(g.square(pooled) * factor, None), [x, bias])
        return [slopes[x], slopes[bias]]

    return network


def convolution_data_training(g: mpsg.Graph, *tensors: mpsg.Tensor) -> list[mpsg.Tensor]:
    """The same where a convolution follows."""
    x, bias, weights = tensors
    descriptor = mpsg.Convolution2DOpDescriptor(
        padding_style=mpsg.PaddingStyle.TF_SAME,
        data_layout=mpsg.TensorNamedDataLayout.NHWC,
        weights_layout=mpsg.TensorNamedDataLayout.HWIO,
    )
    made = g.convolution_2d(g.relu(x + bias), weights, descriptor)
    slopes = g.gradients(g.reduction_sum(g.square(made), None), [x, bias])
    return [slopes[x], slopes[bias]]


def sums_of_whole_numbers(g: mpsg.Graph, x: mpsg.Tensor) -> list[mpsg.Tensor]:
    total = g.reduction_sum(x * 2.0 + 1.0, 1)
    return [
        x - total,
        g.reduction_sum(x * x, 0),
        g.reduction_maximum(x + 0.5, None),
        g.reduction_sum(g.reduction_sum(x, 0) * 0.5, 1) - x,
    ]


# The values stay far below 2^24, so that every sum of them is a float32 whatever its order.
TRAINING: dict[str, tuple[Callable[..., object], list[tuple[int, ...]]]] = {
    "dense layers": (dense_training, [(33, 20), (33, 9), (20, 31), (31,), (31, 9), (1, 9)]),
    "one example": (dense_training, [(1, 20), (1, 9), (20, 31), (31,), (31, 9), (1, 9)]),
    "convolution": (convolution_training, [(2, 3, 8, 6), (2, 5, 4, 3), (5, 3, 3, 3), (1, 5, 1, 1)]),
    "sums": (sums_of_whole_numbers, [(130, 257)]),
    "convolution of what relu makes": (
        convolution_data_training,
        [(3, 20, 14, 17), (17,), (3, 3, 17, 5)],
    ),
}
NHWC, NCHW = mpsg.TensorNamedDataLayout.NHWC, mpsg.TensorNamedDataLayout.NCHW
POOLED: dict[str, tuple[Callable[..., object], list[tuple[int, ...]]]] = {
    f"{method}, stride {stride}, {layout.name}": (
        pooling_training(method, stride, layout),
        [shape, bias, (1,)],
    )
    for method in ("max_pooling_2d", "avg_pooling_2d")
    for stride in (1, 2, 3)
    for layout, shape, bias in [
        (NHWC, (3, 20, 14, 40), (40,)),
        (NCHW, (2, 5, 41, 30), (5, 1, 1)),
    ]
}
TRAINING |= POOLED


@pytest.mark.parametrize("what", TRAINING)
def test_training_steps_of_whole_numbers_agree_in_every_bit(what: str) -> None:
    network, shapes = TRAINING[what]
    arrays = [whole(shape, what, at) for at, shape in enumerate(shapes)]
    stitched, apart = both_ways(network, arrays)
    reference = results(network, arrays, device="reference")
    for got, other, loops in zip(stitched, apart, reference, strict=True):
        assert np.max(np.abs(loops), initial=0) < 2**24
        assert_close(got, loops, 0, what=what)
        assert_close(other, loops, 0, what=f"{what}, apart")


FOLDED = ["convolution of what relu makes", *(what for what in POOLED if "NHWC" in what)]


@pytest.mark.parametrize("what", FOLDED)
def test_an_epilogue_folds_rows_of_what_its_root_makes(what: str) -> None:
    """The gradients of relu and of the bias are in the kernel of the pooling's or convolution's
    gradient; another joins the pieces of the sum.
    """
    network, shapes = TRAINING[what]
    arrays = [whole(shape, what, at) for at, shape in enumerate(shapes)]
    operations = [kernel.operation for kernel in compiled(network, arrays).kernels]
    at = [i for i, row in enumerate(operations) if row.endswith("_gradient")]
    assert operations[at[0] + 1 :] == ["stitched"], operations
    assert not {"relu_gradient", "partial_reduction"}.intersection(operations)


@pytest.mark.parametrize("declared", [[4, 6, 5], [-1, 6, 5], None])
def test_weights_that_a_batch_shares_get_one_product(declared: list[int] | None) -> None:
    """And that has their update for its epilogue."""
    x, weights = whole((4, 6, 5), "x"), whole((5, 3), "weights")
    graph = mpsg.Graph()
    fed, w = graph.placeholder(declared), graph.placeholder([5, 3])
    made = graph.matrix_multiplication(fed, w)
    slope = graph.gradients(graph.reduction_sum(graph.square(made), None), [w])[w]
    updated = w - slope * 0.5
    executable = graph.compile({fed: x.shape, w: weights.shape}, [updated])
    assert [kernel.operation for kernel in executable.kernels] == ["matrix_multiplication"] * 2
    expected = weights - np.einsum("bik,bij->kj", x, 2 * x @ weights) * 0.5
    assert_close(np.array(executable.run([x, weights])[0]), expected, 0, what="update")


# ---------------------------------------------------------------- sums: within their bounds


def softmax(g: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    return g.softmax(x * 1.5, -1)


def layer_norm(g: mpsg.Graph, x: mpsg.Tensor, gamma: mpsg.Tensor, beta: mpsg.Tensor) -> mpsg.Tensor:
    return g.normalization(x, g.mean(x, -1), g.variance(x, -1), gamma, beta, epsilon=1e-5)


def attention(
    g: mpsg.Graph, query: mpsg.Tensor, key: mpsg.Tensor, value: mpsg.Tensor
) -> mpsg.Tensor:
    return g.scaled_dot_product_attention(query, key, value, scale=0.25)


def classifier_training(g: mpsg.Graph, *tensors: mpsg.Tensor) -> mpsg.Tensor:
    x, labels, weights = tensors
    loss = g.softmax_cross_entropy(
        g.matrix_multiplication(x, weights), labels, 1, mpsg.LossReductionType.SUM
    )
    return weights - g.gradients(loss, [weights])[weights] * 0.125


Wide = np.ndarray
Bounded = tuple[Wide, float, Wide]  # the true result, roundings, what the error is relative to


def true_softmax(scores: Wide) -> Wide:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def softmax_roundings(scores_error: float, scores: Wide) -> float:
    """exp(s - m) turns an absolute error of s - m into a relative one: twice that of the scores
    and one rounding of the difference; the same again for the sum of n of them; the quotient.
    """
    spread = float(np.ptp(scores, axis=-1).max(initial=0))
    return 2 * (2 * scores_error + spread + LIBRARY) + scores.shape[-1] + 1


def bounded_softmax(x: Wide) -> Bounded:
    scores = x * 1.5
    result = true_softmax(scores)
    return result, softmax_roundings(float(np.abs(scores).max()), scores), result


def bounded_layer_norm(x: Wide, gamma: Wide, beta: Wide) -> Bounded:
    """d = x - mean is off by (n + 2) roundings of |x| + mean |x|, at most 2 max |x|. The variance,
    a mean of d * d, by 2 |d| times that and n + 3 roundings: relative to itself, and with deviation
    for the root of it, (n + 3) (1 + 4 max |x| / deviation); the root halves that. Then the root,
    the quotient, the product, and the sum with beta: 5.
    """
    n = x.shape[-1]
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt(np.mean(centred**2, -1, keepdims=True) + 1e-5)
    result = centred / deviation * gamma + beta
    largest = np.abs(x).max(-1, keepdims=True) / deviation
    scale = (2 * largest + np.abs(centred) / deviation * (1 + 2 * largest)) * np.abs(gamma)
    return result, n + 8, scale + np.abs(beta)


def bounded_attention(query: Wide, key: Wide, value: Wide) -> Bounded:
    """A score is a sum of f products, and is scaled; the result a sum of m products."""
    scores = query @ np.swapaxes(key, -1, -2) * 0.25
    magnitudes = float((np.abs(query) @ np.swapaxes(np.abs(key), -1, -2)).max()) * 0.25
    weights = true_softmax(scores)
    roundings = softmax_roundings((query.shape[-1] + 1) * magnitudes, scores)
    return weights @ value, roundings + key.shape[-2], weights @ np.abs(value)


def bounded_training(x: Wide, labels: Wide, weights: Wide) -> Bounded:
    """The gradient of the loss is softmax - labels (times their sum, which is 1 but for n + 1
    roundings); of the weights a sum over the rows of x; then a product and a difference.
    """
    scores = x @ weights
    error = x.shape[-1] * float((np.abs(x) @ np.abs(weights)).max())
    chances = true_softmax(scores)
    roundings = softmax_roundings(error, scores) + labels.shape[-1] + 1 + x.shape[0] + 4
    result = weights - x.T @ (chances - labels) * 0.125
    return result, roundings, np.abs(weights) + np.abs(x.T) @ (chances + labels) * 0.125


SUMS: dict[str, tuple[Callable[..., object], Callable[..., Bounded], list[tuple[int, ...]]]] = {
    "softmax": (softmax, bounded_softmax, [(67, 33)]),
    "softmax of long rows": (softmax, bounded_softmax, [(3, 5001)]),
    "layer norm": (layer_norm, bounded_layer_norm, [(65, 47), (47,), (47,)]),
    "layer norm of long rows": (layer_norm, bounded_layer_norm, [(2, 3001), (3001,), (3001,)]),
    "attention": (attention, bounded_attention, [(2, 3, 19, 8), (2, 3, 23, 8), (2, 3, 23, 5)]),
    "training": (classifier_training, bounded_training, [(41, 13), (41, 10), (13, 10)]),
}


def operands_of(what: str, name: str) -> list[np.ndarray]:
    arrays = [values(name, s, random_generator(what, at)) for at, s in enumerate(SUMS[what][2])]
    if what == "training":
        arrays[1] = np.eye(10)[np.arange(41) % 10].astype(numpy_type(name))
    return arrays


@pytest.mark.parametrize("name", ["float32", "float64"])
@pytest.mark.parametrize("what", SUMS)
def test_sums_stay_within_their_bounds(what: str, name: str) -> None:
    network, bounded, _ = SUMS[what]
    arrays = operands_of(what, name)
    true, roundings, scale = bounded(*(array.astype(np.longdouble) for array in arrays))
    for stitched, device in [(True, "cpu"), (False, "cpu"), (True, "reference")]:
        (got,) = results(network, arrays, stitched=stitched, device=device)
        label = f"{what} on {device}, stitched: {stitched}"
        assert_close(got, true, roundings, scale=scale, what=label)


@pytest.mark.parametrize("what", [*SUMS, *TRAINING])
def test_runs_repeat_in_every_bit(what: str) -> None:
    if what in SUMS:
        check_repeats(SUMS[what][0], operands_of(what, "float32"))
        return
    network, shapes = TRAINING[what]
    arrays = [
        values("float32", shape, random_generator(what, at)) for at, shape in enumerate(shapes)
    ]
    check_repeats(network, arrays)


# ---------------------------------------------------------------- random graphs


def run(recipe: Recipe, chosen: list[int], stitched: bool, device: str = "cpu") -> list[np.ndarray]:
    graph, placeholders, made = recipe.build("static")
    targets = [made[at] for at in chosen]
    with stitching(stitched):
        executable = graph.compile(placeholders, targets, device=device)
    first = [np.array(each) for each in executable.run(recipe.feeds)]
    for got, wanted in zip(executable.run(recipe.feeds), first, strict=True):
        assert np.array(got).tobytes() == wanted.tobytes(), "a run does not repeat"
    return first


def check_recipe(recipe: Recipe, chosen: list[int]) -> None:
    """`chosen`: which results are asked for; the fewer, the more is stitched."""
    rows = rows_of_results(recipe)
    chosen = sorted({at % len(rows) for at in chosen if rows})
    reference = run(recipe, chosen, True, "reference")
    stitched, apart = (run(recipe, chosen, how) for how in (True, False))
    for at, got, other, wanted in zip(chosen, stitched, apart, reference, strict=True):
        row, name = rows[at], wanted.dtype.name
        exact = is_exact(row, name) and is_exact(row, "float32")
        # Calls may become rows that no table lists: concat with `interleave`.
        in_any_loop = exact or (row in ROWS and ROWS[row]["elementwise"])
        (assert_same_bits if in_any_loop else check_close)(got, other, f"{row}, apart")
        (assert_same_bits if exact else check_close)(got, wanted, f"{row}, reference")


CHOSEN = st.lists(st.integers(0, 99), min_size=1, max_size=3)


@ordinary(150)
@given(recipes(), CHOSEN)
def test_random_graphs(recipe: Recipe, chosen: list[int]) -> None:
    check_recipe(recipe, chosen)


@ordinary(150)
@given(recipes(exact_only=True, most_steps=20), CHOSEN)
def test_random_graphs_of_exact_rows(recipe: Recipe, chosen: list[int]) -> None:
    check_recipe(recipe, chosen)


@pytest.mark.soak
def test_soak_random_graphs() -> None:
    number = secrets.randbits(32)
    print(f"seed {number}")  # shown with a failure

    @seed(number)
    @ordinary(2000)
    @given(recipes(exact_only=True, most_steps=40), recipes(most_steps=20), CHOSEN)
    def check(exact: Recipe, recipe: Recipe, chosen: list[int]) -> None:
        check_recipe(exact, chosen)
        check_recipe(recipe, chosen)

    check()


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("gradient", [False, True])
def test_bias_of_images_of_one_pixel(groups: int, gradient: bool) -> None:
    """NCHW images of one pixel lie in memory as NHWC ones do, but their rows are others."""
    random = random_generator((2, 4), 0)
    image, weights, bias = (  # whole numbers: their sums are exact
        random.integers(-9, 9, shape).astype(np.float32)
        for shape in [(2, 4, 1, 3), (4, 4 // groups, 1, 3), (4,)]
    )
    graph = mpsg.Graph()
    x, w, b = (graph.placeholder(array.shape) for array in (image, weights, bias))
    descriptor = mpsg.Convolution2DOpDescriptor(groups=groups)
    if gradient:
        image = np.ascontiguousarray(image[..., :1])
        x = graph.placeholder(image.shape)
        w = graph.placeholder(weights[..., :1].shape)
        weights = np.ascontiguousarray(weights[..., :1])
        y = graph.convolution_2d_data_gradient(x, w, [2, 4, 1, 1], descriptor)
    else:
        y = graph.convolution_2d(x, w, descriptor)
    y = y + graph.expand_dims(b, [1, 2])
    feeds = {x: image, w: weights, b: bias}
    got, wanted = (graph.run(feeds, y, device=name)[y].numpy() for name in ("cpu", "reference"))
    assert_same_bits(got, wanted, "convolution and bias")
