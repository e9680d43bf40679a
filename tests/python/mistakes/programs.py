"""Mistakes around a graph: feeds, targets, results, executables, gradients, layers, optimizers,
data sets. Each says what is wrong, which exception follows, and words that it must have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import mpsg
from mpsg import cache, data, layers, optimizers

F32 = np.float32
ERROR, GRAPH, FEED, EXECUTION = mpsg.Error, mpsg.GraphError, mpsg.FeedError, mpsg.ExecutionError


class World:
    """A right program, in which each mistake is made."""

    def __init__(self) -> None:
        self.graph = mpsg.Graph()
        self.x = self.graph.placeholder([-1, 3], mpsg.float32, name="the input")
        self.labels = self.graph.placeholder([-1], mpsg.int32, name="the labels")
        self.weights = self.graph.variable(np.ones((3, 2), F32), name="the weights")
        self.y = self.graph.matrix_multiplication(self.x, self.weights, name="the product")
        self.loss = self.graph.reduction_sum(self.y, None, name="the loss")
        self.step = self.graph.assign(self.weights, self.weights * 0.5, name="the step")
        self.other = mpsg.Graph()
        self.stranger = self.other.placeholder([-1, 3], mpsg.float32, name="the stranger")
        self.good = np.ones((2, 3), F32)
        self.feeds = {self.x: self.good}
        self.image = self.graph.placeholder([-1, 8, 8, 3], mpsg.float32, name="the image")

    def executable(self) -> mpsg.Executable:
        return self.graph.compile({self.x: (2, 3)}, [self.loss])


Action = Callable[[World], Any]
Program = tuple[Action, type[Exception] | tuple[type[Exception], ...], str]


def fed(value: Any) -> Action:
    return lambda w: w.graph.run({w.x: value}, [w.loss])


def given(value: Any) -> Action:
    return lambda w: w.graph.run(w.feeds, results={w.y: value})


def locked(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def order_of_assigns(w: World) -> Any:
    again = w.graph.assign(w.weights, w.weights + 1.0, name="another step")
    return w.graph.run({}, [], [w.step, again])


def in_a_body(w: World) -> mpsg.Tensor:
    inner: list[mpsg.Tensor] = []

    def body(index: mpsg.Tensor, arguments: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        inner.append(w.graph.multiplication(arguments[0], 2.0, name="the inner"))
        return inner

    w.graph.for_loop([w.loss], body, number_of_iterations=2)
    return inner[0]


def open_shape(w: World) -> mpsg.Tensor:
    shape = w.graph.placeholder([2], mpsg.int32, name="the shape")
    return w.graph.reshape(w.x, shape, name="the reshape")


FEEDS: dict[str, Program] = {
    "a type that is wider": (fed(np.ones((2, 3))), FEED, "the input.*float32.*float64.*Convert"),
    "integers": (fed(np.ones((2, 3), np.int32)), FEED, "the input.*int32"),
    "half precision": (fed(np.ones((2, 3), np.float16)), FEED, "the input.*float16"),
    "bools": (fed(np.ones((2, 3), bool)), FEED, "the input.*bool"),
    "complex numbers": (fed(np.ones((2, 3), np.complex64)), FEED, "the input.*complex64"),
    "a size": (fed(np.ones((2, 4), F32)), FEED, r"the input.*\(-1, 3\).*\(2, 4\)"),
    "a rank too low": (fed(np.ones(3, F32)), FEED, r"the input.*\(3"),
    "a rank too high": (fed(np.ones((1, 2, 3), F32)), FEED, r"the input.*\(1, 2, 3\)"),
    "a scalar": (fed(1.0), FEED, r"the input.*\(\)"),
    "None": (fed(None), FEED, "the input.*None"),
    "text": (fed("text"), FEED, "the input.*str|text"),
    "bytes": (fed(b"abc"), FEED, "the input"),
    "a dictionary": (fed({1: 2}), FEED, "the input"),
    "a set": (fed({1.0, 2.0}), FEED, "the input"),
    "an object": (fed(object()), FEED, "the input.*object"),
    "ragged lists": (fed([[1, 2, 3], [4]]), FEED, "the input.*not an array"),
    "an array of objects": (fed(np.array([[None] * 3])), FEED, "the input"),
    "an array of text": (fed(np.array([["a"] * 3])), FEED, "the input.*str"),
    "an array of dates": (fed(np.zeros((1, 3), "M8[s]")), FEED, "the input.*datetime64"),
    "records": (fed(np.zeros((1, 3), "f4,i4")), FEED, "the input"),
    "long doubles": (fed(np.zeros((1, 3), np.longdouble)), FEED, "the input"),
    "double complex": (fed(np.zeros((1, 3), np.complex128)), FEED, "the input.*complex128"),
    "a tensor": (lambda w: w.graph.run({w.x: w.y}, [w.loss]), FEED, "the input"),
    "a graph": (lambda w: w.graph.run({w.x: w.graph}, [w.loss]), FEED, "the input"),
    "a function": (fed(lambda: 1), FEED, "the input"),
    "a class": (fed(np.float32), FEED, "the input"),
    "17 dimensions": (fed(np.ones((1,) * 17, F32)), FEED, "the input"),
    "nothing": (lambda w: w.graph.run({}, [w.loss]), FEED, "the input.*not fed"),
    "not all": (
        lambda w: w.graph.run(w.feeds, [w.loss + w.graph.cast(w.labels, "float32")]),
        FEED,
        "the labels.*int32.*not fed",
    ),
    "another graph's": (
        lambda w: w.graph.run({w.x: w.good, w.stranger: w.good}, [w.loss]),
        FEED,
        "another graph",
    ),
    "what is computed": (
        lambda w: w.graph.run({w.y: w.good}, [w.loss]),
        FEED,
        "the product.*matrix_multiplication.*placeholders",
    ),
    "a variable": (
        lambda w: w.graph.run({w.weights: w.good, w.x: w.good}, [w.loss]),
        FEED,
        "the weights.*variable.*placeholders",
    ),
    "a name for a key": (lambda w: w.graph.run({"x": w.good}, [w.loss]), FEED, "placeholder.*'x'"),
    "None for a key": (lambda w: w.graph.run({None: w.good}, [w.loss]), FEED, "placeholder.*None"),
    "an operation for a key": (
        lambda w: w.graph.run({w.step: w.good}, [w.loss]),
        FEED,
        "placeholder",
    ),
    "a list": (lambda w: w.graph.run([w.good], [w.loss]), TypeError, "dictionary"),
    "None for all": (lambda w: w.graph.run(None, [w.loss]), TypeError, "dictionary.*None"),
    "a shape that does not fit": (
        lambda w: w.graph.run({**w.feeds, open_tensor(w): [4, 4]}, [w.graph.identity(w.reshaped)]),
        ERROR,
        r"the reshape.*\(2, 3\)",
    ),
}


def open_tensor(w: World) -> mpsg.Tensor:
    w.reshaped = open_shape(w)  # type: ignore[attr-defined]
    return w.graph.placeholder_tensors[-1]


TARGETS: dict[str, Program] = {
    "a number": (lambda w: w.graph.run(w.feeds, 3), GRAPH, "target_tensors.*list.*3"),
    "a name": (lambda w: w.graph.run(w.feeds, "loss"), GRAPH, "target_tensors.*'loss'"),
    "a list of None": (lambda w: w.graph.run(w.feeds, [None]), GRAPH, "target_tensors.*None"),
    "a list of names": (lambda w: w.graph.run(w.feeds, ["loss"]), GRAPH, "target_tensors"),
    "a dictionary": (lambda w: w.graph.run(w.feeds, {1: 2}), GRAPH, "target_tensors"),
    "an operation": (lambda w: w.graph.run(w.feeds, [w.step]), GRAPH, "target_tensors"),
    "another graph's": (lambda w: w.graph.run(w.feeds, [w.stranger]), GRAPH, "another graph"),
    "one inside a body": (
        lambda w: w.graph.run(w.feeds, [in_a_body(w)]),
        GRAPH,
        "the inner.*body.*return",
    ),
    "a tensor as operation": (
        lambda w: w.graph.run(w.feeds, [w.loss], [w.y]),
        GRAPH,
        "target_operations",
    ),
    "a number as operation": (
        lambda w: w.graph.run(w.feeds, [w.loss], 3),
        GRAPH,
        "target_operations.*3",
    ),
    "no targets": (lambda w: w.graph.run(w.feeds), TypeError, "target_tensors"),
    "unordered assigns": (order_of_assigns, GRAPH, "the weights.*order|the step.*another step"),
    "an unknown keyword": (
        lambda w: w.graph.run(w.feeds, [w.loss], fetch=1),
        TypeError,
        "fetch",
    ),
    "too many arguments": (
        lambda w: w.graph.run(w.feeds, [w.loss], [], None, None, None, None),
        TypeError,
        "arguments",
    ),
    "an unknown device": (
        lambda w: w.graph.run(w.feeds, [w.loss], device="abacus"),
        ERROR,
        "abacus.*cpu.*reference",
    ),
    "a number for a device": (
        lambda w: w.graph.run(w.feeds, [w.loss], device=3),
        (TypeError, ERROR),
        "device.*3|3.*device",
    ),
    "a callable that is missing": (
        lambda w: w.graph.run(
            w.feeds, w.graph.call([w.x], "adapter", [([1], mpsg.float32)], name="the call")
        ),
        ERROR,
        "adapter.*callables",
    ),
    "sizes that do not fit": (
        lambda w: w.graph.run(
            {w.x: w.good, w.labels: np.zeros(5, np.int32)},
            [w.graph.addition(w.x, w.graph.cast(w.graph.expand_dims(w.labels, 1), "float32"))],
        ),
        ERROR,
        r"addition.*\(2, 3\).*\(5, 1\)",
    ),
}
RESULTS: dict[str, Program] = {
    "a shape": (given(np.zeros((2, 3), F32)), FEED, r"the product.*\(2, 2\).*\(2, 3\)|\(2, 3\)"),
    "a type": (given(np.zeros((2, 2))), FEED, "float64"),
    "not packed": (given(np.zeros((2, 4), F32)[:, ::2]), FEED, "the product.*packed"),
    "read-only": (given(locked(np.zeros((2, 2), F32))), FEED, "the product.*read-only"),
    "a list": (given([[0.0, 0.0]] * 2), FEED, "the product.*list"),
    "None": (given(None), FEED, "the product"),
    "a key that is no tensor": (
        lambda w: w.graph.run(w.feeds, results={"y": w.good}),
        FEED,
        "keys of results.*'y'",
    ),
    "another graph's": (
        lambda w: w.graph.run(w.feeds, results={w.stranger: w.good}),
        GRAPH,
        "another graph",
    ),
    "no dictionary": (
        lambda w: w.graph.run(w.feeds, [w.y], results=[w.good]),
        TypeError,
        "results must be a dictionary",
    ),
}
EXECUTABLES: dict[str, Program] = {
    "no shapes": (lambda w: w.graph.compile([w.x], [w.loss]).kernels, GRAPH, "open sizes"),
    "another shape": (lambda w: w.graph.compile({w.x: (2, 4)}, [w.loss]), ERROR, r"\(2, 4\)"),
    "an open shape": (
        lambda w: w.graph.compile({w.x: (-1, 3)}, [w.loss]).run([np.zeros((2, 4), np.float32)]),
        FEED,
        r"the input.*\(2, 4\)",
    ),
    "a wrong specialization": (
        lambda w: w.graph.compile([w.x], [w.loss]).specialize([(2, 4)]),
        FEED,
        r"the input.*\(2, 4\)",
    ),
    "too few types": (
        lambda w: w.graph.compile([w.x], [w.loss]).output_types([]),
        FEED,
        "takes 1 feeds",
    ),
    "a missing feed": (lambda w: w.graph.compile({}, [w.loss]), FEED, "the input"),
    "no target": (lambda w: w.graph.compile({w.x: (2, 3)}, [None]), GRAPH, "target_tensors|None"),
    "a callable that is none": (
        lambda w: w.graph.compile({w.x: (2, 3)}, [w.loss], callables={"f": 3}),
        (TypeError, ERROR),
        "callables|incompatible",
    ),
    "a key that is no placeholder": (
        lambda w: w.graph.compile({w.y: (2, 2)}, [w.loss]),
        FEED,
        "the product.*placeholders",
    ),
    "too few feeds": (lambda w: w.executable().run([]), FEED, "1.*0|0.*1"),
    "too many feeds": (lambda w: w.executable().run([w.good] * 2), FEED, "1.*2|2.*1"),
    "a wrong size": (lambda w: w.executable().run([np.ones((3, 3), F32)]), FEED, "the input"),
    "a wrong type": (lambda w: w.executable().run([np.ones((2, 3))]), FEED, "the input.*float64"),
    "a feed of text": (lambda w: w.executable().run(["x"]), FEED, "array"),
    "a feed of None": (lambda w: w.executable().run([None]), FEED, "None"),
    "a number for feeds": (lambda w: w.executable().run(3), TypeError, "sequence"),
    "too many results": (
        lambda w: w.executable().run([w.good], [w.good, w.good]),
        FEED,
        "1 results.*2",
    ),
    "a result of another shape": (
        lambda w: w.executable().run([w.good], [w.good]),
        FEED,
        r"\(2, 3\)",
    ),
    "a negative number of runs": (
        lambda w: w.executable().profile([w.good], runs=-1),
        (ValueError, ERROR),
        "runs.*-1|-1.*runs|at least",
    ),
    "a package that is none": (
        lambda w: mpsg.Graph.from_json("{"),
        mpsg.PackageError,
        "JSON|json|parse",
    ),
    "a package of nothing": (lambda w: mpsg.Graph.from_json(""), mpsg.PackageError, "."),
    "a package of a list": (lambda w: mpsg.Graph.from_json("[1]"), mpsg.PackageError, "."),
    "a package of None": (lambda w: mpsg.Graph.from_json(None), TypeError, "."),
    "no variable's value": (
        lambda w: w.graph.variable_value(w.x),
        GRAPH,
        "the input.*variable|variable.*the input",
    ),
    "another graph's value": (
        lambda w: w.graph.variable_value(w.stranger),
        GRAPH,
        "the stranger.*this graph",
    ),
    "a limit below 0": (lambda w: cache.limit(count=-1), ValueError, "count.*-1"),
    "a limit that is no number": (lambda w: cache.limit(bytes="1"), TypeError, "."),
    "a device that is not there": (lambda w: mpsg.Device("tpu"), ERROR, "tpu.*cpu.*reference"),
    "a seed that is none": (lambda w: setattr(w.graph, "seed", "x"), TypeError, "."),
}
GRADIENTS: dict[str, Program] = {
    "of integers": (
        lambda w: w.graph.gradients(w.labels, [w.x]),
        GRAPH,
        "the labels.*int32",
    ),
    "to integers": (
        lambda w: w.graph.gradients(w.loss, [w.labels]),
        GRAPH,
        "the labels.*int32",
    ),
    "to what has no influence": (
        lambda w: w.graph.gradients(w.loss, [w.image]),
        GRAPH,
        "the image.*unconnected",
    ),
    "of another graph's": (lambda w: w.graph.gradients(w.stranger, [w.x]), GRAPH, "another graph"),
    "to another graph's": (
        lambda w: w.graph.gradients(w.loss, [w.stranger]),
        GRAPH,
        "another graph",
    ),
    "an unknown way": (
        lambda w: w.graph.gradients(w.loss, [w.x], unconnected="none"),
        GRAPH,
        'unconnected.*"error".*"zero".*none',
    ),
    "to one tensor": (lambda w: w.graph.gradients(w.loss, w.x), TypeError, "with_respect_to.*list"),
    "of a list": (lambda w: w.graph.gradients([w.loss], [w.x]), TypeError, "'of'.*tensor"),
    "of None": (lambda w: w.graph.gradients(None, [w.x]), TypeError, "'of'.*None"),
    "through a while_loop": (
        lambda w: w.graph.gradients(
            w.graph.while_loop(
                [w.loss], lambda a: (w.graph.less_than(a[0], 9.0), a), lambda a: [a[0] * 2.0]
            )[0],
            [w.x],
        ),
        GRAPH,
        "while_loop|the input.*for_loop",
    ),
    "a control dependency on a tensor": (
        lambda w: w.graph.control_dependency([w.x], lambda: w.y),
        TypeError,
        "operations.*the input",
    ),
    "a control dependency without a function": (
        lambda w: w.graph.control_dependency([w.step], w.y),
        TypeError,
        "dependent_block.*the product",
    ),
    "a control dependency of another graph": (
        lambda w: w.other.control_dependency([w.step], lambda: w.stranger),
        GRAPH,
        "another graph",
    ),
}
TENSORS: dict[str, Program] = {
    "truth": (lambda w: bool(w.loss), TypeError, "the loss.*select.*if_else"),
    "if": (lambda w: 1 if w.loss > 0.0 else 2, TypeError, "select.*if_else"),
    "iteration": (lambda w: list(w.x), TypeError, "the input.*split"),
    "a float index": (lambda w: w.x[1.0], TypeError, "gather"),
    "an array index": (lambda w: w.x[np.array([0])], TypeError, "gather"),
    "a tensor index": (lambda w: w.x[w.labels], TypeError, "gather"),
    "an index outside": (lambda w: w.x[:, 3], IndexError, "3.*axis 1.*size 3"),
    "too many indices": (lambda w: w.x[0, 0, 0], IndexError, "3.*rank 2"),
    "two ellipses": (lambda w: w.x[..., ...], IndexError, "one"),
    "a step of 0": (lambda w: w.x[::0], ValueError, "step.*0"),
    "a sum with text": (lambda w: w.x + "1", (GRAPH, TypeError), "'1'"),
    "a sum with None": (lambda w: w.x + None, (GRAPH, TypeError), "None|missing"),
    "a sum with a list": (lambda w: w.x + [1.0], (GRAPH, TypeError), r"\[1.0\]"),
    "a sum of two types": (lambda w: w.x + w.labels, GRAPH, "float32.*int32.*cast"),
    "a sum over graphs": (lambda w: w.x + w.stranger, GRAPH, "the stranger.*another graph"),
    "a fraction for integers": (lambda w: w.labels * 0.5, GRAPH, "0.5.*int32.*cast"),
    "a number too large": (lambda w: w.labels + 2**40, GRAPH, "1099511627776.*int32"),
    "a number beyond 64 bits": (lambda w: w.labels + 2**70, GRAPH, "64 bits"),
    "a product of vectors": (lambda w: w.labels @ w.labels, GRAPH, "rank 2|matri"),
    "assigning a shape": (lambda w: setattr(w.x, "shape", [1]), AttributeError, "."),
    "a value before the run": (lambda w: float(w.loss), TypeError, "."),
    "a NumPy function of a tensor": (lambda w: np.exp(w.x), TypeError, "."),
    "a tensor as an array": (lambda w: w.x.numpy(), AttributeError, "numpy"),
    "item of many": (lambda w: w.graph.run(w.feeds, [w.y])[w.y].item(), (ValueError, FEED), "."),
    "a float of many": (
        lambda w: float(w.graph.run(w.feeds, [w.y])[w.y]),
        (TypeError, ValueError, FEED),
        ".",
    ),
    "data of no type": (lambda w: mpsg.TensorData([1], "float31"), TypeError, "float31.*float32"),
    "data of text": (lambda w: mpsg.TensorData("x"), (FEED, TypeError), "x|str"),
    "a type that is not there": (lambda w: mpsg.data_type("int2"), TypeError, "int2.*int8"),
    "an attribute that is not there": (lambda w: w.graph.softmaxx(w.x), AttributeError, "softmaxx"),
    "a descriptor's unknown field": (
        lambda w: mpsg.Convolution2DOpDescriptor(stride=2),
        TypeError,
        "stride",
    ),
    "a descriptor without its window": (
        lambda w: mpsg.Pooling2DOpDescriptor(),
        TypeError,
        "kernel_width",
    ),
    "setting an unknown field": (
        lambda w: setattr(mpsg.FFTDescriptor(), "inverted", True),
        AttributeError,
        "inverted",
    ),
    "a graph for self": (lambda w: mpsg.Graph.exponent(None, w.x), TypeError, "."),
}
LAYERS: dict[str, Program] = {
    "a rank too low": (lambda w: layers.Conv2D(4, 3)(w.x), GRAPH, "conv2d.*rank 4|the input"),
    "integers": (lambda w: layers.Dense(4)(w.labels), GRAPH, "dense.*the labels"),
    "no tensor": (lambda w: layers.Dense(4)(w.good), TypeError, "tensor"),
    "None": (lambda w: layers.Dense(4)(None), TypeError, "None"),
    "units below 1": (lambda w: layers.Dense(0), ValueError, "units.*0"),
    "a fraction of units": (lambda w: layers.Dense(2.5), TypeError, "units.*2.5"),
    "units of text": (lambda w: layers.Dense("4"), TypeError, "units.*'4'"),
    "an activation that is not there": (
        lambda w: layers.Dense(4, "rellu"),
        ValueError,
        "rellu.*relu",
    ),
    "an activation that is a number": (lambda w: layers.Dense(4, 3), TypeError, "activation.*3"),
    "a name that is empty": (lambda w: layers.Dense(4, name=""), TypeError, "name"),
    "a name that is a number": (lambda w: layers.Dense(4, name=3), TypeError, "name.*3"),
    "weights of another shape": (
        lambda w: layers.Dense(4, initial=np.ones((2, 2), F32))(w.x),
        ValueError,
        r"\(3, 4\).*\(2, 2\)",
    ),
    "an unknown start": (
        lambda w: layers.Dense(4, initial="xavier")(w.x),
        ValueError,
        "glorot.*xavier",
    ),
    "another width, later": (
        lambda w: [(d := layers.Dense(4))(w.x), d(w.y)],
        GRAPH,
        "dense",
    ),
    "another graph, later": (
        lambda w: [(d := layers.Dense(4))(w.x), d(w.stranger)],
        GRAPH,
        "dense.*graph",
    ),
    "an unknown rank": (
        lambda w: layers.Dense(4)(w.graph.placeholder(None, "float32", name="the open")),
        GRAPH,
        "the open",
    ),
    "an open width": (
        lambda w: layers.Dense(4)(w.graph.placeholder([2, -1], "float32", name="the open")),
        GRAPH,
        "the open|known",
    ),
    "groups that do not divide": (lambda w: layers.Conv2D(4, 3, groups=3), ValueError, "4.*3"),
    "channels that groups do not divide": (
        lambda w: layers.Conv2D(4, 3, groups=2)(w.image),
        (GRAPH, ValueError),
        "3.*2|2.*3",
    ),
    "a kernel of three": (lambda w: layers.Conv2D(4, (3, 3, 3)), ValueError, "kernel_size"),
    "a kernel of 0": (lambda w: layers.Conv2D(4, 0), ValueError, "kernel_size.*0"),
    "a stride of 0": (lambda w: layers.Conv2D(4, 3, strides=0), ValueError, "strides.*0"),
    "an unknown padding": (lambda w: layers.Conv2D(4, 3, padding="full"), ValueError, "same.*full"),
    "an unknown layout": (
        lambda w: layers.Conv2D(4, 3, data_layout="CHWN"),
        ValueError,
        "CHWN|data_layout",
    ),
    "a window larger than the image": (
        lambda w: layers.MaxPool2D(9)(w.image),
        GRAPH,
        "max_pool2d|9",
    ),
    "a pool of a matrix": (lambda w: layers.AvgPool2D(2)(w.x), GRAPH, "avg_pool2d"),
    "a rate of 1": (lambda w: layers.Dropout(1.0), ValueError, "rate.*1"),
    "a rate below 0": (lambda w: layers.Dropout(-0.5), ValueError, "rate.*-0.5"),
    "a rate of text": (lambda w: layers.Dropout("half"), TypeError, "rate.*half"),
    "an axis that is not there": (lambda w: layers.BatchNorm(5)(w.x), GRAPH, "batch_norm.*5"),
    "a decay of 2": (lambda w: layers.BatchNorm(decay=2), ValueError, "decay.*2"),
    "axes that are not there": (lambda w: layers.LayerNorm(9)(w.x), GRAPH, "layer_norm"),
    "an epsilon below 0": (lambda w: layers.LayerNorm(epsilon=-1), ValueError, "epsilon.*-1"),
    "embedded floats": (lambda w: layers.Embedding(9, 4)(w.x), GRAPH, "embedding|float32"),
    "an embedding of 0": (lambda w: layers.Embedding(0, 4), ValueError, "inputs.*0"),
    "a sequence of a matrix": (lambda w: layers.LSTM(4)(w.x), GRAPH, "lstm"),
    "layers that are none": (lambda w: layers.Sequential([3]), TypeError, "3"),
    "layers out of order": (
        lambda w: layers.Sequential([layers.Flatten(), layers.Conv2D(2, 3)])(w.image),
        GRAPH,
        "conv2d",
    ),
    "a seed of text": (lambda w: layers.Dense(4, seed="x")(w.x), (TypeError, ValueError), "."),
}
OPTIMIZERS: dict[str, Program] = {
    "a rate below 0": (lambda w: optimizers.SGD(-1), ValueError, "learning_rate.*-1"),
    "a rate of NaN": (lambda w: optimizers.SGD(float("nan")), ValueError, "learning_rate.*nan"),
    "a rate of text": (lambda w: optimizers.Adam("fast"), TypeError, "learning_rate.*fast"),
    "a rate of None": (lambda w: optimizers.Adam(None), TypeError, "learning_rate.*None"),
    "a rate that is a vector": (
        lambda w: optimizers.SGD(w.x),
        TypeError,
        "learning_rate.*the input",
    ),
    "a rate of integers": (
        lambda w: optimizers.SGD(w.graph.placeholder([], "int32")),
        TypeError,
        "learning_rate.*int32",
    ),
    "momentum of 1": (lambda w: optimizers.SGD(0.1, momentum=1.0), ValueError, "momentum.*1"),
    "nesterov without momentum": (
        lambda w: optimizers.SGD(0.1, nesterov=True),
        ValueError,
        "nesterov.*momentum",
    ),
    "beta of 1": (lambda w: optimizers.Adam(beta1=1.0), ValueError, "beta1.*1"),
    "beta below 0": (lambda w: optimizers.Adam(beta2=-0.1), ValueError, "beta2.*-0.1"),
    "an infinite epsilon": (
        lambda w: optimizers.Adam(epsilon=float("inf")),
        ValueError,
        "epsilon.*inf",
    ),
    "decay of text": (lambda w: optimizers.AdamW(weight_decay="x"), TypeError, "weight_decay.*x"),
    "rho of 1": (lambda w: optimizers.RMSProp(rho=1.5), (ValueError, TypeError), "1.5|rho"),
    "no loss": (lambda w: optimizers.SGD(0.1).minimize(3, [w.weights]), TypeError, "loss.*3"),
    "no list": (lambda w: optimizers.SGD(0.1).minimize(w.loss, w.weights), TypeError, "list"),
    "no variables": (lambda w: optimizers.SGD(0.1).minimize(w.loss, [w.x]), GRAPH, "the input"),
    "a variable twice": (
        lambda w: optimizers.SGD(0.1).minimize(w.loss, [w.weights, w.weights]),
        GRAPH,
        "twice",
    ),
    "a variable without influence": (
        lambda w: optimizers.SGD(0.1).minimize(w.loss, [w.graph.variable([1.0], name="alone")]),
        GRAPH,
        "alone",
    ),
    "an integer variable": (
        lambda w: optimizers.SGD(0.1).minimize(w.loss, [w.graph.variable([1], name="counts")]),
        GRAPH,
        "counts",
    ),
    "None among variables": (
        lambda w: optimizers.SGD(0.1).minimize(w.loss, [None]),
        TypeError,
        "None",
    ),
    "another graph's variable": (
        lambda w: optimizers.SGD(0.1).minimize(w.loss, [w.other.variable([1.0], name="far")]),
        GRAPH,
        "far|another graph",
    ),
    "gradients in a list": (lambda w: optimizers.SGD(0.1).apply([w.y]), TypeError, "dictionary"),
    "a gradient that is a number": (
        lambda w: optimizers.SGD(0.1).apply({w.weights: 1.0}),
        TypeError,
        "gradient.*1.0",
    ),
    "a gradient of another shape": (
        lambda w: optimizers.SGD(0.1).apply({w.weights: w.x}),
        GRAPH,
        "the weights|3",
    ),
}
PAIRS = (np.zeros((4, 2), F32), np.zeros(4, np.int32))
DATA: dict[str, Program] = {
    "a batch of 0": (lambda w: data.batches(*PAIRS, 0, seed=0), ValueError, "0"),
    "a batch of text": (lambda w: data.batches(*PAIRS, "2", seed=0), TypeError, "'2'"),
    "other numbers of labels": (
        lambda w: data.batches(PAIRS[0], np.zeros(3, np.int32), 2, seed=0),
        ValueError,
        "4.*3",
    ),
    "nothing to make batches of": (
        lambda w: data.batches(PAIRS[0][:0], PAIRS[1][:0], 2, seed=0),
        ValueError,
        "no examples",
    ),
    "labels that are floats": (lambda w: data.one_hot([0.5], 3), TypeError, "float64"),
    "labels outside": (lambda w: data.one_hot([0, 3], 3), ValueError, "3"),
    "negative labels": (lambda w: data.one_hot([-1], 3), ValueError, "-1"),
    "a depth of 0": (lambda w: data.one_hot([0], 0), ValueError, "depth.*0"),
    "all for testing": (lambda w: data.digits(test_fraction=1.0), ValueError, "test_fraction.*1"),
    "no size": (lambda w: data.digits(image_size=0), ValueError, "image_size.*0"),
    "a folder without MNIST": (
        lambda w: data.mnist("/nowhere", download=False),
        FileNotFoundError,
        "nowhere",
    ),
}
PROGRAMS: dict[str, dict[str, Program]] = {
    "feeds": FEEDS,
    "targets": TARGETS,
    "results": RESULTS,
    "executables": EXECUTABLES,
    "gradients": GRADIENTS,
    "tensors": TENSORS,
    "layers": LAYERS,
    "optimizers": OPTIMIZERS,
    "data": DATA,
}
