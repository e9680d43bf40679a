"""Pictures of training and of graphs, made with matplotlib.

- :func:`loss_curve`: how the loss went down.
- :func:`image_grid`: images with what the network said; mistakes in red.
- :func:`confusion_matrix`: which classes are taken for which.
- :func:`training_report`: the three above in one figure.
- :func:`graph`: the operations of a graph and the tensors between them.

Every function returns a ``matplotlib.figure.Figure``, and with ``path`` also saves it as PNG, SVG
or PDF, by the ending of the name. None of them touches pyplot, so no display is needed, nothing
stays open, and figures may be made in any thread.

This needs ``pip install "mpsg[show]"``; importing the module does not.
"""

from __future__ import annotations

from mpsg.show._confusion import confusion_matrix
from mpsg.show._curve import loss_curve
from mpsg.show._graph import graph
from mpsg.show._images import image_grid
from mpsg.show._report import training_report

__all__ = ["confusion_matrix", "graph", "image_grid", "loss_curve", "training_report"]
