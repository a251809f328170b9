"""PPO learns what is right on each probe problem, from its own rollouts."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from trueaim.agents.learned import learned
from trueaim.core.levels import draw
from trueaim.training import ppo
from trueaim.training.rollout import play

ITERATIONS = 150
RECALLED = 6
"""Steps of an episode whose first one must be remembered at the last one."""
TOLERANCE = 0.1
CONFIG = ppo.PPO(
    network="flat",
    width=16,
    envs=32,
    rollout=8,
    minibatches=2,
    epochs=4,
    learning_rate=5e-3,
    final_rate=0.0,
    discount=0.5,
    entropy=0.001,
)


def trained(scenario, config):
    state = ppo.init(scenario, config, 0, jnp.float32(0), "shifted")

    def body(state, _):
        return ppo.iteration(scenario, config, jnp.float32(ITERATIONS), jnp.float32(0), "shifted", state)

    return jax.lax.scan(body, state, None, ITERATIONS)


@jax.jit
def learn(number):
    state, metrics = trained(probes.scenario(number), CONFIG)
    (logits, values), _ = state.network(probes.observations(), ())
    return jax.nn.softmax(logits), values, metrics


@pytest.mark.parametrize("name", probes.PROBES)
def test_what_is_right_is_learned(name):
    probe = probes.PROBES[name]
    chances, values, (metrics, episodes) = learn(list(probes.PROBES).index(name))
    np.testing.assert_allclose(values[: len(probe.values)], probe.values, atol=TOLERANCE)
    for observation, action in enumerate(probe.actions):
        assert chances[observation, action] > 0.9
    assert all(np.isfinite(leaf).all() for leaf in metrics)
    assert episodes.finished.sum() > 0
    assert episodes.terminated.sum() == (0 if name == "a time limit is no end" else episodes.finished.sum())


@pytest.mark.parametrize(("network", "low", "high"), [("flat_gru", 0.95, 1.0), ("flat", 0.4, 0.6)])
def test_only_a_memory_answers_later_what_was_asked_at_first(network, low, high):
    """Rollouts of 8 steps cut episodes of 6 at changing places, so the memory must also last from one to the next."""
    scenario = probes.recall(RECALLED)
    config = replace(CONFIG, network=network, envs=64, discount=0.9)
    state, _ = jax.jit(lambda: trained(scenario, config))()
    policy = learned(jax.tree.map(lambda leaf: leaf[None], state.network), (0,))
    levels = draw(scenario, jax.random.key(1), {"bias": jnp.full(1000, 0.5)}, 1000)
    found = play(scenario, policy, levels, jax.random.key(2))
    assert (found.length == RECALLED).all()
    assert low <= float(found.returns[0, :, 0].mean()) <= high  # the second one's deviation by chance is 0.016
