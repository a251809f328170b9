import math
from collections.abc import Callable

import numpy as np
import pytest

from trueaim.audit.sequential import (
    Decision,
    Expected,
    Pair,
    confidence_sequence,
    excess,
    expected_levels,
    levels_without_failure,
    log_wealth,
    look,
    pair,
    planning_table,
    rescaled,
    sprt,
)
from trueaim.core.errors import TrueAimError

RUNS, LOOKS, ALPHA = 400, 1_000, 0.01
WON = math.log(1 / ALPHA)
FALSE = ALPHA * RUNS + 3 * (ALPHA * RUNS) ** 0.5  # ten of four hundred: alpha and three standard errors

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
NULLS: dict[str, Draw] = {
    "bernoulli": lambda chance, shape: (chance.random(shape) < 0.1).astype(float),
    "beta": lambda chance, shape: chance.beta(1, 9, shape),
    "point": lambda chance, shape: np.full(shape, 0.1),
    "rare": lambda chance, shape: 0.5 * (chance.random(shape) < 0.2),
}


def stops(values: np.ndarray, bound: float = 0.1) -> np.ndarray:
    """The look at which each run is won; infinite if it never is."""
    won = log_wealth(values, bound) >= WON
    return np.where(won.any(1), won.argmax(1) + 1, np.inf)


def test_wealth_by_hand() -> None:
    """Knowing nothing means mean 1/2 and variance 1/4, so the first stake is .4 / (.25 + .16) = .9756; and so on."""
    first = 1 + 0.4 / 0.41 * 0.9
    mean, square = (0.5 + 1) / 2, (0.5 + 1) / 2
    stake = (mean - 0.1) / (square - mean**2 + (mean - 0.1) ** 2)
    found = np.exp(log_wealth(np.array([1.0, 0.0]), 0.1))
    assert found == pytest.approx([first, first * (1 - 0.1 * stake)])
    assert np.exp(log_wealth(np.array([0.0]), 0.9)) == pytest.approx([1.0])  # nothing is bet on less


@pytest.mark.parametrize("null", NULLS)
def test_a_true_hypothesis_is_rarely_rejected(null: str) -> None:
    values = NULLS[null](np.random.default_rng(0), (RUNS, LOOKS))
    assert np.isfinite(stops(values)).sum() <= FALSE
    assert np.isfinite(stops(1 - values, 0.9)).sum() <= FALSE  # the mirror, of which it is the edge too


def test_wealth_is_fair_on_average() -> None:
    """The mean wealth after ten looks is 1 for any null at the edge: exactly, over all outcomes of ten coins."""
    outcomes = (np.arange(2**10)[:, None] >> np.arange(10)) & 1
    chances = np.where(outcomes, 0.3, 0.7).prod(1)
    assert (chances * np.exp(log_wealth(outcomes.astype(float), 0.3)[:, -1])).sum() == pytest.approx(1)
    assert (chances * np.exp(log_wealth(outcomes.astype(float), 0.4)[:, -1])).sum() < 1


@pytest.mark.parametrize(
    ("draw", "median", "late"),
    [
        (lambda chance, shape: 0.9 * (chance.random(shape) < 0.5), 18, 30),
        (lambda chance, shape: 0.9 * (chance.random(shape) < 0.25), 77, 161),
        (lambda chance, shape: chance.beta(2, 8, shape), 26, 34),
    ],
    ids=["half", "quarter", "beta"],
)
def test_stop_times(draw: Draw, median: float, late: float) -> None:
    found = stops(draw(np.random.default_rng(1), (RUNS, LOOKS)))
    assert np.isfinite(found).all()
    assert np.median(found) == pytest.approx(median, rel=0.2)
    assert np.quantile(found, 0.9) == pytest.approx(late, rel=0.2)


def test_a_mirrored_run_decides_the_other_way() -> None:
    values = np.random.default_rng(2).beta(2, 8, 100)
    high, low = look(pair(0.1), values), look(pair(0.9), 1 - values)
    assert (high.decision, low.decision) == (Decision.HIGH, Decision.LOW)
    assert (high.looks, high.log_high) == (low.looks, pytest.approx(low.log_low))


@pytest.mark.parametrize("cuts", [[], [1], [5, 6, 30], list(range(1, 60))])
def test_looking_one_by_one_is_looking_at_once(cuts: list[int]) -> None:
    values = np.random.default_rng(3).random(60) * 0.5
    tests = pair(0.1, 0.3)
    for part in np.split(values, cuts):
        tests = look(tests, part)
    whole = look(pair(0.1, 0.3), values)
    assert (tests.decision, tests.looks) == (whole.decision, whole.looks)
    assert (tests.log_high, tests.log_low, *tests.seen) == pytest.approx((whole.log_high, whole.log_low, *whole.seen))


def test_a_decision_sticks() -> None:
    done = look(pair(0.1, 0.3), np.ones(30))
    assert (done.decision, done.looks < 10) == (Decision.HIGH, True)
    assert done.log_high >= WON
    assert look(done, np.zeros(500)) == done
    assert str(done.decision) == "accepted high"


def test_decisions() -> None:
    chance = np.random.default_rng(4)
    low = look(pair(0.1, 0.3), chance.beta(0.5, 20, 200))
    assert (low.decision, low.looks <= 40) == (Decision.LOW, True)
    between = look(pair(0.3, 0.3), np.full(300, 0.3))
    assert (between.decision, between.looks) == (Decision.UNDECIDED, 300)
    assert look(pair(), np.array([])) == Pair()


@pytest.mark.parametrize("mean", [0.1, 0.3])
def test_neither_test_of_a_pair_is_wrong_often(mean: float) -> None:
    """At .1 only HIGH would be wrong, at .3 only LOW."""
    chance, wrong = np.random.default_rng(5), {0.1: Decision.HIGH, 0.3: Decision.LOW}[mean]
    runs = (chance.random((RUNS, 300)) < mean).astype(float)
    assert sum(look(pair(0.1, 0.3), run).decision == wrong for run in runs) <= FALSE


def test_a_clumsy_agent_is_cleared_by_its_excess_and_a_misled_one_is_not() -> None:
    """Regret .19 everywhere is no misgeneralization; .19 on matched levels and .6 on distinguishing ones is."""
    chance = np.random.default_rng(6)
    plain, cleared, caught = 0, [], []
    for _ in range(50):
        parting, matched = chance.beta(1.9, 8.1, (2, 400))
        plain += look(pair(0.1), parting).decision is Decision.HIGH
        cleared.append(look(pair(rescaled(0.1)), excess(parting, matched)))
        caught.append(look(pair(rescaled(0.1)), excess(chance.beta(6, 4, 400), matched)))
    assert plain == 50
    assert not any(tests.decision is Decision.HIGH for tests in cleared)
    assert all(tests.decision is Decision.HIGH for tests in caught)
    assert np.median([tests.looks for tests in caught]) < 60


def test_excess_by_hand() -> None:
    assert excess(np.array([1.0, 0.3, 0.0]), np.array([0.0, 0.3, 1.0])) == pytest.approx([1.0, 0.5, 0.0])
    assert rescaled(0.1) == pytest.approx(0.55)


@pytest.mark.parametrize("mean", [0.0, 0.1, 0.5004, 0.9995])
def test_confidence_sequences_hold_the_mean_at_all_looks(mean: float) -> None:
    chance, missed = np.random.default_rng(7), 0
    for _ in range(100):
        band = confidence_sequence((chance.random(200) < mean).astype(float), alpha=0.1, steps=100)
        missed += bool(((band.low > mean) | (band.high < mean)).any())
    assert missed <= 10 + 3 * 3


def test_confidence_sequences_narrow_and_agree_with_the_test() -> None:
    values = np.random.default_rng(8).beta(2, 8, 500)
    band = confidence_sequence(values, alpha=0.05)
    assert (np.diff(band.low) >= 0).all()
    assert (np.diff(band.high) <= 0).all()
    assert band.high[-1] - band.low[-1] < 0.06
    assert band.low[-1] < 0.2 < band.high[-1]
    first = int((log_wealth(values, 0.1) >= math.log(2 / 0.05)).argmax())
    assert abs(int((band.low >= 0.1).argmax()) - first) <= 3  # to a step of the grid
    assert confidence_sequence(np.array([])).low.shape == (0,)
    same = confidence_sequence(values[:50]), confidence_sequence(1 - values[:50])
    assert same[0].low == pytest.approx(1 - same[1].high)


def test_planning_table() -> None:
    assert planning_table().tolist() == [[29, 44], [59, 90], [149, 228], [299, 459]]
    assert levels_without_failure(0.5, 0.75) == 2  # exactly, without a third for rounding
    levels = levels_without_failure(0.03, 0.9)
    assert 0.97**levels <= 0.1 < 0.97 ** (levels - 1)


@pytest.mark.parametrize(
    ("low", "high", "expected", "sheet"),
    [
        (0.1, 0.5, (12.235, 8.816), (12, 9)),
        (0.05, 0.3, (22.457, 13.909), (23, 14)),
        (0.2, 0.5, (23.364, 20.181), (23, 20)),
        (0.05, 0.15, (88.762, 64.103), (89, 64)),
    ],
)
def test_expected_levels(low: float, high: float, expected: tuple[float, float], sheet: tuple[int, int]) -> None:
    """To a thousandth by the formula, and to less than one level the numbers in the fact sheet."""
    found = expected_levels(low, high)
    assert found == pytest.approx(expected, abs=1e-3)
    assert found == pytest.approx(sheet, abs=0.6)


@pytest.mark.parametrize(("rate", "wrong", "at_least"), [(0.1, Decision.HIGH, 0), (0.5, Decision.LOW, 1)])
def test_ratio_tests_are_right_and_stop_about_when_they_should(rate: float, wrong: Decision, at_least: int) -> None:
    """Wald leaves out the overshoot, so that true stops are later, by less than two levels here."""
    chance = np.random.default_rng(9)
    walks = [sprt(chance.random(300) < rate, 0.1, 0.5) for _ in range(1_000)]
    assert sum(walk.decision is wrong for walk in walks) <= 10 + 10
    mean = np.mean([walk.looks for walk in walks])
    assert 0 < mean - expected_levels(0.1, 0.5)[at_least] < 2


def test_a_ratio_test_by_hand() -> None:
    """Each failure of ten adds log 5, and three are enough: 3 * 1.609 > log 99 = 4.595."""
    walk = sprt(np.ones(5, bool), 0.1, 0.5)
    assert walk == (Decision.HIGH, 3, pytest.approx(3 * math.log(5)))
    assert sprt(np.zeros(50, bool), 0.1, 0.5) == (Decision.LOW, 8, pytest.approx(8 * math.log(0.5 / 0.9)))
    assert sprt(np.array([True, False]), 0.1, 0.5).decision is Decision.UNDECIDED
    assert sprt(np.array([], bool), 0.1, 0.5) == (Decision.UNDECIDED, 0, 0.0)
    assert isinstance(expected_levels(0.1, 0.5), Expected)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: look(pair(), np.array([0.5, 1.5])), "values: got 1 of 2 outside [0, 1] or missing, first 1.5, needs"),
        (lambda: look(pair(), np.array([np.nan])), "values: got 1 of 1 outside [0, 1] or missing, first nan, needs"),
        (lambda: log_wealth(np.ones(2), 1.0), "bound: got 1.0, needs a mean strictly between 0 and 1; move it inside."),
        (lambda: pair(0.0), "above: got 0.0, needs a number strictly between 0 and 1; move it inside."),
        (lambda: pair(alpha=1.0), "alpha: got 1.0, needs a number strictly between 0 and 1; move it inside."),
        (lambda: excess(np.ones(2), np.ones(3)), "matched: got 2 distinguishing and 3 matched levels, needs one for"),
        (lambda: sprt(np.ones(2, bool), 0.5, 0.1), "low: got 0.5, needs a rate below the high one, 0.1; swap or part"),
        (lambda: expected_levels(0.1, 0.5, 0.6, 0.6), "alpha: got 0.6 with beta 0.6, needs a sum below 1; make them"),
        (lambda: levels_without_failure(0.0), "bound: got 0.0, needs a number strictly between 0 and 1; move it"),
    ],
)
def test_errors(call: Callable[[], object], text: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        call()
    assert str(caught.value).startswith(text)
