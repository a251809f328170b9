"""Networks for symbolic maps: observation in, action logits and a value out.

Every network is an immutable pytree, called on a batch. `window`, the default, sees what is around the agent and where
each thing lies on the map; on a CPU it learns mazes several times faster than `flat`, which sees the map as one vector.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, UInt8

from trueaim.core.keys import stream
from trueaim.core.scenario import Cells

Outputs = tuple[Float[Array, "batch action"], Float[Array, " batch"]]
SIGHT = 4
"""Radius of the window, in cells: a 9x9 square."""


class Dense(eqx.Module):
    """A linear layer."""

    weight: Float[Array, "inputs outputs"]
    bias: Float[Array, " outputs"]

    def __call__(self, inputs: Float[Array, "batch inputs"]) -> Float[Array, "batch outputs"]:
        """Weighted sums plus bias."""
        return inputs @ self.weight + self.bias


def dense(key: Key[Array, ""], inputs: int, outputs: int, gain: float = 2**0.5) -> Dense:
    """A linear layer with orthogonal weights of this gain and zero bias."""
    return Dense(jax.nn.initializers.orthogonal(gain)(key, (inputs, outputs)), jnp.zeros(outputs))


class Heads(eqx.Module):
    """A hidden layer, then action logits (initially near zero) and a value."""

    hidden: Dense
    policy: Dense
    value: Dense

    def __call__(self, features: Float[Array, "batch feature"]) -> Outputs:
        """Logits and values of features that are not yet rectified."""
        hidden = jax.nn.relu(self.hidden(jax.nn.relu(features)))
        return self.policy(hidden), self.value(hidden)[:, 0]


def heads(key: Key[Array, ""], width: int, num_actions: int) -> Heads:
    """Heads on `width` features."""
    return Heads(
        dense(stream(key, "hidden"), width, width),
        dense(stream(key, "policy"), width, num_actions, 0.01),
        dense(stream(key, "value"), width, 1, 1.0),
    )


def seen(cells: UInt8[Array, "batch ..."], bits: tuple[int, ...]) -> Float[Array, "batch channel ..."]:
    """Each channel of a symbolic map as zeros and ones."""
    return jnp.stack([(cells & bit) != 0 for bit in bits], 1).astype(jnp.float32)


class Window(eqx.Module):
    """What is around the agent, plus where each thing lies on the map, plus where the agent stands.

    A channel with several copies has a weight for each; since the copies are equal, their weights are added up first.
    """

    around: Float[Array, "copy cell width"]
    whole: Float[Array, "thing_copy place width"]
    standing: Float[Array, "place width"]
    bias: Float[Array, " width"]
    heads: Heads
    spec: Cells = eqx.field(static=True)
    sight: int = eqx.field(static=True)

    def __call__(self, observation: UInt8[Array, "batch h w"]) -> Outputs:
        """Logits and values."""
        return self.heads(self.features(observation))

    def features(self, observation: UInt8[Array, "batch h w"]) -> Float[Array, "batch width"]:
        """The first layer's sums, before any nonlinearity."""
        spec, batch = self.spec, observation.shape[0]
        flat = observation.reshape(batch, -1)
        agent = next(channel.bit for channel in spec.channels if channel.name == spec.agent)
        position = jnp.argmax((flat & agent) != 0, -1)
        around = seen(_crop(observation, position, self.sight), _bits(spec, self.sight > 0)).reshape(batch, -1)
        total = around @ _merge(self.around, _copies(spec, True)) + self.standing[position] + self.bias
        if things := _bits(spec, False):
            total = total + seen(flat, things).reshape(batch, -1) @ _merge(self.whole, _copies(spec, False))
        return total


def _bits(spec: Cells, walls: bool) -> tuple[int, ...]:
    others = [channel.bit for channel in spec.channels if channel.name not in (spec.agent, "wall")]
    return (*((channel.bit for channel in spec.channels if channel.name == "wall") if walls else ()), *others)


def _copies(spec: Cells, walls: bool) -> tuple[int, ...]:
    by_bit = {channel.bit: channel.copies for channel in spec.channels}
    return tuple(by_bit[bit] for bit in _bits(spec, walls))


def _merge(weight: Float[Array, "copy cell width"], copies: tuple[int, ...]) -> Float[Array, "inputs width"]:
    owner = jnp.repeat(jnp.arange(len(copies)), jnp.array(copies), total_repeat_length=sum(copies))
    merged = jax.ops.segment_sum(weight, owner, len(copies)) if max(copies) > 1 else weight
    return merged.reshape(-1, weight.shape[-1])


def _crop(
    observation: UInt8[Array, "batch h w"], position: Int[Array, " batch"], sight: int
) -> UInt8[Array, "batch side side"]:
    """The square of cells around each position; beyond the map is wall (bit 1)."""
    side, width = 2 * sight + 1, observation.shape[2]
    padded = jnp.pad(observation, ((0, 0), (sight, sight), (sight, sight)), constant_values=1)
    cut = jax.vmap(lambda cells, at: jax.lax.dynamic_slice(cells, (at // width, at % width), (side, side)))
    return cut(padded, position)


def window(key: Key[Array, ""], spec: Cells, num_actions: int, width: int = 128) -> Window:
    """The default network: one hidden layer of `width` above the first."""
    side, places = 2 * SIGHT + 1, spec.height * spec.width
    num_around, num_things = sum(_copies(spec, True)), sum(_copies(spec, False))
    first = jax.nn.initializers.orthogonal(2**0.5)
    return Window(
        around=first(stream(key, "around"), (num_around * side * side, width)).reshape(num_around, -1, width),
        whole=first(stream(key, "whole"), (max(num_things * places, 1), width))[: num_things * places].reshape(
            num_things, places, width
        ),
        standing=0.1 * jax.random.normal(stream(key, "standing"), (places, width)),
        bias=jnp.zeros(width),
        heads=heads(stream(key, "heads"), width, num_actions),
        spec=spec,
        sight=SIGHT,
    )


class Flat(eqx.Module):
    """A multi-layer perceptron on the whole map as one vector of zeros and ones."""

    first: Dense
    heads: Heads
    spec: Cells = eqx.field(static=True)

    def __call__(self, observation: UInt8[Array, "batch h w"]) -> Outputs:
        """Logits and values."""
        return self.heads(self.first(_all_channels(self.spec, observation).reshape(observation.shape[0], -1)))


def flat(key: Key[Array, ""], spec: Cells, num_actions: int, width: int = 128) -> Flat:
    """Two hidden layers of `width`."""
    inputs = spec.height * spec.width * sum(channel.copies for channel in spec.channels)
    first = dense(stream(key, "first"), inputs, width)
    return Flat(first, heads(stream(key, "heads"), width, num_actions), spec)


def _all_channels(spec: Cells, observation: UInt8[Array, "batch h w"]) -> Float[Array, "batch copy h w"]:
    return seen(observation, tuple(channel.bit for channel in spec.channels for _ in range(channel.copies)))


class Conv(eqx.Module):
    """Cells lifted to 16 channels (fewer are slow on a CPU), two 3x3 convolutions of stride 1 and 2, then dense."""

    lift: Float[Array, "copy channel"]
    kernels: tuple[Float[Array, "3 3 channel channel"], ...]
    first: Dense
    heads: Heads
    spec: Cells = eqx.field(static=True)

    def __call__(self, observation: UInt8[Array, "batch h w"]) -> Outputs:
        """Logits and values."""
        hidden = jnp.einsum("bchw,cd->bhwd", _all_channels(self.spec, observation), self.lift)
        for stride, kernel in zip((1, 2), self.kernels, strict=True):
            hidden = jax.nn.relu(
                jax.lax.conv_general_dilated(
                    hidden, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
                )
            )
        return self.heads(self.first(hidden.reshape(hidden.shape[0], -1)))


def conv(key: Key[Array, ""], spec: Cells, num_actions: int, width: int = 128, channels: int = 16) -> Conv:
    """A small convolutional network; position survives because nothing is pooled."""
    copies = sum(channel.copies for channel in spec.channels)
    initial = jax.nn.initializers.he_normal()
    kernels = tuple(initial(stream(key, "kernel", i), (3, 3, channels, channels)) for i in range(2))
    inputs = -(-spec.height // 2) * -(-spec.width // 2) * channels
    return Conv(
        jax.nn.initializers.orthogonal(2**0.5)(stream(key, "lift"), (copies, channels)),
        kernels,
        dense(stream(key, "first"), inputs, width),
        heads(stream(key, "heads"), width, num_actions),
        spec,
    )


ALL: dict[str, Callable[..., Any]] = {"window": window, "flat": flat, "conv": conv}
"""Networks by name, as in `--network`."""
