"""A toy on which domain randomization keeps the proxy goal and a buffer of different levels does not.

Cheese in the corner, 7x7 without walls, 3 in 1,000 training levels with the cheese elsewhere; 800 updates of 64
environments and 32 steps each, 3 agents. On so small a map few training levels differ, so a buffer that holds no level
twice is itself part of the remedy: scores that fail elsewhere help here too, and the test says nothing of them.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.learned import learned
from trueaim.core.levels import LevelClass, audit_levels
from trueaim.training.curricula import Curriculum, cycle, group
from trueaim.training.hyperparameters import PPO
from trueaim.training.rollout import play

ALPHA, SEEDS, UPDATES, HORIZON = 0.003, 3, 800, 32
LEARNER = PPO(
    network="flat",
    width=128,
    envs=64,
    rollout=HORIZON,
    epochs=3,
    minibatches=4,
    learning_rate=5e-4,
    final_rate=1.0,
    discount=0.95,
    entropy=0.01,
    chunk=50,
)


def toy():
    scenario = scenarios.scenario("cheese_corner", size=7, layout="open")
    return replace(scenario, horizon=HORIZON, planner=replace(scenario.planner, horizon=HORIZON))


def success(settings, envs):
    """The share of levels on which each agent gets the cheese: (where goals disagree, where they agree)."""
    scenario, config = toy(), replace(LEARNER, envs=envs)
    cycle.check(scenario, config, settings)
    states = group.begun(scenario, config, settings, "anywhere", jnp.arange(SEEDS), jnp.float32(ALPHA))
    for _ in range(UPDATES // config.chunk):
        states, _ = group.chunk(scenario, config, settings, "anywhere", jnp.float32(1e6), jnp.float32(ALPHA), states)
    policy = learned(states.network, tuple(range(SEEDS)))
    found = []
    for spread in (6, 0):
        levels = audit_levels(scenario, {"spread": spread}, jax.random.key(5), 256 if spread else 64)
        kinds = np.asarray(scenario.planner.classes(levels, 1))
        wanted = kinds == LevelClass.NECESSARILY if spread else kinds == LevelClass.NON
        some = jax.tree.map(lambda table, wanted=wanted: table[wanted], levels)
        returns = np.asarray(play(scenario, policy, some, jax.random.key(6)).returns)
        found.append((returns[..., 0] > 0).mean(1))
    return found


@pytest.mark.slow
def test_replay_finds_the_few_levels_that_tell_the_goals_apart():
    """As many updates for both; what replay scores without learning from it comes on top."""
    plain, control = success(Curriculum(name="dr"), envs=64)
    assert plain.mean() <= 0.2
    assert control.mean() >= 0.99
    found, control = success(Curriculum(name="parallel_plr", size=512, fill=0.05, repeats=True), envs=128)
    assert found.mean() >= 0.5
    assert control.mean() >= 0.99
