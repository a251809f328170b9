"""PPO learns what is right on each probe problem, from its own rollouts."""

import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from trueaim.training import ppo

ITERATIONS = 150
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


@jax.jit
def learn(number):
    scenario = probes.scenario(number)
    state = ppo.init(scenario, CONFIG, 0, jnp.float32(0), "shifted")

    def body(state, _):
        return ppo.iteration(scenario, CONFIG, jnp.float32(ITERATIONS), jnp.float32(0), "shifted", state)

    state, metrics = jax.lax.scan(body, state, None, ITERATIONS)
    logits, values = state.network(probes.observations())
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
