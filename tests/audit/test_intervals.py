import time
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from trueaim.audit.bca import bca
from trueaim.audit.intervals import METHODS, NOTHING, Interval, Part, between, hierarchical, margin, wilson
from trueaim.core.errors import TrueAimError

TRUTH = 2.0


def holds(found: Interval, truth: float = TRUTH) -> bool:
    return found.low <= truth <= found.high


def audited(chance: np.random.Generator, agents: int, spread: float = 0.3, layouts: int = 40) -> np.ndarray:
    """New agents, new layouts, new luck: [agent, layout, episode]; an endless audit would find 2."""
    of_agents, of_layouts = chance.normal(0, spread, (agents, 1, 1)), chance.normal(0, 0.5, (1, layouts, 1))
    return TRUTH + of_agents + of_layouts + chance.normal(0, 0.5, (agents, layouts, 2))


def coverage(agents: int, replicates: int, resamples: int, method: str, spread: float = 0.3) -> float:
    chance = np.random.default_rng([5, agents])
    tables = (audited(chance, agents, spread) for _ in range(replicates))
    return float(np.mean([holds(hierarchical(x, method=method, resamples=resamples, seed=chance)) for x in tables]))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (30, 400, 0.0530, 0.10505),
    ],
)
def test_wilson_by_hand(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(successes, trials)
    assert found == (successes / trials, pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5), trials, trials)
    theirs = stats.binomtest(successes, trials).proportion_ci(0.9, "wilson")
    assert wilson(successes, trials, 0.9)[1:3] == pytest.approx((theirs.low, theirs.high))


def test_no_trials_have_no_share() -> None:
    assert wilson(0, 0).entries == 0
    assert np.isnan(wilson(0, 0)[:3]).all()


def mean_of(samples: np.ndarray) -> np.ndarray:
    return samples.mean(1)


def correlation_of(samples: np.ndarray) -> np.ndarray:
    away = samples - samples.mean(1, keepdims=True)
    return (away[..., 0] * away[..., 1]).sum(1) / np.sqrt((away**2).sum(1).prod(-1))


@pytest.mark.parametrize("statistic", [mean_of, lambda samples: samples.var(1)])
def test_bca_is_scipys(statistic: Callable[[np.ndarray], np.ndarray]) -> None:
    """Two bootstraps of 20,000 draws differ by chance alone; the percentile interval lies visibly further left."""
    values = np.random.default_rng(0).exponential(1, 40)
    found = bca(values, statistic, resamples=20_000)
    theirs = stats.bootstrap(
        (values,), lambda x, axis: statistic(np.moveaxis(x, axis, 1)) if x.ndim > 1 else statistic(x[None])[0],
        n_resamples=20_000, method="BCa", rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    width = found.high - found.low
    assert found[1:3] == pytest.approx((theirs.low, theirs.high), abs=0.06 * width)
    draws = statistic(values[np.random.default_rng(2).integers(0, 40, (20_000, 40))])
    assert found.high > np.quantile(draws, 0.975) + 0.03 * width


def test_bca_takes_rows_and_leaves_out_incomplete_ones() -> None:
    chance = np.random.default_rng(3)
    pairs = chance.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 60)
    found = bca(pairs, correlation_of)
    assert found.value == pytest.approx(np.corrcoef(pairs.T)[0, 1])
    assert holds(found, 0.7)
    assert (found.entries, found.units) == (120, 60)
    assert bca(np.vstack([pairs, [[1.0, np.nan]]]), correlation_of) == found


def test_bca_of_almost_nothing() -> None:
    assert np.isnan(bca(np.array([]), mean_of).value)
    assert np.isnan(bca(np.array([np.nan]), mean_of).value)
    found = bca(np.array([0.5]), mean_of)
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()
    assert bca(np.full(9, 0.5), mean_of)[:3] == (0.5, 0.5, 0.5)


def test_a_margin_by_hand() -> None:
    """Rows of means 0.5 and 2.5, columns too, cells off by 0.5: parts 1 and 1, shared 1/4, t quantile 12.706."""
    found = hierarchical(np.array([[0.0, 1.0], [1.0, 4.0]]), method="t")
    assert found.value == 1.5
    assert found.high - 1.5 == pytest.approx(12.7062 * 1.75**0.5, rel=1e-5)
    own = hierarchical(np.array([[0.0, 1.0], [1.0, 4.0]]), method="t", crossed=False)
    assert own.high - 1.5 == pytest.approx(12.7062, rel=1e-5)


def test_margins_of_parts() -> None:
    assert margin(Part(4.0, 10**9)) == pytest.approx(2 * 1.959964, rel=1e-5)
    assert margin(Part(0.0, 2), Part(4.0, 10**9)) == pytest.approx(2 * 1.959964, rel=1e-5)
    assert margin(Part(4.0, 4), Part(1.0, 9), shared=2.0) == pytest.approx(2 * 2.776445, rel=1e-5)
    assert margin(Part(1.0, 9), Part(4.0, 4), shared=2.0) == pytest.approx(2 * 2.776445, rel=1e-5)
    assert between(np.array([1.0, 2.0, 3.0])) == (3.0, 2)  # n/(n-1) times 2


def test_one_way_of_resampling_is_a_t_test() -> None:
    agents = np.array([0.2, 0.5, 0.9, 0.4])
    theirs = stats.ttest_1samp(agents, 0).confidence_interval()
    assert hierarchical(agents[:, None], method="t")[1:3] == pytest.approx((theirs.low, theirs.high))
    assert hierarchical(agents[None], method="t")[1:3] == pytest.approx((theirs.low, theirs.high))


def test_values_of_ragged_tables_by_hand() -> None:
    """Agents count the same, layouts within an agent too: ((1 + 3) / 2 + 8) / 2."""
    nan = np.nan
    values = np.array([[[0.0, 2.0], [3.0, nan]], [[8.0, nan], [nan, nan]]])
    found = hierarchical(values)
    assert (found.value, found.entries, found.units) == (5.0, 4, 2)
    divided = hierarchical(values, np.where(np.isnan(values), 1.0, 2.0))
    assert (divided.value, divided.entries) == (2.5, 4)
    assert divided.low == pytest.approx(found.low / 2)


def test_what_is_filled_up_with_nothing_changes_nothing() -> None:
    values = np.random.default_rng(4).random((3, 5, 2))
    filled = np.full((4, 7, 4), np.nan)
    filled[1:, 1:6, ::2] = values
    for method in METHODS[:2]:
        assert hierarchical(filled, method=method) == pytest.approx(hierarchical(values, method=method), abs=0.03)
    assert hierarchical(filled, method="t") == pytest.approx(hierarchical(values, method="t"), rel=1e-12)


def naive(values: np.ndarray, below: np.ndarray, crossed: bool, chance: np.random.Generator) -> float:
    """One resample, drawn in the plainest way."""
    num_agents, num_layouts, _ = values.shape
    layouts, above, under = chance.integers(0, num_layouts, num_layouts), [], []
    for agent in chance.integers(0, num_agents, num_agents):
        mine = layouts if crossed else chance.integers(0, num_layouts, num_layouts)
        cells = []
        for layout in mine:
            there = np.flatnonzero(~np.isnan(values[agent, layout]))
            if len(there):
                drawn = chance.choice(there, len(there))
                cells.append((values[agent, layout, drawn].mean(), below[agent, layout, drawn].mean()))
        if cells:
            above.append(np.mean(cells, axis=0)[0])
            under.append(np.mean(cells, axis=0)[1])
    return float(np.mean(above) / np.mean(under))


@pytest.mark.parametrize("crossed", [True, False])
def test_draws_are_those_of_a_plain_loop(crossed: bool) -> None:
    chance = np.random.default_rng(6)
    values, below = chance.random((3, 4, 3)), chance.random((3, 4, 3)) + 0.5
    values[0, 1:, 1:], values[1, 2] = np.nan, np.nan
    slow = np.array([naive(values, below, crossed, chance) for _ in range(2_000)])
    found = hierarchical(values, below, crossed=crossed, method="percentile", resamples=20_000)
    assert found[1:3] == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.1 * (found.high - found.low))


def test_episodes_on_one_layout_are_one_cluster() -> None:
    """Four episodes that repeat each other say no more than one; taken for layouts, they would seem to."""
    once = np.random.default_rng(7).random((1, 40))
    found, again = hierarchical(once, method="t"), hierarchical(np.repeat(once[..., None], 4, -1), method="t")
    assert again[:3] == pytest.approx(found[:3])
    mistaken = hierarchical(np.repeat(once, 4, 1), method="t")
    assert mistaken.high - mistaken.low < 0.55 * (found.high - found.low)


def test_agents_are_the_unit() -> None:
    agents = np.array([0.0, 0.0, 1.0, 1.0])[:, None]
    few, many = (hierarchical(np.tile(agents, (1, num))) for num in (10, 500))
    assert few[1:3] == pytest.approx(many[1:3], abs=0.02)
    assert many.high - many.low > 1.5  # four agents say little
    assert hierarchical(np.ones((3, 4)))[:3] == (1.0, 1.0, 1.0)


def test_what_cannot_be_judged() -> None:
    for values in (np.zeros((0, 3)), np.zeros((2, 0)), np.full((2, 3, 2), np.nan)):
        assert hierarchical(values) is NOTHING
    assert hierarchical(np.ones((2, 2)), np.zeros((2, 2))) is NOTHING
    one = hierarchical(np.array([[0.5]]))
    assert (one.value, one.entries, one.units) == (0.5, 1, 1)
    assert np.isnan([one.low, one.high]).all()


def test_seeds() -> None:
    values = np.random.default_rng(8).random((4, 9, 2))
    assert hierarchical(values) == hierarchical(values.copy())
    assert hierarchical(values, seed=1) != hierarchical(values, seed=2)
    chance = np.random.default_rng(1)
    assert hierarchical(values, seed=chance) == hierarchical(values, seed=1) != hierarchical(values, seed=chance)


def test_a_large_table_takes_seconds() -> None:
    values = np.random.default_rng(9).random((10, 1_024, 4))
    started = time.process_time()
    found = hierarchical(values)
    assert time.process_time() - started < 8
    assert holds(found, 0.5)


@pytest.mark.parametrize("agents", [5, 10])
def test_intervals_hold_the_truth_about_as_often_as_they_say(agents: int) -> None:
    """The bounds leave three standard errors of the share that is counted."""
    assert 0.93 - 0.044 <= coverage(agents, 300, 200, "scaled") <= 0.97 + 0.03


def test_the_plain_bootstrap_of_few_agents_does_not() -> None:
    assert coverage(3, 300, 200, "percentile") < 0.90


def test_layouts_that_agents_share_must_be_called_so() -> None:
    """Taken for layouts of each agent's own, what they share is not seen."""
    chance, held = np.random.default_rng(10), {True: 0, False: 0}
    for _ in range(200):
        values = audited(chance, 10, spread=0.0, layouts=10)[..., :1]
        for crossed in held:
            held[crossed] += holds(hierarchical(values, method="t", crossed=crossed))
    assert held[True] >= 180
    assert held[False] <= 150


@pytest.mark.slow
@pytest.mark.parametrize("agents", [3, 5, 10, 20])
def test_coverage_in_full(agents: int) -> None:
    assert 0.93 <= coverage(agents, 2_000, 400, "scaled") <= 0.97


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: wilson(3, 2), "successes: got 3 of 2 trials, needs 0 to 2; count the trials again."),
        (lambda: wilson(1, 2, 95), "confidence: got 95, needs a share between 0 and 1; try 0.95."),
        (lambda: hierarchical(np.ones(3)), "values: got shape (3,), needs the same [agent, layout] or"),
        (lambda: hierarchical(np.ones((2, 3)), np.ones((1, 3))), "values: got shape (2, 3) and (1, 3), needs the same"),
        (lambda: hierarchical(np.array([[np.inf]])), "values: got an infinite entry, needs finite numbers; put NaN"),
        (
            lambda: hierarchical(np.ones((2, 3)), method="scale"),
            "method: got 'scale', needs one of: percentile, scaled",
        ),
        (lambda: hierarchical(np.eye(2), resamples=0), "resamples: got 0, needs at least 1; try 2000."),
    ],
)
def test_errors(call: Callable[[], object], text: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        call()
    assert str(caught.value).startswith(text)
