"""The search finds ways that can be done, and experts follow them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hand_maps import level

from trueaim.worlds.platform.experts import followed, remembered
from trueaim.worlds.platform.level import COIN, DEADLY, END, FATAL, Levels, State, started
from trueaim.worlds.platform.physics import step
from trueaim.worlds.platform.routes import HOLD, JUMPS, Routes, Way, routes
from trueaim.worlds.platform.world import PlatformWorld

STEP = "#......#\n#......#\n#...####\n########"
HIGH = "#.......\n" * 4 + "#...####\n" * 7 + "########"
PIT = "#...~~~.....\n############"


@jax.jit
def done(levels: Levels, way: Routes) -> State:
    """Every state along the ways of a table."""

    def one(state: State, _: None) -> tuple[State, State]:
        after = step(levels, state, followed(way, state.level, state.time))
        return after, after

    def alone(index: jax.Array) -> State:
        return jax.lax.scan(one, started(levels, index), None, length=140)[1]

    return jax.vmap(alone)(jnp.arange(way.length.shape[0]))


def test_a_step_is_climbed() -> None:
    levels = level(STEP, coin=(6, 2))
    way = routes(levels, levels.coin)
    assert way.found.all()
    facts = np.asarray(done(levels, way).facts[0])
    when = int(np.argmax(facts & COIN != 0)) + 1
    assert 0 < (int(way.length[0]) - 1) * HOLD < when <= int(way.length[0]) * HOLD
    assert when <= 24


def test_what_cannot_be_reached_is_not_found() -> None:
    levels = level(HIGH, coin=(6, 8))
    way = routes(levels, levels.coin)
    assert not way.found.any()
    assert (np.asarray(done(levels, way).facts) & COIN == 0).all()


def test_lava_is_jumped_over() -> None:
    levels = level(PIT, coin=(9, 1))
    way = routes(levels, levels.coin)
    facts = np.asarray(done(levels, way).facts[0])
    got = int(np.argmax(facts & COIN != 0))
    assert way.found.all()
    assert (facts[: got + 1] & DEADLY == 0).all()


def test_who_only_jumps_is_in_the_air_more_often() -> None:
    levels = level("#" + "." * 30 + "\n" + "#" * 31, coin=(25, 1))
    walked, jumped = (done(levels, routes(levels, levels.coin, Way(tried))) for tried in (Way().tried, JUMPS))
    high = [float((np.asarray(states.y)[0, :45] > 2).mean()) for states in (walked, jumped)]
    assert high[1] > 0.5
    assert high[1] > high[0] + 0.3


def test_the_end_is_kept_clear_of_where_it_is_fatal() -> None:
    """The end lies on the way along the ground; the coin is behind it."""
    levels = level("#" + "." * 20 + "\n" + "#" * 21, coin=(12, 1), end=(7, 1))
    for traits, touches in ((0, True), (FATAL, False)):
        one = levels._replace(traits=jnp.full(1, traits, jnp.uint8))
        way = routes(one, one.coin, Way(minds_the_end=True))
        facts = np.asarray(done(one, way).facts[0])
        got = int(np.argmax(facts & COIN != 0))
        assert way.found.all()
        assert got > 0
        assert (facts[:got] & END != 0).any() == touches


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_drawn_levels_are_solved_as_the_search_says(difficulty: str) -> None:
    world = PlatformWorld(difficulty=difficulty)
    levels = jax.jit(jax.vmap(partial(world.draw, knobs={})))(jax.random.split(jax.random.key(8), 32))
    way = routes(levels, levels.coin)
    facts = np.asarray(done(levels, way).facts)
    got = (facts & COIN != 0).any(1)
    died_at = np.where((facts & DEADLY != 0).any(1), np.argmax(facts & DEADLY != 0, 1), 10**6)
    np.testing.assert_array_equal(got & (np.argmax(facts & COIN != 0, 1) <= died_at), way.found)
    assert np.asarray(way.found).mean() >= 0.95


def test_answers_are_remembered_by_what_is_in_a_table() -> None:
    asked = []
    find = remembered(lambda levels: asked.append(1) or len(asked))
    one, other = level(STEP), level(STEP, coin=(3, 1))
    assert [find(one), find(other), find(jax.tree.map(jnp.copy, one))] == [1, 2, 1]
    assert len(asked) == 2
