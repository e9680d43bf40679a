"""GeLU, the Gaussian error linear unit, built from small operations of a graph.

    gelu(x) = x * (1 + erf(x * sqrt(1/2))) / 2

This is the first example of Apple's talk on MPSGraph: define inputs, write operations, run.
"""

from __future__ import annotations

import math

import numpy as np

import mpsg


def gelu(graph: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    """Append the operations of GeLU; any shape, also one that only the run knows."""
    one = graph.constant(1.0)
    half = graph.constant(0.5)
    half_root = graph.square_root(half)
    scaled = graph.multiplication(x, half_root)
    twice_probability = graph.addition(graph.erf(scaled), one)
    return graph.multiplication(graph.multiplication(x, half), twice_probability)


def main() -> None:
    # 1. The inputs. -1: a number of rows that is known when the graph runs.
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 3], mpsg.float32, name="x")

    # 2. The operations.
    y = gelu(graph, x)
    print(graph.to_text())

    # 3. Run it, with two rows and with four.
    for rows in (2, 4):
        values = np.linspace(-3, 3, 3 * rows, dtype=np.float32).reshape(rows, 3)
        results = graph.run({x: values}, [y])
        computed = results[y].numpy()

        exact = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in values.ravel().tolist()]
        error = np.abs(computed.ravel() - exact).max()
        print(f"x =\n{values}\ngelu(x) =\n{computed}\nlargest error: {error:.1e}\n")
        assert error < 1e-6


if __name__ == "__main__":
    main()
