"""ONNX models: :func:`load` makes a graph of one, :func:`save` makes one of a graph.

It needs the package ``onnx``: ``pip install "mpsg[onnx]"``.
"""

from __future__ import annotations

from mpsg.onnx._export import save
from mpsg.onnx._model import ImportedModel, load

__all__ = ["ImportedModel", "load", "save"]
