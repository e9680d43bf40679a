"""One step of a DCGAN on 28 x 28: generator and discriminator once each, both losses, two Adam
updates. Dropout and noise differ from framework to framework, so what must agree is the generator's
output for given noise and the discriminator's for given images, without dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from workloads._setup import Array, normal, torch_module
from workloads._work import Work

SIZES = [16]
TOLERANCE = 2e-3
RATE = 1e-4
SLOPE = 0.3
DROPPED = 0.3
EPSILON = 1e-5
# Before and after, by stride: torch's way of halving an even edge.
PADDING = {1: (2, 2), 2: (2, 1)}


def start() -> tuple[dict[str, Array], dict[str, Array]]:
    """Generator and discriminator. Convolutions HWIO; transposed ones (h, w, out, in)."""
    generator = {
        "dense": normal(0, 100, 12544, scale=0.1),
        "gamma0": np.ones(12544, np.float32),
        "beta0": np.zeros(12544, np.float32),
        "convolution1": normal(1, 5, 5, 128, 256, scale=0.02),
        "gamma1": np.ones(128, np.float32),
        "beta1": np.zeros(128, np.float32),
        "convolution2": normal(2, 5, 5, 64, 128, scale=0.03),
        "gamma2": np.ones(64, np.float32),
        "beta2": np.zeros(64, np.float32),
        "convolution3": normal(3, 5, 5, 1, 64, scale=0.05),
    }
    discriminator = {
        "convolution1": normal(4, 5, 5, 1, 64, scale=0.1),
        "bias1": np.zeros(64, np.float32),
        "convolution2": normal(5, 5, 5, 64, 128, scale=0.03),
        "bias2": np.zeros(128, np.float32),
        "dense": normal(6, 6272, 1, scale=0.02),
        "bias": np.zeros(1, np.float32),
    }
    return generator, discriminator


def noise(size: int) -> Array:
    return normal(7, size, 100)


def images(size: int) -> Array:
    return normal(8, size, 28, 28, 1)


def checked(pictures: Any, logits: Any) -> Array:
    return np.append(np.asarray(pictures).ravel()[::13], np.asarray(logits).ravel())


def with_mpsg(size: int) -> Work:
    import mpsg

    graph = mpsg.Graph()
    g, d = ({name: graph.variable(value) for name, value in part.items()} for part in start())
    layout = mpsg.TensorNamedDataLayout

    def descriptor(stride: int) -> Any:
        last = PADDING[stride][1]
        return mpsg.Convolution2DOpDescriptor(
            stride_in_x=stride,
            stride_in_y=stride,
            padding_style=mpsg.PaddingStyle.EXPLICIT,
            padding_left=2,
            padding_right=last,
            padding_top=2,
            padding_bottom=last,
            data_layout=layout.NHWC,
            weights_layout=layout.HWIO,
        )

    def leaky(x: Any) -> Any:
        return graph.leaky_relu(x, SLOPE)

    def norm(x: Any, layer: int) -> Any:
        axes = list(range(len(x.shape) - 1))
        mean, variance = graph.mean(x, axes), graph.variance(x, axes)
        gamma, beta = g[f"gamma{layer}"], g[f"beta{layer}"]
        return graph.normalization(x, mean, variance, gamma, beta, EPSILON)

    def grown(x: Any, layer: int, edge: int, channels: int, stride: int) -> Any:
        shape = [size, edge, edge, channels]
        weights = g[f"convolution{layer}"]
        return graph.convolution_transpose_2d(x, weights, shape, descriptor(stride))

    def generator(z: Any) -> Any:
        x = graph.reshape(leaky(norm(z @ g["dense"], 0)), [-1, 7, 7, 256])
        x = leaky(norm(grown(x, 1, 7, 128, 1), 1))
        x = leaky(norm(grown(x, 2, 14, 64, 2), 2))
        return graph.tanh(grown(x, 3, 28, 1, 2))

    def discriminator(x: Any, training: bool) -> Any:
        for layer in (1, 2):
            x = graph.convolution_2d(x, d[f"convolution{layer}"], descriptor(2))
            x = leaky(x + d[f"bias{layer}"])
            if training:
                x = graph.dropout(x, DROPPED)
        return graph.reshape(x, [-1, 6272]) @ d["dense"] + d["bias"]

    def cross_entropy(logits: Any, target: float) -> Any:
        absolute = graph.absolute(logits)
        softplus = graph.logarithm(graph.exponent(-absolute) + 1.0)
        return graph.mean(graph.relu(logits) - logits * target + softplus, None)

    real, fixed = graph.placeholder([size, 28, 28, 1]), graph.placeholder([size, 100])
    normal_numbers = mpsg.RandomOpDescriptor(distribution=mpsg.RandomDistribution.NORMAL)
    z = graph.random([size, 100], normal_numbers)
    fake_logits = discriminator(generator(z), True)
    real_logits = discriminator(real, True)
    generator_loss = cross_entropy(fake_logits, 1.0)
    discriminator_loss = cross_entropy(real_logits, 1.0) + cross_entropy(fake_logits, 0.0)
    updates = mpsg.optimizers.Adam(RATE).minimize(generator_loss, list(g.values()))
    updates += mpsg.optimizers.Adam(RATE).minimize(discriminator_loss, list(d.values()))
    loss = generator_loss + discriminator_loss
    feeds = {real: images(size)}

    def check() -> Array:
        pictures, logits = generator(fixed), discriminator(real, False)
        results = graph.run({fixed: noise(size), real: images(size)}, [pictures, logits])
        return checked(results[pictures].numpy(), results[logits].numpy())

    return Work(lambda: graph.run(feeds, [loss], updates)[loss].item(), check)


def torch_networks(torch: Any) -> tuple[Any, Any]:
    nn, functional = torch.nn, torch.nn.functional
    g, d = start()

    def copied(value: Array, *order: int) -> Any:
        return nn.Parameter(torch.tensor(value.transpose(order).copy()))

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            # The others shape the dense result as (7, 7, 256), torch as (256, 7, 7).
            dense = g["dense"].reshape(100, 7, 7, 256).transpose(0, 3, 1, 2).reshape(100, 12544)
            self.dense = nn.Linear(100, 12544, bias=False)
            self.dense.weight = copied(dense, 1, 0)
            self.norms = nn.ModuleList(
                [nn.BatchNorm1d(12544), nn.BatchNorm2d(128), nn.BatchNorm2d(64)]
            )
            self.convolutions = nn.ModuleList(
                [
                    nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False),
                    nn.ConvTranspose2d(128, 64, 5, 2, 2, 1, bias=False),
                    nn.ConvTranspose2d(64, 1, 5, 2, 2, 1, bias=False),
                ]
            )
            for layer, convolution in enumerate(self.convolutions):
                convolution.weight = copied(g[f"convolution{layer + 1}"], 3, 2, 0, 1)

        def forward(self, z: Any) -> Any:
            x = functional.leaky_relu(self.norms[0](self.dense(z)), SLOPE).view(-1, 256, 7, 7)
            for layer in (0, 1):
                x = functional.leaky_relu(self.norms[layer + 1](self.convolutions[layer](x)), SLOPE)
            return torch.tanh(self.convolutions[2](x))

    class Discriminator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 64, 5, 2, 2)
            self.second = nn.Conv2d(64, 128, 5, 2, 2)
            self.dense = nn.Linear(6272, 1)
            self.first.weight = copied(d["convolution1"], 3, 2, 0, 1)
            self.second.weight = copied(d["convolution2"], 3, 2, 0, 1)
            dense = d["dense"].reshape(7, 7, 128, 1).transpose(2, 0, 1, 3).reshape(6272, 1)
            self.dense.weight = copied(dense, 1, 0)
            for layer in (self.first, self.second, self.dense):
                nn.init.zeros_(layer.bias)

        def forward(self, x: Any) -> Any:
            for layer in (self.first, self.second):
                x = functional.leaky_relu(layer(x), SLOPE)
                x = functional.dropout(x, DROPPED, self.training)
            return self.dense(x.flatten(1))

    return Generator(), Discriminator()


def with_torch(size: int, compiled: bool = False, channels_last: bool = False) -> Work:
    torch = torch_module()
    generator, discriminator = torch_networks(torch)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    if channels_last:
        generator = generator.to(memory_format=torch.channels_last)
        discriminator = discriminator.to(memory_format=torch.channels_last)
    optimizers = [torch.optim.Adam(part.parameters(), RATE) for part in (generator, discriminator)]
    parameters = [list(part.parameters()) for part in (generator, discriminator)]
    real = torch.tensor(images(size).transpose(0, 3, 1, 2).copy())

    def losses(z: Any, real: Any) -> Any:
        fake, true = discriminator(generator(z)), discriminator(real)
        ones, zeros = torch.ones_like(fake), torch.zeros_like(fake)
        return entropy(fake, ones), entropy(true, ones) + entropy(fake, zeros)

    forward = torch.compile(losses) if compiled else losses

    def step() -> float:
        pair = forward(torch.randn(size, 100), real)
        gradients = [
            torch.autograd.grad(loss, part, retain_graph=index == 0)
            for index, (loss, part) in enumerate(zip(pair, parameters, strict=True))
        ]
        for part, gradient, optimizer in zip(parameters, gradients, optimizers, strict=True):
            for parameter, value in zip(part, gradient, strict=True):
                parameter.grad = value
            optimizer.step()
        return (pair[0] + pair[1]).item()

    def check() -> Array:
        with torch.no_grad():
            discriminator.eval()
            pictures = generator(torch.tensor(noise(size))).permute(0, 2, 3, 1)
            logits = discriminator(real)
            discriminator.train()
        return checked(pictures, logits)

    return Work(step, check)


def with_jax(size: int) -> Work:
    import jax
    from jax import lax
    from jax import numpy as jnp

    names = ("NHWC", "HWIO", "NHWC")

    def leaky(x: Any) -> Any:
        return jnp.where(x > 0, x, SLOPE * x)

    def norm(p: Any, x: Any, layer: int) -> Any:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        return (x - mean) * lax.rsqrt(variance + EPSILON) * p[f"gamma{layer}"] + p[f"beta{layer}"]

    def grown(p: Any, x: Any, layer: int, stride: int) -> Any:
        # With transpose_kernel the weights are those of the convolution this is the gradient of.
        return lax.conv_transpose(
            x,
            p[f"convolution{layer}"],
            (stride, stride),
            [(2, 4 - PADDING[stride][1])] * 2,
            dimension_numbers=names,
            transpose_kernel=True,
        )

    def generator(p: Any, z: Any) -> Any:
        x = leaky(norm(p, z @ p["dense"], 0)).reshape(-1, 7, 7, 256)
        x = leaky(norm(p, grown(p, x, 1, 1), 1))
        x = leaky(norm(p, grown(p, x, 2, 2), 2))
        return jnp.tanh(grown(p, x, 3, 2))

    def discriminator(p: Any, x: Any, key: Any = None) -> Any:
        for layer in (1, 2):
            weights = p[f"convolution{layer}"]
            pads = [PADDING[2]] * 2
            x = lax.conv_general_dilated(x, weights, (2, 2), pads, dimension_numbers=names)
            x = leaky(x + p[f"bias{layer}"])
            if key is not None:
                key, now = jax.random.split(key)
                kept = jax.random.bernoulli(now, 1 - DROPPED, x.shape)
                x = jnp.where(kept, x / (1 - DROPPED), 0)
        return x.reshape(x.shape[0], -1) @ p["dense"] + p["bias"]

    def entropy(logits: Any, target: float) -> Any:
        softplus = jnp.log1p(jnp.exp(-jnp.abs(logits)))
        return jnp.mean(jnp.maximum(logits, 0) - logits * target + softplus)

    def adam(p: Any, g: Any, m: Any, v: Any, t: Any) -> Any:
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + 1e-8), p, m, v), m, v

    def update(state: Any, real: Any) -> Any:
        g, d, gm, gv, dm, dv, t, key = state
        key, k0, k1, k2 = jax.random.split(key, 4)
        z = jax.random.normal(k0, (size, 100))

        def losses(g: Any, d: Any) -> Any:
            fake, true = discriminator(d, generator(g, z), k1), discriminator(d, real, k2)
            return entropy(fake, 1.0), entropy(true, 1.0) + entropy(fake, 0.0)

        (lg, ld), pull = jax.vjp(losses, g, d)
        generator_gradient, _ = pull((jnp.ones_like(lg), jnp.zeros_like(ld)))
        _, discriminator_gradient = pull((jnp.zeros_like(lg), jnp.ones_like(ld)))
        t = t + 1
        g, gm, gv = adam(g, generator_gradient, gm, gv, t)
        d, dm, dv = adam(d, discriminator_gradient, dm, dv, t)
        return (g, d, gm, gv, dm, dv, t, key), lg + ld

    compiled = jax.jit(update, donate_argnums=0)
    g, d = jax.tree.map(jnp.asarray, start())

    def zeros(tree: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, tree)

    states = [(g, d, zeros(g), zeros(g), zeros(d), zeros(d), jnp.float32(0), jax.random.key(1))]
    real = jnp.asarray(images(size))

    def step() -> float:
        states[0], loss = compiled(states[0], real)
        return float(loss)

    def check() -> Array:
        pictures = generator(states[0][0], jnp.asarray(noise(size)))
        return checked(pictures, discriminator(states[0][1], real))

    return Work(step, check)


FRAMEWORKS = {
    "mpsg": with_mpsg,
    "mpsg-unstitched": with_mpsg,
    "torch": with_torch,
    "torch-channels-last": lambda size: with_torch(size, channels_last=True),
    "torch-compile": lambda size: with_torch(size, compiled=True),
    "jax": with_jax,
}
