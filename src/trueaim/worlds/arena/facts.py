"""Events over steps in an arena: what goals look at. Facts are bits of `State.facts`."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from trueaim.core.errors import unknown_name
from trueaim.worlds.arena.level import (
    ENTERED,
    NEAREST,
    PARTNER_RIGHT,
    PARTNER_WRONG,
    RIGHT,
    WITH_PARTNER,
    WRONG,
    Levels,
    State,
    Transition,
)

FACTS = {
    "entered": ENTERED,
    "right": RIGHT,
    "wrong": WRONG,
    "with_partner": WITH_PARTNER,
    "nearest": NEAREST,
    "partner_right": PARTNER_RIGHT,
    "partner_wrong": PARTNER_WRONG,
}
"""Facts by name: the agent entered a sphere; a right one; a wrong one; the one that its partner entered last, once and
not long after it; the one that was nearest at its last visit. Its partner entered a right one; a wrong one."""
CLOSE = 2.5
"""Within so many meters of its partner an agent is with it."""
STILL = 0.05
"""Below this speed, in meters per step, a body stands still."""


@dataclass(frozen=True)
class Fact:
    """Something happened in the step.

    Attributes:
        bits: of the facts of which one must hold.
    """

    bits: int

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether it did."""
        return (transition.after.facts & self.bits) != 0


def fact(name: str) -> Fact:
    """The event that a fact holds; raises `TrueAimError` with the known names."""
    if name not in FACTS:
        raise unknown_name("fact", name, FACTS)
    return Fact(FACTS[name])


@dataclass(frozen=True)
class InOrder:
    """1 for a right visit, less what the level says a wrong one costs."""

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What the step is worth."""
        penalty = transition.levels.penalty[transition.after.level]
        return fact("right")(transition) - penalty * fact("wrong")(transition)


@dataclass(frozen=True)
class Near:
    """A share of 1 for each step after which the agent is close to its partner.

    It is nothing while the partner is away: such steps cannot tell whether somebody follows.

    Attributes:
        steps: of the whole, which is 1.
    """

    steps: int

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What the step is worth."""
        return is_close(transition.levels, transition.after).astype(jnp.float32) / self.steps


@dataclass(frozen=True)
class Still:
    """A share of 1 for each step after which the agent stands still.

    Attributes:
        steps: of the whole, which is 1.
    """

    steps: int

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """What the step is worth."""
        body = transition.after.body
        return (body.vx * body.vx + body.vy * body.vy < STILL**2).astype(jnp.float32) / self.steps


def distance_to_partner(state: State) -> Float[Array, ""]:
    """How far the agent is from its partner, in meters; infinite while that is away."""
    off_x, off_y = state.partner.x - state.body.x, state.partner.y - state.body.y
    return jnp.where(state.partner.present, jnp.sqrt(off_x * off_x + off_y * off_y), jnp.inf)


def is_close(levels: Levels, state: State) -> Bool[Array, ""]:
    """Whether the agent is with its partner."""
    del levels
    return distance_to_partner(state) <= CLOSE
