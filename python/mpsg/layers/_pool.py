"""Pooling: one number for each window."""

from __future__ import annotations

from collections.abc import Sequence

from mpsg._api_types import Pooling2DOpDescriptor, TensorNamedDataLayout
from mpsg._mpsg import GraphError, Tensor
from mpsg.layers._layer import Layer, pair
from mpsg.layers._windows import Padding, layout, padding_fields


class _Pool2D(Layer):
    def __init__(
        self,
        size: int | Sequence[int],
        strides: int | Sequence[int] | None,
        padding: Padding,
        data_layout: str | TensorNamedDataLayout,
        name: str,
    ) -> None:
        super().__init__(name)
        window = pair("size", size, 1)
        stride = window if strides is None else pair("strides", strides, 1)
        style, (top, bottom, left, right) = padding_fields(padding)
        self._descriptor = Pooling2DOpDescriptor(
            kernel_height=window[0],
            kernel_width=window[1],
            stride_in_y=stride[0],
            stride_in_x=stride[1],
            padding_style=style,
            padding_top=top,
            padding_bottom=bottom,
            padding_left=left,
            padding_right=right,
            data_layout=layout("data_layout", data_layout, ("NHWC", "NCHW")),
        )

    def _check_rank(self, x: Tensor, shape: tuple[int, ...]) -> None:
        if len(shape) != 4:
            raise GraphError(
                f"the layer '{self.name}' takes tensors of rank 4, but '{x.name}' has shape {shape}"
            )


class MaxPool2D(_Pool2D):
    """The largest element of each window, channel by channel.

    Args:
        size: Of the window: one integer, or (height, width).
        strides: Between windows, in the same forms; None is the size: windows side by side.
        padding: As for :class:`Conv2D`; what is padded is never the largest.
        data_layout: "NHWC" or "NCHW".
        name: What messages call it.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range, or a name is unknown.

    Example:
        >>> y = MaxPool2D(2)(images)  # (-1, 28, 28, 32) -> (-1, 14, 14, 32)  # doctest: +SKIP
    """

    def __init__(
        self,
        size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: Padding = "valid",
        *,
        data_layout: str | TensorNamedDataLayout = "NHWC",
        name: str = "max_pool2d",
    ) -> None:
        super().__init__(size, strides, padding, data_layout, name)

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        self._check_rank(x, shape)
        return x.graph.max_pooling_2d(x, self._descriptor)


class AvgPool2D(_Pool2D):
    """The mean of each window, channel by channel; what is padded does not count.

    Args:
        size: Of the window: one integer, or (height, width).
        strides: Between windows, in the same forms; None is the size: windows side by side.
        padding: As for :class:`Conv2D`.
        data_layout: "NHWC" or "NCHW".
        name: What messages call it.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range, or a name is unknown.

    Example:
        >>> y = AvgPool2D(2)(images)  # (-1, 28, 28, 32) -> (-1, 14, 14, 32)  # doctest: +SKIP
    """

    def __init__(
        self,
        size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: Padding = "valid",
        *,
        data_layout: str | TensorNamedDataLayout = "NHWC",
        name: str = "avg_pool2d",
    ) -> None:
        super().__init__(size, strides, padding, data_layout, name)

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        self._check_rank(x, shape)
        return x.graph.avg_pooling_2d(x, self._descriptor)
