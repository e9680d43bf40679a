"""Pictures of training and of graphs, made with matplotlib; pages of what the compiler did.

- :func:`loss_curve`: how the loss went down.
- :func:`image_grid`: images with what the network said; mistakes in red.
- :func:`confusion_matrix`: which classes are taken for which.
- :func:`training_report`: the three above in one figure.
- :func:`graph`: the operations of a graph and the tensors between them.
- :func:`stitching`: the kernels that the compiler made of a graph, as a page of HTML.

:func:`stitching` returns an :class:`HtmlPage`, and with ``path`` also saves it as HTML. Every other
function returns a ``matplotlib.figure.Figure``, and with ``path`` also saves it as PNG, SVG or PDF,
by the ending of the name. None of them touches pyplot, so no display is needed, nothing stays open,
and figures may be made in any thread.

Pictures need ``pip install "mpsg[show]"``; pages, and importing the module, do not.
"""

from __future__ import annotations

from mpsg.show._confusion import confusion_matrix
from mpsg.show._curve import loss_curve
from mpsg.show._graph import graph
from mpsg.show._html import HtmlPage
from mpsg.show._images import image_grid
from mpsg.show._report import training_report
from mpsg.show._stitching import stitching

__all__ = [
    "HtmlPage",
    "confusion_matrix",
    "graph",
    "image_grid",
    "loss_curve",
    "stitching",
    "training_report",
]
