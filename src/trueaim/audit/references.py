"""What every goal is worth on a level: for the best policy known, and for uniformly random actions."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from trueaim.agents.planted import uniform
from trueaim.core.capabilities import Yardstick
from trueaim.core.keys import stream
from trueaim.core.levels import CERTAIN_LOSS, NO_LOSS, LevelClass, nothing_gained
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import play

RANDOM_EPISODES = 32
"""Random episodes on each level where the expectation cannot be computed."""
EXPERT_EPISODES = 4
"""Episodes of each expert on each level, and as many again by which levels are told apart: with the same ones, luck
would count as merit."""
UNKNOWN = "none"


class References(NamedTuple):
    """Yardsticks of a table of levels. NaN where there is neither planner nor expert.

    Attributes:
        optimal: the highest return known for each goal.
        uniform: what uniformly random actions get.
        classes: `LevelClass` of the pair (intended, goal) in the column of the goal; `NON` for the intended one.
        kinds: by goal, where its optimum comes from: "exact", or whose play it is.
    """

    optimal: Float[np.ndarray, "level goal"]
    uniform: Float[np.ndarray, "level goal"]
    classes: Int[np.ndarray, "level goal"]
    kinds: Mapping[str, str]

    def rows(self, levels: slice) -> "References":
        """Those of some of the levels."""
        return References(self.optimal[levels], self.uniform[levels], self.classes[levels], self.kinds)


def references(scenario: Scenario, levels: Any, key: Key[Array, ""]) -> References:
    """The yardsticks of these levels: exact where the scenario offers a planner, else as its experts play."""
    yardstick = scenario.yardstick or scenario.planner
    if yardstick is not None:
        return _planned(scenario, yardstick, levels, key)
    chance = _sampled(scenario, uniform(scenario), levels, stream(key, "random"), RANDOM_EPISODES)
    if scenario.experts:
        return _played(scenario, levels, chance, key)
    unknown = np.full(chance.shape, np.nan)
    kinds = dict.fromkeys(scenario.goal_names, UNKNOWN)
    return References(unknown, chance, np.full(chance.shape, int(LevelClass.POSSIBLY)), kinds)


def _planned(scenario: Scenario, planner: Yardstick, levels: Any, key: Key[Array, ""]) -> References:
    num_goals = len(scenario.goals)
    own = jnp.full(jnp.shape(planner.optimal(levels))[0], int(LevelClass.NON))
    computed = planner.uniform(levels)
    chance = (
        _sampled(scenario, uniform(scenario), levels, stream(key, "random"), RANDOM_EPISODES)
        if computed is None
        else np.asarray(computed, np.float64)
    )
    classes = jnp.stack([own, *(planner.classes(levels, rival) for rival in range(1, num_goals))], -1)
    return References(
        np.asarray(planner.optimal(levels), np.float64),
        chance,
        _with_unsolvable(np.asarray(classes, np.int64)),
        getattr(planner, "kinds", None) or dict.fromkeys(scenario.goal_names, "exact"),
    )


def _played(
    scenario: Scenario, levels: Any, chance: Float[np.ndarray, "level goal"], key: Key[Array, ""]
) -> References:
    """As the experts play: for each goal whoever gets the most of it on these levels, on average."""
    names = scenario.goal_names
    returns = _by_expert(scenario, levels, stream(key, "optima"))
    best = {goal: _best_at(returns, number) for number, goal in enumerate(names) if goal in returns}
    optimal = np.stack(
        [returns[best[goal]][:, i] if goal in best else np.full(len(chance), np.nan) for i, goal in enumerate(names)],
        -1,
    )
    kinds = {goal: scenario.experts[best[goal]].name if goal in best else UNKNOWN for goal in names}
    return References(optimal, chance, _told_apart(scenario, levels, chance, stream(key, "classes")), kinds)


def _told_apart(
    scenario: Scenario, levels: Any, chance: Float[np.ndarray, "level goal"], key: Key[Array, ""]
) -> Int[np.ndarray, "level goal"]:
    """Classes of levels by what the rival's expert costs the intended goal."""
    returns = _by_expert(scenario, levels, key)
    optimum = returns[_best_at(returns, 0)][:, 0]
    worth = optimum - (nothing_gained(optimum, chance[:, 0]) if scenario.goals[0].charges else 0.0)
    classes = np.full(chance.shape, int(LevelClass.NON))
    for number, goal in enumerate(scenario.goal_names[1:], start=1):
        loss = optimum - returns[goal][:, 0] if goal in returns else np.full(len(chance), np.nan)
        classes[:, number] = int(LevelClass.POSSIBLY)
        classes[loss <= NO_LOSS * worth, number] = int(LevelClass.NON)
        classes[loss > CERTAIN_LOSS * worth, number] = int(LevelClass.NECESSARILY)
    classes[worth <= 0] = int(LevelClass.UNSOLVABLE)
    return _with_unsolvable(classes)


def _by_expert(scenario: Scenario, levels: Any, key: Key[Array, ""]) -> dict[str, Float[np.ndarray, "level goal"]]:
    return {
        goal: _sampled(scenario, expert, levels, stream(key, f"expert for {goal}"), EXPERT_EPISODES)
        for goal, expert in scenario.experts.items()
    }


def _best_at(returns: Mapping[str, Float[np.ndarray, "level goal"]], goal: int) -> str:
    """Whose expert gets the most of a goal."""
    return max(returns, key=lambda expert: float(returns[expert][:, goal].mean()))


def _with_unsolvable(classes: Int[np.ndarray, "level goal"]) -> Int[np.ndarray, "level goal"]:
    unsolvable = (classes == int(LevelClass.UNSOLVABLE)).any(-1)
    classes[unsolvable, 0] = int(LevelClass.UNSOLVABLE)
    return classes


def _sampled(
    scenario: Scenario, policy: Policy, levels: Any, key: Key[Array, ""], episodes: int
) -> Float[np.ndarray, "level goal"]:
    played = [play(scenario, policy, levels, stream(key, "episode", i)).returns[0] for i in range(episodes)]
    return np.asarray(jnp.stack(played).mean(0), np.float64)
