"""What every goal is worth on a level: for an optimal policy, and for uniformly random actions."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from trueaim.agents.planted import uniform
from trueaim.core.keys import stream
from trueaim.core.levels import LevelClass
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import play

RANDOM_EPISODES = 32
"""Random episodes on each level where the expectation cannot be computed."""


class References(NamedTuple):
    """Yardsticks of a table of levels. NaN where the scenario has no exact planner.

    Attributes:
        classes: `LevelClass` of the pair (intended, goal) in the column of the goal; `NON` for the intended one.
    """

    optimal: Float[np.ndarray, "level goal"]
    uniform: Float[np.ndarray, "level goal"]
    classes: Int[np.ndarray, "level goal"]


def references(scenario: Scenario, levels: Any, key: Key[Array, ""]) -> References:
    """The yardsticks of these levels, exact where the scenario offers a planner."""
    planner = scenario.planner
    num_goals = len(scenario.goals)
    if planner is None:
        chance = _sampled(scenario, uniform(scenario), levels, key)
        unknown = np.full(chance.shape, np.nan)
        return References(unknown, chance, np.full(chance.shape, int(LevelClass.POSSIBLY)))
    own = jnp.full(jnp.shape(planner.optimal(levels))[0], int(LevelClass.NON))
    classes = jnp.stack([own, *(planner.classes(levels, rival) for rival in range(1, num_goals))], -1)
    unsolvable = (classes == int(LevelClass.UNSOLVABLE)).any(-1)
    classes = classes.at[:, 0].set(jnp.where(unsolvable, int(LevelClass.UNSOLVABLE), classes[:, 0]))
    return References(
        np.asarray(planner.optimal(levels), np.float64),
        np.asarray(planner.uniform(levels), np.float64),
        np.asarray(classes, np.int64),
    )


def _sampled(scenario: Scenario, policy: Policy, levels: Any, key: Key[Array, ""]) -> Float[np.ndarray, "level goal"]:
    played = [play(scenario, policy, levels, stream(key, "random", i)).returns[0] for i in range(RANDOM_EPISODES)]
    return np.asarray(jnp.stack(played).mean(0), np.float64)
