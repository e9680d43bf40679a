"""A character model, one character at a time: embedding 65 x 256 -> LSTM cell of 1024 units ->
dense 65 -> softmax at temperature 0.8 -> sample. Batch 1: bound by reading 21 MB of weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workloads._setup import Array, mlx_module, normal, tensorflow_module, torch_module
from workloads._work import Work

VOCABULARY, EMBEDDING, HIDDEN = 65, 256, 1024
CHARACTERS = 128
TEMPERATURE = 0.8
TOLERANCE = 1e-3
PROMPT = [3, 14, 15, 9, 2, 6, 53, 58]


def start() -> dict[str, Array]:
    """The gates stand in the order input, forget, cell, output."""
    return {
        "embedding": normal(0, VOCABULARY, EMBEDDING, scale=0.5),
        "input": normal(1, EMBEDDING, 4 * HIDDEN, scale=0.05),
        "recurrent": normal(2, HIDDEN, 4 * HIDDEN, scale=0.03),
        "bias": normal(3, 4 * HIDDEN, scale=0.05),
        "out": normal(4, HIDDEN, VOCABULARY, scale=0.05),
        "out_bias": normal(5, VOCABULARY, scale=0.05),
    }


def prompted(logits_after: Callable[[list[int]], Any]) -> Array:
    """What must agree: the logits after a prompt."""
    return np.asarray(logits_after(PROMPT)).ravel()


class MpsgModel:
    """The cell and the sampling, as graph operations."""

    def __init__(self) -> None:
        import mpsg

        self.graph = mpsg.Graph()
        self.w = {name: self.graph.variable(value, name=name) for name, value in start().items()}

    def cell(self, character: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
        graph, w = self.graph, self.w
        x = graph.gather(w["embedding"], character, 0, 0)
        z = x @ w["input"] + h @ w["recurrent"] + w["bias"]
        i, f, g, o = graph.split(z, num_splits=4, axis=1)
        c = graph.sigmoid(f) * c + graph.sigmoid(i) * graph.tanh(g)
        h = graph.sigmoid(o) * graph.tanh(c)
        return h @ w["out"] + w["out_bias"], h, c

    def sample(self, logits: Any, uniform: Any) -> Any:
        """The first character whose cumulative probability exceeds a uniform number."""
        import mpsg

        graph = self.graph
        p = graph.softmax(logits * (1 / TEMPERATURE), 1)
        # Gumbel's trick needs one uniform number for each class and no cumulative sum.
        noisy = graph.logarithm(p) - graph.logarithm(-graph.logarithm(uniform + 1e-20))
        return graph.reshape(graph.cast(graph.reduction_arg_maximum(noisy, 1), mpsg.int32), [1])


def mpsg_prompted(model: MpsgModel) -> Array:
    import mpsg

    graph = model.graph
    character = graph.placeholder([1], mpsg.int32)
    h, c = graph.placeholder([1, HIDDEN]), graph.placeholder([1, HIDDEN])
    targets = list(model.cell(character, h, c))

    def logits_after(prompt: list[int]) -> Array:
        state = [np.zeros((1, HIDDEN), np.float32)] * 2
        for index in prompt:
            feeds = {character: np.array([index], np.int32), h: state[0], c: state[1]}
            results = graph.run(feeds, targets)
            logits, *state = (results[target].numpy() for target in targets)
        return logits

    return prompted(logits_after)


def with_mpsg_steps(characters: int) -> Work:
    import mpsg

    model = MpsgModel()
    graph = model.graph
    zeros = np.zeros((1, HIDDEN), np.float32)
    character = graph.variable(np.zeros(1, np.int32))
    h, c = graph.variable(zeros), graph.variable(zeros)
    logits, next_h, next_c = model.cell(character, h, c)
    sampled = model.sample(logits, graph.random_uniform([1, VOCABULARY], seed=7))
    updates = [graph.assign(character, sampled), graph.assign(h, next_h), graph.assign(c, next_c)]
    executable = graph.compile({}, [sampled], updates)

    def run() -> int:
        text = 0
        for _ in range(characters):
            text = executable.run([])[0].item()
        return text

    assert mpsg.int32
    return Work(run, lambda: mpsg_prompted(model), per_run=characters)


def with_mpsg_loop(characters: int) -> Work:
    import mpsg

    model = MpsgModel()
    graph = model.graph
    state = graph.variable(graph.run({}, [s := graph.random_philox_state(7)])[s].numpy())
    places = np.arange(characters, dtype=np.int32)

    def body(index: Any, arguments: list[Any]) -> list[Any]:
        character, h, c, random_state, text = arguments
        logits, h, c = model.cell(character, h, c)
        uniform, random_state = graph.random_uniform([1, VOCABULARY], state=random_state)
        character = model.sample(logits, uniform)
        here = graph.equal(graph.constant(places), graph.cast(index, mpsg.int32))
        return [character, h, c, random_state, graph.select(here, character, text)]

    zeros = graph.constant(np.zeros((1, HIDDEN), np.float32))
    first = graph.constant(np.zeros(1, np.int32))
    text = graph.constant(np.zeros(characters, np.int32))
    results = graph.for_loop(
        [first, zeros, zeros, graph.read(state), text], body, number_of_iterations=characters
    )
    executable = graph.compile({}, [results[4]], [graph.assign(state, results[3])])
    return Work(
        lambda: executable.run([])[0].numpy(), lambda: mpsg_prompted(model), per_run=characters
    )


def with_torch_steps(characters: int) -> Work:
    torch = torch_module()
    w = start()
    embedding = torch.nn.Embedding.from_pretrained(torch.tensor(w["embedding"]))
    cell = torch.nn.LSTM(EMBEDDING, HIDDEN)
    head = torch.nn.Linear(HIDDEN, VOCABULARY)
    with torch.no_grad():
        cell.weight_ih_l0.copy_(torch.tensor(w["input"].T))
        cell.weight_hh_l0.copy_(torch.tensor(w["recurrent"].T))
        cell.bias_ih_l0.copy_(torch.tensor(w["bias"]))
        cell.bias_hh_l0.zero_()
        head.weight.copy_(torch.tensor(w["out"].T))
        head.bias.copy_(torch.tensor(w["out_bias"]))

    def step(character: Any, h: Any, c: Any) -> Any:
        out, (h, c) = cell(embedding(character).view(1, 1, EMBEDDING), (h, c))
        return head(out.view(1, HIDDEN)), h, c

    def zeros() -> Any:
        return torch.zeros(1, 1, HIDDEN)

    def run() -> int:
        with torch.inference_mode():
            character, h, c = torch.zeros(1, dtype=torch.long), zeros(), zeros()
            for _ in range(characters):
                logits, h, c = step(character, h, c)
                p = torch.softmax(logits / TEMPERATURE, -1)
                character = torch.multinomial(p, 1).view(1)
                int(character)
            return int(character)

    def logits_after(prompt: list[int]) -> Any:
        with torch.inference_mode():
            h, c = zeros(), zeros()
            for index in prompt:
                logits, h, c = step(torch.tensor([index]), h, c)
            return logits.numpy()

    return Work(run, lambda: prompted(logits_after), per_run=characters)


def formula(m: Any, w: Any, sigmoid: Any, character: Any, h: Any, c: Any) -> Any:
    z = w["embedding"][character] @ w["input"] + h @ w["recurrent"] + w["bias"]
    i, f, g, o = m.split(z, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * m.tanh(g)
    h = sigmoid(o) * m.tanh(c)
    return h @ w["out"] + w["out_bias"], h, c


def jax_parts() -> Any:
    import jax
    from jax import numpy as jnp

    w = {name: jnp.asarray(value) for name, value in start().items()}

    def cell(w: Any, character: Any, h: Any, c: Any) -> Any:
        return formula(jnp, w, jax.nn.sigmoid, character, h, c)

    def step(w: Any, state: Any) -> Any:
        character, h, c, key = state
        logits, h, c = cell(w, character, h, c)
        key, now = jax.random.split(key)
        character = jax.random.categorical(now, logits / TEMPERATURE)
        return (character, h, c, key), character

    zeros = jnp.zeros(HIDDEN)
    state = (jnp.int32(0), zeros, zeros, jax.random.key(0))

    def logits_after(prompt: list[int]) -> Any:
        h = c = zeros
        for index in prompt:
            logits, h, c = jax.jit(cell)(w, jnp.int32(index), h, c)
        return logits

    return jax, w, step, state, logits_after


def with_jax_steps(characters: int) -> Work:
    jax, w, step, state, logits_after = jax_parts()
    compiled = jax.jit(step)

    def run() -> int:
        now, text = state, 0
        for _ in range(characters):
            now, character = compiled(w, now)
            text = int(character)
        return text

    return Work(run, lambda: prompted(logits_after), per_run=characters)


def with_jax_loop(characters: int) -> Work:
    jax, w, step, state, logits_after = jax_parts()
    compiled = jax.jit(
        lambda w, state: jax.lax.scan(lambda s, _: step(w, s), state, None, length=characters)[1]
    )
    return Work(
        lambda: np.asarray(compiled(w, state)), lambda: prompted(logits_after), per_run=characters
    )


def with_mlx_steps(characters: int) -> Work:
    mx = mlx_module()
    w = {name: mx.array(value) for name, value in start().items()}
    cell = mx.compile(lambda character, h, c: formula(mx, w, mx.sigmoid, character, h, c))

    def run() -> int:
        character, h, c = mx.array([0]), mx.zeros((1, HIDDEN)), mx.zeros((1, HIDDEN))
        text = 0
        for _ in range(characters):
            logits, h, c = cell(character, h, c)
            character = mx.random.categorical(logits / TEMPERATURE)
            text = character.item()
        return text

    def logits_after(prompt: list[int]) -> Any:
        h = c = mx.zeros((1, HIDDEN))
        for index in prompt:
            logits, h, c = cell(mx.array([index]), h, c)
        return np.array(logits)

    return Work(run, lambda: prompted(logits_after), per_run=characters, warm_up=1)


def with_tensorflow_steps(characters: int, compiled: bool = False) -> Work:
    tf = tensorflow_module()
    w = {name: tf.constant(value) for name, value in start().items()}

    @tf.function(jit_compile=compiled)
    def cell(character: Any, h: Any, c: Any) -> Any:
        x = tf.gather(w["embedding"], character)
        z = x @ w["input"] + h @ w["recurrent"] + w["bias"]
        i, f, g, o = tf.split(z, 4, -1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        return h @ w["out"] + w["out_bias"], h, c

    @tf.function
    def step(character: Any, h: Any, c: Any) -> Any:
        logits, h, c = cell(character, h, c)
        sampled = tf.random.categorical(logits / TEMPERATURE, 1, dtype=tf.int32)
        return tf.reshape(sampled, [1]), h, c

    def first() -> Any:
        return tf.zeros([1], tf.int32), tf.zeros((1, HIDDEN)), tf.zeros((1, HIDDEN))

    def run() -> int:
        state, text = first(), 0
        for _ in range(characters):
            state = step(*state)
            text = int(state[0][0])
        return text

    def logits_after(prompt: list[int]) -> Any:
        _, h, c = first()
        for index in prompt:
            logits, h, c = cell(tf.constant([index]), h, c)
        return logits

    return Work(run, lambda: prompted(logits_after), per_run=characters)
