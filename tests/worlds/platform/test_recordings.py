"""The world does what recordings of the published CoinRun show, step by step."""

from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from recorded import Recording, needed, recording

from trueaim.worlds.platform.level import COIN, DEADLY, Levels, State, enemy_places, started
from trueaim.worlds.platform.physics import step

pytestmark = needed
CLOSE = 1e-3
SHARE = 0.99
ODD_ENEMIES = 5
"""Levels on which the original slows an enemy by its crate rule, which looks at the agent: not done here."""


@jax.jit
def replayed(levels: Levels, actions: Any) -> tuple[State, Any]:
    def one(state: State, action: Any) -> Any:
        after = jax.vmap(step, (None, 0, 0))(levels, state, jnp.maximum(action, 0))
        return after, (after, jax.vmap(enemy_places, (None, 0))(levels, after)[0])

    first = jax.vmap(started, (None, 0))(levels, jnp.arange(actions.shape[0]))
    return jax.lax.scan(one, first, actions.T.astype(jnp.int32))[1]


@pytest.fixture(scope="module")
def both() -> tuple[Recording, State, np.ndarray]:
    recorded = recording()
    states, enemies = replayed(recorded.levels, jnp.asarray(recorded.arrays["actions"]))
    states = jax.tree.map(lambda field: np.moveaxis(np.asarray(field), 0, 1), states)
    return recorded, states, np.moveaxis(np.asarray(enemies), 0, 1)


def within(recorded: Recording, margin: int = 0) -> np.ndarray:
    """[level, time]: the steps that were recorded."""
    length = recorded.arrays["length"][:, None]
    return np.arange(recorded.arrays["actions"].shape[1]) < length - margin


def right(wrong: np.ndarray, recorded: Recording) -> float:
    """The share of the trajectories without anything wrong; prints the others."""
    files = recorded.files
    for number in np.flatnonzero(wrong.any(1)):
        print(f"{files[number]} level {number - files.index(files[number])}: step {int(np.argmax(wrong[number]))}")
    return 1 - float(wrong.any(1).mean())


def test_all_levels_are_there(both: Any) -> None:
    recorded, _, _ = both
    assert Counter(recorded.files) == {"coinrun_easy": 60, "coinrun_hard": 120, "coinrun_random_coin_hard": 120}
    assert int(within(recorded).sum()) > 25_000


def test_position_and_velocity_at_every_step(both: Any) -> None:
    recorded, states, _ = both
    agent = recorded.arrays["agent"][:, 1:]
    ours = np.stack([states.x, states.y, states.vx, states.vy], -1)
    differ = np.abs(np.nan_to_num(ours - agent)).max(-1)  # NaN after the step that ended an episode
    seen = ~np.isnan(agent).any(-1)
    assert seen[within(recorded, 1)].all()
    assert right((differ > CLOSE) & within(recorded), recorded) >= SHARE


def test_reward_and_ending_at_the_same_step(both: Any) -> None:
    recorded, states, _ = both
    last = within(recorded) & ~within(recorded, 1)
    ends = last & recorded.arrays["ended"][:, None]
    over = (states.facts & (COIN | DEADLY)) != 0
    paid = np.where((states.facts & COIN) != 0, 10.0, 0.0)  # also where the same step kills
    wrong = (over != ends) | (paid != np.nan_to_num(recorded.arrays["reward"]))
    assert right(wrong & within(recorded), recorded) >= SHARE
    kinds = Counter(recorded.arrays["reward"][last].tolist())
    assert kinds[10.0] > 50  # the recordings hold both ways to end
    assert int(recorded.arrays["ended"].sum()) - kinds[10.0] > 50


def test_enemies_at_every_step(both: Any) -> None:
    recorded, _, enemies = both
    differ = np.nan_to_num(np.abs(enemies - recorded.arrays["enemies"][:, 1:])).max(-1)
    wrong = (differ > 5 * CLOSE) & within(recorded)
    assert int(wrong.any(1).sum()) <= ODD_ENEMIES
    assert np.isfinite(recorded.arrays["enemies"][:, 1]).any(-1).sum() > 80
