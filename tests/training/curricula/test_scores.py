"""Scores and what they are made from, against numbers worked out by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import spearmanr

from trueaim.core.errors import TrueAimError
from trueaim.training.curricula import scores
from trueaim.training.curricula.facts import Discounts, facts, merged, sums
from trueaim.training.ppo import Rollout

HALVES = Discounts(measured=0.5, learned=0.25)


def rollout_of(reward, cut, value, value_next=None):
    reward, value = jnp.array(reward, jnp.float32).T, jnp.array(value, jnp.float32).T
    following = value if value_next is None else jnp.array(value_next, jnp.float32).T
    return Rollout(None, None, None, None, value, reward, following, jnp.array(cut, bool).T)


def found(rollout, advantage, horizon, unit=1.0):
    return sums(rollout, jnp.array(advantage, jnp.float32).T, unit, horizon, HALVES)


# Six steps. The first environment ends after 2 and after 5 steps; the second never.
REWARD = [[0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]]
CUT = [[0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]]
VALUE = [[1, 3, 5, 5, 5, 9], [0, 0, 0, 0, 0, 6]]
ADVANTAGE = [[1, -3, 4, 2, 0, 9], [1, 1, 1, -3, -3, 0]]


def test_with_room_for_one_episode_the_first_alone_counts():
    got = found(rollout_of(REWARD, CUT, VALUE), ADVANTAGE, horizon=6)
    np.testing.assert_array_equal(got.episodes, [1, 1])
    np.testing.assert_array_equal(got.unfinished, [0, 1])
    np.testing.assert_allclose(got.returned, [0.5, 0.5**5 + 0.5**6 * 6])
    np.testing.assert_allclose(got.success, [1, 1])
    np.testing.assert_allclose(got.value, [2, 1])
    np.testing.assert_allclose(got.positive, [0.5, 0.5])
    np.testing.assert_allclose(got.absolute, [2, 9 / 6])
    np.testing.assert_allclose(got.best, [0.5, -np.inf])
    np.testing.assert_allclose(got.best_learned, [0.25, -np.inf])


def test_episodes_count_that_must_be_over_before_the_rollout_is():
    got = found(rollout_of(REWARD, CUT, VALUE), ADVANTAGE, horizon=4)  # those begun in the first three steps
    np.testing.assert_array_equal(got.episodes, [2, 1])
    np.testing.assert_allclose(got.returned[0], 0.5 + 0.25)
    np.testing.assert_allclose(got.value[0], 2 + 5)
    np.testing.assert_allclose(got.positive[0], 0.5 + 2)  # averaged within each episode first
    np.testing.assert_allclose(got.absolute[0], 2 + 2)
    record = facts(got, jnp.array([0.1, -2.0]), jnp.array([0.9, -2.0]), jnp.array([1.0, np.nan]))
    np.testing.assert_allclose(record.returned[0], 0.375)
    np.testing.assert_allclose(record.highest, [0.5, -2.0])
    np.testing.assert_allclose(record.highest_learned, [0.9, -2.0])


def test_a_unit_scales_what_the_critic_says_and_not_what_was_paid():
    rollout = rollout_of(REWARD, CUT, VALUE)
    one, ten = (found(rollout, ADVANTAGE, 6, unit) for unit in (1.0, 10.0))
    for name in ("value", "positive", "absolute"):
        np.testing.assert_allclose(getattr(ten, name), 10 * getattr(one, name))
    np.testing.assert_allclose(ten.returned, [0.5, 0.5**5 + 0.5**6 * 60])
    np.testing.assert_allclose(ten.best, one.best)


def test_the_highest_return_may_be_negative():
    got = found(rollout_of([[-1, -1, -4, 0]], [[0, 1, 1, 0]], [[0] * 4]), [[0] * 4], horizon=2)
    np.testing.assert_allclose(got.best, [-1.5])
    np.testing.assert_allclose(got.success, [0])


def test_environments_with_the_same_level_are_one():
    reward, cut = [[1, 1], [1, 0], [-1, 0]], [[1, 1], [0, 1], [0, 1]]
    got = found(rollout_of(reward, cut, [[0, 0]] * 3), [[0, 0]] * 3, horizon=2)
    both = merged(got, jnp.array([0, 1, 0]))
    np.testing.assert_allclose(both.episodes, [2, 1, 2])
    np.testing.assert_allclose(both.returned, [0, 1, 0])
    np.testing.assert_allclose(both.best, [1, 1, 1])
    record = facts(both, *[jnp.full(3, -jnp.inf)] * 2, jnp.ones(3))
    np.testing.assert_allclose(scores.learnability(record), [0.25, 0, 0.25])
    np.testing.assert_allclose(scores.oracle_latest(record), [1, 0, 1])


def record_of(**values):
    fields = dict.fromkeys(scores.Facts._fields, jnp.zeros(1))
    return scores.Facts(**(fields | {name: jnp.array([value]) for name, value in values.items()}))


def test_each_score_is_its_formula():
    record = record_of(
        returned=0.25,
        success=0.2,
        positive=0.4,
        absolute=0.7,
        value=0.1,
        highest=0.5,
        highest_learned=0.375,
        optimum=1.0,
    )
    expected = {"oracle": 0.75, "max_latest": 0.25, "pvl": 0.4, "max_mc": 0.275, "l1": 0.7, "learnability": 0.16}
    assert set(expected) == set(scores.ALL)
    for name, value in expected.items():
        np.testing.assert_allclose(scores.ALL[name].of(record), [value], rtol=1e-6)


def test_what_is_not_known_is_nan():
    record = record_of(highest=-np.inf, highest_learned=-np.inf, optimum=np.nan)
    for name in ("oracle", "max_latest", "max_mc"):
        assert np.isnan(scores.ALL[name].of(record)).all()


def test_the_documented_biases():
    """Three sentences of the docstrings as numbers: a level that an agent with a proxy goal never solves."""
    failed = record_of(returned=0.0, value=0.8, positive=0.0, highest=0.0, highest_learned=0.0, optimum=1.0)
    assert scores.oracle_latest(failed) == 1
    assert scores.max_latest(failed) == scores.positive_value_loss(failed) == scores.learnability(failed) == 0
    assert scores.max_monte_carlo(failed) < 0


def test_rank_correlation_is_spearmans():
    draw = np.random.default_rng(3)
    one = draw.normal(size=60).round(1).astype(np.float32)
    other = (one + draw.normal(size=60)).round(1).astype(np.float32)
    got = scores.rank_correlation(jnp.array(one), jnp.array(other))
    np.testing.assert_allclose(got, spearmanr(one, other).statistic, rtol=1e-5)
    gaps = np.where(np.arange(60) % 7 == 0, np.nan, other)
    got = scores.rank_correlation(jnp.array(one), jnp.array(gaps))
    kept = ~np.isnan(gaps)
    np.testing.assert_allclose(got, spearmanr(one[kept], other[kept]).statistic, rtol=1e-5)


def test_rank_correlation_with_a_constant_is_nan():
    assert np.isnan(scores.rank_correlation(jnp.ones(5), jnp.arange(5.0)))


def test_an_unknown_score_is_named_with_the_nearest():
    with pytest.raises(TrueAimError, match="did you mean 'oracle'"):
        scores.find("orakle")
