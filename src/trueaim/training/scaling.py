"""Rewards in units of how much returns vary, so that one learning rate serves worlds of small and of large rewards.

Source: VecNormalize of OpenAI Baselines, which the agents of Langosco et al. 2022 use; moments are merged as in Chan,
Golub & LeVeque 1983. Rewards are divided, never shifted.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

LARGEST = 10.0
"""To which the source clips divided rewards, either way (`cliprew`)."""


class Scale(NamedTuple):
    """What is known of returns.

    Attributes:
        so_far: of each environment's episode, the discounted sum of its rewards up to now.
        seen, mean, squares: of all such sums: how many, their mean, and the sum of squared distances from it.
    """

    so_far: Float[Array, " env"]
    seen: Float[Array, ""]
    mean: Float[Array, ""]
    squares: Float[Array, ""]

    @property
    def unit(self) -> Float[Array, ""]:
        """The deviation of the sums, in rewards: what a scaled reward of 1 is worth."""
        return jnp.sqrt(self.squares / jnp.maximum(self.seen, 1.0) + 1e-8)


def unscaled(envs: int) -> Scale:
    """Before any reward was seen."""
    return Scale(jnp.zeros(envs), jnp.zeros(()), jnp.zeros(()), jnp.zeros(()))


def scaled(
    scale: Scale,
    reward: Float[Array, "time env"],
    cut: Bool[Array, "time env"],
    discount: float,
    largest: float = LARGEST,
) -> tuple[Scale, Float[Array, "time env"]]:
    """What is known after these rewards, and the rewards in its unit.

    Args:
        scale: what was known before.
        reward: of every step.
        cut: after which steps episodes end.
        discount: of the sums, per step (source: 0.99, whatever that of learning is).
        largest: to which divided rewards are clipped, either way; 0: not at all.
    """

    def add(so_far: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
        reward_t, cut_t = step
        total = discount * so_far + reward_t
        return jnp.where(cut_t, 0.0, total), total

    so_far, sums = jax.lax.scan(add, scale.so_far, (reward, cut))
    count = scale.seen + sums.size
    apart = sums.mean() - scale.mean
    squares = scale.squares + jnp.square(sums - sums.mean()).sum() + apart**2 * scale.seen * sums.size / count
    known = Scale(so_far, count, scale.mean + apart * sums.size / count, squares)
    divided = reward / known.unit
    return known, jnp.clip(divided, -largest, largest) if largest else divided
