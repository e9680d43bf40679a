"""Optimizers: from gradients to the operations that assign new values to variables.

- :class:`SGD`: gradient descent, with momentum (plain or Nesterov's) and weight decay if wanted.
- :class:`Adam` and :class:`AdamW`: steps of adapted size, the second with decoupled weight decay.
- :class:`RMSProp`: gradients divided by a running root mean square.
- :class:`Adagrad`: gradients divided by the root of the sum of all squares.

An optimizer only adds operations to the graph; nothing changes until a run has them among its
target operations::

    updates = mpsg.optimizers.Adam(0.001).minimize(loss, [weights, bias])
    for images, labels in batches:
        results = graph.run({x: images, y: labels}, [loss], updates)
"""

from __future__ import annotations

from mpsg.optimizers._adagrad import Adagrad
from mpsg.optimizers._adam import Adam, AdamW
from mpsg.optimizers._optimizer import Optimizer
from mpsg.optimizers._rmsprop import RMSProp
from mpsg.optimizers._sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSProp"]
