"""A two-dimensional transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpsg._api_types import Convolution2DOpDescriptor, PaddingStyle, TensorNamedDataLayout
from mpsg._mpsg import GraphError, Tensor
from mpsg.data._integers import integer
from mpsg.layers._activation import Activation, activation_function
from mpsg.layers._layer import Layer, pair
from mpsg.layers._weights import Initial, check_initial, first_weights
from mpsg.layers._windows import Padding, layout, padding_fields


class Conv2DTranspose(Layer):
    """``activation(transposed convolution of x with weights + bias)``: the opposite of
    :class:`Conv2D`, which makes images larger.

    Variables: ``weights`` of shape (height, width, filters / groups, channels), or in the order
    that ``weights_layout`` says, those of the convolution from the result back to ``x``; and
    ``bias`` of shape (filters,), which starts with zeros.

    Args:
        filters: The number of output channels, a multiple of ``groups``.
        kernel_size: Of the window: one integer, or (height, width).
        strides: How much larger the result is: one integer, or (vertical, horizontal).
        padding: What the opposite convolution pads: "same" (the result has size * stride
            elements), "valid" (not at all, so that all windows are there as a whole), a number for
            all sides, (vertical, horizontal), or ((top, bottom), (left, right)).
        dilation: Between the elements of a window: one integer, or (vertical, horizontal).
        groups: Into how many groups the channels fall that do not see each other.
        activation: A name, a function of a tensor, or None: see
            :data:`mpsg.layers.Activation`.
        output_padding: Elements added to the height and width of the result at the end, less than
            the strides: one integer, or (vertical, horizontal). 0 for "same".
        use_bias: Whether to add a bias.
        data_layout: "NHWC" or "NCHW": the order of the dimensions of ``x`` and of the result.
        weights_layout: "HWIO" or "OIHW".
        initial: As for :class:`Dense`.
        seed: As for :class:`Dense`.
        name: What the variables are named after.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range, or a name is unknown.

    Example:
        >>> y = Conv2DTranspose(64, 5, strides=2)(images)  # doctest: +SKIP
        >>> y.shape  # of images of shape (-1, 7, 7, 128)  # doctest: +SKIP
        (-1, 14, 14, 64)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Padding = "same",
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Activation = None,
        *,
        output_padding: int | Sequence[int] = 0,
        use_bias: bool = True,
        data_layout: str | TensorNamedDataLayout = "NHWC",
        weights_layout: str | TensorNamedDataLayout = "HWIO",
        initial: Initial = None,
        seed: int = 0,
        name: str = "conv2d_transpose",
    ) -> None:
        super().__init__(name)
        self._filters = integer("filters", filters, 1)
        self._kernel = pair("kernel_size", kernel_size, 1)
        self._groups = integer("groups", groups, 1)
        if self._filters % self._groups:
            raise ValueError(f"{filters} filters do not fall into {groups} equal groups")
        self._activation = activation
        self._function = activation_function(activation)
        self._use_bias = bool(use_bias)
        self._initial = check_initial(initial)
        self._seed = integer("seed", seed, 0)
        self._strides = pair("strides", strides, 1)
        self._dilation = pair("dilation", dilation, 1)
        self._added = pair("output_padding", output_padding, 0)
        style, sides = padding_fields(padding)
        if any(added >= stride for added, stride in zip(self._added, self._strides, strict=True)):
            raise ValueError(
                f"output_padding must be less than strides, {strides}, not {output_padding}"
            )
        if style == PaddingStyle.TF_SAME and any(self._added):
            raise ValueError('output_padding does not go with padding="same"')
        self._style, self._sides = style, sides
        self._descriptor = Convolution2DOpDescriptor(
            stride_in_y=self._strides[0],
            stride_in_x=self._strides[1],
            dilation_rate_in_y=self._dilation[0],
            dilation_rate_in_x=self._dilation[1],
            groups=self._groups,
            padding_style=style,
            padding_top=sides[0],
            padding_bottom=sides[1],
            padding_left=sides[2],
            padding_right=sides[3],
            data_layout=layout("data_layout", data_layout, ("NHWC", "NCHW")),
            weights_layout=layout("weights_layout", weights_layout, ("HWIO", "OIHW")),
        )

    def _length(self, axis: int, size: int) -> int:
        """Elements of the result along the height (axis 0) or width from those of the source."""
        stride = self._strides[axis]
        if self._style == PaddingStyle.TF_SAME:
            return size * stride
        window = (self._kernel[axis] - 1) * self._dilation[axis] + 1
        padded = self._sides[2 * axis] + self._sides[2 * axis + 1]
        return (size - 1) * stride + window - padded + self._added[axis]

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        graph = x.graph
        channels_last = self._descriptor.data_layout == TensorNamedDataLayout.NHWC
        channels = self._check_features(x, shape, axis=3 if channels_last else 1, rank=-4)
        if channels % self._groups:
            raise GraphError(
                f"the layer '{self.name}' has {self._groups} groups, into which the {channels} "
                f"channels of '{x.name}' do not fall equally"
            )
        sizes = shape[1:3] if channels_last else shape[2:4]
        if min(sizes) < 1:
            raise GraphError(
                f"the layer '{self.name}' must know the height and width of '{x.name}', whose "
                f"shape is {shape}"
            )
        height, width = (self._length(axis, size) for axis, size in enumerate(sizes))
        if min(height, width) < 1:
            raise GraphError(f"nothing is left of '{x.name}' in the layer '{self.name}'")
        image = [height, width, self._filters] if channels_last else [self._filters, height, width]
        result = graph.convolution_transpose_2d(
            x, self._weights(x, channels), self._output_shape(x, shape[0], image), self._descriptor
        )
        if shape[0] < 0:
            result = graph.reshape(result, [-1, *image])  # says what the run-time shape does not
        if self._use_bias:
            bias = self._trainable(x, "bias", 0.0, [self._filters])
            if not channels_last:
                bias = graph.reshape(bias, [self._filters, 1, 1])
            result = result + bias
        return self._function(result) if self._function else result

    def _weights(self, x: Tensor, channels: int) -> Tensor:
        height, width = self._kernel
        filters = self._filters // self._groups
        fans = (channels // self._groups * height * width, filters * height * width)
        if self._descriptor.weights_layout == TensorNamedDataLayout.HWIO:
            size = (height, width, filters, channels)
        else:
            size = (channels, filters, height, width)

        def first() -> np.ndarray:
            return first_weights(x.graph, self._initial, self._activation, size, fans, self._seed)

        return self._trainable(x, "weights", first, size)

    @staticmethod
    def _output_shape(x: Tensor, batch: int, image: list[int]) -> list[int] | Tensor:
        if batch >= 0:
            return [batch, *image]
        graph = x.graph
        return graph.concat(
            [graph.shape_of(x)[:1], graph.constant(np.array(image, np.int32))], dimension=0
        )
