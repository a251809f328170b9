import numpy as np
import pytest

from trueaim.audit.intervals import CONFIDENCE
from trueaim.audit.statistics import difference, mean, ratio
from trueaim.core.verdict import Number

REPLICATES = 400


def test_a_ratio_by_hand() -> None:
    above, below = np.array([[1.0, 0.0, 0.5], [1.0, 1.0, 0.5]]), np.array([[1.0, 1.0, 0.5]])
    found = ratio(above, below)
    assert found.value == pytest.approx(4 / 5)  # of the sums, not the mean of the ratios
    assert (found.count, found.agents) == (6, 2)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low < 0.8 < found.high <= 1


def test_bounds_by_hand() -> None:
    """Two levels of one agent: a resample has both from one (chance 1/4 each) or one of each."""
    found = ratio(np.array([[0.0, 1.0]]), np.ones((1, 2)))
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)
    same = ratio(np.full((3, 4), 0.25), np.full((1, 4), 0.5))
    assert (same.value, same.low, same.high, same.count, same.agents) == (0.5, 0.5, 0.5, 12, 3)


def test_a_mean_is_over_agents_and_levels() -> None:
    found = mean(np.array([[True, False], [True, True]]))
    assert (found.value, found.count, found.agents) == (0.75, 4, 2)


def test_one_episode_has_no_interval() -> None:
    assert ratio(np.array([[0.5]]), np.array([[1.0]])) == Number(value=0.5, low=None, high=None, count=1, agents=1)


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (np.zeros((1, 0)), np.zeros((1, 0))),
        (np.zeros((0, 3)), np.ones((1, 3))),
        (np.ones((2, 2)), np.zeros((1, 2))),
        (np.array([[1.0, np.nan]]), np.ones((1, 2))),
        (np.ones((1, 2)), np.array([[1.0, np.nan]])),
        (np.ones((1, 2)), np.array([[1.0, np.inf]])),
    ],
    ids=["no level", "no agent", "nothing to be had", "no return", "no reference", "an endless reference"],
)
def test_what_cannot_be_judged_has_no_value_and_no_count(above: np.ndarray, below: np.ndarray) -> None:
    found = ratio(above, below)
    assert found == Number(value=None, low=None, high=None, count=0, agents=0)
    assert str(found) == "no data"


def test_intervals_are_the_same_every_time_and_care_not_for_order() -> None:
    values = np.random.default_rng(0).random((4, 30))
    assert mean(values) == mean(values.copy())
    assert mean(values) != mean(1 - values)


def test_agents_are_the_unit() -> None:
    """Agents that differ make wide intervals however many levels they play."""
    agents = np.array([0.0, 0.0, 1.0, 1.0])
    few, many = (mean(np.tile(agents[:, None], (1, num))) for num in (10, 1_000))
    for found in (few, many):
        assert found.low is not None
        assert found.high is not None
        assert found.high - found.low >= 0.7
    alone = mean(np.tile(agents[3:, None], (1, 10)))
    assert (alone.low, alone.high) == (1.0, 1.0)


@pytest.mark.parametrize(("num_agents", "between"), [(1, 0.0), (10, 0.3), (10, 1.0)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(num_agents: int, between: float) -> None:
    """New agents, new levels and new luck in each replicate; the truth is 2, what an endless audit would find.

    A percentile interval over ten agents promises a little more than it can keep (about 92%), hence the lower bound;
    the bounds leave three standard errors of the share that is counted.
    """
    chance = np.random.default_rng(1)
    num_levels, hits = 40, 0
    for _ in range(REPLICATES):
        agents = chance.normal(0, between, (num_agents, 1))
        levels = chance.normal(0, 0.5, (1, num_levels))
        below = chance.uniform(0.5, 1.5, (1, num_levels))
        above = below * (2 + agents + levels + chance.normal(0, 0.5, (num_agents, num_levels)))
        found = ratio(above, below, resamples=600)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 2 <= found.high
    error = 3 * (CONFIDENCE * (1 - CONFIDENCE) / REPLICATES) ** 0.5
    assert 0.92 - error <= hits / REPLICATES <= 0.96 + error


def test_a_difference_is_cautious() -> None:
    first = Number(value=0.9, low=0.8, high=0.95, count=9, agents=3)
    second = Number(value=0.2, low=0.1, high=0.3, count=9, agents=3)
    assert difference(first, second) == pytest.approx((0.5, 0.85))
    nothing = Number(value=None, low=None, high=None, count=0, agents=0)
    assert difference(first, nothing) == (float("-inf"), float("inf"))
    assert difference(nothing, second) == (float("-inf"), float("inf"))
