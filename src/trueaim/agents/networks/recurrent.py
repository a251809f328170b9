"""A memory for networks: the gated recurrent unit.

Source: Cho et al. 2014, arXiv 1406.1078, equations 5 to 8, in the variant of cuDNN (and PyTorch), whose reset gate
acts after the recurrent product instead of before it, so that each step needs a single product.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from trueaim.agents.networks.layers import Dense, dense, orthogonal
from trueaim.core.keys import stream


@dataclass(frozen=True)
class Blank:
    """Makes the memory with which episodes begin: `width` zeros for each."""

    width: int

    def __call__(self, num: int) -> Float[Array, "num width"]:
        """The memory of `num` episodes."""
        return jnp.zeros((num, self.width))


class Gate(NamedTuple):
    """The weights of one gate: W and b for what is seen, U for what is remembered."""

    seen: Dense
    again: Float[Array, "width width"]


class Gru(eqx.Module):
    """h' = (1 - z) n + z h, where n = tanh(W_n x + b_n + r (U_n h + c)), r = s(W_r x + U_r h + b_r), z likewise.

    The gates' weights are apart, not side by side in one matrix: on a CPU, XLA takes twice as long for a step whose
    sums it has to cut into gates.

    Attributes:
        gates: r, z and n.
        bias: c.
    """

    gates: tuple[Gate, Gate, Gate]
    bias: Float[Array, " width"]

    @property
    def start(self) -> Callable[[int], Float[Array, "num width"]]:
        """The memory of so many episodes at their beginning."""
        return Blank(self.bias.shape[-1])

    def __call__(
        self, features: Float[Array, "batch feature"], memory: Float[Array, "batch width"]
    ) -> Float[Array, "batch width"]:
        """The memory after one step."""
        return self._next([gate.seen(features) for gate in self.gates], memory)

    def through(
        self,
        features: Float[Array, "time batch feature"],
        memory: Float[Array, "batch width"],
        cut: Bool[Array, "time batch"],
    ) -> Float[Array, "time batch width"]:
        """The memory after every step; where the step before was the last of an episode, it begins anew."""
        time, batch = cut.shape
        steps = features.reshape(time * batch, -1)
        sums = [gate.seen(steps).reshape(time, batch, -1) for gate in self.gates]
        fresh = jnp.concatenate([jnp.zeros((1, batch), bool), cut[:-1]])
        blank = self.start(batch)

        def step(memory: Array, now: tuple[list[Array], Array]) -> tuple[Array, Array]:
            sums_now, fresh_now = now
            memory = self._next(sums_now, jnp.where(fresh_now[:, None], blank, memory))
            return memory, memory

        return jax.lax.scan(step, memory, (sums, fresh))[1]

    def _next(self, sums: list[Array], memory: Float[Array, "batch width"]) -> Float[Array, "batch width"]:
        reset, update, new = sums
        reset_again, update_again, new_again = (memory @ gate.again for gate in self.gates)
        reset, update = jax.nn.sigmoid(reset + reset_again), jax.nn.sigmoid(update + update_again)
        return (1 - update) * jnp.tanh(new + reset * (new_again + self.bias)) + update * memory


def gru(key: Key[Array, ""], width: int) -> Gru:
    """A unit with `width` inputs and a memory of `width` numbers: orthogonal weights, zero biases."""

    def gate(name: str) -> Gate:
        again = orthogonal(stream(key, f"{name} again"), (width, width), 1.0)
        return Gate(dense(stream(key, name), width, width, 1.0), again)

    return Gru((gate("reset"), gate("update"), gate("new")), jnp.zeros(width))
