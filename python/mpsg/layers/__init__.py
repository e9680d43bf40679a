"""Layers: they make variables and return tensors.

- :class:`Dense`, :class:`Conv2D`, :class:`Conv2DTranspose`: products with weights, a bias, an
  activation; :func:`leaky_relu` makes an activation.
- :class:`Embedding`: a table of vectors. :class:`LSTM`: a recurrent layer, whole or step by step.
- :class:`MaxPool2D`, :class:`AvgPool2D`, :class:`Flatten`, :class:`Dropout`: without variables.
- :class:`BatchNorm`, :class:`LayerNorm`: normalization with trainable scale and offset.
- :class:`Sequential`: one after the other.
- :func:`he_uniform`, :func:`glorot_uniform`: first values of weights, the same on every machine.

A layer makes its variables when it is first called, in the graph of the tensor it is given; called
again, it uses them again::

    model = mpsg.layers.Sequential([
        mpsg.layers.Conv2D(32, 5, activation="relu"),
        mpsg.layers.MaxPool2D(2),
        mpsg.layers.Flatten(),
        mpsg.layers.Dense(10),
    ])
    logits = model(images, training=True)
    predictions = model(images)
    updates = mpsg.optimizers.SGD(0.1).minimize(loss, model.variables)
"""

from __future__ import annotations

from mpsg.layers._activation import Activation, leaky_relu
from mpsg.layers._batch_norm import BatchNorm
from mpsg.layers._conv import Conv2D
from mpsg.layers._conv_transpose import Conv2DTranspose
from mpsg.layers._dense import Dense
from mpsg.layers._dropout import Dropout
from mpsg.layers._embedding import Embedding
from mpsg.layers._flatten import Flatten
from mpsg.layers._initial import glorot_uniform, he_uniform
from mpsg.layers._layer import Layer
from mpsg.layers._layer_norm import LayerNorm
from mpsg.layers._lstm import LSTM, LSTMState
from mpsg.layers._pool import AvgPool2D, MaxPool2D
from mpsg.layers._sequential import Sequential

__all__ = [
    "Activation",
    "AvgPool2D",
    "BatchNorm",
    "LSTM",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "LSTMState",
    "Layer",
    "LayerNorm",
    "MaxPool2D",
    "Sequential",
    "glorot_uniform",
    "he_uniform",
    "leaky_relu",
]
