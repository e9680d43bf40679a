"""A two-dimensional convolution."""

from __future__ import annotations

from collections.abc import Sequence

from mpsg._api_types import Convolution2DOpDescriptor, TensorNamedDataLayout
from mpsg._mpsg import GraphError, Tensor
from mpsg.data._integers import integer
from mpsg.layers._activation import Activation, activation_function
from mpsg.layers._layer import Layer, pair
from mpsg.layers._weights import Initial, check_initial, first_weights
from mpsg.layers._windows import Padding, layout, padding_fields


class Conv2D(Layer):
    """``activation(convolution of x with weights + bias)``.

    Variables: ``weights`` of shape (height, width, channels / groups, filters), or in the order
    that ``weights_layout`` says, and ``bias`` of shape (filters,), which starts with zeros.

    Args:
        filters: The number of output channels, a multiple of ``groups``.
        kernel_size: Of the window: one integer, or (height, width).
        strides: Between windows: one integer, or (vertical, horizontal).
        padding: "same" (the output has size / stride elements, rounded up), "valid" (not at all),
            a number for all sides, (vertical, horizontal), or ((top, bottom), (left, right)).
        dilation: Between the elements of a window: one integer, or (vertical, horizontal).
        groups: Into how many groups the channels fall that do not see each other.
        activation: A name, a function of a tensor, or None: see
            :data:`mpsg.layers.Activation`.
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
        >>> y = Conv2D(32, 5, activation="relu")(images)  # doctest: +SKIP
        >>> y.shape  # of images of shape (-1, 28, 28, 1)  # doctest: +SKIP
        (-1, 28, 28, 32)
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
        use_bias: bool = True,
        data_layout: str | TensorNamedDataLayout = "NHWC",
        weights_layout: str | TensorNamedDataLayout = "HWIO",
        initial: Initial = None,
        seed: int = 0,
        name: str = "conv2d",
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
        stride, rate = pair("strides", strides, 1), pair("dilation", dilation, 1)
        style, (top, bottom, left, right) = padding_fields(padding)
        self._descriptor = Convolution2DOpDescriptor(
            stride_in_y=stride[0],
            stride_in_x=stride[1],
            dilation_rate_in_y=rate[0],
            dilation_rate_in_x=rate[1],
            groups=self._groups,
            padding_style=style,
            padding_top=top,
            padding_bottom=bottom,
            padding_left=left,
            padding_right=right,
            data_layout=layout("data_layout", data_layout, ("NHWC", "NCHW")),
            weights_layout=layout("weights_layout", weights_layout, ("HWIO", "OIHW")),
        )

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        graph = x.graph
        channels_last = self._descriptor.data_layout == TensorNamedDataLayout.NHWC
        channels = self._check_features(x, shape, axis=3 if channels_last else 1, rank=-4)
        if channels % self._groups:
            raise GraphError(
                f"the layer '{self.name}' has {self._groups} groups, into which the {channels} "
                f"channels of '{x.name}' do not fall equally"
            )
        height, width = self._kernel
        fan_in = channels // self._groups * height * width
        fan_out = self._filters // self._groups * height * width
        if self._descriptor.weights_layout == TensorNamedDataLayout.HWIO:
            size = (height, width, channels // self._groups, self._filters)
        else:
            size = (self._filters, channels // self._groups, height, width)
        weights = self._trainable(
            x,
            "weights",
            lambda: first_weights(
                graph, self._initial, self._activation, size, (fan_in, fan_out), self._seed
            ),
            size,
        )
        result = graph.convolution_2d(x, weights, self._descriptor)
        if self._use_bias:
            bias = self._trainable(x, "bias", 0.0, [self._filters])
            if not channels_last:
                bias = graph.reshape(bias, [self._filters, 1, 1])
            result = result + bias
        return self._function(result) if self._function else result
