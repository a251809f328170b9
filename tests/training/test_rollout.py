"""Rollouts against maps played by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import pursuing, uniform
from trueaim.core.levels import audit_levels
from trueaim.core.policy import Policy
from trueaim.training.rollout import NEVER, play, trace

SCENARIO = scenarios.scenario("cheese_corner", size=7)
UP, RIGHT, DOWN, LEFT = range(4)
DISCOUNT = SCENARIO.discount
CHEESE, CORNER = 0, 1
NEAR = """
    A..c...
    .......
    .......
    .......
    .......
    .......
    .......
"""
BEHIND = """
    ....A..
    .......
    ......c
    .......
    .......
    .......
    .......
"""
WALLED = """
    A#....c
    ##.....
    .......
    .......
    .......
    .......
    .......
"""
KEY = jax.random.key(0)


def levels_of(*maps):
    tables = [SCENARIO.world.from_text(text) for text in maps]
    return jax.tree.map(lambda *rows: jnp.concatenate(rows), *tables)


def script(*actions):
    """Takes these actions, whatever it sees, and the last one for ever."""

    def act(parameters, key, view, memory):
        turn = jnp.minimum(view.running.time, len(actions) - 1)
        return jnp.array(actions)[turn], memory

    return Policy("script", act)


@pytest.fixture(scope="module")
def walked():
    """Right six times, then down for ever; on three maps."""
    policy = script(*[RIGHT] * 6, DOWN)
    return policy, levels_of(NEAR, BEHIND, WALLED)


def test_every_number_is_as_played_by_hand(walked):
    policy, levels = walked
    found = play(SCENARIO, policy, levels, KEY)
    # NEAR: the cheese is three steps away and ends the episode before the corner is seen.
    # BEHIND: the corner at step 2; four more against the wall; down twice: the cheese at step 8.
    # WALLED: nowhere to go, until the time limit.
    horizon = SCENARIO.horizon
    assert found.length.tolist() == [[3, 8, horizon]]
    assert found.terminated.tolist() == [[True, True, False]]
    assert found.first.tolist() == [[[3, NEVER], [8, 2], [NEVER, NEVER]]]
    assert found.place.tolist() == [[3, 2 * 7 + 6, 0]]
    by_hand = [[[DISCOUNT**2, 0], [DISCOUNT**7, DISCOUNT**1], [0, 0]]]
    np.testing.assert_allclose(found.returns, by_hand, rtol=1e-5)


def test_a_trace_is_the_same_episodes_with_every_step(walked):
    policy, levels = walked
    found, path = trace(SCENARIO, policy, levels, KEY)
    for one, other in zip(found, play(SCENARIO, policy, levels, KEY), strict=True):
        np.testing.assert_array_equal(one, other)
    places = path.places[0]
    assert places.shape == (3, SCENARIO.horizon + 1)
    assert places[0, :4].tolist() == [0, 1, 2, 3]
    assert (places[0, 3:] == 3).all()
    assert places[1, :9].tolist() == [4, 5, 6, 6, 6, 6, 6, 13, 20]
    assert (places[2] == 0).all()
    weights = DISCOUNT ** np.arange(SCENARIO.horizon)
    np.testing.assert_allclose((path.goals * weights[:, None]).sum(2), found.returns, rtol=1e-5)
    assert path.goals.sum((0, 1, 2)).tolist() == [2, 1]
    first = np.where(path.goals.any(2), path.goals.argmax(2) + 1, NEVER)
    np.testing.assert_array_equal(first, found.first)


@pytest.fixture(scope="module")
def crowd():
    return audit_levels(SCENARIO, SCENARIO.setting("anywhere"), jax.random.key(1), 32)


def test_the_same_key_gives_the_same_and_agents_differ(crowd):
    policy = pursuing(SCENARIO, "cheese", noise=0.5, agents=3)
    first, again, other = (play(SCENARIO, policy, crowd, key) for key in (KEY, KEY, jax.random.key(2)))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert (first.length != other.length).any()
    lengths = np.asarray(first.length)
    assert (lengths[0] != lengths[1]).any()
    assert (lengths[1] != lengths[2]).any()


def test_an_agent_plays_the_same_in_a_group_and_alone(crowd):
    together = pursuing(SCENARIO, "cheese", noise=0.5, agents=3)
    alone = Policy(together.name, together.act, together.parameters[2:], (2,), together.prepare)
    found, single = (play(SCENARIO, policy, crowd, KEY) for policy in (together, alone))
    np.testing.assert_array_equal(found.length[2], single.length[0])
    np.testing.assert_allclose(found.returns[2], single.returns[0], rtol=1e-6)


def test_a_trace_of_chance_agrees_with_play(crowd):
    policy = uniform(SCENARIO)
    for one, other in zip(trace(SCENARIO, policy, crowd, KEY)[0], play(SCENARIO, policy, crowd, KEY), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_memory_is_carried_from_step_to_step():
    """A policy that counts its own steps and turns down at the sixth does as the script that reads the clock."""

    def act(parameters, key, view, memory):
        return jnp.where(memory < 6, RIGHT, DOWN), memory + 1

    policy = Policy("counts", act, start=lambda num: jnp.zeros(num, jnp.int32))
    found = play(SCENARIO, policy, levels_of(NEAR, BEHIND), KEY)
    assert found.length.tolist() == [[3, 8]]


def test_the_optimal_policy_gets_what_the_planner_promises(crowd):
    found = play(SCENARIO, pursuing(SCENARIO, "cheese"), crowd, KEY)
    np.testing.assert_allclose(found.returns[0, :, CHEESE], SCENARIO.planner.optimal(crowd)[:, CHEESE], rtol=1e-5)
