"""Models that PyTorch exports, imported: they give what PyTorch gives, for any size of a batch."""

from __future__ import annotations

import functools
import io
import warnings
from typing import Any

import numpy as np
import pytest

import mpsg.onnx
from support.running import DEVICES

torch = pytest.importorskip("torch", reason="the extra [peers] is not installed")
pytestmark = [pytest.mark.peers, pytest.mark.parametrize("device", DEVICES)]
nn = torch.nn


class Block(nn.Module):
    """Of a ResNet: two convolutions beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
        )

    def forward(self, x: Any) -> Any:
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet() -> Any:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        Block(8, 8, 1),
        Block(8, 16, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )
    for module in model.modules():  # statistics as after a training
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2.0)
    return model.eval()


class Transformer(nn.Module):
    """Token and place embeddings, two encoder layers, a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(50, 32)
        self.places = nn.Parameter(torch.randn(16, 32) * 0.1)
        layer = nn.TransformerEncoderLayer(32, 4, 64, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 50)

    def forward(self, tokens: Any) -> Any:
        x = self.tokens(tokens) + self.places[: tokens.shape[1]]
        return self.head(self.encoder(x))


def lstm() -> Any:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.lstm(x)[0]

    return Last().eval()


@functools.cache
def case(name: str, dynamo: bool) -> tuple[Any, bytes, list[Any]]:
    """A model, what is exported of it, and inputs for it."""
    torch.manual_seed(1)
    if name == "resnet":
        model, axes = resnet(), {0: "batch"}
        examples = [torch.randn(batch, 3, 32, 32) for batch in (2, 5)]
    elif name == "lstm":
        model, axes = lstm(), {0: "batch"}
        examples = [torch.randn(batch, 7, 6) for batch in (2, 4)]
    else:
        # The older exporter writes the length that it saw as a constant.
        model, axes = Transformer().eval(), {0: "batch", **({1: "length"} if dynamo else {})}
        shapes = [(2, 8), (3, 8), (4, 12 if dynamo else 8)]
        examples = [torch.randint(0, 50, shape) for shape in shapes]
    return model, exported(model, examples[0], axes, dynamo), examples


def exported(model: Any, example: Any, axes: dict[int, str], dynamo: bool) -> bytes:
    """The bytes of the ONNX file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            dims = {axis: torch.export.Dim(name, min=2) for axis, name in axes.items()}
            program = torch.onnx.export(
                model, (example,), dynamo=True, dynamic_shapes=(dims,), verbose=False
            )
            program.save(file)
        else:
            torch.onnx.export(
                model,
                (example,),
                file,
                dynamo=False,
                input_names=["x"],
                output_names=["y"],
                dynamic_axes={"x": axes, "y": axes},
            )
    return file.getvalue()


# Both of PyTorch's exporters; some only in the campaign, for exporting takes seconds.
CASES = [
    pytest.param("resnet", False, id="resnet"),
    pytest.param("transformer", True, id="transformer"),
    pytest.param("lstm", False, id="lstm"),
    pytest.param("resnet", True, id="resnet-dynamo", marks=pytest.mark.soak),
    pytest.param("transformer", False, id="transformer-script", marks=pytest.mark.soak),
    pytest.param("lstm", True, id="lstm-dynamo", marks=pytest.mark.soak),
]


@pytest.mark.parametrize(("name", "dynamo"), CASES)
def test_import_agrees(name: str, dynamo: bool, device: str) -> None:
    model, content, examples = case(name, dynamo)
    imported = mpsg.onnx.load(content)
    (input_name,) = imported.inputs
    for example in examples:
        with torch.no_grad():
            wanted = model(example).numpy()
        (got,) = imported.run({input_name: example.numpy()}, device=device).values()
        # Sums of up to some hundred products in float32, some twenty of them one after the other.
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
