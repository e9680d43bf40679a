"""Train on handwritten digits, with mpsg.layers and mpsg.optimizers.

`python -m mpsg digits` trains the same network, written with the graph's own methods. This needs
`pip install "mpsg[data]"`.
"""

from __future__ import annotations

import sys

import numpy as np

import mpsg
from mpsg import data, layers, optimizers


def main(iterations: int = 200) -> None:
    digits = data.digits()
    model = layers.Sequential(
        [
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPool2D(2),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPool2D(2),
            layers.Flatten(),
            layers.Dense(128, "relu"),
            layers.Dropout(0.3),
            layers.Dense(10),
        ]
    )

    graph = mpsg.Graph()
    images = graph.placeholder([-1, 28, 28, 1], name="images")
    labels = graph.placeholder([-1], mpsg.int32, name="labels")
    rate = graph.placeholder([], name="rate")

    targets = graph.one_hot(labels, 10)
    loss = graph.softmax_cross_entropy(
        model(images, training=True), targets, 1, mpsg.LossReductionType.MEAN
    )
    updates = optimizers.Adam(rate).minimize(loss, model.variables)
    classes = graph.reduction_arg_maximum(model(images), axis=1)

    batches = data.batches(digits.train_images, digits.train_labels, 32, seed=0)
    for step, (x, y) in zip(range(iterations), batches, strict=False):
        # Fed at each run: a new rate compiles nothing anew.
        feeds = {images: x, labels: y, rate: 0.002 * (1 - step / iterations)}
        results = graph.run(feeds, [loss], updates)
        if step % 20 == 0:
            print(f"step {step:4}: loss {results[loss].item():.3f}")

    said = graph.run({images: digits.test_images}, [classes])[classes].numpy().reshape(-1)
    print(f"test accuracy: {np.mean(said == digits.test_labels):.1%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
