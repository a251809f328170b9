from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from trueaim.audit.intervals import NOTHING, hierarchical, wilson
from trueaim.audit.tails import (
    THRESHOLDS,
    cvar,
    iqm,
    optimality_gap,
    over_agents,
    probability_of_improvement,
    profile,
    stratified,
)
from trueaim.core.errors import TrueAimError

NAN = np.nan


def audited(chance: np.random.Generator, agents: int = 5, levels: int = 60) -> np.ndarray:
    """Regret in [0, 1] of agents that differ, on levels that differ."""
    center = chance.normal(-1, 0.6, (agents, 1)) + chance.normal(0, 1, (1, levels))
    return np.asarray(1 / (1 + np.exp(-center - chance.normal(0, 0.5, (agents, levels)))))


def test_a_profile_by_hand() -> None:
    """The share is strictly above the threshold, and of what was judged: 1/2 and 2/3 of the levels above 0."""
    regret = np.array([[0.0, 0.5, 1.0, 0.0], [0.2, 0.0, NAN, 0.6]])
    found = profile(regret, (0.0, 0.5, 1.0))
    assert found.share == pytest.approx([(1 / 2 + 2 / 3) / 2, (1 / 4 + 1 / 3) / 2, 0.0])
    assert (found.entries, found.units) == (7, 2)
    assert ((found.low <= found.share) & (found.share <= found.high)).all()
    assert ((found.low >= 0) & (found.high <= 1)).all()


def test_profiles_fall_and_integrate_to_the_mean() -> None:
    regret = audited(np.random.default_rng(0))
    found = profile(regret, tuple((np.arange(400) + 0.5) / 400), resamples=50)
    assert (np.diff(found.share) <= 0).all()
    assert found.share.mean() == pytest.approx(regret.mean(), abs=1 / 400)


def test_a_rare_loss_shows_in_the_tail_and_nowhere_else() -> None:
    """One level in twenty pursues another goal: the interquartile mean is perfect, the worst tenth is not."""
    regret = np.zeros((5, 100))
    regret[:, ::20] = 1.0
    assert iqm(1 - regret) == 1.0
    assert cvar(regret) == pytest.approx([0.5] * 5)
    assert over_agents(regret).value == pytest.approx(0.5)
    assert profile(regret).share == pytest.approx(np.full(len(THRESHOLDS), 0.05))


def test_a_profile_without_a_failure_is_not_certain() -> None:
    found = profile(np.zeros((3, 59)), (0.1, 0.5))
    assert found.share.tolist() == [0, 0]
    assert found.high == pytest.approx([wilson(0, 59).high] * 2)
    assert profile(np.ones((3, 59)), (0.1,)).low == pytest.approx([wilson(59, 59).low])


def test_bands_hold_the_profile_about_as_often_as_they_say() -> None:
    """The truth is of endless agents and levels; the bounds leave three standard errors of 200 replicates."""
    chance = np.random.default_rng(1)
    truth = (audited(chance, 1_000, 1_000) > 0.5).mean()
    held = 0
    for _ in range(200):
        found = profile(audited(chance), (0.5,), resamples=300, seed=chance)
        held += found.low[0] <= truth <= found.high[0]
    assert 0.93 - 0.055 <= held / 200 <= 1.0


@pytest.mark.parametrize(
    ("worst", "expected"),
    [(0.1, 1.0), (0.2, 0.9), (0.25, (1.0 + 0.8 + 0.5 * 0.5) / 2.5), (0.05, 1.0), (1.0, 0.32)],
)
def test_cvar_by_hand(worst: float, expected: float) -> None:
    """Ten levels, of which the worst are 1, .8 and .5; a quarter is two levels and half of the third."""
    regret = np.array([0.1, 1.0, 0.1, 0.5, 0.2, 0.2, 0.8, 0.1, 0.1, 0.1])
    assert cvar(regret, worst) == pytest.approx(expected)
    assert cvar(np.append(regret, [NAN, NAN]), worst) == pytest.approx(expected)


def test_cvar_of_nothing() -> None:
    assert np.isnan(cvar(np.array([[0.5, NAN], [NAN, NAN]]))).tolist() == [False, True]


def test_cvar_intervals_hold_the_truth() -> None:
    chance = np.random.default_rng(2)
    truth = cvar(audited(chance, 1_000, 2_000)).mean()
    held = [
        found.low <= truth <= found.high
        for found in (over_agents(audited(chance, 8, 150), resamples=200, seed=chance) for _ in range(150))
    ]
    assert np.mean(held) >= 0.87


def mean_of(regret: np.ndarray) -> np.ndarray:
    return np.nanmean(regret, axis=-1)


def test_over_agents_of_means_is_the_mean() -> None:
    """The standard error comes from draws there and from squares here."""
    regret = audited(np.random.default_rng(3))
    drawn, exact = over_agents(regret, mean_of, resamples=8_000), hierarchical(regret, method="scaled", resamples=8_000)
    assert drawn.value == pytest.approx(exact.value)
    width = exact.high - exact.low
    assert drawn[1:3] == pytest.approx(exact[1:3], abs=0.03 * width)
    assert drawn[3:] == exact[3:]


def test_over_agents_of_little() -> None:
    assert over_agents(np.full((2, 3), NAN)) is NOTHING
    one = over_agents(np.array([[0.5]]))
    assert (one.value, one.entries, one.units) == (0.5, 1, 1)
    assert np.isnan([one.low, one.high]).all()
    alone = over_agents(np.random.default_rng(4).random((1, 50)))
    assert alone.low < alone.value < alone.high
    with_gaps = audited(np.random.default_rng(5))
    with_gaps[0, :55] = NAN
    assert np.isfinite(over_agents(with_gaps)[:3]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 3), (3, 5), (10, 26)])
def test_iqm_is_a_trimmed_mean(shape: tuple[int, int]) -> None:
    scores = np.random.default_rng(6).random(shape)
    assert iqm(scores) == pytest.approx(stats.trim_mean(scores, 0.25, axis=None), abs=1e-12)
    assert iqm(np.stack([scores, scores + 1])) == pytest.approx(float(iqm(scores)) + np.arange(2))
    assert iqm(np.pad(scores, 2, constant_values=NAN)) == pytest.approx(float(iqm(scores)), abs=1e-12)


def test_iqm_by_hand() -> None:
    assert iqm(np.array([[9.0, 1.0, 2.0, 3.0], [-50.0, 4.0, 5.0, 6.0]])) == 3.5  # of 2 3 4 5
    assert np.isnan(iqm(np.full((2, 2), NAN)))


def test_a_stratified_interval_is_that_of_a_plain_loop() -> None:
    scores, chance = np.random.default_rng(7).random((10, 26)), np.random.default_rng(8)
    columns = np.arange(26)
    draws = [stats.trim_mean(scores[chance.integers(0, 10, (10, 26)), columns], 0.25, axis=None) for _ in range(2_000)]
    found = stratified(scores, resamples=5_000)
    assert found.value == pytest.approx(stats.trim_mean(scores, 0.25, axis=None))
    assert found[1:3] == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.005)
    assert (found.entries, found.units) == (260, 10)


def test_a_stratified_interval_by_hand() -> None:
    """Two agents, one level: a resample has both from one agent (chance 1/4 each) or one of each."""
    assert stratified(np.array([[0.0], [1.0]]), lambda x: x.mean((1, 2)))[:3] == (0.5, 0.0, 1.0)
    assert np.isnan(stratified(np.array([[0.0, 1.0]]))[1:3]).all()
    assert stratified(np.full((2, 2), NAN)) is NOTHING


def test_optimality_gaps_by_hand() -> None:
    scores = np.array([[0.5, 1.5], [1.0, NAN]])
    assert optimality_gap(scores) == pytest.approx(0.5 / 3)
    assert optimality_gap(scores, target=2.0) == pytest.approx((1.5 + 0.5 + 1.0) / 3)
    assert np.isnan(optimality_gap(np.full((1, 1), NAN)))


def test_probability_of_improvement_is_mann_whitneys() -> None:
    chance = np.random.default_rng(9)
    first, second = np.round(chance.random((5, 8)) + 0.2, 1), np.round(chance.random((7, 8)), 1)
    found = probability_of_improvement(first, second)
    theirs = [stats.mannwhitneyu(first[:, level], second[:, level]).statistic / 35 for level in range(8)]
    assert found.value == pytest.approx(np.mean(theirs))
    assert (found.entries, found.units) == (5 * 7 * 8, 5)
    assert 0 <= found.low < found.value < found.high <= 1
    turned = probability_of_improvement(second, first)
    assert turned.value == pytest.approx(1 - found.value)
    assert turned.low == pytest.approx(1 - found.high, abs=0.03)


def test_probability_of_improvement_of_equals() -> None:
    """Ties count half; between kinds that do not differ, 1/2 is held about as often as promised."""
    assert probability_of_improvement(np.ones((3, 4)), np.ones((2, 4)))[:3] == (0.5, 0.5, 0.5)
    assert np.isnan(probability_of_improvement(np.ones((1, 1)), np.zeros((1, 1)))[1:3]).all()
    assert probability_of_improvement(np.full((2, 2), NAN), np.ones((2, 2))) is NOTHING
    chance, held = np.random.default_rng(10), 0
    for _ in range(200):
        kinds = chance.normal(0, 1, (2, 6, 1)) + chance.normal(0, 1, (1, 1, 20)) + chance.normal(0, 1, (2, 6, 20))
        found = probability_of_improvement(*kinds, resamples=200, seed=chance)
        held += found.low <= 0.5 <= found.high
    assert held / 200 >= 0.88


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: cvar(np.ones(3), 0.0), "worst: got 0.0, needs a share above 0 and at most 1; try 0.1."),
        (lambda: profile(np.ones(3)), "table: got shape (3,), needs [agent, level]; average episodes first."),
        (
            lambda: probability_of_improvement(np.ones((2, 3)), np.ones((2, 4))),
            "second: got tables of shapes (2, 3) and (2, 4), needs the same levels; audit both on one set of levels.",
        ),
    ],
)
def test_errors(call: Callable[[], object], text: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        call()
    assert str(caught.value) == text
