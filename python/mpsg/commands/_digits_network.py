"""The network that ``python -m mpsg digits`` trains, written with the graph's own methods.

It is the network of Apple's sample: two convolutions, each with ReLU and max pooling, and two
fully connected layers. :mod:`mpsg.layers` and :mod:`mpsg.optimizers` would write the same shorter.
"""

from __future__ import annotations

from dataclasses import dataclass

import mpsg
from mpsg.layers import glorot_uniform, he_uniform

CLASSES = 10


@dataclass(frozen=True)
class DigitsNetwork:
    """A graph for training and for classifying.

    Attributes:
        graph: The graph that has it all.
        images: Placeholder of shape (-1, 28, 28, 1), values from 0 to 1.
        labels: Placeholder of shape (-1, 10), each row with a single one.
        loss: The mean cross entropy of the batch, shape ().
        classes: The most probable class of each image, int32 of shape (-1, 1).
        updates: What a run must have among its target operations to train.
        variables: Weights and biases.
    """

    graph: mpsg.Graph
    images: mpsg.Tensor
    labels: mpsg.Tensor
    loss: mpsg.Tensor
    classes: mpsg.Tensor
    updates: list[mpsg.Operation]
    variables: list[mpsg.Tensor]


def build(learning_rate: float, seed: int) -> DigitsNetwork:
    """Build the network and its training step.

    Args:
        learning_rate: Of the gradient descent.
        seed: Decides the first values of the weights.
    """
    graph = mpsg.Graph()

    # What each run is fed. -1: any number of images, known when the graph runs.
    images = graph.placeholder([-1, 28, 28, 1], mpsg.float32, name="images")
    labels = graph.placeholder([-1, CLASSES], mpsg.float32, name="labels")

    # What is learned: variables keep their values from run to run.
    convolution_1 = graph.variable(he_uniform([5, 5, 1, 32], 25, seed, 1), name="convolution_1")
    bias_1 = graph.variable(0.0, [32], name="bias_1")
    convolution_2 = graph.variable(he_uniform([5, 5, 32, 64], 800, seed, 2), name="convolution_2")
    bias_2 = graph.variable(0.0, [64], name="bias_2")
    dense_1 = graph.variable(he_uniform([3136, 1024], 3136, seed, 3), name="dense_1")
    bias_3 = graph.variable(0.0, [1024], name="bias_3")
    dense_2 = graph.variable(glorot_uniform([1024, 10], 1024, 10, seed, 4), name="dense_2")
    bias_4 = graph.variable(0.0, [CLASSES], name="bias_4")
    variables = [
        *(convolution_1, bias_1, convolution_2, bias_2),
        *(dense_1, bias_3, dense_2, bias_4),
    ]

    # Forward: images -> logits. A variable given to an operation is read there.
    same = mpsg.Convolution2DOpDescriptor(
        padding_style=mpsg.PaddingStyle.TF_SAME,
        data_layout=mpsg.TensorNamedDataLayout.NHWC,
        weights_layout=mpsg.TensorNamedDataLayout.HWIO,
    )
    halve = mpsg.Pooling2DOpDescriptor(
        kernel_width=2,
        kernel_height=2,
        stride_in_x=2,
        stride_in_y=2,
        padding_style=mpsg.PaddingStyle.TF_VALID,
        data_layout=mpsg.TensorNamedDataLayout.NHWC,
    )
    x = graph.relu(graph.convolution_2d(images, convolution_1, same) + bias_1)
    x = graph.max_pooling_2d(x, halve)  # (-1, 14, 14, 32)
    x = graph.relu(graph.convolution_2d(x, convolution_2, same) + bias_2)
    x = graph.max_pooling_2d(x, halve)  # (-1, 7, 7, 64)
    x = graph.reshape(x, [-1, 3136])
    x = graph.relu(x @ dense_1 + bias_3)
    logits = graph.addition(x @ dense_2, bias_4, name="logits")
    probabilities = graph.softmax(logits, axis=1, name="probabilities")
    classes = graph.reduction_arg_maximum(probabilities, axis=1, name="classes")

    # Backward: the gradients are more operations of the same graph.
    loss = graph.softmax_cross_entropy(
        logits, labels, axis=1, reduction_type=mpsg.LossReductionType.MEAN, name="loss"
    )
    gradients = graph.gradients(loss, variables)

    # Each variable takes a step down. The assigns happen in runs that have them as targets.
    rate = graph.constant(learning_rate, name="learning_rate")
    updates = []
    for variable in variables:
        stepped = graph.stochastic_gradient_descent(rate, variable, gradients[variable])
        updates.append(graph.assign(variable, stepped))

    return DigitsNetwork(graph, images, labels, loss, classes, updates, variables)
