"""The parts of PPO against numbers worked out by hand."""

from dataclasses import replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import probes
import pytest

from trueaim import scenarios
from trueaim.core.errors import TrueAimError
from trueaim.core.levels import held_out
from trueaim.training import ppo
from trueaim.worlds.grid.level import AGENT

CONFIG = ppo.PPO(width=16, envs=16, rollout=8, chunk=2, minibatches=2)
GRID = replace(scenarios.scenario("cheese_corner", size=7), horizon=5)
ALPHA = jnp.float32(0.5)


def rollout_of(reward, value, value_next, cut):
    columns = [jnp.array(rows, jnp.float32).T for rows in (reward, value, value_next)]
    return ppo.Rollout(None, None, None, columns[1], columns[0], columns[2], jnp.array(cut, bool).T)


def test_advantages_stop_where_an_episode_was_cut():
    config = ppo.PPO(discount=0.5, trace=0.5)
    rollout = rollout_of(
        reward=[[1, 0, 2, 1], [0, 1, 0, 0]],
        value=[[0.5, 1, 0.5, 2], [1, 1, 2, 0]],
        value_next=[[1, 0, 2, 4], [1, 3, 0, 2]],  # the first ends at its second step; the second is out of time there
        cut=[[0, 1, 0, 0], [0, 1, 0, 0]],
    )
    by_hand = [[0.75, -1, 2.75, 1], [-0.125, 1.5, -1.75, 1]]
    np.testing.assert_allclose(ppo.advantages(config, rollout).T, by_hand, rtol=1e-6)


def test_advantages_with_full_trace_are_returns_less_values():
    config = ppo.PPO(discount=0.9, trace=1.0)
    reward, value = [1.0, 2.0, 3.0], [0.3, 0.2, 0.1]
    rollout = rollout_of([reward], [value], [[0.2, 0.1, 5.0]], [[0, 0, 0]])
    returns = [1 + 0.9 * (2 + 0.9 * (3 + 0.9 * 5)), 2 + 0.9 * (3 + 0.9 * 5), 3 + 0.9 * 5]
    np.testing.assert_allclose(ppo.advantages(config, rollout)[:, 0], np.subtract(returns, value), rtol=1e-6)


class Fixed(eqx.Module):
    """The same logits and value whatever is seen."""

    logits: jax.Array
    value: jax.Array

    def __call__(self, observation):
        num = observation.shape[0]
        return jnp.broadcast_to(self.logits, (num, len(self.logits))), jnp.broadcast_to(self.value, num)


def test_the_loss_of_an_unchanged_uniform_policy():
    network = Fixed(jnp.zeros(4), jnp.array(2.0))
    log_prob = jnp.full(3, -jnp.log(4.0))
    batch = ppo.Batch(
        jnp.zeros((3, 1)), jnp.array([0, 3, 1]), log_prob, jnp.array([5.0, 1, -3]), jnp.array([1.0, 2, 5])
    )
    total, metrics = ppo.loss(CONFIG, network, batch)
    assert metrics.policy_loss == pytest.approx(0, abs=1e-6)
    assert metrics.entropy == pytest.approx(np.log(4))
    assert metrics.value_loss == pytest.approx((1 + 0 + 9) / 3)
    assert metrics.kl == pytest.approx(0, abs=1e-6)
    assert metrics.clipped_rate == 0
    assert total == pytest.approx(CONFIG.value * 10 / 3 - CONFIG.entropy * np.log(4), abs=1e-5)


def test_the_loss_takes_the_worse_of_ratio_and_clipped_ratio():
    network = Fixed(jnp.zeros(2), jnp.array(0.5))
    log_prob = jnp.full(2, jnp.log(0.25))  # so that the ratio is 2, beyond 1.2
    batch = ppo.Batch(jnp.zeros((2, 1)), jnp.array([0, 1]), log_prob, jnp.array([1.0, -1]), jnp.array([1.0, 0]))
    total, metrics = ppo.loss(CONFIG, network, batch)
    assert metrics.policy_loss == pytest.approx(-(1.2 - 2) / 2)
    assert metrics.kl == pytest.approx(1 - np.log(2), abs=1e-6)
    assert metrics.clipped_rate == 1
    assert total == pytest.approx(0.4 + 0.5 * 0.25 - 0.01 * np.log(2), abs=1e-6)
    gradient = jax.grad(lambda network: ppo.loss(CONFIG, network, batch)[1].policy_loss)(network)
    np.testing.assert_allclose(gradient.logits, [-0.5, 0.5], atol=1e-6)  # of the second sample alone


def test_the_learning_rate_falls_on_a_line_and_stays_at_its_end(monkeypatch):
    monkeypatch.setattr(ppo, "update", lambda config, network, moments, batch, rate, key: (network, moments, rate))
    config = replace(CONFIG, network="flat", learning_rate=1e-2, final_rate=0.2)
    scenario = probes.scenario(0)
    state = ppo.init(scenario, config, 0, ALPHA, "shifted")
    run = jax.jit(lambda state: ppo.iteration(scenario, config, jnp.float32(100), ALPHA, "shifted", state))
    rates = {}
    for number in (0, 50, 100, 200):
        following, (rates[number], _) = run(state._replace(iteration=jnp.int32(number)))
        assert following.iteration == number + 1
    np.testing.assert_allclose(list(rates.values()), [1e-2, 0.6e-2, 0.2e-2, 0.2e-2], rtol=1e-5)


@pytest.mark.parametrize("epochs", [1, 3])
def test_minibatches_hold_every_environment_once_in_each_pass(monkeypatch, epochs):
    config = replace(CONFIG, epochs=epochs, minibatches=4)

    def counted(config, network, batch):
        zeros = jnp.zeros(())
        whole = (batch.action.reshape(config.rollout, -1) == batch.action[: batch.action.size // config.rollout]).all()
        return network[batch.action].sum(), ppo.Metrics(whole, *[zeros] * 5)

    monkeypatch.setattr(ppo, "loss", counted)
    monkeypatch.setattr(ppo, "_optimizer", lambda config: optax.identity())
    envs = jnp.broadcast_to(jnp.arange(config.envs), (config.rollout, config.envs))
    batch = ppo.Batch(envs, envs, envs, envs, envs)
    network = jnp.zeros(config.envs)
    run = jax.jit(lambda key: ppo.update(config, network, optax.identity().init(network), batch, 1.0, key))
    found, _, metrics = run(jax.random.key(0))
    np.testing.assert_array_equal(found, -epochs * config.rollout * np.ones(config.envs))
    assert metrics.policy_loss == 1  # each minibatch holds whole environments, step after step
    assert metrics.grad_norm > 0


class Telling(eqx.Module):
    """A value that tells what is seen: 10 for the second cell, and 1 for the light."""

    weight: jax.Array

    def __call__(self, observation):
        first, second = observation[:, 0, 0], observation[:, 0, 1]
        return jnp.zeros((len(first), 2)), 10.0 * (second & probes.AGENT != 0) + (first & probes.LIT != 0)


@pytest.mark.parametrize("name", ["an end is an end", "a time limit is no end", "constant reward"])
def test_what_follows_a_step_is_nothing_after_an_end_and_the_arrived_state_after_a_limit(name):
    config = replace(CONFIG, network="flat", rollout=5)
    scenario = probes.scenario(list(probes.PROBES).index(name))
    state = ppo.init(scenario, config, 0, ALPHA, "shifted")._replace(network=Telling(jnp.zeros(1)))
    run = jax.jit(partial(ppo.collect, scenario, config, ALPHA, "shifted"))
    _, rollout, episodes = run(state, jax.random.key(0))
    light = np.asarray(rollout.observation[:, :, 0, 0] & probes.LIT != 0)
    second = np.asarray(rollout.observation[:, :, 0, 1] & probes.AGENT != 0)
    at_once = name == "constant reward"
    np.testing.assert_array_equal(rollout.cut, np.ones_like(second) if at_once else second)
    np.testing.assert_allclose(rollout.value, 10.0 * second + light)
    limit = name == "a time limit is no end"
    after = 10.0 + light  # of the same level, not of the one that comes next
    expected = np.zeros_like(after) if at_once else np.where(second, after if limit else 0.0, after)
    np.testing.assert_allclose(rollout.value_next, expected)
    assert episodes.finished == rollout.cut.sum()
    assert episodes.terminated == (0 if limit else episodes.finished)
    if not at_once:
        assert second[0].sum() == 0
        assert second[1].all()


@pytest.fixture(scope="module")
def collected():
    """Eight rollouts after one another, with the states between them."""
    run = jax.jit(partial(ppo.collect, GRID, CONFIG, ALPHA, "anywhere"))
    states, rollouts = [ppo.init(GRID, CONFIG, 0, ALPHA, "anywhere")], []
    for number in range(8):
        state, rollout, _ = run(states[-1], jax.random.key(number))
        states.append(state)
        rollouts.append(jax.tree.map(np.asarray, rollout))
    return [jax.tree.map(np.asarray, state._replace(key=None)) for state in states], rollouts


def test_an_episode_stays_on_its_level_until_it_ends(collected):
    states, rollouts = collected
    cells = np.concatenate([rollout.observation & ~np.uint8(AGENT) for rollout in rollouts]).reshape(64, 16, 49)
    cut = np.concatenate([rollout.cut for rollout in rollouts])
    same = (cells[1:] == cells[:-1]).all(-1)
    assert same[~cut[:-1]].all()
    assert same[cut[:-1]].mean() < 0.5  # others follow, apart from few that happen to be alike
    for number, state in enumerate(states[:-1]):
        np.testing.assert_array_equal(state.rows.cells, cells[8 * number])


def test_a_row_goes_with_its_environment_and_a_new_episode_begins_at_its_start(collected):
    states, _ = collected
    for state in states:
        assert state.running.state.level.tolist() == list(range(16))
        rows, position = state.rows, state.running.state.position
        fresh = state.running.time == 0
        np.testing.assert_array_equal(position[fresh], rows.start[fresh])
        assert ((rows.cells[np.arange(16), position] & 1) == 0).all()
        assert ((rows.cells[np.arange(16), rows.things[:, 0]] & 4) != 0).all()
    assert sum((state.running.time == 0).sum() for state in states[1:]) > 0


def test_episodes_last_no_longer_than_the_limit_and_levels_are_not_held_out(collected):
    states, rollouts = collected
    cut = np.concatenate([rollout.cut for rollout in rollouts])
    for env in range(16):
        ends = np.flatnonzero(cut[:, env])
        assert (np.diff([-1, *ends]) <= GRID.horizon).all()
    for state in states:
        assert not held_out(GRID, jax.tree.map(jnp.asarray, state.rows)).any()


def test_the_reward_is_the_intended_goal_and_pays_at_the_cheese_alone(collected):
    _, rollouts = collected
    for rollout in rollouts:
        assert set(np.unique(rollout.reward)) <= {0.0, 1.0}
        assert rollout.cut[rollout.reward == 1].all()
        assert (rollout.value_next[rollout.reward == 1] == 0).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "windw"),
        ("width", 0),
        ("envs", 10),
        ("discount", 1.1),
        ("trace", float("nan")),
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("entropy", -0.1),
        ("value", float("nan")),
        ("grad_norm", -1.0),
        ("chunk", -3),
    ],
)
def test_hyper_parameters_that_make_no_sense_are_refused(name, value):
    with pytest.raises(TrueAimError, match=name):
        ppo.PPO(**{name: value})
