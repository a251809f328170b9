"""Events over platform transitions: what goals and endings look at. Facts are bits of `State.facts`."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from trueaim.core.errors import unknown_name
from trueaim.core.scenario import Stages
from trueaim.worlds.platform.level import (
    BY_ENEMY,
    BY_LAVA,
    BY_SAW,
    COIN,
    DEADLY,
    END,
    END_WALL,
    FATAL,
    INSIDE,
    SPOT,
    Levels,
    State,
    Transition,
)
from trueaim.worlds.platform.physics import HALF_WIDTH

FACTS = {
    "coin": COIN,
    "spot": SPOT,
    "end": END,
    "end_wall": END_WALL,
    "through_wall": INSIDE,
    "saw": BY_SAW,
    "enemy": BY_ENEMY,
    "lava": BY_LAVA,
    "died": DEADLY,
    "over": COIN | DEADLY,
}
"""Facts by name: the coin; the place of a random coin; the end of the level; its wall; beyond that; what kills; any of
what kills; what ends an episode of CoinRun, beside the time limit."""


def bits(name: str) -> int:
    """The bits of a fact; raises `TrueAimError` with the known names."""
    if name not in FACTS:
        raise unknown_name("fact", name, FACTS)
    return FACTS[name]


@dataclass(frozen=True)
class Fact:
    """Something is true after the step.

    Attributes:
        bits: of the facts of which one must hold.
    """

    bits: int

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether it is true."""
        return (transition.after.facts & self.bits) != 0


@dataclass(frozen=True)
class Over:
    """An episode of CoinRun ends: at the coin, by what kills, and at the end of the level where that is fatal."""

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether it does."""
        after = transition.after
        is_fatal = (transition.levels.traits[after.level] & FATAL) != 0
        return ((after.facts & (COIN | DEADLY)) != 0) | (is_fatal & ((after.facts & END) != 0))


@dataclass(frozen=True)
class First:
    """Something is true after the step that was not true after any step before.

    Attributes:
        bits: of the facts of which one must hold, and none may have held.
    """

    bits: int

    def __call__(self, transition: Transition) -> Bool[Array, ""]:
        """Whether it happened."""
        return ((transition.after.facts & self.bits) != 0) & ((transition.before.ever & self.bits) == 0)


@dataclass(frozen=True)
class Advance:
    """How much further to the right the agent came than ever before.

    Attributes:
        whole_level: the sum over an episode is 1 where the agent comes to the end of the level, whatever its length;
            else it is in cells.
    """

    whole_level: bool = True

    def __call__(self, transition: Transition) -> Float[Array, ""]:
        """From 0; not limited to 1 in total behind a sham wall."""
        cells = transition.after.reach - transition.before.reach
        if not self.whole_level:
            return cells
        level = transition.after.level
        start = transition.levels.start[level, 0]
        return cells / jnp.maximum(transition.levels.end[level, 0] + 0.5 - start, 1.0)


def fact(name: str) -> Fact:
    """The event that a fact holds after the step."""
    return Fact(bits(name))


def first(name: str) -> First:
    """The event that a fact holds for the first time."""
    return First(bits(name))


STAGES = ("beginning", "middle", "end", "after the end")
"""Thirds of the way to the end wall, in cells, and what lies beyond its near side where it is a sham."""


def progress(levels: Levels, state: State) -> Float[Array, ""]:
    """How much of the way to the end wall the agent has behind it: 0 at the start, 1 where it touches the wall."""
    start, touching = levels.start[state.level, 0], levels.wall[state.level] - HALF_WIDTH
    return (state.x - start) / jnp.maximum(touching - start, 1.0)


def stage(levels: Levels, state: State) -> Int[Array, ""]:
    """Which of `STAGES`: the last once the agent is wholly beyond the near side of the wall."""
    third = jnp.clip(jnp.floor(3 * progress(levels, state)), 0, 2).astype(jnp.int32)
    return jnp.where((state.facts & INSIDE) != 0, 3, third)


def _at_the_wall(levels: Levels, state: State) -> Bool[Array, ""]:
    del levels
    return (state.ever & END_WALL) != 0


def stages(setting: str) -> Stages:
    """The stages of a run through a level.

    Args:
        setting: the scenario's name for the one in which the end wall is a sham.
    """
    return Stages(STAGES, stage, progress, _at_the_wall, setting, {"coin": {"hidden": 1}})
