"""Small scenarios for the tests of environments: short episodes, few cells."""

from typing import Any

import jax
import numpy as np

from trueaim.envs.vector import ScenarioVectorEnv

FLAGGED = "three_goals"
"""4x4 cells, 12 steps, and flags beside the map."""
SMALL: dict[str, Any] = {"scenario": "cheese_corner", "size": 7, "layout": "open"}
"""7x7 cells without flags."""


def actions_of(env: Any, steps: int, seed: int = 0) -> np.ndarray:
    """Random actions for every step of every lane."""
    return np.random.default_rng(seed).integers(0, env.single_action_space.n, (steps, env.num_envs))


def same(one: Any, other: Any) -> bool:
    """Whether two trees of dictionaries, sequences and arrays hold the same, types included."""
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, np.ndarray) and one.dtype == object:
        return all(same(first, second) for first, second in zip(one, other, strict=True))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and one == other


def table_of(env: ScenarioVectorEnv) -> Any:
    """The levels that the lanes are on, right after a reset with seeds."""
    rows = np.arange(env.num_envs) * env.lanes.supply.ahead
    return jax.tree.map(lambda table: np.asarray(table)[rows], env.lanes.supply.table)
