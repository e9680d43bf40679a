"""What loading ONNX models promises beside the operations: names, variables, functions, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

import mpsg
import mpsg.onnx

HEAD = '<ir_version: 9, opset_import: ["" : 21, "own" : 1]>'


def model(text: str) -> Any:
    return parser.parse_model(HEAD + text)


def test_open_sizes_and_names() -> None:
    loaded = mpsg.onnx.load(
        model("g (float[N, 2] x, float[2] y) => (float[N, 2] z) { z = Add(x, y) }")
    )
    assert list(loaded.inputs) == ["x", "y"]
    assert list(loaded.outputs) == ["z"]
    assert loaded.inputs["x"].shape == (-1, 2)
    for rows in (1, 3):
        z = loaded.run({"x": np.ones((rows, 2), np.float32), "y": np.ones(2, np.float32)})["z"]
        assert z.tolist() == [[2.0, 2.0]] * rows


def test_computed_shapes() -> None:
    loaded = mpsg.onnx.load(
        model(
            """g (float[N, M] x) => (float[K, L] z) {
            shape = Shape(x)
            first = Constant<value = int64 {0}>()
            second = Constant<value = int64 {1}>()
            axis = Constant<value = int64[1] {0}>()
            rows = Gather(shape, first)
            columns = Gather(shape, second)
            a = Unsqueeze(columns, axis)
            b = Unsqueeze(rows, axis)
            turned = Concat<axis = 0>(a, b)
            z = Reshape(x, turned)
        }"""
        )
    )
    for shape in ((2, 3), (4, 5)):
        x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        assert np.array_equal(loaded.run({"x": x})["z"], x.reshape(shape[::-1]))


def test_variables_can_be_trained() -> None:
    text = """g (float[N, 2] x) => (float[N, 1] y) <float[2, 1] w = {1, 2}, int64[1] n = {-1}> {
        y = MatMul(x, w) }"""
    loaded = mpsg.onnx.load(model(text), variables=True)
    assert list(loaded.variables) == ["w"]
    graph, w = loaded.graph, loaded.variables["w"]
    gradient = graph.gradients(loaded.outputs["y"], [w])[w]
    x = np.array([[3.0, 4.0]], np.float32)
    update = graph.assign(w, w - gradient)
    graph.run({loaded.inputs["x"]: x}, [], [update])
    assert loaded.run({"x": x})["y"].tolist() == [[3.0 * (1 - 3) + 4.0 * (2 - 4)]]
    assert mpsg.onnx.load(model(text)).variables == {}


def test_function_of_the_model() -> None:
    loaded = mpsg.onnx.load(
        model(
            """g (float[2] x) => (float[2] y) { y = own.scaled<factor: float = 3.0>(x) }
            <domain: "own", opset_import: ["" : 21]>
            scaled <factor> (a) => (b) {
                f = Constant<value_float: float = @factor>()
                b = Mul(a, f)
            }"""
        )
    )
    assert loaded.run({"x": [1.0, 2.0]})["y"].tolist() == [3.0, 6.0]


def test_constant_condition_becomes_its_branch() -> None:
    loaded = mpsg.onnx.load(
        model(
            """g (float[2] x) => (float[A] y) {
            yes = Constant<value = bool {1}>()
            y = If (yes) <
                then_branch = a () => (float[2] p) { p = Neg(x) },
                else_branch = b () => (float[3] q) { q = Constant<value = float[3] {1, 2, 3}>() }
            > }"""
        )
    )
    assert all(operation.op != "if_else" for operation in loaded.graph.operations)
    assert loaded.run({"x": [1.0, 2.0]})["y"].tolist() == [-1.0, -2.0]


def test_loop_that_stops_early() -> None:
    loaded = mpsg.onnx.load(
        model(
            """g (float x) => (float last, float[K] all) {
            most = Constant<value = int64 {10}>()
            yes = Constant<value = bool {1}>()
            limit = Constant<value = float {20}>()
            last, all = Loop (most, yes, x) <
                body = b (int64 i, bool before, float a) => (bool after, float next, float seen) {
                    next = Add(a, a)
                    seen = Identity(next)
                    after = Less(next, limit)
                }
            > }"""
        )
    )
    results = loaded.run({"x": np.float32(3)})
    assert results["last"].item() == 24.0
    assert results["all"].tolist() == [6.0, 12.0, 24.0]


# --- Mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g (float[2] x) => (float[2] y) { y = own.Nothing(x) }", "own.Nothing, opset 1.*no conv"),
        ("g (float[2] x) => (float[2] y) { y = Add(x, z) }", "makes 'z'"),
        ("g (float[2] x) => (float[2] y) { y = Add(x) }", "its input 1 is missing"),
        ("g (float[2] x) => (float[2] y) { y = Cast(x) }", r"\(Cast, opset 21\) is not valid"),
        ("g (float[2] x, float[3] z) => (float[2] y) { y = Add(x, z) }", r"\(Add, opset 21\)"),
        ("g (string[2] x) => (string[2] y) { y = Identity(x) }", "no type string"),
        ("g (seq(float) x) => (float[2] y) { y = Neg(x) }", "'x' is of type sequence"),
    ],
)
def test_mistakes_name_the_node(text: str, message: str) -> None:
    with pytest.raises(mpsg.GraphError, match=message):
        mpsg.onnx.load(model(text))


def test_no_model() -> None:
    for content in (b"", b"nothing of the kind"):
        with pytest.raises(mpsg.PackageError, match="no ONNX model"):
            mpsg.onnx.load(content)


def test_feeds_by_name() -> None:
    loaded = mpsg.onnx.load(model("g (float[2] x) => (float[2] y) { y = Neg(x) }"))
    with pytest.raises(mpsg.FeedError, match="'x' is not fed; 'z' is none of them"):
        loaded.run({"z": [1.0, 2.0]})


def test_proto_bytes_and_path(tmp_path: Any) -> None:
    proto = helper.make_model(
        helper.make_graph(
            [helper.make_node("Neg", ["x"], ["y"])],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        )
    )
    onnx.save(proto, tmp_path / "model.onnx")
    for given in (proto, proto.SerializeToString(), str(tmp_path / "model.onnx")):
        assert mpsg.onnx.load(given).run({"x": [2.0]})["y"].item() == -2.0
